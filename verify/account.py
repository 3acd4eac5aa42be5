"""The stack in its account, as the probes see it, and the list of what they must remove again."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, TypeVar

T = TypeVar("T")
Json = dict[str, Any]


class Account:
    """A deployed stack and clients of its account.

    Args:
        client: makes a boto3 client of a service; further arguments are boto3's own (credentials, config).
        outputs: the stack's, by their own names.
        patience: factor on how long AWS may take to show what was done; the seconds in the probes are AWS's.

    Attributes:
        prefix: what the names of the stack and all of its resources start with (`oae-dev`).
        own_prefix: what the names of everything that this run makes start with.
    """

    def __init__(self, client: Callable[..., Any], outputs: Mapping[str, str], *, patience: float = 1) -> None:
        self.make_client = client
        self.client = cache(client)
        self.outputs = outputs
        self.prefix = outputs["AssistantsTable"].removesuffix("-assistants")
        self.own_prefix = f"{self.prefix}-verify-{uuid.uuid4().hex[:8]}"
        self._patience = patience
        self._made: list[tuple[str, Callable[[], object]]] = []

    def name(self, resource: str) -> str:
        """The full name of one of the stack's resources (`sandbox`)."""
        return f"{self.prefix}-{resource}"

    def log_groups(self) -> list[str]:
        """The names of the log groups of the stack's functions."""
        pages = (
            self.client("logs")
            .get_paginator("describe_log_groups")
            .paginate(logGroupNamePrefix=f"/aws/lambda/{self.prefix}-")
        )
        names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        return [name for name in names if "-verify-" not in name]

    @cached_property
    def id(self) -> str:
        """The account's id."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` ..."""
        return self.outputs["StateMachineArn"].split(":")[1]

    @property
    def region(self) -> str:
        """The stack's region."""
        return self.outputs["StateMachineArn"].split(":")[3]

    def masked(self, text: str) -> str:
        """The text without account ids."""
        return re.sub(r"\b\d{12}\b", "************", text)

    def later(self, what: str, undo: Callable[[], object]) -> None:
        """Have something undone by `clean_up`; `what` names it for a person. Say so before it is made."""
        self._made.append((what, undo))

    def clean_up(self) -> list[str]:
        """Undo everything, the newest first; what could not be undone, and why."""
        left = []
        while self._made:
            what, undo = self._made.pop()
            try:
                undo()
            except Exception as error:
                code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
                # What was never made, or is gone already.
                if not re.search("NotFound|NoSuch|DoesNotExist", code or type(error).__name__):
                    left.append(f"{what}: {code or type(error).__name__}")
        return left

    def until(self, look: Callable[[], T | None], seconds: float, every: float = 2) -> T | None:
        """Look again and again until something is there; None if nothing is, after so many seconds of AWS's."""
        deadline = time.monotonic() + seconds * self._patience
        while not (found := look()) and time.monotonic() < deadline:
            time.sleep(every * self._patience)
        return found or None
