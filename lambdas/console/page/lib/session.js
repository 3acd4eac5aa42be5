/** Keeps who is signed in: the key lives in this tab's session and nowhere else. */
import { signal } from "./ui.js";

const NAME = "console.key";

/** The key of the API, or null. */
export const key = signal(sessionStorage.getItem(NAME));

/** What the API says of the key's project, `{ name, ... }`; null until it has answered. */
export const project = signal(null);

/** Why the last session ended by itself, to be shown where one signs in. */
export const notice = signal("");

/** Keep a key that the API has accepted. */
export function signIn(given, its) {
  sessionStorage.setItem(NAME, given);
  notice.value = "";
  project.value = its;
  key.value = given;
}

/** Forget the key and everything that was shown with it. */
export function signOut(why = "") {
  sessionStorage.clear();
  notice.value = why;
  key.value = null;
  project.value = null;
}
