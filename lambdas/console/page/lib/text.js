/** Shows text so that what is there is seen: characters that hide or turn around what follows get a name. */
import { html } from "./ui.js";

const NAMES = {
  0x00ad: "soft hyphen", 0x061c: "ALM", 0x180e: "MVS", 0x200b: "zero width space", 0x200e: "LRM", 0x200f: "RLM",
  0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO", 0x202e: "RLO", 0x2060: "word joiner", 0x2066: "LRI",
  0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM",
};

// Controls, marks of direction, what has no width, and tags; not the joiners, which emoji and some scripts need.
const HIDDEN = /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}])/u;

/** Return text as nodes. */
export function shown(text) {
  const pieces = String(text ?? "").split(HIDDEN);
  if (pieces.length === 1) return pieces[0];
  return pieces.map((piece, index) => {
    if (index % 2 === 0) return piece;
    const code = piece.codePointAt(0);
    const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    return html`<bdi class="control" title=${`The invisible character ${number}`}>${NAMES[code] ?? number}</bdi>`;
  });
}

/** Return text without the characters that `shown` names. */
export const bare = (text) => text.split(HIDDEN).filter((_, index) => index % 2 === 0).join("");

/** Text of others in a line of ours: it can't turn around what stands beside it. */
export const Name = ({ children, class: name }) => html`<bdi class=${name}>${shown([children].flat().join(""))}</bdi>`;

/** Text of others in lines of its own. */
export const Pre = ({ text, label, class: name = "" }) =>
  html`<pre class=${name} dir="auto" tabindex="0" aria-label=${label}>${shown(text)}</pre>`;

/** Return JSON, or text that may be JSON, as people read it. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    const read = JSON.parse(value);
    return typeof read === "object" && read ? JSON.stringify(read, null, 2) : value;
  } catch {
    return value;
  }
}
