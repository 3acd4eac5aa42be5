"""Clears the way for a deployment that creates the stack: `make deploy` runs it first. An existing stack is left alone.

A first deployment that failed leaves an empty stack. The CDK CLI deletes it before it tries again, but can't if the
stack is protected against deletion, as those of environments that keep their data are: the protection is switched off.

A new stack takes over the data that an earlier one left. CloudFormation keeps the data of an environment that retains
it when its stack is deleted, and a new stack can't create what exists. `cdk deploy --import-existing-resources` finds
tables and log groups. It does not find secrets and vector buckets, whose identifiers are no properties of theirs, or a
bucket whose name holds the account's number. So the names are looked up here, and `cdk import` takes over what was
found. What is missing, the deployment creates.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from assistants.stack import prefix
from assistants.terminal import say, stop
from scripts.cdk_cli import CdkFailed, app_of, cdk

Client = Callable[[str], Any]
Identifier = dict[str, str]

WITHOUT_RESOURCES = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
"""Of a stack that the next deployment creates anew."""


class NotAdopted(Exception):
    """Something exists that an earlier stack did not leave; the message says what to do."""


def left_behind(client: Client, template: dict[str, Any]) -> dict[str, Identifier]:
    """Return what exists of a template's retained resources, as `cdk import --resource-mapping` reads it.

    Args:
        client: makes boto3 clients.
        template: as it is synthesised.

    Returns:
        By logical id, the identifier that CloudFormation imports a resource of its type by.

    Raises:
        NotAdopted: a table of this name has other keys or indexes than the template's.
    """
    found = {}
    for logical_id, resource in template["Resources"].items():
        kind, properties = resource["Type"], resource["Properties"]
        if kind in LOOKUPS and resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            name_property, look_up = LOOKUPS[kind]
            identifier = look_up(client, _resolved(client, properties[name_property]), properties)
            if identifier:
                found[logical_id] = identifier
    return found


def is_deployed(client: Client, stack: str) -> bool:
    """Return whether the stack exists with resources of its own; if it is empty, let it be deleted."""
    cloudformation = client("cloudformation")
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return False
    if described["StackStatus"] not in WITHOUT_RESOURCES:
        return True
    if described.get("EnableTerminationProtection"):
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    return False


def _table(client: Client, name: str, properties: dict[str, Any]) -> Identifier | None:
    dynamodb = client("dynamodb")
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    # CloudFormation believes the template: it would never make the indexes and the stream that an imported table lacks.
    if _made_of(table) != _made_of(properties):
        raise NotAdopted(
            f"The table {name} exists, and no stack of this project made it: its keys, indexes or stream differ."
            " Nothing was changed. Give this environment another prefix, or remove the table once nobody needs it."
        )
    return {"TableName": name}


def _made_of(table: dict[str, Any]) -> tuple[Any, ...]:
    """Return what can't be changed of a table, or only one index at a time; as the API and as a template say it."""

    def keys_of(part: dict[str, Any]) -> tuple[str, ...]:
        return tuple(key["AttributeName"] for key in part["KeySchema"])

    indexes = {index["IndexName"]: keys_of(index) for index in table.get("GlobalSecondaryIndexes") or []}
    return keys_of(table), indexes, (table.get("StreamSpecification") or {}).get("StreamViewType")


def _log_group(client: Client, name: str, properties: dict[str, Any]) -> Identifier | None:
    groups = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return {"LogGroupName": name} if any(group["logGroupName"] == name for group in groups) else None


def _secret(client: Client, name: str, properties: dict[str, Any]) -> Identifier | None:
    secrets = client("secretsmanager")
    try:
        return {"Id": secrets.describe_secret(SecretId=name)["ARN"]}
    except secrets.exceptions.ResourceNotFoundException:
        return None


def _bucket(client: Client, name: str, properties: dict[str, Any]) -> Identifier | None:
    s3 = client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    return {"BucketName": name}


def _vector_bucket(client: Client, name: str, properties: dict[str, Any]) -> Identifier | None:
    s3vectors = client("s3vectors")
    try:
        bucket = s3vectors.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
    except s3vectors.exceptions.NotFoundException:
        return None
    return {"VectorBucketArn": bucket["vectorBucketArn"]}


LOOKUPS: dict[str, tuple[str, Callable[[Client, str, dict[str, Any]], Identifier | None]]] = {
    "AWS::DynamoDB::Table": ("TableName", _table),
    "AWS::Logs::LogGroup": ("LogGroupName", _log_group),
    "AWS::SecretsManager::Secret": ("Name", _secret),
    "AWS::S3::Bucket": ("BucketName", _bucket),
    "AWS::S3Vectors::VectorBucket": ("VectorBucketName", _vector_bucket),
}
"""By type, the property with the name, and what finds the resource's identifier. Source: the primary identifiers in
CloudFormation's resource schemas."""


def _resolved(client: Client, value: Any) -> str:
    """A name of the template as CloudFormation will resolve it."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_resolved(client, part) for part in parts)
        case {"Ref": "AWS::AccountId"}:
            return str(client("sts").get_caller_identity()["Account"])
        case {"Ref": "AWS::Region"}:
            return str(client("sts").meta.region_name)
        case _:
            return str(value)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Clears the way for a deployment that creates the stack.")
    parser.add_argument("--env", required=True, help="the environment: dev, staging, prod")
    parser.add_argument("--app", default="", help="a cloud assembly that was synthesised before")
    given, more = parser.parse_known_args(arguments)
    stack = prefix(given.env)
    if is_deployed(boto3.client, stack):
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            assembly = given.app or str(Path(folder, "cdk.out"))
            if not given.app:
                cdk("synth", *app_of(given.env, "", more), "--quiet", "--output", assembly)
            template = json.loads(Path(assembly, f"{stack}.template.json").read_text())
            found = left_behind(boto3.client, template)
            if not found:
                return
            mapping = Path(folder, "mapping.json")
            mapping.write_text(json.dumps(found))
            say(f"An earlier stack {stack} left {len(found)} resources, which the new one takes over.")
            cdk("import", stack, *app_of(given.env, assembly), "--force", "--resource-mapping", str(mapping))
        except (CdkFailed, NotAdopted) as error:
            stop(str(error))


if __name__ == "__main__":
    main()
