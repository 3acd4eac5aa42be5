/** A run's timeline: its states, and within them the calls of the model, of tools and of the client, as bars. */
import { lasting } from "../lib/format.js";
import { Name } from "../lib/text.js";
import { html } from "../lib/ui.js";

const TICKS = 4;

export function Timeline({ timeline, now = Date.now() }) {
  const { data, started_ms: start, first_token_ms: first } = timeline;
  const end = Math.max(start + 1, timeline.ended_ms ?? now, ...data.map((bar) => bar.end_ms ?? 0));
  const length = end - start;
  const place = (ms) => Math.min(100, Math.max(0, (100 * (ms - start)) / length));
  const rows = data.map((bar) => ({ ...bar, end_ms: bar.end_ms ?? end }));
  return html`<div class="timeline" role="table" aria-label="Timeline" aria-rowcount=${rows.length}>
    ${rows.map((bar, index) => html`<div key=${index} class=${`bar-row ${bar.inner ? "inner" : ""}`} role="row" data-kind=${bar.kind}>
      <div class="bar-label" role="rowheader"><${Name}>${bar.label}<//> <${Name} class="soft">${bar.detail}<//></div>
      <div class="track" role="cell"><span class="sr">from ${lasting((bar.start_ms - start) / 1000)} on</span>
        ${first && html`<i class="first-token" style=${{ left: `${place(first)}%` }}></i>`}
        <i class=${`bar ${bar.kind} ${bar.label}`} style=${{ left: `${place(bar.start_ms)}%`, width: `${Math.max(0.4, place(bar.end_ms) - place(bar.start_ms))}%` }}></i></div>
      <div class="bar-time" role="cell">${lasting((bar.end_ms - bar.start_ms) / 1000)}</div>
    </div>`)}
    <div class="bar-row axis" aria-hidden="true"><div></div><div class="ticks">${Array.from({ length: TICKS + 1 }, (_, tick) => html`<span key=${tick} style=${{ left: `${(100 * tick) / TICKS}%` }}>${lasting((length * tick) / TICKS / 1000)}</span>`)}</div><div></div></div>
  </div>
  <p class="legend"><span class="model">model</span><span class="tool">tools</span><span class="client">waits for the client</span><span class="engine">the rest</span>
    ${first && html`<span class="first">first token after ${lasting((first - start) / 1000)}</span>`}</p>`;
}
