/** A step of a run: the calls of its tools, with what they got and gave. */
import { FileImage } from "./files.js";
import { Long, Status } from "./common.js";
import { Name, Pre, pretty } from "../lib/text.js";
import { html } from "../lib/ui.js";

const TITLES = { code_interpreter: "Code", file_search: "File search" };

export function Step({ step, open = false }) {
  const calls = step.step_details.tool_calls ?? [];
  return html`<section class="step" data-step=${step.id} aria-label="Tool calls">
    ${calls.map((call, index) => html`<${Call} key=${call.id ?? index} call=${call} status=${step.status} open=${open || calls.length === 1} />`)}
    ${step.last_error && html`<p class="problem" role="alert"><${Name}>${step.last_error.message}<//></p>`}
  </section>`;
}

function Call({ call, status, open }) {
  const title = TITLES[call.type] ?? call.function?.name ?? call.type;
  return html`<details class="call" open=${open}>
    <summary><span class=${`tool-mark ${call.type}`} aria-hidden="true"></span><${Name} class="tool-name">${title}<//>
      <span class="soft">${brief(call)}</span>${status !== "completed" && html`<${Status} status=${status} />`}</summary>
    <div class="call-body">${call.type === "code_interpreter" ? code(call) : call.type === "file_search" ? search(call) : fun(call)}</div>
  </details>`;
}

function brief(call) {
  if (call.type === "file_search") {
    const found = call.file_search?.results?.length;
    return found === undefined ? "" : `${found} ${found === 1 ? "passage" : "passages"}`;
  }
  return "";
}

function fun(call) {
  const { arguments: given = "", output } = call.function ?? {};
  return html`<p class="label">Arguments</p><${Long} text=${pretty(given)} label="Arguments" />
    <p class="label">Output</p>${output === null || output === undefined ? html`<p class="soft">None yet.</p>` : html`<${Long} text=${pretty(output)} label="Output" />`}`;
}

function code(call) {
  const { input = "", outputs = [] } = call.code_interpreter ?? {};
  return html`<${Pre} class="code" text=${input} label="Code" />
    ${outputs.map((output, index) =>
      output.type === "image"
        ? html`<${FileImage} key=${index} fileId=${output.image.file_id} label="A chart that the code drew" />`
        : html`<div key=${index}><p class="label">Output</p><${Long} text=${output.logs ?? ""} label="Output of the code" /></div>`,
    )}`;
}

function search(call) {
  const results = call.file_search?.results ?? [];
  if (!results.length) return html`<p class="soft">Nothing was found.</p>`;
  return html`<ol class="passages">${results.map((result, index) => html`<li key=${index}><${Passage} result=${result} /></li>`)}</ol>`;
}

/** A passage that a search found, with its score. */
export function Passage({ result }) {
  const texts = (result.content ?? []).map(({ text }) => text ?? "").join("\n");
  return html`<article class="passage">
    <header><${Name} class="file-name">${result.file_name ?? result.filename ?? result.file_id}<//>
      <span class="score"><meter min="0" max="1" value=${result.score} aria-label="Score"></meter> ${result.score.toFixed(3)}</span></header>
    ${texts && html`<${Long} text=${texts} label="Passage" limit=${1500} />`}
  </article>`;
}
