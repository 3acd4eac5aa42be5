import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="assistants" title="assistants"><p>To come.</p><//>`;
