/** A message, as a person reads it. */
import { FileChip, FileImage } from "./files.js";
import { Citation } from "./citation.js";
import { Listen } from "./voice.js";
import { Moment } from "./common.js";
import { Markdown } from "../lib/markdown.js";
import { Name, Pre } from "../lib/text.js";
import { html } from "../lib/ui.js";
import { download } from "../lib/api.js";
import { to } from "../lib/route.js";

const NAMES = { user: "User", assistant: "Assistant" };

export function Message({ message, live = false, linked = true }) {
  const mine = message.role === "user";
  return html`<article class=${`message ${message.role}`} data-message=${message.id} aria-label=${`Message of the ${message.role}`}>
    <header><h2 class="who">${NAMES[message.role]}</h2><${Moment} at=${message.created_at} />
      ${linked && message.run_id && html`<a class="soft" href=${to("threads", message.thread_id, "runs", message.run_id)}>its run</a>`}
      ${message.status === "incomplete" && html`<span class="status incomplete">incomplete</span>`}</header>
    <div class="message-body">
      ${message.content.map((part, index) => html`<${Part} key=${index} part=${part} message=${message} plain=${mine} />`)}
      ${live && html`<span class="caret" aria-hidden="true"></span>`}
      ${!message.content.length && !live && html`<p class="soft">An empty message.</p>`}
    </div>
    ${message.audio?.speech_url && html`<${Listen} message=${message} />`}
    ${message.attachments?.length > 0 && html`<footer class="attachments">${message.attachments.map((each) => html`<${FileChip} key=${each.file_id} fileId=${each.file_id} tools=${each.tools ?? []} />`)}</footer>`}
  </article>`;
}

function Part({ part, message, plain }) {
  if (part.type === "text") {
    if (plain) return html`<${Pre} class="plain" text=${part.text.value} label="Text" />`;
    const annotations = part.text.annotations ?? [];
    const cite = (annotation, number, words) => cited(annotation, number, words, message);
    return html`<${Markdown} text=${part.text.value ?? ""} annotations=${annotations} cite=${cite} />`;
  }
  if (part.type === "refusal") return html`<div class="refusal"><p class="soft">The model refused:</p><${Pre} class="plain" text=${part.refusal} /></div>`;
  if (part.type === "image_file") return html`<${FileImage} fileId=${part.image_file.file_id} label=${plain ? "A picture that the user sent" : "A picture that the assistant made"} />`;
  if (part.type === "image_url") return html`<p class="soft">A picture at <${Name}>${part.image_url.url.startsWith("data:") ? "a data: address" : part.image_url.url}<//></p>`;
  return html`<${Pre} text=${JSON.stringify(part, null, 2)} />`;
}

function cited(annotation, number, words, message) {
  if (annotation.type === "file_path") {
    const name = (annotation.text ?? "").split("/").pop() || annotation.file_path.file_id;
    return html`<button type="button" class="link" onClick=${() => download(annotation.file_path.file_id, decodeURI(name))}>${words ?? name} ↓</button>`;
  }
  return html`<${Citation} annotation=${annotation} number=${number} message=${message} />`;
}
