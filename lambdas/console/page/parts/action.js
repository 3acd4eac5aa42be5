/** Answers the calls that a run waits with: approvals, and functions of the client. */
import { Name, Pre, pretty } from "../lib/text.js";
import { html, useState } from "../lib/ui.js";

export function RequiredAction({ run, onSubmit }) {
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
  const [answers, setAnswers] = useState({});
  const answer = (id, output) => {
    const next = { ...answers, [id]: output };
    setAnswers(next);
    // One call that needs no more than a yes or no is answered with the click.
    if (calls.length === 1 && calls[0].needs_approval) onSubmit([{ tool_call_id: id, output }]);
  };
  const all = calls.every(({ id }) => answers[id] !== undefined);
  const submit = (event) => {
    event.preventDefault();
    if (all) onSubmit(calls.map(({ id }) => ({ tool_call_id: id, output: answers[id] })));
  };
  return html`<form class="action" data-action onSubmit=${submit} aria-label="The run waits for you">
    <h2>${calls.every((call) => call.needs_approval) ? "May the assistant do this?" : "The run waits for you"}</h2>
    ${calls.map((call) => html`<fieldset key=${call.id}>
      <legend><${Name} class="tool-name">${call.function.name}<//></legend>
      <${Pre} text=${pretty(call.function.arguments)} label="Arguments" />
      ${call.needs_approval ? html`<${Approval} answered=${answers[call.id]} onAnswer=${(output) => answer(call.id, output)} />` : html`<label class="field"><span>Output</span><textarea rows="3" name=${`output-${call.id}`} onInput=${(event) => setAnswers({ ...answers, [call.id]: event.target.value })}></textarea></label>`}
    </fieldset>`)}
    ${!(calls.length === 1 && calls[0].needs_approval) && html`<button class="primary" disabled=${!all}>${calls.length > 1 ? "Submit all" : "Submit"}</button>`}
  </form>`;
}

function Approval({ answered, onAnswer }) {
  return html`<div class="approval">
    <button type="button" class="primary" aria-pressed=${answered === "yes"} onClick=${() => onAnswer("yes")}>Approve</button>
    <button type="button" class="danger" aria-pressed=${answered === "no"} onClick=${() => onAnswer("no")}>Refuse</button>
  </div>`;
}
