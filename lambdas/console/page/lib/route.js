/** Keeps which view is shown: the part of the address behind `#`, which holds ids and never a key. */
import { signal } from "./ui.js";

const read = () => {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").map(decoded).filter(Boolean), query: Object.fromEntries(new URLSearchParams(query)) };
};

/** The view's address as `{ parts, query }`. */
export const route = signal(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/** Return the address of a view. */
export function to(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search && `?${search}`}`;
}

/** Show another view; `instead` leaves no step back to this one. */
export function go(address, { instead = false } = {}) {
  if (instead) {
    history.replaceState(null, "", address);
    route.value = read();
  } else location.hash = address;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
