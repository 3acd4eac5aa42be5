"""Finds what was logged of a run, or by a function."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistants.errors import CommandError
from assistants.stack import Stack

MARGIN_SECONDS = 300
"""Before a run's creation and after its end: hosts' clocks differ, and events are published a little later."""


def of_run(stack: Stack, run: Run) -> list[str]:
    """Return every log line that holds the run's id, from each log group of the stack, oldest first."""
    logs = stack.client("logs")
    window: Json = {"startTime": (run.created_at - MARGIN_SECONDS) * 1000}
    if run.status in TERMINAL and run.ended_ms:
        window["endTime"] = run.ended_ms + MARGIN_SECONDS * 1000
    found = [
        (event["timestamp"], group, event["message"])
        for group in _groups(stack)
        for event in _events(logs, logGroupName=group, filterPattern=f'"{run.id}"', **window)
    ]
    return [_line(stack, *each) for each in sorted(found)]


class UnknownFunction(CommandError):
    """The stack has no function of this name; the message lists those that it has."""


def of_function(stack: Stack, name: str, since_seconds: float) -> list[str]:
    """Return what a function wrote since a time, oldest first: what its code prints and what the platform says.

    Args:
        name: as `oae-dev-finance` or without the stack's prefix; a tool's is its module's.
        since_seconds: since 1970.

    Raises:
        UnknownFunction: no function has this name.
    """
    names = sorted(
        resource["PhysicalResourceId"]
        for resource in _resources(stack)
        if resource["ResourceType"] == "AWS::Lambda::Function"
    )
    own = {function.removeprefix(f"{stack.prefix}-"): function for function in names}
    function = own.get(name) or own.get(f"tool-{name}") or (name if name in names else None)
    if function is None:
        raise UnknownFunction(f"There is no function {name} here. There are: {', '.join(own)}.")
    described = stack.client("lambda").get_function_configuration(FunctionName=function)
    group = described.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}"
    found = _events(stack.client("logs"), logGroupName=group, startTime=int(since_seconds * 1000))
    return [
        _line(stack, event["timestamp"], group, event["message"])
        for event in sorted(found, key=lambda event: int(event["timestamp"]))
    ]


def _groups(stack: Stack) -> list[str]:
    """Return the names of the stack's log groups.

    Names alone don't tell: those of the environment without a suffix start like those of every other one.
    """
    return [each["PhysicalResourceId"] for each in _resources(stack) if each["ResourceType"] == "AWS::Logs::LogGroup"]


def _resources(stack: Stack) -> Iterator[Json]:
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.prefix)
    return (resource for page in pages for resource in page["StackResourceSummaries"])


def _events(logs: Any, **query: Any) -> Iterator[Json]:
    with suppress(logs.exceptions.ResourceNotFoundException):
        for page in logs.get_paginator("filter_log_events").paginate(**query):
            yield from page["events"]


def _line(stack: Stack, timestamp: int, group: str, text: str) -> str:
    """Return a line: the time, what wrote it, and its message or, where it has none, all of its JSON."""
    moment = datetime.fromtimestamp(timestamp / 1000, UTC)
    with suppress(ValueError):
        entry = json.loads(text)
        if isinstance(entry, dict) and "message" in entry:
            text = f"{entry.get('level', '')} {entry['message']}".strip()
    source = group.rpartition("/")[2].removeprefix(f"{stack.prefix}-")
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}  {source:<20}  {text.strip()}"
