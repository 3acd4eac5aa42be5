// Functions: which of an assistant's fit a text, and the calls that the text asks for.
import { argumentsFrom } from "./arguments.mjs";
import { findings } from "./found.mjs";
import { resolved, typeOf } from "./schemas.mjs";
import { meaning, nameStems, stem, stems, words } from "./words.mjs";

const SURE = 10;
const FITS = 2.5; // A word of its name does; so do two of its description.
const MISSING = 2; // What a required argument takes away that the text doesn't give.
const MOST_CALLS = 16;

// What words of each kind are worth. Words that any function's name may have say little of what it is for.
const WORTH = { name: 3, description: 1.4, parameter: 1.4, value: 2 };
const VERBS = new Set(
  (
    "get fetch list show find search look lookup query read retrieve create add make new open set update change check " +
    "send call run do return returns tool function data info information details handle process manage current by for of the value"
  )
    .split(" ")
    .map(stem),
);

/** How well a function fits a text: the sum over the text's words of what they are worth for it. */
export function fitOf(tool, text) {
  if (new RegExp(`(?<![\\w])${tool.name.replace(/[^\w]/g, "\\$&")}(?![\\w])`, "i").test(text)) return SURE;
  const worth = wordsOf(tool);
  let sum = 0;
  for (const root of new Set([...stems(named(text))].map(meaning))) sum += worth.get(root) ?? 0;
  const name = nameStems(tool.name).join(" ");
  if (` ${words(text).map(stem).join(" ")} `.includes(` ${name} `)) sum += WORTH.name;
  return sum;
}

/** A text with the signs of arithmetic as words, too: a function may be called `multiply`. */
const named = (text) => OPERATORS.reduce((told, [sign, word]) => (sign.test(text) ? `${told} ${word}` : told), text);

const OPERATORS = [
  [/\d\s*(?:\*|×|x|times)\s*\d/i, "multiply"],
  [/\d\s*(?:\+|plus)\s*\d/i, "add"],
  [/\d\s+(?:-|minus)\s*\d/i, "subtract"],
  [/\d\s*(?:\/|÷|divided by|over)\s*\d/i, "divide"],
];

function wordsOf(tool) {
  const worth = new Map();
  const add = (roots, value) => {
    for (const root of roots) {
      const known = meaning(root);
      const scaled = VERBS.has(root) ? value / 4 : value;
      worth.set(known, Math.max(worth.get(known) ?? 0, scaled));
    }
  };
  const schema = resolved(tool.parameters ?? {}, tool.parameters);
  for (const [name, given] of Object.entries(schema.properties ?? {})) {
    const property = resolved(given, tool.parameters);
    add(nameStems(name), WORTH.parameter);
    add(stems(property.description), WORTH.parameter / 2);
    for (const value of property.enum ?? property.items?.enum ?? []) add(stems(value), WORTH.value);
  }
  add(stems(tool.description), WORTH.description);
  add(nameStems(tool.name), WORTH.name);
  return worth;
}

/**
 * The calls that a text asks for, in stages: calls of one stage don't need each other's outputs.
 *
 * @param tools the functions that may be called.
 * @param context `{ now }`, and once there are outputs `{ facts, prose }`: see `argumentsFrom`.
 * @returns `{ stages: [[{ name, arguments }]], fit }`; no stages where no function fits.
 */
export function callsFor(tools, text, context) {
  const parts = partsOf(tools, text, context);
  const now = [];
  const then = [];
  for (const { tool, text: part, waits } of parts) (waits ? then : now).push(...callsOf(tool, part, text, context));
  const stages = [now, then].filter((calls) => calls.length).map((calls) => calls.slice(0, MOST_CALLS));
  return { stages, fit: Math.max(0, ...parts.map((part) => part.fit)) };
}

/** The parts of a text that ask for one function each. What names none goes with the part before it. */
function partsOf(tools, text, context) {
  const parts = [];
  for (const clause of clausesOf(text)) {
    const best = bestOf(tools, clause, context);
    const last = parts.at(-1);
    if (best && last?.tool !== best.tool) parts.push({ ...best, text: clause });
    else if (last) parts[parts.length - 1] = { ...last, text: `${last.text} ${clause}` };
    else parts.push({ tool: undefined, fit: 0, text: clause });
  }
  const named = parts.filter((part) => part.tool);
  const whole = bestOf(tools, text, context);
  if (!named.length) return whole ? [{ ...whole, text }] : [];
  // Two clauses of one function are one text: "the weather in Paris, and the weather in Rome".
  if (new Set(named.map((part) => part.tool)).size === 1) return [{ ...named[0], text, waits: false }];
  return named.map((part, index) => ({ ...part, waits: index > 0 && takesOutputs(part) }));
}

const clausesOf = (text) => {
  const quotes = findings(text, new Date()).filter((each) => each.kind === "quoted");
  const cuts = [...text.matchAll(/[.!?;]\s+|,?\s+(?:and then|then|and also|also|and)\s+|,\s+/gi)].filter(
    (cut) => !quotes.some((quote) => quote.start < cut.index && cut.index < quote.end),
  );
  const starts = [0, ...cuts.map((cut) => cut.index + cut[0].length)];
  return starts.map((start, index) => text.slice(start, cuts[index]?.index ?? text.length).trim()).filter(Boolean);
};

function bestOf(tools, text, context) {
  const rated = tools
    .map((tool) => ({ tool, fit: ratedFit(tool, text, context) }))
    .filter(({ fit }) => fit >= FITS)
    .sort((a, b) => b.fit - a.fit);
  return rated[0];
}

function ratedFit(tool, text, context) {
  const fit = fitOf(tool, text);
  if (fit < FITS || fit >= SURE) return fit;
  const { found, missing } = argumentsFrom(tool.parameters, text, context);
  return fit + Math.min(found, 2) / 2 - MISSING * missing.filter((name) => !isProse(tool, name)).length;
}

const PROSE = /text|message|body|content|summary|description|note|report|query|question|prompt/;
const isProse = (tool, name) => {
  const schema = resolved(tool.parameters ?? {}, tool.parameters);
  return PROSE.test(name) && typeOf(resolved(schema.properties?.[name], tool.parameters)) === "string";
};

/** Whether a part of a text asks for what earlier calls come to: "and mail it to ...". */
const takesOutputs = ({ tool, text }) =>
  /\b(?:it|them|that|this|those|these|the (?:result|answer|report|outcome|details|summary|list|total|price|weather)s?)\b/i.test(
    text,
  ) ||
  Object.keys(tool.parameters?.properties ?? {}).some(
    (name) => /body|message|content|text/.test(name) && !/["“'‘]/.test(text),
  );

function callsOf(tool, part, whole, context) {
  const known = new Set(wordsOf(tool).keys());
  const filled = argumentsFrom(tool.parameters, part, { ...context, known });
  if (filled.missing.length && part !== whole) {
    const more = argumentsFrom(tool.parameters, whole, { ...context, known });
    for (const name of filled.missing) if (!more.missing.includes(name)) filled.values[name] = more.values[name];
  }
  const { values, several } = filled;
  if (!several) return [{ name: tool.name, arguments: values }];
  return several.values.map((value) => ({
    name: tool.name,
    arguments: { ...values, [several.name]: like(value, values[several.name]) },
  }));
}

const like = (value, other) => (typeof other === "string" ? String(value) : value);

/** A call of a certain function, whatever the text says. */
export const callOf = (tool, text, context) => callsOf(tool, text, text, context);
