/** Writes an assistant: a new one, or one that is there. */
import { Field, Problem } from "./common.js";
import { get, part, post } from "../lib/api.js";
import { useLoaded } from "../lib/loading.js";
import { Name } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

const EFFORTS = ["", "none", "minimal", "low", "medium", "high", "xhigh", "max"];

export function AssistantForm({ assistant = null, onSaved, onCancel }) {
  const [state, setState] = useState(() => fieldsOf(assistant));
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const models = useLoaded((signal) => get("/models", {}, signal), []);
  const functions = useLoaded((signal) => get("/functions", {}, signal), []);
  const stores = useLoaded((signal) => get("/vector_stores", { limit: 100 }, signal), []);
  const set = (change) => setState((before) => ({ ...before, ...change }));
  const typed = (name) => ({ name, value: state[name], onInput: (event) => set({ [name]: event.target.value }) });
  const save = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onSaved(await post(assistant ? `/assistants/${part(assistant.id)}` : "/assistants", bodyOf(state, assistant)));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  const model = state.model || models.value?.data[0]?.id || "";
  return html`<form class="assistant-form" onSubmit=${save} aria-label=${assistant ? "The assistant" : "A new assistant"}>
    <${Field} label="Name"><input ...${typed("name")} maxlength="256" /><//>
    <${Field} label="Model"><input ...${typed("model")} value=${state.model} placeholder=${model} list="models" required=${!model} /><//>
    <datalist id="models">${models.value?.data.map(({ id }) => html`<option key=${id} value=${id}></option>`)}</datalist>
    <${Field} label="Instructions"><textarea ...${typed("instructions")} rows="5" dir="auto"></textarea><//>
    <fieldset><legend>Tools</legend>
      <label class="check"><input type="checkbox" name="code_interpreter" checked=${state.code} onChange=${(event) => set({ code: event.target.checked })} /> Code interpreter</label>
      <label class="check"><input type="checkbox" name="file_search" checked=${state.search} onChange=${(event) => set({ search: event.target.checked })} /> File search</label>
      ${state.search && html`<${Field} label="Vector store"><select name="store" value=${state.store} onChange=${(event) => set({ store: event.target.value })}><option value="">None</option>${state.store && !stores.value?.data.some(({ id }) => id === state.store) && html`<option value=${state.store}>${state.store}</option>`}${stores.value?.data.map(({ id, name }) => html`<option key=${id} value=${id}>${name || id}</option>`)}</select><//>`}
    </fieldset>
    ${functions.value?.data.length > 0 && html`<fieldset><legend>Functions of the stack</legend>${functions.value.data.map((each) => html`<${FunctionChoice} key=${nameOf(each)} each=${each} chosen=${state.functions} onChange=${(chosen) => set({ functions: chosen })} />`)}</fieldset>`}
    <details class="more" open=${state.open}><summary>More settings</summary>
      <${Field} label="Functions of the client" hint="JSON: a list of functions with name, description and parameters"><textarea ...${typed("own")} rows="4" spellcheck="false" class="mono"></textarea><//>
      <div class="pair"><${Field} label="Temperature"><input ...${typed("temperature")} type="number" min="0" max="2" step="0.1" /><//>
      <${Field} label="Top p"><input ...${typed("top_p")} type="number" min="0" max="1" step="0.05" /><//></div>
      <${Field} label="Reasoning effort"><select name="effort" value=${state.reasoning_effort} onChange=${(event) => set({ reasoning_effort: event.target.value })}>${EFFORTS.map((each) => html`<option key=${each} value=${each}>${each || "the model's own"}</option>`)}</select><//>
      ${!assistant && html`<${Field} label="Kind" hint="A voice assistant hears and speaks; a hybrid one speaks where it was spoken to"><select name="kind" value=${state.assistant_type} onChange=${(event) => set({ assistant_type: event.target.value })}>${["chat", "voice", "hybrid", "agent"].map((each) => html`<option key=${each}>${each}</option>`)}</select><//>`}
      <${Field} label="Description"><input ...${typed("description")} maxlength="512" /><//>
    </details>
    <${Problem} error=${error} />
    <div class="form-foot"><button class="primary" disabled=${busy}>${assistant ? "Save" : "Create"}</button>
      ${onCancel && html`<button type="button" onClick=${onCancel}>Cancel</button>`}
      ${assistant && html`<a class="soft" href=${`#/assistants/${part(assistant.id)}`}>${assistant.id}</a>`}</div>
  </form>`;
}

function FunctionChoice({ each, chosen, onChange }) {
  const name = nameOf(each);
  const mine = chosen.find((other) => nameOf(other) === name);
  const others = chosen.filter((other) => nameOf(other) !== name);
  const { module_name, class_name, function_name } = each;
  const toggle = (event) => onChange(event.target.checked ? [...others, { module_name, class_name, function_name }] : others);
  return html`<div class="function-choice">
    <label class="check"><input type="checkbox" name=${`function-${function_name}`} checked=${Boolean(mine)} onChange=${toggle} /> <${Name} class="mono">${function_name}<//></label>
    ${each.needs_approval ? html`<small class="soft">asks for approval</small>` : mine && html`<label class="check small"><input type="checkbox" name=${`approve-${function_name}`} checked=${Boolean(mine.needs_approval)} onChange=${(event) => onChange([...others, { ...mine, needs_approval: event.target.checked }])} /> ask for approval</label>`}
  </div>`;
}

const nameOf = ({ module_name, class_name, function_name }) => `${module_name}/${class_name}.${function_name}`;

function fieldsOf(assistant) {
  const tools = assistant?.tools ?? [];
  const own = tools.filter(({ type }) => type === "function").map((tool) => tool.function);
  return {
    name: assistant?.name ?? "",
    model: assistant?.model ?? "",
    instructions: assistant?.instructions ?? "",
    description: assistant?.description ?? "",
    assistant_type: assistant?.assistant_type ?? "chat",
    code: tools.some(({ type }) => type === "code_interpreter"),
    search: tools.some(({ type }) => type === "file_search"),
    store: assistant?.tool_resources?.file_search?.vector_store_ids?.[0] ?? "",
    functions: assistant?.functions ?? [],
    own: own.length ? JSON.stringify(own, null, 2) : "",
    temperature: assistant?.temperature ?? "",
    top_p: assistant?.top_p ?? "",
    reasoning_effort: assistant?.reasoning_effort ?? "",
  };
}

function bodyOf(state, assistant) {
  const kept = (assistant?.tools ?? []).filter(({ type }) => type === "file_search" || type === "code_interpreter");
  const tool = (type) => kept.find((each) => each.type === type) ?? { type };
  const resources = { ...(assistant?.tool_resources ?? {}) };
  if (state.search && state.store) resources.file_search = { vector_store_ids: [state.store] };
  else delete resources.file_search;
  return {
    model: state.model || document.querySelector("#models option")?.value || "",
    name: state.name || null,
    instructions: state.instructions || null,
    description: state.description || null,
    tools: [...(state.code ? [tool("code_interpreter")] : []), ...(state.search ? [tool("file_search")] : []), ...ownFunctions(state.own)],
    functions: state.functions,
    ...(assistant ? {} : { assistant_type: state.assistant_type }),
    tool_resources: resources,
    ...numbers(state),
    ...(state.reasoning_effort ? { reasoning_effort: state.reasoning_effort } : {}),
  };
}

function numbers({ temperature, top_p }) {
  const given = Object.entries({ temperature, top_p }).filter(([, value]) => value !== "");
  return Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
}

function ownFunctions(text) {
  if (!text.trim()) return [];
  let read;
  try {
    read = JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`The functions of the client are no JSON: ${error.message}`), { status: 400 });
  }
  return [read].flat().map((each) => (each?.type === "function" ? each : { type: "function", function: each }));
}
