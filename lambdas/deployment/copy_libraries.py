"""Copies archives that the deployment uploaded into the stack's own bucket: its sandbox reaches no other.

Earlier versions of functions may still ask for the archives of their deployment, so those stay until the stack is
deleted. A custom resource of CloudFormation.
"""

from functools import cache
from typing import Any

import boto3
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
            # A key names its archive's bytes, so that copying them again changes nothing.
            source = {"Bucket": archive["Bucket"], "Key": archive["Key"]}
            _s3().copy_object(Bucket=bucket, Key=archive["CopyKey"], CopySource=source)
    return prefix


@cache
def _s3() -> Any:
    return boto3.client("s3")
