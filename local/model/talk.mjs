// Talk that needs no tool: greetings, questions about the model, words to repeat, and what the user said before.

const SMALL_TALK = [
  [
    /^(?:say )?(?:hi|hello|hey|hallo|hola|bonjour|ciao|greetings|good (?:morning|afternoon|evening|day)|howdy|yo)\b/i,
    "Hello! What can I do for you?",
  ],
  [
    /^(?:thanks|thank you|thx|many thanks|cheers|great|perfect|awesome|nice|cool|ok(?:ay)?|got it|well done|good job)\b/i,
    "You are welcome.",
  ],
  [/^(?:bye|goodbye|good night|see you|farewell|ciao|later)\b/i, "Goodbye!"],
  [/\bhow are you\b|\bhow(?:['’]s| is) it going\b|\bwhat['’]?s up\b/i, "I am fine, thank you. What can I do for you?"],
  [/^(?:yes|no|yep|nope|sure|maybe|please)\b[.! ]*$/i, "Understood. What shall I do?"],
  [
    /\b(?:tell|know) (?:me )?(?:a |any )?jokes?\b/i,
    "A model without a language walks into a bar. It says what the tools say.",
  ],
];
const ABOUT =
  /\b(?:who|what) are you\b|\bwhat(?:['’]s| is) your name\b|\b(?:which|what) model\b|\bare you (?:an? )?(?:ai|bot|robot|human|real|language model|gpt\S*|chatgpt)\b|\bintroduce yourself\b/i;
const ABLE =
  /\bwhat can you do\b|\bhow can you help\b|\bwhat (?:are your|tools|functions)\b|^help\b[!?. ]*$|\byour (?:capabilities|abilities|tools)\b/i;
const MOST_WORDS = 8;

export const WHAT_IT_IS =
  "This is the offline model: it has rules instead of a language model, and what it states comes from the tools.";

/** What the model says to small talk: `{ text, short }`; undefined if the text is none. */
export function smallTalk(text, abilities) {
  const plain = text.trim();
  if (ABLE.test(plain)) return { text: `${WHAT_IT_IS} ${abilities}`, short: abilities, is: true };
  if (ABOUT.test(plain)) return { text: WHAT_IT_IS, short: "the offline model", is: true };
  if (plain.split(/\s+/).length > MOST_WORDS) return undefined;
  const [, reply] = SMALL_TALK.find(([pattern]) => pattern.test(plain)) ?? [];
  const asksMore = /[?]/.test(plain) && !/\bhow are you|going|up\b|\bhelp(?: me)?\b/i.test(plain);
  return reply && !asksMore ? { text: reply, short: reply.split(/[.!,]/)[0] } : undefined;
}

const REPEAT =
  /^(?:(?:please|now|just|can you|could you|would you|i want you to)[\s,]+)*(?:repeat after me|repeat|say|echo|reply with|respond with|answer with|write|output|print|type)\b(?:\s+(?:exactly|only|just|the (?:single |exact |one )?(?:words?|phrase|text|sentence)|back|this|the following|verbatim|and nothing else))*\s*:?\s*/i;

/** The words that a user wants said: "say 'hello'", "reply with exactly: pong". Undefined if there are none. */
export function toRepeat(text) {
  const found = REPEAT.exec(text);
  if (!found) return undefined;
  const rest = text.slice(found.index + found[0].length).trim();
  const quoted = /^["“'‘`]([^]+?)["”'’`](?=[\s.,!?]|$)/.exec(rest);
  if (quoted) return quoted[1];
  const exact = /exactly|only|just|:|repeat|echo|\bwords?\b|phrase/i.test(found[0]);
  if (!exact || /^(?:the (?:number|result|answer|value)|yes or no|json|a |an |in |one |your|valid|with)\b/i.test(rest))
    return undefined;
  const line = rest.split("\n")[0].replace(/\s*(?:and nothing else|, nothing (?:else|more)|only)\s*[.!]?$/i, "");
  return line.split(/\s+/).length <= 30 && line ? line.replace(/(?<=\w)\.$/, "") : undefined;
}

const TEXT_TASKS = [
  [/\breverse\b|\bbackwards\b/i, (text) => [...text].reverse().join("")],
  [/\bupper ?case\b|\ball caps\b|\bcapitali[sz]e\b/i, (text) => text.toUpperCase()],
  [/\blower ?case\b/i, (text) => text.toLowerCase()],
  [
    /\bhow many words\b|\bcount the words\b|\bword count\b/i,
    (text) => String(text.split(/\s+/).filter(Boolean).length),
  ],
  [
    /\bhow many (?:letters|characters)\b|\bcount the (?:letters|characters)\b|\bhow long is\b/i,
    (text) => String([...text].length),
  ],
];

/** What becomes of quoted words: reversed, counted, in capitals; undefined if nothing is asked of them. */
export function textTask(text) {
  const [, quoted] = /["“'‘`]([^"”\n]+?)["”'’`](?!\p{L})/u.exec(text) ?? [];
  const [, task] = (quoted && TEXT_TASKS.find(([pattern]) => pattern.test(text))) || [];
  return task && { text: task(quoted), short: task(quoted) };
}

/** What the user said earlier in the conversation and now asks for; undefined if it is not that. */
export function recalled(text, earlier) {
  const own = earlier.filter(({ role }) => role === "user").map((message) => message.text);
  if (
    /\bwhat (?:did|was) (?:i|my) (?:just |last |previous |first )?(?:say|said|ask|asked|write|question|message|tell)/i.test(
      text,
    ) ||
    /\bmy (?:last|previous|first) (?:question|message)\b/i.test(text)
  ) {
    const said = /\bfirst\b/i.test(text) ? own[0] : own.at(-1);
    return said && { text: `You said: “${said.trim()}”`, short: said.trim() };
  }
  const [, thing] =
    /\b(?:what|who|where|which|when|how old)(?:['’]s| is| was| are)?\s+my\s+([\p{L} ]+?)(?:\s+(?:again|called|is))?\s*[?.!]*$/iu.exec(
      text,
    ) ?? [];
  const asked = thing ?? (/\bwho am i\b|\bdo you (?:know|remember) my name\b/i.test(text) ? "name" : undefined);
  if (!asked) return undefined;
  const name = asked.trim().replace(/\s+/g, "\\s+");
  for (const said of own.toReversed()) {
    const told =
      new RegExp(`\\bmy\\s+${name}(?:['’]s|\\s+is|\\s+are|\\s*:|\\s+was)\\s+([^.!?\\n]+)`, "iu").exec(said) ??
      (/^name$/i.test(name) && /\b(?:i am|i['’]m|call me)\s+(\p{Lu}[\p{L}'’-]*)/u.exec(said));
    const value = told && told[1].split(/\s+and\s+(?:my|i)\b|,\s/i)[0].trim();
    if (value) return { text: `Your ${asked.trim()} is ${value}.`, short: value };
  }
  return undefined;
}
