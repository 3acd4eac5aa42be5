"""Deletes an environment that does not keep its data: `make destroy ENV=dev`.

Says what there is, and asks for the environment's name. Does what CloudFormation can't: stops the executions that still
run, empties the bucket, deletes the vector indexes. Then `cdk destroy` deletes the stack. An environment that keeps its
data is refused: docs/operations.md says how to delete its stack.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3

from assistants.stack import prefix
from assistants.terminal import say, stop
from scripts.cdk_cli import CdkFailed, app_of, cdk

Client = Callable[[str], Any]

DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::S3Vectors::VectorBucket")
MAX_ATTEMPTS = 3
"""Of deleting the stack: until its functions are gone, they may write to the bucket that was just emptied."""


class NotDestroyed(Exception):
    """Nothing, or not all, was deleted; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A deployed environment that does not keep its data.

    Attributes:
        stack: the stack's name.
        resources: the names or ARNs of its resources that still exist, by type.
    """

    stack: str
    resources: dict[str, list[str]]

    def all(self, kind: str) -> list[str]:
        """The names or ARNs of the resources of a type."""
        return self.resources.get(kind, [])


def look(client: Client, stack: str) -> Environment:
    """Return what the stack consists of.

    Raises:
        NotDestroyed: there is no such stack, or it keeps its data.
    """
    cloudformation = client("cloudformation")
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        template = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except cloudformation.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        raise NotDestroyed(f"There is no stack {stack} here ({code}): is this its account and region?") from None
    kept = [
        resource["Type"]
        for resource in template["Resources"].values()
        if resource["Type"] in DATA and resource.get("DeletionPolicy", "Delete") != "Delete"
    ]
    if kept or described.get("EnableTerminationProtection"):
        raise NotDestroyed(
            f"{stack} keeps its data, so nothing was deleted: see docs/operations.md, Delete an environment."
        )
    resources: dict[str, list[str]] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            if each["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED") and "PhysicalResourceId" in each:
                resources.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
    return Environment(stack, resources)


def describe(client: Client, environment: Environment) -> list[str]:
    """Return a line for each thing that holds data, with how much it holds."""
    lines = []
    for table in environment.all("AWS::DynamoDB::Table"):
        items = client("dynamodb").describe_table(TableName=table)["Table"]["ItemCount"]
        lines.append(f"table {table}: about {items:,} items (DynamoDB counts every six hours)")
    for bucket in environment.all("AWS::S3::Bucket"):
        lines.append(f"bucket {bucket}: {sum(1 for _ in _versions(client('s3'), bucket)):,} objects and versions")
    for bucket in environment.all("AWS::S3Vectors::VectorBucket"):
        lines.append(f"vector bucket {bucket}: {sum(1 for _ in _indexes(client('s3vectors'), bucket)):,} indexes")
    for machine in environment.all("AWS::StepFunctions::StateMachine"):
        lines.append(f"state machine: {sum(1 for _ in _running(client('stepfunctions'), machine)):,} runs under way")
    for kind, what in (("AWS::SecretsManager::Secret", "secrets"), ("AWS::Logs::LogGroup", "log groups")):
        if found := environment.all(kind):
            lines.append(f"{len(found)} {what}")
    return lines


def empty(client: Client, environment: Environment, say: Callable[[str], None]) -> None:
    """Stop what runs, and delete what keeps CloudFormation from deleting the stack."""
    for machine in environment.all("AWS::StepFunctions::StateMachine"):
        # A state machine exists until its last execution has ended, and a run may wait for a day.
        for execution in list(_running(client("stepfunctions"), machine)):
            client("stepfunctions").stop_execution(executionArn=execution, cause="The environment is deleted.")
    for bucket in environment.all("AWS::S3::Bucket"):
        deleted = 0
        versions = _versions(client("s3"), bucket)
        # As many as one request takes.
        while batch := list(islice(versions, 1000)):
            answer = client("s3").delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                raise NotDestroyed(f"{bucket}: {answer['Errors'][0]['Message']}")
            deleted += len(batch)
            say(f"{bucket}: {deleted:,} objects and versions deleted")
    for bucket in environment.all("AWS::S3Vectors::VectorBucket"):
        for index in list(_indexes(client("s3vectors"), bucket)):
            client("s3vectors").delete_index(indexArn=index)
            say(f"{index} deleted")


def destroy(
    client: Client, environment: Environment, delete_stack: Callable[[], None], say: Callable[[str], None]
) -> None:
    """Empty the environment and delete its stack.

    Raises:
        NotDestroyed: CloudFormation could not delete it.
    """
    for _ in range(MAX_ATTEMPTS):
        empty(client, environment, say)
        failed = False
        try:
            delete_stack()
        except CdkFailed:
            failed = True
        if not failed and not _exists(client("cloudformation"), environment.stack):
            return
        try:
            environment = look(client, environment.stack)
        except NotDestroyed:
            return
    raise NotDestroyed(f"{environment.stack} is not deleted: the stack's events in the CloudFormation console say why.")


def _exists(cloudformation: Any, stack: str) -> bool:
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return False
    return bool(described["StackStatus"] != "DELETE_COMPLETE")


def _versions(s3: Any, bucket: str) -> Iterator[dict[str, str]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield {"Key": each["Key"], "VersionId": each["VersionId"]}


def _indexes(s3vectors: Any, bucket: str) -> Iterator[str]:
    named = {"vectorBucketArn" if bucket.startswith("arn:") else "vectorBucketName": bucket}
    for page in s3vectors.get_paginator("list_indexes").paginate(**named):
        for index in page["indexes"]:
            yield index["indexArn"]


def _running(step_functions: Any, machine: str) -> Iterator[str]:
    pages = step_functions.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
    for page in pages:
        for execution in page["executions"]:
            yield execution["executionArn"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Deletes an environment that does not keep its data.")
    parser.add_argument("--env", required=True, help="the environment: dev, staging")
    parser.add_argument("--yes", action="store_true", help="do not ask; for scripts")
    parser.add_argument("--app", default="", help="a cloud assembly that was synthesised before")
    given = parser.parse_args(arguments)
    try:
        environment = look(boto3.client, prefix(given.env))
        account = boto3.client("sts").get_caller_identity()["Account"]
        say(f"This deletes the stack {environment.stack} of account {account}, for good:")
        for line in describe(boto3.client, environment):
            say(f"  {line}")
        if not given.yes:
            say(f"Type {given.env} to delete it: ", end="")
            if sys.stdin.readline().strip() != given.env:
                raise NotDestroyed("Nothing was deleted.")
        arguments_of_cdk = ("destroy", environment.stack, "--force", *app_of(given.env, given.app))
        destroy(boto3.client, environment, lambda: cdk(*arguments_of_cdk), say)
    except NotDestroyed as error:
        stop(str(error))
    say(f"{environment.stack} is deleted.")


if __name__ == "__main__":
    main()
