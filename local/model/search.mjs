// File search: the passages that a search found, and the sentence of them that answers a question, quoted with its mark.
import { sentencesOf } from "./form.mjs";
import { meaning, stems } from "./words.mjs";

const MOST_CHARACTERS = 400;

/** The passages of an output of `file_search`: `{ mark, text }`. */
export function passagesOf(output) {
  const parts = String(output).split(/(?=【\d+:\d+†[^】]*】\n)/);
  return parts.flatMap((part) => {
    const [, mark, text] = /^(【\d+:\d+†[^】]*】)\n([^]*)$/.exec(part) ?? [];
    return mark ? [{ mark, text: text.trim() }] : [];
  });
}

/** The answer that outputs of `file_search` give to a question; undefined if they found nothing. */
export function quoted(question, outputs) {
  const passages = outputs.flatMap(passagesOf);
  if (!passages.length) return undefined;
  const asked = new Set([...stems(question)].map(meaning));
  const wantsNumber =
    /\b(?:how (?:much|many|long|often|old|far|big|high|late|early)|when|price|cost|what time|percent)\b/i.test(
      question,
    );
  const rated = passages
    .flatMap((passage, rank) => sentencesOf(passage.text).map((text, place) => ({ ...passage, rank, place, text })))
    .map((each) => ({ ...each, rating: ratingOf(each, asked, wantsNumber) }))
    .sort((a, b) => b.rating - a.rating || a.rank - b.rank || a.place - b.place);
  const [best] = rated;
  const others = rated
    .slice(1)
    .filter((each) => each.rating > 1.5 && each.rating >= best.rating * 0.75 && each.text !== best.text)
    .slice(0, 2);
  const lines = [best, ...others].map((each) => `“${cut(each.text)}” ${each.mark}`);
  return {
    short: `${cut(best.text)} ${best.mark}`,
    text: lines.join(" "),
    lines,
    fits: best.rating >= 1,
    data: { quote: cut(best.text), source: nameIn(best.mark) },
  };
}

function ratingOf({ text, rank }, asked, wantsNumber) {
  const found = new Set([...stems(text)].map(meaning));
  const shared = [...asked].filter((root) => found.has(root)).length;
  // A heading repeats the question's words and says nothing; the ranking of the search knows more than words do.
  const heading = text.startsWith("#") || (text.split(" ").length < 4 && !/\d/.test(text));
  return shared + (wantsNumber && /\d/.test(text) ? 0.6 : 0) - (heading ? 1.5 : 0) - 0.15 * rank;
}

const nameIn = (mark) => /†([^】]*)】/.exec(mark)[1];
const cut = (text) =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS).replace(/\s\S*$/, "")} …` : text;
