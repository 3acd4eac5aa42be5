/** A vector store: its files with what was not read of them, and a search that shows scores. */
import { Busy, Facts, Id, Moment, Problem, Status, Sure, View } from "../parts/common.js";
import { FileChip, upload } from "../parts/files.js";
import { Passage } from "../parts/step.js";
import { Table } from "../parts/table.js";
import { get, part, post, remove } from "../lib/api.js";
import { bytes, count } from "../lib/format.js";
import { useEvery, useLoaded, usePages } from "../lib/loading.js";
import { go, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

export default function Store({ ids: [id] }) {
  const path = `/vector_stores/${part(id)}`;
  const store = useLoaded((signal) => get(path, {}, signal), [id]);
  const list = usePages(`${path}/files`);
  const [error, setError] = useState(null);
  const refresh = () => Promise.all([list.refresh(), get(path).then(store.set)]);
  useEvery(2, refresh, store.value?.status === "in_progress" || list.items.some(({ status }) => status === "in_progress"));
  const add = async (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    setError(null);
    try {
      for (const file of files) await post(`${path}/files`, { file_id: (await upload(file)).id });
      await refresh();
    } catch (refused) {
      setError(refused);
    }
  };
  const erase = () => remove(path).then(() => go(to("stores")), setError);
  const take = (fileId) => remove(`${path}/files/${part(fileId)}`).then(() => list.change((items) => items.filter((each) => each.id !== fileId)), setError);
  const columns = [
    { name: "File", class: "main", cell: (file) => html`<${FileChip} fileId=${file.id} />` },
    { name: "Status", class: "status-cell", cell: (file) => html`<${Status} status=${file.status} />${file.status === "in_progress" || file.progress < 1 ? html` <progress value=${file.progress} max="1" aria-label="Progress"></progress>` : ""}` },
    { name: "Notes", class: "notes", cell: (file) => html`<${Notes} file=${file} />` },
    { name: "Size", class: "number", cell: (file) => bytes(file.usage_bytes) },
    { name: "Actions", class: "acts", cell: (file) => html`<${Sure} question="Take it out?" onYes=${() => take(file.id)}>Remove<//>` },
  ];
  const actions = html`<label class="button attach"><input type="file" multiple class="hidden" onChange=${add} />Add files</label><${Sure} question="Delete the store? Its files stay." onYes=${erase}>Delete<//>`;
  return html`<${View} name="store" title=${store.value?.name || "Vector store"} actions=${actions}>
    <${Problem} error=${error ?? store.error} />
    ${!store.value && !store.error && html`<${Busy} />`}
    ${store.value && html`<${Facts} facts=${[
      ["Id", html`<${Id}>${id}<//>`],
      ["Status", html`<${Status} status=${store.value.status} />`],
      ["Files", count(store.value.file_counts.total)],
      ["Size", bytes(store.value.usage_bytes)],
      ["Created", html`<${Moment} at=${store.value.created_at} />`],
      ["Expires", store.value.expires_at && html`<${Moment} at=${store.value.expires_at} />`],
    ]} />
    <${Search} path=${path} />
    <section class="files-of-store" aria-labelledby="files-title"><h2 id="files-title">Files</h2><${Table} list=${list} columns=${columns} label="Files of the vector store" kind="store-files" empty="There are no files in it yet." /></section>`}
  <//>`;
}

/** Why a file failed, or what of it was not read. */
function Notes({ file }) {
  if (file.last_error) return html`<${Name} class="bad">${file.last_error.message}<//>`;
  if (!file.warnings?.length) return "–";
  return html`<details class="warnings"><summary>${file.warnings.length} ${file.warnings.length === 1 ? "warning" : "warnings"}</summary><ul>${file.warnings.map((warning, index) => html`<li key=${index}><${Name}>${warning}<//></li>`)}</ul></details>`;
}

function Search({ path }) {
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const search = async (event) => {
    event.preventDefault();
    const query = new FormData(event.target).get("query").trim();
    if (!query) return;
    setBusy(true);
    setError(null);
    try {
      setFound(await post(`${path}/search`, { query, max_num_results: 10 }));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return html`<section aria-labelledby="search-title"><h2 id="search-title">Search</h2>
    <form class="inline" role="search" onSubmit=${search}><input name="query" type="search" dir="auto" aria-label="What to look for" placeholder="What to look for" /><button class="primary" disabled=${busy}>Search</button></form>
    <${Problem} error=${error} />
    <div role="status" class="soft small">${busy ? "Searching…" : found ? `${found.data.length} ${found.data.length === 1 ? "passage" : "passages"}, best first` : ""}</div>
    ${found && html`<ol class="passages">${found.data.map((result, index) => html`<li key=${index} class="card"><${Passage} result=${result} /></li>`)}</ol>`}
  </section>`;
}
