// A support chat: it quotes two documents, asks this program for orders, and computes and draws with code.
// `node examples/support_chat.ts` reads a question from each line; an empty one ends it. See README.md.
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import OpenAI from "openai";

type Run = OpenAI.Beta.Threads.Run;
type Message = OpenAI.Beta.Threads.Message;

const client = new OpenAI(); // It reads OPENAI_BASE_URL and OPENAI_API_KEY.
const support = (name: string) => createReadStream(new URL(`support/${name}`, import.meta.url));
const orders: Record<string, object> = {
  "A-1001": { status: "delivered", items: "1 helmet", on: "2026-11-20" },
  "A-1002": { status: "on its way", items: "1 bicycle", carrier: "Northern Freight", arrives: "2026-12-02" },
};
const getOrderStatus = {
  name: "get_order_status",
  description: "Get the status of a customer's order: where it is, and when it arrives.",
  parameters: {
    type: "object",
    properties: { order_id: { type: "string", description: "Number of the order, such as A-1001." } },
    required: ["order_id"],
  },
};

/** Uploads the documents and the table, and creates the assistant. */
async function setUp() {
  const store = await client.vectorStores.create({ name: "Support" });
  const files = ["returns.md", "shipping.md"].map(support);
  await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files });
  const table = await client.files.create({ file: support("sales.csv"), purpose: "assistants" });
  return client.beta.assistants.create({
    model: "gpt-6-luna",
    instructions: "You are the support of a bicycle shop. Answer from the documents and quote them.",
    tools: [{ type: "file_search" }, { type: "code_interpreter" }, { type: "function", function: getOrderStatus }],
    tool_resources: {
      file_search: { vector_store_ids: [store.id] },
      code_interpreter: { file_ids: [table.id] },
    },
  });
}

/** Puts a question and serves the calls of its run; returns the answer's messages. */
async function ask(assistantId: string, threadId: string, question: string) {
  await client.beta.threads.messages.create(threadId, { role: "user", content: question });
  let run = await client.beta.threads.runs.createAndPoll(threadId, { assistant_id: assistantId });
  while (run.status === "requires_action")
    run = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
      thread_id: threadId,
      tool_outputs: serve(run),
    });
  if (run.status !== "completed") throw new Error(`The run is ${run.status}: ${JSON.stringify(run.last_error)}`);
  return client.beta.threads.messages.list(threadId, { run_id: run.id, order: "asc" });
}

/** Returns the output of each call that the run waits for; your program would ask its database. */
function serve(run: Run) {
  return run.required_action!.submit_tool_outputs.tool_calls.map((call) => {
    console.log(`  (${call.function.name} ${call.function.arguments})`);
    const { order_id } = JSON.parse(call.function.arguments);
    const order = orders[order_id.toUpperCase()] ?? { error: `There is no order ${order_id}.` };
    return { tool_call_id: call.id, output: JSON.stringify(order) };
  });
}

/** Prints a message with its sources, and saves its pictures. */
async function show(message: Message) {
  for (const part of message.content) {
    if (part.type === "image_file") {
      const picture = `${part.image_file.file_id}.png`;
      const content = await client.files.content(part.image_file.file_id);
      await writeFile(picture, Buffer.from(await content.arrayBuffer()));
      console.log(`  [picture: ${picture}]`);
    } else if (part.type === "text") {
      let text = part.text.value;
      const sources: string[] = [];
      for (const note of part.text.annotations) {
        if (note.type !== "file_citation") continue;
        const { filename } = await client.files.retrieve(note.file_citation.file_id);
        if (!sources.includes(filename)) sources.push(filename);
        text = text.replaceAll(note.text, ` [${sources.indexOf(filename) + 1}]`);
      }
      console.log([text, ...sources.map((name, index) => `  [${index + 1}] ${name}`)].join("\n"));
    }
  }
}

const assistant = await setUp();
const thread = await client.beta.threads.create();
console.log("Ask about returns, shipping, sales or an order such as A-1002.");
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) break;
  console.log(`> ${line.trim()}`);
  for await (const message of await ask(assistant.id, thread.id, line.trim())) await show(message);
}
