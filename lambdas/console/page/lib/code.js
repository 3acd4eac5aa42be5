/** Writes a conversation's requests as a program: Python, JavaScript or curl. */
import { base } from "./api.js";

export const LANGUAGES = { python: "Python", javascript: "JavaScript", curl: "curl" };

/** Return the program; the key comes from the environment (`OPENAI_API_KEY`). */
export function programOf(requests, language) {
  return { python, javascript, curl }[language](requests);
}

function python(requests) {
  const names = namesOf(requests);
  const lines = ["import os", "", "from openai import OpenAI", "", `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=os.environ["OPENAI_API_KEY"])`];
  for (const request of requests) {
    if (request.kind === "file") {
      lines.push(`${names.get(request.id).slice(0, -3)} = client.files.create(file=open(${quoted(request.name)}, "rb"), purpose="${request.purpose}")`);
    } else if (request.kind === "run") {
      const { stream, ...body } = request.body;
      const call = request.thread ? "runs.create_and_poll" : "create_and_run_poll";
      const thread = request.thread ? ["thread_id=run.thread_id"] : [];
      lines.push(`run = client.beta.threads.${call}(`, ...keywords(thread, body, names), ")", ...PYTHON_SAYS);
    } else {
      lines.push("run = client.beta.threads.runs.submit_tool_outputs_and_poll(", ...keywords(["thread_id=run.thread_id", "run_id=run.id"], { tool_outputs: outputsOf(request) }, names), ")", ...PYTHON_SAYS);
    }
  }
  return `${lines.join("\n")}\n`;
}

const PYTHON_SAYS = ["for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id, order=\"asc\"):", "    print(message.content[0].text.value)"];
const keywords = (given, body, names) => [...given, ...Object.entries(body).map(([name, value]) => `${name}=${literal(value, names, PYTHON, 1)}`)].map((line) => `    ${line},`);

function javascript(requests) {
  const names = namesOf(requests);
  const lines = ['import fs from "node:fs";', 'import OpenAI from "openai";', "", `const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: process.env.OPENAI_API_KEY });`];
  let declared = false;
  const run = () => {
    const word = declared ? "run" : "let run";
    declared = true;
    return word;
  };
  for (const request of requests) {
    if (request.kind === "file") {
      lines.push(`const ${names.get(request.id).slice(0, -3)} = await client.files.create({ file: fs.createReadStream(${quoted(request.name)}), purpose: "${request.purpose}" });`);
    } else if (request.kind === "run") {
      const { stream, ...body } = request.body;
      const call = request.thread ? "runs.createAndPoll(run.thread_id, " : "createAndRunPoll(";
      lines.push(`${run()} = await client.beta.threads.${call}${literal(body, names, SCRIPT, 0)});`, ...SCRIPT_SAYS);
    } else {
      const body = { thread_id: new Raw("run.thread_id"), tool_outputs: outputsOf(request) };
      lines.push(`${run()} = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, ${literal(body, names, SCRIPT, 0)});`, ...SCRIPT_SAYS);
    }
  }
  return `${lines.join("\n")}\n`;
}

const SCRIPT_SAYS = ['for await (const message of client.beta.threads.messages.list(run.thread_id, { run_id: run.id, order: "asc" }))', "  console.log(message.content[0].text.value);"];

function curl(requests) {
  const told = requests.map((request) => {
    const call = (path) => `curl --no-buffer "${base}${path}" --header "Authorization: Bearer $OPENAI_API_KEY"`;
    if (request.kind === "file") return `${call("/files")} --form purpose=${request.purpose} --form file=@${shell(request.name)}`;
    const path = request.kind === "outputs" ? `/threads/${request.thread}/runs/${request.run}/submit_tool_outputs` : request.thread ? `/threads/${request.thread}/runs` : "/threads/runs";
    return `${call(path)} --json ${shell(JSON.stringify(request.body, null, 2))}`;
  });
  return `${told.join("\n\n")}\n`;
}

/** An expression among values. */
class Raw {
  constructor(text) {
    this.text = text;
  }
}

/** Return the outputs of a run's calls; in the program's own run, the calls have other ids. */
function outputsOf({ calls, body }) {
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
