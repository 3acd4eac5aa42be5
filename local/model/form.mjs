// The form of an answer: what instructions and the user ask for ("in one sentence", "as bullets", "only the number",
// "start with ..."), and an answer brought into it.

const SMALL = {
  a: 1,
  one: 1,
  single: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
};
const COUNT = "(\\d+|a single|an?|one|two|three|four|five|six|seven|eight|nine|ten)";
const counted = (word) =>
  word === undefined
    ? undefined
    : (SMALL[word.toLowerCase().replace("a single", "one").replace("an", "a")] ?? Number(word));
const QUOTE = `["“'‘]([^"”\\n]+?)["”'’](?![\\p{L}])`;
const SAY =
  "\\b(?:answers?|repl(?:y|ies)|respon(?:d|ses?)|messages?|outputs?|sentences?|return|write|give|keep|be|explain|describe|summari[sz]e|tell|list|everything|it)\\b";

/** The form that texts ask for; where two differ, the later text counts. */
export function formOf(instructions, user) {
  return { ...asked(instructions), ...asked(user) };
}

function asked(text) {
  const form = {};
  const has = (pattern) => new RegExp(pattern, "iu").exec(text ?? "");
  const words =
    has(
      `\\b(?:in|with|using|of|to)\\s+(?:(at most|no more than|up to|under|fewer than|less than|exactly|maximum|only|just)\\s+)?${COUNT}\\s+words?\\b`,
    ) ?? has(`\\b(at most|no more than|up to|under|fewer than|less than|exactly|maximum)\\s+${COUNT}\\s+words?\\b`);
  if (words) form.words = counted(words[2]) - (/under|fewer|less/i.test(words[1] ?? "") ? 1 : 0);
  if (words && /exactly/i.test(words[1] ?? "")) form.exactly = true;
  if (has("\\b(?:one|single)[- ]word (?:answer|reply|response)")) form.words = 1;
  const sentences = has(
    `\\b(?:in|with|using|to|of)\\s+(?:(at most|no more than|up to|exactly|only|just)\\s+)?${COUNT}\\s+(?:short |full |complete |clear |simple )?sentences?\\b`,
  );
  if (sentences && !has("one sentence on how")) {
    form.sentences = counted(sentences[2]);
    form.atMost = /most|more|up/i.test(sentences[1] ?? "");
  }
  const bullets = has(
    `(?:${COUNT}\\s+)?(?:short )?\\b(?:bullet(?:s|ed)?(?: points?| list)?|(?:as|in|use|using) (?:a |an? unordered )?list)\\b`,
  );
  if (bullets) form.bullets = counted(bullets[1]) ?? true;
  if (has("\\b(?:numbered|ordered) list\\b|\\bnumbered (?:steps|points)\\b")) form.numbered = true;
  if (has("\\b(?:as|in|into) (?:a )?(?:markdown )?table\\b")) form.table = true;
  if (
    has(
      "\\b(?:in|as|valid|only|return|output|with)\\s+(?:a |an |valid |raw |pure |only )*json\\b|\\bjson only\\b|\\bjson object\\b",
    )
  )
    form.json = keysOf(text);
  if (has("\\b(?:upper ?case|all caps|capital letters|capitals|block letters)\\b")) form.letters = "upper";
  if (has("\\blower ?case\\b|\\bsmall letters\\b|\\bno capitals\\b")) form.letters = "lower";
  if (
    has("\\b(?:yes or no|yes\\/no|true or false)\\b(?=[^?]*(?:$|[.,;:!]|only|answer))") &&
    has("\\b(?:answer|reply|respond|only|just|say)\\b[^?]*(?:yes|true)")
  )
    form.either = has("true or false") ? ["True", "False"] : ["Yes", "No"];
  if (
    has(
      "\\b(?:with|return|give) (?:a |one )(?:single |bare |plain )?(?:number|integer|digit)\\b|\\b(?:only|just|nothing but|solely)\\b(?: with)?(?: the| a)?(?: final| bare| plain)? (?:number|result|value|answer|digits?|figure|name|date|total|price|solution)\\b|\\b(?:number|result|value|answer) only\\b|\\bno (?:explanation|other text|extra text|words)\\b",
    )
  )
    form.only = true;
  if (has("\\bin (?:a |one )?(?:single )?code ?block\\b")) form.code = true;
  const prefix = edge(text, "begin|start|prefix|open|preface|lead");
  if (prefix) form.prefix = prefix;
  const suffix = edge(text, "end|finish|close|conclude|sign(?: off)?|append|suffix");
  if (suffix) form.suffix = suffix;
  const address = has(
    `\\b(?:address|call) (?:me|the user|users|them|him|her) (?:as |by (?:the )?name )?(?:${QUOTE}|(\\p{Lu}[\\p{L}]+))`,
  );
  if (address) form.address = address[1] ?? address[2];
  if (has("\\bfollow-?up question\\b")) form.followUp = true;
  return form;
}

function edge(text, verbs) {
  const quoted = new RegExp(
    `\\b(?:${verbs})(?:s|ing|ed)?\\b[^.!?\\n"“'‘]{0,60}?(?:\\bwith|\\bby(?: saying)?|\\bin|:|\\bas)?[^.!?\\n"“'‘]{0,30}${QUOTE}`,
    "iu",
  ).exec(text ?? "");
  if (quoted) return quoted[1];
  // Without quotes only where the sentence is about answers: "Start with Paris" is about a journey.
  const token = "(\\[[^\\]\\n]+\\]|\\p{Lu}[^.!?\\n,]*[!?]?)";
  // The verb in either case, the token by its capital.
  const either = verbs.replace(/\b[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
  const plain = new RegExp(
    `\\b(?:${either})(?:s|ing|es|ed)?\\b[^.!?\\n]{0,40}?\\b(?:with|by saying)(?: the (?:words?|phrase|text|tag))?:? ${token}`,
    "u",
  );
  const sentence = (text ?? "").split(/(?<=[.!?])\s+|\n/).find((each) => ABOUT_ANSWERS.test(each) && plain.test(each));
  return sentence && plain.exec(sentence)[1];
}

const ABOUT_ANSWERS = /\b(?:answers?|repl(?:y|ies)|responses?|messages?|sentences?|respond|output)\b/i;

function keysOf(text) {
  const list =
    /\b(?:keys?|fields?|properties|property|attributes?)\b\s*(?:called|named|are|is|:|of|should be|must be)?\s*[:(]?\s*([^.?!\n]*)/i.exec(
      text,
    )?.[1] ?? "";
  const quoted = [...list.matchAll(/["“'‘`](\w[\w -]*)["”'’`]/g)].map((match) => match[1]);
  if (quoted.length) return quoted;
  const plain = list
    .replace(/\b(?:and|only|with)\b/g, ",")
    .split(/[,\s]+/)
    .filter((word) => /^\w+$/.test(word));
  const shape = /\{[^{}]*\}/.exec(text)?.[0];
  const shaped = shape ? [...shape.matchAll(/["']?(\w+)["']?\s*:/g)].map((match) => match[1]) : [];
  return shaped.length ? shaped : plain.slice(0, 8);
}

/**
 * An answer in a form.
 *
 * @param answer `{ text, short, lines, yes, note }`: sentences, the bare result, the points one by one, whether it is a yes,
 *   and the line that says what this model is (empty once it was said).
 */
export function formed(answer, form) {
  let text = body(answer, form);
  if (form.letters) text = inLetters(text, form.letters);
  if (form.address) text = `${form.address}, ${text}`;
  if (form.prefix && !text.startsWith(form.prefix))
    text = `${form.prefix}${/[\s]$/.test(form.prefix) ? "" : " "}${text}`;
  if (form.followUp && !isBound(form)) text += "\n\nShall I look at anything else?";
  if (form.suffix && !text.endsWith(form.suffix)) text = `${text} ${form.suffix}`;
  return text;
}

/** A text in capitals or small letters; the marks of citations and addresses of files stay as they are. */
const inLetters = (text, letters) =>
  text
    .split(/(【[^】]*】|\(sandbox:[^)]*\))/)
    .map((piece, index) => (index % 2 ? piece : letters === "upper" ? piece.toUpperCase() : piece.toLowerCase()))
    .join("");

const isBound = (form) => form.words || form.sentences || form.only || form.either || form.json;

function body(answer, form) {
  const { text, short = text, note = "" } = answer;
  const lines = answer.lines?.length ? answer.lines : sentencesOf(text);
  if (form.either) return (answer.yes ?? !/\b(?:no|not|nothing|none)\b/i.test(short)) ? form.either[0] : form.either[1];
  if (form.only) return form.words ? limited(short, form.words) : short;
  if (form.words) return limited(form.words <= 3 && !form.exactly ? short : text, form.words);
  if (form.numbered || form.bullets) {
    const most = typeof form.bullets === "number" ? form.bullets : lines.length;
    const points = padded(lines, most);
    return points.map((line, index) => (form.numbered ? `${index + 1}. ${line}` : `- ${line}`)).join("\n");
  }
  if (form.table)
    return ["| answer |", "|---|", ...lines.map((line) => `| ${line.replaceAll("|", "\\|")} |`)].join("\n");
  if (form.sentences) {
    const all = sentencesOf(text);
    return (form.atMost ? all.slice(0, form.sentences) : padded(all, form.sentences)).map(asSentence).join(" ");
  }
  if (form.code) return `\`\`\`\n${text}\n\`\`\``;
  return note && !form.prefix && !form.suffix ? `${text}\n\n${note}` : text;
}

const FILL = [
  "The offline model says no more of it.",
  "It has no knowledge of its own.",
  "Whatever it states comes from the tools.",
  "A real model answers once a key is set.",
];

const padded = (all, most) =>
  [
    ...all,
    ...Array.from({ length: Math.max(0, most - all.length) }, (_none, index) => FILL[index % FILL.length]),
  ].slice(0, most);

/** The sentences of a text. */
export const sentencesOf = (text) =>
  text
    .split(/\n+|(?<=[.!?]["”'’)\]】]*(?: 【[^】]*】)?)\s+(?=[\p{Lu}\d"“('‘])/u)
    .map((sentence) => sentence.replace(/^[-*•]\s+/, "").trim())
    .filter(Boolean);

const asSentence = (text) => (/[.!?]["”'’)】]*$/.test(text) ? text : `${text.replace(/[:;,]$/, "")}.`);

function limited(text, most) {
  const all = text.split(/\s+/).filter(Boolean);
  if (all.length <= most) return text;
  return all
    .slice(0, most)
    .join(" ")
    .replace(/[,;:]$/, "");
}
