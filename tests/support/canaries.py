"""Makes texts that tests plant in whatever a caller, a model or a tool can say; a scan finds where they turn up.

    text = canary("message")                    # a message, instructions, metadata, a file's name or content ...
    text = canary("arguments", called=True)     # a tool's arguments and outputs, and what a run request itself says
    remember(api_key)                            # a secret that has a form of its own: a key, a task token

    assert not found_in_log(lines)
    assert not found_in_history(events)

    scan(driver)                                 # last in a session: every log line, every execution

A planted text is a word of letters and digits, so it reads the same in JSON, in a URL and in a header. The mark in it
is enough to find it: a scan after the suite needs no list of what its tests planted. Only secrets are remembered.
"""

import json
import re
import uuid

from tests.support.driver import Driver

_SAID = "canarysaid"
_CALLED = "canarycalled"
_secrets: set[str] = set()
_tokens: set[str] = set()


def canary(what: str, *, called: bool = False) -> str:
    """Return a text of its own to plant; `what` (letters) says in a finding what leaked.

    Args:
        called: it is in an execution's history by design, as the tools' arguments and outputs are, and what another
            AWS service gave and gets back. No log line holds it either.
    """
    return f"{_CALLED if called else _SAID}{what}{uuid.uuid4().hex}"


def remember(secret: str, *, called: bool = False) -> str:
    """Return the secret; every scan of this session looks for it from now on.

    Args:
        called: it is in an execution's history by design, as the token is that its own task waits with.
    """
    assert len(secret) >= 7, "what is this short is found by chance"
    (_tokens if called else _secrets).add(secret)
    return secret


def found_in_log(lines: str) -> list[str]:
    """Return what was planted and is in log lines; secrets by their first letters."""
    return _found(lines, f"{_SAID}|{_CALLED}", _secrets | _tokens)


def found_in_history(events: str) -> list[str]:
    """Return what was planted and is in an execution's history though it must not; secrets by their first letters."""
    return _found(events, _SAID, _secrets)


def scan(driver: Driver) -> None:
    """Look for what was planted in all that the stack logged, and in the history of every execution."""
    histories = everything_in_histories(driver)
    leaks = {execution: found_in_history(events) for execution, events in histories.items()}
    assert {execution: found for execution, found in leaks.items() if found} == {}
    lines = driver.log_lines(since=0)
    assert found_in_log(lines) == []
    print(f"scanned {len(histories)} executions and {lines.count(chr(10)) + 1} log lines")


def everything_in_histories(driver: Driver) -> dict[str, str]:
    """The events, inputs and outputs of all executions of the state machine, by their ARN."""
    pages = driver.step_functions.get_paginator("list_executions").paginate(stateMachineArn=driver.state_machine_arn)
    return {
        arn: json.dumps([driver.history(arn), driver.describe(arn)], default=str)
        for arn in (execution["executionArn"] for page in pages for execution in page["executions"])
    }


def _found(text: str, marks: str, secrets: set[str]) -> list[str]:
    words = set(re.findall(rf"(?:{marks})\w*", text))
    return sorted(words | {f"{secret[:4]}..." for secret in secrets if secret in text})
