/** The threads of the project, by user, assistant and time. */
import { Filters, dayAt } from "../parts/filters.js";
import { Id, Moment, View } from "../parts/common.js";
import { Table } from "../parts/table.js";
import { count, dollars } from "../lib/format.js";
import { useEvery, usePages } from "../lib/loading.js";
import { route, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { html } from "../lib/ui.js";

const COLUMNS = [
  { name: "Thread", class: "main", cell: (thread) => html`<a href=${to("threads", thread.id)}><${Id}>${thread.id}<//></a>` },
  { name: "User", class: "user", cell: (thread) => (thread.metadata?.user_id ? html`<a href=${to("threads", { user_id: thread.metadata.user_id })}><${Name}>${thread.metadata.user_id}<//></a>` : "–") },
  { name: "Created", class: "time", cell: (thread) => html`<${Moment} at=${thread.created_at} />` },
  { name: "Tokens", class: "number", cell: (thread) => count(thread.usage?.total_tokens) },
  { name: "Cost", class: "number", cell: (thread) => dollars(thread.cost) },
];

const FIELDS = [
  { name: "user_id", label: "User" },
  { name: "assistant_id", label: "Assistant", hint: "asst_…" },
  { name: "from", label: "From", type: "date" },
  { name: "to", label: "To", type: "date" },
];

export default function Threads() {
  const { user_id, assistant_id, from, to: until } = route.value.query;
  const list = usePages("/threads", { user_id, assistant_id, created_after: dayAt(from), created_before: dayAt(until, { next: true }) });
  useEvery(10, list.refresh);
  return html`<${View} name="threads" title="Threads">
    <${Filters} view="threads" fields=${FIELDS} />
    <${Table} list=${list} columns=${COLUMNS} label="Threads" kind="threads" empty="There are no such threads." />
  <//>`;
}
