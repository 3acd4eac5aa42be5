// Streams a run through the Vercel AI SDK: `node forward.mjs <assistant> <text>` prints what a page would be sent.
import { AssistantResponse } from "ai";
import OpenAI from "openai-4";

const [assistant, text] = process.argv.slice(2);
const client = new OpenAI({ maxRetries: 0 });
const thread = await client.beta.threads.create({});
const message = await client.beta.threads.messages.create(thread.id, { role: "user", content: text });
const answer = AssistantResponse({ threadId: thread.id, messageId: message.id }, async ({ forwardStream }) => {
  let run = await forwardStream(client.beta.threads.runs.stream(thread.id, { assistant_id: assistant }));
  while (run?.status === "requires_action") {
    const tool_outputs = run.required_action.submit_tool_outputs.tool_calls.map(({ id }) => ({
      tool_call_id: id,
      output: "x",
    }));
    run = await forwardStream(client.beta.threads.runs.submitToolOutputsStream(thread.id, run.id, { tool_outputs }));
  }
  if (run?.status !== "completed") throw new Error(`the run ended as ${run?.status}`);
});
process.stdout.write(await answer.text());
