/** Asks for a key of the API. */
import { base, call } from "../lib/api.js";
import { notice, signIn } from "../lib/session.js";
import { Problem } from "../parts/common.js";
import { html, useEffect, useState } from "../lib/ui.js";

export function SignIn() {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Console";
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target).get("key").trim();
    if (!given) return;
    setBusy(true);
    setError(null);
    try {
      // A header holds no other letters, and the browser's own refusal would show the key.
      if (!/^[!-~]+$/.test(given)) throw Object.assign(new Error("This is no key: a key holds letters, digits and signs only."), { status: 400 });
      signIn(given, await call("GET", "/project", { as: given }));
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<main id="main" class="sign-in" data-view="sign-in">
    <form onSubmit=${submit} autocomplete="off">
      <span class="logo" aria-hidden="true"></span>
      <h1>Console</h1>
      <p class="soft">Assistants, threads and runs of the API at <code>${base}</code></p>
      ${notice.value && html`<p class="problem" role="alert">${notice.value}</p>`}
      <label class="field"><span>API key</span><input name="key" type="password" required autofocus autocomplete="off" spellcheck="false" placeholder="sk-oae-…" /></label>
      <button class="primary" disabled=${busy}>${busy ? "Signing in…" : "Sign in"}</button>
      <p class="soft small">The key stays in this tab and is forgotten when the tab is closed. <code>python -m assistants keys issue NAME</code> prints one; <code>.local/env</code> holds the local stack's.</p>
      <${Problem} error=${error} />
    </form>
  </main>`;
}
