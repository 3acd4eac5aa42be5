// The sample personal_finance: the portfolio is read by code, prices, facts and mail come from functions.
import { answer, call, named, run, told } from "../turns.mjs";

const READ = String.raw`
import json
import pandas as pd

portfolio = pd.read_csv("/mnt/data/portfolio.csv")
`;

const HOLDINGS = `${READ}${String.raw`
display(portfolio)
print(json.dumps({"holdings": portfolio.to_dict("records"), "symbols": portfolio["symbol"].tolist()}))
`}`;

/** The portfolio with the prices that get_stock_price gave. */
const valued = (prices) => `${READ}${String.raw`
portfolio["price"] = portfolio["symbol"].map(${JSON.stringify(prices)})
portfolio["worth"] = portfolio["price"] * portfolio["quantity"]
portfolio["gain"] = (portfolio["price"] - portfolio["average_cost"]) * portfolio["quantity"]
portfolio["percent"] = (portfolio["price"] / portfolio["average_cost"] - 1) * 100
`}`;

const worth = (prices) => `${valued(prices)}${String.raw`
each = {row.symbol: f"{row.worth:.2f}" for row in portfolio.itertuples()}
print(json.dumps({"worth": f"{portfolio['worth'].sum():.2f}", "gain": f"{portfolio['gain'].sum():.2f}", "each": each}))
`}`;

const extremes = (prices) => `${valued(prices)}${String.raw`
by_percent = portfolio.set_index("symbol")["percent"].sort_values()
print(json.dumps({
    "best": by_percent.index[-1],
    "best_percent": f"{by_percent.iloc[-1]:.1f}",
    "worst": by_percent.index[0],
    "worst_percent": f"{by_percent.iloc[0]:.1f}",
}))
`}`;

const chart = (prices) => `${valued(prices)}${String.raw`
%matplotlib inline
%config InlineBackend.figure_format = "retina"
import matplotlib.pyplot as plt

gains = portfolio.set_index("symbol")["gain"]
colours = ["seagreen" if gain >= 0 else "firebrick" for gain in gains]
axes = gains.plot.bar(figsize=(8, 5), color=colours, title="Gain or loss of each share")
axes.axhline(0, color="black", linewidth=0.8)
axes.set_xlabel("")
axes.set_ylabel("US dollars")
plt.tight_layout()
plt.show()
print(json.dumps({symbol: f"{gain:+.2f}" for symbol, gain in gains.items()}))
`}`;

const ARTICLE = String.raw`
import json
from pathlib import Path

blocks = [" ".join(block.split()) for block in Path("/mnt/data/news.md").read_text().split("\n\n")]
print(json.dumps({"title": blocks[0].lstrip("# "), "paragraphs": blocks[1:]}))
`;

/** Names that a reader knows for countries; all else about them comes from get_country_info. */
const COUNTRIES =
  /\b(Argentina|Australia|Austria|Brazil|Canada|Chile|China|Denmark|Egypt|France|Germany|India|Italy|Japan|Kenya|Mexico|Morocco|Norway|Peru|Portugal|Spain|Sweden|Vietnam)\b/g;

/** Get the price of each share in the portfolio, all in one turn; then go on with them. */
const withPrices = (turn, next) =>
  run(turn, HOLDINGS, ({ symbols }) => {
    const found = named(turn, "get_stock_price");
    if (!found.length) return call("get_stock_price", ...symbols.map((symbol) => ({ symbol })));
    const failed = found.filter(({ output }) => typeof output === "string");
    if (failed.length) return { content: `There is no price: ${failed.map(({ output }) => output).join("; ")}` };
    return next(Object.fromEntries(found.map(({ output }) => [output.symbol, output.price])), found);
  });

/** Run code on the prices, then answer with what it printed. */
const valuation = (code, tell) => (turn) =>
  withPrices(turn, (prices) => run(turn, code(prices), (printed) => tell(turn, printed), 1));

const listed = (object) => Object.entries(object).map(([name, value]) => `- ${name}: ${value}`).join("\n");

function holdings(turn) {
  return run(turn, HOLDINGS, ({ holdings: shares }) => {
    const lines = shares.map(
      ({ symbol, quantity, average_cost: cost }) => `- ${quantity} of ${symbol}, bought at ${cost} on average`,
    );
    return answer(turn, `you own\n${lines.join("\n")}`, "Shall I see what they are worth today?");
  });
}

const report = (turn) =>
  withPrices(turn, (_prices, found) => {
    const [to] = turn.user.match(/[^\s<>,]+@[^\s<>,]*\w/);
    const content = found.map(({ output }) => `${output.symbol}: ${output.price} ${output.currency}`).join("\n");
    const [sent] = named(turn, "send_email");
    if (!sent) return call("send_email", { to, content: `The latest prices:\n${content}` });
    return answer(turn, `this is what came of the mail to ${to}: ${told(sent.output)}\n${content}`, "Is there anything else to add to it?");
  });

const invite = (turn) => {
  const [, to, title, day, time, minutes] = turn.user.match(INVITE);
  const [sent] = named(turn, "send_invitation");
  if (!sent) return call("send_invitation", { to, title, start: `${day}T${time}:00Z`, minutes: Number(minutes) });
  return answer(turn, `this is what came of the invitation to ${to}: ${told(sent.output)}`, "Shall I invite anybody else?");
};

const article = (turn) =>
  run(turn, ARTICLE, ({ title, paragraphs }) => {
    const countries = [...new Set(paragraphs.join("\n").match(COUNTRIES) ?? [])];
    const found = named(turn, "get_country_info");
    if (!found.length) return call("get_country_info", ...countries.map((country) => ({ country })));
    const summary = paragraphs.map((paragraph) => paragraph.match(/^.*?[.](?= |$)/)?.[0] ?? paragraph);
    const facts = found.map(({ arguments: asked, output }) =>
      typeof output === "string"
        ? `- ${asked.country}: ${output}`
        : `- ${Object.entries(output).map(([fact, value]) => `${fact}: ${value}`).join(", ")}`,
    );
    return answer(turn, `this is what it says. ${title}. ${summary.join(" ")}\n${facts.join("\n")}`, "Which of them shall I look into?");
  });

const INVITE = /^Invite (\S+@\S+) to "(.+)" on (\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC, for (\d+) minutes/;

export default [
  { match: INVITE, reply: invite },
  { match: /^What do I own\b/, reply: holdings },
  {
    match: /^What is my portfolio worth\b/,
    reply: valuation(worth, (turn, { worth: total, gain, each }) =>
      answer(
        turn,
        `your portfolio is worth ${total} US dollars, ${gain} over its cost.\n${listed(each)}`,
        "Shall I show which share did best?",
      ),
    ),
  },
  {
    match: /^Which is my best investment\b/,
    reply: valuation(extremes, (turn, { best, best_percent: most, worst, worst_percent: least }) =>
      answer(turn, `${best} did best, with ${most} %, and ${worst} worst, with ${least} %.`, "Shall I chart them all?"),
    ),
  },
  {
    match: /^Chart the gain or loss of each of my shares/,
    reply: valuation(chart, (turn, gains) =>
      answer(turn, `here is the chart; in US dollars:\n${listed(gains)}`, "Shall I mail you this?"),
    ),
  },
  { match: /^Mail a report with the latest price of each of my shares to \S+@/, reply: report },
  { match: /^Summarise the attached article\b.*\bcountry/, reply: article },
  {
    match: /^Which of my shares should I sell\b/,
    reply: (turn) =>
      /decline to recommend/i.test(turn.instructions)
        ? answer(
            turn,
            "I can't recommend buying or selling. I can show you figures, and the decision is yours.",
            "Which figures would help you?",
          )
        : { content: "No instruction says how to answer this." },
  },
];
