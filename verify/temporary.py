"""Makes what probes need for themselves: roles, functions and state machines that are gone when the run ends.

The deployed roles trust AWS services alone, so nobody can act as they do. A role of the probe's own that has a copy of
their statements is judged by AWS by the same rules, and needs no permission of the product.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from verify.account import Account, Json

ACTOR = Path(__file__).with_name("actor.py")
POLICY = "probe"
_ASSUMABLE_SECONDS = 60
"""After so long a new role is known everywhere (IAM is eventually consistent)."""


def role(account: Account, name: str, principal: Json, statements: Sequence[Json]) -> str:
    """Make a role with these statements for a principal (`{"Service": ...}`); its ARN."""
    iam, full_name = account.client("iam"), f"{account.own_prefix}-{name}"
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}

    account.later(f"role {full_name}", lambda: remove_role(iam, full_name))
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName=full_name, AssumeRolePolicyDocument=document)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName=full_name, PolicyName=POLICY, PolicyDocument=document)
    return str(made["Role"]["Arn"])


def remove_role(iam: Any, name: str) -> None:
    """Delete a role and the policies in it; `iam` is a client."""
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def acting(account: Account, name: str, statements: Sequence[Json]) -> Callable[[str], Any]:
    """A maker of clients that may do what the statements allow, and nothing else."""
    trusted = {"AWS": f"arn:{account.partition}:iam::{account.id}:root"}
    arn = role(account, name, trusted, statements)
    sts = account.client("sts")

    def assume() -> Any:
        try:
            return sts.assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        except ClientError:
            return None

    credentials = account.until(assume, _ASSUMABLE_SECONDS)
    if not credentials:
        credentials = sts.assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    return lambda service: account.make_client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def statements_of(account: Account, function: str) -> list[Json]:
    """The statements of a deployed function's role, as the account has them."""
    arn = account.client("lambda").get_function_configuration(FunctionName=account.name(function))["Role"]
    iam, name = account.client("iam"), arn.rpartition("/")[2]
    found = []
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        found += document["Statement"]
    return found


@cache
def services_role(account: Account) -> str:
    """The role of the probes' own functions and state machines."""
    functions = f"arn:{account.partition}:lambda:{account.region}:{account.id}:function:{account.own_prefix}-*"
    logs = f"arn:{account.partition}:logs:{account.region}:{account.id}:log-group:/aws/lambda/{account.own_prefix}-*"
    streams = f"arn:{account.partition}:dynamodb:{account.region}:{account.id}:table/{account.own_prefix}-*/stream/*"
    reading = [f"dynamodb:{action}" for action in ("GetRecords", "GetShardIterator", "DescribeStream")]
    statements: list[Json] = [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": [functions, f"{functions}:*"]},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [logs, f"{logs}:*"],
        },
        {"Effect": "Allow", "Action": reading, "Resource": streams},
        {"Effect": "Allow", "Action": "dynamodb:ListStreams", "Resource": "*"},
    ]
    return role(account, "services", {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}, statements)


def function(account: Account, name: str = "actor", *, like: str = "api", layers: Sequence[str] = ()) -> str:
    """Make a function that does as `actor` says, of 256 MB and 3 s, with the runtime of a deployed one; its name."""
    client, full_name = account.client("lambda"), f"{account.own_prefix}-{name}"
    model = client.get_function_configuration(FunctionName=account.name(like))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(ACTOR, ACTOR.name)
    arn = services_role(account)
    group = f"/aws/lambda/{full_name}"
    account.later(f"log group {group}", lambda: account.client("logs").delete_log_group(logGroupName=group))
    account.later(f"function {full_name}", lambda: client.delete_function(FunctionName=full_name))

    def create() -> Any:
        try:
            return client.create_function(
                FunctionName=full_name,
                Runtime=model["Runtime"],
                Architectures=model.get("Architectures", ["arm64"]),
                Role=arn,
                Handler="actor.handler",
                Code={"ZipFile": package.getvalue()},
                Layers=list(layers),
                MemorySize=256,
                Timeout=3,
            )
        except client.exceptions.InvalidParameterValueException as error:
            if "assume" not in str(error):
                raise
            return None

    if not account.until(create, _ASSUMABLE_SECONDS):
        raise TimeoutError("Lambda can't assume a new role after a minute")
    client.get_waiter("function_active_v2").wait(FunctionName=full_name, WaiterConfig={"Delay": 1})
    return full_name


@cache
def actor(account: Account) -> str:
    """The one function without layers that most probes share."""
    return function(account)


def layers_of(account: Account, function: str) -> list[str]:
    """The ARNs of a deployed function's layers."""
    described = account.client("lambda").get_function_configuration(FunctionName=account.name(function))
    return [layer["Arn"] for layer in described.get("Layers", [])]


@cache
def _invoker(account: Account) -> Any:
    """A client that waits for a function's answer as long as one may take, and never invokes it twice."""
    return account.make_client("lambda", config=Config(read_timeout=900, retries={"total_max_attempts": 1}))


def told(account: Account, name: str, event: Json, **more: str) -> Json:
    """Invoke a function; `{"result"}`, or `{"error", "message"}` of one that failed."""
    answer = _invoker(account).invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
    result = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        return {"error": str(result.get("errorType", "")), "message": str(result.get("errorMessage", ""))}
    return {"result": result}


def machine(account: Account, name: str, states: Json, **more: Any) -> str:
    """Make a Standard state machine in JSONata that begins with the first of the states; its ARN."""
    client, arn = account.client("stepfunctions"), services_role(account)
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **more}
    full_name = f"{account.own_prefix}-{name}"
    planned = f"arn:{account.partition}:states:{account.region}:{account.id}:stateMachine:{full_name}"
    account.later(f"state machine {full_name}", lambda: client.delete_state_machine(stateMachineArn=planned))

    def create() -> Any:
        try:
            return client.create_state_machine(name=full_name, definition=json.dumps(definition), roleArn=arn)
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":  # The new role is not known yet.
                raise
            return None

    made = account.until(create, _ASSUMABLE_SECONDS)
    if not made:
        made = client.create_state_machine(name=full_name, definition=json.dumps(definition), roleArn=arn)
    return str(made["stateMachineArn"])


def executed(account: Account, machine_arn: str, given: Json, seconds: float = 120) -> Json:
    """Start an execution and wait for its end; its description."""
    client = account.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=machine_arn, input=json.dumps(given))["executionArn"]
    return ended(account, arn, seconds)


def ended(account: Account, execution: str, seconds: float = 120) -> Json:
    """Wait for the end of an execution; its description."""
    client, deadline = account.client("stepfunctions"), time.monotonic() + seconds
    while True:
        described: Json = client.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        if time.monotonic() > deadline:
            raise TimeoutError(f"an execution still runs after {seconds} s")
        time.sleep(0.2)


def history(account: Account, execution: str) -> list[Json]:
    """All events of an execution."""
    pages = account.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]
