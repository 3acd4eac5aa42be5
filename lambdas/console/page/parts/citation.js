/** A citation in a text, which opens the passage that it cites. */
import { Busy, Dialog, Problem } from "./common.js";
import { Passage } from "./step.js";
import { get, part } from "../lib/api.js";
import { useLoaded } from "../lib/loading.js";
import { Name } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

const CONTENT = "step_details.tool_calls[*].file_search.results[*].content";

export function Citation({ annotation, number, message }) {
  const [open, setOpen] = useState(false);
  const fileId = annotation.file_citation?.file_id;
  return html`<button type="button" class="citation" aria-label=${`Citation ${number + 1}: open the passage`} onClick=${() => setOpen(true)}>${number + 1}</button>
    ${open && html`<${Cited} annotation=${annotation} fileId=${fileId} message=${message} onClose=${() => setOpen(false)} />`}`;
}

function Cited({ annotation, fileId, message, onClose }) {
  const { value, error } = useLoaded((signal) => passages(message, annotation, fileId, signal), [fileId]);
  return html`<${Dialog} title="Cited passage" onClose=${onClose} wide>
    <p class="soft"><${Name}>${annotation.text}<//></p>
    <${Problem} error=${error} />
    ${!value && !error && html`<${Busy} />`}
    ${value?.length === 0 && html`<p>The run's searches don't hold this passage any more. Its file is <code>${fileId}</code>.</p>`}
    ${value?.map((result, index) => html`<${Passage} key=${index} result=${result} />`)}
  <//>`;
}

/** Return the passage that a mark such as 【1:0†guide.pdf】 names, or else what was found in its file. */
async function passages(message, annotation, fileId, signal) {
  const path = `/threads/${part(message.thread_id)}/runs/${part(message.run_id)}/steps`;
  const page = await get(path, { order: "asc", limit: 100, "include[]": CONTENT }, signal);
  const searches = page.data.flatMap((step) => step.step_details.tool_calls ?? []).filter(({ type }) => type === "file_search");
  const [, call, index] = /【(\d+):(\d+)†/.exec(annotation.text ?? "") ?? [];
  const named = searches[call]?.file_search.results?.[index];
  if (named?.file_id === fileId) return [named];
  return searches.flatMap((each) => each.file_search.results ?? []).filter((result) => result.file_id === fileId);
}
