"""Answers CloudFormation for a custom resource."""

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen


def answer(event: dict[str, Any], work: Callable[[], str]) -> None:
    """Do the work of a request and tell CloudFormation what came of it.

    Args:
        event: `{"RequestType", "ResourceProperties", "ResponseURL", "StackId", "RequestId", "LogicalResourceId", ...}`.
        work: returns the resource's physical id; whatever it raises fails the deployment, with its message.
    """
    answered = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    try:
        answered |= {"Status": "SUCCESS", "PhysicalResourceId": work()}
    except Exception as error:
        failed = event.get("PhysicalResourceId", event["LogicalResourceId"])
        answered |= {"Status": "FAILED", "PhysicalResourceId": failed, "Reason": str(error)}
    body = json.dumps(answered).encode()
    # CloudFormation's address, signed for it; its signature covers an empty content type.
    with urlopen(Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"), timeout=30):  # noqa: S310
        pass
