// Problems of arithmetic and algebra in a text, each as code for the interpreter (`code`, which prints a JSON object) and as
// what the model works out in its head where the assistant has no interpreter (`mental`, the same object, or undefined).
import { expression, KNOWN, pair, roots, shown } from "./arithmetic.mjs";
import { dates } from "./dates.mjs";
import { findings } from "./found.mjs";

const NUMBER = "-?\\d+(?:\\.\\d+)?";
const ASKS = /\b(?:what(?:['’]s| is| are| do| would)?|how (?:much|many)|calculate|compute|evaluate|work out|find|give|tell|solve|determine|add|subtract|multiply|divide)\b|=\s*\??\s*$/i;

/** The problem that a text sets, `{ code, mental, told }`; undefined if there is none. */
export function problemOf(text, now) {
  const plain = plainOf(text);
  for (const read of [equations, calculus, percentages, lists, primes, units, between, comparison, arithmetic]) {
    const problem = read(plain, now, text);
    if (problem) return problem;
  }
  return undefined;
}

/** A text with signs and words of arithmetic written as Python has them. */
export function plainOf(text) {
  let plain = text
    .normalize("NFC")
    .replace(/[×·⋅∙]/g, "*")
    .replace(/÷/g, "/")
    .replace(/[−–]/g, "-")
    .replace(/²/g, "**2")
    .replace(/³/g, "**3")
    .replace(/√\s*\(?([\d.]+|[a-z]\b)\)?/gi, "sqrt($1)")
    .replace(/π/g, "pi")
    .replace(/\^/g, "**")
    .replace(/(\d),(?=\d{3}(?!\d))/g, "$1")
    .replace(/(\d)\s*x\s*(?=\d)/g, "$1 * ");
  const spelt = findings(plain, new Date()).filter((each) => each.kind === "number" && !/\d/.test(plain.slice(each.start, each.end)));
  for (const { value, start, end } of spelt.reverse()) plain = `${plain.slice(0, start)}${value}${plain.slice(end)}`;
  return plain
    .replace(/\bmultiplied by\b|\btimes\b/gi, "*")
    .replace(/\bdivided by\b/gi, "/")
    .replace(/\bdivide (-?[\d.]+) by (?=-?\d)/gi, "$1 / ")
    .replace(/\bmultiply (-?[\d.]+) (?:by|with|and) (?=-?\d)/gi, "$1 * ")
    .replace(/\badd (-?[\d.]+) to (?=-?\d)/gi, "$1 + ")
    .replace(/(?<=\d|\))\s+over\s+(?=\d|\()/gi, " / ")
    .replace(/\bplus\b/gi, "+")
    .replace(/\bminus\b/gi, "-")
    .replace(/\b(?:raised )?to the (?:power (?:of )?)?(-?\d+)(?:st|nd|rd|th)?(?: power)?/gi, "** $1")
    .replace(/\b(?:raised )?to the power of\b/gi, "**")
    .replace(/\bsquared\b/gi, "**2")
    .replace(/\bcubed\b/gi, "**3")
    .replace(/\bmod(?:ulo)?\b/gi, "%")
    .replace(/\b(?:the )?(?:square root|sqrt) of (?:the )?\(?([\d.]+|[a-z]\b)\)?/gi, "sqrt($1)")
    .replace(/\b(?:the )?cube root of \(?([\d.]+)\)?/gi, "cbrt($1)")
    .replace(/\b(?:the )?factorial of (\d+)/gi, "factorial($1)")
    .replace(/\b(\d+)!(?!=)/g, "factorial($1)")
    .replace(/\b(\d+) factorial\b/gi, "factorial($1)")
    .replace(/\b(?:one )?half of (?=[\d(])/gi, "0.5 * ")
    .replace(/\b(?:a |one )?third of (?=[\d(])/gi, "1 / 3 * ")
    .replace(/\b(?:a |one )?quarter of (?=[\d(])/gi, "0.25 * ");
}

const TOKENS = /\d+(?:\.\d+)?|\.\d+|[A-Za-z]+|\*\*|\/\/|[-+*/%(),=?]|\S/g;

/** The stretches of a text that are expressions or equations, as tokens. */
function stretches(plain) {
  const found = [[]];
  for (const { 0: token, index } of plain.matchAll(TOKENS)) {
    const isName = /^[A-Za-z]/.test(token);
    const isPart = isName ? KNOWN.includes(token) || (token.length === 1 && isVariable(plain, index)) : /^[\d.]|^[-+*/%(),=]/.test(token) && token !== ".";
    if (isPart && token !== ",") found.at(-1).push(token);
    else if (isPart && found.at(-1).filter((each) => each === "(").length > found.at(-1).filter((each) => each === ")").length) found.at(-1).push(token);
    else if (found.at(-1).length) found.push([]);
  }
  return found.map(trimmed).filter((tokens) => tokens.length);
}

const isVariable = (plain, index) => /[-+*/=(]\s*$|\d$/.test(plain.slice(0, index)) || /^.\s*[-+*/=)]/.test(plain.slice(index));

function trimmed(tokens) {
  let all = tokens;
  while (all.length && /^[*/%+,=)]$|^\*\*$|^\/\/$/.test(all[0])) all = all.slice(1);
  while (all.length && /^[-+*/%,(]$|^\*\*$|^\/\/$/.test(all.at(-1))) all = all.slice(0, -1);
  return all;
}

const letters = (tokens) => [...new Set(tokens.filter((token) => /^[A-Za-z]$/.test(token) && token !== "e"))].sort();

/** Tokens as Python: with the signs of multiplication that people leave out, and exact fractions where `exact`. */
function python(tokens, exact = false) {
  let code = "";
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const joins = before !== undefined && /^[\w.)]/.test(before) && /^[\w.(]/.test(token) && !(KNOWN.includes(before) && token === "(");
    if (joins) code += "*";
    code += exact && /\./.test(token) ? `Rational("${token}")` : token;
  });
  return code.replaceAll("**", " ** ").replace(/([-+])(?=\S)/g, " $1 ").replace(/(^|[(,=*/] ?) ([-+]) /g, "$1$2").replace(/\s+/g, " ").trim();
}

const SHOWN = String.raw`
def shown(value):
    return str(value) if value.is_Rational or not value.is_real else f"{value} (about {float(value):.6g})"
`;

function equations(plain) {
  const found = stretches(plain)
    .filter((tokens) => tokens.filter((token) => token === "=").length === 1)
    .map((tokens) => [tokens.slice(0, tokens.indexOf("=")), tokens.slice(tokens.indexOf("=") + 1)])
    .filter(([left, right]) => left.length && right.length && letters([...left, ...right]).length)
    .filter((sides) => sides.every((side) => expression(side.join(" "))));
  if (!found.length) return undefined;
  const names = letters(found.flat(2));
  const asked = /\bfor ([a-z])\b/i.exec(plain)?.[1] ?? /\b(?:find|what is) ([a-z])\b/i.exec(plain)?.[1];
  const systems = found.length > 1 || names.length === 1 ? names : [asked && names.includes(asked) ? asked : names.at(-1)];
  const given = found.map(([left, right]) => `Eq(${python(left, true)}, ${python(right, true)})`);
  const code = `import json
from sympy import Eq, Rational, cos, exp, log, pi, sin, solve, sqrt, symbols, tan
${SHOWN}
${names.join(", ")} = symbols("${names.join(" ")}")
solutions = solve([${given.join(", ")}], [${systems.join(", ")}], dict=True)
print(json.dumps({"solutions": [{str(name): shown(value) for name, value in each.items()} for each in solutions]}))
`;
  const sides = found.map((pairOf) => pairOf.map((side) => expression(side.join(" "))));
  const mental = () => {
    if (found.length === 1 && names.length === 1) {
      const values = roots(...sides[0], names[0]);
      return Array.isArray(values) ? { solutions: values.map((value) => ({ [names[0]]: shown(value) })) } : undefined;
    }
    const values = found.length === 2 && names.length === 2 ? pair(sides, names) : undefined;
    return values && { solutions: [Object.fromEntries(names.map((name, index) => [name, shown(values[index])]))] };
  };
  const told = ({ solutions }) => {
    if (!solutions?.length) return { short: "no solution", text: "There is no solution." };
    const each = solutions.map((solution) => Object.entries(solution).map(([name, value]) => `${name} = ${value}`).join(", "));
    return { short: each.join(" or "), text: `${each.join(" or ")}.`, data: solutions[0] };
  };
  return { code, mental, told };
}

function calculus(plain) {
  const asked = /\b(derivative|differentiate|integral|integrate|antiderivative|simplify|expand|factor(?:ise|ize)?)\b/i.exec(plain);
  const [tokens] = asked ? stretches(plain.slice(asked.index + asked[0].length)).filter((each) => letters(each).length && !each.includes("=")) : [];
  if (!tokens || !expression(tokens.join(" "))) return undefined;
  const names = letters(tokens);
  const verb = asked[1].toLowerCase();
  const call = /^d/.test(verb) ? "diff" : /integra|anti/.test(verb) ? "integrate" : verb.replace(/is?e$|ize$/, "").replace(/^factor.*/, "factor").replace(/^simplif.*/, "simplify");
  const made = call === "diff" || call === "integrate" ? `${call}(${python(tokens, true)}, ${names[0]})` : `${call}(${python(tokens, true)})`;
  const code = `import json
from sympy import Rational, cos, diff, exp, expand, factor, integrate, log, pi, simplify, sin, sqrt, symbols, tan

${names.join(", ")} = symbols("${names.join(" ")}")
print(json.dumps({"result": str(${made})}))
`;
  return { code, mental: () => undefined, told: resultOf };
}

const resultOf = ({ result }) => ({ short: String(result), text: `The result is ${result}.` });

/** A problem that one expression answers. */
function simple(python, imports = "", told = resultOf) {
  const code = `import json
${imports}${imports && "\n"}
result = ${python}
print(json.dumps({"result": f"{result:.10g}"}))
`;
  const mental = () => {
    const value = expression(python)?.({});
    return Number.isFinite(value) ? { result: shown(value) } : undefined;
  };
  return { code, mental, told };
}

function percentages(plain) {
  const of = (pattern) => new RegExp(pattern.replaceAll("N", `[$€£]?(${NUMBER})`).replaceAll("P", `(${NUMBER})\\s*(?:%|percent\\b)`), "i").exec(plain);
  const unit = (made) => simple(made, "", ({ result }) => ({ short: `${result}%`, text: `It is ${result}%.` }));
  let found;
  if ((found = of("what (?:percent|percentage|%) (?:of N is N)"))) return unit(`100 * ${found[2]} / ${found[1]}`);
  if ((found = of("N is (?:what|which|how many) (?:percent|percentage|%) of N"))) return unit(`100 * ${found[1]} / ${found[2]}`);
  if ((found = of("(?:N as a (?:percent|percentage) of N)"))) return unit(`100 * ${found[1]} / ${found[2]}`);
  if ((found = of("(?:percent|percentage|%) (?:change|increase|decrease|difference|growth)\\b[^\\d]*N[^\\d]*\\b(?:to|and)\\b[^\\d]*N"))) return unit(`100 * (${found[2]} - ${found[1]}) / ${found[1]}`);
  if ((found = of("P (?:off|discount (?:on|from)|less than|reduction (?:on|of|from))(?: of)? (?:a |an |the )?(?:\\w+ )??N"))) return simple(`${found[2]} * (1 - ${found[1]} / 100)`);
  if ((found = of("(?:increase|raise|grow)\\w* N by P"))) return simple(`${found[1]} * (1 + ${found[2]} / 100)`);
  if ((found = of("(?:decrease|reduce|lower|cut)\\w* N by P"))) return simple(`${found[1]} * (1 - ${found[2]} / 100)`);
  if ((found = of("N \\+ P"))) return simple(`${found[1]} * (1 + ${found[2]} / 100)`);
  if ((found = of("N - P"))) return simple(`${found[1]} * (1 - ${found[2]} / 100)`);
  if ((found = of("P (?:\\w+ )?(?:of|on|from) (?:a |an |the )?(?:\\w+ (?:of )?)?N"))) return simple(`${found[1]} / 100 * ${found[2]}`);
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
  [/\b(?:greatest common divisor|gcd|highest common factor|hcf|greatest common factor|gcf)\b/i, "greatest common divisor", "math.gcd"],
  [/\b(?:least common multiple|lcm|lowest common multiple)\b/i, "least common multiple", "math.lcm"],
  [/\bdifference\b|\bsubtract\b/i, "difference", "difference"],
  [/\b(?:sort|order|ascending|descending)\b/i, "sorted list", "sorted"],
];
const MENTAL = { "statistics.mean": "mean", "statistics.median": "median", sum: "sum", max: "max", min: "min" };

function lists(plain) {
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
  const inner = MENTAL[call] ? `${MENTAL[call]}(${listed})` : call === "math.prod" ? numbers.join(" * ") : numbers.length === 2 ? `${call.slice(5)}(${listed})` : "?";
  const mental = () => {
    const value = expression(inner)?.({});
    return Number.isFinite(value) ? { result: shown(value) } : undefined;
  };
  return { code, mental, told };
}

function primes(plain) {
  const number = /\b(\d{1,15})\b/.exec(plain)?.[1];
  if (!number || !/\bprimes?\b|\bfactori[sz]|\bdivisors\b/i.test(plain)) return undefined;
  const factors = () => {
    const found = [];
    let rest = Number(number);
    for (let divisor = 2; divisor * divisor <= rest; divisor++) while (rest % divisor === 0) (found.push(divisor), (rest /= divisor));
    return rest > 1 ? [...found, rest] : found;
  };
  if (/\bfactor|\bdivisor/i.test(plain)) {
    const code = `import json\nfrom sympy import factorint\n\nprint(json.dumps({"factors": [int(prime) for prime, times in factorint(${number}).items() for _ in range(times)]}))\n`;
    return { code, mental: () => ({ factors: factors() }), told: ({ factors: all }) => ({ short: all.join(" * "), text: `${number} = ${all.join(" * ")}.` }) };
  }
  const code = `import json\nfrom sympy import isprime\n\nprint(json.dumps({"prime": bool(isprime(${number}))}))\n`;
  const told = ({ prime }) => ({ short: prime ? "Yes" : "No", text: `${prime ? "Yes" : "No"}, ${number} is ${prime ? "" : "not "}a prime number.`, yes: prime });
  return { code, mental: () => ({ prime: factors().length === 1 }), told };
}

// Metres, grams, seconds, litres: what one of each unit is of them.
const UNITS = {
  length: { km: 1000, kilometer: 1000, kilometre: 1000, m: 1, meter: 1, metre: 1, cm: 0.01, centimeter: 0.01, centimetre: 0.01, mm: 0.001, mile: 1609.344, mi: 1609.344, yard: 0.9144, foot: 0.3048, feet: 0.3048, ft: 0.3048, inch: 0.0254, inche: 0.0254 },
  weight: { kg: 1000, kilogram: 1000, kilo: 1000, g: 1, gram: 1, mg: 0.001, pound: 453.59237, lb: 453.59237, ounce: 28.349523125, oz: 28.349523125, ton: 1e6, tonne: 1e6 },
  time: { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800, min: 60, h: 3600 },
  volume: { liter: 1, litre: 1, l: 1, ml: 0.001, milliliter: 0.001, gallon: 3.785411784, cup: 0.2365882365, pint: 0.473176473 },
}; // prettier-ignore

function units(plain) {
  const heat = /(-?\d+(?:\.\d+)?)\s*(?:°|degrees?)?\s*(celsius|fahrenheit|c|f)\b.*\b(?:to|in|into|as)\s*(?:°|degrees?)?\s*(celsius|fahrenheit|c|f)\b/i.exec(plain);
  if (heat && heat[2][0].toLowerCase() !== heat[3][0].toLowerCase()) {
    const made = /^c/i.test(heat[2]) ? `${heat[1]} * 9 / 5 + 32` : `(${heat[1]} - 32) * 5 / 9`;
    const sign = heat[3][0].toUpperCase();
    return simple(made, "", ({ result }) => ({ short: `${result} °${sign}`, text: `${heat[1]} °${heat[2][0].toUpperCase()} is ${result} °${sign}.` }));
  }
  const given = new RegExp(`(${NUMBER})\\s*([a-z]+)\\b.*?\\b(?:to|in|into|as)\\s+([a-z]+)\\b`, "i").exec(plain) ?? new RegExp(`how many ()([a-z]+) (?:are |is )?(?:there )?in (${NUMBER}|an?) ([a-z]+)`, "i").exec(plain);
  if (!given) return undefined;
  const [number, from, to] = given[1] ? given.slice(1) : [given[3].replace(/^an?$/i, "1"), given[4], given[2]];
  const of = (name) => name.toLowerCase().replace(/(?<=[a-z]{2})s$/, "");
  const table = Object.values(UNITS).find((kinds) => of(from) in kinds && of(to) in kinds);
  if (!table || of(from) === of(to)) return undefined;
  return simple(`${number} * ${table[of(from)]} / ${table[of(to)]}`, "", ({ result }) => ({ short: `${result} ${to}`, text: `${number} ${from} is ${result} ${to}.` }));
}

function between(plain, now, text) {
  const [from, to] = dates(text, now);
  if (!to || !/\b(?:days?|weeks?|how long)\b.*\bbetween\b|\bhow many days\b|\bdays (?:from|until)\b/i.test(text)) return undefined;
  const numbers = (day) => day.value.split("-").map(Number).join(", ");
  const code = `import json\nfrom datetime import date\n\nprint(json.dumps({"days": (date(${numbers(to)}) - date(${numbers(from)})).days}))\n`;
  const mental = () => ({ days: Math.round((new Date(to.value) - new Date(from.value)) / 86_400_000) });
  return { code, mental, told: ({ days }) => ({ short: `${days}`, text: `There are ${days} days between ${from.value} and ${to.value}.` }) };
}

function comparison(plain) {
  const asked = new RegExp(`\\b(?:is|are)\\s+(${NUMBER})\\s*(?:>|<|(larger|greater|bigger|more|higher|smaller|less|lower)\\s+than)\\s*(${NUMBER})`, "i").exec(plain);
  const either = new RegExp(`\\b(larger|greater|bigger|higher|smaller|lower|less)\\b[^\\d-]*(${NUMBER})\\s*(?:or|and|,)\\s*(${NUMBER})`, "i").exec(plain);
  if (asked) {
    const less = /</.test(asked[0]) || /small|less|low/i.test(asked[2] ?? "");
    const code = `import json\n\nprint(json.dumps({"holds": ${asked[1]} ${less ? "<" : ">"} ${asked[3]}}))\n`;
    const holds = less ? Number(asked[1]) < Number(asked[3]) : Number(asked[1]) > Number(asked[3]);
    const told = ({ holds: yes }) => ({ short: yes ? "Yes" : "No", text: `${yes ? "Yes" : "No"}, ${asked[1]} is ${yes ? "" : "not "}${less ? "less" : "more"} than ${asked[3]}.`, yes });
    return { code, mental: () => ({ holds }), told };
  }
  if (!either) return undefined;
  const call = /small|low|less/i.test(either[1]) ? "min" : "max";
  return simple(`${call}(${either[2]}, ${either[3]})`, "", ({ result }) => ({ short: result, text: `${result} is ${either[1].toLowerCase()}.` }));
}

function arithmetic(plain, now, text) {
  const rated = stretches(plain)
    .map((tokens) => tokens.filter((token) => token !== "="))
    .filter((tokens) => tokens.some((token) => /^\d/.test(token)) && !letters(tokens).length)
    .filter((tokens) => tokens.some((token, index) => (index > 0 && /^[-+*/%]|^\*\*/.test(token)) || (KNOWN.includes(token) && token.length > 1)))
    .filter((tokens) => expression(tokens.join(" ")))
    .sort((a, b) => b.length - a.length);
  const [tokens] = rated;
  if (!tokens) return undefined;
  const written = tokens.join("");
  const whole = plain.replace(/[\s=?.!]/g, "") === written;
  // "2026-03-02", "555-1234" and "3/4" are no sums unless somebody asks for one.
  const isDate = /^\d+([-/]\d+)+$/.test(written);
  if (!whole && !ASKS.test(plain) && isDate) return undefined;
  if (isDate && !whole && (dates(text, now).length || findings(text, now).some((each) => each.kind === "phone" || (each.kind === "id" && each.value.replace(/\W/g, "") === written.replace(/\W/g, ""))))) return undefined;
  const names = [...new Set(tokens.filter((token) => /^[a-z]/i.test(token)))].filter((name) => !["abs", "round", "min", "max", "sum"].includes(name));
  const code = names.map((name) => (name === "ln" ? "log as ln" : name));
  return simple(python(tokens), names.length ? `from math import ${code.sort().join(", ")}\n` : "");
}
