"""Checks from outside that the emulator refuses what AWS refuses: one case for each rule."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.functions import OFTEN

Client = Callable[..., Any]
Call = Callable[[Client, dict[str, str]], Any]

CODE = "def handler(event, context):\n    return 'x' * event.get('size', 2)\n"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
    "Action": "sts:AssumeRole",
}
KEY = {"owner": {"S": "a"}, "id": {"S": "1"}}


def code() -> bytes:
    """A function's code."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", CODE)
    return file.getvalue()


@pytest.fixture(scope="module")
def unchecked(client: Client) -> Client:
    """A maker of clients that leave the checking to AWS."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return lambda service: client(service, config=config)


@pytest.fixture(scope="module")
def made(unchecked: Client) -> dict[str, str]:
    """Make what the requests are about: a table, two queues, a bucket, a state machine, a function and their role."""
    iam, sqs = unchecked("iam"), unchecked("sqs")
    role = iam.create_role(RoleName="requests", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
    arn = role["Role"]["Arn"]
    unchecked("s3").create_bucket(Bucket="objects")
    unchecked("dynamodb").create_table(
        TableName="notes",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("owner", "id")],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    machine = unchecked("stepfunctions").create_state_machine(
        name="ends", roleArn=arn, definition=json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    )
    function = unchecked("lambda").create_function(**function_of(arn, "answers"))
    return {
        "role": arn,
        "queue": sqs.create_queue(QueueName="queue")["QueueUrl"],
        "fifo": sqs.create_queue(QueueName="queue.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
        "machine": machine["stateMachineArn"],
        "function": function["FunctionArn"],
    }


def function_of(role: str, name: str, **more: Any) -> dict[str, Any]:
    """The arguments that make a function."""
    return {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "index.handler",
        "Code": {"ZipFile": code()},
        **more,
    }


def update(expression: str) -> Call:
    """A request that updates an item."""
    return lambda client, made: client("dynamodb").update_item(
        TableName="notes",
        Key=KEY,
        UpdateExpression=expression,
        ExpressionAttributeNames={"#x": "x"},
        ExpressionAttributeValues={":v": {"S": "1"}},
    )


def query(expression: str, **names: str) -> Call:
    """A request that queries a partition and filters what it finds."""
    return lambda client, made: client("dynamodb").query(
        TableName="notes",
        KeyConditionExpression="#owner = :v",
        FilterExpression=expression,
        ExpressionAttributeNames={"#owner": "owner", **names},
        ExpressionAttributeValues={":v": {"S": "1"}},
    )


def put(**more: Any) -> Call:
    """A request that puts an object."""
    return lambda client, made: client("s3").put_object(**{"Bucket": "objects", "Key": "k", "Body": b"", **more})


def start(**more: Any) -> Call:
    """A request that starts an execution."""
    return lambda client, made: client("stepfunctions").start_execution(stateMachineArn=made["machine"], **more)


def send(queue: str = "queue", **more: Any) -> Call:
    """A request that sends a message."""
    return lambda client, made: client("sqs").send_message(QueueUrl=made[queue], MessageBody="x", **more)


def create(name: str, **more: Any) -> Call:
    """A request that makes a function."""
    return lambda client, made: client("lambda").create_function(**function_of(made["role"], name, **more))


def with_layers(number: int) -> Call:
    """A request that makes a function with so many layers."""

    def request(client: Client, made: dict[str, str]) -> Any:
        layers = [
            client("lambda").publish_layer_version(LayerName=f"layer-{one}", Content={"ZipFile": code()})
            for one in range(number)
        ]
        return create("layered", Layers=[layer["LayerVersionArn"] for layer in layers])(client, made)

    return request


def invoke(payload: Any, **more: Any) -> Call:
    """A request that invokes the function."""
    return lambda client, made: client("lambda").invoke(
        FunctionName="answers", Payload=json.dumps(payload).encode(), **more
    )


def events(**more: Any) -> Call:
    """A request that puts an event."""
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}", **more}
    return lambda client, made: client("events").put_events(Entries=[entry])


def policy(size: int) -> Call:
    """A request that gives the role an inline policy."""
    resources = [f"arn:aws:s3:::bucket/{number:060}" for number in range(size)]
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}]})
    return lambda client, made: client("iam").put_role_policy(
        RoleName="requests", PolicyName="p", PolicyDocument=document
    )


TAKEN: dict[str, Call] = {
    "two paths": update("SET #x = if_not_exists(#x, :v), y = :v REMOVE z, xx"),
    "a filter": query("size(#text) > :v AND attribute_exists(#text)", **{"#text": "text"}),
    "an object": put(Key="k" * 1_024, Metadata={"a": "x" * 2_000}, Tagging="a=b&c=d"),
    "an execution": start(name="x" * 80, input='{"a": 1}'),
    "a message": send("fifo", MessageGroupId="g", MessageDeduplicationId="d" * 128),
    "a function": create("variables", Environment={"Variables": {"A": "x" * 4_000}}),
    "five layers": with_layers(5),
    "an invocation": invoke({"size": 2, "more": "x" * 6_000_000}),
    "an event": events(Detail=json.dumps({"x": "x" * 262_000})),
    "a policy": policy(100),
    "a secret": lambda client, made: client("secretsmanager").create_secret(Name="a/b-c_d", SecretString="x"),
}

REFUSED: dict[str, tuple[str, Call]] = {
    "one path twice": ("ValidationException", update("SET x = :v, #x = :v")),
    "a path and a part of it": ("ValidationException", update("SET #x = :v REMOVE x.y")),
    "a filter on a key": ("ValidationException", query("id = :v")),
    "a filter on a named key": ("ValidationException", query("#i = :v", **{"#i": "id"})),
    "no names": (
        "ValidationException",
        lambda client, made: client("dynamodb").get_item(TableName="notes", Key=KEY, ExpressionAttributeNames={}),
    ),
    "a long key": ("KeyTooLongError", put(Key="k" * 1_025)),
    "much metadata": ("MetadataTooLarge", put(Metadata={"a": "x" * 2_100})),
    "an empty tagging header": ("InvalidArgument", put(Tagging="")),
    "a tag twice": ("InvalidArgument", put(Tagging="a=b&a=c")),
    "a long execution name": ("ValidationException", start(name="x" * 81)),
    "an execution name with spaces": ("InvalidName", start(name="a b")),
    "an input that is no JSON": ("InvalidExecutionInput", start(input="nope")),
    "a definition over 1 MB": (
        "ValidationException",
        lambda client, made: client("stepfunctions").create_state_machine(
            name="large", roleArn=made["role"], definition=json.dumps({"Comment": "x" * 1_048_577})
        ),
    ),
    "a long group": ("InvalidParameterValue", send("fifo", MessageGroupId="g" * 129, MessageDeduplicationId="d")),
    "a group with spaces": ("InvalidParameterValue", send("fifo", MessageGroupId="a b", MessageDeduplicationId="d")),
    "a long delay": ("InvalidParameterValue", send(DelaySeconds=901)),
    "a long wait": (
        "InvalidParameterValue",
        lambda client, made: client("sqs").receive_message(QueueUrl=made["queue"], WaitTimeSeconds=21),
    ),
    "many variables": (
        "InvalidParameterValueException",
        create("many", Environment={"Variables": {"A": "x" * 4_097}}),
    ),
    "a reserved variable": (
        "InvalidParameterValueException",
        create("reserved", Environment={"Variables": {"AWS_REGION": "x"}}),
    ),
    "six layers": ("InvalidParameterValueException", with_layers(6)),
    "little memory": ("ValidationException", create("memory", MemorySize=64)),
    "a large payload": ("RequestTooLargeException", invoke("x" * 6_291_456)),
    "a large payload for later": ("RequestTooLargeException", invoke("x" * 1_048_576, InvocationType="Event")),
    "a large event": ("ValidationException", events(Detail=json.dumps({"x": "x" * 262_144}))),
    "a long policy": ("LimitExceeded", policy(200)),
    "a secret's name with spaces": (
        "ValidationException",
        lambda client, made: client("secretsmanager").create_secret(Name="a b", SecretString="x"),
    ),
    "the value of an empty secret": (
        "ResourceNotFoundException",
        lambda client, made: client("secretsmanager").get_secret_value(
            SecretId=client("secretsmanager").create_secret(Name="empty")["ARN"]
        ),
    ),
    "a large secret": (
        "ValidationException",
        lambda client, made: client("secretsmanager").create_secret(Name="large", SecretString="x" * 65_537),
    ),
}


@pytest.mark.parametrize("request_of", TAKEN.values(), ids=TAKEN.keys())
def test_a_request_that_is_right_is_taken(unchecked: Client, made: dict[str, str], request_of: Call) -> None:
    request_of(unchecked, made)


@pytest.mark.parametrize(("code", "request_of"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_is_wrong_is_refused(
    unchecked: Client, made: dict[str, str], code: str, request_of: Call
) -> None:
    with pytest.raises(ClientError) as refused:
        request_of(unchecked, made)
    assert refused.value.response["Error"]["Code"] == code


def test_a_function_s_answer_has_six_megabytes(unchecked: Client, made: dict[str, str]) -> None:
    for size, error in ((6_000_000, None), (6_291_557, "Unhandled")):
        answer = invoke({"size": size})(unchecked, made)
        assert answer.get("FunctionError") == error
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_stack_s_role_has_no_more_policy_than_it_may(client: Client) -> None:
    resources = [f"arn:aws:s3:::bucket/{number:060}" for number in range(200)]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}
    properties = {
        "AssumeRolePolicyDocument": {"Statement": [TRUST]},
        "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}],
    }
    body = json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}})
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="long", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(Exception, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName="long", WaiterConfig=OFTEN)
