// JSON schemas (https://json-schema.org/draft/2020-12): what a schema asks for, and values that it accepts.

/** A schema with its reference followed (`#/...` alone), its first usable alternative taken and `allOf` joined. */
export function resolved(schema, root, depth = 0) {
  if (schema === true || schema === undefined || schema === null || schema === false || depth > 20) return {};
  if (typeof schema.$ref === "string") {
    const target = pointed(root, schema.$ref);
    const { $ref, ...rest } = schema;
    return resolved({ ...resolved(target, root, depth + 1), ...rest }, root, depth + 1);
  }
  if (schema.allOf) {
    const { allOf, ...rest } = schema;
    return [rest, ...allOf.map((part) => resolved(part, root, depth + 1))].reduce((all, part) => ({
      ...all,
      ...part,
      ...(all.properties || part.properties ? { properties: { ...all.properties, ...part.properties } } : {}),
      ...(all.required || part.required ? { required: [...(all.required ?? []), ...(part.required ?? [])] } : {}),
    }));
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    const { anyOf, oneOf, ...rest } = schema;
    const parts = choices.map((part) => resolved(part, root, depth + 1));
    return { ...(parts.find((part) => typeOf(part) !== "null") ?? parts[0]), ...rest };
  }
  return schema;
}

function pointed(root, reference) {
  if (!reference.startsWith("#")) return {};
  const path = reference.slice(1).split("/").slice(1);
  return path.reduce((at, name) => at?.[decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")], root);
}

/** The type that a value of the schema has: the first that is not null. */
export function typeOf(schema) {
  if (Array.isArray(schema.type)) return schema.type.find((type) => type !== "null") ?? "null";
  if (schema.type) return schema.type;
  if ("const" in schema) return kindOf(schema.const);
  if (schema.enum) return kindOf(schema.enum[0]);
  if (schema.properties || schema.additionalProperties) return "object";
  if (schema.items || schema.prefixItems) return "array";
  if ("minimum" in schema || "maximum" in schema) return "number";
  return "string";
}

const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/** Whether the schema takes null, too: what an unknown value is. */
export const takesNull = (schema) =>
  [schema.type].flat().includes("null") ||
  schema.enum?.includes(null) ||
  (schema.anyOf ?? schema.oneOf ?? []).some((part) => part?.type === "null");

/** The number that the schema accepts and that is nearest to one; a whole one for an integer. */
export function fittedNumber(number, schema) {
  const step = schema.multipleOf ?? (typeOf(schema) === "integer" ? 1 : undefined);
  const unit = step ?? 1e-6;
  const least = schema.minimum ?? -Infinity;
  const most = schema.maximum ?? Infinity;
  const above = typeof schema.exclusiveMinimum === "number" ? schema.exclusiveMinimum + unit : -Infinity;
  const below = typeof schema.exclusiveMaximum === "number" ? schema.exclusiveMaximum - unit : Infinity;
  let value = Math.min(Math.max(number, least, above), most, below);
  if (step) {
    value = Math.round(value / step) * step;
    if (value < Math.max(least, above)) value = Math.ceil(Math.max(least, above) / step) * step;
    if (value > Math.min(most, below)) value = Math.floor(Math.min(most, below) / step) * step;
  }
  return value + 0;
}

const FORMATS = {
  date: "2026-01-01",
  time: "12:00:00Z",
  "date-time": "2026-01-01T12:00:00Z",
  duration: "P1D",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};

const FORMED = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})$/,
  "date-time": /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})$/,
  email: /^\S+@\S+\.\S+$/,
  uri: /^[a-z][a-z\d+.-]*:\S+$/i,
  uuid: /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i,
};

const matches = (pattern, text) => {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
};

/** Whether the schema accepts a text. */
export const acceptsText = (text, schema) =>
  (!schema.pattern || matches(schema.pattern, text)) &&
  (FORMED[schema.format]?.test(text) ?? true) &&
  [...text].length >= (schema.minLength ?? 0) &&
  [...text].length <= (schema.maxLength ?? Infinity);

/** A text that the schema accepts and that says `wanted` as far as it can. */
export function fittedText(wanted, schema) {
  if (acceptsText(wanted, schema)) return wanted;
  const fitted = [...wanted]
    .slice(0, schema.maxLength ?? Infinity)
    .join("")
    .padEnd(schema.minLength ?? 0, ".");
  if (acceptsText(fitted, schema)) return fitted;
  if (schema.pattern) return sampleOf(schema.pattern, schema);
  return FORMATS[schema.format] ?? fitted;
}

/** A text that a pattern of the usual kind matches: letters, classes, groups, alternatives and counts. */
export function sampleOf(pattern, schema = {}) {
  let place = 0;
  const read = (character) => pattern[place] === character && ++place > 0;

  function alternatives() {
    const first = sequence();
    while (read("|")) sequence();
    return first;
  }

  function sequence() {
    let text = "";
    while (place < pattern.length && !"|)".includes(pattern[place])) {
      const piece = one();
      text += piece.repeat(times());
    }
    return text;
  }

  function one() {
    const character = pattern[place++];
    if (character === "^" || character === "$") return "";
    if (character === ".") return "x";
    if (character === "\\")
      return { d: "1", w: "a", s: " ", D: "a", W: "-", S: "a", b: "" }[pattern[place++]] ?? pattern[place - 1];
    if (character === "[") return oneOf();
    if (character !== "(") return character;
    const looks = /^\?(?:[=!]|<[=!])/.test(pattern.slice(place));
    place += /^\?(?::|[=!]|<[=!]|<\w+>)/.exec(pattern.slice(place))?.[0].length ?? 0;
    const inner = alternatives();
    read(")");
    return looks ? "" : inner;
  }

  function oneOf() {
    const end = pattern.indexOf("]", pattern[place] === "]" ? place + 1 : place);
    const inside = pattern.slice(place, end);
    place = end + 1;
    const set = new RegExp(`[${inside}]`, "u");
    return [..."aA1-_ .@/xX0"].find((character) => set.test(character)) ?? inside[0];
  }

  function times() {
    const found = /^(?:\{(\d+)(?:,(\d*))?\}|([*+?]))\??/.exec(pattern.slice(place));
    if (!found) return 1;
    place += found[0].length;
    return found[1] ? Number(found[1]) : found[3] === "+" ? 1 : 0;
  }

  const least = alternatives();
  const grown = least.padEnd(schema.minLength ?? 0, least.at(-1) ?? "a");
  return matches(pattern, grown) ? grown : least;
}
