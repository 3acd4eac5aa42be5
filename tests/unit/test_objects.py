"""Objects that may be missing, and addresses that lead to the bucket: what S3 says and what is made of it."""

import ast
import io
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import transfer
from assistant_engine.domain.json_data import Json
from assistant_engine.store import objects
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.files import Files
from assistant_engine.store.sessions import Sessions
from layers.build import ROOT

BUCKET = "data"


class S3:
    """A client that gives one answer to reads, and lists what it is told to."""

    def __init__(self, code: str, listed: tuple[str, ...] | None = ()) -> None:
        self.code = code
        self.listed = listed

    def get_object(self, **asked: Any) -> Json:
        raise ClientError({"Error": {"Code": self.code}}, "GetObject")

    head_object = get_object

    def list_objects_v2(self, Prefix: str, **asked: Any) -> Json:
        if self.listed is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
        return {"Contents": [{"Key": key} for key in self.listed if key.startswith(Prefix)]}


@pytest.mark.parametrize("code", ["NoSuchKey", "404", "NotFound", "AccessDenied", "403"])
def test_a_missing_object_is_none_whatever_s3_calls_it(code: str) -> None:
    client: Any = S3(code, listed=("a/key/longer",))
    assert objects.find(client, BUCKET, "a/key") is None
    assert objects.size_of(client, BUCKET, "a/key") is None


@pytest.mark.parametrize(
    ("code", "listed"), [("AccessDenied", ("a/key",)), ("403", ("a/key",)), ("AccessDenied", None), ("SlowDown", ())]
)
def test_an_object_that_is_refused_is_not_missing(code: str, listed: tuple[str, ...] | None) -> None:
    client: Any = S3(code, listed)
    for read in (objects.find, objects.size_of):
        with pytest.raises(ClientError):
            read(client, BUCKET, "a/key")


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_a_thread_without_a_session_begins_one(code: str) -> None:
    """Its first call looks for a head that nobody wrote yet."""
    blobs: Any = Blobs(BUCKET)
    blobs._client = S3(code)
    sessions = Sessions(blobs)
    head = sessions.head("thread_1")
    assert head == type(head)()
    assert sessions.answer("thread_1", head, "call") is None


def test_no_other_module_tells_a_missing_object_by_a_code() -> None:
    reads = re.compile(r"\bNoSuchKey\b|[\"']404[\"']")
    places = [*(ROOT / "lambdas").rglob("*.py"), *(ROOT / "layers" / "engine").rglob("*.py")]
    named = {path.name for path in places if reads.search(path.read_text())}
    # A conditional write may meet no object, too: that is another question.
    assert named == {"objects.py", "sessions.py"}
    sessions = next(path for path in places if path.name == "sessions.py").read_text()
    assert reads.findall(sessions) == ["NoSuchKey"]
    assert "_ANOTHER_WAS_FIRST = (" in sessions


@pytest.mark.parametrize("status", [403, 404])
def test_what_s3_does_not_give_the_sandbox_is_not_there(
    status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    class Opener:
        def open(self, url: str, timeout: int) -> Any:
            raise HTTPError(url, status, "", None, io.BytesIO())  # type: ignore[arg-type]

    monkeypatch.setattr(transfer, "_opener", Opener())
    with pytest.raises(transfer.NotThere):
        transfer.fetch("https://data.s3.amazonaws.com/key", tmp_path / "file", 10)


@pytest.fixture
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a Lambda function, in which nothing says where S3 is."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "x")
    objects.signer.cache_clear()
    yield
    objects.signer.cache_clear()


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("eu-central-1", "amazonaws.com"),
        ("ap-southeast-4", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
    ],
)
def test_addresses_lead_to_the_bucket_s_regional_host(
    no_endpoint: None, monkeypatch: pytest.MonkeyPatch, region: str, suffix: str
) -> None:
    """That is `RegionalDomainName` of AWS::S3::Bucket, the one name that the sandbox's DNS answers for."""
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    host = f"{BUCKET}.s3.{region}.{suffix}"
    blobs = Blobs(BUCKET)
    addresses = [Sessions(blobs).address(method, "sandbox/t/head", 60) for method in ("get_object", "put_object")]
    for address in addresses:
        assert (urlsplit(address).scheme, urlsplit(address).netloc) == ("https", host)
        assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address


def test_addresses_are_signed_in_one_place() -> None:
    places = [*(ROOT / "lambdas").rglob("*.py"), *(ROOT / "layers" / "engine").rglob("*.py")]
    signing = [path.name for path in places if "generate_presigned" in path.read_text()]
    assert signing == ["objects.py"]


def test_a_file_without_tags_is_stored_without_the_header(no_endpoint: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    sent: list[Json] = []
    with mock_aws():
        client: Any = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.meta.events.register("before-call.s3", lambda params, **_: sent.append(params["headers"]))
        file = {"id": "file-1", "created_at": 0}
        client.put_object(Bucket=BUCKET, Key="a", **Files.tagging(file))
        client.create_multipart_upload(Bucket=BUCKET, Key="a", **Files.tagging(file))
        client.put_object(Bucket=BUCKET, Key="a", **Files.tagging({**file, "expires_at": 86_400}))
    assert ["x-amz-tagging" in headers for headers in sent] == [False, False, True]
    assert sent[-1]["x-amz-tagging"] == "lifetime=1"
    for path in (ROOT / "layers" / "engine").rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        assert not any(keyword.arg == "Tagging" for call in calls for keyword in call.keywords), path
