/** The vector stores of the project. */
import { Id, Moment, Problem, Status, View } from "../parts/common.js";
import { Table } from "../parts/table.js";
import { post } from "../lib/api.js";
import { bytes, count } from "../lib/format.js";
import { useEvery, usePages } from "../lib/loading.js";
import { go, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

const COLUMNS = [
  { name: "Vector store", class: "main", cell: (store) => html`<a href=${to("stores", store.id)}>${store.name ? html`<${Name}>${store.name}<//>` : html`<${Id}>${store.id}<//>`}</a>` },
  { name: "Status", class: "status-cell", cell: (store) => html`<${Status} status=${store.status} />` },
  { name: "Files", class: "number", cell: ({ file_counts }) => html`${count(file_counts.completed)}${file_counts.completed < file_counts.total ? ` of ${count(file_counts.total)}` : ""}${file_counts.failed ? html` <span class="status failed">${file_counts.failed} failed</span>` : ""}` },
  { name: "Size", class: "number", cell: (store) => bytes(store.usage_bytes) },
  { name: "Created", class: "time", cell: (store) => html`<${Moment} at=${store.created_at} />` },
];

export default function Stores() {
  const list = usePages("/vector_stores");
  const [error, setError] = useState(null);
  useEvery(5, list.refresh, list.items.some(({ status }) => status === "in_progress"));
  const add = (event) => {
    event.preventDefault();
    const name = new FormData(event.target).get("name");
    post("/vector_stores", { name }).then((store) => go(to("stores", store.id)), setError);
  };
  return html`<${View} name="stores" title="Vector stores" actions=${html`<form class="inline" onSubmit=${add}><input name="name" required maxlength="256" placeholder="Name" aria-label="Name of a new vector store" /><button class="primary">Create</button></form>`}>
    <${Problem} error=${error} />
    <${Table} list=${list} columns=${COLUMNS} label="Vector stores" kind="stores" empty="There are no vector stores yet." />
  <//>`;
}
