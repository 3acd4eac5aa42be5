"""Tells CloudFormation the id of a prefix list that AWS manages, such as `com.amazonaws.us-east-1.s3`.

No resource of CloudFormation has it, and it differs between regions. A custom resource of CloudFormation.
"""

import json
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

import boto3


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer `{"ResourceProperties": {"Name"}, "ResponseURL", ...}` with the list's id, as the resource's own."""
    name = event["ResourceProperties"]["Name"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        if event["RequestType"] == "Delete":
            found = event["PhysicalResourceId"]
        else:
            filters = [{"Name": "prefix-list-name", "Values": [name]}]
            (prefix_list,) = _ec2().describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
            found = prefix_list["PrefixListId"]
        answer |= {"Status": "SUCCESS", "PhysicalResourceId": found}
    except Exception as error:
        failed = event.get("PhysicalResourceId", event["LogicalResourceId"])
        answer |= {"Status": "FAILED", "PhysicalResourceId": failed, "Reason": f"{name}: {error}"}
    body = json.dumps(answer).encode()
    # CloudFormation's address, signed for it; its signature covers an empty content type.
    with urlopen(Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"), timeout=30):  # noqa: S310
        pass


@cache
def _ec2() -> Any:
    return boto3.client("ec2")
