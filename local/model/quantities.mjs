// Problems of quantities: percentages, lists of numbers, primes, units, days between dates, comparisons. See problems.mjs.
import { expression, shown } from "./arithmetic.mjs";
import { dates } from "./dates.mjs";

export const NUMBER = "-?\\d+(?:\\.\\d+)?";

export const resultOf = ({ result }) => ({ short: String(result), text: `The result is ${result}.` });

/** A problem that one expression answers. */
export function simple(python, imports = "", told = resultOf) {
  const code = `import json
${imports}${imports && "\n"}
result = ${python}
print(json.dumps({"result": f"{result:.10g}"}))
`;
  const mental = () => {
    const value = expression(python)?.({});
    if (value === undefined) return undefined;
    return { result: Number.isFinite(value) ? shown(value) : "undefined" };
  };
  return { code, mental, told };
}

export function percentages(plain) {
  const of = (pattern) =>
    new RegExp(
      pattern.replaceAll("N", `[$€£]?(${NUMBER})`).replaceAll("P", `(${NUMBER})\\s*(?:%|percent\\b)`),
      "i",
    ).exec(plain);
  const unit = (made) => simple(made, "", ({ result }) => ({ short: `${result}%`, text: `It is ${result}%.` }));
  let found;
  if ((found = of("what (?:percent|percentage|%) (?:of N is N)"))) return unit(`100 * ${found[2]} / ${found[1]}`);
  if ((found = of("N is (?:what|which|how many) (?:percent|percentage|%) of N")))
    return unit(`100 * ${found[1]} / ${found[2]}`);
  if ((found = of("(?:N as a (?:percent|percentage) of N)"))) return unit(`100 * ${found[1]} / ${found[2]}`);
  if (
    (found = of(
      "(?:percent|percentage|%) (?:change|increase|decrease|difference|growth)\\b[^\\d]*N[^\\d]*\\b(?:to|and)\\b[^\\d]*N",
    ))
  )
    return unit(`100 * (${found[2]} - ${found[1]}) / ${found[1]}`);
  if (
    (found = of(
      "P (?:off|discount (?:on|from)|less than|reduction (?:on|of|from))(?: of)? (?:a |an |the )?(?:\\w+ )??N",
    ))
  )
    return simple(`${found[2]} * (1 - ${found[1]} / 100)`);
  if ((found = of("(?:increase|raise|grow)\\w* N by P"))) return simple(`${found[1]} * (1 + ${found[2]} / 100)`);
  if ((found = of("(?:decrease|reduce|lower|cut)\\w* N by P"))) return simple(`${found[1]} * (1 - ${found[2]} / 100)`);
  if ((found = of("N \\+ P"))) return simple(`${found[1]} * (1 + ${found[2]} / 100)`);
  if ((found = of("N - P"))) return simple(`${found[1]} * (1 - ${found[2]} / 100)`);
  if ((found = of("P (?:\\w+ )?(?:of|on|from) (?:a |an |the )?(?:\\w+ (?:of )?)?N")))
    return simple(`${found[1]} / 100 * ${found[2]}`);
  return undefined;
}

const STATISTICS = [
  [/\b(?:average|mean)\b/i, "mean", "statistics.mean"],
  [/\bmedian\b/i, "median", "statistics.median"],
  [/\bmode\b/i, "mode", "statistics.mode"],
  [/\bstandard deviation\b/i, "standard deviation", "statistics.stdev"],
  [/\bvariance\b/i, "variance", "statistics.variance"],
  [/\b(?:sum|total|add(?: up)?)\b/i, "sum", "sum"],
  [/\b(?:product|multiply)\b/i, "product", "math.prod"],
  [/\b(?:largest|maximum|max|biggest|greatest|highest)\b(?! common)/i, "maximum", "max"],
  [/\b(?:smallest|minimum|min|lowest)\b(?! common)/i, "minimum", "min"],
  [
    /\b(?:greatest common divisor|gcd|highest common factor|hcf|greatest common factor|gcf)\b/i,
    "greatest common divisor",
    "math.gcd",
  ],
  [/\b(?:least common multiple|lcm|lowest common multiple)\b/i, "least common multiple", "math.lcm"],
  [/\bdifference\b|\bsubtract\b/i, "difference", "difference"],
  [/\b(?:sort|order|ascending|descending)\b/i, "sorted list", "sorted"],
];
const MENTAL = { "statistics.mean": "mean", "statistics.median": "median", sum: "sum", max: "max", min: "min" };

export function lists(plain) {
  const list = new RegExp(`(?:${NUMBER})(?:\\s*(?:,|and|&|,\\s*and|from|by)\\s*(?:${NUMBER}))+`, "i").exec(plain);
  const asked = list && STATISTICS.find(([words]) => words.test(plain));
  if (!asked) return undefined;
  const numbers = list[0].match(new RegExp(NUMBER, "g"));
  const [, name, call] = asked;
  const told = ({ result }) => ({ short: String(result), text: `The ${name} is ${result}.` });
  if (call === "difference") {
    const [a, b] = /\bfrom\b/i.test(list[0]) ? [numbers[1], numbers[0]] : numbers;
    return simple(`${a} - ${b}`, "", told);
  }
  const listed = numbers.join(", ");
  const imports = call.includes(".") ? `import ${call.split(".")[0]}\n` : "";
  if (call === "sorted") {
    const backwards = /descending|decreasing|largest first/i.test(plain);
    const code = `import json\n\nprint(json.dumps({"result": ", ".join(map(str, sorted([${listed}]${backwards ? ", reverse=True" : ""})))}))\n`;
    const sorted = () => numbers.toSorted((a, b) => (backwards ? b - a : a - b)).join(", ");
    return { code, mental: () => ({ result: sorted() }), told };
  }
  const given = /gcd|lcm/.test(call) ? listed : `[${listed}]`;
  const code = `import json
${imports}
result = ${call}(${given})
print(json.dumps({"result": f"{result:.10g}"}))
`;
  const inner = MENTAL[call]
    ? `${MENTAL[call]}(${listed})`
    : call === "math.prod"
      ? numbers.join(" * ")
      : numbers.length === 2
        ? `${call.slice(5)}(${listed})`
        : "?";
  const mental = () => {
    const value = expression(inner)?.({});
    return Number.isFinite(value) ? { result: shown(value) } : undefined;
  };
  return { code, mental, told };
}

export function primes(plain) {
  const number = /\b(\d{1,15})\b/.exec(plain)?.[1];
  if (!number || !/\bprimes?\b|\bfactori[sz]|\bdivisors\b/i.test(plain)) return undefined;
  const factors = () => {
    const found = [];
    let rest = Number(number);
    for (let divisor = 2; divisor * divisor <= rest; divisor++)
      while (rest % divisor === 0) (found.push(divisor), (rest /= divisor));
    return rest > 1 ? [...found, rest] : found;
  };
  if (/\bfactor|\bdivisor/i.test(plain)) {
    const code = `import json\nfrom sympy import factorint\n\nprint(json.dumps({"factors": [int(prime) for prime, times in factorint(${number}).items() for _ in range(times)]}))\n`;
    return {
      code,
      mental: () => ({ factors: factors() }),
      told: ({ factors: all }) => ({ short: all.join(" * "), text: `${number} = ${all.join(" * ")}.` }),
    };
  }
  const code = `import json\nfrom sympy import isprime\n\nprint(json.dumps({"prime": bool(isprime(${number}))}))\n`;
  const told = ({ prime }) => ({
    short: prime ? "Yes" : "No",
    text: `${prime ? "Yes" : "No"}, ${number} is ${prime ? "" : "not "}a prime number.`,
    yes: prime,
  });
  return { code, mental: () => ({ prime: factors().length === 1 }), told };
}

// Metres, grams, seconds, litres: what one of each unit is of them.
const UNITS = {
  length: { km: 1000, kilometer: 1000, kilometre: 1000, m: 1, meter: 1, metre: 1, cm: 0.01, centimeter: 0.01, centimetre: 0.01, mm: 0.001, mile: 1609.344, mi: 1609.344, yard: 0.9144, foot: 0.3048, feet: 0.3048, ft: 0.3048, inch: 0.0254, inche: 0.0254 },
  weight: { kg: 1000, kilogram: 1000, kilo: 1000, g: 1, gram: 1, mg: 0.001, pound: 453.59237, lb: 453.59237, ounce: 28.349523125, oz: 28.349523125, ton: 1e6, tonne: 1e6 },
  time: { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800, min: 60, h: 3600 },
  volume: { liter: 1, litre: 1, l: 1, ml: 0.001, milliliter: 0.001, gallon: 3.785411784, cup: 0.2365882365, pint: 0.473176473 },
}; // prettier-ignore

export function units(plain) {
  const heat =
    /(-?\d+(?:\.\d+)?)\s*(?:°|degrees?)?\s*(celsius|fahrenheit|c|f)\b.*\b(?:to|in|into|as)\s*(?:°|degrees?)?\s*(celsius|fahrenheit|c|f)\b/i.exec(
      plain,
    );
  if (heat && heat[2][0].toLowerCase() !== heat[3][0].toLowerCase()) {
    const made = /^c/i.test(heat[2]) ? `${heat[1]} * 9 / 5 + 32` : `(${heat[1]} - 32) * 5 / 9`;
    const sign = heat[3][0].toUpperCase();
    return simple(made, "", ({ result }) => ({
      short: `${result} °${sign}`,
      text: `${heat[1]} °${heat[2][0].toUpperCase()} is ${result} °${sign}.`,
    }));
  }
  const given =
    new RegExp(`(${NUMBER})\\s*([a-z]+)\\b.*?\\b(?:to|in|into|as)\\s+([a-z]+)\\b`, "i").exec(plain) ??
    new RegExp(`how many ()([a-z]+) (?:are |is )?(?:there )?in (${NUMBER}|an?) ([a-z]+)`, "i").exec(plain);
  if (!given) return undefined;
  const [number, from, to] = given[1] ? given.slice(1) : [given[3].replace(/^an?$/i, "1"), given[4], given[2]];
  const of = (name) => name.toLowerCase().replace(/(?<=[a-z]{2})s$/, "");
  const table = Object.values(UNITS).find((kinds) => of(from) in kinds && of(to) in kinds);
  if (!table || of(from) === of(to)) return undefined;
  return simple(`${number} * ${table[of(from)]} / ${table[of(to)]}`, "", ({ result }) => ({
    short: `${result} ${to}`,
    text: `${number} ${from} is ${result} ${to}.`,
  }));
}

export function between(plain, now, text) {
  const [from, to] = dates(text, now);
  if (!to || !/\b(?:days?|weeks?|how long)\b.*\bbetween\b|\bhow many days\b|\bdays (?:from|until)\b/i.test(text))
    return undefined;
  const numbers = (day) => day.value.split("-").map(Number).join(", ");
  const code = `import json\nfrom datetime import date\n\nprint(json.dumps({"days": (date(${numbers(to)}) - date(${numbers(from)})).days}))\n`;
  const mental = () => ({ days: Math.round((new Date(to.value) - new Date(from.value)) / 86_400_000) });
  return {
    code,
    mental,
    told: ({ days }) => ({ short: `${days}`, text: `There are ${days} days between ${from.value} and ${to.value}.` }),
  };
}

export function comparison(plain) {
  const asked = new RegExp(
    `\\b(?:is|are)\\s+(${NUMBER})\\s*(?:>|<|(larger|greater|bigger|more|higher|smaller|less|lower)\\s+than)\\s*(${NUMBER})`,
    "i",
  ).exec(plain);
  const either = new RegExp(
    `\\b(larger|greater|bigger|higher|smaller|lower|less)\\b[^\\d-]*(${NUMBER})\\s*(?:or|and|,)\\s*(${NUMBER})`,
    "i",
  ).exec(plain);
  if (asked) {
    const less = /</.test(asked[0]) || /small|less|low/i.test(asked[2] ?? "");
    const code = `import json\n\nprint(json.dumps({"holds": ${asked[1]} ${less ? "<" : ">"} ${asked[3]}}))\n`;
    const holds = less ? Number(asked[1]) < Number(asked[3]) : Number(asked[1]) > Number(asked[3]);
    const told = ({ holds: yes }) => ({
      short: yes ? "Yes" : "No",
      text: `${yes ? "Yes" : "No"}, ${asked[1]} is ${yes ? "" : "not "}${less ? "less" : "more"} than ${asked[3]}.`,
      yes,
    });
    return { code, mental: () => ({ holds }), told };
  }
  if (!either) return undefined;
  const call = /small|low|less/i.test(either[1]) ? "min" : "max";
  return simple(`${call}(${either[2]}, ${either[3]})`, "", ({ result }) => ({
    short: result,
    text: `${result} is ${either[1].toLowerCase()}.`,
  }));
}
