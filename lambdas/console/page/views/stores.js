import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="stores" title="stores"><p>To come.</p><//>`;
