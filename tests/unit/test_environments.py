"""Checks what the commands around a deployment do in an account: moto answers for AWS."""

import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from scripts import before_deploy, destroy
from scripts.cdk_cli import CdkFailed

Client = Callable[[str], Any]

PREFIX = "oae-dev"
KEYS = [("thread_id", "HASH"), ("message_id", "RANGE")]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        make = boto3.client
        yield lambda service: make(service)


def table(**more: Any) -> dict[str, Any]:
    return {
        "TableName": f"{PREFIX}-messages",
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in KEYS],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def vector_bucket(client: Client) -> str:
    """Make the vector bucket; its ARN."""
    client("s3vectors").create_vector_bucket(vectorBucketName=f"{PREFIX}-vectors")
    bucket = client("s3vectors").get_vector_bucket(vectorBucketName=f"{PREFIX}-vectors")["vectorBucket"]
    return str(bucket["vectorBucketArn"])


def template(policy: str, **tables: Any) -> dict[str, Any]:
    """A template of the kinds of resources that hold data."""
    name = {"Fn::Join": ["", [f"{PREFIX}-", {"Ref": "AWS::AccountId"}, "-", {"Ref": "AWS::Region"}]]}
    resources = {
        "Messages": {"Type": "AWS::DynamoDB::Table", "Properties": table(**tables)},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}},
        "Key": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": f"{PREFIX}/model-key"}},
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/aws/lambda/{PREFIX}-api"}},
        "Vectors": {
            "Type": "AWS::S3Vectors::VectorBucket",
            "Properties": {"VectorBucketName": f"{PREFIX}-vectors"},
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": PREFIX}},
    }
    return {"Resources": {each: {**body, "DeletionPolicy": policy} for each, body in resources.items()}}


def test_everything_that_an_earlier_stack_left_is_found(client: Client) -> None:
    asked = template("RetainExceptOnCreate")
    assert before_deploy.left_behind(client, asked) == {}
    client("dynamodb").create_table(**table())
    client("s3").create_bucket(Bucket=f"{PREFIX}-123456789012-us-east-1")
    secret = client("secretsmanager").create_secret(Name=f"{PREFIX}/model-key")["ARN"]
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{PREFIX}-api")
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{PREFIX}-api-of-another")
    vectors = vector_bucket(client)
    client("sqs").create_queue(QueueName=PREFIX)
    assert before_deploy.left_behind(client, asked) == {
        "Messages": {"TableName": f"{PREFIX}-messages"},
        "Bucket": {"BucketName": f"{PREFIX}-123456789012-us-east-1"},
        "Key": {"Id": secret},
        "Log": {"LogGroupName": f"/aws/lambda/{PREFIX}-api"},
        "Vectors": {"VectorBucketArn": vectors},
    }
    # What goes with its stack is never taken over.
    assert before_deploy.left_behind(client, template("Delete")) == {}


def test_a_table_that_is_not_ours_is_refused_by_name(client: Client) -> None:
    """The earlier engine's tables have the same names and keys, and neither the indexes nor the stream."""
    client("dynamodb").create_table(**table())
    index = {"IndexName": "by_project", "KeySchema": [{"AttributeName": "project", "KeyType": "HASH"}]}
    for more in (
        {"GlobalSecondaryIndexes": [index]},
        {"StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"}},
    ):
        with pytest.raises(before_deploy.NotAdopted, match=f"The table {PREFIX}-messages exists"):
            before_deploy.left_behind(client, template("RetainExceptOnCreate", **more))


class Cloudformation:
    """Stacks of the template, as far as the commands ask."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, stack: dict[str, Any] | None, body: dict[str, Any] | None = None) -> None:
        self.stack = stack
        self.body = body or {}

    def describe_stacks(self, StackName: str) -> Any:
        if self.stack is None:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise ClientError(error, "DescribeStacks")
        return {"Stacks": [self.stack]}

    def get_template(self, StackName: str) -> Any:
        return {"TemplateBody": self.body}

    def get_paginator(self, name: str) -> Any:
        assert name == "list_stack_resources"
        names = {"AWS::DynamoDB::Table": f"{PREFIX}-messages", "AWS::S3::Bucket": f"{PREFIX}-bucket"}
        names["AWS::S3Vectors::VectorBucket"] = f"{PREFIX}-vectors"
        resources = [
            {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"}
            for kind, name in names.items()
        ]
        gone = {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "q", "ResourceStatus": "DELETE_COMPLETE"}
        pages = [{"StackResourceSummaries": [*resources, gone]}]
        return SimpleNamespace(paginate=lambda StackName: pages)

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:
        assert self.stack
        self.stack["EnableTerminationProtection"] = EnableTerminationProtection


def deployed(client: Client, policy: str, **stack: Any) -> tuple[Client, Cloudformation]:
    """A stack with its data; a maker of clients that knows it."""
    cloudformation = Cloudformation({"StackStatus": "CREATE_COMPLETE", **stack}, template(policy))
    client("dynamodb").create_table(**table())
    client("s3").create_bucket(Bucket=f"{PREFIX}-bucket")
    vector_bucket(client)
    return lambda service: cloudformation if service == "cloudformation" else client(service), cloudformation


def test_a_first_deployment_that_failed_leaves_a_stack_that_can_be_deleted() -> None:
    cloudformation = Cloudformation(None)
    assert not before_deploy.is_deployed(lambda _: cloudformation, PREFIX)
    failed = cloudformation.stack = {"StackStatus": "ROLLBACK_COMPLETE", "EnableTerminationProtection": True}
    assert not before_deploy.is_deployed(lambda _: cloudformation, PREFIX)
    assert failed["EnableTerminationProtection"] is False
    later = cloudformation.stack = {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "EnableTerminationProtection": True}
    assert before_deploy.is_deployed(lambda _: cloudformation, PREFIX)
    assert later["EnableTerminationProtection"] is True


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_an_environment_that_keeps_its_data_is_never_destroyed(client: Client, policy: str) -> None:
    known, _ = deployed(client, policy)
    with pytest.raises(destroy.NotDestroyed, match="keeps its data"):
        destroy.look(known, PREFIX)


def test_a_protected_stack_is_not_destroyed(client: Client) -> None:
    known, _ = deployed(client, "Delete", EnableTerminationProtection=True)
    with pytest.raises(destroy.NotDestroyed, match="keeps its data"):
        destroy.look(known, PREFIX)


def test_there_is_nothing_to_destroy() -> None:
    with pytest.raises(destroy.NotDestroyed, match="There is no stack oae-dev here"):
        destroy.look(lambda _: Cloudformation(None), PREFIX)


def test_versions_and_indexes_are_deleted_before_the_stack(client: Client) -> None:
    known, cloudformation = deployed(client, "Delete")
    s3, s3vectors = client("s3"), client("s3vectors")
    s3.put_bucket_versioning(Bucket=f"{PREFIX}-bucket", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        for number in range(3):
            s3.put_object(Bucket=f"{PREFIX}-bucket", Key=f"text/{number}", Body=b"a")
    s3.delete_object(Bucket=f"{PREFIX}-bucket", Key="text/0")
    for name in ("vs-1", "vs-2"):
        s3vectors.create_index(
            vectorBucketName=f"{PREFIX}-vectors",
            indexName=name,
            dataType="float32",
            dimension=2,
            distanceMetric="cosine",
        )
    environment = destroy.look(known, PREFIX)
    assert "AWS::SQS::Queue" not in environment.resources
    said = destroy.describe(known, environment)
    assert f"bucket {PREFIX}-bucket: 7 objects and versions" in said
    assert f"vector bucket {PREFIX}-vectors: 2 indexes" in said
    attempts = []

    def delete_stack() -> None:
        attempts.append(len(s3.list_object_versions(Bucket=f"{PREFIX}-bucket").get("Versions", [])))
        if len(attempts) == 1:
            # A function that was still there has written.
            s3.put_object(Bucket=f"{PREFIX}-bucket", Key="text/late", Body=b"a")
            raise CdkFailed
        cloudformation.stack = None

    lines: list[str] = []
    destroy.destroy(known, environment, delete_stack, lines.append)
    assert attempts == [0, 0]
    assert f"{PREFIX}-bucket: 7 objects and versions deleted" in lines
    assert s3vectors.list_indexes(vectorBucketName=f"{PREFIX}-vectors")["indexes"] == []


def test_a_stack_that_stays_is_reported(client: Client) -> None:
    known, _ = deployed(client, "Delete")

    def fail() -> None:
        raise CdkFailed

    with pytest.raises(destroy.NotDestroyed, match="oae-dev is not deleted"):
        destroy.destroy(known, destroy.look(known, PREFIX), fail, lambda _: None)


def test_the_name_is_asked_for(client: Client, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    known, _ = deployed(client, "Delete")
    monkeypatch.setattr(boto3, "client", known)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(SystemExit):
        destroy.main(["--env", "dev"])
    said = capsys.readouterr()
    assert "This deletes the stack oae-dev of account 123456789012" in said.out
    assert said.err == "Nothing was deleted.\n"
