// The sample wind_farm: the normal ranges, the interval of maintenance and today's date come from the instructions.
import { answer, call, named, run, told } from "../turns.mjs";

const RANGE = /\b(\w+_\w+) ([\d.]+) to ([\d.]+)/g;

const read = (turn) => {
  const ranges = Object.fromEntries(
    [...turn.instructions.matchAll(RANGE)].map(([, reading, low, high]) => [reading, [Number(low), Number(high)]]),
  );
  return String.raw`
rows = !wc -l < /mnt/data/turbines.csv
print(rows[0], "lines")
import json
import pandas as pd

turbines = pd.read_csv("/mnt/data/turbines.csv").set_index("turbine_id")
normal = ${JSON.stringify(ranges)}
out = pd.DataFrame({reading: ~turbines[reading].between(*limits) for reading, limits in normal.items()})
`;
};

const status = (turn) => `${read(turn)}${String.raw`
told = {}
for turbine in ${JSON.stringify(turn.user.match(/\bWT-\d+\b/g))}:
    wrong = [reading for reading in normal if out.loc[turbine, reading]]
    readings = ", ".join(f"{reading} {turbines.loc[turbine, reading]}" for reading in normal)
    told[turbine] = {"readings": readings, "out_of_range": wrong}
print(json.dumps(told))
`}`;

const chart = (turn) => `${read(turn)}${String.raw`
%matplotlib inline
import matplotlib.pyplot as plt

figure, rows = plt.subplots(len(normal), figsize=(10, 8), sharex=True)
for axes, (reading, (low, high)) in zip(rows, normal.items()):
    axes.axhspan(low, high, color="palegreen")
    colours = out[reading].map({True: "crimson", False: "darkgreen"})
    axes.scatter(turbines.index, turbines[reading], c=colours, zorder=2)
    axes.set_title(f"{reading}: normal from {low} to {high}")
plt.xticks(rotation=90)
plt.tight_layout()
plt.show()
print(json.dumps({"turbines": len(turbines), "out_of_range": int(out.any(axis=1).sum())}))
`}`;

const outOfRange = (turn) => `${read(turn)}${String.raw`
found = [
    {"turbine_id": turbine, "readings": [reading for reading in normal if out.loc[turbine, reading]]}
    for turbine in out.index[out.any(axis=1)]
]
print(json.dumps({"turbines": found}))
`}`;

const due = (turn) => {
  const [, today] = turn.instructions.match(/It is \w+ (\d+ \w+ \d{4})/);
  const [, days] = turn.instructions.match(/more than (\d+) days ago/);
  return `${read(turn)}${String.raw`
today = pd.to_datetime("${today}", format="%d %B %Y")
age = (today - pd.to_datetime(turbines["last_maintenance"])).dt.days
late = age[age > ${days}].sort_values(ascending=False)
display(late)
print(json.dumps({"today": "${today}", "due": {turbine: int(days) for turbine, days in late.items()}}))
`}`;
};

export default [
  {
    match: /^When does a crew come to each of the turbines that are out of range/,
    reply: (turn) =>
      run(turn, outOfRange(turn), ({ turbines }) => {
        const found = named(turn, "get_service_visit");
        if (!found.length) return call("get_service_visit", ...turbines.map(({ turbine_id }) => ({ turbine_id })));
        const lines = found.map(({ arguments: asked, output }) =>
          typeof output === "string"
            ? `- ${asked.turbine_id}: ${told(output)}`
            : `- ${output.turbine_id}: ${output.next_visit}, ${output.crew}`,
        );
        return answer(turn, `these visits are planned:\n${lines.join("\n")}`, "Shall I look for earlier days?");
      }),
  },
  {
    match: /^What is the status of WT-\d+/,
    reply: (turn) =>
      run(turn, status(turn), (turbines) => {
        const lines = Object.entries(turbines).map(
          ([turbine, { readings, out_of_range: wrong }]) =>
            `- ${turbine}: ${readings}; ${wrong.length ? `out of range: ${wrong.join(", ")}` : "all in range"}`,
        );
        return answer(turn, `the latest readings:\n${lines.join("\n")}`, "Shall I look at their neighbours?");
      }),
  },
  {
    match: /^Chart the turbines' readings against their normal ranges/,
    reply: (turn) =>
      run(turn, chart(turn), ({ turbines, out_of_range: wrong }) =>
        answer(
          turn,
          `here are the readings of ${turbines} turbines; ${wrong} of them are out of a range.`,
          "Shall I list those?",
        ),
      ),
  },
  {
    match: /^Which turbines are out of range\b.*\bJSON only/,
    reply: (turn) =>
      run(turn, outOfRange(turn), ({ turbines }) => ({
        content: JSON.stringify({ turbines, follow_up_question: "Shall these be stopped?" }),
      })),
  },
  {
    match: /^Which turbines are due for maintenance today/,
    reply: (turn) =>
      run(turn, due(turn), ({ today, due }) => {
        const lines = Object.entries(due).map(([turbine, days]) => `- ${turbine}: ${days} days ago`);
        return answer(turn, `these are due on ${today}; their last maintenance was\n${lines.join("\n")}`, "Shall I plan a tour?");
      }),
  },
];
