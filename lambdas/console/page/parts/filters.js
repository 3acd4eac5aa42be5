/** A row of filters above a list; they are in the view's address, so a list can be bookmarked. */
import { go, route, to } from "../lib/route.js";
import { html } from "../lib/ui.js";

/** @param fields `[{ name, label, type, options }]`; a date is a day of the browser's own time */
export function Filters({ view, fields }) {
  const { query } = route.value;
  const set = (name, value) => go(to(view, { ...query, [name]: value }), { instead: true });
  const some = fields.some(({ name }) => query[name]);
  return html`<form class="filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
    ${fields.map(({ name, label, type = "text", options, hint }) => html`<label key=${name}><span>${label}</span>
      ${options ? html`<select name=${name} value=${query[name] ?? ""} onChange=${(event) => set(name, event.target.value)}><option value="">Any</option>${options.map(([value, title]) => html`<option key=${value} value=${value}>${title}</option>`)}</select>` : html`<input name=${name} type=${type} placeholder=${hint} min=${type === "number" ? 0 : undefined} step=${type === "number" ? "any" : undefined} value=${query[name] ?? ""} onChange=${(event) => set(name, event.target.value.trim())} />`}</label>`)}
    ${some && html`<button type="button" class="quiet" onClick=${() => go(to(view), { instead: true })}>Clear</button>`}
  </form>`;
}

/** Return when a day of the browser's own time begins, or the next one, in seconds since 1970. */
export function dayAt(text, { next = false } = {}) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text ?? "")) return undefined;
  const date = new Date(`${text}T00:00`);
  if (next) date.setDate(date.getDate() + 1);
  return Math.floor(date.getTime() / 1000);
}
