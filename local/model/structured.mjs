// Answers that are JSON: by the schema of the request's `response_format`, or with the keys that a text asks for.
import { argumentsFrom } from "./arguments.mjs";
import { resolved, typeOf } from "./schemas.mjs";

const PROSE = /answer|response|reply|text|message|summary|explanation|description|content|reason|output|comment|note/i;
const BARE = /answer|result|value|solution|final|output|total/i;

/** The JSON text of an answer, by a schema. */
export function bySchema(schema, answer, turn, now) {
  const full = resolved(schema ?? {}, schema);
  const facts = { ...factsOf(answer, full, schema), ...answer.data };
  const context = { now, facts, prose: answer.text };
  const made = argumentsFrom(schema, `${answer.short}\n${turn.user}`, context).values;
  return JSON.stringify(made);
}

/** What the answer is, under the names of the schema's properties that hold one. */
function factsOf(answer, full, root) {
  const facts = {};
  for (const [name, given] of Object.entries(full.properties ?? {})) {
    const type = typeOf(resolved(given, root));
    if (type === "string" && PROSE.test(name))
      facts[name] = BARE.test(name) && /final|solution/i.test(name) ? answer.short : answer.text;
    if ((type === "number" || type === "integer") && BARE.test(name)) {
      const number = Number(/-?\d+(?:\.\d+)?/.exec(answer.short)?.[0]);
      if (Number.isFinite(number)) facts[name] = number;
    }
    if (type === "boolean" && answer.yes !== undefined) facts[name] = answer.yes;
  }
  return facts;
}

/** The JSON text of an answer as an object with certain keys; with those that fit it where none are named. */
export function asObject(keys, answer, turn, now) {
  const number = /^-?\d+(?:\.\d+)?$/.test(answer.short) ? Number(answer.short) : undefined;
  if (!keys?.length) return JSON.stringify({ answer: number ?? answer.text, ...answer.data });
  const types = typesIn(turn.user);
  // The shape itself is no value: {"name": string}.
  const text = `${answer.short}\n${turn.user.replace(/\{[^{}]*\}/g, "")}`;
  const properties = Object.fromEntries(keys.map((key) => [key, { type: types[key] ?? "string" }]));
  const named = argumentsFrom({ type: "object", properties, required: keys }, text, { now, facts: {}, prose: "" });
  const valueOf = (key) => {
    if (answer.data && key in answer.data) return answer.data[key];
    if (types[key] && types[key] !== "string") return named.values[key];
    if (BARE.test(key) || keys.length === 1) return number ?? answer.short;
    return PROSE.test(key) || named.missing.includes(key) ? answer.text : named.values[key];
  };
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, valueOf(key)])));
}

/** The types that a text gives to keys: `{"name": string, "age": number}`. */
function typesIn(text) {
  const found = [...text.matchAll(/["']?(\w+)["']?\s*:\s*["'<]?(string|number|integer|int|float|boolean|bool)\b/gi)];
  const known = { int: "integer", float: "number", bool: "boolean" };
  return Object.fromEntries(found.map(([, key, type]) => [key, known[type.toLowerCase()] ?? type.toLowerCase()]));
}
