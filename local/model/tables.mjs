// Files of the conversation: code that looks at them, the table that a question is about, and answers from it.
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

export const named = (asked, name) => words(name).some((word) => word.length > 1 && asked.has(meaning(stem(word))));

const escaped = (text) => text.replace(/[.*+?^${"$"}{}()|[\]\\]/g, "\\$&");
export const valueIn = (question, column) =>
  column.values
    .filter(
      (value) =>
        value.length > 1 &&
        new RegExp(`(?<![\\p{L}\\d])${escaped(value)}(?![\\p{L}\\d])`, /^[A-Z]{2,3}$/.test(value) ? "u" : "iu").test(
          question,
        ),
    )
    .sort((a, b) => b.length - a.length)[0];

/** The answer that the printed object gives. */
export function told(plan, printed) {
  const { measure, how, label, group, extreme, table, filters } = plan;
  const where = filters.length ? ` for ${filters.map(({ label }) => label).join(", ")}` : "";
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
    const members = Object.entries(printed.row);
    const key = plan.table.columns.find((column) => column.kind === "text")?.name;
    const short = printed.row[key] ?? members[0][1];
    return {
      short,
      text: `It is ${short}, with the ${extreme === "low" ? "lowest" : "highest"} ${measure.name} (${printed.row[measure.name]}) in ${table.file}.`,
      lines: members.map(([name, value]) => `${name}: ${value}`),
      data: printed.row,
    };
  }
  if (printed.groups) {
    const all = Object.entries(printed.groups);
    const lines = all.map(([name, value]) => `${name}: ${value}`);
    if (!all.length) return { short: "nothing", text: `${table.file} has nothing${where}.`, lines };
    if (extreme && !plan.top)
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
