"""Checks that what people said and what is secret is in the store, and nowhere else."""

import json
import time
import uuid

import pytest

from tests.support.driver import ASK, Driver

pytestmark = pytest.mark.offline_model


def test_the_execution_holds_ids_and_tool_data_only(driver: Driver) -> None:
    """Instructions, earlier messages and the model's key are planted, and found in no event and in no log line."""
    instructions, earlier = f"instructions-{uuid.uuid4()}", f"earlier-{uuid.uuid4()}"
    configuration = f"configuration-{uuid.uuid4()}"
    functions = [
        {
            "module_name": "finance",
            "class_name": "Finance",
            "function_name": name,
            "configuration": {"sender": configuration},
        }
        for name in ("get_stock_price", "send_email")
    ]
    assistant = driver.assistant(instructions=instructions, functions=functions, tools=[ASK])
    first = driver.run(driver.ask(assistant, f"say {earlier}"))
    started = time.time()
    execution = driver.ask(
        assistant,
        'call get_stock_price {"symbol": "ACME"}\ncall send_email {"to": "a@example.com", "content": "x"}\ncall ask {}',
        thread_id=first["thread_id"],
    )
    waiting = driver.until_status(execution, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "done"})
    driver.run(execution)
    refused = driver.ask(assistant, f"fail 400\n{earlier}", thread_id=first["thread_id"])
    driver.wait(refused)

    key = driver.model_key()
    assert key
    events = json.dumps(driver.history(execution), default=str)
    for planted in (instructions, earlier, configuration, key):
        assert planted not in events
    lines = driver.log_lines(since=started - 60)
    for planted in (instructions, earlier, configuration, key):
        assert planted not in lines


def test_a_role_may_do_nothing_but_its_own(driver: Driver) -> None:
    """The tool's role may write the outbox and outputs; reading them, or another's table, is denied."""
    functions = driver.client("lambda")
    role = functions.get_function(FunctionName=driver.function_name("tool-finance"))["Configuration"]["Role"]
    iam = driver.client("iam")
    tables = driver.client("dynamodb").describe_table(TableName=driver.outputs["MessagesTable"])["Table"]["TableArn"]
    bucket = f"arn:aws:s3:::{driver.store.blobs.bucket}"
    decisions = {
        (action, resource): result["EvalDecision"]
        for action, resource in [
            ("s3:PutObject", f"{bucket}/outbox/a"),
            ("s3:PutObject", f"{bucket}/outputs/finance/a"),
            ("s3:PutObject", f"{bucket}/outputs/code_interpreter/a"),
            ("s3:GetObject", f"{bucket}/outputs/finance/a"),
            ("s3:PutObject", f"{bucket}/text/a"),
            ("dynamodb:PutItem", tables),
            ("dynamodb:Query", tables),
        ]
        for result in iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
        )["EvaluationResults"]
    }
    assert [decision == "allowed" for decision in decisions.values()] == [True, True, False, False, False, False, False]
