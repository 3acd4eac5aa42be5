"""The front door of the embedded AWS: nobody is trusted because the request comes from the loopback address.

Every request of the emulator's one port passes here first. A page in a browser reaches the loopback too, so a request
for a foreign host, or one that a page sends, is refused. All others must bear a signature of a key that this start of
the emulator knows. The address of an HTTP API is open to browsers and unsigned requests, as it is in AWS: the API
decides by its own keys and its own CORS rules. At the GraphQL address a browser gets a page of its own (`graphiql.py`).
"""

import contextvars
import hmac
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ministack import app as ministack  # type: ignore[import-untyped]
from ministack.core import iam_evaluator, lambda_runtime  # type: ignore[import-untyped]
from ministack.core.sigv4 import decode_header_value  # type: ignore[import-untyped]
from ministack.services import lambda_svc, sts  # type: ignore[import-untyped]

from local import graphiql
from local.callers import is_from_a_page, is_local
from local.signatures import Claim, Refused, claim

Json = Any
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]

MAX_HEAD_BYTES = 10_240
"""Request line and header values of a request to API Gateway ("Amazon API Gateway quotas")."""

_HEALTH = "/_ministack/ready"
# CloudFormation gives this address, with a random token, to the function of a custom resource; in AWS it is a
# presigned URL.
_CUSTOM_RESOURCE = "/_ministack/cfn-response/"

_is_for_api: contextvars.ContextVar[bool] = contextvars.ContextVar("is_for_api", default=False)
_is_verified: contextvars.ContextVar[bool] = contextvars.ContextVar("is_verified", default=False)


def install(ports: Iterable[str]) -> None:
    """Put the door before the emulator in this process; `ports` are those that its callers know it by."""
    answer_api_requests_by_the_api_alone()
    verify_signatures_once()
    give_functions_keys_that_nobody_can_guess()
    ministack.app = FrontDoor(ministack.app, ports)


class FrontDoor:
    """An ASGI application that lets requests through to another one."""

    def __init__(self, app: Callable[..., Awaitable[None]], ports: Iterable[str]) -> None:
        self._app = app
        self._ports = set(ports)

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:  # No API of the stack has WebSockets.
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Json, receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1").lower(), decode_header_value(value)) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == "host"]
        path: str = scope["path"]
        _is_for_api.set(False)
        _is_verified.set(False)
        if len(hosts) != 1 or not is_local(hosts[0], self._ports):
            await _refuse(send, "This host is not served here.")
        elif (called := ministack._parse_execute_api_url(hosts[0], path)) is not None:
            page = graphiql.answer(called[2], dict(headers).get("accept", "")) if scope["method"] == "GET" else None
            if page:
                await ministack._send_response(send, 200, *page)
            elif _head_bytes(scope) > MAX_HEAD_BYTES:
                await _refuse(send, "Request Header Fields Too Large", 431)
            else:
                _is_for_api.set(True)
                await self._app(scope, receive, send)
        elif is_from_a_page(headers):
            await _refuse(send, "Pages in a browser may not ask the embedded AWS.")
        elif path == _HEALTH or (scope["method"] == "PUT" and path.startswith(_CUSTOM_RESOURCE)):
            await self._app(scope, receive, _without_cors(send))
        elif path.startswith("/_"):  # What the emulator offers in addition to AWS: reset, configuration, code ...
            await _refuse(send, "The emulator's own addresses are closed.")
        else:
            await self._signed(scope, headers, receive, _without_cors(send))

    async def _signed(self, scope: Json, headers: list[tuple[str, str]], receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        try:
            claimed = claim(scope["method"], path, query, headers)
            body = await _body(receive)
            if body is None:
                return
            claimed.verify(body)
        except Refused as refused:
            await _answer_refused(send, scope, dict(headers), refused)
            return
        _remember(claimed)
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Json:
            return unread.pop() if unread else await receive()

        await self._app(scope, receive_again, send)


def _remember(claimed: Claim) -> None:
    """Tell the emulator that the signature in a header is right. Where S3's presigned URLs lead, it looks itself."""
    if not claimed.presigned:
        iam_evaluator._anonymous.set(False)
        iam_evaluator._signed_request.set(None)
        iam_evaluator._verified_key.set(claimed.access_key_id)
        _is_verified.set(True)


async def _body(receive: Receive) -> bytes | None:
    """Read the body of a request; None if the client hung up."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _head_bytes(scope: Json) -> int:
    line = (scope["method"].encode(), scope["raw_path"], scope["query_string"], b"HTTP/1.1")
    return sum(map(len, line)) + 3 + sum(len(value) for _, value in scope["headers"])  # Two spaces and a `?`.


async def _refuse(send: Send, message: str, status: int = 403) -> None:
    body = json.dumps({"message": message}).encode()
    await ministack._send_response(send, status, {"Content-Type": "application/json"}, body)


async def _answer_refused(send: Send, scope: Json, headers: dict[str, str], refused: Refused) -> None:
    """Answer as the service words it that the request asks for."""
    service = refused.service or ministack.detect_service(scope["method"], scope["path"], headers, {})
    error = iam_evaluator.AuthError(refused.code, refused.message)
    status, answered, body = ministack._credential_failure(service, "", str(uuid.uuid4()), error, headers)
    await ministack._send_response(send, status, answered, b"" if scope["method"] == "HEAD" else body)


def _without_cors(send: Send) -> Send:
    """Drop the headers by which the emulator lets pages of every origin read its answers."""

    async def send_without_cors(message: Json) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message["headers"] if not header[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_without_cors


def answer_api_requests_by_the_api_alone() -> None:
    """The emulator's own addresses, such as `/_ministack/reset`, answer at the host of an HTTP API as well."""
    before = ministack._handle_pre_body_request
    after = ministack._handle_post_body_shortcuts
    special = ministack._handle_special_data_plane_request

    async def handle_before(*args: Json) -> Json:
        return None if _is_for_api.get() else await before(*args)

    async def handle_after(*args: Json) -> Json:
        return None if _is_for_api.get() else await after(*args)

    async def handle_special(
        method: str, path: str, headers: Json, body: bytes, query: Json, request_id: str, **more: Json
    ) -> Json:
        if not _is_for_api.get():
            return await special(method, path, headers, body, query, request_id, **more)
        more.pop("client_ip", None)
        answer = await ministack._handle_execute_api_request(
            headers["host"], path, method, headers, body, query, **more
        )
        return ministack._with_data_plane_headers(answer, request_id, wildcard_cors=False)

    ministack._handle_pre_body_request = handle_before
    ministack._handle_post_body_shortcuts = handle_after
    ministack._handle_special_data_plane_request = handle_special


def verify_signatures_once() -> None:
    """The emulator would check again what the door has checked."""
    pin = ministack.pin_signed_request

    def pin_unless_verified(*args: Json) -> None:
        if not _is_verified.get():
            pin(*args)

    ministack.pin_signed_request = pin_unless_verified


def give_functions_keys_that_nobody_can_guess() -> None:
    """The keys of a function's role are hashes of its name and its role's: whoever knows the names is the function.

    As in AWS, they are random; here they last as long as the emulator.
    """
    seed = secrets.token_bytes(32)

    def derived(kind: str, config: Json) -> str:
        return hmac.new(seed, f"{kind} {config['FunctionArn']} {config.get('Role', '')}".encode(), "sha256").hexdigest()

    def credentials(config: Json) -> dict[str, str]:
        account, _ = lambda_runtime._account_region_from_function_config(config)
        role, name = config.get("Role", "").rsplit("/", 1)[-1], config["FunctionName"][:64]
        given = {
            "AWS_ACCESS_KEY_ID": f"ASIA{derived('key', config)[:16].upper()}",
            "AWS_SECRET_ACCESS_KEY": derived("secret", config),
            "AWS_SESSION_TOKEN": derived("token", config),
        }
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": given["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": given["AWS_SESSION_TOKEN"],
        }
        sts.register_session(given["AWS_ACCESS_KEY_ID"], session)
        return given

    lambda_runtime.execution_credentials = credentials
    lambda_svc.execution_credentials = credentials
