"""Holds what the sample programs share: a sample's definition, a question asked in a run, an answer with its files.

Needs the `openai` package alone, and ASSISTANTS_BASE_URL and ASSISTANTS_API_KEY in the environment.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openai import OpenAI
from openai.types import FileObject
from openai.types.beta import Assistant, Thread
from openai.types.beta.threads import Message, Run
from openai.types.beta.threads.run_create_params import AdditionalMessage
from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput
from openai.types.beta.threads.runs import ToolCall

APPROVED_AFTER_SECONDS = 0.5
"""How long a call waits for an approval where there is nobody to give it."""

# The package warns of every call of the Assistants API.
warnings.filterwarnings("ignore", "(The Assistants API is )?deprecated", DeprecationWarning)


class Sample:
    """`samples/<name>/sample.json`.

    Attributes:
        folder: where the sample's files are.
        assistant: what `client.beta.assistants.create` takes, the model apart.
        functions: the deployed functions that the assistant may call.
        files: names of the files that the assistant's code reads.
        users: account levels by name.
        questions: in order: `{"text", "user"?, "attachments"?, "response_format"?}`.
        now: the time that a run is told: the sample's own where its answers depend on the day.
    """

    def __init__(self, name: str) -> None:
        self.folder = Path(__file__).parent / name
        definition = json.loads((self.folder / "sample.json").read_text())
        self.assistant: dict[str, Any] = definition["assistant"]
        self.functions: list[dict[str, Any]] = definition.get("functions", [])
        self.files: list[str] = definition["files"]
        self.users: dict[str, str] = definition["users"]
        self.questions: list[dict[str, Any]] = definition["questions"]
        self.now = datetime.fromisoformat(definition["clock"]) if "clock" in definition else datetime.now()

    def user_of(self, question: dict[str, Any]) -> str:
        """Return who asks the question."""
        return str(question.get("user") or next(iter(self.users)))

    def instructions(self, question: dict[str, Any]) -> str:
        """The instructions of a run: the assistant's own, and who asks, and when."""
        user = self.user_of(question)
        return (
            f"{self.assistant['instructions']} The user is {user}, account level {self.users[user]}."
            f" It is {self.now:%A} {self.now.day} {self.now:%B %Y, %H:%M}. End with one follow-up question."
        )

    def upload(self, client: OpenAI) -> list[FileObject]:
        """Upload the files that the assistant's code reads."""
        return [client.files.create(file=self.folder / name, purpose="assistants") for name in self.files]


@dataclass(frozen=True)
class Answer:
    """Holds what a run made.

    Attributes:
        text: of its messages.
        files: charts and other files that it made, by name.
        turns: the calls of each turn: of functions and of code.
    """

    run: Run
    text: str
    files: dict[str, bytes]
    turns: list[list[ToolCall]]


def start(client: OpenAI, thread: Thread, assistant: Assistant, question: str, **overrides: Any) -> Any:
    """Start a run on a question: the run, or its events with `stream=True`.

    `overrides` are parameters of the run; `attachments` is the message's.
    """
    message: AdditionalMessage = {
        "role": "user",
        "content": question,
        "attachments": overrides.pop("attachments", None),
    }
    return client.beta.threads.runs.create(
        thread.id, assistant_id=assistant.id, additional_messages=[message], **overrides
    )


def asked_for(run: Run) -> list[ToolOutput]:
    """Ask the person at the terminal for what a run waits for: a yes or no, or what a function gives.

    Without a terminal there is nobody to ask: calls are approved after a moment.
    """
    outputs: list[ToolOutput] = []
    for call in run.required_action.submit_tool_outputs.tool_calls if run.required_action else []:
        approval = (call.model_extra or {}).get("needs_approval")
        question = "approve? yes or no" if approval else "your answer"
        print(f"            {call.function.name}({call.function.arguments})")
        if sys.stdin.isatty():
            answer = input(f"            {question}: ")
            answer = ("yes" if answer.strip().lower() in ("y", "yes") else "no") if approval else answer
        else:
            time.sleep(APPROVED_AFTER_SECONDS)
            answer = "yes" if approval else "There is nobody to ask."
            print(f"            {question}: {answer} (there is no terminal, so nobody was asked)")
        outputs.append({"tool_call_id": call.id, "output": answer})
    return outputs


def finish(client: OpenAI, run: Run) -> Answer:
    """Wait for the run's end, and get what it made."""
    run = client.beta.threads.runs.poll(run.id, thread_id=run.thread_id)
    while run.status == "requires_action":
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=asked_for(run)
        )
    messages = list(client.beta.threads.messages.list(run.thread_id, run_id=run.id, order="asc"))
    parts = [part for message in messages for part in message.content]
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    return Answer(
        run,
        text="\n".join(part.text.value for part in parts if part.type == "text"),
        files={
            Path(client.files.retrieve(file_id).filename).name: client.files.content(file_id).read()
            for file_id in made_files(messages)
        },
        turns=[step.step_details.tool_calls for step in steps if step.step_details.type == "tool_calls"],
    )


def ask(client: OpenAI, thread: Thread, assistant: Assistant, question: str, **overrides: Any) -> Answer:
    """Run the assistant on a question, and wait for its answer."""
    return finish(client, start(client, thread, assistant, question, **overrides))


def made_files(messages: Iterable[Message]) -> Iterator[str]:
    """The ids of the files that code made: the charts in the messages, and what their texts offer for download."""
    for message in messages:
        for part in message.content:
            if part.type == "image_file":
                yield part.image_file.file_id
            elif part.type == "text":
                yield from (note.file_path.file_id for note in part.text.annotations if note.type == "file_path")


def clean_up(client: OpenAI, assistant: Assistant, files: Iterable[FileObject], *threads: Thread) -> None:
    """Delete what a sample made, and what its code made."""
    for thread in threads:
        for file_id in made_files(client.beta.threads.messages.list(thread.id)):
            client.files.delete(file_id)
        client.beta.threads.delete(thread.id)
    client.beta.assistants.delete(assistant.id)
    for file in files:
        client.files.delete(file.id)


def main(play: Callable[[OpenAI, str], Iterator[Answer]]) -> None:
    """Play a sample in the terminal; charts and other files are saved below `.local/samples`."""
    client = OpenAI(base_url=os.environ["ASSISTANTS_BASE_URL"], api_key=os.environ["ASSISTANTS_API_KEY"])
    model = client.models.list().data[0].id
    for answer in play(client, model):
        if answer.run.status != "completed":
            sys.exit(f"The run ended as {answer.run.status}: {answer.run.last_error or answer.run.incomplete_details}")
        print(answer.text)
        for path in save(answer):
            print(f"(saved as {path})")
        print()


def save(answer: Answer) -> list[Path]:
    """Save the files of an answer below `.local/samples`; their paths."""
    folder = Path(".local/samples") / answer.run.id
    paths = []
    for name, content in answer.files.items():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    return paths
