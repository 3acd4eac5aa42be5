"""Checks who may call, with a secret kept in memory and a clock that the test turns."""

import hashlib
import json

import pytest

from assistant_engine.domain.errors import Unauthorized
from assistant_engine.runtime.api_keys import Keys


class Secret:
    """A secret that counts how often it is read."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.projects: dict[str, str] = {}
        self.reads = 0

    def __call__(self) -> str:
        self.reads += 1
        entries = [
            {"name": key, "hash": hashlib.sha256(key.encode()).hexdigest(), "created_at": 0} for key in self.keys
        ]
        for entry in entries:
            if entry["name"] in self.projects:
                entry["project"] = self.projects[str(entry["name"])]
        return json.dumps({"keys": entries})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_every_key_of_the_secret_is_let_through_and_the_secret_read_once() -> None:
    secret = Secret("one", "two")
    keys = Keys(secret, Clock())
    for header in ("Bearer one", "bearer two", "Bearer  two "):
        keys.check(header)
    assert secret.reads == 1


def test_a_key_tells_its_project_and_one_without_is_the_defaults() -> None:
    secret = Secret("one", "two", "old")
    secret.projects = {"one": "sales", "two": "default"}
    keys = Keys(secret, Clock())
    assert [keys.check(f"Bearer {key}") for key in secret.keys] == ["sales", "default", "default"]


def test_a_project_has_its_own_keys_by_name_without_their_hashes() -> None:
    secret = Secret("one", "two", "old")
    secret.projects = {"one": "sales", "two": "default"}
    keys = Keys(secret, Clock())
    assert keys.named("sales") == [{"name": "one", "created_at": 0}]
    assert [key["name"] for key in keys.named("default")] == ["two", "old"]
    assert keys.named("nobody") == []


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic one", "one"])
def test_no_key_is_told_how_to_give_one(header: str | None) -> None:
    with pytest.raises(Unauthorized, match="You didn't provide an API key"):
        Keys(Secret("one"), Clock()).check(header)


def test_a_wrong_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(Unauthorized) as raised:
        Keys(Secret("one"), Clock()).check("Bearer wrong-\ud800")
    assert raised.value.code == "invalid_api_key" and "wrong" not in raised.value.message


def test_without_any_key_nobody_is_let_through() -> None:
    with pytest.raises(Unauthorized):
        Keys(lambda: None, Clock()).check("Bearer one")


def test_a_revoked_key_dies_within_a_minute() -> None:
    secret, clock = Secret("one"), Clock()
    keys = Keys(secret, clock)
    keys.check("Bearer one")
    secret.keys = []
    clock.now += 60
    with pytest.raises(Unauthorized):
        keys.check("Bearer one")


def test_a_new_key_is_known_within_seconds_and_strangers_do_not_read_the_secret_each_time() -> None:
    secret, clock = Secret("one"), Clock()
    keys = Keys(secret, clock)
    keys.check("Bearer one")
    secret.keys.append("new")
    clock.now += 5
    keys.check("Bearer new")
    reads = secret.reads
    for _ in range(10):
        with pytest.raises(Unauthorized):
            keys.check("Bearer stranger")
    assert secret.reads == reads
