/** Small parts that many views share. */
import { advice, STATUS_WORDS } from "../lib/words.js";
import { exactly, when } from "../lib/format.js";
import { bare, Name, Pre } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";

/** A view's frame; its name is what tests and styles know it by. */
export function View({ name, title, actions, children, wide = false }) {
  useEffect(() => {
    document.title = `${bare(title)} · Console`;
  }, [title]);
  return html`<main id="main" data-view=${name} class=${wide ? "view wide" : "view"} tabindex="-1">
    <header class="view-head"><h1><${Name}>${title}<//></h1><div class="actions">${actions}</div></header>
    ${children}
  </main>`;
}

/** What went wrong and what to do. */
export function Problem({ error, again }) {
  if (!error) return null;
  return html`<div class="problem" role="alert">
    <p><strong><${Name}>${error.message}<//></strong></p>
    ${advice(error) && html`<p>${advice(error)}</p>`}
    ${error.requestId && html`<p class="soft">Request <code>${error.requestId}</code></p>`}
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;
}

export const Status = ({ status }) => html`<span class=${`status ${status}`}>${STATUS_WORDS[status] ?? status}</span>`;
export const Moment = ({ at }) => (at ? html`<time datetime=${new Date(at * 1000).toISOString()} title=${exactly(at)}>${when(at)}</time>` : "–");
export const Id = ({ children }) => html`<code class="id">${children}</code>`;
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
export const Busy = ({ children = "Loading…" }) => html`<p class="soft" role="status">${children}</p>`;

/** A label and its field. */
export function Field({ label, hint, children }) {
  return html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}

/** Names and values. */
export function Facts({ facts }) {
  const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return html`<dl class="facts">${known.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A button that copies text. */
export function Copy({ text, children = "Copy" }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    setDone("Copied");
    setTimeout(() => setDone(""), 1500);
  };
  return html`<button type="button" class="quiet" onClick=${copy}>${done || children}</button>`;
}

/** A dialog above the page; Escape and a click beside it close it. */
export function Dialog({ title, onClose, children, wide = false }) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onClose=${onClose} onClick=${(event) => event.target === dialog.current && onClose()}>
    <div class="dialog-body">
      <header><h2 id="dialog-title">${title}</h2><button type="button" class="quiet" aria-label="Close" onClick=${onClose}>✕</button></header>
      ${children}
    </div>
  </dialog>`;
}

/** A button that asks before it acts. */
export function Sure({ children, question, onYes, class: name = "quiet danger" }) {
  const [asked, setAsked] = useState(false);
  if (!asked) return html`<button type="button" class=${name} onClick=${() => setAsked(true)}>${children}</button>`;
  return html`<span class="sure" role="group" aria-label=${question}>
    <span>${question}</span>
    <button type="button" class="danger" autofocus onClick=${() => { setAsked(false); onYes(); }}>Yes</button>
    <button type="button" onClick=${() => setAsked(false)}>No</button>
  </span>`;
}

/** Text that is long perhaps: its beginning, and the rest on demand. */
export function Long({ text, label, limit = 4000 }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= limit) return html`<${Pre} text=${text} label=${label} />`;
  return html`<${Pre} text=${whole ? text : `${text.slice(0, limit)}…`} label=${label} />
    <button type="button" class="quiet" onClick=${() => setWhole(!whole)}>${whole ? "Show less" : `Show all ${text.length.toLocaleString("en")} characters`}</button>`;
}
