import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="store" title="store"><p>To come.</p><//>`;
