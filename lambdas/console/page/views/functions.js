/** The functions that the stack runs itself: what an assistant may be given. */
import { Busy, Empty, Problem, View } from "../parts/common.js";
import { get } from "../lib/api.js";
import { useLoaded } from "../lib/loading.js";
import { Name, Pre } from "../lib/text.js";
import { html } from "../lib/ui.js";

export default function Functions() {
  const { value, error, again } = useLoaded((signal) => get("/functions", {}, signal), []);
  return html`<${View} name="functions" title="Functions">
    <p class="soft">Functions that are deployed with the stack. A folder in <code>lambdas/tools</code> adds one.</p>
    <${Problem} error=${error} again=${again} />
    ${!value && !error && html`<${Busy} />`}
    ${value?.data.length === 0 && html`<${Empty}>No functions are deployed.<//>`}
    ${value?.data.map((each) => html`<details class="card function" key=${each.id} data-function=${each.function_name}>
      <summary><${Name} class="tool-name">${each.function_name}<//> <${Name} class="soft">${`${each.module_name} / ${each.class_name}`}<//>
        ${each.needs_approval && html`<span class="status requires_action">asks for approval</span>`}</summary>
      <p dir="auto"><${Name}>${each.description ?? ""}<//></p>
      <${Parameters} schema=${each.parameters} />
      <details class="more"><summary>Schema</summary><${Pre} text=${JSON.stringify(each.parameters, null, 2)} label="Schema of the parameters" /></details>
    </details>`)}
  <//>`;
}

function Parameters({ schema }) {
  const known = Object.entries(schema?.properties ?? {});
  if (!known.length) return html`<p class="soft">It takes no arguments.</p>`;
  return html`<div class="table" tabindex="0" role="group" aria-label="Parameters"><table class="plain-table"><thead><tr><th>Parameter</th><th>Type</th><th>Meaning</th></tr></thead>
    <tbody>${known.map(([name, its]) => html`<tr key=${name}><td><${Name} class="mono">${name}<//>${schema.required?.includes(name) ? "" : html` <span class="soft">optional</span>`}</td><td class="soft">${typeOf(its)}</td><td><${Name}>${its.description ?? ""}<//></td></tr>`)}</tbody></table></div>`;
}

const typeOf = (schema) => schema.type ?? schema.anyOf?.map(typeOf).join(" or ") ?? (schema.enum ? "one of several" : "any");
