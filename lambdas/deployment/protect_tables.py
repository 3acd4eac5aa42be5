"""Protects tables against deletion once they exist, and no longer when CloudFormation rolls their creation back.

A table that the template itself protects can't be deleted by the rollback of the deployment that created it, and its
name then blocks the next one. A custom resource of CloudFormation.
"""

from functools import cache
from typing import Any

import boto3
from custom_resource import answer


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer `{"ResourceProperties": {"Tables": [name, ...]}, "RequestType", "ResponseURL", ...}`."""
    answer(event, lambda: _protect(event["ResourceProperties"]["Tables"], event["RequestType"] != "Delete"))


def _protect(tables: list[str], protected: bool) -> str:
    for name in tables:
        # DynamoDB refuses an update that changes nothing.
        if _dynamodb().describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled", False) != protected:
            _dynamodb().update_table(TableName=name, DeletionProtectionEnabled=protected)
    for name in tables:
        # A table that is being updated can't be deleted.
        _dynamodb().get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    return "deletion-protection"


@cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")
