// The sample personal_finance: prices and e-mail are served by Lambda functions, facts of a country by the person who
// asks. Every number and fact comes from their outputs.

const named = (turn, name) => turn.outputs.filter((output) => output.name === name);
const call = (name, ...all) => ({ toolCalls: all.map((values) => ({ name, arguments: values })) });

/** One line for each price: the tool's own fields, or its message if it failed. */
const priceLine = ({ arguments: asked, output }) =>
  typeof output === "object" && output !== null
    ? `- ${Object.entries(output).map(([field, value]) => `${field}: ${value}`).join(", ")}`
    : `- ${asked.symbol}: ${output}`;

/** The symbols that a message names: words of capital letters. */
const symbols = (text) => [...new Set(text.match(/\b[A-Z]{2,5}\b/g) ?? [])];

function prices(turn) {
  const found = named(turn, "get_stock_price");
  if (!found.length) return call("get_stock_price", ...symbols(turn.user).map((symbol) => ({ symbol })));
  return { content: `The latest prices:\n${found.map(priceLine).join("\n")}\nShall I mail you a report of them?` };
}

function report(turn) {
  const found = named(turn, "get_stock_price");
  if (!found.length) return call("get_stock_price", ...symbols(turn.user).map((symbol) => ({ symbol })));
  const [to] = turn.user.match(/[^\s<>,]+@[^\s<>,]*\w/);
  const [sent] = named(turn, "send_email");
  const content = `Prices:\n${found.map(priceLine).join("\n")}`;
  if (!sent) return call("send_email", { to, content });
  const outcome = typeof sent.output === "string" ? sent.output : JSON.stringify(sent.output);
  return { content: `${content}\nThe report to ${to}: ${outcome}\nIs there anything else to add to it?` };
}

function country(turn) {
  const [told] = named(turn, "get_country_info");
  const name = turn.user.match(/\b(?:of|about|in) ((?:[A-Z][\w-]+ ?)+)/)?.[1].trim();
  if (!told) return call("get_country_info", { country: name });
  const facts = typeof told.output === "string" ? told.output : JSON.stringify(told.output);
  return { content: `What I was told about ${told.arguments.country}: ${facts}\nWhich country is next?` };
}

export default [
  { match: /\bmail\b[^]*@/i, reply: report },
  { match: /\b(prices?|worth|trading)\b[^]*\b[A-Z]{2,5}\b/, reply: prices },
  { match: /\b(capital|facts?|country)\b[^]*\b(of|about|in) [A-Z]/, reply: country },
  {
    match: /\bwhat can you do\b/i,
    reply: ({ functions }) => ({ content: `I can call these functions: ${functions.join(", ")}. Which shall it be?` }),
  },
];
