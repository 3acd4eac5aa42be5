/**
 * Shows Markdown as nodes that are made one by one: no text ever becomes markup.
 *
 * `marked` only splits the text up (its lexer). What is HTML in it is shown as the text that it is, a link leads only
 * where a person can see and only to the web, and a picture is a link to it: the page loads nothing from elsewhere.
 */
import { lexer } from "../vendor/marked.js";
import { Pre, shown } from "./text.js";
import { html, useMemo } from "./ui.js";

const MAX_CHARACTERS = 100_000;
const MAX_DEPTH = 60;
const NONE = [];

// A citation's place in the text, which marked leaves alone. Nobody else gets such a character through.
const [OPEN, CLOSE] = ["\ue000", "\ue001"];
const PLACE = /\ue000(\d+)\ue001/;

/**
 * A text as its author meant it.
 *
 * @param annotations those of the API, in the order of the text
 * @param cite makes the node of an annotation, from it and its number
 */
export function Markdown({ text, annotations = NONE, cite = () => null }) {
  const tokens = useMemo(() => split(text, annotations), [text, annotations]);
  if (!tokens) return html`<${Pre} class="plain" text=${text} />`;
  const context = { annotations, cite, marks: new Map(annotations.map((annotation, number) => [annotation.text, number])) };
  return html`<div class="markdown" dir="auto">${blocks(tokens, context)}</div>`;
}

/** Split a text up, each citation's mark being a place; null if it is too long or too deep for that. */
function split(text, annotations) {
  if (text.length > MAX_CHARACTERS) return null;
  const clean = text.replaceAll(OPEN, "\ufff0").replaceAll(CLOSE, "\ufff1");
  try {
    const tokens = lexer(withPlaces(clean, annotations), { gfm: true });
    return depthOf(tokens) > MAX_DEPTH ? null : tokens;
  } catch {
    return null; // Thousands of quotes in one another.
  }
}

const depthOf = (tokens) => tokens.reduce((depth, token) => Math.max(depth, 1 + depthOf(token.tokens ?? token.items ?? [])), 0);

/** Put a place where each citation's mark is. The path of a file is an address, and is known by its words. */
function withPlaces(text, annotations) {
  let done = "";
  let rest = text;
  annotations.forEach((annotation, number) => {
    const at = annotation.text ? rest.indexOf(annotation.text) : -1;
    if (at < 0 || annotation.type === "file_path") return;
    done += `${rest.slice(0, at)}${OPEN}${number}${CLOSE}`;
    rest = rest.slice(at + annotation.text.length);
  });
  return done + rest;
}

const blocks = (tokens, context) => tokens.map((token) => block(token, context));
const inlines = (tokens, context) => (tokens ?? []).map((token) => inline(token, context));

function block(token, context) {
  switch (token.type) {
    case "space":
      return null;
    case "hr":
      return html`<hr />`;
    case "heading": // Below that of the message.
      return html`<p class=${`heading h${token.depth}`} role="heading" aria-level="3">${inlines(token.tokens, context)}</p>`;
    case "paragraph":
      return html`<p>${inlines(token.tokens, context)}</p>`;
    case "code":
      return html`<${Pre} class="code" label=${token.lang ? `Code, ${token.lang}` : "Code"} text=${token.text} />`;
    case "blockquote":
      return html`<blockquote>${blocks(token.tokens, context)}</blockquote>`;
    case "list": {
      const items = token.items.map((item) => html`<li>${blocks(item.tokens, context)}</li>`);
      return token.ordered ? html`<ol start=${token.start || 1}>${items}</ol>` : html`<ul>${items}</ul>`;
    }
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    case "table":
      return table(token, context);
    case "text":
      return token.tokens ? inlines(token.tokens, context) : text(token.text, context);
    default: // HTML, definitions of links, and what a later version brings.
      return html`<p class="raw">${text(token.raw, context)}</p>`;
  }
}

function table(token, context) {
  const cells = (row, name) => row.map((cell) => html`<${name} class=${cell.align ?? ""}>${inlines(cell.tokens, context)}<//>`);
  return html`<div class="table" tabindex="0" role="group" aria-label="Table"><table>
    <thead><tr>${cells(token.header, "th")}</tr></thead>
    <tbody>${token.rows.map((row) => html`<tr>${cells(row, "td")}</tr>`)}</tbody>
  </table></div>`;
}

function inline(token, context) {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return html`<${token.type}>${inlines(token.tokens, context)}<//>`;
    case "codespan":
      return html`<code>${text(token.text, context)}</code>`;
    case "br":
      return html`<br />`;
    case "link":
    case "image":
      return link(token, context);
    case "escape":
      return text(token.text, context);
    case "text":
      return token.tokens ? inlines(token.tokens, context) : text(token.text, context);
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    default:
      return text(token.raw, context);
  }
}

function link(token, context) {
  const number = context.marks.get(token.href) ?? context.marks.get(decoded(token.href));
  const words = token.tokens?.length ? inlines(token.tokens, context) : text(token.text || token.href, context);
  if (number !== undefined) return context.cite(context.annotations[number], number, words);
  const url = URL.canParse(token.href) ? new URL(token.href) : null;
  if (!url || !["https:", "http:", "mailto:"].includes(url.protocol)) return html`<span class="inert">${words} (${shown(token.href)})</span>`;
  const place = url.host || url.pathname;
  const said = token.text === token.href || `${url.protocol}//${token.text}/` === url.href;
  return html`<a href=${url.href} target="_blank" rel="noopener noreferrer nofollow" title=${url.href}>${token.type === "image" ? "Picture: " : ""}${words}</a>${said ? "" : html` <span class="where">(${shown(place)})</span>`}`;
}

function decoded(address) {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

function text(value, context) {
  return value.split(PLACE).map((piece, index) => {
    if (index % 2 === 0) return shown(piece);
    const annotation = context.annotations[piece];
    return annotation ? context.cite(annotation, Number(piece)) : null;
  });
}
