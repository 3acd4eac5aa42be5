"""Check the Signature Version 4 of a request to the embedded AWS, before the emulator sees it.

ministack compares the secrets of roles and users, but not that of the account's own key, and only where it knows the
action that a request asks for. Here every request is checked, in a header or in a presigned URL, as AWS documents it:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, sigv4  # type: ignore[import-untyped]
from ministack.core.responses import _account_from_sts_session, get_account_id  # type: ignore[import-untyped]

MAX_PRESIGNED_SECONDS = 604_800

_ALGORITHM = "AWS4-HMAC-SHA256"
_CREDENTIAL = r"([^/,\s]+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request"
# One spelling, in the order that every SDK writes: a header that can be read in two ways names two callers.
_AUTHORIZATION = re.compile(rf"{_ALGORITHM} Credential={_CREDENTIAL}, ?SignedHeaders=([\w.;-]+), ?Signature=(\w{{64}})")
_SCOPE = re.compile(_CREDENTIAL)
_QUERY_FIELDS = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
_UNSIGNED_PAYLOADS = (sigv4.UNSIGNED_PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
_SIGNED_CHUNKS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


class Refused(Exception):
    """A request whose caller is unknown. `code` and `message` are AWS's; `service` is the one that was signed for."""

    def __init__(self, code: str, message: str, service: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.service = service


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that says who sends it, until `verify` has seen its body.

    Attributes:
        access_key_id: of the caller.
        service: that the signature is for, as `dynamodb`.
        presigned: the signature is in the URL, not in a header.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    signature: sigv4.HeaderSignature
    secret: str
    presigned: bool

    @property
    def access_key_id(self) -> str:
        return str(self.signature.access_key_id)

    @property
    def service(self) -> str:
        return str(self.signature.service)

    def verify(self, body: bytes) -> None:
        """Raise Refused unless the signature is the caller's, for this very body where it signs one."""
        payload = self.headers.get("x-amz-content-sha256", "")
        may_differ = self.service == "s3" and (self.presigned or payload in (*_UNSIGNED_PAYLOADS, *_SIGNED_CHUNKS))
        if payload and not may_differ and payload != hashlib.sha256(body).hexdigest():
            raise Refused("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH, self.service)
        failure = sigv4.header_signature_failure(
            self.signature,
            self.secret,
            self.method,
            self.path,
            self.query,
            self.headers,
            body,
            presigned=self.presigned,
        )
        if failure:
            code, message = failure
            raise Refused(code, message, self.service)


def claim(method: str, path: str, query_string: str, sent_headers: Iterable[tuple[str, str]]) -> Claim:
    """Return who claims to send a request; `path` as it was sent, headers by their names in lower case.

    Raises:
        Refused: the request isn't signed, or in a way that AWS refuses: the key is unknown or its token wrong, the
            time is too far from now or past the end of a presigned URL, or a header is missing from what is signed.
    """
    headers: dict[str, str] = {}
    for name, value in sent_headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    query = parse_qs(query_string, keep_blank_values=True) if query_string else {}
    credentials = [name for name in query if name.lower() in ("x-amz-credential", "awsaccesskeyid")]
    presigned = "authorization" not in headers
    if presigned and not credentials:
        raise Refused("MissingAuthenticationToken", "Missing Authentication Token")
    if not presigned and credentials:
        raise Refused("IncompleteSignature", "Only one auth mechanism allowed.")
    signature = _in_query(query, credentials) if presigned else _in_header(headers)
    _check_signed_headers(signature, headers, presigned)
    _check_time(signature, query, presigned)
    token = query.get("X-Amz-Security-Token", [""])[0] if presigned else headers.get("x-amz-security-token", "")
    return Claim(method, path, query, headers, signature, _secret(signature, token), presigned)


def _in_header(headers: Mapping[str, str]) -> sigv4.HeaderSignature:
    found = _AUTHORIZATION.fullmatch(headers["authorization"])
    if not found:
        code = "IncompleteSignature" if headers["authorization"].startswith(_ALGORITHM) else "UnsupportedSignature"
        raise Refused(code, "The Authorization header is not a complete Signature Version 4.")
    *scope, signed_headers, signature = found.groups()
    return sigv4.HeaderSignature(*scope, signed_headers, signature, headers.get("x-amz-date", ""))


def _in_query(query: Mapping[str, list[str]], credentials: list[str]) -> sigv4.HeaderSignature:
    values = [query.get(name, []) for name in ("X-Amz-Algorithm", *_QUERY_FIELDS)]
    if credentials != ["X-Amz-Credential"] or any(len(value) != 1 for value in values):
        raise Refused("IncompleteSignature", "The query string is not a complete Signature Version 4.")
    algorithm, credential, date, signed_headers, signature = (value[0] for value in values)
    scope = _SCOPE.fullmatch(credential)
    if algorithm != _ALGORITHM or not scope:
        raise Refused("IncompleteSignature", "The query string is not a complete Signature Version 4.")
    return sigv4.HeaderSignature(*scope.groups(), signed_headers, signature, date)


def _check_signed_headers(signature: sigv4.HeaderSignature, headers: Mapping[str, str], presigned: bool) -> None:
    """AWS wants the host signed and, from S3's callers, every header that says what to do."""
    signed = set(signature.signed_headers.split(";"))
    told = {name for name in headers if name.startswith("x-amz-")} if presigned or signature.service == "s3" else set()
    if "host" not in signed or not told <= signed:
        raise Refused("SignatureDoesNotMatch", "There were headers present which were not signed.", signature.service)


def _check_time(signature: sigv4.HeaderSignature, query: Mapping[str, list[str]], presigned: bool) -> None:
    signed_at = sigv4._amz_datetime(signature.amz_date)
    if signed_at is None:
        raise Refused("IncompleteSignature", "The request has no valid date.", signature.service)
    if presigned and signature.service == "s3":
        expires = query.get("X-Amz-Expires", [""])[0]
        seconds = int(expires) if expires.isdecimal() and len(expires) < 8 else 0
        if not 0 < seconds <= MAX_PRESIGNED_SECONDS:
            raise Refused("IncompleteSignature", "X-Amz-Expires must be between 1 and 604800.", signature.service)
        now = datetime.now(UTC)
        if not signed_at - timedelta(minutes=15) <= now <= signed_at + timedelta(seconds=seconds):
            raise Refused("RequestExpired", "Request has expired", signature.service)
    elif skewed := sigv4.request_time_failure(signature):
        code, message = skewed
        raise Refused(code, message, signature.service)


def _secret(signature: sigv4.HeaderSignature, token: str) -> str:
    """Return the secret of an access key: the account's own of this start, a user's or a session's."""
    key = signature.access_key_id
    # The emulator takes `test` and any twelve digits for the account's own key.
    if iam_evaluator.is_root_access_key(key) and key != os.environ["AWS_ACCESS_KEY_ID"]:
        found = iam_evaluator._unknown_access_key()
    else:
        try:
            account = iam_evaluator.find_iam_access_key_account(key) or _account_from_sts_session(key)
            found = iam_evaluator.resolve_credential(key, account or get_account_id(), token)
        except iam_evaluator.AmbiguousAccessKeyError:
            found = iam_evaluator._unknown_access_key()
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise Refused(found.code, found.message, signature.service)
    return str(found.secret_access_key)
