"""The state machine: what the console shows of a run, and that each state ends, retries and fails as it should."""

import json
from collections.abc import Iterator

from assistant_engine.domain.lifecycle import TERMINAL, TRANSITIONS
from assistant_engine.runtime.invocation import NEVER_RAN
from tests.support.templates import Json, Template


def states(machine: Json) -> Iterator[tuple[str, Json]]:
    """Every state with its name, those inside a Map included."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def tasks(template: Template) -> dict[str, Json]:
    return {name: state for name, state in states(template.definition()) if state["Type"] == "Task"}


def test_every_status_is_a_state(prod: Template) -> None:
    statuses = set(TRANSITIONS) - {"cancelling"}  # A request on its way, which no execution waits in.
    calls = {"call_tool", "call_tools", "call_each", "tool_failed"}
    others = {"route", "wait_for_thread", "backoff", "record_failure"} | calls
    assert {name for name, _ in states(prod.definition())} == statuses | others


def test_every_state_has_a_comment(prod: Template) -> None:
    assert prod.definition()["Comment"]
    for name, state in states(prod.definition()):
        assert len(state["Comment"]) > 15, name


def test_it_is_a_standard_machine_in_jsonata(prod: Template) -> None:
    (machine,) = prod.properties("AWS::StepFunctions::StateMachine")
    assert machine["StateMachineName"] == "oae-run"
    assert machine.get("StateMachineType", "STANDARD") == "STANDARD"
    assert prod.definition()["QueryLanguage"] == "JSONata"


CALLS = ("call_tool", "call_each")
"""The states that invoke a tool: the turn's only call, or each of several."""

WAITS = ("requires_action", "wait_for_thread")
"""The states that wait with a task token, until the run expires."""


def test_it_logs_all_without_data_and_is_traced(prod: Template) -> None:
    (machine,) = prod.properties("AWS::StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_every_task_has_a_timeout_longer_than_its_function(prod: Template) -> None:
    until_expiry = "{% $max([1, $ceil($expires_at - $millis() / 1000)]) %}"
    for name, task in tasks(prod).items():
        if name in (*CALLS, *WAITS):
            assert task["TimeoutSeconds"] == until_expiry
        else:
            assert task["TimeoutSeconds"] > prod.functions()[f"oae-{name}"]["Timeout"]
    assert prod.definition()["TimeoutSeconds"] > 86_400 + 900


def test_every_task_retries_with_full_jitter(prod: Template) -> None:
    for retry in (retry for task in tasks(prod).values() for retry in task["Retry"]):
        assert retry["JitterStrategy"] == "FULL"
        assert retry["BackoffRate"] > 1
        assert retry["MaxAttempts"] <= 20
        assert retry["MaxDelaySeconds"] <= 60
        assert "States.ALL" not in retry["ErrorEquals"]


def test_every_task_waits_for_a_function_that_lambda_does_not_run_yet(prod: Template) -> None:
    """There are too many at once, or it slept for weeks: the invocation was refused, and never ran."""
    never_ran = {f"Lambda.{name}" for name in NEVER_RAN}
    for name, task in tasks(prod).items():
        first = task["Retry"][0]
        assert never_ran <= set(first["ErrorEquals"]), name
        assert (first["MaxAttempts"], first["IntervalSeconds"]) == (20, 1)


def test_only_a_refused_invocation_of_a_tool_is_retried(prod: Template) -> None:
    for name in CALLS:
        (retry,) = tasks(prod)[name]["Retry"]
        assert set(retry["ErrorEquals"]) == {f"Lambda.{name}" for name in NEVER_RAN}


def test_a_step_that_dies_is_tried_again_and_one_that_gives_up_is_not(prod: Template) -> None:
    for name in ("queued", "in_progress", *WAITS, "record_failure"):
        again = {error for retry in tasks(prod)[name]["Retry"] for error in retry["ErrorEquals"]}
        assert {"Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout"} < again
        assert not again & {"StepFailed", "InvalidRequest", "NothingToWaitFor"}
        # What ends a wait is no death.
        assert ("States.Timeout" in again) == (name not in WAITS)


def test_every_step_that_dies_is_recorded(prod: Template) -> None:
    for name, state in prod.definition()["States"].items():
        if state["Type"] in ("Task", "Map") and name != "record_failure":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
            # A tool that died is an output for the model.
            assert state["Catch"][-1]["Next"] == ("in_progress" if name == "call_tool" else "record_failure")


def test_a_tool_that_dies_is_the_same_output_alone_and_among_others(prod: Template) -> None:
    (caught,) = tasks(prod)["call_tool"]["Catch"]
    (alone,) = caught["Output"]["outputs"]
    among = dict(states(prod.definition()))["tool_failed"]["Output"]
    said = {"output": "{% 'Error: the tool gave no answer (' & $states.errorOutput.Error & ').' %}"}
    assert alone == {"tool_call_id": "{% $states.input.calls[0].tool_call_id %}", **said}
    assert among["output"].replace("$states.input.error", "$states.errorOutput.Error") == said["output"]


def test_aliases_are_called_and_latest_is_not(prod: Template) -> None:
    assert "$LATEST" not in json.dumps(prod.body)
    (machine,) = prod.properties("AWS::StepFunctions::StateMachine")
    aliases = prod.resources("AWS::Lambda::Alias")
    called = {name: alias["Ref"] for name, alias in machine["DefinitionSubstitutions"].items()}
    assert set(called) == {"queued", "in_progress", "requires_action", "record_failure"}
    for name, alias in called.items():
        assert tasks(prod)[name]["Arguments"]["FunctionName"] == f"${{{name}}}"
        function = aliases[alias]["Properties"]["FunctionName"]["Ref"]
        assert prod.body["Resources"][function]["Properties"]["FunctionName"] == f"oae-{name}"


def test_the_conversation_is_not_in_its_data(prod: Template) -> None:
    """What a state passes on is named here one by one; a new field must be an id, or a tool's own data."""
    payloads = {name: set(task["Arguments"]["Payload"]) for name, task in tasks(prod).items() if name not in CALLS}
    assert payloads == {
        "queued": {"request", "execution"},
        "in_progress": {"thread_id", "run_id", "turn", "execution", "outputs"},
        "requires_action": {"thread_id", "run_id", "turn", "token"},
        "wait_for_thread": {"request", "execution", "token"},
        "record_failure": {"request", "execution", "error"},
    }


def test_the_ends_succeed_or_fail_by_name(prod: Template) -> None:
    ends = {name: state for name, state in states(prod.definition()) if state["Type"] in ("Succeed", "Fail")}
    answered = ("completed", "incomplete")
    expected = {status: "Succeed" if status in answered else "Fail" for status in TERMINAL}
    assert {name: state["Type"] for name, state in ends.items()} == expected
