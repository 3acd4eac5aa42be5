"""Checks from outside what one service asks before it uses another."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import emulator
from tests.support.functions import OFTEN
from tests.support.rest_api import ask

Client = Callable[..., Any]

CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'text'}\n"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def make(client: Client) -> Callable[..., str]:
    """Make a function, and a role for it that may do these actions; its ARN."""

    def make(name: str, *actions: str) -> str:
        iam, file = client("iam"), io.BytesIO()
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
        if actions:
            document = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("index.py", CODE)
        made = client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="index.handler",
            Code={"ZipFile": file.getvalue()},
        )
        return str(made["FunctionArn"])

    return make


def let_in(client: Client, function: str, service: str, source: str) -> None:
    """Add a statement to a function's policy."""
    client("lambda").add_permission(
        FunctionName=function,
        StatementId=f"s{time.monotonic_ns()}",
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source,
    )


def test_a_rest_api_invokes_what_lets_it_in(client: Client, make: Callable[..., str]) -> None:
    gateway, function = client("apigateway"), make("behind")
    made = gateway.create_rest_api(name="api")
    method = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**method, authorizationType="NONE")
    path = f"arn:aws:apigateway:{emulator.REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=path)
    gateway.create_deployment(restApiId=made["id"], stageName="v1")
    source = f"arn:aws:execute-api:{emulator.REGION}:{emulator.ACCOUNT}:{{}}/*/{{}}/"
    for others in (("other", "GET"), (made["id"], "POST")):
        let_in(client, "behind", "apigateway.amazonaws.com", source.format(*others))
        assert ask(client, "/")[0] == 500
    let_in(client, "behind", "apigateway.amazonaws.com", source.format(made["id"], "GET"))
    assert ask(client, "/")[0] == 200


def test_a_rule_invokes_what_lets_it_in(client: Client, make: Callable[..., str]) -> None:
    events = client("events")
    for name in ("ruled", "stranger"):
        pattern = json.dumps({"source": ["tests"]})
        rule = events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
        events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": make(name)}])
        let_in(client, name, "events.amazonaws.com", rule if name == "ruled" else rule + "-other")
    events.put_events(Entries=[{"Source": "tests", "DetailType": "d", "Detail": "{}"}])
    deadline = time.monotonic() + 20
    while not was_invoked(client, "ruled") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert was_invoked(client, "ruled")
    assert not was_invoked(client, "stranger")


def was_invoked(client: Client, function: str) -> bool:
    """Return whether a function has written a log."""
    groups = client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
    return any(client("logs").describe_log_streams(logGroupName=one["logGroupName"])["logStreams"] for one in groups)


def test_a_function_polls_what_its_role_may_read(client: Client, make: Callable[..., str]) -> None:
    sqs, lambda_, cloudformation = client("sqs"), client("lambda"), client("cloudformation")
    url = sqs.create_queue(QueueName="polled")["QueueUrl"]
    source = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    make("may", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    make("may-not", "sqs:ReceiveMessage")
    lambda_.create_event_source_mapping(FunctionName="may", EventSourceArn=source)
    with pytest.raises(ClientError, match="execution role does not have permissions to call DeleteMessage"):
        lambda_.create_event_source_mapping(FunctionName="may-not", EventSourceArn=source)
    properties = {"FunctionName": "may-not", "EventSourceArn": source}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}
    cloudformation.create_stack(StackName="polls", TemplateBody=json.dumps({"Resources": {"Mapping": mapping}}))
    with pytest.raises(Exception, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName="polls", WaiterConfig=OFTEN)
