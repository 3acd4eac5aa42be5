/** Writes a conversation's requests as a program: Python, JavaScript or curl. */
import { base } from "./api.js";

export const LANGUAGES = { python: "Python", javascript: "JavaScript", curl: "curl" };

/**
 * Return the program; the key comes from the environment (`OPENAI_API_KEY`).
 *
 * It makes its own files, thread and runs. What was there before (a thread, or a run that waited) it goes on with.
 */
export function programOf(requests, language) {
  let own = false; // Whether the program has a run of its own by now.
  const marked = requests.map((request) => {
    const its = { ...request, own };
    own ||= request.kind === "run";
    return its;
  });
  return `${{ python, javascript, curl }[language](marked, namesOf(requests)).join("\n")}\n`;
}

function python(requests, names) {
  const lines = ["import os", "", "from openai import OpenAI", "", `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=os.environ["OPENAI_API_KEY"])`];
  for (const request of requests) {
    const [thread, run] = placeOf(request);
    const threadId = `thread_id=${literal(thread, names, PYTHON, 1)}`;
    if (request.kind === "file") {
      lines.push(`${names.get(request.id).slice(0, -3)} = client.files.create(file=open(${quoted(request.name)}, "rb"), purpose="${request.purpose}")`);
    } else if (request.kind === "run") {
      const { stream, ...body } = request.body;
      const call = request.thread ? "runs.create_and_poll" : "create_and_run_poll";
      lines.push(`run = client.beta.threads.${call}(`, ...keywords(request.thread ? [threadId] : [], body, names), ")", ...PYTHON_SAYS);
    } else {
      const given = [threadId, `run_id=${literal(run, names, PYTHON, 1)}`];
      lines.push("run = client.beta.threads.runs.submit_tool_outputs_and_poll(", ...keywords(given, { tool_outputs: outputsOf(request) }, names), ")", ...PYTHON_SAYS);
    }
  }
  return lines;
}

const PYTHON_SAYS = [
  "for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id, order=\"asc\"):",
  "    print(*[part.text.value for part in message.content if part.type == \"text\"], sep=\"\\n\")",
];
const keywords = (given, body, names) => [...given, ...Object.entries(body).map(([name, value]) => `${name}=${literal(value, names, PYTHON, 1)}`)].map((line) => `    ${line},`);

function javascript(requests, names) {
  const lines = ['import fs from "node:fs";', 'import OpenAI from "openai";', "", `const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: process.env.OPENAI_API_KEY });`, "let run;"];
  for (const request of requests) {
    const [thread, run] = placeOf(request);
    if (request.kind === "file") {
      lines.push(`const ${names.get(request.id).slice(0, -3)} = await client.files.create({ file: fs.createReadStream(${quoted(request.name)}), purpose: "${request.purpose}" });`);
    } else if (request.kind === "run") {
      const { stream, ...body } = request.body;
      const call = request.thread ? `runs.createAndPoll(${literal(thread, names, SCRIPT, 0)}, ` : "createAndRunPoll(";
      lines.push(`run = await client.beta.threads.${call}${literal(body, names, SCRIPT, 0)});`, ...SCRIPT_SAYS);
    } else {
      const body = { thread_id: thread, tool_outputs: outputsOf(request) };
      lines.push(`run = await client.beta.threads.runs.submitToolOutputsAndPoll(${literal(run, names, SCRIPT, 0)}, ${literal(body, names, SCRIPT, 0)});`, ...SCRIPT_SAYS);
    }
  }
  return lines;
}

const SCRIPT_SAYS = [
  'for await (const message of client.beta.threads.messages.list(run.thread_id, { run_id: run.id, order: "asc" }))',
  '  console.log(message.content.flatMap((part) => (part.type === "text" ? [part.text.value] : [])).join("\\n"));',
];

function curl(requests, names) {
  const lines = [...CURL];
  for (const request of requests) {
    if (request.kind === "file") {
      const name = names.get(request.id).slice(0, -3);
      lines.push("", `ask /files --form purpose=${request.purpose} --form file=@${shell(`"${request.name.replace(/[\\"]/g, "\\$&")}"`)}`, `${name}=$(id file-)`);
      continue;
    }
    let body = shell(JSON.stringify(request.body, null, 2));
    // What the program made has other ids. In a text, a quoted one would follow a backslash.
    for (const [id, name] of names) body = body.replaceAll(`"${id}"`, `"'"$${name.slice(0, -3)}"'"`);
    const [thread, run] = request.own ? ["$thread", "$run"] : [request.thread, request.run];
    if (request.kind === "run") {
      lines.push("", `ask ${request.thread ? `/threads/${thread}/runs` : "/threads/runs"} --json ${body}`, "run=$(id run_)", "thread=$(field thread_id)");
    } else {
      if (request.own) request.calls.forEach((id, index) => (body = body.replaceAll(`"tool_call_id": "${id}"`, `"tool_call_id": "'"$(call ${index + 1})"'"`)));
      lines.push("", `ask /threads/${thread}/runs/${run}/submit_tool_outputs --json ${body}`);
    }
  }
  return lines;
}

const CURL = [
  `base=${JSON.stringify(base)}`,
  "answer=$(mktemp)",
  "# Show an answer, and keep it: later requests name what it made.",
  'ask() { to=$1; shift; curl --silent --show-error --no-buffer "$base$to" --header "Authorization: Bearer $OPENAI_API_KEY" "$@" | tee "$answer"; }',
  "field() { grep -o \"\\\"$1\\\": *\\\"[^\\\"]*\" \"$answer\" | head -n 1 | cut -d '\"' -f 4; }",
  "id() { grep -o \"\\\"id\\\": *\\\"$1[^\\\"]*\" \"$answer\" | head -n 1 | cut -d '\"' -f 4; }",
  "call() { grep -o '\"submit_tool_outputs\": *{.*' \"$answer\" | tail -n 1 | grep -o '\"id\": *\"[^\"]*\"' | sed -n \"$1p\" | cut -d '\"' -f 4; }",
];

/** Return the thread and the run of a request: the program's own, or those that were there. */
const placeOf = ({ own, thread, run }) => (own ? [new Raw("run.thread_id"), new Raw("run.id")] : [thread, run]);

/** An expression among values. */
class Raw {
  constructor(text) {
    this.text = text;
  }
}

/** Return the outputs of a run's calls; in the program's own run, the calls have other ids. */
function outputsOf({ own, calls, body }) {
  if (!own) return body.tool_outputs;
  const id = (output) => new Raw(`run.required_action.submit_tool_outputs.tool_calls[${calls.indexOf(output.tool_call_id)}].id`);
  return body.tool_outputs.map((output) => ({ ...output, tool_call_id: id(output) }));
}

/** Name what the program makes itself: the ids of its files. */
function namesOf(requests) {
  const files = requests.filter(({ kind }) => kind === "file");
  return new Map(files.map(({ id }, index) => [id, `file_${index + 1}.id`]));
}

const PYTHON = { true: "True", false: "False", null: "None", key: (name) => `${quoted(name)}: `, open: "{", close: "}" };
const SCRIPT = { true: "true", false: "false", null: "null", key: (name) => (/^[A-Za-z_]\w*$/.test(name) ? `${name}: ` : `${quoted(name)}: `), open: "{ ", close: " }" };

function literal(value, names, language, depth) {
  if (value instanceof Raw) return value.text;
  if (typeof value === "string") return names.get(value) ?? quoted(value);
  if (typeof value !== "object" || value === null) return language[value] ?? String(value);
  const pad = "    ".repeat(depth + 1);
  const list = Array.isArray(value);
  const items = list ? value.map((each) => literal(each, names, language, depth + 1)) : Object.entries(value).map(([name, each]) => language.key(name) + literal(each, names, language, depth + 1));
  const [open, close] = list ? ["[", "]"] : [language.open, language.close];
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length < 80 && !line.includes("\n")) return line;
  return `${open.trim()}\n${items.map((item) => `${pad}${item},`).join("\n")}\n${"    ".repeat(depth)}${close.trim()}`;
}

// What JSON writes is a string in Python and JavaScript too; what can't be seen is written by its number.
const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
