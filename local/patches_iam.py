"""Where the emulator allows what IAM denies.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.core.router import extract_access_key_id, extract_region  # type: ignore[import-untyped]
from ministack.services import s3  # type: ignore[import-untyped]

Json = Any


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    hide_missing_objects()


def hide_missing_objects() -> None:
    """A missing object is a 404 for everybody; AWS says 403 to a principal that may not list the bucket.

    AWS asks for `s3:ListBucket` on the bucket with the object's key as `s3:prefix`. See "Permissions" of the API pages
    of GetObject, HeadObject and CopyObject.
    """
    handle = s3.handle_request

    async def handle_request(
        method: str, path: str, headers: Json, body: bytes, query: Json, *args: Json, **more: Json
    ) -> Json:
        answer = await handle(method, path, headers, body, query, *args, **more)
        if answer[0] != 404 or more.get("internal"):
            return answer
        sent = s3._merge_hoisted_amz_headers(headers, query)
        named = unquote(sent["x-amz-copy-source"].partition("?")[0]) if "x-amz-copy-source" in sent else path
        bucket, _, key = named.lstrip("/").partition("/")
        if not key or s3._bucket_owner_account(bucket) is None or b"NoSuchUpload" in answer[2]:
            return answer
        denied = iam_evaluator.enforce(
            extract_access_key_id(headers, query),
            "s3:ListBucket",
            "s3",
            extract_region(headers, query),
            resource_arn=f"arn:aws:s3:::{bucket}",
            service_context={"s3:prefix": key},
        )
        if not denied:
            return answer
        status, answered, text = iam_actions.access_denied_response(
            "s3", "s3:ListBucket", denied.principal_arn, "", resource_arn=f"arn:aws:s3:::{bucket}"
        )
        return status, answered, b"" if method == "HEAD" else text

    s3.handle_request = handle_request
