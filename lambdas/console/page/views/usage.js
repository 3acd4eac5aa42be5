import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="usage" title="usage"><p>To come.</p><//>`;
