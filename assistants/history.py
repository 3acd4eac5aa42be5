"""Reads from the history of an execution when it entered and left each state, and with what."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LOOK_SECONDS = 0.5
"""Between looks at an execution; an account allows about 20 a second."""

CALLS = ("call_tool", "call_tools")
"""The states that call the tools of a turn: one, or several side by side."""


@dataclass(frozen=True)
class Change:
    """An execution enters or leaves a state.

    Attributes:
        entered: whether it enters.
        data: the state's input (entered) or output.
        seconds: since the execution's start.
    """

    entered: bool
    state: str
    data: Any
    at: datetime
    seconds: float


def follow(step_functions: Any, execution: str, every: float = LOOK_SECONDS) -> Iterator[Change]:
    """Yield each change of an execution as it comes, until it has ended.

    Args:
        step_functions: the boto3 client.
        execution: its ARN.
        every: seconds between looks.
    """
    seen = 0
    while True:
        running = step_functions.describe_execution(executionArn=execution)["status"] == "RUNNING"
        for change in changes(step_functions, execution)[seen:]:
            seen += 1
            yield change
        if not running:
            return
        time.sleep(every)


def changes(step_functions: Any, execution: str) -> list[Change]:
    """Return the changes of an execution up to now."""
    pages = step_functions.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    found = []
    for event in events:
        for kind, member in (("stateEntered", "input"), ("stateExited", "output")):
            if details := event.get(f"{kind}EventDetails"):
                at = event["timestamp"]
                data = json.loads(details.get(member) or "{}")
                seconds = (at - events[0]["timestamp"]).total_seconds()
                found.append(Change(kind == "stateEntered", details["name"], data, at, seconds))
    return found
