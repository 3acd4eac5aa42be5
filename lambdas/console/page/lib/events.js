/** Follows a run's events, whatever happens to the connection (docs/streaming.md). */
import { ApiError, part, send } from "./api.js";

const MAX_WAIT_SECONDS = 15;

/** Yield the server-sent events of an answer, as `{ id, name, data }`. */
export async function* eventsIn(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = {};
        for (const line of block.split("\n")) {
          const at = line.indexOf(":");
          if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
        }
        if (fields.event) yield { id: fields.id, name: fields.event, data: fields.data === "[DONE]" ? null : JSON.parse(fields.data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Yield the events of a run until it has ended or waits for its client.
 *
 * @param first `{ path, body }` of the request that begins the stream, or null to join `at.run` after `at.last`
 * @param at `{ run, last }` the run that is followed and the id of the last event; kept up to date
 * @param told is called with "lost" when the connection is lost, and with "found" when it is back
 * @throws ApiError a refusal; AbortError
 */
export async function* follow(first, at, { signal, told = () => {} }) {
  const key = crypto.randomUUID(); // Sent again, the request joins the run that it created before.
  let begun = !first;
  let wait = 1;
  let done = false;
  for (;;) {
    try {
      const answer = begun
        ? await send("GET", streamOf(at.run), { signal, query: { starting_after: at.last } })
        : await send("POST", first.path, { signal, body: first.body, headers: { "idempotency-key": key } });
      told("found");
      for await (const event of eventsIn(answer)) {
        if (event.name === "done") done = true; // The connection ends by itself then.
        if (done) continue;
        if (event.name === "error") throw new ApiError(0, event.data?.error);
        wait = 1;
        begun = true;
        if (event.name === "thread.run.created") at.run = event.data;
        at.last = event.id ?? at.last;
        yield event;
      }
    } catch (error) {
      if (done) return;
      if (signal.aborted) throw error;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && !passes(error)) throw error;
      // Outputs can be submitted once: where the answer was lost, the run tells what became of them.
      if (!begun && first.joins) begun = true;
    }
    if (done) return;
    told("lost");
    await pause(wait, signal);
    wait = Math.min(2 * wait, MAX_WAIT_SECONDS);
  }
}

function passes(error) {
  return error.status === 408 || (error.status === 429 && error.code !== "insufficient_quota");
}

const streamOf = (run) => `/threads/${part(run.thread_id)}/runs/${part(run.id)}/stream`;

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
