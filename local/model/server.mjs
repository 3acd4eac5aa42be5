// The offline model: `node server.mjs <port>` serves POST /v1/responses on 127.0.0.1 from the scripts beside it.
//
// A script is a module whose default export is a list of `{ match: RegExp, reply(turn) }`, tried in order against the
// last user message. `reply` returns what the model says next: `{ content }`, `{ toolCalls: [{ name, arguments }] }` or
// `{ error, status, retryAfter }`. It writes no fact of its own: what an answer states comes from `turn.outputs`.

import { readdir } from "node:fs/promises";
import { LLMock } from "@copilotkit/aimock";

const scripts = new URL("scripts/", import.meta.url);
const lines = [];
for (const file of (await readdir(scripts)).filter((name) => name.endsWith(".mjs")).sort())
  lines.push(...(await import(new URL(file, scripts))).default);

/** What has been said since the last user message: `{ user, instructions, functions, outputs }`. */
function turnOf(request) {
  const { messages } = request;
  const start = messages.findLastIndex((message) => message.role === "user");
  const calls = new Map();
  const outputs = [];
  for (const message of messages.slice(start + 1)) {
    for (const call of message.tool_calls ?? []) calls.set(call.id, call.function);
    if (message.role === "tool") {
      const { name, arguments: text } = calls.get(message.tool_call_id);
      outputs.push({ name, arguments: parsed(text), output: parsed(textOf(message.content)) });
    }
  }
  return {
    user: textOf(messages[start]?.content),
    instructions: messages.filter((message) => message.role === "system").map((m) => textOf(m.content)).join("\n"),
    functions: (request.tools ?? []).map((tool) => tool.function.name),
    outputs,
  };
}

const textOf = (content) =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const offline = (turn) => ({
  content:
    "This is the offline model: it answers a few scripted questions and knows nothing else. " +
    `For the message ${JSON.stringify(turn.user.slice(0, 200))} there is no script. ` +
    "Set OPENAI_API_KEY to have a real model answer.",
});

// About four characters make a token, as in English text for the tokenizers in use.
const tokens = (value) => Math.ceil(JSON.stringify(value ?? "").length / 4);

async function respond(request) {
  if (request.model === "no-such-model")
    return { error: { message: "There is no model of this name.", type: "invalid_request_error" }, status: 404 };
  const turn = turnOf(request);
  const line = lines.find(({ match }) => match.test(turn.user));
  const reply = await (line?.reply ?? offline)(turn);
  if (reply.error) return reply;
  const input = tokens(request.messages) + tokens(request.tools);
  const output = tokens(reply.content ?? reply.toolCalls);
  return { ...reply, usage: { input_tokens: input, output_tokens: output, total_tokens: input + output } };
}

/** Give an answer the fields that the Responses API has and the server leaves out. */
function complete(body) {
  if (body.object !== "response") return body;
  body.usage.input_tokens_details = { cached_tokens: 0 };
  body.usage.output_tokens_details = { reasoning_tokens: 0 };
  body.incomplete_details = body.status === "incomplete" ? { reason: "max_output_tokens" } : null;
  body.error = null;
  return body;
}

const mock = new LLMock({ host: "127.0.0.1", port: Number(process.argv[2]), logLevel: "warn", journalMaxEntries: 1 });
mock.on({ endpoint: "chat", predicate: () => true }, respond);
console.log(`The offline model listens at ${await mock.start()}/v1 with ${lines.length} scripted lines.`);
// Programs on this machine are answered, and pages in a browser are not, whatever name leads them here: see callers.py.
const host = new RegExp(`^(127\\.0\\.0\\.1|([^:]+\\.)?localhost):${process.argv[2]}$`, "i");
const isFromAPage = ({ origin, "sec-fetch-site": site = "none" }) => origin !== undefined || site !== "none";
const { server } = mock.serverInstance;
const [answer] = server.listeners("request");
server.removeAllListeners("request").removeAllListeners("upgrade");
server.on("request", (request, response) => {
  if (isFromAPage(request.headers) || !host.test(request.headers.host))
    return response.writeHead(403).end("Programs on this machine are answered, and pages in a browser are not.");
  const end = response.end.bind(response);
  response.end = (chunk, ...rest) => {
    const json = String(response.getHeader("content-type") ?? "").includes("json");
    return end(json && typeof chunk === "string" ? JSON.stringify(complete(JSON.parse(chunk))) : chunk, ...rest);
  };
  answer.call(server, request, response);
});
process.on("SIGTERM", () => process.exit(0));
