import { View } from "../parts/common.js";
import { html } from "../lib/ui.js";

export default () => html`<${View} name="files" title="files"><p>To come.</p><//>`;
