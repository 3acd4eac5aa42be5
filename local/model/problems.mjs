// Problems of arithmetic and algebra in a text, each as code for the interpreter (`code`, which prints a JSON object) and as
// what the model works out in its head where the assistant has no interpreter (`mental`, the same object, or undefined).
import { expression, KNOWN, pair, roots, shown } from "./arithmetic.mjs";
import { dates } from "./dates.mjs";
import { findings } from "./found.mjs";
import { between, comparison, lists, percentages, primes, resultOf, simple, units } from "./quantities.mjs";

const ASKS =
  /\b(?:what(?:['’]s| is| are| do| would)?|how (?:much|many)|calculate|compute|evaluate|work out|find|give|tell|solve|determine|add|subtract|multiply|divide)\b|=\s*\??\s*$/i;

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
  const spelt = findings(plain, new Date()).filter(
    (each) => each.kind === "number" && !/\d/.test(plain.slice(each.start, each.end)),
  );
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
    const isPart = isName
      ? KNOWN.includes(token) || (token.length === 1 && isVariable(plain, index))
      : /^[\d.]|^[-+*/%(),=]/.test(token) && token !== ".";
    if (isPart && token !== ",") found.at(-1).push(token);
    else if (
      isPart &&
      found.at(-1).filter((each) => each === "(").length > found.at(-1).filter((each) => each === ")").length
    )
      found.at(-1).push(token);
    else if (found.at(-1).length) found.push([]);
  }
  return found.map(trimmed).filter((tokens) => tokens.length);
}

const isVariable = (plain, index) =>
  /[-+*/=(]\s*$|\d$/.test(plain.slice(0, index)) || /^.\s*[-+*/=)]/.test(plain.slice(index));

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
    const joins =
      before !== undefined &&
      /^[\w.)]/.test(before) &&
      /^[\w.(]/.test(token) &&
      !(KNOWN.includes(before) && token === "(");
    if (joins) code += "*";
    code += exact && /\./.test(token) ? `Rational("${token}")` : token;
  });
  return code
    .replaceAll("**", " ** ")
    .replace(/([-+])(?=\S)/g, " $1 ")
    .replace(/(^|[(,=*/] ?) ([-+]) /g, "$1$2")
    .replace(/\s+/g, " ")
    .trim();
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
  const systems =
    found.length > 1 || names.length === 1 ? names : [asked && names.includes(asked) ? asked : names.at(-1)];
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
    if (found.length === 1 && names.length === 2) return inTermsOf(sides[0], systems[0], names);
    const values = found.length === 2 && names.length === 2 ? pair(sides, names) : undefined;
    return values && { solutions: [Object.fromEntries(names.map((name, index) => [name, shown(values[index])]))] };
  };
  const told = ({ solutions }) => {
    if (!solutions?.length) return { short: "no solution", text: "There is no solution." };
    const each = solutions.map((solution) =>
      Object.entries(solution)
        .map(([name, value]) => `${name} = ${value}`)
        .join(", "),
    );
    return { short: each.join(" or "), text: `${each.join(" or ")}.`, data: solutions[0] };
  };
  return { code, mental, told };
}

/** The solution of a linear equation for one of its two letters. */
function inTermsOf([left, right], wanted, names) {
  const other = names.find((name) => name !== wanted);
  const at = (value) => roots(...[left, right].map((side) => (env) => side({ ...env, [other]: value })), wanted);
  const [first, second, third] = [0, 1, 2].map((value) => (at(value)?.length === 1 ? at(value)[0] : NaN));
  const slope = second - first;
  if (!(Math.abs(third - first - 2 * slope) < 1e-9) || !slope) return undefined;
  const rest = first ? `${first < 0 ? " - " : " + "}${shown(Math.abs(first))}` : "";
  return { solutions: [{ [wanted]: `${slope === 1 ? "" : slope === -1 ? "-" : `${shown(slope)}*`}${other}${rest}` }] };
}

function calculus(plain) {
  const asked =
    /\b(derivative|differentiate|integral|integrate|antiderivative|simplify|expand|factor(?:ise|ize)?)\b/i.exec(plain);
  const [tokens] = asked
    ? stretches(plain.slice(asked.index + asked[0].length)).filter(
        (each) => letters(each).length && !each.includes("="),
      )
    : [];
  if (!tokens || !expression(tokens.join(" "))) return undefined;
  const names = letters(tokens);
  const verb = asked[1].toLowerCase();
  const call = /^d/.test(verb)
    ? "diff"
    : /integra|anti/.test(verb)
      ? "integrate"
      : verb
          .replace(/is?e$|ize$/, "")
          .replace(/^factor.*/, "factor")
          .replace(/^simplif.*/, "simplify");
  const made =
    call === "diff" || call === "integrate"
      ? `${call}(${python(tokens, true)}, ${names[0]})`
      : `${call}(${python(tokens, true)})`;
  const code = `import json
from sympy import Rational, cos, diff, exp, expand, factor, integrate, log, pi, simplify, sin, sqrt, symbols, tan

${names.join(", ")} = symbols("${names.join(" ")}")
print(json.dumps({"result": str(${made})}))
`;
  return { code, mental: () => undefined, told: resultOf };
}

function arithmetic(plain, now, text) {
  const rated = stretches(plain)
    .map((tokens) => tokens.filter((token) => token !== "="))
    .filter((tokens) => tokens.some((token) => /^\d/.test(token)) && !letters(tokens).length)
    .filter((tokens) =>
      tokens.some(
        (token, index) => (index > 0 && /^[-+*/%]|^\*\*/.test(token)) || (KNOWN.includes(token) && token.length > 1),
      ),
    )
    .filter((tokens) => expression(tokens.join(" ")))
    .sort((a, b) => b.length - a.length);
  const [tokens] = rated;
  if (!tokens) return undefined;
  const written = tokens.join("");
  const whole = plain.replace(/[\s=?.!]/g, "") === written;
  // "2026-03-02", "555-1234" and "3/4" are no sums unless somebody asks for one.
  const isDate = /^\d+([-/]\d+)+$/.test(written);
  if (!whole && !ASKS.test(plain) && isDate) return undefined;
  if (
    isDate &&
    !whole &&
    (dates(text, now).length ||
      findings(text, now).some(
        (each) =>
          each.kind === "phone" || (each.kind === "id" && each.value.replace(/\W/g, "") === written.replace(/\W/g, "")),
      ))
  )
    return undefined;
  const names = [...new Set(tokens.filter((token) => /^[a-z]/i.test(token)))].filter(
    (name) => !["abs", "round", "min", "max", "sum"].includes(name),
  );
  const code = names.map((name) => (name === "ln" ? "log as ln" : name));
  return simple(python(tokens), names.length ? `from math import ${code.sort().join(", ")}\n` : "");
}
