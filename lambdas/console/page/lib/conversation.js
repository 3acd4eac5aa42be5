/**
 * Keeps a conversation as it is told by a stream's events. Pure functions over plain objects.
 *
 * A conversation is `{ run, entries }`: the run that is followed, and in their order what is shown, each one of
 * `{ kind: "message", id, message }`, `{ kind: "step", id, step }` and `{ kind: "end", id, run }`.
 */

export const EMPTY = { run: null, entries: [] };
export const TERMINAL = ["completed", "incomplete", "failed", "cancelled", "expired"];

/** Return the conversation after an event. */
export function after(conversation, { name, data }) {
  if (/^thread\.run\.(?!step)/.test(name)) return withRun(conversation, data);
  if (name === "thread.message.delta") return changed(conversation, data.id, (entry) => withDelta(entry, data.delta));
  if (name.startsWith("thread.message.")) return put(conversation, { kind: "message", id: data.id, message: data });
  if (name === "thread.run.step.delta") return changed(conversation, data.id, (entry) => withStepDelta(entry, data.delta));
  if (name.startsWith("thread.run.step.")) return withStep(conversation, name, data);
  return conversation;
}

/** Return the conversation with a message that its user has written. */
export function withMessage(conversation, message) {
  return put(conversation, { kind: "message", id: message.id, message });
}

/**
 * Return the entries of messages, oldest first, with the calls of tools before the message that they led to.
 *
 * @param steps the steps of runs, oldest first, by the run's id
 */
export function entriesOf(messages, steps = new Map()) {
  const entries = [];
  const rest = new Map([...steps].map(([runId, its]) => [runId, [...its]]));
  const calls = (its) => its.filter(({ type }) => type === "tool_calls").map((step) => ({ kind: "step", id: step.id, step }));
  for (const message of messages) {
    const its = rest.get(message.run_id) ?? [];
    const at = its.findIndex((step) => step.step_details.message_creation?.message_id === message.id);
    if (at >= 0) entries.push(...calls(its.splice(0, at + 1)));
    entries.push({ kind: "message", id: message.id, message });
  }
  return [...entries, ...[...rest.values()].flatMap(calls)];
}

function withRun(conversation, run) {
  const next = { ...conversation, run };
  const worth = TERMINAL.includes(run.status) && run.status !== "completed";
  return worth ? put(next, { kind: "end", id: `end-${run.id}`, run }) : next;
}

function withStep(conversation, name, step) {
  if (step.type === "tool_calls") return put(conversation, { kind: "step", id: step.id, step });
  // The turn is tried again: what it said is in no list.
  const gone = name.endsWith(".failed") && step.step_details.message_creation?.message_id;
  return gone ? { ...conversation, entries: conversation.entries.filter(({ id }) => id !== gone) } : conversation;
}

function put(conversation, entry) {
  const known = conversation.entries.some(({ id }) => id === entry.id);
  const entries = known
    ? conversation.entries.map((each) => (each.id === entry.id ? entry : each))
    : [...conversation.entries, entry];
  return { ...conversation, entries };
}

function changed(conversation, id, change) {
  return { ...conversation, entries: conversation.entries.map((entry) => (entry.id === id ? change(entry) : entry)) };
}

function withDelta(entry, delta) {
  const content = [...entry.message.content];
  for (const { index, ...piece } of delta.content ?? []) content[index] = merged(content[index], piece);
  return { ...entry, message: { ...entry.message, content } };
}

function withStepDelta(entry, delta) {
  const calls = [...(entry.step.step_details.tool_calls ?? [])];
  for (const { index, ...piece } of delta.step_details?.tool_calls ?? []) calls[index] = merged(calls[index], piece);
  return { ...entry, step: { ...entry.step, step_details: { ...entry.step.step_details, tool_calls: calls } } };
}

const FIXED = ["id", "type", "name", "file_id", "object"];

/** Return a value with a piece of it: texts grow, lists take their pieces by `index`, the rest is replaced. */
export function merged(value, piece, name = "") {
  if (value === undefined || value === null) return typeof piece === "object" && piece ? merged(Array.isArray(piece) ? [] : {}, piece) : piece;
  if (typeof piece === "string") return FIXED.includes(name) ? piece : value + piece;
  if (Array.isArray(piece)) {
    const list = [...value];
    for (const each of piece) {
      const { index, ...rest } = each;
      if (index === undefined) list.push(each);
      else list[index] = merged(list[index], rest);
    }
    return list;
  }
  if (typeof piece !== "object" || piece === null) return piece;
  const whole = { ...value };
  for (const [key, each] of Object.entries(piece)) whole[key] = merged(value[key], each, key);
  return whole;
}
