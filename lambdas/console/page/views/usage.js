/** What was used and what it cost, by day, assistant and user; budgets, and the names of the keys. */
import { BarChart } from "../parts/chart.js";
import { Busy, Empty, Id, Moment, Problem, View } from "../parts/common.js";
import { get } from "../lib/api.js";
import { count, dollars, lasting } from "../lib/format.js";
import { useLoaded } from "../lib/loading.js";
import { go, route, to } from "../lib/route.js";
import { Name } from "../lib/text.js";
import { html } from "../lib/ui.js";

const DAYS = { 7: "7 days", 30: "30 days", 90: "90 days" };

export default function Usage() {
  const { days = "30", assistant_id, user_id } = route.value.query;
  const start_date = dayOf(Date.now() - (Number(days) - 1) * 86_400_000);
  const of = assistant_id ? { assistant_id } : user_id ? { user_id } : {};
  const usage = useLoaded((signal) => get("/usage", { start_date, ...of }, signal), [start_date, assistant_id, user_id]);
  const project = useLoaded((signal) => get("/project", {}, signal), []);
  const report = usage.value;
  const whole = !assistant_id && !user_id;
  const actions = html`<div class="tabs" role="group" aria-label="Time">${Object.entries(DAYS).map(([number, title]) => html`<button key=${number} type="button" aria-pressed=${number === days} onClick=${() => go(to("usage", { ...of, days: number }), { instead: true })}>${title}</button>`)}</div>`;
  return html`<${View} name="usage" title="Usage" actions=${actions}>
    ${!whole && html`<p>Of <${Name} class="strong">${assistant_id ?? user_id}<//> alone. <a href=${to("usage", { days })}>The whole project</a></p>`}
    <${Problem} error=${usage.error} again=${usage.again} />
    ${!report && !usage.error && html`<${Busy} />`}
    ${report && html`<${Totals} total=${report.total} />
      <${Charts} report=${report} start=${start_date} />
      <${Days} data=${report.data} />`}
    ${whole && html`<${Group} title="By assistant" by="assistant_id" view="assistants" start=${start_date} /><${Group} title="By user" by="user_id" start=${start_date} />`}
    <${Problem} error=${project.error} />
    ${project.value && whole && html`<${Budgets} budgets=${project.value.budgets} /><${Keys} keys=${project.value.keys} />`}
  <//>`;
}

function Totals({ total }) {
  const tiles = [
    ["Cost", costOf(total), total.unpriced_runs ? `without ${several(total.unpriced_runs, "run")} of unknown price` : "US dollars"],
    ["Runs", count(total.runs), `${several(total.model_calls, "model call")}, ${several(total.tool_calls, "tool call")}`],
    ["Tokens", count(total.total_tokens), `${count(total.prompt_tokens)} in, ${count(total.completion_tokens)} out`],
    ["Cached", count(total.cached_tokens), `${count(total.reasoning_tokens)} of reasoning`],
    ["Model time", lasting(total.model_ms / 1000), `tools ${lasting(total.tool_ms / 1000)}`],
  ];
  return html`<div class="tiles">${tiles.map(([name, value, detail]) => html`<div key=${name} class="tile"><span class="soft">${name}</span><strong>${value}</strong><span class="soft">${detail}</span></div>`)}</div>`;
}

function Charts({ report, start }) {
  const known = new Map(report.data.map((row) => [row.date, row]));
  const days = [];
  for (let at = Date.parse(start); dayOf(at) <= report.end_date; at += 86_400_000) days.push(dayOf(at));
  const bars = (parts) => days.map((name) => ({ name, parts: known.has(name) ? parts(known.get(name)) : [] }));
  return html`<div class="charts">
    <${BarChart} title="Cost" kinds=${[["model", "cost"]]} write=${dollars} bars=${bars((row) => [{ kind: "model", value: row.cost }])} />
    <${BarChart} title="Tokens" kinds=${[["model", "prompts"], ["tool", "completions"]]} write=${short} bars=${bars((row) => [{ kind: "model", value: row.prompt_tokens }, { kind: "tool", value: row.completion_tokens }])} />
  </div>`;
}

function Days({ data }) {
  if (!data.length) return html`<${Empty}>No run has ended in this time.<//>`;
  return html`<section aria-labelledby="days-title"><h2 id="days-title">By day</h2><${Figures} first="Day (UTC)" rows=${[...data].reverse().map((row) => [row.date, row])} /></section>`;
}

function Group({ title, by, view, start }) {
  const { value, error, again } = useLoaded((signal) => get("/usage", { start_date: start, group_by: by }, signal), [start, by]);
  const name = (row) => (row[by] === null ? html`<span class="soft">${value.has_more ? "others" : "no user"}</span>` : html`<a href=${to("usage", { [by]: row[by] })}><${by === "user_id" ? Name : Id}>${row[by]}<//></a>${view && html` <a class="soft small" href=${to(view, row[by])}>open</a>`}`);
  const heading = `${by}-title`;
  return html`<section aria-labelledby=${heading}><h2 id=${heading}>${title}</h2>
    <${Problem} error=${error} again=${again} />
    ${!value && !error && html`<${Busy} />`}
    ${value && (value.data.length ? html`<${Figures} first=${title[3].toUpperCase() + title.slice(4)} rows=${value.data.map((row) => [name(row), row])} shares />` : html`<p class="soft">None.</p>`)}
    ${value?.has_more && html`<p class="soft small">Those that used least, or long ago, may be missing. The totals above hold all.</p>`}
  </section>`;
}

function Figures({ first, rows, shares = false }) {
  // What has no price is compared by its tokens.
  const weight = rows.some(([, row]) => row.cost) ? (row) => row.cost : (row) => row.total_tokens;
  const most = Math.max(...rows.map(([, row]) => weight(row)));
  return html`<div class="table" tabindex="0" role="group" aria-label=${first}><table class="plain-table figures"><thead><tr><th>${first}</th>${shares && html`<th>Share</th>`}<th>Runs</th><th>Prompt tokens</th><th>Completion tokens</th><th>Model calls</th><th>Tool calls</th><th>Rated</th><th>Cost</th></tr></thead>
    <tbody>${rows.map(([name, row], index) => html`<tr key=${index}><th scope="row">${name}</th>${shares && html`<td><meter min="0" max=${most || 1} value=${weight(row)} aria-label="Share"></meter></td>`}<td>${count(row.runs)}</td><td>${count(row.prompt_tokens)}</td><td>${count(row.completion_tokens)}</td><td>${count(row.model_calls)}</td><td>${count(row.tool_calls)}</td><td title="Answers that were rated, and their average">${row.ratings ? `${count(row.ratings)}, ${Math.round(100 * row.rating)}%` : "–"}</td><td title=${row.unpriced_runs ? `without ${several(row.unpriced_runs, "run")} of unknown price` : undefined}>${costOf(row)}</td></tr>`)}</tbody></table></div>`;
}

function Budgets({ budgets }) {
  return html`<section aria-labelledby="budgets-title"><h2 id="budgets-title">Budgets of today</h2>
    ${!budgets.length && html`<p class="soft">None. <code>python -m assistants budget set</code> sets one.</p>`}
    ${budgets.map((budget) => html`<div key=${budget.assistant_id ?? ""} class="card budget"><strong>${budget.assistant_id ? html`<${Id}>${budget.assistant_id}<//>` : "The project"}</strong>
      ${budget.tokens && html`<${Meter} name="Tokens" its=${budget.tokens} write=${count} />`}${budget.dollars && html`<${Meter} name="Dollars" its=${budget.dollars} write=${dollars} />`}
      <span class="soft small">anew <${Moment} at=${budget.resets_at} /></span></div>`)}
  </section>`;
}

function Meter({ name, its: { limit, used }, write }) {
  return html`<label>${name} <meter min="0" max=${limit} high=${0.8 * limit} value=${Math.min(used, limit)}></meter> ${write(used)} of ${write(limit)}</label>`;
}

function Keys({ keys }) {
  return html`<section aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
    <p class="soft">Keys are issued and revoked with the command line, so that no public function can write them: <code>python -m assistants keys issue NAME</code></p>
    <ul class="keys">${keys.map((each) => html`<li key=${each.name}><${Name} class="strong">${each.name}<//> <span class="soft">since <${Moment} at=${momentOf(each.created_at)} /></span></li>`)}</ul>
  </section>`;
}

/** Return the cost of runs; a dash where none of them has a price. */
const costOf = (row) => (row.runs && row.runs === row.unpriced_runs ? "–" : `${dollars(row.cost)}${row.unpriced_runs ? " +" : ""}`);
const several = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;
const momentOf = (created) => (typeof created === "string" ? Date.parse(created) / 1000 : created);
const dayOf = (ms) => new Date(ms).toISOString().slice(0, 10);
const compact = new Intl.NumberFormat("en", { notation: "compact" });
const short = (value) => compact.format(value);
