"""Each patch of the emulator, from outside: a stack of trivial functions around the engine's kind of state machine.

One test for each promise of AWS that the engine builds on and the bare emulator doesn't keep.
"""

import base64
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import emulator
from tests.support.background import in_background
from tests.support.functions import OFTEN
from tests.support.scratch_machine import template


@pytest.fixture(scope="module")
def outputs(client: Callable[[str], Any]) -> dict[str, str]:
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="scratch", TemplateBody=template(1), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="scratch", WaiterConfig=OFTEN)
    return _outputs(cloudformation)


def _outputs(cloudformation: Any) -> dict[str, str]:
    stack = cloudformation.describe_stacks(StackName="scratch")["Stacks"][0]
    assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def states(client: Callable[[str], Any]) -> Any:
    return client("stepfunctions")


@pytest.fixture(scope="module", autouse=True)
def meanwhile(client: Callable[[str], Any], outputs: dict[str, str]) -> Iterator[dict[str, Future[None]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    with in_background(is_retried, times_out, is_stopped, is_started_twice, given=(client, outputs)) as futures:
        yield futures


def _start(states: Any, machine: str, **request: Any) -> str:
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps({"id": "-", **request}))["executionArn"]
    assert isinstance(arn, str)
    return arn


def _end(states: Any, arn: str) -> dict[str, Any]:
    for _ in range(200):
        execution: dict[str, Any] = states.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)
    raise AssertionError(f"{arn} still runs")


def _run(states: Any, machine: str, **request: Any) -> dict[str, Any]:
    execution = _end(states, _start(states, machine, **request))
    assert execution["status"] == "SUCCEEDED", (execution["error"], execution["cause"])
    output: dict[str, Any] = json.loads(execution["output"])
    return output


def _token(client: Callable[[str], Any], table: str, identifier: str) -> str:
    for _ in range(100):
        item = client("dynamodb").get_item(TableName=table, Key={"id": {"S": identifier}}).get("Item")
        if item:
            return str(item["token"]["S"])
        time.sleep(0.1)
    raise AssertionError("no token")


def _entered(states: Any, arn: str, state: str) -> None:
    for _ in range(100):
        events = states.get_execution_history(executionArn=arn)["events"]
        if state in [event.get("stateEnteredEventDetails", {}).get("name") for event in events]:
            return
        time.sleep(0.1)
    raise AssertionError(f"{arn} does not come to {state}")


def test_a_succeed_state_gives_its_output(states: Any, outputs: dict[str, str]) -> None:
    output = _run(states, outputs["Machine"], path="answer")
    assert output["path"] == "answer"
    assert output["result"] == {"version": 1, "echo": {"raise": False}}
    assert output["started"].endswith("Z") and "T" in output["started"]


def test_a_function_s_exception_is_caught_by_its_class(states: Any, outputs: dict[str, str]) -> None:
    execution = _end(states, _start(states, outputs["Machine"], path="invalid"))
    assert (execution["status"], execution["error"]) == ("FAILED", "invalid_request_error")
    assert execution["cause"] == "Missing required parameter: 'assistant_id'."


def test_a_function_that_dies_says_so(states: Any, outputs: dict[str, str]) -> None:
    execution = _end(states, _start(states, outputs["Machine"], path="dies"))
    assert execution["error"] == "Runtime.ExitError"
    assert "Runtime exited with error" in json.loads(execution["cause"])["errorMessage"]
    assert _run(states, outputs["Machine"], path="answer")["path"] == "answer"


def is_retried(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """Retries wait at most as long as told."""
    states = client("stepfunctions")
    arn = _start(states, outputs["Machine"], path="retried")
    assert _end(states, arn)["error"] == "InvalidRequest"
    events = states.get_execution_history(executionArn=arn)["events"]
    failed = [event["timestamp"] for event in events if event["type"] == "TaskFailed"]
    assert len(failed) == 4
    assert max((after - before).total_seconds() for before, after in itertools.pairwise(failed)) < 10


def test_retries_wait_at_most_as_long_as_told(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["is_retried"].result()


def test_a_map_invokes_the_functions_its_items_name(states: Any, outputs: dict[str, str]) -> None:
    assert _run(states, outputs["Machine"], path="calls")["result"] == {"numbers": [1, 2, 3, 4, 5, 6]}


def test_a_role_without_the_permission_is_refused(states: Any, outputs: dict[str, str]) -> None:
    execution = _end(states, _start(states, outputs["Machine"], path="forbidden"))
    assert execution["status"] == "FAILED"
    assert "is not authorized to perform: dynamodb:DeleteItem" in execution["cause"]


def test_a_task_token_wakes_its_state(client: Callable[[str], Any], states: Any, outputs: dict[str, str]) -> None:
    identifier = uuid.uuid4().hex
    arn = _start(states, outputs["Machine"], path="client", id=identifier)
    token = _token(client, outputs["Table"], identifier)
    states.send_task_success(taskToken=token, output='{"capital": "Oslo"}')
    assert json.loads(_end(states, arn)["output"])["result"] == {"answer": {"capital": "Oslo"}}
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=token, output="{}")


def times_out(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """A wait for a token ends when its state has said."""
    ended = _run(client("stepfunctions"), outputs["Machine"], path="client", id="late", wait=2)
    assert ended["result"] == {"caught": "timeout"}


def test_a_wait_for_a_token_times_out_dynamically(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["times_out"].result()


def test_a_token_task_fails_with_its_function(states: Any, outputs: dict[str, str]) -> None:
    assert _run(states, outputs["Machine"], path="client raises", id="x")["result"] == {"caught": "InvalidRequest"}


def is_stopped(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """A stopped execution stays aborted."""
    states = client("stepfunctions")
    begun = [_start(states, outputs["Machine"], path=path, id="stopped") for path in ("client", "wait")]
    _token(client, outputs["Table"], "stopped")
    _entered(states, begun[1], "backoff")
    for arn in begun:
        states.stop_execution(executionArn=arn)
    time.sleep(2.5)
    for arn in begun:
        assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"
        assert states.get_execution_history(executionArn=arn)["events"][-1]["type"] == "ExecutionAborted"


def test_a_stopped_execution_stays_aborted(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["is_stopped"].result()


def test_a_token_ends_with_its_execution(client: Callable[[str], Any], states: Any, outputs: dict[str, str]) -> None:
    identifier = uuid.uuid4().hex
    arn = _start(states, outputs["Machine"], path="client", id=identifier)
    token = _token(client, outputs["Table"], identifier)
    states.stop_execution(executionArn=arn)
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=token, output="{}")


def is_started_twice(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """The same start is harmless while the execution runs."""
    states = client("stepfunctions")
    request = {"stateMachineArn": outputs["Machine"], "name": uuid.uuid4().hex, "input": '{"path": "wait", "id": "-"}'}
    first = states.start_execution(**request)
    assert states.start_execution(**request)["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**{**request, "input": "{}"})
    _end(states, first["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**request)


def test_the_same_start_is_harmless_while_it_runs(meanwhile: dict[str, Future[None]]) -> None:
    meanwhile["is_started_twice"].result()


def test_data_has_a_size(states: Any, outputs: dict[str, str]) -> None:
    data = "x" * (262_144 - 100)
    execution = _end(states, _start(states, outputs["Machine"], path="large", data=data))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.DataLimitExceeded")
    caught = _run(states, outputs["Machine"], path="large, caught", data=data)
    assert caught["result"] == {"caught": "States.DataLimitExceeded"}
    with pytest.raises(ClientError, match="input"):
        _start(states, outputs["Machine"], data="x" * 262_144)


def test_another_state_machine_gets_the_output(states: Any, outputs: dict[str, str]) -> None:
    assert _run(states, outputs["Caller"], path="answer")["path"] == "answer"
    failure = _run(states, outputs["Caller"], path="invalid")
    assert (failure["Status"], failure["Error"]) == ("FAILED", "invalid_request_error")


def test_a_rule_starts_the_state_machine(client: Callable[[str], Any], states: Any, outputs: dict[str, str]) -> None:
    entry = {"Source": "shop", "DetailType": "order", "Detail": '{"order": 7}'}
    assert client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    for _ in range(50):
        for execution in states.list_executions(stateMachineArn=outputs["Machine"])["executions"]:
            described = states.describe_execution(executionArn=execution["executionArn"])
            if json.loads(described["input"]) == {"path": "event", "order": 7}:
                return
        time.sleep(0.1)
    raise AssertionError("the rule started nothing")


def test_a_secret_s_reference_is_its_arn(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    assert outputs["Secret"].startswith("arn:aws:secretsmanager:")
    client("secretsmanager").put_secret_value(SecretId=outputs["Secret"], SecretString="key")
    assert client("secretsmanager").get_secret_value(SecretId=outputs["Secret"])["SecretString"] == "key"


def test_a_bucket_that_demands_tls_serves_the_loopback(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-only")
    arns = ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": arns, "Condition": condition}
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")


def test_who_may_send_a_message_may_send_several(client: Callable[[str], Any]) -> None:
    queue = client("sqs").create_queue(QueueName="batches")["QueueUrl"]
    arn = f"arn:aws:sqs:{emulator.REGION}:{emulator.ACCOUNT}:batches"
    user = client("iam")
    user.create_user(UserName="sender")
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    user.put_user_policy(UserName="sender", PolicyName="send", PolicyDocument=policy)
    key = user.create_access_key(UserName="sender")["AccessKey"]
    sender = boto3.client(
        "sqs",
        endpoint_url=client("sqs").meta.endpoint_url,
        region_name=emulator.REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    entries = [{"Id": name, "MessageBody": name} for name in ("a", "b")]
    assert len(sender.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 2
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.delete_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": "x"}])


def test_functions_log(client: Callable[[str], Any], states: Any, outputs: dict[str, str]) -> None:
    _run(states, outputs["Machine"], path="answer")
    assert any("logged by" in line for line in _log_lines(client))


def test_an_invocation_has_its_own_lines_of_the_log(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    assert outputs
    functions = client("lambda")
    name = functions.list_functions()["Functions"][0]["FunctionName"]
    for _ in range(2):
        answer = functions.invoke(FunctionName=name, Payload=b"{}", LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        assert log.count("logged by") == 1
        assert "the last line" not in log


def test_the_exception_that_ends_an_invocation_is_logged(
    client: Callable[[str], Any], states: Any, outputs: dict[str, str]
) -> None:
    _end(states, _start(states, outputs["Machine"], path="invalid"))
    [logged, *_] = [line for line in _log_lines(client) if line.startswith("[ERROR]")]
    first, second, *_ = logged.splitlines()
    assert first == "[ERROR] InvalidRequest: Missing required parameter: 'assistant_id'."
    assert second == "Traceback (most recent call last):"


def _log_lines(client: Callable[[str], Any]) -> list[str]:
    logs = client("logs")
    groups = [
        group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    ]
    return [event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]


def test_a_function_has_no_package_but_the_runtime_s(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    assert outputs
    functions = client("lambda")
    name = functions.list_functions()["Functions"][0]["FunctionName"]
    answer = json.loads(functions.invoke(FunctionName=name, Payload=b'{"path": "imports"}')["Payload"].read())
    assert (answer["errorType"], answer["errorMessage"]) == ("ModuleNotFoundError", "No module named 'pydantic'")


def test_a_function_that_is_throttled_says_so(
    client: Callable[[str], Any], states: Any, outputs: dict[str, str], meanwhile: dict[str, Future[None]]
) -> None:
    wait(meanwhile.values())  # They invoke the function.
    functions = client("lambda")
    name = functions.list_functions()["Functions"][0]["FunctionName"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        execution = _end(states, _start(states, outputs["Machine"], path="answer"))
        assert execution["error"] == "Lambda.TooManyRequestsException"
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def test_an_execution_ends_on_the_version_it_started_on(
    client: Callable[[str], Any], states: Any, outputs: dict[str, str], meanwhile: dict[str, Future[None]]
) -> None:
    """Last, because it updates the stack: the old alias and version stay, new executions take the new ones."""
    wait(meanwhile.values())
    identifier = uuid.uuid4().hex
    arn = _start(states, outputs["Machine"], path="client", id=identifier)
    token = _token(client, outputs["Table"], identifier)
    cloudformation = client("cloudformation")
    cloudformation.update_stack(StackName="scratch", TemplateBody=template(2), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_update_complete").wait(StackName="scratch", WaiterConfig=OFTEN)
    assert _outputs(cloudformation)["Secret"] == outputs["Secret"]
    states.send_task_success(taskToken=token, output='"settled"')
    assert json.loads(_end(states, arn)["output"])["result"] == {"answer": "settled"}
    assert _run(states, outputs["Machine"], path="answer")["result"]["version"] == 2
    client("sqs").send_message(QueueUrl=outputs["Queue"], MessageBody=f"queued {identifier}")
    assert _token(client, outputs["Table"], f"queued {identifier}") == "version 2"
    functions = [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]]
    for alias, version in (("v1", 1), ("v2", 2)):
        answer = client("lambda").invoke(FunctionName=functions[0], Qualifier=alias, Payload=b"{}")
        assert json.loads(answer["Payload"].read())["version"] == version
    with pytest.raises(ClientError):
        client("lambda").invoke(FunctionName=functions[0], Qualifier="v3", Payload=b"{}")
