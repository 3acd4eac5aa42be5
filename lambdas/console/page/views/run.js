/** A run: where its time went, its steps, its record, and what to do if it did not end well. */
import { Busy, Facts, Id, Moment, Problem, Status, View } from "../parts/common.js";
import { Ending } from "../parts/ending.js";
import { Message } from "../parts/message.js";
import { RequiredAction } from "../parts/action.js";
import { Step } from "../parts/step.js";
import { Timeline } from "../parts/timeline.js";
import { get, part, post } from "../lib/api.js";
import { TERMINAL } from "../lib/conversation.js";
import { count, dollars, lasting } from "../lib/format.js";
import { useEvery, useLoaded } from "../lib/loading.js";
import { to } from "../lib/route.js";
import { save } from "../lib/save.js";
import { project } from "../lib/session.js";
import { Name, Pre } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

const CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

export default function Run({ ids: [threadId, runId] }) {
  const path = `/threads/${part(threadId)}/runs/${part(runId)}`;
  const loaded = useLoaded((signal) => load(path, threadId, runId, signal), [runId]);
  const [error, setError] = useState(null);
  const its = loaded.value;
  const active = Boolean(its) && !TERMINAL.includes(its.run.status);
  useEvery(1.5, async () => loaded.set(await load(path, threadId, runId)), active);
  const act = (what, body) => post(`${path}/${what}`, body).then(loaded.again, setError);
  const url = its?.timeline?.execution_url;
  const actions = html`${url && html`<a class="button" href=${url} target="_blank" rel="noopener noreferrer">Step Functions ↗</a>`}
    <a class="button" href=${to("threads", threadId)}>Thread</a>
    ${its && html`<button type="button" onClick=${() => save(document.getElementById("main"), `${runId}.html`).catch(setError)}>Save</button>`}
    ${active && its.run.status !== "cancelling" && html`<button type="button" class="danger" onClick=${() => act("cancel")}>Cancel run</button>`}`;
  return html`<${View} name="run" title="Run" actions=${actions}>
    <${Problem} error=${error ?? loaded.error} again=${loaded.error ? loaded.again : null} />
    ${!its && !loaded.error && html`<${Busy} />`}
    ${its && html`<${Found} its=${its} onSubmit=${(outputs) => act("submit_tool_outputs", { tool_outputs: outputs })} />`}
  <//>`;
}

async function load(path, threadId, runId, signal) {
  const [run, steps, messages, timeline] = await Promise.all([
    get(path, {}, signal),
    get(`${path}/steps`, { order: "asc", limit: 100, "include[]": CONTENT }, signal),
    get(`/threads/${part(threadId)}/messages`, { run_id: runId, order: "asc", limit: 100 }, signal),
    get(`${path}/timeline`, {}, signal),
  ]);
  const earlier = await get(`/threads/${part(threadId)}/messages`, { order: "desc", limit: 20, after: messages.data[0]?.id }, signal);
  return { run, steps: steps.data, asked: askedOf(run, earlier.data), messages: new Map(messages.data.map((message) => [message.id, message])), timeline };
}

/** Return what a run answers, oldest first: what was said since the answer before it. `messages` are newest first. */
function askedOf(run, messages) {
  const earlier = messages.filter((message) => message.created_at <= run.created_at && message.run_id !== run.id);
  const answer = earlier.findIndex(({ run_id }) => run_id);
  return earlier.slice(0, answer < 0 ? undefined : answer).reverse();
}

function Found({ its: { run, steps, asked, messages, timeline }, onSubmit }) {
  return html`<div class="run-head"><${Status} status=${run.status} /><${Id}>${run.id}<//></div>
    <${Ending} run=${run} />
    ${run.status === "requires_action" && html`<${RequiredAction} key=${run.required_action?.submit_tool_outputs.tool_calls.map(({ id }) => id).join()} run=${run} onSubmit=${onSubmit} />`}
    <${Tiles} run=${run} timeline=${timeline} steps=${steps} />
    <section aria-labelledby="timeline-title"><h2 id="timeline-title">Timeline</h2><${Timeline} timeline=${timeline} />
      <${Failed} attempts=${timeline.failed_attempts ?? []} /></section>
    ${asked.length > 0 && html`<section aria-labelledby="asked-title"><h2 id="asked-title">Asked</h2>${asked.map((message) => html`<${Message} key=${message.id} message=${message} linked=${false} />`)}</section>`}
    <section aria-labelledby="steps-title"><h2 id="steps-title">Steps</h2>
      ${!steps.length && html`<p class="soft">None yet.</p>`}
      ${steps.map((step) => html`<div key=${step.id} class="step-row">${step.type === "tool_calls" ? html`<${Step} step=${step} open />` : said(step, messages)}</div>`)}</section>
    <section aria-labelledby="record-title"><h2 id="record-title">Record</h2><${Record} run=${run} timeline=${timeline} /></section>`;
}

function said(step, messages) {
  const message = messages.get(step.step_details.message_creation.message_id);
  if (message) return html`<${Message} message=${message} linked=${false} />`;
  return html`<p class="soft">A message that is in no list: <${Id}>${step.step_details.message_creation.message_id}<//> (${step.status})</p>`;
}

function Tiles({ run, timeline, steps }) {
  const calls = steps.reduce((sum, step) => sum + (step.step_details.tool_calls?.length ?? 0), 0);
  const spent = (kind) => timeline.data.filter((bar) => bar.kind === kind && bar.end_ms).reduce((sum, bar) => sum + bar.end_ms - bar.start_ms, 0) / 1000;
  const tiles = [
    ["Time", timeline.ended_ms ? lasting((timeline.ended_ms - timeline.started_ms) / 1000) : "under way", timeline.first_token_ms ? `first token ${lasting((timeline.first_token_ms - timeline.started_ms) / 1000)}` : ""],
    ["Model", lasting(spent("model")), run.model],
    ["Tools", lasting(spent("tool")), `${calls} ${calls === 1 ? "call" : "calls"}`],
    ["Client", lasting(spent("client")), "waited for"],
    ["Tokens", run.usage ? count(run.usage.total_tokens) : "–", run.usage ? `${count(run.usage.prompt_tokens)} in, ${count(run.usage.completion_tokens)} out` : ""],
    ["Cost", dollars(timeline.cost), timeline.cost === null ? "the model has no price" : "US dollars"],
  ];
  return html`<div class="tiles">${tiles.map(([name, value, detail]) => html`<div key=${name} class="tile"><span class="soft">${name}</span><strong>${value}</strong><${Name} class="soft">${detail}<//></div>`)}</div>`;
}

function Failed({ attempts }) {
  if (!attempts.length) return null;
  return html`<h3>Calls of the model that failed</h3><ul class="attempts">${attempts.map((each, index) => html`<li key=${index}><${Moment} at=${each.at_ms && each.at_ms / 1000} /> Turn ${each.turn + 1}, attempt ${each.attempt}: ${each.status ?? "no answer"} <${Name}>${each.message}<//>${each.next_ms ? html` <span class="soft">tried again <${Moment} at=${each.next_ms / 1000} /></span>` : ""}</li>`)}</ul>`;
}

function Record({ run, timeline }) {
  const moment = (seconds) => seconds && html`<${Moment} at=${seconds} />`;
  return html`<${Facts} facts=${[
    ["Project", project.value?.name],
    ["Thread", html`<a href=${to("threads", run.thread_id)}><${Id}>${run.thread_id}<//></a>`],
    ["Assistant", html`<a href=${to("assistants", run.assistant_id)}><${Id}>${run.assistant_id}<//></a>`],
    ["Model", html`<${Name}>${run.model}<//>`],
    ["Created", moment(run.created_at)],
    ["Started", moment(run.started_at)],
    ["Ended", moment(run.completed_at ?? run.failed_at ?? run.cancelled_at)],
    ["Expires", moment(run.expires_at)],
    ["Execution", html`<${Id}>${timeline.execution_arn}<//>`],
    ["Metadata", Object.keys(run.metadata ?? {}).length > 0 && html`<${Pre} text=${JSON.stringify(run.metadata, null, 2)} />`],
    ["Instructions", run.instructions && html`<${Pre} class="plain" text=${run.instructions} />`],
    ["Tools", run.tools.map((tool) => tool.function?.name ?? tool.type).join(", ")],
  ]} />
  <details class="more"><summary>As JSON</summary><${Pre} text=${JSON.stringify(run, null, 2)} label="The run as JSON" /></details>`;
}
