"""Has a new stack take over the data that an earlier one left: `make deploy` runs it first.

CloudFormation keeps the data of an environment that retains it when its stack is deleted, and a new stack can't create
what exists. `cdk deploy --import-existing-resources` finds tables and log groups. It does not find secrets and vector
buckets, whose identifiers are no properties of theirs, or a bucket whose name holds the account's number. So the names
are looked up here, and `cdk import` takes over what was found. What is missing, the deployment creates.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from scripts import keys
from scripts.cdk_cli import CdkFailed, app_of, cdk

Client = Callable[[str], Any]
Identifier = dict[str, str]

WITHOUT_RESOURCES = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
"""Of a stack that the next deployment creates anew."""


def left_behind(client: Client, template: dict[str, Any]) -> dict[str, Identifier]:
    """Return what exists of a template's retained resources, as `cdk import --resource-mapping` reads it.

    Args:
        client: makes boto3 clients.
        template: as it is synthesised.

    Returns:
        By logical id, the identifier that CloudFormation imports a resource of its type by.
    """
    found = {}
    for logical_id, resource in template["Resources"].items():
        kind = resource["Type"]
        if kind in LOOKUPS and resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            name_property, look_up = LOOKUPS[kind]
            identifier = look_up(client, _resolved(client, resource["Properties"][name_property]))
            if identifier:
                found[logical_id] = identifier
    return found


def is_deployed(client: Client, stack: str) -> bool:
    """Return whether the stack exists with resources of its own."""
    cloudformation = client("cloudformation")
    try:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return False
    return bool(described["StackStatus"] not in WITHOUT_RESOURCES)


def _table(client: Client, name: str) -> Identifier | None:
    dynamodb = client("dynamodb")
    try:
        dynamodb.describe_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    return {"TableName": name}


def _log_group(client: Client, name: str) -> Identifier | None:
    groups = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return {"LogGroupName": name} if any(group["logGroupName"] == name for group in groups) else None


def _secret(client: Client, name: str) -> Identifier | None:
    secrets = client("secretsmanager")
    try:
        return {"Id": secrets.describe_secret(SecretId=name)["ARN"]}
    except secrets.exceptions.ResourceNotFoundException:
        return None


def _bucket(client: Client, name: str) -> Identifier | None:
    s3 = client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    return {"BucketName": name}


def _vector_bucket(client: Client, name: str) -> Identifier | None:
    s3vectors = client("s3vectors")
    try:
        bucket = s3vectors.get_vector_bucket(vectorBucketName=name)["vectorBucket"]
    except s3vectors.exceptions.NotFoundException:
        return None
    return {"VectorBucketArn": bucket["vectorBucketArn"]}


LOOKUPS: dict[str, tuple[str, Callable[[Client, str], Identifier | None]]] = {
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
    """What the command line says."""
    parser = argparse.ArgumentParser(description="Has a new stack take over the data that an earlier one left.")
    parser.add_argument("--env", required=True, help="the environment: dev, staging, prod")
    parser.add_argument("--app", default="", help="a cloud assembly that was synthesised before")
    given, more = parser.parse_known_args(arguments)
    stack = keys.prefix(given.env)
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
            print(f"An earlier stack {stack} left {len(found)} resources, which the new one takes over.", flush=True)
            cdk("import", *app_of(given.env, assembly), "--force", "--resource-mapping", str(mapping))
        except CdkFailed as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
