/** A list of the API as a table of which only the rows in sight are there. */
import { Empty, Problem } from "./common.js";
import { VirtualList } from "../lib/virtual.js";
import { html } from "../lib/ui.js";

/** @param columns `[{ name, class, cell(item) }]`; @param list what `usePages` returns */
export function Table({ list, columns, label, empty, kind }) {
  if (list.done && !list.items.length) return html`<${Empty}>${empty}<//>`;
  const header = html`<div class="row head" role="rowgroup"><div class="cells" role="row">${columns.map((column) => html`<span key=${column.name} role="columnheader" class=${column.class}>${column.name}</span>`)}</div></div>`;
  const row = (item) => html`<div class="cells" role="presentation">${columns.map((column) => html`<span key=${column.name} role="cell" class=${column.class}>${column.cell(item)}</span>`)}</div>`;
  return html`<${VirtualList} items=${list.items} row=${row} header=${header} estimate=${45} onEnd=${list.more} label=${label} role="table" rowRole="row" class=${`table-list ${kind}`} />
    <${Problem} error=${list.error} again=${list.again} />
    <p class="soft small list-foot" role="status">${list.busy ? "Loading…" : list.done ? `${list.items.length.toLocaleString("en")} in all` : `${list.items.length.toLocaleString("en")} loaded; scroll for more`}</p>`;
}
