// Files of the conversation: code that looks at them, code that answers from a table what the words ask for, and charts.
import { findings } from "./found.mjs";
import { meaning, stem, stems, words } from "./words.mjs";

export const CHART = /\b(?:chart|plot|graph|histogram|pie|bars?|diagram|visuali[sz]e|draw|scatter)\b/i;
export const TABLE =
  /\b(?:csv|tsv|xlsx|excel|spreadsheets?|columns?|rows?|data ?set|table of|the table|the data)\b|\b[\w-]+\.(?:csv|tsv|xlsx?)\b/i;
export const DATA = /\b(?:data|files?|attach(?:ed|ments?)|upload(?:ed)?)\b|\b[\w-]+\.(?:json|txt|md|pdf|docx?)\b/i;

/** Prints what files there are: of tables the columns with their kinds and some values, of texts the beginning. */
export const LOOK = String.raw`
import json
from pathlib import Path
import pandas as pd

readers = {".csv": pd.read_csv, ".tsv": lambda path: pd.read_csv(path, sep="\t"), ".xlsx": pd.read_excel, ".xls": pd.read_excel}
found = []
for path in sorted(Path("/mnt/data").iterdir()):
    if path.suffix.lower() in readers:
        table = readers[path.suffix.lower()](path)
        columns = []
        for name in table.columns:
            values = table[name].dropna()
            kind = "number" if pd.api.types.is_numeric_dtype(values) and values.dtype != bool else "text"
            if kind == "text" and len(values) and pd.to_datetime(values.astype(str), errors="coerce", format="mixed").notna().all():
                kind = "date"
            some = [str(value)[:40] for value in values.unique()[:60]] if kind == "text" else []
            columns.append({"name": str(name), "kind": kind, "values": some})
        found.append({"file": path.name, "rows": len(table), "columns": columns})
    elif path.is_file():
        text = path.read_bytes()[:4000].decode(errors="replace")
        found.append({"file": path.name, "bytes": path.stat().st_size, "text": text if text.isprintable() or "\n" in text else ""})
print(json.dumps({"files": found}))
`;

const AGGREGATES = [
  [/\b(?:average|mean|typical)\b/i, "mean", "average"],
  [/\bmedian\b/i, "median", "median"],
  [/\b(?:total|sum|altogether|in all|overall|how much)\b/i, "sum", "total"],
  [/\b(?:how many|count|number of)\b/i, "size", "number of rows"],
];
const HIGH =
  /\b(?:most|highest|largest|biggest|best|maximum|max|top|greatest|oldest|longest|latest|newest|expensive|strongest)\b/i;
const LOW = /\b(?:least|lowest|smallest|worst|minimum|min|fewest|youngest|shortest|earliest|cheapest|weakest)\b/i;
const SUMMARY =
  /\b(?:describe|summar\w*|overview|statistics|stats|look at|analy[sz]e|explore|what(?:['’]s| is) in|contents?|columns?|read|show|open|load|preview)\b/i;

/** The table that a question is about, of those that `LOOK` found: the one it names, or whose columns it names. */
export function tableFor(question, files) {
  const asked = new Set([...stems(question)].map(meaning));
  const rated = files
    .filter((file) => file.columns)
    .map((file) => [ratingOf(question, asked, file), file])
    .sort((a, b) => b[0] - a[0]);
  return rated[0] && { table: rated[0][1], rating: rated[0][0] };
}

function ratingOf(question, asked, file) {
  if (question.toLowerCase().includes(file.file.toLowerCase())) return 100;
  const names = file.columns.filter((column) => named(asked, column.name)).length;
  const values = file.columns.filter((column) => valueIn(question, column)).length;
  return 2 * names + values + [...stems(file.file)].filter((root) => asked.has(meaning(root))).length;
}

const named = (asked, name) => words(name).some((word) => word.length > 1 && asked.has(meaning(stem(word))));

const escaped = (text) => text.replace(/[.*+?^${"$"}{}()|[\]\\]/g, "\\$&");
const valueIn = (question, column) =>
  column.values
    .filter(
      (value) =>
        value.length > 1 &&
        new RegExp(`(?<![\\p{L}\\d])${escaped(value)}(?![\\p{L}\\d])`, /^[A-Z]{2,3}$/.test(value) ? "u" : "iu").test(
          question,
        ),
    )
    .sort((a, b) => b.length - a.length)[0];

/** What a question asks of a table: `{ group, measure, how, filter, chart, extreme, summary }`. */
export function planFor(question, table) {
  const asked = new Set([...stems(question)].map(meaning));
  const { columns } = table;
  const filters = columns
    .map((column) => [column.name, valueIn(question, column)])
    .filter(([, value]) => value !== undefined);
  const by = /\b(?:by|per|for each|of each|across|each|over|versus|vs\.?|against)\s+(?:the\s+)?([\p{L}\d_ -]+)/iu.exec(
    question,
  )?.[1];
  const mentioned = columns.filter((column) => named(asked, column.name));
  const numeric = columns.filter((column) => column.kind === "number" && !/(^|_)id$/i.test(column.name));
  const grouping = columns.filter((column) => column.kind !== "number" || !numeric.includes(column));
  const first =
    by &&
    columns.find((column) =>
      named(
        new Set(
          words(by)
            .slice(0, 3)
            .map((word) => meaning(stem(word))),
        ),
        column.name,
      ),
    );
  const measure = mentioned.find((column) => numeric.includes(column) && column !== first);
  const extreme = HIGH.test(question) ? "high" : LOW.test(question) ? "low" : undefined;
  const which = new Set(
    words(/\b(?:which|what|who)\b(.*)/i.exec(question)?.[1])
      .slice(0, 3)
      .map((word) => meaning(stem(word))),
  );
  const whose = grouping.find((column) => named(which, column.name));
  const how = AGGREGATES.find(([pattern]) => pattern.test(question));
  const chart = CHART.test(question);
  const filtered = new Set(filters.map(([name]) => name));
  const group =
    first ??
    (extreme || chart
      ? (whose ?? mentioned.find((column) => grouping.includes(column) && !filtered.has(column.name)))
      : undefined);
  return {
    table,
    group: group ?? (chart ? grouping.find((column) => !filtered.has(column.name)) : undefined),
    measure: measure ?? (how?.[1] === "size" ? undefined : numeric.find((column) => column !== group)),
    measured: Boolean(measure),
    how: how?.[1] ?? (measure || numeric.length ? "sum" : "size"),
    asksHow: Boolean(how),
    label: how?.[2] ?? "total",
    filters,
    chart: chart && chartOf(question, group),
    extreme,
    row: extreme && !how && !first && (!whose || unique(whose, table)),
    summary: SUMMARY.test(question) && !how && !extreme && !first,
    matches: Boolean(filters.length || mentioned.length || by),
  };
}

const unique = (column, table) => column.values.length >= Math.min(table.rows, 60);

function chartOf(question, group) {
  if (/\bpie\b/i.test(question)) return "pie";
  if (/\bhistogram\b|\bdistribution\b/i.test(question)) return "hist";
  if (/\bscatter\b/i.test(question)) return "scatter";
  if (/\bline\b|\btrend\b|\bover time\b/i.test(question) || group?.kind === "date") return "line";
  return "bar";
}

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
  for (const [name, value] of filters)
    lines.push(`table = table[table[${q(name)}].astype(str).str.casefold() == ${q(value.toLowerCase())}]`);
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
      `print(json.dumps({"groups": {str(name): round(float(value), 4) for name, value in groups.head(20).items()}}))`,
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

/** The answer that the printed object gives. */
export function told(plan, printed) {
  const { measure, how, label, group, extreme, table, filters } = plan;
  const where = filters.length ? ` for ${filters.map(([, value]) => value).join(", ")}` : "";
  const what = how === "size" || !measure ? "number of rows" : `${label} ${measure.name}`;
  if (printed.chart) {
    const lines = Object.entries(printed.groups ?? {}).map(([name, value]) => `${name}: ${value}`);
    return {
      short: printed.chart,
      text: `Here is the chart of ${printed.chart}, from ${table.file}${where}.${lines.length ? ` ${lines.slice(0, 6).join(", ")}.` : ""}`,
      lines,
      data: printed.groups,
    };
  }
  if (printed.row) {
    const named = Object.entries(printed.row);
    const key = plan.table.columns.find((column) => column.kind === "text")?.name;
    const short = printed.row[key] ?? named[0][1];
    return {
      short,
      text: `It is ${short}, with the ${extreme === "low" ? "lowest" : "highest"} ${measure.name} (${printed.row[measure.name]}) in ${table.file}.`,
      lines: named.map(([name, value]) => `${name}: ${value}`),
      data: printed.row,
    };
  }
  if (printed.groups) {
    const all = Object.entries(printed.groups);
    const lines = all.map(([name, value]) => `${name}: ${value}`);
    if (!all.length) return { short: "nothing", text: `${table.file} has nothing${where}.`, lines };
    if (extreme)
      return {
        short: all[0][0],
        text: `It is ${all[0][0]}, with the ${extreme === "low" ? "lowest" : "highest"} ${what} (${all[0][1]}) in ${table.file}.`,
        lines,
        data: { [group.name]: all[0][0], ...printed.groups },
      };
    return {
      short: lines.join(", "),
      text: `The ${what} by ${group.name} in ${table.file}${where}: ${lines.join(", ")}.`,
      lines,
      data: printed.groups,
    };
  }
  if ("result" in printed)
    return {
      short: String(printed.result),
      text: `The ${extreme && !plan.asksHow ? `${extreme === "low" ? "lowest" : "highest"} ${measure.name}` : what}${where} in ${table.file} is ${printed.result}.`,
      data: { [measure?.name ?? "count"]: printed.result },
    };
  if (printed.columns)
    return {
      short: `${printed.rows} rows`,
      text: `${table.file} has ${printed.rows} rows and ${printed.columns.length} columns: ${printed.columns.join(", ")}.`,
      lines: printed.columns,
      data: printed,
    };
  const found = printed.found ?? [];
  const lines = found.map((row) => Object.values(row).join(", "));
  return {
    short: `${printed.rows} rows`,
    text: `${table.file} has ${printed.rows} rows${where}. ${lines.length ? `The first: ${lines[0]}.` : ""}`.trim(),
    lines,
    data: found[0],
  };
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
