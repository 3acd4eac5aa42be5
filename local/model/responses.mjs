// The Responses API's side of the offline model: what a request asks for, and the response to it, whole or as events.
// https://platform.openai.com/docs/api-reference/responses, https://platform.openai.com/docs/api-reference/responses-streaming
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const WORD_MS = 10; // Between two words of a stream.
const STREAM_MS = 200; // A long text comes faster: its pauses add up to no more.
const CHARACTERS_OF_A_TOKEN = 4; // About that, in English text for the tokenizers in use.

/**
 * What a request says: `{ user, images, earlier, instructions, tools, functions, outputs, choice, format, parallel }`.
 *
 * `user` is the text of the newest message, `earlier` the texts of those before it (`{ role, text }`), `tools` are the
 * functions that may be called, and `outputs` what the calls since the newest message came to (`{ name, arguments,
 * output }`, each parsed if it is JSON).
 */
export function turnOf(request) {
  const items = typeof request.input === "string" ? [{ role: "user", content: request.input }] : (request.input ?? []);
  const start = items.findLastIndex((item) => item.role === "user");
  const calls = new Map();
  const outputs = [];
  for (const item of items.slice(start + 1)) {
    if (item.type === "function_call") calls.set(item.call_id, item);
    if (item.type === "function_call_output") {
      const call = calls.get(item.call_id);
      outputs.push({ name: call?.name, arguments: parsed(call?.arguments), output: parsed(textOf(item.output)) });
    }
  }
  const directions = items.filter((item) => item.role === "system" || item.role === "developer");
  const tools = (request.tools ?? []).filter((tool) => tool.type === "function");
  return {
    user: textOf(items[start]?.content),
    images: partsOf(items[start]?.content).filter((part) => part.type === "input_image").length,
    earlier: items
      .slice(0, Math.max(0, start))
      .filter((item) => item.role === "user" || item.role === "assistant")
      .map((item) => ({ role: item.role, text: textOf(item.content) })),
    instructions: [request.instructions, ...directions.map((item) => textOf(item.content))].filter(Boolean).join("\n"),
    tools,
    functions: tools.map((tool) => tool.name),
    outputs,
    choice: request.tool_choice ?? "auto",
    format: request.text?.format ?? { type: "text" },
    parallel: request.parallel_tool_calls ?? true,
  };
}

const partsOf = (content) => (Array.isArray(content) ? content : []);
const textOf = (content) =>
  typeof content === "string"
    ? content
    : partsOf(content)
        .map((part) => part.text ?? "")
        .join("");

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const tokens = (value) => (value === undefined ? 0 : Math.ceil(JSON.stringify(value).length / CHARACTERS_OF_A_TOKEN));

/**
 * The response object that a reply (`{ content, toolCalls, finishReason }`) makes: completed, or incomplete where it was
 * cut (`finishReason: "length"`) or takes more than the request's `max_output_tokens`.
 */
export function responseOf(request, reply) {
  let output = itemsOf(reply);
  const most = request.max_output_tokens ?? Infinity;
  const cut = reply.finishReason === "length" || tokensOf(output) > most;
  if (cut) output = cutTo(output, most);
  const used = tokensOf(output);
  const given = tokens(request.instructions) + tokens(request.input) + tokens(request.tools);
  return {
    ...outline(request),
    status: cut ? "incomplete" : "completed",
    completed_at: cut ? null : seconds(),
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    output,
    usage: {
      input_tokens: given,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: used,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: given + used,
    },
  };
}

const id = (prefix) => `${prefix}_${randomUUID().replaceAll("-", "")}`;
const seconds = () => Math.floor(Date.now() / 1000);

const outline = (request) => ({
  id: id("resp"),
  object: "response",
  created_at: seconds(),
  status: "in_progress",
  background: false,
  completed_at: null,
  error: null,
  incomplete_details: null,
  instructions: request.instructions ?? null,
  max_output_tokens: request.max_output_tokens ?? null,
  metadata: request.metadata ?? {},
  model: request.model,
  output: [],
  parallel_tool_calls: request.parallel_tool_calls ?? true,
  previous_response_id: null,
  reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
  store: request.store ?? false,
  temperature: request.temperature ?? 1,
  text: request.text ?? { format: { type: "text" } },
  tool_choice: request.tool_choice ?? "auto",
  tools: request.tools ?? [],
  top_p: request.top_p ?? 1,
  truncation: request.truncation ?? "disabled",
  usage: null,
});

function itemsOf({ content, toolCalls = [] }) {
  const said = content || !toolCalls.length ? [message(content ?? "")] : [];
  return [...said, ...toolCalls.map(functionCall)];
}

const message = (text) => ({
  id: id("msg"),
  type: "message",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
});

const functionCall = ({ name, arguments: values }) => ({
  id: id("fc"),
  type: "function_call",
  status: "completed",
  call_id: id("call"),
  name,
  arguments: typeof values === "string" ? values : JSON.stringify(values),
});

const tokensOf = (items) =>
  items.reduce((sum, item) => sum + tokens(item.type === "message" ? item.content[0].text : item.arguments), 0);

/** The items up to so many tokens; the last of them is incomplete. */
function cutTo(items, most) {
  const kept = [];
  let left = most;
  for (const item of items) {
    const size = tokensOf([item]);
    if (size > left) return [...kept, shortened(item, Math.max(0, left * CHARACTERS_OF_A_TOKEN - 2))];
    kept.push(item);
    left -= size;
  }
  return [...kept.slice(0, -1), { ...kept.at(-1), status: "incomplete" }];
}

function shortened(item, length) {
  if (item.type === "function_call")
    return { ...item, status: "incomplete", arguments: item.arguments.slice(0, length) };
  const [part] = item.content;
  return { ...item, status: "incomplete", content: [{ ...part, text: part.text.slice(0, length).toWellFormed() }] };
}

/**
 * The events of a response that is streamed, in the API's order. Words of a text come one after the other; nobody reads
 * arguments as they come.
 *
 * @param pause waits so many milliseconds; `sleep` unless a caller has a clock of its own.
 */
export async function* eventsOf(response, pause = sleep) {
  let number = 0;
  const event = (type, fields) => ({ type, sequence_number: number++, ...fields });
  const open = {
    ...response,
    status: "in_progress",
    completed_at: null,
    incomplete_details: null,
    output: [],
    usage: null,
  };
  yield event("response.created", { response: open });
  yield event("response.in_progress", { response: open });
  const wait = paceOf(response.output);
  for (const [output_index, item] of response.output.entries()) {
    const place = { item_id: item.id, output_index };
    const begun = { ...item, status: "in_progress" };
    if (item.type === "function_call") {
      yield event("response.output_item.added", { output_index, item: { ...begun, arguments: "" } });
      for (const delta of pieces(item.arguments))
        yield event("response.function_call_arguments.delta", { ...place, delta });
      yield event("response.function_call_arguments.done", { ...place, name: item.name, arguments: item.arguments });
    } else {
      const [part] = item.content;
      const within = { ...place, content_index: 0 };
      yield event("response.output_item.added", { output_index, item: { ...begun, content: [] } });
      yield event("response.content_part.added", { ...within, part: { ...part, text: "" } });
      for (const delta of pieces(part.text)) {
        await pause(wait);
        yield event("response.output_text.delta", { ...within, delta, logprobs: [] });
      }
      yield event("response.output_text.done", { ...within, text: part.text, logprobs: [] });
      yield event("response.content_part.done", { ...within, part });
    }
    yield event("response.output_item.done", { output_index, item });
  }
  yield event(`response.${response.status}`, { response });
}

/** A text in words, each with the space after it. */
const pieces = (text) => text.match(/\s*\S+\s*/g) ?? (text ? [text] : []);

function paceOf(items) {
  const texts = items.filter((item) => item.type === "message").map((item) => item.content[0].text);
  const words = texts.reduce((sum, text) => sum + pieces(text).length, 0);
  return Math.min(WORD_MS, STREAM_MS / Math.max(1, words));
}
