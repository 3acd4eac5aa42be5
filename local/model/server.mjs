// The offline model: `node server.mjs <model> <port>` serves the Responses API on 127.0.0.1: POST /v1/responses, as a whole or
// streamed, and GET /v1/models.
//
// A script is a module in `scripts` whose default export is a list of `{ match: RegExp, reply(turn) }`, tried in order
// against the newest message of the user. `reply` returns what the model says next: `{ content }`,
// `{ toolCalls: [{ name, arguments }] }` or `{ error, status, retryAfter }`. It writes no fact of its own: what an answer
// states comes from `turn.outputs`. What no script matches is answered by `answers.mjs`.
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { answerTo } from "./answers.mjs";
import { eventsOf, responseOf, turnOf } from "./responses.mjs";

const scripts = new URL("scripts/", import.meta.url);
const lines = [];
for (const file of (await readdir(scripts)).filter((name) => name.endsWith(".mjs")).sort())
  lines.push(...(await import(new URL(file, scripts))).default);

const refusal = (status, message, code = null) => ({
  status,
  error: { message, type: status === 429 ? "rate_limit_error" : "invalid_request_error", param: null, code },
});

/** What the model makes of a request: a reply, or an error. */
async function reply(request) {
  if (request.model === "no-such-model") return refusal(404, "There is no model of this name.", "model_not_found");
  if (typeof request.input !== "string" && !Array.isArray(request.input))
    return refusal(400, "Missing required parameter: 'input'.", "missing_required_parameter");
  const turn = turnOf(request);
  const line = lines.find(({ match }) => match.test(turn.user));
  return line ? line.reply(turn) : answerTo(turn);
}

async function respond(request, response) {
  const asked = await bodyOf(request);
  const said = asked ? await reply(asked) : refusal(400, "The body is not a JSON object.");
  if (said.error) {
    const wait = said.retryAfter === undefined ? {} : { "retry-after": said.retryAfter };
    return send(response, said.status, { error: said.error }, wait);
  }
  const made = responseOf(asked, said);
  if (!asked.stream) return send(response, 200, made);
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  for await (const event of eventsOf(made)) {
    if (response.destroyed) return; // The client hung up.
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
}

async function bodyOf(request) {
  const chunks = await Array.fromAsync(request);
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    return body && typeof body === "object" && !Array.isArray(body) ? body : null;
  } catch {
    return null;
  }
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

const [model, port] = [process.argv[2], Number(process.argv[3])];

const ROUTES = {
  "POST /v1/responses": respond,
  "GET /v1/models": (_request, response) =>
    send(response, 200, { object: "list", data: [{ id: model, object: "model", created: 0, owned_by: "offline" }] }),
};

// Programs on this machine are answered, and pages in a browser are not, whatever name leads them here: see callers.py.
const host = new RegExp(`^(127\\.0\\.0\\.1|([^:]+\\.)?localhost):${port}$`, "i");
const isFromAPage = ({ origin, "sec-fetch-site": site = "none" }) => origin !== undefined || site !== "none";

const server = createServer(async (request, response) => {
  if (isFromAPage(request.headers) || !host.test(request.headers.host))
    return response.writeHead(403).end("Programs on this machine are answered, and pages in a browser are not.");
  const route = ROUTES[`${request.method} ${request.url.split("?")[0]}`];
  if (!route) return send(response, 404, refusal(404, "The offline model does not serve this.", "not_found"));
  try {
    await route(request, response);
  } catch (error) {
    // A bug of a script: the log names its kind and place, and no text of a message.
    console.error(error.name, ...error.stack.split("\n").filter((line) => /^\s+at /.test(line)));
    if (response.headersSent) response.destroy();
    else send(response, 500, { error: { message: "The offline model failed: see its log.", type: "server_error" } });
  }
});
// Clients keep connections open longer than Node's 5 s; a request on one that was just closed would be lost.
server.keepAliveTimeout = 120_000;
server.listen(port, "127.0.0.1", () =>
  console.log(`The offline model listens at http://127.0.0.1:${port}/v1 with ${lines.length} scripted lines.`),
);
process.on("SIGTERM", () => process.exit(0));
