// The sample voice_concierge: short sentences to be spoken, from what code reads in services.csv.
import { answer, run } from "../turns.mjs";

const READ = String.raw`
import json
import pandas as pd

services = pd.read_csv("/mnt/data/services.csv").set_index("service")
`;

const one = (service) => `${READ}${String.raw`
row = services.loc[${JSON.stringify(service)}]
print(json.dumps({name: str(row[name]).removesuffix(".0") for name in services.columns}))
`}`;

const openAt = (time) => `${READ}${String.raw`
late = services["closes"] < services["opens"]
open_now = (services["opens"] <= "${time}") & (late | ("${time}" < services["closes"]))
print(json.dumps({"open": services.index[open_now].tolist()}))
`}`;

const sentence = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names.join(""));

export default [
  {
    match: /^When is breakfast served\b/,
    reply: (turn) =>
      run(turn, one("breakfast"), ({ place, opens, closes }) =>
        answer(turn, `breakfast is served in ${place}, from ${opens} to ${closes}.`, "Shall I reserve a table?"),
      ),
  },
  {
    match: /^What is still open at ten in the evening\b/,
    reply: (turn) =>
      run(turn, openAt("22:00"), ({ open }) =>
        answer(turn, `at ten in the evening you can still enjoy ${sentence(open)}.`, "Shall I tell you the way?"),
      ),
  },
  {
    match: /^How much is a massage\b/,
    reply: (turn) =>
      run(turn, one("a massage"), ({ price_eur: price, minutes }) =>
        answer(turn, `a massage is ${price} euros, and lasts ${minutes} minutes.`, "Shall I book one?"),
      ),
  },
];
