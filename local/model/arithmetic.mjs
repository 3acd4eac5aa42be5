// Arithmetic: expressions are read, and worked out for values of their letters; equations of the first and second degree
// are solved. It is what the model can do in its head, when the assistant has no code interpreter.

const FUNCTIONS = {
  sqrt: Math.sqrt, cbrt: Math.cbrt, abs: Math.abs, sin: Math.sin, cos: Math.cos, tan: Math.tan, exp: Math.exp,
  log: Math.log, ln: Math.log, log10: Math.log10, log2: Math.log2, round: Math.round, floor: Math.floor,
  ceil: Math.ceil, factorial: (n) => (n < 0 || n > 170 ? NaN : n < 2 ? 1 : n * FUNCTIONS.factorial(n - 1)),
  min: Math.min, max: Math.max, gcd: (a, b) => (b ? FUNCTIONS.gcd(b, a % b) : Math.abs(a)),
  lcm: (a, b) => Math.abs(a * b) / FUNCTIONS.gcd(a, b), sum: (...all) => all.reduce((a, b) => a + b, 0),
  mean: (...all) => FUNCTIONS.sum(...all) / all.length, median,
}; // prettier-ignore
const CONSTANTS = { pi: Math.PI, e: Math.E };

function median(...all) {
  const sorted = all.sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export const KNOWN = [...Object.keys(FUNCTIONS), ...Object.keys(CONSTANTS)];

/**
 * A function of the values of the expression's letters, `({ x: 2 }) => number`; undefined if it is none.
 *
 * Python's operators: + - * / // % ** and parentheses. Letters may follow a number (`3x`); `^` is a power.
 */
export function expression(text) {
  const tokens = text.match(/\d+(?:\.\d+)?|\.\d+|[a-z]\w*|\*\*|\/\/|[-+*/%^(),]|\S/gi) ?? [];
  let place = 0;
  const next = (...kinds) => (kinds.includes(tokens[place]) ? tokens[place++] : undefined);
  class NoExpression extends Error {}

  function terms() {
    let left = factors();
    for (let sign; (sign = next("+", "-"));) {
      const [a, b] = [left, factors()];
      left = sign === "+" ? (env) => a(env) + b(env) : (env) => a(env) - b(env);
    }
    return left;
  }

  function factors() {
    let left = signed();
    while (place < tokens.length) {
      const sign = next("*", "/", "//", "%") ?? (/^[\w(.]/.test(tokens[place]) ? "*" : undefined);
      if (!sign) break;
      const [a, b] = [left, signed()];
      left = {
        "*": (env) => a(env) * b(env),
        "/": (env) => a(env) / b(env),
        "//": (env) => Math.floor(a(env) / b(env)),
        "%": (env) => ((a(env) % b(env)) + b(env)) % b(env),
      }[sign];
    }
    return left;
  }

  function signed() {
    const sign = next("-", "+");
    if (sign === "-") {
      const a = signed();
      return (env) => -a(env);
    }
    const base = sign ? signed() : atom();
    if (!next("**", "^")) return base;
    const power = signed();
    return (env) => base(env) ** power(env);
  }

  function atom() {
    const token = tokens[place++];
    if (token === "(") {
      const inner = terms();
      if (!next(")")) throw new NoExpression();
      return inner;
    }
    if (/^[\d.]/.test(token ?? "")) return () => Number(token);
    if (Object.hasOwn(FUNCTIONS, token ?? "") && next("(")) {
      const given = [terms()];
      while (next(",")) given.push(terms());
      if (!next(")")) throw new NoExpression();
      return (env) => FUNCTIONS[token](...given.map((each) => each(env)));
    }
    if (Object.hasOwn(CONSTANTS, token ?? "")) return () => CONSTANTS[token];
    if (/^[a-z]$/i.test(token ?? "")) return (env) => env[token];
    throw new NoExpression();
  }

  try {
    const read = terms();
    return place === tokens.length ? read : undefined;
  } catch (error) {
    if (error instanceof NoExpression) return undefined;
    throw error;
  }
}

const near = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

/** The solutions of an equation in one letter: a list, `"all"`, or undefined where it is of a higher degree. */
export function roots(left, right, letter) {
  const difference = (value) => left({ [letter]: value }) - right({ [letter]: value });
  const c = difference(0);
  const a = (difference(1) + difference(-1)) / 2 - c;
  const b = (difference(1) - difference(-1)) / 2;
  if (![2, 3, -2.5].every((value) => near(difference(value), a * value * value + b * value + c))) return undefined;
  if (near(a, 0)) return near(b, 0) ? (near(c, 0) ? "all" : []) : [-c / b + 0];
  const inner = b * b - 4 * a * c;
  if (near(inner, 0)) return [-b / (2 * a) + 0];
  if (inner < 0) return [];
  return [(-b - Math.sqrt(inner)) / (2 * a), (-b + Math.sqrt(inner)) / (2 * a)].sort((x, y) => x - y);
}

/** The one solution of two linear equations (each a pair of sides) in two letters; undefined if there is none. */
export function pair([first, second], [x, y]) {
  const row = ([left, right]) => {
    const at = (a, b) => left({ [x]: a, [y]: b }) - right({ [x]: a, [y]: b });
    const c = at(0, 0);
    const [a, b] = [at(1, 0) - c, at(0, 1) - c];
    return near(at(2, 3), 2 * a + 3 * b + c) ? [a, b, -c] : [NaN, NaN, NaN];
  };
  const [[a, b, c], [d, e, f]] = [row(first), row(second)];
  const determinant = a * e - b * d;
  return Math.abs(determinant) > 1e-12
    ? [(c * e - b * f) / determinant + 0, (a * f - c * d) / determinant + 0]
    : undefined;
}

/** A number as a person writes it: no more than 10 digits that count. */
export const shown = (number) => String(Number(number.toPrecision(10)));
