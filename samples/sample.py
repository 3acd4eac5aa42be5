"""Holds what the sample programs share: a sample's definition, a session that asks its questions, an answer with files.

Needs the `openai` package alone, and ASSISTANTS_BASE_URL and ASSISTANTS_API_KEY in the environment.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from openai import HttpxBinaryResponseContent, OpenAI
from openai.types.beta import Assistant, Thread
from openai.types.beta.threads import Message, Run
from openai.types.beta.threads.run_create_params import AdditionalMessage
from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput
from openai.types.beta.threads.runs import ToolCall

SPEECH = "answer.wav"
"""The file of a spoken answer."""
PLAYERS = ("afplay", "paplay", "pw-play", "aplay")
"""Commands that play a WAV file, on macOS and Linux; each fails where there is no sound device."""
MAX_PLAYED_SECONDS = 120

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
        questions: in order: `{"text", "user"?, "attachments"?, "response_format"?, "spoken"?}`; the last is a file that
            says the text.
        extensions: what goes beyond OpenAI's API in the assistant.
        now: the time that a run is told: the sample's own where its answers depend on the day.
    """

    def __init__(self, name: str) -> None:
        self.folder = Path(__file__).parent / name
        definition = json.loads((self.folder / "sample.json").read_text())
        self.assistant: dict[str, Any] = definition["assistant"]
        self.functions: list[dict[str, Any]] = definition.get("functions", [])
        self.extensions: dict[str, Any] = definition.get("extensions", {})
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

    def content(self, question: dict[str, Any]) -> Any:
        """The content of the question's message: its text, or the sound of the file in which it is spoken."""
        if "spoken" not in question:
            return question["text"]
        file = self.folder / question["spoken"]
        sound = {"data": base64.b64encode(file.read_bytes()).decode(), "format": file.suffix.removeprefix(".")}
        return [{"type": "input_audio", "input_audio": sound}]


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


class Session(ExitStack):
    """Asks a sample's questions. At the end of its `with`, all that it made is deleted, and what code made.

    Attributes:
        model: the assistant's.
    """

    def __init__(self, client: OpenAI, model: str, sample: Sample) -> None:
        super().__init__()
        self.client, self.model, self.sample = client, model, sample

    def upload(self, names: Iterable[str]) -> list[str]:
        """Upload files of the sample for code to read; return their ids."""
        files = [self.client.files.create(file=self.sample.folder / name, purpose="assistants") for name in names]
        for file in files:
            self.callback(self.client.files.delete, file.id)
        return [file.id for file in files]

    def code_files(self) -> dict[str, Any]:
        """Upload the files that code reads; return them as `tool_resources` of an assistant or a thread."""
        return {"code_interpreter": {"file_ids": self.upload(self.sample.files)}}

    def create_assistant(self, **parameters: Any) -> Assistant:
        """Create the sample's assistant, with more parameters of `client.beta.assistants.create`."""
        assistant = self.client.beta.assistants.create(model=self.model, **self.sample.assistant, **parameters)
        self.callback(self.client.beta.assistants.delete, assistant.id)
        return assistant

    def create_thread(self, **parameters: Any) -> Thread:
        """Create a thread, with the parameters of `client.beta.threads.create`."""
        thread = self.client.beta.threads.create(**parameters)
        self.callback(self._delete, thread)
        return thread

    def start(self, thread: Thread, assistant: Assistant, question: dict[str, Any], **overrides: Any) -> Any:
        """Start a run on a question of the sample; return the run, or its events with `stream=True`.

        Args:
            overrides: parameters of the run; `attachments` are files for code to read, which the message brings.
        """
        attached = overrides.pop("attachments", [])
        message: AdditionalMessage = {
            "role": "user",
            "content": self.sample.content(question),
            "attachments": [{"file_id": file_id, "tools": [{"type": "code_interpreter"}]} for file_id in attached],
        }
        return self.client.beta.threads.runs.create(
            thread.id,
            assistant_id=assistant.id,
            additional_messages=[message],
            instructions=self.sample.instructions(question),
            **overrides,
        )

    def ask(self, thread: Thread, assistant: Assistant, question: dict[str, Any], **overrides: Any) -> Answer:
        """Start a run as `start` does, and wait for its answer."""
        return finish(self.client, self.start(thread, assistant, question, **overrides))

    def _delete(self, thread: Thread) -> None:
        for file_id in made_files(self.client.beta.threads.messages.list(thread.id)):
            self.client.files.delete(file_id)
        self.client.beta.threads.delete(thread.id)


def asked_for(run: Run) -> list[ToolOutput]:
    """Ask the person at the terminal for what a run waits for: a yes or no, or what a function gives.

    Without a terminal there is nobody to ask: calls are approved.
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


def spoken(client: OpenAI, answer: Answer) -> Answer:
    """Return an answer with its sound among its files: the speech of the run's last message."""
    run = answer.run
    [message] = client.beta.threads.messages.list(run.thread_id, run_id=run.id, limit=1)
    # The speech of a message goes beyond OpenAI's API.
    sound = client.get(
        f"/threads/{run.thread_id}/messages/{message.id}/speech?format=wav",
        cast_to=HttpxBinaryResponseContent,
        options={"headers": {"Accept": "audio/wav"}},
    )
    return replace(answer, files={**answer.files, SPEECH: sound.read()})


def made_files(messages: Iterable[Message]) -> Iterator[str]:
    """The ids of the files that code made: the charts in the messages, and what their texts offer for download."""
    for message in messages:
        for part in message.content:
            if part.type == "image_file":
                yield part.image_file.file_id
            elif part.type == "text":
                yield from (note.file_path.file_id for note in part.text.annotations if note.type == "file_path")


def connected() -> tuple[OpenAI, str]:
    """Return a client, and the name of the model that answers.

    Address and key are those of the environment, or else of the local stack that `make up` keeps.
    """
    settings = dict(os.environ)
    local = Path(__file__).parents[1] / ".local" / "env"
    if "ASSISTANTS_BASE_URL" not in settings and local.is_file():
        settings |= dict(line.split("=", 1) for line in local.read_text().splitlines())
    client = OpenAI(base_url=settings["ASSISTANTS_BASE_URL"], api_key=settings["ASSISTANTS_API_KEY"])
    return client, client.models.list().data[0].id


def main(play: Callable[[OpenAI, str], Iterator[Answer]]) -> None:
    """Play a sample in the terminal; charts and other files are saved below `.local/samples`."""
    for answer in play(*connected()):
        if failure := failure_of(answer):
            sys.exit(failure)
        print(answer.text)
        for path in save(answer):
            played = path.name == SPEECH and play_sound(path)
            print(f"(saved as {path}{', and played' if played else ''})")
        print()


def play_sound(path: Path) -> bool:
    """Play a sound; return whether there is a device that played it."""
    for player in filter(None, map(shutil.which, PLAYERS)):
        with suppress(subprocess.TimeoutExpired):
            command = [player, str(path)]
            done = subprocess.run(command, capture_output=True, timeout=MAX_PLAYED_SECONDS, check=False)
            if done.returncode == 0:
                return True
    return False


def failure_of(answer: Answer) -> str:
    """Say why a run did not come to its end; empty if it did."""
    run = answer.run
    return (
        ""
        if run.status == "completed"
        else f"The run ended as {run.status}: {run.last_error or run.incomplete_details}"
    )


def show(answer: Answer) -> None:
    """Show an answer in a notebook: its text, its charts, and the text of the files that it made.

    Raises:
        RuntimeError: the run did not come to its end.
    """
    from IPython.display import Audio, Image, Markdown, display

    if failure := failure_of(answer):
        raise RuntimeError(failure)
    display(Markdown(answer.text))
    for name, content in sorted(answer.files.items()):
        if name.endswith(".png"):
            display(Image(content))
        elif name == SPEECH:
            display(Audio(content))
        else:
            print(f"{name}:\n{content.decode()}")


def save(answer: Answer) -> list[Path]:
    """Save the files of an answer below `.local/samples`; their paths."""
    folder = Path(".local/samples") / answer.run.id
    paths = []
    for name, content in answer.files.items():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    return paths
