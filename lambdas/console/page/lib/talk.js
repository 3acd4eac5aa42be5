/**
 * Holds the playground's conversation. It goes on while another view is shown.
 *
 * What was asked of the API is kept in `requests`, to be copied as a program (`code.js`).
 */
import { get, part, post } from "./api.js";
import { after, EMPTY, entriesOf, TERMINAL, withMessage } from "./conversation.js";
import { follow } from "./events.js";
import { key } from "./session.js";
import { batch, effect, signal } from "./ui.js";
import { upload } from "../parts/files.js";

export const assistantId = signal("");
/** The `assistant_type` of the assistant, once it is known. */
export const assistantType = signal("");
export const threadId = signal("");
export const conversation = signal(EMPTY);
export const requests = signal([]);
/** What is going on: "" when it is somebody's turn to write, "opening", "sending", "answering" or "lost". */
export const state = signal("");
export const problem = signal(null);

const MAX_RUNS_WITH_STEPS = 10;
const PURPOSES = { see: "vision", hear: "user_data" };
let at = { run: null, last: undefined };
let leaving = new AbortController();

/** Begin a conversation anew; the run that is under way goes on without us. */
export function reset() {
  leaving.abort();
  leaving = new AbortController();
  at = { run: null, last: undefined };
  batch(() => {
    threadId.value = "";
    conversation.value = EMPTY;
    requests.value = [];
    state.value = "";
    problem.value = null;
  });
}

effect(() => {
  if (key.value === null) {
    reset();
    assistantId.value = "";
  }
});

/**
 * Say something, with files `{ file, use }` ("see", "hear", "file_search" or "code_interpreter").
 *
 * Returns whether it was sent.
 */
export async function say(text, files) {
  const mine = leaving.signal;
  batch(() => {
    state.value = "sending";
    problem.value = null;
  });
  try {
    const sent = [];
    for (const { file, use } of files) {
      const purpose = PURPOSES[use] ?? "assistants";
      const { id } = await upload(file, purpose);
      record({ kind: "file", name: file.name, purpose, id });
      sent.push({ id, use });
    }
    const message = messageOf(text, sent);
    if (mine.aborted) return false;
    const id = `mine-${crypto.randomUUID()}`;
    const shown = { ...message, id, created_at: Math.floor(Date.now() / 1000), content: contentOf(message.content), attachments: message.attachments ?? [], spoken: files.some(({ use }) => use === "hear") };
    conversation.value = withMessage(conversation.value, shown);
    const thread = threadId.value;
    const body = thread
      ? { assistant_id: assistantId.value, additional_messages: [message], stream: true }
      : { assistant_id: assistantId.value, thread: { messages: [message] }, stream: true };
    record({ kind: "run", thread, body });
    at = { run: null, last: undefined };
    listen({ path: thread ? `/threads/${part(thread)}/runs` : "/threads/runs", body }, id);
    return true;
  } catch (error) {
    if (!mine.aborted)
      batch(() => {
        state.value = "";
        problem.value = error;
      });
    return false;
  }
}

/** Answer the calls that the run waits with: `[{ tool_call_id, output }]`. */
export function submit(outputs) {
  const { run } = conversation.value;
  const calls = run.required_action.submit_tool_outputs.tool_calls.map(({ id }) => id);
  record({ kind: "outputs", run: run.id, thread: run.thread_id, calls, body: { tool_outputs: outputs, stream: true } });
  const path = `/threads/${part(run.thread_id)}/runs/${part(run.id)}/submit_tool_outputs`;
  listen({ path, body: { tool_outputs: outputs, stream: true }, joins: true });
}

/** Ask for the run's end; the stream tells when it has ended. */
export async function cancel() {
  const { run } = conversation.value;
  if (!run) return;
  try {
    await post(`/threads/${part(run.thread_id)}/runs/${part(run.id)}/cancel`);
    if (run.status === "requires_action") listen(null);
  } catch (error) {
    problem.value = error;
  }
}

/** Show a thread that is there, and go on with the run that is under way. */
export async function open(id) {
  reset();
  threadId.value = id;
  state.value = "opening";
  const { signal } = leaving;
  try {
    const path = `/threads/${part(id)}`;
    const [messages, runs] = await Promise.all([
      get(`${path}/messages`, { limit: 100 }, signal),
      get(`${path}/runs`, { limit: 1 }, signal),
    ]);
    const named = [...new Set(messages.data.map(({ run_id }) => run_id).filter(Boolean))].slice(0, MAX_RUNS_WITH_STEPS);
    const steps = await Promise.all(named.map((run) => get(`${path}/runs/${part(run)}/steps`, { order: "asc", limit: 100 }, signal)));
    const [run = null] = runs.data;
    const entries = entriesOf(messages.data.reverse(), new Map(named.map((run, index) => [run, steps[index].data])));
    batch(() => {
      conversation.value = { run, entries };
      if (run) assistantId.value = run.assistant_id;
    });
    at = { run, last: undefined };
    state.value = "";
    if (run && !TERMINAL.includes(run.status)) listen(null);
  } catch (error) {
    if (signal.aborted) return;
    batch(() => {
      state.value = "";
      problem.value = error;
    });
  }
}

async function listen(first, sentId = "") {
  const mine = leaving.signal;
  const told = (what) => {
    state.value = what === "lost" ? "lost" : "answering";
  };
  batch(() => {
    state.value = first ? "sending" : "answering";
    problem.value = null;
  });
  try {
    for await (const event of follow(first, at, { signal: mine, told })) {
      batch(() => {
        if (event.name === "thread.run.created") threadId.value = event.data.thread_id;
        conversation.value = after(conversation.value, event);
      });
    }
    if (mine.aborted) return;
    if (at.run) await settle(mine);
  } catch (error) {
    if (mine.aborted) return;
    if (error.code === "run_does_not_stream" || error.code === "events_expired") await wait(mine);
    else
      batch(() => {
        problem.value = error;
        // What was refused was not said.
        if (sentId && !at.run) conversation.value = { ...conversation.value, entries: conversation.value.entries.filter(({ id }) => id !== sentId) };
      });
  } finally {
    if (!mine.aborted) state.value = "";
  }
}

/** Look at the run once its stream has ended: a stream that was joined late may have told of an older wait. */
async function settle(signal) {
  const path = `/threads/${part(at.run.thread_id)}`;
  const run = await get(`${path}/runs/${part(at.run.id)}`, {}, signal);
  conversation.value = { ...conversation.value, run };
  const spoken = conversation.value.entries.find(({ id, message }) => id.startsWith("mine-") && message.spoken);
  if (!spoken) return;
  // What was heard is in the record alone.
  const messages = await get(`${path}/messages`, { limit: 20 }, signal);
  const heard = messages.data.find(({ role }) => role === "user");
  const entries = conversation.value.entries.map((entry) => (entry === spoken && heard ? { kind: "message", id: heard.id, message: heard } : entry));
  conversation.value = { ...conversation.value, entries };
}

/** Wait for a run that does not stream. */
async function wait(signal) {
  const { id, thread_id } = at.run;
  for (;;) {
    const run = await get(`/threads/${part(thread_id)}/runs/${part(id)}`, {}, signal);
    conversation.value = { ...conversation.value, run };
    if (TERMINAL.includes(run.status)) return open(thread_id);
    if (run.status === "requires_action") return undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (signal.aborted) return undefined;
  }
}

const record = (request) => {
  requests.value = [...requests.value, request];
};

const PARTS = {
  see: (id) => ({ type: "image_file", image_file: { file_id: id } }),
  hear: (id) => ({ type: "input_audio", input_audio: { file_id: id } }),
};

function messageOf(text, files) {
  const shown = files.filter(({ use }) => use in PARTS).map(({ id, use }) => PARTS[use](id));
  const attached = files.filter(({ use }) => !(use in PARTS));
  return {
    role: "user",
    content: shown.length ? [...(text ? [{ type: "text", text }] : []), ...shown] : text,
    ...(attached.length ? { attachments: attached.map(({ id, use }) => ({ file_id: id, tools: [{ type: use }] })) } : {}),
  };
}

/** Return the content of a message that is sent as the API would show it. */
function contentOf(content) {
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const said = { text: (each) => each.text, input_audio: () => "(spoken)" };
  return parts.map((each) => (each.type in said ? { type: "text", text: { value: said[each.type](each), annotations: [] } } : each));
}
