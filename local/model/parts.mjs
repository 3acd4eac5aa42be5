// The parts of a text: what each asks for, the calls it needs next, and what it answers from their outputs.
import { callOf, callsFor, fitOf } from "./functions.mjs";
import { told as toldOutputs } from "./outputs.mjs";
import { plainOf, problemOf } from "./problems.mjs";
import { quoted } from "./search.mjs";
import { chartOfText, codeFor } from "./table_code.mjs";
import { planFor } from "./table_plans.mjs";
import { CHART, DATA, LOOK, TABLE, tableFor, told as toldTable } from "./tables.mjs";
import { printedBy, told as asText } from "./turns.mjs";
import { sentencesOf } from "./form.mjs";
import { overlap, stems } from "./words.mjs";

const CLEARLY = 4.5; // How well a function fits a text that is a sum, or about a file, as well.
const QUESTION =
  /\?|^\s*(?:what|how|when|where|who|whose|which|why|is|are|does|do|did|can|could|may|will|would|should|tell|find|search|look|explain|describe|list|show|summari[sz]e|give|according|compare|name|define|quote|cite)\b/i;
const SEARCH =
  /\b(?:files?|documents?|docs?|handbook|manual|guide|policy|policies|knowledge base|according to|search|look up|cite|quote|terms)\b/i;
const COMPUTED =
  /\b(?:top \d+|average|mean|median|total|sum|most|highest|lowest|largest|smallest|fewest|how many (?:rows|records|entries|lines))\b/i;

/** The parts of a turn's text, each with its share of the outputs so far. */
export function partsFor(turn, kit) {
  const kinds = asked(turn, kit);
  const left = [...turn.outputs];
  const take = (fits) => left.filter(fits).map((output) => left.splice(left.indexOf(output), 1)[0]);
  const parts = kinds.map((kind) => ({ ...kind, outputs: take(kind.owns) }));
  // What no document says, a table may, and the other way round.
  const [only] = parts;
  if (
    parts.length === 1 &&
    only.outputs.length &&
    only.kind === "search" &&
    kit.code &&
    !quoted(only.text, only.outputs.map(textOf))?.fits
  )
    parts.unshift({ ...files(only.text, true), outputs: take(byCode) });
  if (parts.length === 1 && only.outputs.length && only.looks && kit.search && !only.answer(only.outputs))
    parts.push({ ...search(only.text), outputs: take(bySearch) });
  return parts.map((part) => ({ ...part, next: () => part.calls(part.outputs) }));
}

/** What a part's outputs come to; undefined while they come to nothing. */
export const answerPart = (part) => part.answer(part.outputs);

const byCode = ({ name }) => name === "code_interpreter";
const bySearch = ({ name }) => name === "file_search";
const textOf = ({ output }) => asText(output);

function asked(turn, kit) {
  const { user } = turn;
  if (kit.named && !turn.outputs.length) return [demanded(kit.named, turn, kit)];
  if (turn.choice === "none") return mental(user, kit);
  if (kit.required && !turn.outputs.length)
    return [one(user, turn, kit) ?? demanded(fallbackTool(kit, user), turn, kit)];
  if (kit.talks && !(kit.own.length && callsFor(kit.own, user, kit).fit >= CLEARLY)) return [];
  const sentences = sentencesOf(user).flatMap((sentence) =>
    sentence.split(
      /,?\s+and\s+(?=(?:what|how|which|when|where|who|chart|plot|calculate|compute|solve|tell|give|show|find|search|get|look)\b)|[?;]\s+/i,
    ),
  );
  const each = sentences.map((sentence) => one(sentence, turn, kit, true)).filter(Boolean);
  const kinds = new Map(each.map((part) => [part.kind, part]));
  if (kinds.size > 1)
    return [...kinds.values()].map((part) => (part.kind === "functions" ? (functions(user, turn, kit) ?? part) : part));
  return [one(user, turn, kit) ?? again(turn, kit)].filter(Boolean);
}

/** What "And in Rome?" asks for: the function of the message before, with what this one says. */
function again({ user, earlier }, kit) {
  if (!/^\s*(?:and|what about|how about|same (?:for|with)|now)\b/i.test(user)) return undefined;
  const before = earlier.findLast(({ role }) => role === "user")?.text ?? "";
  const [call] = callsFor(kit.own, before, { now: kit.now }).stages.flat();
  const tool = kit.own.find((each) => each.name === call?.name);
  return tool && calling([callOf(tool, user, { now: kit.now })], user, () => []);
}

function fallbackTool(kit, text) {
  const [best] = kit.own.toSorted((a, b) => fitOf(b, text) - fitOf(a, text));
  if (kit.search && (!best || SEARCH.test(text))) return "file_search";
  return best?.name ?? (kit.code ? "code_interpreter" : "file_search");
}

/** The part that a call of a certain function is. */
function demanded(name, turn, kit) {
  if (name === "file_search") return search(turn.user);
  if (name === "code_interpreter") return coded(turn.user, kit) ?? files(turn.user);
  const tool = kit.own.find((each) => each.name === name);
  return calling([callOf(tool, turn.user, { now: kit.now }).slice(0, 1)], turn.user, () => []);
}

/** What one text asks for. `strict`: of a sentence among others, only what is sure. */
function one(text, turn, kit, strict = false) {
  const problem = problemOf(text, kit.now);
  const wants = functions(text, turn, kit);
  const aboutData =
    kit.code && (CHART.test(text) || TABLE.test(text) || COMPUTED.test(text) || (DATA.test(text) && !kit.search));
  if (wants && (wants.fit >= CLEARLY || !((problem && problem.mental() !== undefined) || aboutData))) return wants;
  const code = kit.code && coded(text, kit);
  if (code) return code;
  if (wants) return wants;
  if (problem) return mental(text, kit)[0];
  if (aboutData) return files(text, kit.search && !CHART.test(text) && !TABLE.test(text));
  if (strict && !QUESTION.test(text)) return undefined;
  if (kit.search && stems(text).size > (strict ? 1 : 0)) return search(text);
  if (kit.code && QUESTION.test(text) && !strict) return files(text, true);
  return undefined;
}

/** A sum that is worked out without a tool. */
function mental(text, kit) {
  const problem = problemOf(text, kit.now);
  const result = problem?.mental();
  return result === undefined
    ? []
    : [{ kind: "mental", text, owns: () => false, calls: () => [], answer: () => problem.told(result) }];
}

function functions(text, turn, kit) {
  const made = kit.own.length ? callsFor(kit.own, text, { now: kit.now }) : { stages: [] };
  if (!made.stages.length) return undefined;
  // Once there are outputs, the later calls are filled from them.
  const later = (outputs) => {
    const { data, text: prose } = toldOutputs(outputs, text);
    return callsFor(kit.own, text, { now: kit.now, prose, facts: data }).stages.slice(1);
  };
  return { ...calling(made.stages, text, later), fit: made.fit };
}

function calling(stages, text, later) {
  const names = new Set(stages.flat().map((call) => call.name));
  return {
    kind: "functions",
    text,
    owns: ({ name }) => names.has(name),
    calls: (outputs) => {
      let made = outputs.length;
      if (made < stages[0].length) return stages[0].slice(made);
      made -= stages[0].length;
      const next = made < (stages[1]?.length ?? 0) ? later(outputs)[0] : undefined;
      return next?.slice(made) ?? [];
    },
    answer: (outputs) => (outputs.length ? toldOutputs(outputs, text) : undefined),
  };
}

const search = (text) => ({
  kind: "search",
  text,
  owns: bySearch,
  calls: (outputs) => (outputs.length ? [] : [{ name: "file_search", arguments: { query: text.trim() || "summary" } }]),
  answer: (outputs) => quoted(text, outputs.map(textOf)) ?? (outputs.length && failed(outputs)) ?? undefined,
});

function failed([{ output }]) {
  const text = asText(output);
  return /^Error/.test(text)
    ? { text: `The search failed: ${text}`, short: "failed" }
    : { text: "Nothing was found in the files.", short: "nothing found" };
}

/** Code that the text gives or that its words make: a program, a sum, a chart of its numbers, a file. */
function coded(text, kit) {
  const given =
    /```(?:python|py)?\s*\n([^]*?)```/.exec(text)?.[1] ??
    /\b(?:run|execute)\b[^:\n]*:\s*`?([^`\n]+\([^`\n]*)`?\s*$/i.exec(text)?.[1];
  if (given)
    return program(given, (output) => ({ text: asText(output), short: asText(output).trim().split("\n").at(-1) }));
  if (CHART.test(text)) {
    const formula =
      /\b(?:y|f\(x\))\s*=\s*([^,;?]+?)(?=\s+(?:from|for|between|over|and|on)\b|[,;?.]?\s*$)/i.exec(
        plainOf(text),
      )?.[1] ??
      /\b(?:plot|graph|chart|draw)\s+(?:the (?:function|graph of|curve)\s+)?((?:sin|cos|tan|exp|log|sqrt)\(?\s*x\)?|[\dx][\dx*+\-/ ().]*x[\dx*+\-/ ().]*)/i.exec(
        plainOf(text),
      )?.[1];
    const python = formula
      ?.trim()
      .replace(/(\d|\))\s*(?=x|\()/g, "$1*")
      .replace(/\b(sin|cos|tan|exp|log|sqrt)\s+x\b/g, "$1(x)");
    const safe = python && /^(?:\s|\d|\.|x|[-+*/()]|sin|cos|tan|exp|log|sqrt|pi)+$/.test(python) ? python : undefined;
    const code = chartOfText(text, safe);
    if (code)
      return program(
        code,
        printedAs(({ chart }) => ({ text: `Here is the chart of ${chart}.`, short: chart })),
      );
    return undefined;
  }
  const file = written(text);
  if (file) return file;
  const problem = problemOf(text, kit.now);
  return problem && program(problem.code, printedAs(problem.told));
}

const program = (code, answer) => ({
  kind: "code",
  text: code,
  owns: byCode,
  calls: (outputs) => (outputs.length ? [] : [{ name: "code_interpreter", arguments: { code } }]),
  answer: (outputs) => (outputs.length ? answer(outputs[0].output) : undefined),
});

const printedAs = (tell) => (output) => {
  const printed = printedBy(output);
  return printed ? tell(printed) : { text: `The code did not come to an end:\n${asText(output)}`, short: "failed" };
};

/** A file that the text wants written, with the words that it quotes or lists. */
function written(text) {
  const asks =
    /\b(?:create|make|write|save|generate|export|produce)\b/i.test(text) &&
    /\bfile\b|\.\w{2,4}\b|\bcsv\b|\bdownload\b/i.test(text);
  if (!asks || /\bchart|plot\b/i.test(text)) return undefined;
  const name =
    /\b([\w-]+\.(?:csv|txt|json|md|html))\b/i.exec(text)?.[1] ?? (/\bcsv\b/i.test(text) ? "data.csv" : "file.txt");
  const columns = /\bcolumns?\s+(?:named |called |of )?([\w ,]+?)(?:[.;]|$| with\b)/i.exec(text)?.[1];
  const quote =
    /["“]([^"”]+)["”]/.exec(text)?.[1] ??
    /\b(?:with|containing|saying)\s+(?:the )?(?:text|words?|content|line)?\s*:?\s*([^.\n]+)/i.exec(text)?.[1];
  const content = columns ? `${columns.split(/\s*,\s*|\s+and\s+/).join(",")}\n` : `${quote ?? text}\n`;
  const code = `import json
from pathlib import Path

path = Path("/mnt/data/${name}")
path.write_text(${JSON.stringify(content)})
print(json.dumps({"bytes": path.stat().st_size}))
`;
  return program(
    code,
    printedAs(({ bytes }) => ({
      text: `The file has ${bytes} bytes: [${name}](sandbox:/mnt/data/${name}).`,
      short: `[${name}](sandbox:/mnt/data/${name})`,
    })),
  );
}

/** A question to the files: look at them, then work out the answer from the table that fits. `quiet`: perhaps there is none. */
function files(text, quiet = false) {
  const planOf = (outputs) => {
    const seen = printedBy(outputs[0]?.output)?.files ?? [];
    const named = seen.find((file) => text.toLowerCase().includes(file.file.toLowerCase()));
    const best = named?.text === undefined ? tableFor(text, seen) : undefined;
    return best && (!quiet || best.rating > 0) ? { seen, plan: planFor(text, best.table) } : { seen };
  };
  return {
    kind: "code",
    looks: true,
    text,
    owns: byCode,
    calls: (outputs) => {
      if (!outputs.length) return [{ name: "code_interpreter", arguments: { code: LOOK } }];
      const { plan } = planOf(outputs);
      return plan && outputs.length === 1 ? [{ name: "code_interpreter", arguments: { code: codeFor(plan) } }] : [];
    },
    answer: (outputs) => {
      if (!outputs.length) return undefined;
      const { seen, plan } = planOf(outputs);
      if (plan) return printedAs((printed) => toldTable(plan, printed))(outputs[1]?.output ?? "");
      if (!printedBy(outputs[0].output)) return quiet ? undefined : printedAs(() => undefined)(outputs[0].output);
      return (
        quotedFrom(text, seen) ??
        (quiet
          ? undefined
          : {
              text: seen.length
                ? `The files are ${seen.map(({ file }) => file).join(", ")}.`
                : "There are no files to look at.",
              short: seen.length ? seen.map(({ file }) => file).join(", ") : "no files",
            })
      );
    },
  };
}

/** The sentence of a text file that answers a question, or its first ones. */
function quotedFrom(text, seen) {
  const named = seen.filter((file) => file.text && text.toLowerCase().includes(file.file.toLowerCase()));
  const texts = named.length ? named : seen.filter((file) => file.text);
  const question = stems(text);
  const [best] = texts
    .flatMap(({ file, text: content }) =>
      sentencesOf(content).map((sentence) => ({ file, sentence, shared: overlap(question, sentence) })),
    )
    .sort((a, b) => b.shared - a.shared);
  if (!best || (!best.shared && !DATA.test(text))) return undefined;
  const first = best.shared ? best.sentence : sentencesOf(texts[0].text).slice(0, 2).join(" ");
  return { text: `${best.file} says: “${first.slice(0, 400)}”`, short: first.slice(0, 200) };
}
