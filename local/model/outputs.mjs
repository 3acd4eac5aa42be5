// Outputs of functions, told in sentences.
import { stem, words } from "./words.mjs";

const MOST_ITEMS = 8;
const MOST_CHARACTERS = 1500;

/** What outputs of functions come to: `{ text, short, lines, data, yes }`. */
export function told(outputs, question) {
  const each = outputs.map((output) => toldOne(output, question));
  return {
    text: each.map(({ text }) => text).join("\n"),
    short: each.map(({ short }) => short).join(", "),
    lines: each.length === 1 && each[0].lines.length ? each[0].lines : each.map(({ text }) => text),
    data: Object.assign({}, ...each.map(({ data }) => data)),
    yes: each.every(({ failed, short }) => !failed && !/^(?:false|no|0)$/i.test(short)),
  };
}

function toldOne({ name, arguments: given, output }, question) {
  const call = `${name}${of(given)}`;
  const failure = failureIn(output);
  if (failure !== undefined)
    return {
      text: ended(`${call} failed: ${asText(failure)}`),
      short: `failed: ${asText(failure)}`,
      lines: [],
      data: { error: asText(failure) },
      failed: true,
    };
  if (output === null || output === "" || output === "null")
    return { text: `${call} is done.`, short: "done", lines: [], data: {} };
  if (typeof output !== "object")
    return {
      text: ended(`${call} says: ${asText(output)}`),
      short: asText(output),
      lines: [],
      data: { result: output },
    };
  if (Array.isArray(output)) {
    const lines = output.map(asText);
    return {
      text: ended(`${call} says: ${lines.slice(0, MOST_ITEMS).join("; ")}`),
      short: lines.join(", "),
      lines,
      data: { [name]: output, count: output.length },
    };
  }
  const told = Object.entries(output).filter(([key, value]) => !same(given?.[key], value));
  const shown = told.length ? told : Object.entries(output);
  const lines = shown.map(([key, value]) => `${spaced(key)}: ${asText(value)}`);
  return {
    text: ended(`${call} says: ${shown.map(([key, value]) => `${spaced(key)} ${asText(value)}`).join(", ")}`),
    short: shortOf(shown, question),
    lines,
    data: output,
  };
}

const ended = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const spaced = (key) => words(key).join(" ");

function of(given) {
  const values =
    given && typeof given === "object" ? Object.values(given).filter((value) => typeof value !== "object") : [];
  const told = values.map(String).filter((value) => value && value.length < 32);
  return told.length ? ` (${told.slice(0, 3).join(", ")})` : "";
}

/** What an output says went wrong; undefined if nothing did. */
export function failureIn(output) {
  if (typeof output === "string")
    return /^\s*(?:error|exception|traceback|failed|failure)\b/i.test(output) ? output.trim() : undefined;
  const { error, errors, status, ok, success, message } = Object(output);
  if (error || errors) return error || errors;
  return /^(?:error|failed|failure)$/i.test(String(status)) || ok === false || success === false
    ? (message ?? "it says no more")
    : undefined;
}

function asText(value) {
  if (typeof value === "string")
    return value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)} …` : value.trim();
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map(asText).join(", ");
  return Object.entries(value)
    .map(([key, inner]) => `${spaced(key)} ${asText(inner)}`)
    .join(", ");
}

/** The value that a question is after: the one whose name it says, or else the first. */
function shortOf(entries, question) {
  const asked = new Set(words(question).map(stem));
  const [, value] = entries.find(([key]) => words(key).some((word) => asked.has(stem(word)))) ?? entries[0] ?? ["", ""];
  return asText(value);
}
