"""The command that issues, lists and revokes keys, on a secret kept in memory."""

import hashlib
import json
from typing import Any

import pytest

from assistants import keys, stack
from assistants.commands import main

SECRET = "oae-dev/api-keys"


class ResourceNotFoundException(Exception):
    pass


class Secrets:
    """The part of Secrets Manager's client that the command uses; its one secret is deployed and has no value yet."""

    class exceptions:
        ResourceNotFoundException = ResourceNotFoundException

    def __init__(self) -> None:
        self.text: str | None = None

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        if self.text is None:
            raise ResourceNotFoundException
        return {"SecretString": self.text}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:
        self.text = SecretString

    def describe_secret(self, SecretId: str) -> None:
        if SecretId != SECRET:
            raise ResourceNotFoundException


def test_a_key_is_kept_as_its_hash_alone() -> None:
    client = Secrets()
    key = keys.issue(client, SECRET, "ci")
    assert key.startswith("sk-oae-")
    assert client.text is not None and key not in client.text
    [entry] = json.loads(client.text)["keys"]
    assert (entry["name"], entry["project"]) == ("ci", "default")
    assert entry["hash"] == hashlib.sha256(key.encode()).hexdigest()


def test_several_keys_live_side_by_side_and_one_is_revoked() -> None:
    client = Secrets()
    for name in ("ci", "alice", "bob"):
        keys.issue(client, SECRET, name)
    keys.revoke(client, SECRET, "alice")
    assert [key["name"] for key in keys.read(client, SECRET)] == ["ci", "bob"]


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda client: keys.issue(client, SECRET, "ci"), "There is a key named ci"),
        (lambda client: keys.issue(client, SECRET, "two words"), "A name is"),
        (lambda client: keys.issue(client, SECRET, "other", "Sales#"), "A project's name is"),
        (lambda client: keys.issue(client, SECRET, "other", ""), "A project's name is"),
        (lambda client: keys.revoke(client, SECRET, "nobody"), "There is no key named nobody"),
        (lambda client: keys.read(Secrets(), "oae-prod/api-keys"), "There is no secret oae-prod/api-keys"),
    ],
)
def test_refusals_say_why(work: Any, message: str) -> None:
    client = Secrets()
    keys.issue(client, SECRET, "ci")
    with pytest.raises(keys.KeysError, match=message):
        work(client)


def test_prod_is_the_environment_without_a_suffix() -> None:
    assert (stack.prefix("prod"), stack.prefix("dev")) == ("oae", "oae-dev")


def test_the_command_issues_lists_and_revokes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Secrets()
    monkeypatch.setattr(stack, "find", lambda environment: stack.Stack({"API_KEYS_SECRET": SECRET}))
    monkeypatch.setattr(stack.Stack, "client", lambda self, service: client)
    main(["keys", "issue", "ci"])
    assert capsys.readouterr().out.startswith("sk-oae-")
    main(["keys", "issue", "alice", "--env", "dev", "--project", "sales"])
    capsys.readouterr()
    main(["keys", "list"])
    listed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1:] for line in listed] == [["default", "ci"], ["sales", "alice"]]
    main(["keys", "revoke", "alice", "--env", "dev"])
    main(["keys", "revoke", "ci", "--env", "dev"])
    assert keys.read(client, SECRET) == []
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["keys", "revoke", "ci", "--env", "dev"])
    assert (stopped.value.code, capsys.readouterr().err) == (1, "There is no key named ci.\n")
