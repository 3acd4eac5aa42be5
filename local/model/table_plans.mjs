// What a question asks of a table: which rows, which column, what of it, by what.
import { CHART, named, valueIn } from "./tables.mjs";
import { meaning, stem, stems, words } from "./words.mjs";

const q = JSON.stringify;

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

/** What a question asks of a table: `{ group, measure, how, filter, chart, extreme, summary }`. */
export function planFor(question, table) {
  const asked = new Set([...stems(question)].map(meaning));
  const { columns } = table;
  const filters = filtersFor(question, columns);
  const by = /\b(?:by|per|for each|of each|across|each|over|versus|vs\.?|against)\s+(?:the\s+)?([\p{L}\d_ -]+)/iu.exec(
    question,
  )?.[1];
  const mentioned = columns.filter((column) => named(asked, column.name));
  const numeric = columns.filter((column) => column.kind === "number" && !/(^|_)id$/i.test(column.name));
  const grouping = columns.filter((column) => column.kind !== "number" || !numeric.includes(column));
  const extreme = HIGH.test(question) ? "high" : LOW.test(question) ? "low" : undefined;
  const after = by && columns.find((column) => named(firstOf(by), column.name));
  // "The top products by revenue" are products; "revenue by product" is revenue.
  const ranks = after && extreme && numeric.includes(after);
  const first = ranks ? undefined : after;
  const measure = ranks ? after : mentioned.find((column) => numeric.includes(column) && column !== first);
  const which = firstOf(/\b(?:which|what|who)\b(.*)/i.exec(question)?.[1]);
  const whose = grouping.find((column) => named(which, column.name));
  const how = AGGREGATES.find(([pattern]) => pattern.test(question));
  const chart = CHART.test(question);
  const filtered = new Set(filters.map((filter) => filter.column));
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
    top: Number(/\b(?:top|best|first|highest|largest) (\d+)\b/i.exec(question)?.[1]) || undefined,
    row: extreme && !how && !first && !(ranks && group) && (!whose || unique(whose, table)),
    summary: SUMMARY.test(question) && !how && !extreme && !first,
    matches: Boolean(filters.length || mentioned.length || by),
  };
}

/** What the first three words of a text mean. */
const firstOf = (text) =>
  new Set(
    words(text)
      .slice(0, 3)
      .map((word) => meaning(stem(word))),
  );

const unique = (column, table) => column.values.length >= Math.min(table.rows, 60);

/** The rows that a question is about, each condition as `{ column, label, code }`. */
function filtersFor(question, columns) {
  const equal = columns
    .map((column) => ({ column: column.name, label: valueIn(question, column) }))
    .filter(({ label }) => label !== undefined)
    .map((each) => ({
      ...each,
      code: `table[${q(each.column)}].astype(str).str.casefold() == ${q(each.label.toLowerCase())}`,
    }));
  const date = columns.find((column) => column.kind === "date");
  const month = MONTHS.findIndex((name) =>
    new RegExp(`\\b(?:in|of|for|during|since|until) ${name}\\b`, "i").test(question),
  );
  const year = /\b(?:in|of|for|during) (?:\w+ )?((?:19|20)\d{2})\b/i.exec(question)?.[1];
  const dated = (part, value, label) => ({
    column: date.name,
    label,
    code: `pd.to_datetime(table[${q(date.name)}]).dt.${part} == ${value}`,
  });
  const moments = date
    ? [month < 0 ? [] : dated("month", month + 1, MONTHS[month]), year ? dated("year", year, year) : []].flat()
    : [];
  const compared = COMPARED.exec(question);
  const number =
    compared &&
    columns.find(
      (column) =>
        column.kind === "number" && named(new Set(words(question).map((word) => meaning(stem(word)))), column.name),
    );
  const sign = compared && (/</.test(compared[1]) || /under|below|less|fewer/i.test(compared[1]) ? "<" : ">");
  const limits = number
    ? [
        {
          column: number.name,
          label: `${number.name} ${sign} ${compared[2]}`,
          code: `table[${q(number.name)}] ${sign} ${compared[2]}`,
        },
      ]
    : [];
  return [...equal, ...moments, ...limits];
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const COMPARED =
  /(>|<|\b(?:over|above|more than|greater than|under|below|less than|fewer than))\s*[$€£]?(\d+(?:\.\d+)?)/i;

export function chartOf(question, group) {
  if (/\bpie\b/i.test(question)) return "pie";
  if (/\bhistogram\b|\bdistribution\b/i.test(question)) return "hist";
  if (/\bscatter\b/i.test(question)) return "scatter";
  if (/\bline\b|\btrend\b|\bover time\b/i.test(question) || group?.kind === "date") return "line";
  return "bar";
}
