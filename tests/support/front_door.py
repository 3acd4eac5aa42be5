"""An embedded AWS with something to steal, and requests to it that no SDK would send."""

import http.client
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from local import emulator

SECRET, BUCKET, FUNCTION = "model-key", "letters", "writer"
WORTH = "sk-of-the-developer"

_CODE = """
import os
def handler(event, context):
    if "requestContext" in event:
        headers = {"content-type": "application/json"}
        if event["path"].endswith("/open"):
            headers |= {"access-control-allow-origin": "*", "access-control-allow-headers": "authorization"}
        return {"statusCode": 200, "headers": headers, "body": '{"told": "to anyone"}'}
    return dict(os.environ)
"""


@dataclass(frozen=True)
class Embedded:
    """A running embedded AWS.

    Attributes:
        key: the access key of this start, by the names of its environment variables.
        api: the path of a REST API that answers everybody with `{"told": "to anyone"}`; pages may read what is
            at its `/open`.
        api_host: the same API's own host, with its port.
    """

    port: int
    key: Mapping[str, str]
    api: str = ""
    api_host: str = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def client(self, service: str, **credentials: str) -> Any:
        """Return a boto3 client, of the account's own key unless others are given."""
        names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
        given = {name: self.key[variable] for name, variable in names.items()} | credentials
        session = boto3.Session(region_name=emulator.REGION, **given)
        # Without a word, S3's presigned URLs are of an older kind that AWS refuses for new buckets.
        config = Config(signature_version="s3v4") if service == "s3" else None
        return session.client(service, endpoint_url=self.url, config=config)

    def signed(self, method: str, path: str, body: bytes = b"", service: str = "s3", **headers: str) -> dict[str, str]:
        """Return the headers of a request with a right signature; `headers` with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self.url + path, named, body)
        credentials = Credentials(self.key["AWS_ACCESS_KEY_ID"], self.key["AWS_SECRET_ACCESS_KEY"])
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(credentials, service, emulator.REGION).add_auth(request)
        return dict(request.headers)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"", host: str = ""
    ) -> tuple[int, dict[str, str], str]:
        """Send a request as it is, for `host` if one is given; return status, headers in lower case and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": host or self.host, "Content-Length": str(len(body)), **(headers or {})}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, names, answer.read().decode()
        finally:
            connection.close()

    def functions(self) -> list[str]:
        """Return the names of all functions."""
        return [function["FunctionName"] for function in self.client("lambda").list_functions()["Functions"]]


@contextmanager
def started(directory: Path, *, keep_state: bool = False) -> Iterator[Embedded]:
    """Run an embedded AWS, empty or with the state that is kept in `directory`."""
    port = emulator.start(directory, port=0, keep_state=keep_state)
    settings = emulator.environment(directory)
    try:
        yield Embedded(port, {name: settings[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")})
    finally:
        emulator.stop(directory, keep_state=keep_state)


@contextmanager
def filled(directory: Path) -> Iterator[Embedded]:
    """Run an embedded AWS that holds a secret, an object, a function and a REST API."""
    with started(directory) as embedded:
        embedded.client("secretsmanager").create_secret(Name=SECRET, SecretString=WORTH)
        embedded.client("s3").create_bucket(Bucket=BUCKET)
        embedded.client("s3").put_object(Bucket=BUCKET, Key="a letter", Body=b"Dear Ada")
        function = _create_function(embedded)
        api = _create_api(embedded, function)
        yield Embedded(
            embedded.port,
            embedded.key,
            f"/_aws/execute-api/{api}/v1/models",
            f"{api}.execute-api.localhost:{embedded.port}",
        )


def _create_function(embedded: Embedded) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = embedded.client("iam").create_role(
        RoleName="writer", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("index.py", _CODE)
    function = embedded.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return str(function["FunctionArn"])


def _create_api(embedded: Embedded, function: str) -> str:
    gateway = embedded.client("apigateway")
    made = gateway.create_rest_api(name="open")
    api = str(made["id"])
    path = gateway.create_resource(restApiId=api, parentId=made["rootResourceId"], pathPart="{proxy+}")["id"]
    method = {"restApiId": api, "resourceId": path, "httpMethod": "ANY"}
    gateway.put_method(**method, authorizationType="NONE")
    gateway.put_integration(
        **method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{emulator.REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
    )
    gateway.create_deployment(restApiId=api, stageName="v1")
    arn = f"arn:aws:execute-api:{emulator.REGION}:{emulator.ACCOUNT}:{api}/*"
    embedded.client("lambda").add_permission(
        FunctionName=FUNCTION,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=arn,
    )
    return api


def path_and_query(url: str) -> str:
    """Return what a request line says of a URL."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
