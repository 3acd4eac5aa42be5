/** Loads what a view shows: one object, or a list page by page as it is scrolled. */
import { get } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./ui.js";

/**
 * Return `{ value, error, again }` of what `load(signal)` gives; it is called again when `inputs` change.
 *
 * What was asked for before and comes late is dropped.
 */
export function useLoaded(load, inputs) {
  const [state, setState] = useState({ value: null, error: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    load(leaving.signal).then(
      (value) => leaving.signal.aborted || setState({ value, error: null }),
      (error) => leaving.signal.aborted || setState((before) => ({ ...before, error })),
    );
    return () => leaving.abort();
  }, [...inputs, round]);
  return { ...state, set: (value) => setState({ value, error: null }), again: () => setRound((number) => number + 1) };
}

/**
 * Return a list of the API, of which `more()` loads the next page: `{ items, done, busy, error, more, again, refresh, change }`.
 *
 * After an error, `more()` does nothing until `again()` has been called.
 *
 * A page may be short, or empty, and others still follow it. `refresh()` loads the newest page and puts what is new before
 * the rest. The list starts anew when `path` or `query` change.
 */
export function usePages(path, query = {}, { size = 100 } = {}) {
  const name = `${path}?${JSON.stringify(query)}`;
  const [state, setState] = useState(START);
  const current = useRef({ name, after: undefined, busy: false, done: false });
  if (current.current.name !== name) current.current = { name, after: undefined, busy: false, done: false };

  const more = useCallback(async () => {
    const its = current.current;
    if (its.busy || its.done || its.failed) return;
    its.busy = true;
    setState((before) => ({ ...before, busy: true, error: null }));
    try {
      const page = await get(path, { ...query, limit: size, after: its.after });
      if (its !== current.current) return;
      Object.assign(its, { after: page.last_id ?? its.after, done: !page.has_more });
      setState((before) => ({ items: without(before.items, page.data).concat(page.data), done: its.done, busy: false, error: null }));
    } catch (error) {
      its.failed = true; // It is asked again when somebody says so.
      if (its === current.current) setState((before) => ({ ...before, busy: false, error }));
    } finally {
      its.busy = false;
    }
  }, [name]);

  const again = useCallback(() => {
    current.current.failed = false;
    return more();
  }, [name]);

  const refresh = useCallback(async () => {
    const its = current.current;
    const page = await get(path, { ...query, limit: Math.min(size, 50) });
    if (its !== current.current) return;
    setState((before) => {
      const known = new Map(page.data.map((item) => [item.id, item]));
      const kept = before.items.map((item) => known.get(item.id) ?? item);
      const ids = new Set(before.items.map(({ id }) => id));
      return { ...before, items: [...page.data.filter(({ id }) => !ids.has(id)), ...kept] };
    });
  }, [name]);

  useEffect(() => {
    setState(START);
    more();
  }, [name]);
  // Of a filter that finds little, pages come empty: go on until there is something to show.
  useEffect(() => {
    if (!state.busy && !state.done && !state.error && current.current.after && state.items.length === 0) more();
  }, [state]);
  const change = useCallback((alter) => setState((before) => ({ ...before, items: alter(before.items) })), []);
  return { ...state, more, again, refresh, change };
}

const START = { items: [], done: false, busy: true, error: null };

function without(items, others) {
  const ids = new Set(others.map(({ id }) => id));
  return items.filter(({ id }) => !ids.has(id));
}

/** Call a function every few seconds while the page is seen and `active`. */
export function useEvery(seconds, what, active = true) {
  const latest = useRef(what);
  latest.current = what;
  useEffect(() => {
    if (!active) return undefined;
    let timer;
    let gone = false;
    const tick = async () => {
      if (document.visibilityState === "visible") await Promise.resolve(latest.current()).catch(() => {});
      if (!gone) timer = setTimeout(tick, seconds * 1000);
    };
    timer = setTimeout(tick, seconds * 1000);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [active, seconds]);
}
