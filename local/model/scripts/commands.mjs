// Messages that say what the model shall do, for tests of everything around it. Commands stand one to a line:
//
//   call <function> <arguments>     calls of one message are one turn; the answer then repeats their outputs
//   then <function> <arguments>     the same, in a turn of its own after those before it
//   fail <status> [times <n>] [retry after <s>]   refuse the message, every time or the first n times
//   wait <s>                        answer that much later
//   cut                             end incomplete, as if the output limit were reached
//   say <text>                      answer with this text
import { setTimeout as sleep } from "node:timers/promises";

const refusals = new Map();

function steps(user) {
  const turns = [];
  for (const [, word, name, text] of user.matchAll(/^(call|then) (\S+) ?(.*)$/gm)) {
    if (word === "then" || !turns.length) turns.push([]);
    turns.at(-1).push({ name, arguments: text });
  }
  return turns;
}

async function reply(turn) {
  const wait = turn.user.match(/^wait ([\d.]+)$/m);
  if (wait) await sleep(Number(wait[1]) * 1000);

  const fail = turn.user.match(/^fail (\d+)(?: times (\d+))?(?: retry after (\d+))?$/m);
  if (fail) {
    const [status, times, retryAfter] = fail.slice(1).map(Number);
    const refused = refusals.get(turn.user) ?? 0;
    if (!fail[2] || refused < times) {
      refusals.set(turn.user, refused + 1);
      const type = status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
      const error = { message: `Refused as the message asked: ${status}.`, type, code: type };
      return { error, status, ...(fail[3] ? { retryAfter } : {}) };
    }
  }

  let answered = 0;
  for (const calls of steps(turn.user)) {
    if (turn.outputs.length < answered + calls.length) return { toolCalls: calls };
    answered += calls.length;
  }
  const said = [...turn.user.matchAll(/^say (.*)$/gm)].map((match) => match[1]);
  const told = turn.outputs.map(({ name, output }) => `${name}: ${JSON.stringify(output)}`);
  const content = [...said, ...told].join("\n") || "Done as the message asked.";
  return /^cut$/m.test(turn.user) ? { content, finishReason: "length" } : { content };
}

export default [{ match: /^(call|then|fail|wait|cut|say)\b/, reply }];
