"""Programs that know the key of the local stack are answered, and nobody else, wherever the request comes from."""

import hashlib
import http.client
import json
import re
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore import auth
from botocore.exceptions import ClientError

from local import embedding_model, emulator, offline_model
from tests.support.front_door import BUCKET, FUNCTION, SECRET, WORTH, Embedded, filled, path_and_query, started

ADMINISTRATION = [
    ("POST", "/_ministack/reset"),
    ("POST", "/_ministack/config"),
    ("GET", "/_ministack/health"),
    ("GET", f"/_ministack/lambda-code/{FUNCTION}"),
    ("GET", f"/_ministack/lambda-code/{emulator.ACCOUNT}/{emulator.REGION}/{FUNCTION}"),
    ("GET", "/_ministack/ses/messages"),
    ("GET", "/_ministack/sqs/messages"),
    ("GET", "/_localstack/health"),
    ("GET", "/_aws/lambda-url/anything/"),
]
READS = [("GET", f"/{BUCKET}/a%20letter"), ("GET", f"/{BUCKET}?list-type=2"), ("GET", "/2015-03-31/functions")]
FOREIGN_HOSTS = [
    "evil.example:{port}",
    "evil.example",
    "localhost.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "evillocalhost:{port}",
    "127.0.0.1",
    "localhost:1",
    "127.0.0.1:{port}.evil.example",
    "user@127.0.0.1:{port}",
    "10.0.0.1:{port}",
    "[::1]:{port}",
    "",
]
A_PAGE = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with filled(tmp_path_factory.mktemp("front_door")) as running:
        yield running


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Embedded]]:
    """The servers of the offline model and of the embedding model."""
    directory = tmp_path_factory.mktemp("models")
    ports = [
        offline_model.start(directory, preferred_port=0),
        embedding_model.start(directory, preferred_port=0),
    ]
    yield [Embedded(port, {}) for port in ports]
    offline_model.stop(directory)
    embedding_model.stop(directory)


def _read_secret(embedded: Embedded, host: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
    """Ask for the secret with a right signature and some headers more."""
    body = json.dumps({"SecretId": SECRET}).encode()
    signed = embedded.signed(
        *("POST", "/", body, "secretsmanager"),
        X_Amz_Target="secretsmanager.GetSecretValue",
        Content_Type="application/x-amz-json-1.1",
    )
    return embedded.ask("POST", "/", {**signed, **headers}, body, host)


def test_a_signed_request_of_a_program_is_answered(embedded: Embedded) -> None:
    status, headers, body = _read_secret(embedded)
    assert status == 200 and WORTH in body
    assert not [name for name in headers if name.startswith("access-control")]
    assert _read_secret(embedded, **{"Sec-Fetch-Site": "none"})[0] == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused(embedded: Embedded, host: str) -> None:
    foreign = host.format(port=embedded.port)
    for method, path in [*ADMINISTRATION, *READS, ("GET", embedded.api), ("GET", "/_ministack/ready")]:
        headers = embedded.signed(method, path)
        headers["Host"] = foreign
        status, answered, body = embedded.ask(method, path, headers)
        assert status in (400, 403, 404), (path, body)
        assert "Dear" not in body and "told" not in body and "status" not in body
        assert not [name for name in answered if name.startswith("access-control")]


def test_two_hosts_are_refused(embedded: Embedded) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", embedded.port, timeout=30)
    connection.putrequest("GET", embedded.api)
    connection.putheader("Host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize("page", A_PAGE)
def test_a_page_is_refused_whatever_it_signs(embedded: Embedded, page: dict[str, str]) -> None:
    assert _read_secret(embedded, **page)[0] == 403
    for method, path in [*ADMINISTRATION, *READS, ("OPTIONS", "/"), ("GET", "/_ministack/ready")]:
        status, answered, body = embedded.ask(method, path, {**embedded.signed(method, path), **page})
        assert status == 403, (path, body)
        assert not [name for name in answered if name.startswith("access-control")]
    assert embedded.functions() == [FUNCTION]


def test_an_api_answers_pages_by_its_own_rules(embedded: Embedded) -> None:
    page = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    preflight = {**page, "Access-Control-Request-Method": "GET"}
    for path, host in ((embedded.api, ""), ("/v1/models", embedded.api_host)):
        status, answered, body = embedded.ask("GET", path, page, host=host)
        assert (status, json.loads(body)) == (200, {"told": "to anyone"})
        assert not [name for name in answered if name.startswith("access-control")]
        _, answered, _ = embedded.ask("OPTIONS", path, preflight, host=host)
        assert not [name for name in answered if name.startswith("access-control")]
    _, answered, _ = embedded.ask("OPTIONS", f"{embedded.api}/open", preflight)
    assert answered["access-control-allow-origin"] == "*"
    assert embedded.ask("GET", f"{embedded.api}/open", page)[1]["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "path"), ADMINISTRATION)
def test_the_emulators_own_addresses_are_closed(embedded: Embedded, method: str, path: str) -> None:
    for headers in ({}, embedded.signed(method, path)):
        for host in ("", f"localhost:{embedded.port}", f"{BUCKET}.localhost:{embedded.port}"):
            assert embedded.ask(method, path, headers, host=host)[0] == 403
    # At the API's own host there is the API and nothing else.
    assert embedded.ask(method, path, host=embedded.api_host)[2] == '{"message":"Forbidden"}'
    assert embedded.functions() == [FUNCTION]


def test_health_tells_nothing_else(embedded: Embedded) -> None:
    status, _, body = embedded.ask("GET", "/_ministack/ready")
    assert status == 200 and len(body) < 120 and emulator.ACCOUNT not in body


@pytest.mark.parametrize(("method", "path"), [*READS, ("POST", "/"), ("GET", "/"), ("PUT", f"/{BUCKET}/mine")])
def test_an_unsigned_request_is_refused(embedded: Embedded, method: str, path: str) -> None:
    for target in ("", "DynamoDB_20120810.ListTables", "secretsmanager.ListSecrets", "AWSStepFunctions.StartExecution"):
        status, _, body = embedded.ask(method, path, {"X-Amz-Target": target} if target else {}, b"{}")
        assert status in (400, 403)
        assert re.search("MissingAuthenticationToken|AccessDenied|security token .* is invalid", body), body


CALLS: dict[str, Callable[[Any], Any]] = {
    "dynamodb": lambda client: client.list_tables(),
    "iam": lambda client: client.list_roles(),
    "lambda": lambda client: client.list_functions(),
    "s3": lambda client: client.list_objects_v2(Bucket=BUCKET),
    "secretsmanager": lambda client: client.get_secret_value(SecretId=SECRET),
    "sqs": lambda client: client.list_queues(),
    "stepfunctions": lambda client: client.list_state_machines(),
    "sts": lambda client: client.get_caller_identity(),
}


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret_is_refused(embedded: Embedded, service: str) -> None:
    CALLS[service](embedded.client(service))
    wrong = ("InvalidSignatureException", "SignatureDoesNotMatch")
    with pytest.raises(ClientError) as refused:
        CALLS[service](embedded.client(service, aws_secret_access_key="a-wrong-secret"))
    assert refused.value.response["Error"]["Code"] in wrong
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("key", ["test", emulator.ACCOUNT, "AKIAASSISTANTSENGINE", "AKIA0123456789ABCDEF"])
def test_an_unknown_key_is_refused(embedded: Embedded, service: str, key: str) -> None:
    unknown = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
    for secret in ("test", "local-only", embedded.key["AWS_SECRET_ACCESS_KEY"]):
        with pytest.raises(ClientError) as refused:
            CALLS[service](embedded.client(service, aws_access_key_id=key, aws_secret_access_key=secret))
        assert refused.value.response["Error"]["Code"] in unknown


def test_the_key_of_each_start_is_another(tmp_path: Path) -> None:
    keys, account = [], []
    for _ in range(2):
        with started(tmp_path, keep_state=True) as embedded:
            keys.append(embedded.key)
            secrets = embedded.client("secretsmanager")
            if len(keys) == 1:
                secrets.create_secret(Name=SECRET, SecretString=WORTH)
                [file] = [path for path in tmp_path.iterdir() if embedded.key["AWS_SECRET_ACCESS_KEY"] in _text(path)]
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == WORTH
            account.append(embedded.client("sts").get_caller_identity()["Account"])
    assert account == [emulator.ACCOUNT] * 2
    assert keys[0]["AWS_ACCESS_KEY_ID"] != keys[1]["AWS_ACCESS_KEY_ID"]
    assert keys[0]["AWS_SECRET_ACCESS_KEY"] != keys[1]["AWS_SECRET_ACCESS_KEY"]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def test_the_keys_of_a_function_are_its_own_and_cannot_be_guessed(embedded: Embedded) -> None:
    answer = embedded.client("lambda").invoke(FunctionName=FUNCTION, Payload=b"{}")
    environment = json.loads(answer["Payload"].read())
    assert not set(embedded.key.values()) & set(environment.values())
    function = embedded.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    named = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    given = {name: environment[name.upper()] for name in names}
    role = embedded.client("sts", **given).get_caller_identity()["Arn"]
    assert role == f"arn:aws:sts::{emulator.ACCOUNT}:assumed-role/writer/{FUNCTION}"
    guessed = [
        f"ASIA{named[:16].upper()}",
        *(hashlib.sha256(f"{kind}:{named}".encode()).hexdigest() for kind in ("secret", "token")),
    ]
    for name, value in zip(names, guessed, strict=True):
        assert given[name] != value
        with pytest.raises(ClientError):
            embedded.client("sts", **{**given, name: value}).get_caller_identity()


def test_a_signature_is_for_one_request_alone(embedded: Embedded) -> None:
    path = f"/{BUCKET}/note"
    right = embedded.signed("PUT", path, b"mine", X_Amz_Meta_By="me")
    assert embedded.ask("PUT", path, right, b"mine")[0] == 200
    for altered in (
        embedded.ask("PUT", path, right, b"yours"),
        embedded.ask("PUT", f"/{BUCKET}/other", right, b"mine"),
        embedded.ask("PUT", f"{path}?acl", right, b"mine"),
        embedded.ask("POST", path, right, b"mine"),
        embedded.ask("PUT", path, {**right, "X-Amz-Meta-By": "you"}, b"mine"),
        embedded.ask("PUT", path, {**right, "X-Amz-Copy-Source": f"/{BUCKET}/a%20letter"}, b"mine"),
        embedded.ask("PUT", path, {**right, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, b"mine"),
        embedded.ask("PUT", path, right, b"mine", host=f"localhost:{embedded.port}"),
    ):
        assert altered[0] in (400, 403), altered
    assert embedded.client("s3").get_object(Bucket=BUCKET, Key="note")["Body"].read() == b"mine"


def test_a_header_that_names_two_callers_is_refused(embedded: Embedded) -> None:
    """A function signs for itself and names the account's own key in addition."""
    own = embedded.client("iam")
    own.create_user(UserName="nobody")
    made = own.create_access_key(UserName="nobody")["AccessKey"]
    nobody = Embedded(
        embedded.port,
        {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]},
    )
    path = f"/{BUCKET}/a%20letter"
    headers = nobody.signed("GET", path)
    assert embedded.ask("GET", path, headers)[0] == 403
    authorization = headers["Authorization"]
    scope = re.search(r"Credential=[^/]+(\S+?),", authorization)
    assert scope
    root = f"Credential={embedded.key['AWS_ACCESS_KEY_ID']}{scope[1]}"
    for two in (
        authorization.replace("Credential=", f"{root}, Credential="),
        f"{authorization}, {root}",
        authorization.replace("AWS4-HMAC-SHA256 ", f"AWS4-HMAC-SHA256 {root} "),
    ):
        assert embedded.ask("GET", path, {**headers, "Authorization": two})[0] in (400, 403)


def test_an_old_signature_is_refused(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes, accepted in ((0, True), (-14, True), (-16, False), (16, False)):
        now = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)
        monkeypatch.setattr(auth, "get_current_datetime", lambda now=now, **_: now)
        path = f"/{BUCKET}/a%20letter"
        assert (embedded.ask("GET", path, embedded.signed("GET", path))[0] == 200) == accepted, minutes


def test_a_presigned_url_is_for_what_it_says(embedded: Embedded) -> None:
    named = {"Bucket": BUCKET, "Key": "a letter"}
    url = embedded.client("s3").generate_presigned_url("get_object", named, ExpiresIn=60)
    path = path_and_query(url)
    assert embedded.ask("GET", path)[2] == "Dear Ada"
    deletes = {"X-Amz-Target": "secretsmanager.DeleteSecret", "Content-Type": "application/x-amz-json-1.1"}
    wrong = embedded.client("s3", aws_secret_access_key="wrong").generate_presigned_url("get_object", named)
    for method, altered, headers in (
        ("DELETE", path, {}),
        ("GET", path.replace("a%20letter", "note"), {}),
        ("GET", path.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), {}),
        ("GET", path.replace("X-Amz-Signature=", "X-Amz-Signature=0"), {}),
        ("GET", path, deletes),
        ("GET", path, {"X-Amz-Security-Token": "another"}),
        ("GET", path_and_query(wrong), {}),
        ("GET", f"/_ministack/lambda-code/{FUNCTION}?{path.partition('?')[2]}", {}),
    ):
        status, _, body = embedded.ask(method, altered, headers)
        assert status in (400, 403) and "Dear" not in body, altered


def test_a_presigned_url_ends(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_at = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=90)
    monkeypatch.setattr(auth, "get_current_datetime", lambda **_: signed_at)
    named = {"Bucket": BUCKET, "Key": "a letter"}
    for seconds, status in ((60, 403), (120, 200), (700_000, 400)):
        url = embedded.client("s3").generate_presigned_url("get_object", named, ExpiresIn=seconds)
        assert embedded.ask("GET", path_and_query(url))[0] == status


def test_a_page_takes_no_event_of_a_function(embedded: Embedded) -> None:
    """Each environment asks a server of its own for events, by Lambda's Runtime API, and without a key."""
    functions = embedded.client("lambda")
    functions.invoke(FunctionName=FUNCTION, Payload=b"{}")
    opened = [[socket.laddr.port for socket in _sockets(process)] for process in psutil.Process().children()]
    [ports] = [ports for ports in opened if embedded.port in ports]
    strangers = []
    for port in set(ports) - {embedded.port}:
        for headers in ({"Host": f"127.0.0.1:{port}", **A_PAGE[0]}, {"Host": f"evil.example:{port}"}):
            strangers.append(http.client.HTTPConnection("127.0.0.1", port, timeout=1))
            strangers[-1].request("GET", "/2018-06-01/runtime/invocation/next", headers=headers)
    # An environment answers while it is invoked, the first time perhaps no more than the connection.
    for _ in range(3):
        answer = functions.invoke(FunctionName=FUNCTION, Payload=b"{}")
        assert "FunctionError" not in answer and FUNCTION in answer["Payload"].read().decode()
    with ThreadPoolExecutor(len(strangers)) as pool:
        answered = set(pool.map(_answered, strangers))
    assert answered - {None} == {403}


def _answered(asked: http.client.HTTPConnection) -> int | None:
    with suppress(TimeoutError), closing(asked):
        return asked.getresponse().status
    return None


def test_every_server_listens_on_the_loopback_alone(embedded: Embedded, models: list[Embedded]) -> None:
    embedded.client("lambda").invoke(FunctionName=FUNCTION, Payload=b"{}")
    opened = [socket for process in psutil.Process().children(recursive=True) for socket in _sockets(process)]
    assert {server.port for server in (embedded, *models)} <= {socket.laddr.port for socket in opened}
    assert {socket.laddr.ip for socket in opened} == {"127.0.0.1"}


def _sockets(process: psutil.Process) -> list[Any]:
    """Return the sockets that wait for somebody. A sandbox closes itself to its own user; root sees into it."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return [one for one in process.net_connections("inet") if not one.raddr]
    return []


def test_the_models_answer_programs_alone(models: list[Embedded]) -> None:
    for model in models:
        status, _, body = model.ask("GET", "/v1/models")
        assert status == 200 and "model" in body
        for headers in [*A_PAGE, *({"Host": host.format(port=model.port)} for host in FOREIGN_HOSTS)]:
            for method in ("GET", "POST", "OPTIONS"):
                status, answered, _ = model.ask(method, "/v1/models", headers)
                assert status in (400, 403), headers
                assert not [name for name in answered if name.startswith("access-control")]
