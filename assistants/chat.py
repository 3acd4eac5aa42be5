"""Holds a conversation with an assistant in the terminal, through the API as any client does."""

import sys
import time
import warnings
from typing import Any

from openai import OpenAI
from rich.console import Console

from assistants.progress import Progress
from assistants.terminal import plain

# The package warns of every call of the Assistants API.
warnings.filterwarnings("ignore", "(The Assistants API is )?deprecated", DeprecationWarning)

LOOK_SECONDS = 0.3
WORKING = ("queued", "in_progress", "cancelling")
NAME = "Terminal"
"""Name of the assistant that `chat` creates if the project has none."""


class Chat:
    """A conversation: one thread, and a run for each message."""

    def __init__(self, client: OpenAI, console: Console) -> None:
        self._client = client
        self._console = console
        self._progress = Progress(console)

    def with_assistant(self, assistant_id: str = "", instructions: str = "") -> None:
        """Talk until the input ends.

        Args:
            assistant_id: whom to talk to; if it is not given, whom the person picks, or a new assistant.
            instructions: of a new assistant.
        """
        beta = self._client.beta
        assistant = beta.assistants.retrieve(assistant_id) if assistant_id else self._assistant(instructions)
        name = plain(assistant.name or assistant.id)
        thread = beta.threads.create()
        self._console.print(f"[dim]{name}, {plain(assistant.model)}, {thread.id}. An empty line ends it.[/]")
        while text := self._ask("you: "):
            run = beta.threads.runs.create(
                thread.id, assistant_id=assistant.id, additional_messages=[{"role": "user", "content": text}]
            )
            run = self._follow(run)
            for message in beta.threads.messages.list(thread.id, run_id=run.id, order="asc"):
                for part in message.content:
                    shown = part.text.value if part.type == "text" else f"({part.type})"
                    self._console.print(f"[bold]{name}:[/] {plain(shown)}")
            if run.status != "completed":
                self._console.print(f"[red]{run.status}[/] {plain(_reason(run))}")

    def _assistant(self, instructions: str) -> Any:
        """Return the assistant that the person picks, or a new one."""
        there = [] if instructions else list(self._client.beta.assistants.list(limit=9, order="desc").data)
        if there and sys.stdin.isatty():
            for number, assistant in enumerate(there, start=1):
                self._console.print(f"{number}  {plain(assistant.name or '')} [dim]{assistant.id}[/]")
            picked = self._ask("Number of the assistant, or Enter for a new one: ")
            if picked.isdecimal() and 1 <= int(picked) <= len(there):
                return there[int(picked) - 1]
        elif there:
            return there[0]
        return self._client.beta.assistants.create(
            model=self._client.models.list().data[0].id,
            name=NAME,
            instructions=instructions or "You help the person at the terminal. Be brief.",
            tools=[{"type": "code_interpreter"}],
        )

    def _follow(self, run: Any) -> Any:
        """Show a run's calls as they come, and answer those that wait for their client; the run as it ended."""
        runs, shown = self._client.beta.threads.runs, set[str]()
        while True:
            run = runs.retrieve(run.id, thread_id=run.thread_id)
            steps = runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
            for step in steps:
                for call in getattr(step.step_details, "tool_calls", []):
                    if step.status == "completed" and call.id not in shown:
                        shown.add(call.id)
                        self._show(call)
            if run.status == "requires_action" and run.required_action:
                calls = run.required_action.submit_tool_outputs.tool_calls
                outputs: list[Any] = [{"tool_call_id": call.id, "output": self._output(call)} for call in calls]
                runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
            elif run.status not in WORKING:
                return run
            else:
                time.sleep(LOOK_SECONDS)

    def _output(self, call: Any) -> str:
        self._progress.tell("asks you", f"{call.function.name}({call.function.arguments})")
        return self._ask("            output (yes or no, where it asks for approval): ")

    def _show(self, call: Any) -> None:
        if call.type == "function":
            self._progress.call(call.function.name, call.function.arguments)
            self._progress.tell("returned", call.function.output or "")
        elif call.type == "code_interpreter":
            self._progress.tell("runs code", f"\n{call.code_interpreter.input.strip()}")
            for output in call.code_interpreter.outputs:
                self._progress.tell("returned", output.logs.strip() if output.type == "logs" else "(an image)")
        else:
            self._progress.tell("calls", call.type)

    def _ask(self, prompt: str) -> str:
        """Return a line of the input; nothing at its end. The prompt is for a terminal alone."""
        try:
            line = input(prompt if sys.stdin.isatty() else "")
        except EOFError:
            return ""
        if not sys.stdin.isatty():
            self._console.print(f"[dim]{prompt.strip()} {plain(line)}[/]")
        return line.strip()


def _reason(run: Any) -> str:
    told = run.last_error or run.incomplete_details
    return str(getattr(told, "message", None) or getattr(told, "reason", None) or "")
