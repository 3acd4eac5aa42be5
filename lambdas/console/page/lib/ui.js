/** Gathers what every component needs: templates, hooks and signals. */
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render, Fragment } from "../vendor/preact.js";
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
export { batch, computed, effect, signal } from "../vendor/preact-signals.js";

export const html = htm.bind(h);
