"""Shows one sample assistant, start to end, on the local stack, with each run's states as they are entered.

The questions are asked through the HTTP API with the `openai` package, as the programs in `samples/` do it. Each run is
shown as it streams.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openai import OpenAI, omit
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import ToolCall

from assistants.progress import Progress
from assistants.terminal import plain
from local.up import Local
from samples.sample import SPEECH, Sample, Session, asked_for, failure_of, finish, play_sound, save, spoken


class Demo:
    """One sample on a running local stack, shown on a console."""

    def __init__(self, local: Local, sample: Sample, progress: Progress) -> None:
        self.sample = sample
        self.progress = progress
        self.console = progress.console
        self.client = OpenAI(
            base_url=local.settings["ASSISTANTS_BASE_URL"], api_key=local.settings["ASSISTANTS_API_KEY"]
        )
        # It is never closed: what the demo made can be looked at.
        self.session = Session(self.client, self.client.models.list().data[0].id, sample)
        self.assistant = self.session.create_assistant(
            tool_resources=self.session.code_files(),
            extra_body={"functions": sample.functions, **sample.extensions},
        )
        self.threads = {user: self.session.create_thread(metadata={"user_id": user}) for user in sample.users}

    def ask(self, question: dict[str, Any]) -> str:
        """Run the assistant on a question and show what happens; the run's last status."""
        user = self.sample.user_of(question)
        says = f" [dim](says {question['spoken']})[/]" if "spoken" in question else ""
        self.console.print(f"\n[bold]{user}:[/]{says} {plain(question['text'])}")
        began = time.monotonic()
        events = self.session.start(
            self.threads[user],
            self.assistant,
            question,
            response_format=question.get("response_format", omit),
            attachments=self.session.upload(question.get("attachments", [])),
            stream=True,
        )
        run = self._follow(events, began)
        while run.status == "requires_action":
            events = self.client.beta.threads.runs.submit_tool_outputs(
                run.id, thread_id=run.thread_id, tool_outputs=asked_for(run), stream=True
            )
            run = self._follow(events, began)
        answer = finish(self.client, run)
        if "spoken" in question and not failure_of(answer):
            answer = spoken(self.client, answer)
        if answer.run.status != "completed":
            self.console.print(
                f"  [red]{answer.run.status}[/]: {plain(str(answer.run.last_error or answer.run.incomplete_details))}"
            )
            return answer.run.status
        for path in save(answer):
            self.console.print(f"  [green]made[/] {plain(str(path))}")
            if path.suffix == ".png":
                _open(path)
            if path.name == SPEECH and play_sound(path):
                self.console.print("  [green]played[/] it")
        if usage := answer.run.usage:
            self.console.print(
                f"  [dim]{usage.prompt_tokens} prompt and {usage.completion_tokens} completion tokens[/]"
            )
        return answer.run.status

    def _follow(self, events: Iterable[Any], began: float) -> Run:
        """Show a run as it streams, its answer as it is written; return it as it is at the stream's end."""
        shown = ""
        for event in events:
            data = event.data
            if event.event == "thread.run.step.completed" and data.type == "tool_calls":
                for call in data.step_details.tool_calls:
                    self._call(call)
            elif event.event == "thread.message.created":
                self.console.print(f"[bold]{self.sample.assistant['name']}:[/] ", end="")
            elif event.event == "thread.message.delta":
                texts = [part.text.value or "" for part in data.delta.content if part.type == "text" and part.text]
                self.console.print(plain("".join(texts)), end="")
            elif event.event in ("thread.message.completed", "thread.message.incomplete"):
                self.console.print()
            elif event.event.startswith("thread.run.") and isinstance(data, Run):
                run = data
                if run.status != shown:
                    self.progress.status(run.status, time.monotonic() - began)
                shown = run.status
        return run

    def _call(self, call: ToolCall) -> None:
        """Show a call of a tool of the stack, and what it came to."""
        if call.type == "code_interpreter":
            self.progress.call(call.type, json.dumps({"code": call.code_interpreter.input}))
            for output in call.code_interpreter.outputs:
                self.progress.returned(output.logs if output.type == "logs" else "a chart")
        elif call.type == "function":
            self.progress.call(call.function.name, call.function.arguments)
            self.progress.returned(call.function.output or "")
        else:
            self.progress.tell("searches", "its files")


def _open(chart: Path) -> None:
    """Open a chart where there is a desktop to show it."""
    if sys.platform == "darwin":
        opener = shutil.which("open")
    else:
        opener = shutil.which("xdg-open") if {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys() else None
    if opener and sys.stdout.isatty():
        subprocess.Popen([opener, str(chart)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ask_all(local: Local, name: str, progress: Progress) -> list[str]:
    """Show all of a sample's questions; return the runs' last statuses."""
    sample = Sample(name)
    demo = Demo(local, sample, progress)
    return [demo.ask(question) for question in sample.questions]
