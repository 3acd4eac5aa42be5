/** Writes numbers, moments and sizes as people read them. */

const number = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

export const count = (value) => number.format(value ?? 0);

/** Return dollars; null is a price that nobody knows. */
export function dollars(value) {
  if (value === null || value === undefined) return "–";
  return value === 0 ? "$0" : value < 0.01 ? `$${value.toFixed(5)}` : `$${value.toFixed(2)}`;
}

/** Return a moment, given in seconds since 1970: without the date if it is today. */
export function when(seconds) {
  if (!seconds) return "–";
  const date = new Date(seconds * 1000);
  return date.toDateString() === new Date().toDateString() ? time.format(date) : moment.format(date);
}

export const exactly = (seconds) => (seconds ? exact.format(new Date(seconds * 1000)) : "");

/** Return a duration, given in seconds. */
export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function bytes(size) {
  if (size === null || size === undefined) return "–";
  const units = ["B", "KB", "MB", "GB"];
  let power = 0;
  let value = size;
  while (value >= 1000 && power < units.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${power && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
