"""Copies archives that the deployment uploaded into the stack's own bucket: its sandbox reaches no other.

Earlier versions of functions may still ask for the archives of their deployment, so those stay until the stack is
deleted. A custom resource of CloudFormation.
"""

from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError
from custom_resource import answer


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer `{"ResourceProperties": {"Bucket", "Prefix", "Archives": [{"Bucket", "Key", "CopyKey"}]}, ...}`."""
    answer(event, lambda: _copy(event["ResourceProperties"], event["RequestType"]))


def _copy(properties: dict[str, Any], request: str) -> str:
    bucket, prefix = str(properties["Bucket"]), str(properties["Prefix"])
    if request == "Delete":
        # CloudFormation deletes an empty bucket only.
        for page in _s3().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                _s3().delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    else:
        for archive in properties["Archives"]:
            if not _is_there(bucket, archive["CopyKey"]):
                source = {"Bucket": archive["Bucket"], "Key": archive["Key"]}
                _s3().copy_object(Bucket=bucket, Key=archive["CopyKey"], CopySource=source)
    return prefix


def _is_there(bucket: str, key: str) -> bool:
    try:
        _s3().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True


@cache
def _s3() -> Any:
    return boto3.client("s3")
