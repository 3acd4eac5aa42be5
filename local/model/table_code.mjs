// Code for the interpreter: what a plan asks of its table, and charts of what a text itself gives.
import { findings } from "./found.mjs";
import { chartOf } from "./table_plans.mjs";

const q = JSON.stringify;
const READERS = {
  csv: "pd.read_csv",
  tsv: 'lambda path: pd.read_csv(path, sep="\\t")',
  xlsx: "pd.read_excel",
  xls: "pd.read_excel",
};

/** The code that answers the plan's question from its table; it prints a JSON object. */
export function codeFor(plan) {
  const { table, group, measure, how, filters, chart, extreme } = plan;
  const ending = table.file.split(".").pop().toLowerCase();
  const lines = ["import json", ...(chart ? ["import matplotlib.pyplot as plt"] : []), "import pandas as pd", ""];
  const path = q(`/mnt/data/${table.file}`);
  lines.push(ending === "tsv" ? `table = pd.read_csv(${path}, sep="\\t")` : `table = ${READERS[ending]}(${path})`);
  for (const { code } of filters) lines.push(`table = table[${code}]`);
  if (chart) return [...lines, ...charted(plan)].join("\n");
  if (plan.summary)
    return [
      ...lines,
      'display(table.describe(include="all"))',
      `print(json.dumps({"rows": len(table), "columns": list(map(str, table.columns))}))`,
    ].join("\n");
  if (plan.row && measure) {
    const place = extreme === "low" ? "idxmin" : "idxmax";
    return [
      ...lines,
      `row = table.loc[table[${q(measure.name)}].${place}()]`,
      `print(json.dumps({"row": {str(name): str(value) for name, value in row.items()}}))`,
    ].join("\n");
  }
  if (group) {
    lines.push(`groups = ${grouped(plan)}`);
    lines.push(
      `print(json.dumps({"groups": {str(name): round(float(value), 4) for name, value in groups.head(${plan.top ?? 20}).items()}}))`,
    );
    return lines.join("\n");
  }
  if (how === "size" && plan.asksHow) return [...lines, `print(json.dumps({"result": len(table)}))`].join("\n");
  if (measure && (plan.measured || plan.asksHow)) {
    const call = plan.asksHow || !extreme ? how : extreme === "low" ? "min" : "max";
    return [...lines, `print(json.dumps({"result": round(float(table[${q(measure.name)}].${call}()), 4)}))`].join("\n");
  }
  return [
    ...lines,
    "display(table.head(10))",
    `print(json.dumps({"rows": len(table), "found": table.head(5).astype(str).to_dict("records")}))`,
  ].join("\n");
}

function grouped({ group, measure, how, extreme, chart }) {
  const keys =
    group.kind === "date" && !/year|month/i.test(group.name)
      ? `pd.to_datetime(table[${q(group.name)}]).dt.strftime("%Y-%m")`
      : q(group.name);
  const sum =
    how === "size" || !measure
      ? `table.groupby(${keys}).size()`
      : `table.groupby(${keys})[${q(measure.name)}].${how}()`;
  return group.kind === "date" || chart === "line"
    ? `${sum}.sort_index()`
    : `${sum}.sort_values(ascending=${extreme === "low" ? "True" : "False"})`;
}

function charted(plan) {
  const { group, measure, chart, how } = plan;
  const title =
    measure && how !== "size" ? `${measure.name}${group ? ` by ${group.name}` : ""}` : `rows by ${group?.name}`;
  const end = ["plt.tight_layout()", "plt.show()"];
  const others = plan.table.columns.filter((column) => column.kind === "number");
  if (chart === "hist" && measure)
    return [
      `table[${q(measure.name)}].plot.hist(title=${q(measure.name)})`,
      ...end,
      `print(json.dumps({"chart": ${q(measure.name)}, "rows": len(table)}))`,
    ];
  if (chart === "scatter" && others.length > 1)
    return [
      `table.plot.scatter(x=${q(others[0].name)}, y=${q(others[1].name)})`,
      ...end,
      `print(json.dumps({"chart": ${q(`${others[1].name} against ${others[0].name}`)}, "rows": len(table)}))`,
    ];
  if (!group)
    return [
      `table.plot(title=${q(plan.table.file)})`,
      ...end,
      `print(json.dumps({"chart": ${q(plan.table.file)}, "rows": len(table)}))`,
    ];
  const call =
    chart === "pie"
      ? `groups.plot.pie(title=${q(title)}, ylabel="")`
      : `groups.plot.${chart === "line" ? "line" : "bar"}(title=${q(title)})`;
  return [
    `groups = ${grouped(plan)}`,
    call,
    ...end,
    `print(json.dumps({"chart": ${q(title)}, "groups": {str(name): round(float(value), 4) for name, value in groups.head(20).items()}}))`,
  ];
}

/** Code for a chart of what the text itself gives: a function of x, or numbers with their names. Undefined without them. */
export function chartOfText(text, formula) {
  if (formula) {
    const [from, to] = /\bfrom (-?[\d.]+) to (-?[\d.]+)|\bbetween (-?[\d.]+) and (-?[\d.]+)/i
      .exec(text)
      ?.slice(1)
      .filter(Boolean) ?? [-10, 10];
    return `import json
import matplotlib.pyplot as plt
import numpy as np
from numpy import cos, exp, log, pi, sin, sqrt, tan

x = np.linspace(${from}, ${to}, 400)
plt.plot(x, ${formula} + 0 * x)
plt.title(${q(`y = ${formula}`)})
plt.grid()
plt.show()
print(json.dumps({"chart": ${q(`y = ${formula}`)}}))
`;
  }
  const numbers = findings(text, new Date()).filter((each) => each.kind === "number" || each.kind === "percent");
  if (numbers.length < 2) return undefined;
  const labels = numbers.map((each, index) => {
    const before = text.slice(index ? numbers[index - 1].end : 0, each.start);
    return /([\p{L}][\p{L}\d-]*)\s*(?:[:=(]|is|has|with)?\s*$/u.exec(before)?.[1] ?? String(index + 1);
  });
  const plain = labels.every((label) => /^(?:of|and|with|for|from|to|values?|numbers?|data|\d+)$/i.test(label));
  const names = plain ? numbers.map((_each, index) => String(index + 1)) : labels;
  const kind = chartOf(text);
  const call =
    kind === "pie"
      ? "plt.pie(values, labels=names)"
      : kind === "line"
        ? "plt.plot(names, values)"
        : kind === "hist"
          ? "plt.hist(values)"
          : "plt.bar(names, values)";
  return `import json
import matplotlib.pyplot as plt

names = ${q(names)}
values = ${q(numbers.map((each) => each.value))}
${call}
plt.show()
print(json.dumps({"chart": "the values ${numbers.map((each) => each.value).join(", ")}"}))
`;
}
