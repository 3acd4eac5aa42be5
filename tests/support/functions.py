"""Functions for the tests of what runs them: a scratch stack of one function for each piece of code."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}

AHEAD = "initialised-ahead"
"""The name of a function whose versions are initialised before they are invoked."""

OFTEN = {"Delay": 0.05, "MaxAttempts": 1_200}
"""How a waiter of boto3 is to look, for up to a minute."""

HOLD = """
def hold(event):
    import socket
    with socket.create_connection(("127.0.0.1", event["hold"])) as held: held.recv(1)
"""
"""Code of a function that `Deployed.held` can hold: its handler calls `hold` if the event has that name."""


@dataclass(frozen=True)
class Deployed:
    """Functions of a stack.

    Attributes:
        client: makes boto3 clients of the emulator that they run on.
        names: the functions' names by their logical ids.
    """

    client: Callable[[str], Any]
    names: Mapping[str, str]

    def invoke(self, function: str, event: Any = None, **more: str) -> Any:
        """Return what a function answers; it must not fail."""
        answer, failed = self.ask(function, event, **more)
        assert not failed, answer
        return answer

    def ask(self, function: str, event: Any = None, **more: str) -> tuple[Any, bool]:
        """Return what comes back of an invocation, and whether it is an error."""
        payload = json.dumps(event or {}).encode()
        answer = self.client("lambda").invoke(FunctionName=self.names[function], Payload=payload, **more)
        return json.loads(answer["Payload"].read()), "FunctionError" in answer

    @contextmanager
    def held(self, function: str, count: int = 1, **more: str) -> Iterator[list[Future[tuple[Any, bool]]]]:
        """Have invocations run side by side until the block ends; yield what will come back of each.

        Raises:
            TimeoutError: fewer run at once.
        """
        with ThreadPoolExecutor(count) as pool, ExitStack() as held:
            server = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.settimeout(60)
            event = {"hold": server.getsockname()[1]}
            asked = [pool.submit(self.ask, function, event, **more) for _ in range(count)]
            for _ in asked:
                held.enter_context(server.accept()[0])
            yield asked

    def log(self, function: str) -> list[str]:
        """Return what is in a function's log."""
        group = f"/aws/lambda/{self.names[function]}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def function(code: str, **more: Any) -> dict[str, Any]:
    """Return the resource of a function."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.14",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": code},
            "Timeout": 30,
            "MemorySize": 256,
            **more,
        },
    }


def deploy(client: Callable[[str], Any], resources: Mapping[str, Any]) -> Deployed:
    """Deploy functions, and whatever other resources there are."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [TRUST]}}}
    functions = [name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function"]
    outputs = {name: {"Value": {"Ref": name}} for name in functions}
    body = json.dumps({"Resources": {"Role": role, **resources}, "Outputs": outputs})
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="scratch", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="scratch", WaiterConfig=OFTEN)
    (stack,) = cloudformation.describe_stacks(StackName="scratch")["Stacks"]
    return Deployed(client, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy] if statements else [],
        },
    }
