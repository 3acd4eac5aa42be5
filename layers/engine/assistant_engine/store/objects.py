"""Objects of the bucket: finding one that may be missing, and addresses that let others read or write one.

The one place for two rules of S3 that differ from what its names suggest.

- A missing object is a 404 only for a requester that may list the bucket; for others it is a 403 (`GetObject`'s own
  documentation). Every role that reads below a prefix may list it (`cdk/storage.py`). Whether S3 takes the object's key
  for `s3:prefix` when it decides between the two is not documented, so a 403 is settled by listing.
- Left to itself, boto3 signs in us-east-1 for `<bucket>.s3.amazonaws.com`. The sandbox's DNS knows the bucket's
  regional name alone (`AWS::S3::Bucket`'s `RegionalDomainName`), and S3 redirects from the global one at first.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MISSING = ("NoSuchKey", "NotFound", "404")
_REFUSED = ("AccessDenied", "Forbidden", "403")


def find(client: "S3Client", bucket: str, key: str) -> dict[str, Any] | None:
    """Return `GetObject`'s answer, or None if there is no such object.

    Raises:
        ClientError: S3 refused or failed.
    """
    return _found(client.get_object, client, bucket, key)


def head(client: "S3Client", bucket: str, key: str) -> dict[str, Any] | None:
    """Return `HeadObject`'s answer, or None if there is no such object.

    Raises:
        ClientError: S3 refused or failed.
    """
    return _found(client.head_object, client, bucket, key)


def size_of(client: "S3Client", bucket: str, key: str) -> int | None:
    """Return the size of an object in bytes, or None if there is no such object.

    Raises:
        ClientError: S3 refused or failed.
    """
    answer = head(client, bucket, key)
    return None if answer is None else int(answer["ContentLength"])


def _found(read: Callable[..., Any], client: "S3Client", bucket: str, key: str) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = read(Bucket=bucket, Key=key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _MISSING or (code in _REFUSED and not _is_listed(client, bucket, key)):
            return None
        raise
    return answer


def _is_listed(client: "S3Client", bucket: str, key: str) -> bool:
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(item["Key"] == key for item in listed.get("Contents", []))


def address(method: str, bucket: str, key: str, seconds: int) -> str:
    """Return an address on the bucket's regional host that stands for one request, signed with this role's rights.

    Args:
        method: `get_object` or `put_object`.
        seconds: how long it is good, unless the role's credentials end earlier.
    """
    asked = {"Bucket": bucket, "Key": key}
    signed: str = signer().generate_presigned_url(method, Params=asked, ExpiresIn=seconds)
    return signed


@cache
def signer() -> "S3Client":
    """The client that makes addresses."""
    regional = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    client: S3Client = boto3.client("s3", config=Config(signature_version="s3v4", s3=regional))
    return client
