"""`make demo`: one sample assistant, start to end, on the local stack, with each run's states as they are entered.

The questions are asked through the HTTP API with the `openai` package, as the programs in `samples/` do it. What is
shown of a run comes from the history of the execution that drives it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from openai import OpenAI, omit
from openai.types.beta.threads import Run

from assistants import history
from assistants.progress import Progress
from assistants.terminal import Terminal, plain
from local.paths import ROOT
from local.processes import LocalError
from local.up import Local, shown, up
from samples.sample import Sample, finish, save, start

SAMPLES = ROOT / "samples"
WORKING = ("queued", "in_progress")

console = Terminal(highlight=False, soft_wrap=True)


class Demo:
    """One sample on a running local stack, shown on a console."""

    def __init__(self, local: Local, sample: Sample, progress: Progress) -> None:
        self.sample = sample
        self.progress = progress
        self.console = progress.console
        self.step_functions = local.client("stepfunctions")
        self.executions = local.settings["STATE_MACHINE_ARN"].replace(":stateMachine:", ":execution:")
        self.client = OpenAI(
            base_url=local.settings["ASSISTANTS_BASE_URL"], api_key=local.settings["ASSISTANTS_API_KEY"]
        )
        self.assistant = self.client.beta.assistants.create(
            model=self.client.models.list().data[0].id,
            tool_resources={"code_interpreter": {"file_ids": [file.id for file in sample.upload(self.client)]}},
            extra_body={"functions": sample.functions},
            **sample.assistant,
        )
        self.threads = {user: self.client.beta.threads.create(metadata={"user_id": user}) for user in sample.users}

    def ask(self, question: dict[str, Any]) -> str:
        """Run the assistant on a question and show what happens; the run's last status."""
        user = self.sample.user_of(question)
        self.console.print(f"\n[bold]{user}:[/] {plain(question['text'])}")
        attached = [
            self.client.files.create(file=self.sample.folder / name, purpose="assistants")
            for name in question.get("attachments", [])
        ]
        run = start(
            self.client,
            self.threads[user],
            self.assistant,
            question["text"],
            instructions=self.sample.instructions(question),
            response_format=question.get("response_format", omit),
            attachments=[{"file_id": file.id, "tools": [{"type": "code_interpreter"}]} for file in attached],
        )
        for change in history.follow(self.step_functions, f"{self.executions}:{run.id}", every=0.1):
            self.progress.show(change)
            if change.entered and change.state == "requires_action":
                self._answer(run)
        answer = finish(self.client, run)
        if answer.run.status != "completed":
            self.console.print(
                f"  [red]{answer.run.status}[/]: {plain(str(answer.run.last_error or answer.run.incomplete_details))}"
            )
            return answer.run.status
        self.console.print(f"[bold]{self.sample.assistant['name']}:[/] {plain(answer.text)}")
        for path in save(answer):
            self.console.print(f"  [green]made[/] {plain(str(path))}")
            if path.suffix == ".png":
                _open(path)
        if usage := answer.run.usage:
            self.console.print(
                f"  [dim]{usage.prompt_tokens} prompt and {usage.completion_tokens} completion tokens[/]"
            )
        return answer.run.status

    def _answer(self, run: Run) -> None:
        """Ask the person at the terminal for what no function of the stack can answer, and submit it."""
        while (run := self.client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)).status in WORKING:
            time.sleep(0.05)
        calls = run.required_action.submit_tool_outputs.tool_calls if run.required_action else []
        outputs: list[Any] = []
        for call in calls:
            self.progress.tell("asks you", f"{call.function.name}({call.function.arguments})")
            answer = (
                self.console.input("            your answer: ") if sys.stdin.isatty() else "There is nobody to ask."
            )
            outputs.append({"tool_call_id": call.id, "output": answer})
        if outputs:
            self.client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)


def _open(chart: Path) -> None:
    """Open a chart where there is a desktop to show it."""
    if sys.platform == "darwin":
        opener = shutil.which("open")
    else:
        opener = shutil.which("xdg-open") if {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys() else None
    if opener and sys.stdout.isatty():
        subprocess.Popen([opener, str(chart)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Run a sample and exit with 1 unless all of its runs completed."""
    names = sorted(path.parent.name for path in SAMPLES.glob("*/sample.json"))
    parser = argparse.ArgumentParser(description="Runs a sample assistant on the local stack.")
    parser.add_argument("sample", nargs="?", default="personal_finance", choices=names)
    sample = Sample(parser.parse_args().sample)
    try:
        local = up(step=shown)
    except LocalError as error:
        sys.exit(str(error))
    if local.offline:
        console.print(
            "Words and code come from the [bold]offline model[/], a script; every figure comes from what the code and"
            " the tools put out."
        )
    else:
        console.print(f"Answers come from the model [bold]{local.model or 'of the configuration'}[/].")
    demo = Demo(local, sample, Progress(console))
    ends = [demo.ask(question) for question in sample.questions]
    if ends != ["completed"] * len(ends):
        sys.exit("\nNot every run completed: " + ", ".join(ends))
    others = ", ".join(name for name in names if name != sample.folder.name)
    console.print(
        "\nEvery run completed. Try next:\n"
        f"  make demo SAMPLE=...   another one: {others}\n"
        "  OPENAI_API_KEY=... make demo   the same with a real model\n"
        f"  set -a; . {Path('.local/env')}; set +a   then any client, at the stack that is still up, such as\n"
        f"  .venv/bin/python -m samples.{sample.folder.name}.ask   the same as a program of a few lines\n"
        "  make down   stops it"
    )


if __name__ == "__main__":
    main()
