// The sample failed_banks: every answer is calculated from the CSV file, whose headers end in no-break spaces.
import { answer, call, named, run, told } from "../turns.mjs";

const READ = String.raw`
!head -n 3 /mnt/data/failed_banks.csv
import json
import pandas as pd

banks = pd.read_csv("/mnt/data/failed_banks.csv")
banks.columns = banks.columns.str.strip()
banks["Closing Date"] = pd.to_datetime(banks["Closing Date"], format="%d-%b-%y")
`;

const CHART = `${READ}${String.raw`
%matplotlib inline
import matplotlib.pyplot as plt

by_state = banks["State"].value_counts()
axes = by_state.plot.bar(figsize=(10, 5), color="steelblue", title="Bank failures by state")
axes.set_xlabel("State")
axes.set_ylabel("Failures")
plt.tight_layout();
plt.show()
print(json.dumps({"banks": len(banks), "states": len(by_state)}))
`}`;

const LAST = `${READ}${String.raw`
last = banks.loc[banks["Closing Date"].idxmax()]
print(json.dumps({
    "name": last["Bank Name"],
    "city": last["City"],
    "state": last["State"],
    "closed": last["Closing Date"].strftime("%-d %B %Y"),
    "acquirer": last["Acquiring Institution"],
}))
`}`;

const MOST = `${READ}${String.raw`
by_state = banks["State"].value_counts()
display(by_state.head())
print(json.dumps({"state": by_state.index[0], "failures": int(by_state.iloc[0])}))
`}`;

const between = (state, first, last) => `${READ}${String.raw`
years = banks.loc[banks["State"] == "${state}", "Closing Date"].dt.year
by_year = years[years.between(${first}, ${last})].value_counts().sort_index()
print(json.dumps({"failures": int(by_year.sum()), "by_year": {str(year): int(n) for year, n in by_year.items()}}))
`}`;

const BETWEEN = /How many banks failed in ([A-Z]{2}) from (\d{4}) to (\d{4})/;

const ENDS = `${READ}${String.raw`
days = banks["Closing Date"].agg(["min", "max"]).dt.strftime("%Y-%m-%d")
print(json.dumps({"first": days["min"], "last": days["max"]}))
`}`;

export default [
  {
    match: /^How much of a deposit was insured\b/,
    reply: (turn) =>
      run(turn, ENDS, ({ first, last }) => {
        const found = named(turn, "get_deposit_insurance");
        if (!found.length) return call("get_deposit_insurance", { day: first }, { day: last });
        const lines = found.map(({ output }) =>
          typeof output === "string" ? `- ${told(output)}` : `- ${output.day}: ${output.insured} ${output.currency}`,
        );
        return answer(turn, `this was insured when the first and the last bank failed:\n${lines.join("\n")}`, "Shall I look up another day?");
      }),
  },
  {
    match: /^Chart the number of failures by state/,
    reply: (turn) =>
      run(turn, CHART, ({ banks, states }) =>
        answer(turn, `here are ${banks} failures in ${states} states.`, "Shall I chart them by year, too?"),
      ),
  },
  {
    match: /^Which bank was the last to fail\b/,
    reply: (turn) =>
      run(turn, LAST, ({ name, city, state, closed, acquirer }) =>
        answer(
          turn,
          `it was ${name} in ${city}, ${state}, closed on ${closed}. Acquirer: ${acquirer}.`,
          "Would you like to know which was the first?",
        ),
      ),
  },
  {
    match: /^Which state has had the most failures\b/,
    reply: (turn) =>
      run(turn, MOST, ({ state, failures }) =>
        answer(turn, `it is ${state}, with ${failures} failures.`, "Shall I list the banks?"),
      ),
  },
  {
    match: BETWEEN,
    reply: (turn) => {
      const [, state, first, last] = turn.user.match(BETWEEN);
      return run(turn, between(state, first, last), ({ failures, by_year }) => {
        const years = Object.entries(by_year).map(([year, count]) => `${year}: ${count}`);
        return answer(
          turn,
          `there were ${failures} failures in ${state} from ${first} to ${last} (${years.join(", ")}).`,
          "Shall I compare it with another state?",
        );
      });
    },
  },
];
