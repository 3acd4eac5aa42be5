/** Files of the API: pictures, names, downloads, and uploads that wait to be sent. */
import { blobOf, download, get, part, post } from "../lib/api.js";
import { bytes } from "../lib/format.js";
import { Name } from "../lib/text.js";
import { useLoaded } from "../lib/loading.js";
import { html, useEffect, useState } from "../lib/ui.js";

/** A picture that is a file of the API. */
export function FileImage({ fileId, label = "A picture" }) {
  const [state, setState] = useState({ url: "", error: "" });
  useEffect(() => {
    const leaving = new AbortController();
    let url = "";
    const load = async () => {
      const blob = await blobOf(fileId, leaving.signal);
      if (!blob.type.startsWith("image/")) throw new Error("no picture");
      url = URL.createObjectURL(blob);
      // Its size is known before it is shown, so that nothing moves twice.
      const { width, height } = await decoded(url);
      if (!leaving.signal.aborted) setState({ url, width, height, error: "" });
    };
    load().catch((error) => leaving.signal.aborted || setState({ url: "", error: error.message }));
    return () => {
      leaving.abort();
      if (url) URL.revokeObjectURL(url);
    };
  }, [fileId]);
  if (state.error) return html`<p class="soft">The picture <code>${fileId}</code> can't be shown: <${Name}>${state.error}<//></p>`;
  if (!state.url) return html`<div class="picture waiting" role="status">Loading a picture…</div>`;
  return html`<figure class="picture"><img src=${state.url} width=${state.width} height=${state.height} alt=${label} /><figcaption><button type="button" class="quiet" onClick=${() => download(fileId)}>Download</button></figcaption></figure>`;
}

async function decoded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** The name of a file, and a button that downloads it. */
export function FileChip({ fileId, tools = [] }) {
  const { value, error } = useLoaded((signal) => get(`/files/${part(fileId)}`, {}, signal), [fileId]);
  const name = value?.filename ?? fileId;
  return html`<span class="chip"><${Name}>${name}<//>
    ${value && html`<span class="soft">${bytes(value.bytes)}</span>`}
    ${tools.map(({ type }) => html`<span class="soft" key=${type}>${type === "file_search" ? "to search" : "for code"}</span>`)}
    ${error ? html`<span class="soft">gone</span>` : html`<button type="button" class="quiet" aria-label="Download" title="Download" onClick=${() => download(fileId, name)}>↓</button>`}</span>`;
}

/** Send a file of this computer to the API; return the file's object. */
export function upload(file, purpose = "assistants") {
  const form = new FormData();
  form.append("purpose", purpose);
  form.append("file", file, file.name);
  return post("/files", form);
}

/** Files that were chosen for the next message, each with what it is for. */
export function Chosen({ files, onChange }) {
  if (!files.length) return null;
  const set = (index, change) => onChange(files.map((each, number) => (number === index ? { ...each, ...change } : each)));
  return html`<ul class="chosen" aria-label="Files of the next message">${files.map(
    (each, index) => html`<li key=${index} class="chip"><${Name}>${each.file.name}<//>
      <select aria-label=${`What ${each.file.name} is for`} value=${each.use} onChange=${(event) => set(index, { use: event.target.value })}>
        ${each.file.type.startsWith("image/") && html`<option value="see">to see</option>`}
        <option value="file_search">to search</option><option value="code_interpreter">for code</option>
      </select>
      <button type="button" class="quiet" aria-label=${`Remove ${each.file.name}`} onClick=${() => onChange(files.filter((_, number) => number !== index))}>✕</button></li>`,
  )}</ul>`;
}
