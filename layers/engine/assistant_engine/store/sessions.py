"""Sessions of the code interpreter: what a thread's calls leave to the next, below `sandbox/<thread id>/`.

`head` says what the last call was, what it answered and where the state is that it left. It is replaced only by a call
that started from it, so calls at the same moment happen one after the other. A call that is delivered again finds its
answer, in the head or, once another call followed, below `calls/`. An object below `stops/` tells the sandbox to stop a
call that nobody waits for any more.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from assistant_engine.store import objects
from assistant_engine.store.blobs import Blobs

_ANOTHER_WAS_FIRST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


@dataclass(frozen=True, slots=True)
class Head:
    """The last call of a thread.

    Attributes:
        call: its name; empty when there was none.
        answer: what it answered.
        state: the object with the state that it left, None for an empty one.
        version: tells one head from another; None when there is none.
    """

    call: str = ""
    answer: Any = None
    state: str | None = None
    version: str | None = None


class Sessions:
    """The sessions of all threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def head(self, thread_id: str) -> Head:
        """The last call of a thread."""
        found = objects.find(self._blobs.client, self._blobs.bucket, _head_key(thread_id))
        if found is None:
            return Head()
        document = json.loads(found["Body"].read())
        return Head(document["call"], document["answer"], document["state"], found["ETag"])

    def answer(self, thread_id: str, head: Head, call: str) -> Any:
        """Return what a call answered, None if it is not done."""
        if head.call == call:
            return head.answer
        found = objects.find(self._blobs.client, self._blobs.bucket, _answer_key(thread_id, call))
        return json.loads(found["Body"].read()) if found else None

    def commit(self, thread_id: str, head: Head, call: str, answer: Any, state: str | None) -> bool:
        """Make a call that started from `head` the last one; whether no other was first."""
        if head.call:
            self._put(_answer_key(thread_id, head.call), head.answer)
        condition = {"IfMatch": head.version} if head.version else {"IfNoneMatch": "*"}
        try:
            self._put(_head_key(thread_id), {"call": call, "answer": answer, "state": state}, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ANOTHER_WAS_FIRST:
                raise
            return False
        if head.state and head.state != state:
            self._blobs.delete(head.state)
        return True

    def new_state(self, thread_id: str) -> str:
        """The key of a state that is yet to be stored."""
        return f"sandbox/{thread_id}/states/{secrets.token_hex(16)}"

    def is_there(self, state: str) -> bool:
        """Tell whether a state is still stored."""
        return objects.size_of(self._blobs.client, self._blobs.bucket, state) is not None

    def forget(self, state: str) -> None:
        """Delete a state that no call left after all."""
        self._blobs.delete(state)

    def stop(self, thread_id: str, call: str) -> None:
        """Tell the sandbox to stop a call, once or again."""
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=self.stop_key(thread_id, call), Body=b"")

    def stop_key(self, thread_id: str, call: str) -> str:
        """Return the key of the object that stops a call."""
        return f"sandbox/{thread_id}/stops/{_name(call)}"

    def address(self, method: str, key: str, seconds: int) -> str:
        """An address that gives an object to anyone (`get_object`), or takes it (`put_object`), for so many seconds."""
        return objects.address(method, self._blobs.bucket, key, seconds)

    def _put(self, key: str, document: Any, **condition: Any) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=key, Body=body, **condition)


def _head_key(thread_id: str) -> str:
    return f"sandbox/{thread_id}/head"


def _answer_key(thread_id: str, call: str) -> str:
    return f"sandbox/{thread_id}/calls/{_name(call)}"


def _name(call: str) -> str:
    return hashlib.sha256(call.encode()).hexdigest()
