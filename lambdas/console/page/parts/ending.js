/** Why a run did not complete, and what to do. */
import { ending } from "../lib/words.js";
import { Name } from "../lib/text.js";
import { html } from "../lib/ui.js";

export function Ending({ run }) {
  const told = ending(run);
  if (!told) return null;
  return html`<div class=${`problem ${run.status === "cancelled" ? "mild" : ""}`} role="alert" data-ending=${run.status}>
    <p><strong>${told.title}</strong>${told.code && html` <code>${told.code}</code>`}</p>
    ${told.what && html`<p><${Name}>${told.what}<//></p>`}
    ${told.todo && html`<p>${told.todo}</p>`}
  </div>`;
}
