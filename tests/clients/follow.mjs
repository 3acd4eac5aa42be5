// Streams a run with openai-node: `node follow.mjs <package> <assistant> <text>`; each event is a line of JSON.
const [name, assistant, text] = process.argv.slice(2);
const { default: OpenAI } = await import(name);
const client = new OpenAI({ maxRetries: 0 });
const isOld = name === "openai-4";

async function show(stream) {
  stream.on("event", (event) => console.log(JSON.stringify(event)));
  const run = await stream.finalRun();
  return [run, stream];
}

let [run, stream] = await show(
  client.beta.threads.createAndRunStream({
    assistant_id: assistant,
    thread: { messages: [{ role: "user", content: text }] },
  }),
);
while (run.required_action) {
  const tool_outputs = run.required_action.submit_tool_outputs.tool_calls.map(({ id }) => ({
    tool_call_id: id,
    output: "x",
  }));
  const runs = client.beta.threads.runs;
  [run, stream] = await show(
    isOld
      ? runs.submitToolOutputsStream(run.thread_id, run.id, { tool_outputs })
      : runs.submitToolOutputsStream(run.id, { thread_id: run.thread_id, tool_outputs }),
  );
}
const messages = await stream.finalMessages();
const texts = messages.flatMap(({ content }) => content.map((part) => part.text.value));
console.log(JSON.stringify({ status: run.status, texts }));
