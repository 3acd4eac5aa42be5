"""Tells CloudFormation the id of a prefix list that AWS manages, such as `com.amazonaws.us-east-1.s3`.

No resource of CloudFormation has it, and it differs between regions. A custom resource of CloudFormation.
"""

from functools import cache
from typing import Any

import boto3
from custom_resource import answer


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer `{"ResourceProperties": {"Name"}, "ResponseURL", ...}` with the list's id, as the resource's own."""
    answer(event, lambda: _find(event))


def _find(event: dict[str, Any]) -> str:
    if event["RequestType"] == "Delete":
        return str(event["PhysicalResourceId"])
    name = event["ResourceProperties"]["Name"]
    filters = [{"Name": "prefix-list-name", "Values": [name]}]
    found = _ec2().describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    if len(found) != 1:
        raise LookupError(f"{name}: {len(found)} prefix lists have this name")
    return str(found[0]["PrefixListId"])


@cache
def _ec2() -> Any:
    return boto3.client("ec2")
