// What the offline model answers to a text that no script has: it uses the tools that the assistant has, and says what they
// say. A text asks for one thing or several; each is a part with the calls that it needs and the answer that they give.
import { answerPart, partsFor } from "./parts.mjs";
import { today } from "./dates.mjs";
import { formed, formOf } from "./form.mjs";
import { told } from "./outputs.mjs";
import { asObject, bySchema } from "./structured.mjs";
import { recalled, smallTalk, textTask, toRepeat, WHAT_IT_IS } from "./talk.mjs";

const BUILT_IN = ["code_interpreter", "file_search"];

/** The reply of the model to a turn: calls, or the answer in the form that is asked for. */
export function answerTo(turn) {
  const now = today(turn.instructions);
  const kit = kitOf(turn, now);
  const parts = partsFor(turn, kit);
  const ours = parts.flatMap((part) => part.outputs);
  const others = turn.outputs.filter((output) => !ours.includes(output));
  // Outputs of calls that the text did not ask for are of a call that the request demanded: then the answer is due.
  const calls = others.length ? [] : parts.flatMap((part) => part.next());
  if (calls.length) return { toolCalls: turn.parallel ? calls : calls.slice(0, 1) };
  const answers = [...parts.map(answerPart), ...(others.length ? [told(others, turn.user)] : [])].filter(Boolean);
  return { content: written(turn, joined(answers) ?? spoken(turn, kit), now) };
}

/** The tools that may be called: the assistant's own functions, and of the built-in ones whether they are there. */
function kitOf({ tools, choice, user, earlier }, now) {
  const named = typeof choice === "object" ? (choice.name ?? choice.function?.name) : undefined;
  const usable = choice === "none" ? [] : named ? tools.filter((tool) => tool.name === named) : tools;
  const has = (name) => usable.some((tool) => tool.name === name);
  return {
    now,
    own: usable.filter((tool) => !BUILT_IN.includes(tool.name)),
    code: has("code_interpreter"),
    search: has("file_search"),
    named: usable.length ? named : undefined,
    required: choice === "required" && usable.length > 0,
    talks: Boolean(smallTalk(user, "") || toRepeat(user) || textTask(user) || recalled(user, earlier)),
  };
}

function joined(answers) {
  if (answers.length < 2) return answers[0];
  return {
    text: answers.map(({ text }) => text).join("\n\n"),
    short: answers.map(({ short }) => short).join(", "),
    lines: answers.flatMap(({ text, lines }) => (lines?.length ? lines : [text])),
    data: Object.assign({}, ...answers.map(({ data }) => data)),
    yes: answers.every(({ yes }) => yes ?? true),
  };
}

/** What it says without a tool. */
function spoken(turn, kit) {
  const { user, earlier, images } = turn;
  const repeated = toRepeat(user);
  if (repeated !== undefined) return { text: repeated, short: repeated, verbatim: true };
  const able = abilities(turn.tools);
  const known = recalled(user, earlier) ?? textTask(user) ?? smallTalk(user, able);
  if (known) return known;
  if (images) {
    const many = images === 1 ? "an image" : `${images} images`;
    return { text: `I have received ${many}. ${WHAT_IT_IS} It can't look into images.`, short: many, is: true };
  }
  if (!user.trim()) return { text: `The message has no text. ${WHAT_IT_IS}`, short: "no text", is: true };
  const plain = kit.code || kit.search ? "found nothing to answer this with" : "has no tool here that fits this";
  return {
    text: `This is the offline model: it has rules instead of a language model, and ${plain}. ${able} Set OPENAI_API_KEY to have a real model answer.`,
    short: "unknown",
    is: true,
  };
}

function abilities(tools) {
  const own = tools.map((tool) => tool.name).filter((name) => !BUILT_IN.includes(name));
  const able = ["calculate and solve equations"];
  if (tools.some((tool) => tool.name === "code_interpreter")) able.push("read and chart files with code");
  if (tools.some((tool) => tool.name === "file_search")) able.push("search the files and quote them");
  if (own.length) able.push(`call ${own.slice(0, 6).join(", ")}`);
  return `Here it can ${able.length > 1 ? `${able.slice(0, -1).join(", ")} and ${able.at(-1)}` : able[0]}.`;
}

function written(turn, answer, now) {
  const form = formOf(turn.instructions, turn.user);
  if (turn.format.type === "json_schema") return bySchema(turn.format.schema, answer, turn, now);
  if (turn.format.type === "json_object" || form.json) return asObject(form.json, answer, turn, now);
  if (answer.verbatim) return formed(answer, { prefix: form.prefix, suffix: form.suffix, letters: form.letters });
  const said =
    answer.is || turn.earlier.some(({ role, text }) => role === "assistant" && text.includes("offline model"));
  return formed({ ...answer, note: said ? "" : WHAT_IT_IS }, form);
}
