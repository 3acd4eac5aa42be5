"""Each patch of what the emulator allows, seen from outside."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

OBJECTS = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::files/*"}
LISTED = {
    "Action": "s3:ListBucket",
    "Resource": "arn:aws:s3:::files",
    "Condition": {"StringLike": {"s3:prefix": "listed/*"}},
}


def code_of(call: Callable[[], Any]) -> str:
    """The error code that a call is refused with; empty if it isn't."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.fixture(scope="module")
def bucket(client: Callable[[str], Any], as_role: Callable[..., boto3.Session]) -> Any:
    """The client of a role that reads and writes a bucket and may list what is below `listed/`."""
    s3 = client("s3")
    s3.create_bucket(Bucket="files")
    s3.put_object(Bucket="files", Key="is/there", Body=b"text")
    return as_role(OBJECTS, LISTED).client(
        "s3", endpoint_url=s3.meta.endpoint_url, config=Config(signature_version="s3v4")
    )


@pytest.mark.parametrize(
    ("key", "get", "head"),
    [("hidden/a", "AccessDenied", "403"), ("listed/a", "NoSuchKey", "404"), ("is/there", "", "")],
)
def test_a_missing_object_is_forbidden_to_a_role_that_may_not_list_it(
    bucket: Any, key: str, get: str, head: str
) -> None:
    source = {"Bucket": "files", "Key": key}
    assert code_of(lambda: bucket.get_object(**source)) == get
    assert code_of(lambda: bucket.head_object(**source)) == head
    assert code_of(lambda: bucket.copy_object(Bucket="files", Key="copied", CopySource=source)) == get


@pytest.mark.parametrize(("key", "status"), [("hidden/a", 403), ("listed/a", 404), ("is/there", 200)])
def test_a_signed_address_of_a_missing_object_answers_as_its_signer_may(bucket: Any, key: str, status: int) -> None:
    for method, operation in (("GET", "get_object"), ("HEAD", "head_object")):
        address = bucket.generate_presigned_url(operation, {"Bucket": "files", "Key": key})
        answer = requests.request(method, address, timeout=10)
        assert answer.status_code == status
        assert method == "GET" or not answer.content


def test_a_root_user_may_list(client: Callable[[str], Any]) -> None:
    assert code_of(lambda: client("s3").get_object(Bucket="files", Key="hidden/a")) == "NoSuchKey"


@pytest.mark.parametrize(
    ("condition", "effect"),
    [
        ({"ForAllValues:StringEquals": {"s3:signatureAge": "1"}}, "Allow"),
        ({"StringEqualsIfExists": {"s3:signatureAge": "1"}}, "Allow"),
        ({"StringEquals": {"s3:signatureAge": "1"}}, "Deny"),
    ],
)
def test_a_condition_key_that_is_not_evaluated_here_allows_nothing(
    bucket: Any, as_role: Callable[..., boto3.Session], condition: dict[str, Any], effect: str
) -> None:
    statements = [{**OBJECTS, "Condition": condition, "Effect": effect}, *([OBJECTS] if effect == "Deny" else [])]
    role = as_role(*statements).client("s3", endpoint_url=bucket.meta.endpoint_url)
    assert code_of(lambda: role.get_object(Bucket="files", Key="is/there")) == "AccessDenied"
