// What the scripts share: reading a turn and saying what comes next.

/** The outputs of one function in this turn. */
export const named = (turn, name) => turn.outputs.filter((output) => output.name === name);

/** Calls of one function in one turn, one for each set of arguments. */
export const call = (name, ...all) => ({ toolCalls: all.map((values) => ({ name, arguments: values })) });

/** Whom the run's instructions name as the user. */
export const userOf = (turn) => turn.instructions.match(/The user is ([^,.]+)/)?.[1] ?? "you";

/** Run code and, once it ran, go on with the JSON object that it printed last. */
export function run(turn, code, next, nth = 0) {
  const ran = named(turn, "code_interpreter")[nth];
  if (!ran) return call("code_interpreter", { code });
  const printed = printedBy(ran.output);
  return printed ? next(printed) : { content: `The code did not come to an end:\n${told(ran.output)}` };
}

/** An answer that is addressed to the user. */
export const answer = (turn, text, question) => ({ content: `${userOf(turn)}, ${text}\n\n${question}` });

/** A tool's output as text. */
export const told = (output) => (typeof output === "string" ? output : JSON.stringify(output));

/** The last line of an output that is a JSON object; undefined if there is none. */
export function printedBy(output) {
  if (typeof output !== "string") return output;
  for (const line of output.split("\n").reverse()) {
    try {
      const value = JSON.parse(line);
      if (value && typeof value === "object") return value;
    } catch {
      continue;
    }
  }
  return undefined;
}
