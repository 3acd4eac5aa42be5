"""Other AWS services start a run and get its answer, as docs/from-aws.md shows them."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from local.paths import ROOT
from tests.support.driver import Driver
from tests.support.project import shown_in


@pytest.fixture
def roles(driver: Driver) -> Iterator[Any]:
    """Make roles for a service, with a policy; they are removed afterwards."""
    iam = driver.client("iam")
    made = []

    def make(service: str, policy: Json) -> str:
        name = f"caller-{uuid.uuid4()}"
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=json.dumps(policy))
        made.append(name)
        return str(role["Arn"])

    yield make
    for name in made:
        iam.delete_role_policy(RoleName=name, PolicyName="start")
        iam.delete_role(RoleName=name)


def test_another_state_machine_waits_for_the_answer(driver: Driver, roles: Any) -> None:
    _, _, _, region, account, _, machine_name = driver.state_machine_arn.split(":")
    shown = shown_in(ROOT / "docs" / "from-aws.md")["caller"]
    for placeholder, value in (("oae-<env>-run", machine_name), ("<region>", region), ("<account>", account)):
        shown = shown.replace(placeholder, value)
    role = roles("states.amazonaws.com", json.loads(shown))
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "ask",
        "States": {
            "ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Arguments": {
                    "StateMachineArn": driver.state_machine_arn,
                    "Input": {
                        "assistant_id": "{% $states.input.assistant_id %}",
                        "additional_messages": [{"role": "user", "content": "{% $states.input.question %}"}],
                    },
                },
                "Output": "{% $states.result.Output.messages[0].text %}",
                "End": True,
            }
        },
    }
    step_functions = driver.step_functions
    machine = step_functions.create_state_machine(
        name=f"caller-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    try:
        execution = step_functions.start_execution(
            stateMachineArn=machine,
            input=json.dumps({"assistant_id": driver.assistant(), "question": "say Of course."}),
        )["executionArn"]
        described = driver.wait(execution)
        assert described["status"] == "SUCCEEDED", described.get("cause")
        assert json.loads(described["output"]) == "Of course."
    finally:
        step_functions.delete_state_machine(stateMachineArn=machine)


def test_an_eventbridge_rule_starts_one_run_for_each_event(driver: Driver, roles: Any) -> None:
    events = driver.client("events")
    rule = f"orders-{uuid.uuid4()}"
    assistant = driver.assistant()
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule], "detail-type": ["Order placed"]}))
    template = (
        '{"assistant_id": "%s", "idempotency_key": <id>,'
        ' "additional_messages": [{"role": "user", "content": <question>}], "metadata": {"order": <order>}}'
    )
    events.put_targets(
        Rule=rule,
        Targets=[
            {
                "Id": "run",
                "Arn": driver.state_machine_arn,
                "RoleArn": roles(
                    "events.amazonaws.com",
                    {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "states:StartExecution",
                                "Resource": driver.state_machine_arn,
                            }
                        ],
                    },
                ),
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.id", "question": "$.detail.question", "order": "$.detail.order"},
                    "InputTemplate": template % assistant,
                },
            }
        ],
    )
    try:
        order = str(time.time_ns())
        entry = {
            "Source": rule,
            "DetailType": "Order placed",
            "Detail": json.dumps({"question": f"say Order {order}.", "order": order}),
        }
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        execution = _execution_with(driver, order)
        run = driver.run(execution)
        assert run["messages"][0]["text"] == f"Order {order}."
        assert driver.store.runs.get(run["thread_id"], run["run_id"]).metadata == {"order": order}
        # EventBridge delivers at least once: the same event again is the same run.
        given = driver.step_functions.describe_execution(executionArn=execution)["input"]
        assert driver.run(driver.start(json.loads(given))) == run
    finally:
        events.remove_targets(Rule=rule, Ids=["run"])
        events.delete_rule(Name=rule)


def _execution_with(driver: Driver, word: str) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        listed = driver.step_functions.list_executions(stateMachineArn=driver.state_machine_arn, maxResults=20)
        for execution in listed["executions"]:
            described = driver.step_functions.describe_execution(executionArn=execution["executionArn"])
            if word in described["input"]:
                return str(execution["executionArn"])
        time.sleep(0.2)
    raise AssertionError("the rule started no execution")
