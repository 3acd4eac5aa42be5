// Fills a JSON schema from a text: each property gets what the text says of it; what is required is there in any case.
import { findings, listedWith, phraseAfter } from "./found.mjs";
import { acceptsText, fittedNumber, fittedText, resolved, takesNull, typeOf } from "./schemas.mjs";
import { isTelling, meaning, nameStems, stem, words } from "./words.mjs";

const MOST_DEPTH = 8;

// What a string is, by its name: the kinds of findings that fit it, and the prepositions that what it is follows.
const ROLES = [
  { name: /e-?mail|(^|_)cc$/, kinds: ["email"] },
  { name: /path|file(_?name)?$|directory|folder/, kinds: ["path", "quoted"] },
  { name: /url|link|website|href|uri$/, kinds: ["url"] },
  { name: /date_?time|timestamp/, kinds: ["datetime"] },
  { name: /date|(^|_)day$|deadline|birthday|check_?(in|out)|departure|arrival/, kinds: ["date"] },
  { name: /(^|_)(time|hour)s?$|^at$|start_time|end_time/, kinds: ["time"] },
  { name: /phone|mobile|(^|_)tel/, kinds: ["phone", "number"] },
  { name: /currency/, kinds: ["currency"] },
  { name: /lang(uage)?/, kinds: ["name"], after: "into|in|to" },
  { name: /symbol|ticker/, kinds: ["symbol", "name"], after: "of|for" },
  { name: /(^|_)(id|number|no|code|key|sku|ref|reference|nr)$|id$/, kinds: ["id", "number", "symbol", "quoted"] },
  { name: /origin|^from|source_city|departure_(city|airport)/, kinds: ["name", "symbol"], after: "from" },
  { name: /destination|^to(_|$)|target_city|arrival_(city|airport)|recipient/, kinds: ["email", "name", "symbol"], after: "to" },
  { name: /city|location|place|town|country|address|region|state|area|airport|station|venue/, kinds: ["name", "quoted"], after: "in|at|for|near|of|to|around" },
  { name: /name|person|user|customer|contact|author|attendee|guest|player|employee|owner|assignee|participant/, kinds: ["name", "quoted", "email"], after: "named|called|for|with|to" },
  { name: /query|question|keyword|term|topic|search|subject/, kinds: ["quoted"], after: "for|about|on|of", text: true },
  { name: /text|message|body|content|prompt|title|summary|description|note|comment|reason|phrase|sentence|label|task/, kinds: ["quoted"], after: "saying|that says|about|because|to|that|of", text: true },
]; // prettier-ignore

const CURRENCIES = {
  dollar: "USD",
  euro: "EUR",
  pound: "GBP",
  yen: "JPY",
  franc: "CHF",
  rupee: "INR",
  yuan: "CNY",
  usd: "USD",
  eur: "EUR",
  gbp: "GBP",
  jpy: "JPY",
  chf: "CHF",
  inr: "INR",
  cny: "CNY",
  cad: "CAD",
  aud: "AUD",
  krona: "SEK",
  peso: "MXN",
};

/**
 * The arguments that a text gives to a function.
 *
 * @param context `{ now, facts, prose, known }`: today; values by name that earlier outputs gave; a text for what holds
 *   one; what the function's own words mean, which are no argument.
 * @returns `{ values, found, missing, several }`: how many properties the text gave, the names of required ones that it
 *   did not, and `{ name, values }` of a property for which it lists several values.
 */
export function argumentsFrom(schema, text, context) {
  const filler = new Filler(schema, text, context);
  const values = filler.object(resolved(schema ?? {}, schema), "", 0);
  return { values, found: filler.found, missing: filler.missing, several: filler.several() };
}

class Filler {
  constructor(root, text, { now, facts = {}, prose = "", known = new Set() }) {
    Object.assign(this, { root, text, facts, prose, known, now });
    this.findings = findings(text, now);
    this.used = new Set();
    this.found = 0;
    this.missing = [];
    this.chosen = [];
  }

  object(schema, path, depth) {
    const required = new Set(schema.required ?? []);
    const value = {};
    const names = Object.keys(schema.properties ?? {});
    // What is sure of its kind comes first: a number of nights is none of guests once it is taken.
    const order = names.toSorted(
      (a, b) => this.vagueness(schema.properties[a], a) - this.vagueness(schema.properties[b], b),
    );
    const filled = {};
    for (const name of order) filled[name] = this.property(name, schema.properties[name], required.has(name), depth);
    for (const name of names) if (filled[name] !== undefined) value[name] = filled[name];
    for (const name of required) if (!(name in value)) value[name] = this.prose || "";
    return value;
  }

  vagueness(schema, name) {
    const full = resolved(schema, this.root);
    if (full.enum || "const" in full) return 0;
    if (this.explicit(name, full, () => {}) !== undefined) return 1;
    const role = roleOf(name, full);
    if (role?.text) return 5;
    if (typeOf(full) === "string") return role ? 3 : 4;
    return typeOf(full) === "object" || typeOf(full) === "array" ? 6 : 2;
  }

  property(name, given, required, depth) {
    const schema = resolved(given, this.root);
    const known = factOf(this.facts, name, schema, this.root);
    const value = known ?? this.value(name, schema, depth, required);
    if (value !== undefined) {
      this.found += 1;
      return value;
    }
    if (!required) return undefined;
    if (schema.default === undefined && !takesNull(given)) this.missing.push(name);
    return takesNull(given) && schema.default === undefined ? null : this.fallback(name, schema, depth);
  }

  /** What the text says of a property; undefined if it says nothing. */
  value(name, schema, depth, required) {
    if ("const" in schema) return schema.const;
    if (schema.enum) return this.oneOf(schema.enum, name);
    const type = typeOf(schema);
    if (type === "boolean") return this.boolean(name, schema);
    if (type === "number" || type === "integer") return this.number(name, schema);
    if (type === "array") return this.array(name, schema, depth);
    if (type === "object") return this.nested(name, schema, depth, required);
    return type === "string" ? this.string(name, schema) : undefined;
  }

  /** A value that the schema accepts, for a property of which the text says nothing. */
  fallback(name, schema, depth) {
    if (schema.default !== undefined) return schema.default;
    if (schema.examples?.length) return schema.examples[0];
    if ("const" in schema) return schema.const;
    if (schema.enum) return schema.enum[0];
    const type = typeOf(schema);
    if (type === "boolean") return false;
    if (type === "null") return null;
    if (type === "number" || type === "integer") return fittedNumber(type === "integer" ? 1 : 0, schema);
    if (type === "object") return depth > MOST_DEPTH ? {} : this.object(schema, name, depth + 1);
    if (type !== "array")
      return fittedText(this.prose || (roleOf(name, schema)?.text ? this.text : this.rest()), schema);
    const item = resolved(schema.items, this.root);
    const least = depth > MOST_DEPTH ? 0 : (schema.minItems ?? 0);
    return Array.from({ length: least }, (_none, index) => {
      const made = this.fallback(name, resolved(schema.prefixItems?.[index] ?? item, this.root), depth + 1);
      if (!schema.uniqueItems || index === 0) return made;
      if (item.enum) return item.enum[index % item.enum.length];
      return typeof made === "number" ? made + index : typeof made === "string" ? `${made} ${index + 1}` : made;
    });
  }

  /** The value of an enumeration that the text names, whatever its form. */
  oneOf(values, name) {
    const text = ` ${words(this.text).map(stem).join(" ")} `;
    const named = values.filter((value) => typeof value === "string" || typeof value === "number");
    const direct = named
      .map((value) => [value, ` ${words(String(value)).map(stem).join(" ")} `])
      .filter(([, phrase]) => phrase.trim() && text.includes(phrase))
      .sort((a, b) => b[1].length - a[1].length);
    if (direct.length) return direct[0][0];
    const roots = new Set(words(this.text).map(stem));
    const like = named.find((value) => words(String(value)).some((word) => word.length > 3 && roots.has(stem(word))));
    if (like !== undefined) return like;
    const currency = name.includes("currency") && this.currencies().find((code) => values.includes(code));
    return currency || undefined;
  }

  boolean(name, schema) {
    const roots = new Set(nameStems(name.replace(/^(is|has|use|include|with|enable|should)_?/i, "")));
    const all = words(this.text);
    const at = all.findIndex((word) => roots.has(stem(word)));
    if (at < 0) return undefined;
    const before = all.slice(Math.max(0, at - 3), at);
    return (
      !before.some((word) => /^(not?|without|don['’]?t|off|never|exclude|skip|no)$/.test(word)) && all[at + 1] !== "off"
    );
  }

  number(name, schema) {
    const explicit = this.explicit(name, schema);
    if (explicit !== undefined && Number.isFinite(Number(explicit))) return fittedNumber(Number(explicit), schema);
    const free = this.free("number", "percent");
    if (!free.length) return undefined;
    const roots = new Set(
      [...nameStems(name), ...words(schema.description).map(stem)].filter((root) => root.length > 2),
    );
    const near = free.map((each) => [this.nearness(each, roots), each]).sort((a, b) => a[0] - b[0]);
    const [distance, best] = near[0];
    const chosen = distance < Infinity ? best : free[0];
    // A number that the text ties to another property's name is that property's.
    this.take(name, chosen);
    return fittedNumber(chosen.value, schema);
  }

  /** How many words lie between a finding and the nearest word that names the property; those after it count first. */
  nearness(one, roots) {
    const after = words(this.text.slice(one.end, one.end + 40))
      .slice(0, 3)
      .findIndex((word) => roots.has(stem(word)));
    const before = words(this.text.slice(Math.max(0, one.start - 40), one.start))
      .slice(-3)
      .reverse()
      .findIndex((word) => roots.has(stem(word)));
    return Math.min(after < 0 ? Infinity : after, before < 0 ? Infinity : before + 0.5);
  }

  array(name, schema, depth) {
    const item = resolved(schema.items, this.root);
    const most = schema.maxItems ?? Infinity;
    let values = [];
    if (item.enum) {
      const text = ` ${words(this.text).map(stem).join(" ")} `;
      values = item.enum.filter((value) => text.includes(` ${words(String(value)).map(stem).join(" ")} `));
    } else if (["number", "integer"].includes(typeOf(item))) {
      const free = this.free("number", "percent");
      free.forEach((each) => this.used.add(each));
      values = free.map((each) => fittedNumber(each.value, item));
    } else if (typeOf(item) === "object") {
      if (depth > MOST_DEPTH || !this.findings.some((each) => !this.used.has(each))) return undefined;
      values = this.objects(item);
      if (!values.length) values = [this.object(item, name, depth + 1)];
    } else {
      values = this.texts(name, schema, item);
    }
    if (schema.uniqueItems) values = [...new Set(values)];
    return values.length >= Math.max(1, schema.minItems ?? 0) ? values.slice(0, most) : undefined;
  }

  /** An object for each part of the text that gives one something: "3 apples and 2 pears". */
  objects(item) {
    const parts = this.text.split(/,\s*(?:and\s+)?|;\s*|\s+and\s+|\s+plus\s+/i);
    return parts.flatMap((part) => {
      const filler = new Filler(this.root, part, { now: this.now, known: this.known });
      const value = filler.object(item, "", 1);
      if (!filler.found) return [];
      // What is counted needs no capital: "3 apples".
      const what = Object.keys(item.properties ?? {}).find((name) => !(name in value) || value[name] === "unknown");
      if (what && typeOf(resolved(item.properties[what], this.root)) === "string") value[what] = filler.rest();
      return [value];
    });
  }

  /** The first words of the text that are no argument yet and that the function's own words don't have. */
  rest() {
    const taken = [...this.used].flatMap((each) => words(this.text.slice(each.start, each.end)));
    const left = words(this.text).filter(
      (word) => isTelling(word) && !this.known.has(meaning(stem(word))) && !taken.includes(word) && !/^\d/.test(word),
    );
    return left.slice(0, 2).join(" ") || "unknown";
  }

  texts(name, schema, item) {
    const role = roleOf(name, { ...item, description: schema.description });
    const free = this.free(...(role?.kinds ?? ["quoted", "name", "symbol", "id", "email"]));
    if (free.length) {
      const group = listedWith(this.text, this.findings, free[0]).filter((each) => !this.used.has(each));
      const all = group.length > 1 ? group : free.filter((each) => each.kind === free[0].kind);
      all.forEach((each) => this.used.add(each));
      return all.map((each) => fittedText(String(each.value), item));
    }
    const listed =
      /(?::|\b(?:add|buy|of|with|for|put|items?|include|need)\b)\s+([^.:;?!]*?(?:,|\band\b)[^.:;?!]*?)(?=\s+(?:to|on|in|into|from)\b|[.:;?!]|$)/i.exec(
        this.text,
      );
    if (!listed) return [];
    return listed[1]
      .split(/\s*,\s*(?:and\s+)?|\s+and\s+/)
      .map((each) => each.replace(/^(?:the|some|a|an)\s+/i, "").trim())
      .filter(Boolean)
      .map((each) => fittedText(each, item));
  }

  nested(name, schema, depth, required) {
    if (depth > MOST_DEPTH || !schema.properties) return undefined;
    const before = [this.found, this.missing.length];
    const value = this.object(schema, name, depth + 1);
    const found = this.found - before[0];
    if (found || required) return value;
    this.missing.length = before[1];
    return undefined;
  }

  string(name, schema) {
    const fits = (text) => text !== undefined && acceptsText(String(text), schema);
    const explicit = this.explicit(name, schema);
    if (fits(explicit)) return explicit;
    const role = roleOf(name, schema);
    for (const kind of role?.kinds ?? ["name", "symbol", "id", "quoted"]) {
      const value = this.ofKind(kind, name, role, schema);
      if (fits(value)) return value;
    }
    const patterned = schema.pattern && this.patterned(schema);
    if (patterned) return patterned;
    if (role?.text && this.prose && fits(this.prose))
      return /subject|title/.test(name) ? this.prose.split("\n")[0].slice(0, 60) : this.prose;
    const phrase = role?.after && phraseAfter(this.text, role.after);
    if (fits(phrase)) return phrase;
    return role?.text && fits(this.text) ? this.text : undefined;
  }

  patterned(schema) {
    const token = this.text
      .match(/[^\s,;!?"'()]+/g)
      ?.map((each) => each.replace(/\.$/, ""))
      .find((each) => acceptsText(each, schema));
    return token;
  }

  ofKind(kind, name, role, schema) {
    if (kind === "currency") return this.currencies()[/^(to|target|quote)/.test(name) ? 1 : 0];
    if (kind === "datetime" || schema.format === "date-time") {
      const [date] = this.findings.filter((each) => each.kind === "date");
      const [time] = this.findings.filter((each) => each.kind === "time");
      return date || time ? `${date?.value ?? isoDay(this.now)}T${time?.value ?? "00:00"}:00Z` : undefined;
    }
    const free = this.free(kind).filter((each) => acceptsText(String(each.value), schema) || kind === "time");
    if (!free.length) return undefined;
    const tied =
      role?.after &&
      free.find((each) =>
        new RegExp(`\\b(?:${role.after})\\s+(?:the\\s+)?["“'‘]?$`, "i").test(this.text.slice(0, each.start)),
      );
    const wanted = kind === "date" && /end|check_?out|until|return|to$/.test(name) ? free.at(-1) : free[0];
    const chosen = tied || wanted;
    this.take(name, chosen);
    return schema.format === "time" ? `${chosen.value}:00Z` : String(chosen.value);
  }

  currencies() {
    const codes = this.text.match(/\p{L}+|[$€£¥]/gu) ?? [];
    const signs = { $: "USD", "€": "EUR", "£": "GBP", "¥": "JPY" };
    return [...new Set(codes.map((word) => signs[word] ?? CURRENCIES[stem(word.toLowerCase())]).filter(Boolean))];
  }

  /** What the text gives by the property's own name: "priority: high", "set the colour to red", "title 'Dentist'". */
  explicit(name, schema, take = (finding) => this.take(name, finding)) {
    const label = words(name).join("[\\s_-]*");
    if (!label) return undefined;
    const pattern = new RegExp(
      `(?<![\\p{L}\\d])${label}(?![\\p{L}\\d])\\s*(?<sign>=|:|is|are|to|of|as|at|named|called|equals|will be)?\\s*`,
      "giu",
    );
    for (const match of this.text.matchAll(pattern)) {
      const at = match.index + match[0].length;
      const direct = this.findings.find((each) => each.start <= at + 1 && each.end > at && !this.used.has(each));
      const numeric = ["number", "integer"].includes(typeOf(schema));
      if (
        direct &&
        (!numeric || typeof direct.value === "number") &&
        (numeric || typeof direct.value !== "number" || direct.kind === "number")
      ) {
        const value = this.text.slice(direct.start, direct.end);
        if (roleOf(name, schema)?.kinds.includes("date") && direct.kind !== "date") continue;
        take(direct);
        return ["number", "percent", "quoted", "date", "time", "id"].includes(direct.kind)
          ? direct.value === undefined
            ? value
            : numeric
              ? direct.value
              : String(direct.value)
          : value;
      }
      if (numeric || !/^(?:=|:|is|to|as|named|called|equals|will be)$/i.test(match.groups.sign ?? "")) continue;
      const word = /^[^\s,.;:!?]+/.exec(this.text.slice(at))?.[0];
      if (word && !/^(?:the|a|an|my|your|in|on|for|of)$/i.test(word)) return word;
    }
    return undefined;
  }

  free(...kinds) {
    return this.findings.filter((each) => kinds.includes(each.kind) && !this.used.has(each));
  }

  take(name, finding) {
    this.used.add(finding);
    this.chosen.push({ name, finding });
  }

  /** The property whose value the text lists with others that no property took: "in Paris and in Rome". */
  several() {
    for (const { name, finding } of this.chosen) {
      const group = listedWith(this.text, this.findings, finding).filter(
        (each) => each === finding || !this.used.has(each),
      );
      if (group.length > 1) return { name, values: group.map((each) => each.value) };
    }
    return undefined;
  }
}

const roleOf = (name, schema) => {
  const byFormat = { email: "email", date: "date", "date-time": "datetime", time: "time", uri: "url" }[schema.format];
  const plain = byFormat ?? name.replace(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase();
  return ROLES.find((role) => role.name.test(plain));
};

const isoDay = (now) => new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

/** What an earlier output says by the property's name, if it is of the property's type. */
function factOf(facts, name, schema) {
  const wanted = nameStems(name).join(" ");
  for (const [key, value] of Object.entries(facts)) {
    if (nameStems(key).join(" ") !== wanted) continue;
    const type = typeOf(schema);
    if (schema.enum && !schema.enum.includes(value)) continue;
    if (type === "string" && typeof value === "string" && acceptsText(value, schema)) return value;
    if (type === "integer" && Number.isInteger(value) && fittedNumber(value, schema) === value) return value;
    if (type === "number" && typeof value === "number" && fittedNumber(value, schema) === value) return value;
    if (type === "boolean" && typeof value === "boolean") return value;
  }
  return undefined;
}
