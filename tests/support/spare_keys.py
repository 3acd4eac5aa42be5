"""Keys of the API that are issued before a test asks for them: the API may not know a new one for 5 s."""

import time
import uuid
from dataclasses import dataclass

from assistant_engine.domain.project import DEFAULT_PROJECT
from assistants import keys
from local import up as local
from tests.support.canaries import remember

_UNKNOWN_SECONDS = 6
"""For how long an environment of the API may not know a new key: where a stranger asked, it looks again after 5 s."""

_AT_ONCE = {"": 8, DEFAULT_PROJECT: 2}
"""How many keys are issued at a time: each of a project that nobody uses yet, and some of the default project."""


@dataclass(frozen=True)
class SpareKey:
    """A key that waits to be used, and the name by which it is revoked."""

    name: str
    project: str
    key: str


_spare: dict[tuple[str, str], list[SpareKey]] = {}
"""The keys that wait, the oldest first, by the stack that knows them and the project that they were asked for."""

_new: dict[str, float] = {}
"""The keys that were issued, and until when an environment may not know them."""


def issue_ahead(stack: local.Local) -> None:
    """Issue keys for the tests to come, so that few of them wait for theirs."""
    for project, count in _AT_ONCE.items():
        _issue(stack, project, count)


def take(stack: local.Local, project: str = "") -> SpareKey:
    """Return a key of a project, or of one that nobody uses yet. More are issued before the last ones are taken."""
    spare = _spare.setdefault((stack.outputs["ApiUrl"], project), [])
    count = _AT_ONCE[project] if stack.offline else 1  # In an account, no key is left behind.
    if len(spare) <= count // 2:
        _issue(stack, project, count)
    return spare.pop(0)


def note(key: str) -> None:
    """Count a key as new from now on, unless it was noted before."""
    _new.setdefault(key, time.monotonic() + _UNKNOWN_SECONDS)


def unknown_seconds(key: str) -> float:
    """Return for how long an environment of the API may not know a key yet; 0 if each one knows it."""
    return max(0.0, _new.get(key, 0) - time.monotonic())


def _issue(stack: local.Local, project: str, count: int) -> None:
    secrets, secret = stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"]
    for _ in range(count):
        name = f"own-{uuid.uuid4().hex}"
        key = remember(keys.issue(secrets, secret, name, project or name))
        note(key)
        _spare.setdefault((stack.outputs["ApiUrl"], project), []).append(SpareKey(name, project or name, key))
