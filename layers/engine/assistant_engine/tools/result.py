"""Reads the event of a tool's function, and makes its result."""

from functools import cache
from typing import TYPE_CHECKING

from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.runtime.settings import Bucket, ToolName, configured
from assistant_engine.store.steps import output_key
from assistant_engine.tools.call import Call

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def call_of(event: Json) -> Call:
    """The call in the event of a tool's function."""
    return Call(event["thread_id"], event["run_id"], event["turn"], event["tool_call_id"])


def result_of(call: Call, output: str, inline_bytes: int) -> Json:
    """Return a tool's result: the output itself, or where in the bucket a larger one was put; and its time."""
    if json_size(output) <= inline_bytes:
        return {"tool_call_id": call.tool_call_id, "output": output, **call.times()}
    key = output_key(configured(ToolName).tool, call.thread_id, call.run_id, call.turn, call.tool_call_id)
    _s3().put_object(Bucket=configured(Bucket).bucket, Key=key, Body=output.encode())
    return {"tool_call_id": call.tool_call_id, "output_key": key, **call.times()}


@cache
def _s3() -> "S3Client":
    import boto3

    client: S3Client = boto3.client("s3")
    return client
