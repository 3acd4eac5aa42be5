/** A chart of bars by day: drawn as SVG, told as a table. */
import { html } from "../lib/ui.js";

const WIDTH = matchMedia("(max-width: 820px)").matches ? 380 : 640;
const HEIGHT = 180;
const LEFT = 56;
const BOTTOM = 22;

/** @param bars `[{ name, parts: [{ kind, value }] }]`, one for each day; @param write writes a value */
export function BarChart({ title, bars, kinds, write }) {
  const sums = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const most = nice(Math.max(...sums, 0));
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const height = (value) => ((HEIGHT - BOTTOM - 8) * value) / most;
  const every = Math.ceil(bars.length / (WIDTH / 90));
  return html`<figure class="chart">
    <figcaption>${title}<span class="legend">${kinds.length > 1 && kinds.map(([kind, name]) => html`<span key=${kind} class=${kind}>${name}</span>`)}</span></figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${`${title}, by day; the table below has the numbers`}>
      ${[0, 0.5, 1].map((share) => html`<g key=${share} class="grid"><line x1=${LEFT} x2=${WIDTH} y1=${HEIGHT - BOTTOM - height(share * most)} y2=${HEIGHT - BOTTOM - height(share * most)} /><text x=${LEFT - 8} y=${HEIGHT - BOTTOM - height(share * most) + 4}>${write(share * most)}</text></g>`)}
      ${bars.map((bar, index) => {
        let below = 0;
        return html`<g key=${bar.name}><title>${bar.name}: ${write(sums[index])}</title>
          ${bar.parts.map(({ kind, value }) => {
            const y = HEIGHT - BOTTOM - height((below += value));
            return html`<rect key=${kind} class=${kind} x=${LEFT + index * step + step * 0.15} y=${y} width=${Math.max(1, Math.min(step * 0.7, 40))} height=${Math.max(value ? 1 : 0, height(value))} />`;
          })}
          ${index % every === 0 && html`<text class="day" x=${LEFT + index * step + step * 0.15} y=${HEIGHT - 6}>${bar.name.slice(5)}</text>`}</g>`;
      })}
    </svg>
  </figure>`;
}

/** Return a round number that is not below this one. */
function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((each) => each * power >= value) * power;
}
