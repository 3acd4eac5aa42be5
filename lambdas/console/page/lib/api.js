/** Talks to the API, at the address that the page itself came from, with the key that its user gave. */
import { key, signOut } from "./session.js";

/** The API's address, without a slash at its end: the page's own is `<base>/console`. */
export const base = new URL(".", location.origin + location.pathname).href.replace(/\/$/, "");

/** An answer that refuses a request, or the lack of any (`status` 0). */
export class ApiError extends Error {
  constructor(status, error = {}, requestId = "") {
    super(error.message || (status ? `The API answered ${status}.` : "The API can't be reached."));
    Object.assign(this, { status, code: error.code ?? null, type: error.type ?? null, param: error.param ?? null, requestId });
  }
}

/**
 * Send a request and return the answer, whose status is below 400.
 *
 * `query` leaves out what is empty; a list is sent as several parameters of one name. `body` is sent as JSON, or as it
 * is if it is a form. Throws an ApiError.
 */
export async function send(method, path, { query = {}, body, headers = {}, signal, as = key.value } = {}) {
  const url = new URL(base + path);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== undefined && each !== null && each !== "") url.searchParams.append(name, each);
  }
  const form = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(url, {
      method,
      signal,
      headers: { authorization: `Bearer ${as}`, ...(body && !form ? { "content-type": "application/json" } : {}), ...headers },
      body: form ? body : body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401 && as === key.value && key.value) signOut("The key is not accepted any more.");
  throw new ApiError(answer.status, told.error, answer.headers.get("x-request-id") ?? "");
}

/** Return the JSON of an answer. */
export const call = async (...request) => (await send(...request)).json();
export const get = (path, query, signal) => call("GET", path, { query, signal });
export const post = (path, body = {}, more = {}) => call("POST", path, { body, ...more });
export const remove = (path) => call("DELETE", path);

/** Return a file of the API as a blob; its type is told by its first bytes, and unknown ones are no page's. */
export async function blobOf(fileId, signal) {
  const data = await (await send("GET", `/files/${part(fileId)}/content`, { signal })).arrayBuffer();
  return new Blob([data], { type: imageType(new Uint8Array(data, 0, Math.min(12, data.byteLength))) });
}

/** Return an id as a part of a path. */
export const part = encodeURIComponent;

/** Hand a file of the API to the browser's downloads. */
export async function download(fileId, name = fileId) {
  const url = URL.createObjectURL(new Blob([await blobOf(fileId)], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const MAGIC = { "image/png": [0x89, 0x50, 0x4e, 0x47], "image/jpeg": [0xff, 0xd8, 0xff], "image/gif": [0x47, 0x49, 0x46, 0x38] };

function imageType(bytes) {
  const begins = (magic, at = 0) => magic.every((byte, index) => bytes[at + index] === byte);
  const known = Object.keys(MAGIC).find((type) => begins(MAGIC[type]));
  if (known) return known;
  return begins([0x52, 0x49, 0x46, 0x46]) && begins([0x57, 0x45, 0x42, 0x50], 8) ? "image/webp" : "application/octet-stream";
}
