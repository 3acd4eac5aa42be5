"""Probes of the tables, the bucket and the vector bucket: the account has what the template asks for."""

import json
import time
from collections.abc import Callable
from functools import cache

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe


@cache
def _resources(account: Account, kind: str) -> list[Json]:
    """The properties of the deployed template's resources of a type."""
    body = account.client("cloudformation").get_template(StackName=account.prefix)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    return [one.get("Properties", {}) for one in template["Resources"].values() if one["Type"] == kind]


def _compared(account: Account, asked: Callable[[Json], str], there: Callable[[str], str]) -> Seen:
    """Return what differs, by table, between what the template asks for (of its properties) and what is there."""
    tables = {one["TableName"]: asked(one) for one in _resources(account, "AWS::DynamoDB::Table")}
    found = {name: there(name) for name in tables}
    differing = {name: f"{found[name]} instead of {value}" for name, value in tables.items() if found[name] != value}
    text = "; ".join(f"{name}: {what}" for name, what in differing.items())
    return Seen(text or ", ".join(f"{name}: {value}" for name, value in found.items()), not differing)


def _on(value: object) -> str:
    return "on" if value else "off"


@probe(
    does="Asks DynamoDB for each table's time to live.",
    expected="The attribute that the template names, enabled.",
)
def time_to_live(account: Account) -> Seen:
    def found(name: str) -> str:
        told = account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        on = told["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
        return str(told.get("AttributeName", "on")) if on else "off"

    return _compared(account, lambda table: table.get("TimeToLiveSpecification", {}).get("AttributeName", "off"), found)


@probe(
    does="Asks DynamoDB for each table's continuous backups.",
    expected="Point-in-time recovery is on.",
)
def point_in_time_recovery(account: Account) -> Seen:
    def found(name: str) -> str:
        told = account.client("dynamodb").describe_continuous_backups(TableName=name)
        described = told["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return _on(described.get("PointInTimeRecoveryStatus") == "ENABLED")

    def asked(table: Json) -> str:
        return _on(table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"))

    return _compared(account, asked, found)


@probe(
    does="Asks DynamoDB for each table's deletion protection.",
    expected="As the template says for this environment.",
)
def deletion_protection(account: Account) -> Seen:
    def found(name: str) -> str:
        table = account.client("dynamodb").describe_table(TableName=name)["Table"]
        return _on(table.get("DeletionProtectionEnabled"))

    # Switched on after the tables are made, so that a deployment that fails can be rolled back.
    later = bool(_resources(account, "Custom::TableProtection"))
    return _compared(account, lambda table: _on(later or table.get("DeletionProtectionEnabled")), found)


@probe(
    does="Reads the bucket's lifecycle configuration.",
    expected="Every rule of the template, enabled.",
)
def lifecycle_rules(account: Account) -> Seen:
    [bucket] = _resources(account, "AWS::S3::Bucket")
    asked = {rule["Id"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    s3 = account.client("s3")
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=account.outputs["Bucket"])["Rules"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
            raise
        rules = []
    missing = sorted(asked - {rule["ID"] for rule in rules if rule["Status"] == "Enabled"})
    return Seen(f"missing: {', '.join(missing)}" if missing else f"{len(asked)} rules", not missing)


@probe(
    does="Writes an object below files/ with the tag lifetime=1 and asks S3 when it expires.",
    expected="By the rule for files of one day (S3 names it in the header x-amz-expiration).",
)
def object_expiry(account: Account) -> Seen:
    s3, bucket, key = account.client("s3"), account.outputs["Bucket"], f"files/{account.own_prefix}"
    account.later(f"object {key}", lambda: s3.delete_object(Bucket=bucket, Key=key))
    s3.put_object(Bucket=bucket, Key=key, Body=b"probe", Tagging="lifetime=1")
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    expiry = s3.head_object(Bucket=bucket, Key=key).get("Expiration", "")
    text = f"tags {tags}, expiry {expiry or 'none'}"
    return Seen(text, tags == [{"Key": "lifetime", "Value": "1"}] and "forget-files-after-1-days" in expiry)


@probe(
    does="Makes an index in the deployed vector bucket, puts three vectors, queries with a filter, deletes it.",
    expected="The nearest vector that the filter lets through.",
)
def s3_vectors(account: Account) -> Seen:
    if not _resources(account, "AWS::S3Vectors::VectorBucket"):
        raise Untried("the stack searches its bucket: no vector bucket is configured")
    found = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=account.prefix)
    [bucket] = [
        one["PhysicalResourceId"].rpartition("/")[2]
        for page in found
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == "AWS::S3Vectors::VectorBucket"
    ]
    vectors = account.client("s3vectors")
    where = {"vectorBucketName": bucket, "indexName": account.own_prefix}
    account.later(f"vector index {account.own_prefix}", lambda: vectors.delete_index(**where))
    vectors.create_index(**where, dataType="float32", dimension=2, distanceMetric="cosine")
    put = [("near", [1.0, 0.0], "b"), ("close", [0.9, 0.1], "a"), ("far", [0.0, 1.0], "a")]
    entries = [{"key": key, "data": {"float32": data}, "metadata": {"file": file}} for key, data, file in put]
    vectors.put_vectors(**where, vectors=entries)
    asked = {"topK": 1, "queryVector": {"float32": [1.0, 0.0]}, "filter": {"file": "a"}, "returnDistance": True}
    start = time.monotonic()
    keys = [one["key"] for one in vectors.query_vectors(**where, **asked)["vectors"]]
    return Seen(f"found {keys} in {1000 * (time.monotonic() - start):.0f} ms", keys == ["close"])
