/** The playground: pick or write an assistant, and talk to it. */
import { AssistantForm } from "../parts/assistant_form.js";
import { Composer } from "../parts/composer.js";
import { Busy, Copy, Dialog, Id, Problem, Status, View } from "../parts/common.js";
import { Message } from "../parts/message.js";
import { RequiredAction } from "../parts/action.js";
import { Step } from "../parts/step.js";
import { Ending } from "../parts/ending.js";
import { get, part } from "../lib/api.js";
import { LANGUAGES, programOf } from "../lib/code.js";
import { TERMINAL } from "../lib/conversation.js";
import { usePages } from "../lib/loading.js";
import { go, route, to } from "../lib/route.js";
import * as talk from "../lib/talk.js";
import { shown } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";

export default function Playground() {
  const { thread, assistant } = route.value.query;
  useEffect(() => {
    if (thread && thread !== talk.threadId.value) talk.open(thread);
    if (assistant) {
      talk.reset();
      talk.assistantId.value = assistant;
      go(to("playground"), { instead: true });
    }
  }, [thread, assistant]);
  const fresh = () => {
    talk.reset();
    go(to("playground"));
  };
  const [program, setProgram] = useState(false);
  const said = talk.conversation.value.entries.length > 0;
  const actions = html`${talk.requests.value.length > 0 && html`<button type="button" onClick=${() => setProgram(true)}>Copy as code</button>`}
    ${talk.threadId.value && html`<a class="button" href=${to("threads", talk.threadId.value)}>Thread</a>`}
    <button type="button" onClick=${fresh} disabled=${!said}>New conversation</button>`;
  return html`<${View} name="playground" title="Playground" actions=${actions} wide>
    <div class="playground">
      <${Conversation} />
      <${Picker} />
    </div>
    ${program && html`<${Program} onClose=${() => setProgram(false)} />`}
  <//>`;
}

function Conversation() {
  const { entries, run } = talk.conversation.value;
  const state = talk.state.value;
  const inner = useRef(null);
  const box = useRef(null);
  const stuck = useRef(true);
  // The end stays in sight while an answer grows and pictures come.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (stuck.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    observer.observe(inner.current);
    return () => observer.disconnect();
  }, []);
  const before = useRef(0);
  const look = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current;
    // Only a person scrolls up; what comes meanwhile moves the end away.
    stuck.current = scrollHeight - scrollTop - clientHeight < 60 || (stuck.current && scrollTop >= before.current);
    before.current = scrollTop;
  };
  const waits = run?.status === "requires_action" && (state === "" || state === "lost");
  const active = run && !TERMINAL.includes(run.status);
  return html`<section class="conversation" aria-label="Conversation">
    <div class="entries" data-scroller ref=${box} onScroll=${look} tabindex="0" role="log" aria-live="polite" aria-relevant="additions" aria-label="Messages" aria-busy=${state === "answering"}>
      <div class="entries-inner" ref=${inner}>
      ${!entries.length && state === "opening" && html`<${Busy} />`}
      ${!entries.length && state === "" && html`<div class="hello"><h2>Talk to an assistant</h2><p class="soft">${talk.assistantId.value ? "Write a message below." : "Pick an assistant or write one, then write a message below."}</p></div>`}
      ${entries.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} />`)}
      ${waits && html`<${RequiredAction} key=${run.required_action?.submit_tool_outputs.tool_calls.map(({ id }) => id).join()} run=${run} onSubmit=${talk.submit} />`}
      </div>
    </div>
    <div class="state" role="status">
      ${run && html`<${Status} status=${run.status} /> <a href=${to("threads", run.thread_id, "runs", run.id)}><${Id}>${run.id}<//></a>`}
      ${state === "sending" && html`<span class="soft">Sending…</span>`}
      ${state === "lost" && html`<span class="soft">The connection is lost; joining again…</span>`}
    </div>
    <${Problem} error=${talk.problem.value} />
    <${Composer} disabled=${!talk.assistantId.value || active || state !== ""} active=${active || state === "answering"} />
  </section>`;
}

function Entry({ entry }) {
  if (entry.kind === "message") return html`<${Message} message=${entry.message} live=${entry.message.status === "in_progress"} />`;
  if (entry.kind === "step") return html`<${Step} step=${entry.step} />`;
  return html`<${Ending} run=${entry.run} />`;
}

function Picker() {
  const list = usePages("/assistants", {}, { size: 20 }); // It comes before the first use, and instructions may be long.
  const [editing, setEditing] = useState("");
  const id = talk.assistantId.value;
  const picked = list.items.find((each) => each.id === id);
  useEffect(() => {
    if (!id && list.items.length && !editing) talk.assistantId.value = list.items[0].id;
    if (list.done && !list.items.length) setEditing("new");
  }, [list.items, list.done]);
  // One that is older than those of the list, or newer: a link may name any.
  const known = Boolean(picked);
  useEffect(() => {
    if (!id || known || list.busy) return undefined;
    const leaving = new AbortController();
    get(`/assistants/${part(id)}`, {}, leaving.signal).then(
      (found) => list.change((items) => [...items.filter((each) => each.id !== found.id), found]),
      () => {}, // It was deleted: its threads can be read all the same.
    );
    return () => leaving.abort();
  }, [id, known, list.busy]);
  const [wide] = useState(() => matchMedia("(min-width: 821px)").matches);
  useEffect(() => {
    talk.assistantType.value = picked?.assistant_type ?? "";
  }, [picked]);
  const saved = (assistant) => {
    list.change((items) => [assistant, ...items.filter((each) => each.id !== assistant.id)]);
    talk.assistantId.value = assistant.id;
    setEditing("");
  };
  return html`<aside class="picker" aria-label="Assistant and settings">
    <label class="field"><span>Assistant</span>
      <select value=${editing === "new" ? "new" : id} onChange=${(event) => { if (event.target.value === "new") setEditing("new"); else { setEditing(""); talk.assistantId.value = event.target.value; } }}>
        ${!list.items.length && editing !== "new" && html`<option value="">${list.busy ? "Loading…" : "None yet"}</option>`}
        ${id && !picked && editing !== "new" && html`<option value=${id}>${id}</option>`}
        ${list.items.map((each) => html`<option key=${each.id} value=${each.id}>${shown(each.name || each.id)}</option>`)}
        <option value="new">Write a new one…</option>
      </select></label>
    ${!list.done && list.items.length > 0 && html`<button type="button" class="quiet" onClick=${list.more}>More assistants</button>`}
    <${Problem} error=${list.error} again=${list.again} />
    ${editing === "new" ? html`<${AssistantForm} onSaved=${saved} onCancel=${list.items.length ? () => setEditing("") : null} />` : picked && html`<details class="settings" open=${wide}><summary>Settings</summary><${AssistantForm} key=${picked.id} assistant=${picked} onSaved=${saved} /></details>`}
  </aside>`;
}

function Program({ onClose }) {
  const [language, setLanguage] = useState("python");
  const text = programOf(talk.requests.value, language);
  return html`<${Dialog} title="This conversation's requests" onClose=${onClose} wide>
    <div class="tabs" role="group" aria-label="Language">${Object.entries(LANGUAGES).map(([name, title]) => html`<button key=${name} type="button" aria-pressed=${name === language} onClick=${() => setLanguage(name)}>${title}</button>`)}<${Copy} text=${text} /></div>
    <pre class="code" tabindex="0" aria-label="Program">${shown(text)}</pre>
    <p class="soft">The key is read from <code>OPENAI_API_KEY</code>; it is in none of this.</p>
  <//>`;
}
