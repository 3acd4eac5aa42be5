"""Invoking another Lambda function: which errors say that it never ran, and trying again until it does."""

import json
import random
import time
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_lambda.type_defs import InvocationResponseTypeDef

NEVER_RAN = (
    "TooManyRequestsException",  # the account's concurrency, the function's own, or that of a tenant
    # A function that nobody called for weeks is inactive: the first call wakes it, and is refused.
    "CodeArtifactUserPendingException",
    "ENINotReadyException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    # Lambda could not place the function in its network.
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "ENILimitReachedException",
    "SubnetIPAddressLimitReachedException",
)
"""Errors of Lambda's `Invoke` (API reference) that are answered before the function runs and that pass by themselves.

The state machine has the same names, as `Lambda.<name>`, in the first Retry of each of its tasks.
"""


class NotRun(Exception):
    """The function could not be invoked in time, and did not run; the message is the code of Lambda's answer."""


def invoke(
    client: "LambdaClient",
    function: str,
    event: Json,
    seconds: float,
    how: Literal["RequestResponse", "Event"] = "RequestResponse",
) -> "InvocationResponseTypeDef":
    """Invoke a function and return Lambda's answer (`Payload`, perhaps `FunctionError`).

    Args:
        client: boto3's, for Lambda.
        function: the ARN of an alias.
        event: the payload.
        seconds: how long to try again while Lambda refuses.
        how: `Event` only hands the event over, and Lambda runs the function in the background.

    Raises:
        NotRun: Lambda refused for so long.
        ClientError: any other error of Lambda; whether the function ran is unknown.
    """
    payload = json.dumps(event).encode()
    deadline = time.monotonic() + seconds
    pause = 0.5
    while True:
        try:
            return client.invoke(FunctionName=function, InvocationType=how, Payload=payload)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in NEVER_RAN:
                raise
            # Full jitter: those that were refused together do not come again together.
            wait = random.uniform(0, pause)
            if time.monotonic() + wait > deadline:
                raise NotRun(code) from None
        time.sleep(wait)
        pause = min(2 * pause, 10)
