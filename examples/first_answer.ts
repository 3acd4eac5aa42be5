// The first answer, with code: `node examples/first_answer.ts`. See README.md for what it needs.
import OpenAI from "openai";

const client = new OpenAI(); // It reads OPENAI_BASE_URL and OPENAI_API_KEY.

const assistant = await client.beta.assistants.create({
  model: "gpt-6-luna",
  instructions: "You are a maths tutor.",
  tools: [{ type: "code_interpreter" }],
});
const thread = await client.beta.threads.create({ messages: [{ role: "user", content: "Solve 3x + 11 = 14." }] });
const run = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
console.log(`The run is ${run.status}.`);
for await (const message of client.beta.threads.messages.list(thread.id, { run_id: run.id }))
  for (const part of message.content) if (part.type === "text") console.log(part.text.value);
