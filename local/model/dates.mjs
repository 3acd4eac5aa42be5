// Dates and times of day in a text: "3 March 2026", "next Monday", "tomorrow at 3 pm", "2026-03-03T15:00".

const MONTHS = "january february march april may june july august september october november december".split(" ");
const DAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");
const MONTH = `(?<month>${MONTHS.map((name) => `${name}|${name.slice(0, 3)}`).join("|")}|sept)\\.?`;
const YEAR = "(?:,? (?<year>\\d{4}))?";

const pad = (number, length = 2) => String(number).padStart(length, "0");
const iso = (date) => `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
const after = (now, days) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);

function dated(year, month, day, now) {
  const known = year !== undefined;
  let date = new Date(Number(year ?? now.getFullYear()), month, Number(day));
  if (date.getMonth() !== month) return undefined;
  if (!known && date < after(now, 0)) date = new Date(date.getFullYear() + 1, month, Number(day));
  return iso(date);
}

const monthOf = (name) => MONTHS.findIndex((month) => month.startsWith(name.toLowerCase().slice(0, 3)));

const FORMS = [
  [/\b(\d{4})-(\d{2})-(\d{2})\b/g, ([, y, m, d], now) => dated(y, Number(m) - 1, d, now)],
  [new RegExp(`\\b(?<day>\\d{1,2})(?:st|nd|rd|th)? (?:of )?${MONTH}\\b${YEAR}`, "gi"), named],
  [new RegExp(`\\b${MONTH} (?<day>\\d{1,2})(?:st|nd|rd|th)?\\b(?!:)${YEAR}`, "gi"), named],
  [/\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b/g, ([, d, m, y], now) => dated(y, Number(m) - 1, d, now)],
  [/\b(\d{1,2})\/(\d{1,2})\/(\d{4})\b/g, ([, m, d, y], now) => dated(y, Number(m) - 1, d, now)],
  [/\bday after tomorrow\b/gi, (_found, now) => iso(after(now, 2))],
  [/\btomorrow\b/gi, (_found, now) => iso(after(now, 1))],
  [/\byesterday\b/gi, (_found, now) => iso(after(now, -1))],
  [/\b(?:today|tonight|this (?:morning|afternoon|evening))\b/gi, (_found, now) => iso(now)],
  [
    /\bin (\d+|a|one|two|three) (day|week)s?\b/gi,
    ([, n, unit], now) => iso(after(now, count(n) * (unit === "week" ? 7 : 1))),
  ],
  [
    new RegExp(`\\b(?:(?<next>next|this|coming|on) )?(?<day>${DAYS.join("|")})\\b`, "gi"),
    ({ groups: { day } }, now) => iso(after(now, ((DAYS.indexOf(day.toLowerCase()) - now.getDay() + 6) % 7) + 1)),
  ],
  [/\bnext week\b/gi, (_found, now) => iso(after(now, 7))],
];

function named({ groups: { day, month, year } }, now) {
  return dated(year, monthOf(month), day, now);
}

const count = (word) => ({ a: 1, one: 1, two: 2, three: 3 })[word] ?? Number(word);

const TIME =
  /\b(?:(?<hour>\d{1,2})[:.](?<minute>\d{2})(?::\d{2})?|(?<plain>\d{1,2})(?= ?[ap]\.?m\b))\s*(?<half>[ap]\.?m\b\.?)?|\b(?<word>noon|midday|midnight)\b/gi;

/** The dates of a text in order, `{ value: "2026-03-02", start, end }`. */
export function dates(text, now) {
  const found = [];
  for (const [form, read] of FORMS)
    for (const match of text.matchAll(form)) {
      const [start, end] = [match.index, match.index + match[0].length];
      if (found.some((other) => start < other.end && other.start < end)) continue;
      const value = read(match, now);
      if (value) found.push({ value, start, end });
    }
  return found.sort((a, b) => a.start - b.start);
}

/** The times of day in a text in order, `{ value: "15:00", start, end }`. */
export function times(text) {
  const found = [];
  for (const match of text.matchAll(TIME)) {
    const { hour, minute = "00", plain, half, word } = match.groups;
    let h = word ? (word.toLowerCase() === "midnight" ? 0 : 12) : Number(hour ?? plain);
    if (half) h = (h % 12) + (/^p/i.test(half) ? 12 : 0);
    if (h > 23 || Number(minute) > 59 || (!half && !word && text[match.index + match[0].indexOf(minute) - 1] === "."))
      continue;
    found.push({ value: `${pad(h)}:${minute}`, start: match.index, end: match.index + match[0].length });
  }
  return found;
}

/** Today: what the instructions say it is, or else what the clock says. */
export function today(instructions) {
  const said = /\b(?:it is|today(?:['’]s date)? is|date:?)\s+(.{6,40})/i.exec(instructions);
  const [first] = said ? dates(said[1].replace(new RegExp(`^(?:${DAYS.join("|")}),? `, "i"), ""), new Date()) : [];
  return first ? new Date(`${first.value}T00:00`) : new Date();
}
