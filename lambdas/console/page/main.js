/** Starts the console: signs in, then shows the view that the address names, within the page's frame. */
import { route, to } from "./lib/route.js";
import { key, project, signOut } from "./lib/session.js";
import { get } from "./lib/api.js";
import { Name } from "./lib/text.js";
import { Busy } from "./parts/common.js";
import { html, render, useEffect, useState } from "./lib/ui.js";
import { SignIn } from "./views/sign_in.js";

// Each view is loaded when it is first shown.
const VIEWS = [
  { path: ["playground"], name: "Playground", load: () => import("./views/playground.js") },
  { path: ["threads"], name: "Threads", load: () => import("./views/threads.js") },
  { path: ["threads", null], load: () => import("./views/thread.js") },
  { path: ["runs"], name: "Runs", load: () => import("./views/runs.js") },
  { path: ["threads", null, "runs", null], load: () => import("./views/run.js") },
  { path: ["assistants"], name: "Assistants", load: () => import("./views/assistants.js") },
  { path: ["assistants", null], load: () => import("./views/assistants.js") },
  { path: ["functions"], name: "Functions", load: () => import("./views/functions.js") },
  { path: ["files"], name: "Files", load: () => import("./views/files.js") },
  { path: ["stores"], name: "Vector stores", load: () => import("./views/stores.js") },
  { path: ["stores", null], load: () => import("./views/store.js") },
  { path: ["usage"], name: "Usage", load: () => import("./views/usage.js") },
];

function App() {
  if (!key.value) return html`<${SignIn} />`;
  return html`<${Frame} />`;
}

function Frame() {
  const { parts } = route.value;
  const view = VIEWS.find(({ path }) => path.length === parts.length && path.every((name, index) => name === null || name === parts[index])) ?? VIEWS[0];
  const current = parts[2] === "runs" ? "runs" : view.path[0];
  useEffect(() => {
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [view]);
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${to("playground")}><span class="logo" aria-hidden="true"></span>Console</a>
      <nav aria-label="Views">${VIEWS.filter(({ name }) => name).map(({ path, name }) => html`<a key=${name} href=${to(...path)} aria-current=${path[0] === current ? "page" : undefined}>${name}</a>`)}</nav>
      <${Account} />
    </header>
    <${Loaded} key=${view.path.join("/")} view=${view} ids=${parts.filter((_, index) => view.path[index] === null)} />`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Account() {
  useEffect(() => {
    // After a reload of the page, the key is known and its project is not.
    if (!project.value) get("/project").then((its) => (project.value = its), () => {});
  }, []);
  return html`<div class="account">
    ${project.value && html`<span class="project" title="The project of your key">Project <${Name} class="strong">${project.value.name}<//></span>`}
    <button type="button" class="quiet" onClick=${() => signOut()}>Sign out</button>
  </div>`;
}

function Loaded({ view, ids }) {
  const [state, setState] = useState({});
  useEffect(() => {
    view.load().then((module) => setState({ Shown: module.default }), (error) => setState({ error }));
  }, []);
  if (state.error)
    return html`<main id="main"><div class="problem" role="alert"><p>This part of the page could not be loaded: the stack may have been updated.</p><button type="button" onClick=${() => location.reload()}>Load the page again</button></div></main>`;
  return state.Shown ? html`<${state.Shown} key=${ids.join("/")} ids=${ids} />` : html`<main id="main"><${Busy} /></main>`;
}

const app = document.getElementById("app");
app.textContent = "";
render(html`<${App} />`, app);
