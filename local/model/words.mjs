// Words: how a text is cut into them, which are worth comparing, and which of them mean about the same.

const STOP = new Set(
  (
    "a about all also am an and any are as at be been being but by can could did do does done each else every few for " +
    "from get gets give go had has have he her here him his how i if in into is it its just know let like look lot " +
    "many may me more most much must my need no not now of off on one only or other our out over own please put same " +
    "say see last next set shall she should show so some such tell than that the their them then there these they thing this " +
    "those to too up us use used uses user using value very via want was we were what when where which while who " +
    "whom whose why will with would you your string object number optional required given"
  ).split(" "),
);

// One line each: words that a person uses for the same thing. The first one stands for all.
const SAME = `
email mail e-mail
weather wetter tiempo meteo temperature forecast rain rainy sunny snow hot cold warm degrees climate umbrella
price cost quote worth expensive cheap
stock share ticker
buy purchase
book reserve reservation booking
cancel abort
delete remove erase drop
create add make new open register
send write notify message deliver
find search lookup query
convert conversion exchange translate-units
customer client
ticket issue case complaint
meeting appointment event calendar
remind reminder alarm
order package parcel shipment delivery
refund reimburse
track status
translate translation
language french spanish german italian english portuguese chinese japanese dutch polish
country nation
city town
phone telephone call dial
time clock hour
play song music track-of-music
light lamp
restaurant dinner lunch table
flight fly plane airline
hotel room
news headline
update change edit modify
list enumerate
currency euro euros dollar dollars usd eur gbp yen rate
distance far
multiply
subtract minus difference
divide quotient
sum plus total
`
  .trim()
  .split("\n")
  .map((line) => line.split(" "));

/** The stem of a word: without the ending of a plural, a past or a continuous form. */
export function stem(word) {
  if (word.length < 4 || /\d/.test(word)) return word;
  const cut = word
    .replace(/['’]s$/, "")
    .replace(/ies$/, "y")
    .replace(/(ss|sh|ch|x|z)es$/, "$1")
    .replace(/([^su])s$/, "$1");
  const root = cut.replace(/(?<=[a-z]{3})(ing|ed)$/, "");
  return root === cut ? root.replace(/(?<=[a-z]{3})e$/, "") : root.replace(/([^aeiouls])\1$/, "$1");
}

const MEANING = new Map(
  SAME.flatMap(([first, ...others]) => [first, ...others].map((word) => [stem(word), stem(first)])),
);

/** What a stem means: the stem that stands for its like. */
export const meaning = (root) => MEANING.get(root) ?? root;

/** The words of a text or of a name (`snake_case`, `camelCase`), in lower case. */
export const words = (text) =>
  String(text ?? "")
    .normalize("NFKC")
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/\bmoney back\b/g, "refund")
    .match(/[\p{L}\p{N}]+(?:['’-](?=\p{L})[\p{L}]+)*/gu) ?? [];

/** Whether a word is worth comparing. */
export const isTelling = (word) => !STOP.has(word);

/** The stems of a text's words that are worth comparing, each once. */
export const stems = (text) => new Set(words(text).filter(isTelling).map(stem));

/** The stems of all words of a name. */
export const nameStems = (name) => words(name).map(stem);

/** How many of the question's stems a text has. */
export function overlap(question, text) {
  const found = stems(text);
  return [...question].filter((root) => found.has(root)).length;
}
