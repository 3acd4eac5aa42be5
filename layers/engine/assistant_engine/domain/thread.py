"""A thread, as the domain works on it."""

from dataclasses import dataclass, field

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.tool_resources import shown
from assistant_engine.domain.usage import NANODOLLARS, Usage


@dataclass(frozen=True, slots=True)
class Thread:
    """The head of a thread: what the API shows of it, the lock, and the clock of its ids.

    Attributes:
        last_ms: the time part of the newest id in the thread, in milliseconds.
        active_run: the run that holds the lock, or None.
        runs, usage, cost: totals of all ended runs; cost in billionths of a US dollar.
        unpriced_runs: ended runs whose model has no price, so that `cost` is without them.
        read_ms: the time part of the newest id when the newest run was created.
    """

    id: str
    created_at: int
    metadata: dict[str, str]
    tool_resources: Json
    last_ms: int
    active_run: str | None = None
    runs: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    unpriced_runs: int = 0
    read_ms: int = 0

    def api(self) -> Json:
        """`ThreadObject`, with the extensions `usage` and `cost` (US dollars)."""
        return {
            "id": self.id,
            "object": "thread",
            "created_at": self.created_at,
            "metadata": self.metadata,
            "tool_resources": shown(self.tool_resources),
            "usage": self.usage.api(),
            "cost": None if self.unpriced_runs else self.cost / NANODOLLARS,
        }
