/** A thread, as a person reads it: the newest messages first in sight, older ones as one scrolls up. */
import { Busy, Empty, Facts, Id, Moment, Problem, Sure, View } from "../parts/common.js";
import { FileChip } from "../parts/files.js";
import { Message } from "../parts/message.js";
import { Step } from "../parts/step.js";
import { get, part, remove } from "../lib/api.js";
import { entriesOf } from "../lib/conversation.js";
import { count, dollars } from "../lib/format.js";
import { useEvery, useLoaded, usePages } from "../lib/loading.js";
import { go, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { VirtualList } from "../lib/virtual.js";
import { html, useMemo, useState } from "../lib/ui.js";

const CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

export default function Thread({ ids: [id] }) {
  const path = `/threads/${part(id)}`;
  const thread = useLoaded((signal) => get(path, {}, signal), [id]);
  const list = usePages(`${path}/messages`, {}, { size: 50 });
  const [steps, setSteps] = useState(new Map());
  const [error, setError] = useState(null);
  useEvery(5, list.refresh);
  const entries = useMemo(() => withDividers(entriesOf([...list.items].reverse(), steps)), [list.items, steps]);
  const show = async (runId) => {
    const page = await get(`${path}/runs/${part(runId)}/steps`, { order: "asc", limit: 100, "include[]": CONTENT });
    setSteps((before) => new Map([...before, [runId, page.data]]));
  };
  const erase = () => remove(path).then(() => go(to("threads")), setError);
  const actions = html`<a class="button" href=${to("playground", { thread: id })}>Go on in the playground</a>
    <${Sure} question="Delete the thread with all its messages?" onYes=${erase}>Delete<//>`;
  return html`<${View} name="thread" title="Thread" actions=${actions}>
    <${Problem} error=${error ?? thread.error} again=${thread.error ? thread.again : null} />
    ${thread.value && html`<${About} thread=${thread.value} />`}
    <${Problem} error=${list.error} again=${list.again} />
    ${list.done && !list.items.length && html`<${Empty}>Nothing was said here yet.<//>`}
    ${list.items.length > 0 && html`<p class="soft small" role="status">${list.done ? "All of its messages are here." : "Older messages are loaded as you scroll up."}</p>
      <${VirtualList} items=${entries} row=${(entry) => html`<${Entry} entry=${entry} steps=${steps} onSteps=${show} />`} estimate=${120} sticks onStart=${list.more} label="Messages" role="feed" rowRole="article" class="thread" />`}
    ${!list.items.length && list.busy && html`<${Busy} />`}
  <//>`;
}

function About({ thread }) {
  const files = thread.tool_resources?.code_interpreter?.file_ids ?? [];
  const stores = thread.tool_resources?.file_search?.vector_store_ids ?? [];
  const { user_id, ...metadata } = thread.metadata ?? {};
  return html`<${Facts} facts=${[
    ["Id", html`<${Id}>${thread.id}<//>`],
    ["User", user_id && html`<a href=${to("threads", { user_id })}><${Name}>${user_id}<//></a>`],
    ["Created", html`<${Moment} at=${thread.created_at} />`],
    ["Tokens", thread.usage && count(thread.usage.total_tokens)],
    ["Cost", thread.usage && dollars(thread.cost)],
    ["Files for code", files.length > 0 && files.map((fileId) => html`<${FileChip} key=${fileId} fileId=${fileId} />`)],
    ["Vector store", stores.length > 0 && stores.map((storeId) => html`<a key=${storeId} href=${to("stores", storeId)}><${Id}>${storeId}<//></a>`)],
    ...Object.entries(metadata).map(([name, value]) => [html`<${Name}>${name}<//>`, html`<${Name}>${value}<//>`]),
  ]} />`;
}

/** Put a line before the first message of each run, which leads to the run and shows its steps. */
function withDividers(entries) {
  const all = [];
  let run = null;
  for (const entry of entries) {
    const its = entry.message?.run_id ?? entry.step?.run_id ?? null;
    if (its && its !== run) all.push({ kind: "run", id: `run-${entry.id}`, runId: its, threadId: (entry.message ?? entry.step).thread_id });
    run = its;
    all.push(entry);
  }
  return all;
}

function Entry({ entry, steps, onSteps }) {
  if (entry.kind === "message") return html`<${Message} message=${entry.message} linked=${false} />`;
  if (entry.kind === "step") return html`<${Step} step=${entry.step} open />`;
  return html`<div class="divider"><a href=${to("threads", entry.threadId, "runs", entry.runId)}><${Id}>${entry.runId}<//></a>
    ${steps.has(entry.runId) ? null : html`<button type="button" class="quiet" onClick=${() => onSteps(entry.runId)}>Show its tool calls</button>`}</div>`;
}
