/** The runs of the project as they come, by status, assistant, user, time and cost. */
import { Filters, dayAt } from "../parts/filters.js";
import { Id, Moment, Status, View } from "../parts/common.js";
import { Table } from "../parts/table.js";
import { TERMINAL } from "../lib/conversation.js";
import { count, dollars, lasting } from "../lib/format.js";
import { useEvery, usePages } from "../lib/loading.js";
import { route, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { STATUS_WORDS } from "../lib/words.js";
import { html } from "../lib/ui.js";

const COLUMNS = [
  { name: "Status", class: "status-cell", cell: (run) => html`<${Status} status=${run.status} />` },
  { name: "Run", class: "main", cell: (run) => html`<a href=${to("threads", run.thread_id, "runs", run.id)}><${Id}>${run.id}<//></a>${run.last_error && html` <${Name} class="soft">${run.last_error.message}<//>`}` },
  { name: "Assistant", class: "assistant", cell: (run) => html`<a href=${to("assistants", run.assistant_id)}><${Id}>${run.assistant_id}<//></a>` },
  { name: "User", class: "user", cell: (run) => (run.user_id ? html`<a href=${to("runs", { user_id: run.user_id })}><${Name}>${run.user_id}<//></a>` : "–") },
  { name: "Created", class: "time", cell: (run) => html`<${Moment} at=${run.created_at} />` },
  { name: "Took", class: "number", cell: (run) => (run.ended_at ? took(run) : TERMINAL.includes(run.status) ? "–" : html`<span class="soft">${lasting(Math.max(0, Date.now() / 1000 - run.created_at))}</span>`) },
  { name: "Tokens", class: "number", cell: (run) => (run.usage ? count(run.usage.total_tokens) : "–") },
  { name: "Cost", class: "number", cell: (run) => dollars(run.cost) },
];

const took = (run) => (run.ended_at > run.created_at ? lasting(run.ended_at - run.created_at) : "< 1 s");

const FIELDS = [
  { name: "status", label: "Status", options: [["active", "under way"], ...Object.entries(STATUS_WORDS)] },
  { name: "assistant_id", label: "Assistant", hint: "asst_…" },
  { name: "user_id", label: "User" },
  { name: "from", label: "From", type: "date" },
  { name: "to", label: "To", type: "date" },
  { name: "min_cost", label: "Costs at least ($)", type: "number" },
];

export default function Runs() {
  const { status, assistant_id, user_id, from, to: until, min_cost } = route.value.query;
  const statuses = status === "active" ? Object.keys(STATUS_WORDS).filter((each) => !TERMINAL.includes(each)) : status;
  const list = usePages("/runs", {
    "status[]": statuses || undefined,
    assistant_id,
    user_id,
    created_after: dayAt(from),
    created_before: dayAt(until, { next: true }),
    min_cost,
  });
  useEvery(3, list.refresh);
  return html`<${View} name="runs" title="Runs" actions=${html`<span class="live soft" title="New runs appear by themselves">live</span>`}>
    <${Filters} view="runs" fields=${FIELDS} />
    <${Table} list=${list} columns=${COLUMNS} label="Runs" kind="runs" empty="There are no such runs." />
  <//>`;
}
