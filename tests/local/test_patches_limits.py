"""The limits of AWS that the emulator is made to have, seen from outside."""

import io
import json
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import emulator
from tests.support.functions import HOLD, OFTEN

Client = Callable[..., Any]
ONCE = Config(retries={"total_max_attempts": 1})

CODE = (
    """
def handler(event, context):
    if "hold" in event: hold(event)
    return "x" * event.get("size", 0)
"""
    + HOLD
)
TRUSTED = {
    "Effect": "Allow",
    "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
    "Action": "sts:AssumeRole",
}


def code_of(call: Callable[[], Any]) -> str:
    """The error code that a call is refused with; empty if it isn't."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.fixture(scope="module")
def role(client: Client) -> str:
    """A role for functions and a state machine that may invoke them."""
    iam = client("iam")
    document = {"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}]}
    made = iam.create_role(RoleName="limits", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUSTED]}))
    iam.put_role_policy(RoleName="limits", PolicyName="invoke", PolicyDocument=json.dumps(document))
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")
def make(client: Client, role: str) -> Callable[..., str]:
    """Make a function that can be held (`HOLD`) and answers with a text of `size` characters."""

    def make(name: str, **more: Any) -> str:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("index.py", CODE)
        made = client("lambda").create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.13",
                "Role": role,
                "Handler": "index.handler",
                "Code": {"ZipFile": file.getvalue()},
                **more,
            }
        )
        return str(made["FunctionArn"])

    return make


@pytest.fixture
def limited(directory: Path) -> Iterator[Callable[..., None]]:
    """Set limits of the account for one test."""
    yield lambda **limits: emulator.limit(directory, **limits)
    emulator.limit(directory)


@pytest.fixture(scope="module")
def tenants(client: Client, role: str) -> str:
    """The name of a function with tenant isolation."""
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": role,
        "Code": {"ZipFile": CODE},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "FunctionName": "tenants",
    }
    body = json.dumps({"Resources": {"Tenants": {"Type": "AWS::Lambda::Function", "Properties": properties}}})
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="tenants", TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="tenants", WaiterConfig=OFTEN)
    return "tenants"


def test_an_account_runs_no_more_at_once_than_its_concurrency(
    client: Client, make: Callable[..., str], limited: Callable[..., None]
) -> None:
    """Two of five run until the three others have been answered."""
    make("busy", Timeout=30)
    limited(concurrent_executions=2)
    lambda_ = client("lambda", config=ONCE)
    with ThreadPoolExecutor(5) as pool, ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.settimeout(30)
        payload = json.dumps({"hold": server.getsockname()[1]}).encode()
        asked = [pool.submit(code_of, lambda: lambda_.invoke(FunctionName="busy", Payload=payload)) for _ in range(5)]
        refused = [one.result() for one in islice(as_completed(asked, timeout=30), 3)]
        for _ in range(2):
            held.enter_context(server.accept()[0])
    assert refused == ["TooManyRequestsException"] * 3
    assert sorted(one.result() for one in asked) == ["", "", *refused]


def test_tenants_have_no_more_environments_than_the_limit(
    client: Client, tenants: str, limited: Callable[..., None]
) -> None:
    """An environment that waits for its tenant's next call counts, and takes that call."""
    limited(tenant_environments=2)
    lambda_ = client("lambda", config=ONCE)

    def invoke(tenant: str) -> str:
        return code_of(lambda: lambda_.invoke(FunctionName=tenants, TenantId=tenant, Payload=b"{}"))

    assert [invoke(tenant) for tenant in ("a", "b", "c", "a")] == ["", "", "TooManyRequestsException", ""]
    limited()
    assert invoke("c") == ""


MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "task",
    "States": {
        "task": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "FUNCTION", "Payload": "{% $states.input %}"},
            "Output": {"length": "{% $length($states.result.Payload) %}", "status": "{% $states.result.StatusCode %}"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}],
            "End": True,
        },
        "caught": {"Type": "Succeed"},
    },
}


@pytest.mark.parametrize(("size", "status"), [(260_000, "SUCCEEDED"), (262_144 - 300, "FAILED")])
def test_the_whole_answer_of_a_function_counts(
    client: Client, make: Callable[..., str], role: str, size: int, status: str
) -> None:
    """The second fits by itself, and not with what Step Functions puts around it."""
    definition = json.dumps(MACHINE).replace("FUNCTION", make(f"answers-{size}"))
    states = client("stepfunctions")
    machine = states.create_state_machine(name=f"answers-{size}", definition=definition, roleArn=role)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps({"size": size}))[
        "executionArn"
    ]
    while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.1)
    assert ended["status"] == status
    assert ended.get("error") == ("States.DataLimitExceeded" if status == "FAILED" else None)


def test_a_resource_has_one_variable_child(client: Client) -> None:
    gateway, cloudformation = client("apigateway"), client("cloudformation")
    api = gateway.create_rest_api(name="tree")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.create_resource(restApiId=api, parentId=root, pathPart="{a}")
    gateway.create_resource(restApiId=api, parentId=root, pathPart="fixed")
    for refused in ("{b}", "{proxy+}", "a b"):
        assert (
            code_of(lambda: gateway.create_resource(restApiId=api, parentId=root, pathPart=refused))  # noqa: B023
            == "BadRequestException"
        )
    resource = {
        "Type": "AWS::ApiGateway::Resource",
        "Properties": {"RestApiId": api, "ParentId": root, "PathPart": "{c}"},
    }
    cloudformation.create_stack(
        StackName="tree", TemplateBody=json.dumps({"Resources": {"Second": resource}}), OnFailure="DO_NOTHING"
    )
    while (status := cloudformation.describe_stacks(StackName="tree")["Stacks"][0]["StackStatus"]).endswith("PROGRESS"):
        time.sleep(0.1)
    assert status == "CREATE_FAILED"


@pytest.mark.parametrize("given", ['{"a": NaN}', '{"a": Infinity}', '{"a": 1', "'a'"])
def test_an_execution_starts_with_json_alone(client: Client, role: str, given: str) -> None:
    states = client("stepfunctions")
    definition = json.dumps({"StartAt": "end", "States": {"end": {"Type": "Succeed"}}})
    machine = states.create_state_machine(name="takes-json", definition=definition, roleArn=role)["stateMachineArn"]
    assert code_of(lambda: states.start_execution(stateMachineArn=machine, input=given)) == "InvalidExecutionInput"
