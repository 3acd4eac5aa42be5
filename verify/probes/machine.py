"""Probes of Step Functions: how long it takes, what it tries again and when, what it limits."""

import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.temporary import actor, ended, executed, history, machine

TRANSITIONS = 20
TRANSITION_MS = 100
"""What a transition may take on average for the overheads in docs/performance.md to hold."""

STARTS = 100
"""Far below the burst of StartExecution (1,300 in the large regions, 500 in the others: Step Functions quotas)."""

LIMIT = 262_144
"""Bytes of a task's input or output (Step Functions quotas)."""

LATE = 1
"""Seconds by which a busy service may be late."""

RETRY = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxDelaySeconds": 2, "MaxAttempts": 4, "JitterStrategy": "FULL"}


def _call(account: Account, payload: Any, **more: Any) -> Json:
    """A task that invokes the probes' function."""
    arguments = {"FunctionName": actor(account), "Payload": payload}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, **more}


@probe(
    does=f"An execution of {TRANSITIONS} Pass states.",
    expected=f"At most {TRANSITION_MS} ms for each transition.",
)
def transitions(account: Account) -> Seen:
    names = [f"state_{number}" for number in range(TRANSITIONS)]
    states = {name: {"Type": "Pass", "Next": after} for name, after in itertools.pairwise(names)}
    arn = machine(account, "transitions", {**states, names[-1]: {"Type": "Pass", "End": True}})
    events = history(account, executed(account, arn, {})["executionArn"])
    seconds = (events[-1]["timestamp"] - events[0]["timestamp"]).total_seconds()
    each = 1000 * seconds / TRANSITIONS
    return Seen(f"{each:.0f} ms for each of {TRANSITIONS}", each <= TRANSITION_MS)


@probe(
    does=f"A task that always fails, with the deployed machine's kind of Retry: {json.dumps(RETRY)}.",
    expected="4 attempts more, each after a random part of 1, 2, 2 and 2 s.",
)
def retry_delays(account: Account) -> Seen:
    # FULL jitter draws from 0 to the delay: all four at their longest would mean that there is none.
    task = _call(account, {"do": "fail"}, Retry=[{"ErrorEquals": ["Planned"], **RETRY}], End=True)
    described = executed(account, machine(account, "retry", {"call": task}), {})
    events = history(account, described["executionArn"])
    failed = [event["timestamp"] for event in events if event["type"] == "TaskFailed"]
    started = [event["timestamp"] for event in events if event["type"] == "TaskScheduled"]
    delays = [(after - before).total_seconds() for before, after in zip(failed, started[1:], strict=False)]
    text = f"{len(delays)} more, after {', '.join(f'{delay:.2f}' for delay in delays)} s"
    longest = [1, 2, 2, 2]
    within = len(delays) == 4 and all(delay <= most + LATE for delay, most in zip(delays, longest, strict=True))
    drawn = any(delay < 0.95 * most for delay, most in zip(delays, longest, strict=False))
    return Seen(text, within and drawn)


@probe(
    does="An execution that waits 4 s in a machine whose TimeoutSeconds is 1.",
    expected="TIMED_OUT.",
)
def machine_timeout(account: Account) -> Seen:
    wait = {"Type": "Wait", "Seconds": 4, "End": True}
    status = executed(account, machine(account, "timeout", {"wait": wait}, TimeoutSeconds=1), {})["status"]
    return Seen(status, status == "TIMED_OUT")


@probe(
    does="A task is given more than 256 KiB, with a Catch of States.ALL alone, and with one by name before it.",
    expected="States.DataLimitExceeded, caught by its name and not by States.ALL.",
)
def data_limit(account: Account) -> Seen:
    large = f"{{% $pad('', {LIMIT}, 'x') %}}"
    everything = {"ErrorEquals": ["States.ALL"], "Output": {"by": "all"}, "Next": "done"}
    named = {"ErrorEquals": ["States.DataLimitExceeded"], "Output": {"by": "name"}, "Next": "done"}
    seen = {}
    for name, catch in (("all", [everything]), ("name", [named, everything])):
        states = {
            "call": _call(account, {"do": "look", "text": large}, Catch=catch, Next="done"),
            "done": {"Type": "Succeed"},
        }
        described = executed(account, machine(account, f"limit-{name}", states), {})
        caught = json.loads(described.get("output") or "{}").get("by")
        seen[name] = f"caught by {caught}" if caught else str(described.get("error", described["status"]))
    text = f"States.ALL alone: {seen['all']}; with the name: {seen['name']}"
    return Seen(text, seen == {"all": "States.DataLimitExceeded", "name": "caught by name"})


@probe(
    does=f"{STARTS} executions are started at once, none tried again by the client.",
    expected="None is throttled.",
)
def start_burst(account: Account) -> Seen:
    arn = machine(account, "burst", {"end": {"Type": "Succeed"}})
    client = account.make_client("stepfunctions", config=Config(retries={"total_max_attempts": 1}))

    def start(number: int) -> str:
        try:
            client.start_execution(stateMachineArn=arn, name=f"burst-{number}", input="{}")
        except client.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(20) as threads:
        refused = [code for code in threads.map(start, range(STARTS)) if code]
    text = f"{len(refused)} refused with {', '.join(sorted(set(refused)))}" if refused else "all were started"
    return Seen(text, not refused)


def failed_run(account: Account) -> str:
    """Ask the deployed machine for a run of an assistant that isn't there; the execution's ARN. Nothing is written."""
    started = account.client("stepfunctions").start_execution(
        stateMachineArn=account.outputs["StateMachineArn"],
        name=f"verify-{uuid.uuid4()}",
        input=json.dumps({"assistant_id": "asst_verify", "additional_messages": [{"role": "user", "content": "-"}]}),
    )
    arn = str(started["executionArn"])
    described = ended(account, arn)
    if described["status"] != "FAILED":
        raise Untried(f"a run request without an assistant ended as {described['status']}")
    return arn


@probe(
    does="An execution of the deployed machine that failed, because its request is wrong, is redriven.",
    expected="It goes on from the state that failed and ends with the same error.",
)
def redrive(account: Account) -> Seen:
    client, arn = account.client("stepfunctions"), failed_run(account)
    before = client.describe_execution(executionArn=arn)
    try:
        client.redrive_execution(executionArn=arn)
    except client.exceptions.ExecutionNotRedrivable as error:
        return Seen(f"refused: {error.response['Error'].get('Message', '')[:200]}", False)
    after = ended(account, arn)
    text = f"redriven {after.get('redriveCount', 0)} times, ended as {after['status']} with {after.get('error')}"
    same = (after["status"], after.get("error")) == ("FAILED", before.get("error"))
    return Seen(text, same and after.get("redriveCount") == 1)
