/** Where a message is written, with its files. */
import { Chosen } from "./files.js";
import { Speak } from "./voice.js";
import { project } from "../lib/session.js";
import * as talk from "../lib/talk.js";
import { html, useRef, useState } from "../lib/ui.js";

export function Composer({ disabled, active }) {
  const [text, setText] = useState("");
  const [files, setFiles] = useState([]);
  const field = useRef(null);
  const send = async () => {
    if (disabled || !text.trim()) return;
    if (await talk.say(text, files)) {
      setText("");
      setFiles([]);
      field.current?.focus();
    }
  };
  const keys = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  const add = (list) => setFiles([...files, ...[...list].map((file) => ({ file, use: file.type.startsWith("image/") ? "see" : "file_search" }))].slice(0, 10));
  const drop = (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  };
  return html`<form class="composer" onSubmit=${(event) => { event.preventDefault(); send(); }} onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
    <${Chosen} files=${files} onChange=${setFiles} />
    <textarea ref=${field} name="message" rows="3" dir="auto" placeholder="Write a message" aria-label="Message" value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${keys}></textarea>
    <div class="composer-foot">
      <label class="button attach"><input type="file" multiple class="hidden" aria-label="Attach files" onChange=${(event) => { add(event.target.files); event.target.value = ""; }} />Attach</label>
      ${["voice", "hybrid"].includes(talk.assistantType.value) && project.value?.voice && html`<${Speak} disabled=${disabled} />`}
      <span class="soft hint">Enter sends, Shift+Enter is a new line</span>
      ${active ? html`<button type="button" class="danger" onClick=${talk.cancel}>Cancel run</button>` : html`<button class="primary" disabled=${disabled || !text.trim()}>Send</button>`}
    </div>
  </form>`;
}
