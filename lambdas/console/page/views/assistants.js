/** The assistants of the project; one is written anew, changed or deleted here. */
import { AssistantForm } from "../parts/assistant_form.js";
import { Busy, Facts, Id, Moment, Problem, Sure, View } from "../parts/common.js";
import { Table } from "../parts/table.js";
import { get, part, remove } from "../lib/api.js";
import { useLoaded, usePages } from "../lib/loading.js";
import { go, to } from "../lib/route.js";
import { Name, Pre } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

const COLUMNS = [
  { name: "Assistant", class: "main", cell: (its) => html`<a href=${to("assistants", its.id)}>${its.name ? html`<${Name}>${its.name}<//>` : html`<${Id}>${its.id}<//>`}</a>` },
  { name: "Model", class: "model", cell: (its) => html`<${Name}>${its.model}<//>` },
  { name: "Tools", class: "tools", cell: (its) => html`<${Name}>${toolsOf(its).join(", ") || "–"}<//>` },
  { name: "Created", class: "time", cell: (its) => html`<${Moment} at=${its.created_at} />` },
];

export default ({ ids: [id] }) => (id ? html`<${Assistant} id=${id} />` : html`<${Assistants} />`);

function Assistants() {
  const list = usePages("/assistants");
  const [writing, setWriting] = useState(false);
  const saved = (assistant) => go(to("assistants", assistant.id));
  return html`<${View} name="assistants" title="Assistants" actions=${html`<button type="button" class="primary" onClick=${() => setWriting(!writing)}>New assistant</button>`}>
    ${writing && html`<div class="card narrow"><${AssistantForm} onSaved=${saved} onCancel=${() => setWriting(false)} /></div>`}
    <${Table} list=${list} columns=${COLUMNS} label="Assistants" kind="assistants" empty="There are no assistants yet." />
  <//>`;
}

function Assistant({ id }) {
  const its = useLoaded((signal) => get(`/assistants/${part(id)}`, {}, signal), [id]);
  const [error, setError] = useState(null);
  const [saved, setSaved] = useState(false);
  const erase = () => remove(`/assistants/${part(id)}`).then(() => go(to("assistants")), setError);
  const keep = (assistant) => {
    its.set(assistant);
    setSaved(true);
  };
  const actions = its.value && html`<a class="button primary" href=${to("playground", { assistant: id })}>Try it</a>
    <a class="button" href=${to("runs", { assistant_id: id })}>Runs</a><a class="button" href=${to("threads", { assistant_id: id })}>Threads</a>
    <${Sure} question="Delete the assistant? Its threads and runs stay." onYes=${erase}>Delete<//>`;
  return html`<${View} name="assistant" title=${its.value?.name || "Assistant"} actions=${actions}>
    <${Problem} error=${error ?? its.error} />
    ${!its.value && !its.error && html`<${Busy} />`}
    ${its.value && html`<${Facts} facts=${[
      ["Id", html`<${Id}>${id}<//>`],
      ["Created", html`<${Moment} at=${its.value.created_at} />`],
      ["Kind", its.value.assistant_type],
      ["Metadata", Object.keys(its.value.metadata ?? {}).length > 0 && html`<${Pre} text=${JSON.stringify(its.value.metadata, null, 2)} />`],
    ]} />
    <div class="card narrow"><${AssistantForm} assistant=${its.value} onSaved=${keep} /><p role="status" class="soft">${saved ? "Saved." : ""}</p></div>`}
  <//>`;
}

function toolsOf(assistant) {
  const tools = assistant.tools.map((tool) => tool.function?.name ?? tool.type);
  return [...tools, ...(assistant.functions ?? []).map(({ function_name }) => function_name)];
}
