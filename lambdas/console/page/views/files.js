/** The files of the project. */
import { Moment, Problem, Sure, View } from "../parts/common.js";
import { Table } from "../parts/table.js";
import { upload } from "../parts/files.js";
import { download, part, remove } from "../lib/api.js";
import { bytes } from "../lib/format.js";
import { usePages } from "../lib/loading.js";
import { Name } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

export default function Files() {
  const list = usePages("/files");
  const [error, setError] = useState(null);
  const erase = (id) => remove(`/files/${part(id)}`).then(() => list.change((items) => items.filter((each) => each.id !== id)), setError);
  const add = async (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    setError(null);
    try {
      for (const file of files) {
        const made = await upload(file);
        list.change((items) => [made, ...items]);
      }
    } catch (refused) {
      setError(refused);
    }
  };
  const columns = [
    { name: "File", class: "main", cell: (file) => html`<${Name} class="file-name">${file.filename}<//>` },
    { name: "For", class: "purpose", cell: (file) => file.purpose },
    { name: "Size", class: "number", cell: (file) => bytes(file.bytes) },
    { name: "Created", class: "time", cell: (file) => html`<${Moment} at=${file.created_at} />` },
    { name: "Actions", class: "acts", cell: (file) => html`<button type="button" class="quiet" onClick=${() => download(file.id, file.filename).catch(setError)}>Download</button><${Sure} question="Delete?" onYes=${() => erase(file.id)}>Delete<//>` },
  ];
  return html`<${View} name="files" title="Files" actions=${html`<label class="button attach primary"><input type="file" multiple class="hidden" onChange=${add} />Upload</label>`}>
    <${Problem} error=${error} />
    <${Table} list=${list} columns=${columns} label="Files" kind="files" empty="There are no files yet." />
  <//>`;
}
