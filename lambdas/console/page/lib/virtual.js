/**
 * Shows a long list by the few rows that are in sight.
 *
 * Rows have any height: one that was not seen yet counts as `estimate` pixels until it is measured. What somebody looks at
 * stays where it is while rows above it are measured or added. A list that `sticks` keeps its end in sight if it was.
 */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";

const OVERSCAN = 600;

export function VirtualList({ items, row, estimate = 44, sticks = false, onStart, onEnd, label, role = "list", rowRole = "listitem", header, class: name = "" }) {
  const scroller = useRef(null);
  const inner = useRef(null);
  const kept = useRef({ heights: new Map(), anchor: null, atEnd: sticks, before: 0 });
  const [view, setView] = useState({ top: 0, height: 800 });
  const [, redraw] = useState(0);

  const { heights } = kept.current;
  const tops = new Float64Array(items.length + 1);
  for (let index = 0; index < items.length; index++) tops[index + 1] = tops[index] + (heights.get(items[index].id) ?? estimate);
  const total = tops[items.length];
  const first = Math.max(0, at(tops, view.top - OVERSCAN));
  const last = Math.min(items.length, at(tops, view.top + view.height + OVERSCAN) + 1);
  // While one scrolls, what was drawn is not drawn again: a node that is the same is not looked at.
  if (kept.current.row !== row) Object.assign(kept.current, { row, drawn: new Map() });
  const drawn = new Map();
  for (let index = first; index < last; index++) {
    const before = kept.current.drawn.get(items[index].id);
    drawn.set(items[index].id, before?.item === items[index] ? before : { item: items[index], node: row(items[index], index) });
  }
  kept.current.drawn = drawn;

  // Measure what is shown, then put back in place what somebody looks at.
  useLayoutEffect(() => {
    const box = scroller.current;
    let differs = false;
    for (const element of inner.current.children) {
      const id = element.dataset.id;
      const height = element.getBoundingClientRect().height;
      if (height && Math.abs((heights.get(id) ?? estimate) - height) > 0.5) {
        heights.set(id, height);
        differs = true;
      }
    }
    const { anchor, atEnd } = kept.current;
    if (sticks && atEnd) box.scrollTop = box.scrollHeight;
    else if (anchor && !differs) {
      const index = items.findIndex(({ id }) => id === anchor.id);
      if (index >= 0 && Math.abs(tops[index] + anchor.offset - box.scrollTop) > 1) box.scrollTop = tops[index] + anchor.offset;
    }
    if (differs) redraw((number) => number + 1);
  });

  const look = () => {
    const box = scroller.current;
    const index = Math.min(items.length - 1, at(tops, box.scrollTop));
    // Where older rows come before the first one, it stays where it is; elsewhere the top shows what is new.
    kept.current.anchor = items.length && (box.scrollTop > 0 || onStart) ? { id: items[index].id, offset: box.scrollTop - tops[index] } : null;
    // Only a person scrolls up; a row that turns out to be higher moves the end away.
    kept.current.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40 || (kept.current.atEnd && box.scrollTop >= kept.current.before);
    kept.current.before = box.scrollTop;
    setView((before) => (before.top === box.scrollTop && before.height === box.clientHeight ? before : { top: box.scrollTop, height: box.clientHeight }));
  };

  kept.current.look = look; // The observer must know the rows of now, not those that it began with.

  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (!scroller.current) return; // It has just been taken away.
      kept.current.look();
      redraw((number) => number + 1);
    });
    observer.observe(scroller.current);
    observer.observe(inner.current);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (onStart && items.length && view.top < 800) onStart();
    if (onEnd && view.top + view.height > total - 800) onEnd();
  }, [view, items.length, total]);

  return html`<div class=${`scroller ${name}`} data-scroller ref=${scroller} onScroll=${look} tabindex="0" role=${role} aria-label=${label}>
    ${header}
    <div class="spacer" role="presentation" style=${{ height: `${total}px` }}>
      <div class="rows" role="presentation" ref=${inner} style=${{ transform: `translateY(${tops[first]}px)` }}>
        ${items.slice(first, last).map(
          (item, index) => html`<div key=${item.id} data-row data-id=${item.id} role=${rowRole} aria-posinset=${rowRole === "row" ? undefined : first + index + 1} aria-setsize=${rowRole === "row" ? undefined : -1} aria-rowindex=${rowRole === "row" ? first + index + 2 : undefined}>${drawn.get(item.id).node}</div>`,
        )}
      </div>
    </div>
  </div>`;
}

/** Return the index of the row that is at a height. */
function at(tops, height) {
  let [low, high] = [0, tops.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
