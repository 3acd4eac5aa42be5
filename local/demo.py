"""`make demo`: one sample assistant, start to end, on the local stack, with the run's states as they are entered.

The sample is run as another AWS service would run it: each question is an execution of the state machine that is
given a run request. What is shown comes from the execution's history and output.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from local.processes import LocalError
from local.tools import ROOT
from local.up import Local, shown, up

SAMPLES = ROOT / "samples"
STATUSES = ("queued", "in_progress", "requires_action", "completed", "incomplete", "expired", "cancelled", "failed")
COLOURS = {"completed": "green", "requires_action": "yellow", "failed": "red", "expired": "red", "cancelled": "red"}

console = Console(highlight=False, soft_wrap=True)


class Demo:
    """One sample on a running local stack."""

    def __init__(self, local: Local, sample: dict[str, Any]) -> None:
        self.local = local
        self.sample = sample
        # The engine reads its configuration where its Lambda functions find it: in the environment.
        os.environ.update(local.settings)
        sys.path.insert(0, str(ROOT / ".build" / "layers" / "host" / "engine" / "python"))
        from assistant_engine import assistants
        from assistant_engine.store import Store

        self.store = Store()
        self.step_functions = local.client("stepfunctions")
        definition = {"model": local.model or "gpt-4.1-mini", **sample["assistant"]}
        self.assistant = assistants.new_assistant(definition, int(time.time() * 1000))
        self.store.assistants.create(self.assistant)

    def ask(self, question: str, thread_id: str | None) -> tuple[str, str]:
        """Run the assistant on a question and show what happens; the thread and the run's last status."""
        console.print(f"\n[bold]{self.sample['user']}:[/] {escape(question)}")
        request: dict[str, Any] = {
            "assistant_id": self.assistant["id"],
            "instructions": self.sample["instructions"].format(
                user=self.sample["user"], level=self.sample["level"], time=datetime.now().strftime("%A %d %B %Y, %H:%M")
            ),
            "additional_messages": [{"role": "user", "content": question}],
        }
        if thread_id:
            request["thread_id"] = thread_id
        execution = self.step_functions.start_execution(
            stateMachineArn=self.local.settings["STATE_MACHINE_ARN"], input=json.dumps(request)
        )["executionArn"]
        status = ""
        ids: dict[str, str] = {}
        for kind, name, data, seconds in self._history(execution):
            if kind == "entered" and name in STATUSES:
                status = name
                colour = COLOURS.get(name, "cyan")
                console.print(f"  [dim]{seconds:6.2f} s[/]  [{colour}]{name}[/]")
            elif kind == "exited" and name == "queued":
                ids = data
            elif kind == "entered" and name == "call_tools":
                for call in data["calls"]:
                    payload = call["payload"]
                    self._show("calls", f"{payload['function_name']}({payload['arguments']})")
            elif kind == "exited" and name == "call_tools":
                for output in data["outputs"]:
                    self._show("returned", output.get("output", "(in the bucket)"))
            if kind == "entered" and name == "requires_action":
                self._answer(ids)
        ended = self.step_functions.describe_execution(executionArn=execution)
        if ended["status"] != "SUCCEEDED":
            console.print(f"  [red]{ended.get('error')}[/]: {ended.get('cause')}")
            return thread_id or "", status
        run = json.loads(ended["output"])
        for message in run["messages"]:
            console.print(f"[bold]{self.sample['assistant']['name']}:[/] {escape(message['text'])}")
        usage = run["usage"]
        console.print(f"  [dim]{usage['prompt_tokens']} prompt and {usage['completion_tokens']} completion tokens[/]")
        return run["thread_id"], status

    def _history(self, execution: str) -> Iterator[tuple[str, str, Any, float]]:
        """Each state as it is entered and left.

        ("entered", its name, its input, seconds since the start) and ("exited", its name, its output, seconds).
        """
        seen = 0
        while True:
            running = self.step_functions.describe_execution(executionArn=execution)["status"] == "RUNNING"
            pages = self.step_functions.get_paginator("get_execution_history")
            events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
            for event in events[seen:]:
                seconds = (event["timestamp"] - events[0]["timestamp"]).total_seconds()
                if details := event.get("stateEnteredEventDetails"):
                    yield "entered", details["name"], json.loads(details.get("input", "{}")), seconds
                elif details := event.get("stateExitedEventDetails"):
                    yield "exited", details["name"], json.loads(details.get("output", "{}")), seconds
            seen = len(events)
            if not running:
                return
            time.sleep(0.1)

    def _answer(self, ids: dict[str, str]) -> None:
        """Ask the person at the terminal for what the assistant wants to know, and submit it."""
        from assistant_engine import runs

        thread_id, run_id = ids["thread_id"], ids["run_id"]
        while (run := self.store.runs.get(thread_id, run_id)).status != "requires_action":
            time.sleep(0.05)
        tools = self.store.steps.pending(run)
        assert tools is not None
        outputs = []
        for call in tools.unanswered(server=False):
            function = call["function"]
            self._show("asks you", f"{function['name']}({function['arguments']})")
            prepared = self.sample["client_answers"].get(function["name"], {})
            answer = next(iter(prepared.values()), "unknown")
            if sys.stdin.isatty():
                answer = console.input(f"            your answer [dim](Enter: {answer})[/]: ") or answer
            else:
                self._show("answered", f"{answer} (the sample's own answer: there is no terminal to ask at)")
            outputs.append({"tool_call_id": call["id"], "output": answer})
        run = runs.submit_tool_outputs(self.store, thread_id, run_id, outputs, int(time.time()))
        runs.wake(self.step_functions, run)

    @staticmethod
    def _show(what: str, text: str) -> None:
        console.print(f"            [magenta]{what}[/] {escape(text)}")


def main() -> None:
    """Run a sample and exit with 1 unless all of its runs completed."""
    names = sorted(path.parent.name for path in SAMPLES.glob("*/sample.json"))
    parser = argparse.ArgumentParser(description="Runs a sample assistant on the local stack.")
    parser.add_argument("sample", nargs="?", default="personal_finance", choices=names)
    sample = json.loads((SAMPLES / parser.parse_args().sample / "sample.json").read_text())
    try:
        local = up(step=shown)
    except LocalError as error:
        sys.exit(str(error))
    if local.offline:
        console.print("Answers come from the [bold]offline model[/]: a script, filled in from the tools' outputs.")
    else:
        console.print(f"Answers come from the model [bold]{local.model or 'of the configuration'}[/].")
    demo = Demo(local, sample)
    thread_id: str | None = None
    ends = []
    for question in sample["questions"]:
        thread_id, status = demo.ask(question, thread_id or None)
        ends.append(status)
    if ends != ["completed"] * len(ends):
        sys.exit("\nNot every run completed: " + ", ".join(ends))
    console.print(
        "\nEvery run completed. Try next:\n"
        "  make demo again, and give your own answer where the assistant asks you\n"
        "  OPENAI_API_KEY=... make demo   the same with a real model\n"
        f"  set -a; . {Path('.local/env')}; set +a   then any AWS client, at the stack that is still up\n"
        "  make down   stops it"
    )


if __name__ == "__main__":
    main()
