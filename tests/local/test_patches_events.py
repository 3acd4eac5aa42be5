"""The patches of how a table's stream is delivered, seen from outside: a function that fails on request."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.functions import OFTEN, role

CODE = """
import boto3, json, os

failed_once = False

def handler(event, context):
    global failed_once
    changes = [record["dynamodb"] for record in event["Records"]]
    numbers = {change["Keys"]["id"]["S"]: change["SequenceNumber"] for change in changes}
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(list(numbers)))
    if "poison" in numbers:
        raise ValueError
    if "halfway" in numbers and not failed_once:
        failed_once = True
        return {"batchItemFailures": [{"itemIdentifier": numbers["halfway"]}]}
"""


def template() -> str:
    """A table whose stream a function reads in batches of 4, and the queues `seen` and `failed`."""
    arn = {name: {"Fn::GetAtt": [name, "Arn"]} for name in ("Seen", "Failed", "Role")}
    stream = {"Fn::GetAtt": ["Table", "StreamArn"]}
    reading = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
            },
        },
        "Seen": {"Type": "AWS::SQS::Queue"},
        "Failed": {"Type": "AWS::SQS::Queue"},
        "Role": role(
            "lambda.amazonaws.com",
            {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [arn["Seen"], arn["Failed"]]},
            {"Effect": "Allow", "Action": reading, "Resource": stream},
        ),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 10,
                "Role": arn["Role"],
                "Code": {"ZipFile": CODE},
                "Environment": {"Variables": {"SEEN": {"Ref": "Seen"}}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "EventSourceArn": stream,
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 4,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "BisectBatchOnFunctionError": True,
                "MaximumRetryAttempts": 1,
                "DestinationConfig": {"OnFailure": {"Destination": arn["Failed"]}},
                "FilterCriteria": {
                    "Filters": [
                        {"Pattern": json.dumps({"dynamodb": {"Keys": {"id": {"S": [{"anything-but": ["other"]}]}}}})}
                    ]
                },
            },
        },
    }
    names = ("Table", "Seen", "Failed", "Mapping")
    return json.dumps({"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in names}})


BATCHES = {"in part": ("one", "other", "halfway", "three"), "whole": ("four", "five", "poison", "six")}
"""Items whose records come in one batch, by how much of it fails."""


@pytest.fixture(scope="module")
def outputs(client: Callable[[str], Any]) -> dict[str, dict[str, str]]:
    """The outputs of stacks, by the items that have been put into their tables."""
    return {fails: deploy(client, f"fails-{fails.replace(' ', '-')}", items) for fails, items in BATCHES.items()}


def deploy(client: Callable[[str], Any], name: str, items: Sequence[str]) -> dict[str, str]:
    """Deploy a stack and put items into its table; return its outputs."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=OFTEN)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    put(client, outputs, *items)
    return outputs


def put(client: Callable[[str], Any], outputs: dict[str, str], *names: str) -> None:
    """Put items whose records come in one batch."""
    client("lambda").update_event_source_mapping(UUID=outputs["Mapping"], Enabled=False)
    for name in names:
        client("dynamodb").put_item(TableName=outputs["Table"], Item={"id": {"S": name}})
    client("lambda").update_event_source_mapping(UUID=outputs["Mapping"], Enabled=True)


def received(client: Callable[[str], Any], queue: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """The bodies of a queue's messages, as soon as they are enough."""
    bodies: list[Any] = []
    deadline = time.monotonic() + 60
    while not enough(bodies):
        assert time.monotonic() < deadline, bodies
        answer = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            bodies.append(json.loads(message["Body"]))
            client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_a_batch_that_fails_in_part_is_delivered_again_from_there(
    client: Callable[[str], Any], outputs: dict[str, dict[str, str]]
) -> None:
    seen = received(client, outputs["in part"]["Seen"], lambda bodies: len(bodies) == 2)
    assert seen == [["one", "halfway", "three"], ["halfway", "three"]]


def test_a_batch_that_fails_is_halved_until_what_fails_is_given_up(
    client: Callable[[str], Any], outputs: dict[str, dict[str, str]]
) -> None:
    seen = received(client, outputs["whole"]["Seen"], lambda bodies: ["six"] in bodies)
    halves = [["four", "five"], ["poison", "six"], ["poison"], ["poison"], ["six"]]
    assert seen == [["four", "five", "poison", "six"], *halves]
    (given_up,) = received(client, outputs["whole"]["Failed"], lambda bodies: len(bodies) == 1)
    assert given_up["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert given_up["DDBStreamBatchInfo"]["batchSize"] == 1
