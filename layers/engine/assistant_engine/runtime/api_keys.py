"""Checks API keys: bearer keys, several at once, whose hashes are in Secrets Manager.

The secret `API_KEYS_SECRET_ARN` is JSON, `{"keys": [{"name", "project", "hash", "created_at"}]}`. A hash is the SHA-256
of a key; without a project, a key is the default project's.
"""

import hashlib
import hmac
import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from assistant_engine.domain.errors import Unauthorized
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.runtime.incoming import Incoming
from assistant_engine.runtime.settings import ApiKeys, Auth, configured

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 60
"""How long a function keeps the hashes: a key that was revoked dies within that."""

_UNKNOWN_SECONDS = 5
"""A key that is not known may have been issued just now: then hashes older than this are read again."""

_NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)


class Keys:
    """The hashes of all keys, read when they are needed.

    Args:
        read: gives the secret's text, None while it has none.
        clock: seconds that only rise.
    """

    def __init__(self, read: Any, clock: Any = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._entries: list[Json] = []
        self._read_at = float("-inf")

    def check(self, authorization: str | None) -> str:
        """Let the bearer of a key through.

        Args:
            authorization: the request's header.

        Returns:
            The project that the key belongs to.

        Raises:
            Unauthorized: there is no key, or it is none of ours.
        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Unauthorized(_NO_KEY)
        presented = hashlib.sha256(key.strip().encode(errors="surrogatepass")).hexdigest()
        for kept_seconds in (KEPT_SECONDS, _UNKNOWN_SECONDS):
            if projects := self._known(presented, kept_seconds):
                return projects[0]
        raise Unauthorized("Incorrect API key provided.", code="invalid_api_key")

    def named(self, project: str) -> list[Json]:
        """Return the keys of a project, oldest first: `{"name", "created_at"}` of each."""
        entries = self._kept(KEPT_SECONDS)
        return [{name: each[name] for name in ("name", "created_at")} for each in entries if _project(each) == project]

    def _known(self, presented: str, kept_seconds: float) -> list[str]:
        # Each one is compared, so that the time taken does not tell which one was nearly right.
        entries = self._kept(kept_seconds)
        return [_project(entry) for entry in entries if hmac.compare_digest(presented, entry["hash"])]

    def _kept(self, seconds: float) -> list[Json]:
        if self._clock() - self._read_at >= seconds:
            self._entries = json.loads(self._read() or '{"keys": []}')["keys"]
            self._read_at = self._clock()
        return self._entries


def _project(entry: Json) -> str:
    project: str = entry.get("project", DEFAULT_PROJECT)
    return project


def caller_project(request: Incoming, keys: Keys, header: str) -> str:
    """Return the project that a request is for: its key's, or without a key the default one if it is signed for AWS.

    Args:
        header: where clients of this door send a key that is not in `Authorization`.

    Raises:
        Unauthorized: there is no key, or it is none of ours.
    """
    own = request.headers.get(header)
    bearer = f"Bearer {own}" if own else None
    if configured(Auth).api_auth == "iam" and request.signed:
        return keys.check(bearer) if bearer else DEFAULT_PROJECT
    return keys.check(request.headers.get("authorization") or bearer)


@cache
def keys() -> Keys:
    """The keys of this function."""
    client: SecretsManagerClient = boto3.client("secretsmanager")

    def read() -> str | None:
        try:
            secret: str = client.get_secret_value(SecretId=configured(ApiKeys).api_keys_secret_arn)["SecretString"]
        except client.exceptions.ResourceNotFoundException:
            return None  # No key was issued yet.
        return secret

    return Keys(read)
