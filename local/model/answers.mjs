export const answerTo = (turn) => ({
  content:
    "This is the offline model: it answers a few scripted questions and knows nothing else. " +
    `For the message ${JSON.stringify(turn.user.slice(0, 200))} there is no script. ` +
    "Set OPENAI_API_KEY to have a real model answer.",
});
