// What a text holds that can be an argument: numbers, dates, addresses, quoted words, names, places, identifiers.
import { dates, times } from "./dates.mjs";

const NUMBERS =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(" ");
const TENS = {
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
  hundred: 100,
  thousand: 1000,
  dozen: 12,
};
const SCALES = { k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, billion: 1e9, "": 1 };

// Words that begin a sentence with a capital and are no names.
const OPENERS = new Set(
  (
    "add alert answer apply arrange ask assign book buy calculate call cancel change chart charge check close compare " +
    "compute confirm convert could count create delete describe determine dim display do does draw email estimate " +
    "explain fetch file find fix flag forward generate get give hello help hey hi how i identify is increase invite " +
    "issue kindly let list locate log look lookup mail make mark message move my name need notify open order pay " +
    "place plan play please plot post print purchase put query read record reduce refund register remind remove rent " +
    "report request reschedule reserve return rotate run save say schedule search see send set ship show start stop " +
    "store submit summarise summarize switch take tell text the there track transfer translate turn update upload " +
    "use verify view wake want what what's when where which who whose why will with would write can are at on in " +
    "for from to and then also if it's its this that these those a an we you your our i'm i'd i've thanks thank ok " +
    "okay yes no mr mrs ms dr dear what’s subject title body message note reply respond respond and-then"
  ).split(" "),
);

const NAME =
  /(?:\p{Lu}\.){2,}|\p{Lu}[\p{L}\p{M}'’&-]*(?:\.(?=\s\p{Lu}))?(?:[ \t]+(?:(?:de|da|del|la|le|van|von|of|the|al)[ \t]+)?(?:\p{Lu}[\p{L}\p{M}'’&-]*|\d{1,3}(?![\d:.%])\b))*/gu;
const LISTED = /^\s*(?:,|;|&|,?\s*(?:and|or|plus|as well as|vs\.?|versus))\s*$/i;

/**
 * The findings of a text in order: `{ kind, value, start, end }`. Kinds: quoted, email, url, date, time, phone, id,
 * number, percent, symbol, name.
 */
export function findings(text, now) {
  const found = [];
  const add = (kind, value, start, end) => {
    if (value !== undefined && value !== "" && !found.some((other) => start < other.end && other.start < end))
      found.push({ kind, value, start, end });
  };
  const each = (kind, pattern, value = (match) => match[0]) => {
    for (const match of text.matchAll(pattern)) add(kind, value(match), match.index, match.index + match[0].length);
  };
  each(
    "quoted",
    /"([^"\n]{1,2000})"|“([^”\n]{1,2000})”|«([^»\n]+)»|`([^`\n]+)`|(?<![\p{L}\d])['‘]([^'‘’\n]{1,200}(?:['’]\p{L}[^'’\n]*)*)['’](?!\p{L})/gu,
    (match) => match.slice(1).find(Boolean),
  );
  each(
    "path",
    /(?<![\w:/])(?:~|\.{1,2})?\/[\w.-]+(?:\/[\w.-]+)*\b|\b[\w-]+\.(?:txt|csv|json|pdf|md|docx?|xlsx?|png|jpe?g|py|html?)\b/gi,
  );
  each("email", /\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/g);
  each("url", /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)]|\bwww\.[^\s<>"]+[^\s<>".,;:!?)]/gi);
  for (const date of dates(text, now)) add("date", date.value, date.start, date.end);
  for (const time of times(text)) add("time", time.value, time.start, time.end);
  each("phone", /\+\d[\d ()-]{6,}\d|\b\d{3}[- ]\d{3,4}[- ]\d{4}\b/g);
  each(
    "id",
    /#[\w-]+|(?<![\w.])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])(?!\d+(?:st|nd|rd|th|[a-zA-Z°]{1,3}|[a-zA-Z]{4,})(?![\w-]))[A-Za-z\d]+(?:[-_][A-Za-z\d]+)*\b|\b\d+(?:-\d+)+\b/g,
    (match) => match[0].replace(/^#(?=\d)/, ""),
  );
  each("percent", /(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?=\s*(?:%|percent\b))/gi, (match) =>
    Number(match[0].replaceAll(",", "")),
  );
  each(
    "number",
    /(?<![\w.])(?<digits>-?\d+(?:,\d{3})*(?:\.\d+)?)(?:(?<scale>k|m)\b| ?(?<word>thousand|million|billion)\b)?|\b(?<spelt>(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-\w+)?|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|dozen|hundred|thousand)\b/gi,
    ({ groups: { digits, scale, word, spelt } }) => {
      if (spelt) return spelled(spelt.toLowerCase());
      return Number(digits.replaceAll(",", "")) * SCALES[(scale ?? word ?? "").toLowerCase()];
    },
  );
  for (const match of text.matchAll(NAME)) addName(text, match, add);
  return found.sort((a, b) => a.start - b.start);
}

function addName(text, match, add) {
  let [value, start] = [match[0], match.index];
  // "Boston, MA" is one place; "ACME, TSLA and IBM" are three shares.
  const state = /^, [A-Z]{2}\b(?!,|\s+(?:and|or)\b)/.exec(text.slice(match.index + value.length));
  if (state && /\p{Ll}/u.test(value)) value += state[0];
  const opens = /(?:^|[.!?:\n"“]\s*)$/.test(text.slice(0, start));
  for (
    let word;
    (word = /^\S+/.exec(value)?.[0]) &&
    OPENERS.has(word.toLowerCase()) &&
    (opens || word.length < 3 || /^(?:I|Mr|Mrs|Ms|Dr)\b/.test(word));
  ) {
    const cut = /^\S+\s*/.exec(value)[0].length;
    value = value.slice(cut);
    start += cut;
  }
  // "Paris's weather" is of Paris; "at Luigi's on Friday" is at Luigi's.
  const owns = /^\s+(?!(?:on|at|for|in|to|with|by|and|tomorrow|today|tonight|next|this)\b)\p{Ll}/u.test(
    text.slice(match.index + match[0].length),
  );
  value = (owns ? value.replace(/['’]s$/, "") : value).replace(/[-&]+$|(?<!\.\p{Lu})\.$/u, "");
  if (value.length > 1) add(/^[A-Z]{1,6}$/.test(value) ? "symbol" : "name", value, start, start + value.length);
}

function spelled(word) {
  const [tens, ones] = word.split("-");
  const value = TENS[tens] ?? NUMBERS.indexOf(tens);
  return value < 0 ? undefined : value + Math.max(0, NUMBERS.indexOf(ones ?? "zero"));
}

/** The findings that one of them is listed with: "Paris, London and Rome". It is among them. */
export function listedWith(text, found, one) {
  const like = found.filter((other) => other.kind === one.kind || (isWord(other) && isWord(one)));
  let [first, last] = [like.indexOf(one), like.indexOf(one)];
  const joined = (a, b) => LISTED.test(text.slice(a.end, b.start).replace(/['’]s\b/, ""));
  while (first > 0 && joined(like[first - 1], like[first])) first--;
  while (last < like.length - 1 && joined(like[last], like[last + 1])) last++;
  return like.slice(first, last + 1);
}

const isWord = ({ kind }) => kind === "name" || kind === "symbol";

const PHRASE_END =
  /[,.;:!?\n]|\s(?:on|at|in|for|from|to|with|by|and|or|of|the next|today|tomorrow|tonight|right now|now|please|if|when|that|which|this|next|is|are|as|using|into|about)\b|$/i;

/** What follows one of the prepositions, up to the next one: "weather in new york tomorrow" has "new york" after "in". */
export function phraseAfter(text, prepositions) {
  const start = new RegExp(`\\b(?:${prepositions})\\s+(?:the\\s+|a\\s+|an\\s+|my\\s+)?(?=\\S)`, "gi");
  for (const match of text.matchAll(start)) {
    const rest = text.slice(match.index + match[0].length);
    const phrase = rest.slice(0, PHRASE_END.exec(rest).index).trim();
    if (
      phrase &&
      !phrase.includes("@") &&
      !/^(?:it|me|him|her|them|us|you|that|this|there|be|do|know|see|get|\d+)$/i.test(phrase)
    )
      return phrase;
  }
  return undefined;
}
