"""Issues, lists and revokes the keys of the HTTP API.

A key is shown once, when it is issued: the secret `<prefix>/api-keys` holds its SHA-256 alone, as
`{"keys": [{"name", "project", "hash", "created_at"}]}`. It belongs to a project, and reaches nothing of another. A
revoked key is refused within a minute.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from assistants.errors import CommandError

PREFIX = "sk-oae-"
DEFAULT_PROJECT = "default"

Key = dict[str, Any]


class KeysError(CommandError):
    """The keys can't be read or changed like this; the message says why."""


def new() -> str:
    """Return a key that nobody can guess; it is of no use until it is issued."""
    return PREFIX + secrets.token_urlsafe(32)


def issue(client: Any, secret_id: str, name: str, project: str = DEFAULT_PROJECT, key: str = "") -> str:
    """Issue a key under a name of its own.

    Args:
        client: boto3's client of Secrets Manager.
        secret_id: name or ARN of the secret.
        name: whose key it is: 1 to 64 letters, digits and `._@-`.
        project: what it belongs to: 1 to 64 lower-case letters, digits and `-`. A new name is a new project.
        key: one that `new` made; else a new one.

    Returns:
        The key. It can't be read again.

    Raises:
        KeysError: the name is in use or not a name, or the project's is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", name):
        raise KeysError("A name is 1 to 64 letters, digits and ._@-")
    if not re.fullmatch(r"[a-z0-9-]{1,64}", project):
        raise KeysError("A project's name is 1 to 64 lower-case letters, digits and -")
    key = key or new()
    hashed = hashlib.sha256(key.encode()).hexdigest()
    entry = {"name": name, "project": project, "hash": hashed, "created_at": int(time.time())}

    def add(keys: list[Key]) -> list[Key]:
        if any(other["name"] == name for other in keys):
            raise KeysError(f"There is a key named {name}: revoke it first, or choose another name.")
        return [*keys, entry]

    _change(client, secret_id, add)
    return key


def revoke(client: Any, secret_id: str, name: str) -> None:
    """Revoke the key of this name.

    Raises:
        KeysError: there is none.
    """

    def remove(keys: list[Key]) -> list[Key]:
        left = [key for key in keys if key["name"] != name]
        if len(left) == len(keys):
            raise KeysError(f"There is no key named {name}.")
        return left

    _change(client, secret_id, remove)


def read(client: Any, secret_id: str) -> list[Key]:
    """Return the keys as they are kept, oldest first: `{"name", "project"?, "hash", "created_at"}`.

    Raises:
        KeysError: there is no such secret.
    """
    try:
        text = client.get_secret_value(SecretId=secret_id)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        # Deployed and not yet written to, or not deployed at all.
        try:
            client.describe_secret(SecretId=secret_id)
        except client.exceptions.ResourceNotFoundException:
            raise KeysError(
                f"There is no secret {secret_id} here: is the stack deployed, and is this its region?"
            ) from None
        return []
    keys: list[Key] = json.loads(text)["keys"] if text else []
    return keys


def _change(client: Any, secret_id: str, change: Callable[[list[Key]], list[Key]]) -> None:
    keys = change(read(client, secret_id))
    client.put_secret_value(SecretId=secret_id, SecretString=json.dumps({"keys": keys}))
