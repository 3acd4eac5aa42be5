"""The first answer, with code: `.venv/bin/python examples/first_answer.py`. See README.md for what it needs."""

import warnings

from openai import OpenAI

warnings.filterwarnings("ignore", category=DeprecationWarning)  # The package warns of each call of the Assistants API.
client = OpenAI()  # It reads OPENAI_BASE_URL and OPENAI_API_KEY.

assistant = client.beta.assistants.create(
    model="gpt-6-luna", instructions="You are a maths tutor.", tools=[{"type": "code_interpreter"}]
)
thread = client.beta.threads.create(messages=[{"role": "user", "content": "Solve 3x + 11 = 14."}])
run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
print(f"The run is {run.status}.")
for message in client.beta.threads.messages.list(thread.id, run_id=run.id):
    for part in message.content:
        if part.type == "text":
            print(part.text.value)
