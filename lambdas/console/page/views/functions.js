import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="functions" title="functions"><p>To come.</p><//>`;
