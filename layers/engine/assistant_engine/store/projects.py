"""The settings of projects: an item for each under the partition `project_settings`."""

from contextlib import suppress
from dataclasses import asdict, dataclass

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import ThreadBusy
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import Update, put, query

PARTITION = "project_settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator sets for a project.

    Attributes:
        own_ids: whether its keys may create assistants with ids of their own.
        retention_days: after so many days without anything new, a thread is deleted; None keeps threads.
        thread_busy: what becomes of a run on a thread that has an active one, unless its request says.
    """

    own_ids: bool = False
    retention_days: int | None = None
    thread_busy: ThreadBusy = "reject"


class Projects:
    """The settings of a project."""

    def __init__(self, database: Database, table: str, project: str) -> None:
        self._db = database
        self._table = table
        self._key = {"thread_id": PARTITION, "message_id": project}

    def settings(self) -> Settings:
        """The project's settings; the defaults if nothing was set."""
        return _settings(self._db.get(self._table, self._key) or {})

    def set(self, settings: Settings) -> None:
        """Put settings in place of those before."""
        self._db.transact([put(self._table, {**self._key, **asdict(settings)})])

    def swept(self) -> str | None:
        """The thread up to which the project's threads were looked through; None if that begins anew."""
        return (self._db.get(self._table, self._key) or {}).get("swept")

    def sweep(self, thread_id: str | None) -> None:
        """Keep up to which thread the project's were looked through, None if to the end; while there are settings."""
        update = Update(self._table, self._key).when(Attr("thread_id").exists())
        if thread_id is None and self.swept() is None:
            return
        with suppress(ConditionFailed):
            self._db.update(update.set(swept=thread_id) if thread_id else update.remove("swept"))

    def retentions(self) -> dict[str, int]:
        """Return the days that threads are kept, by project, of those projects whose operator set them."""
        items = self._db.query_all(query(self._table, Key("thread_id").eq(PARTITION)))
        return {item["message_id"]: item["retention_days"] for item in items if item.get("retention_days")}


def _settings(item: Json) -> Settings:
    return Settings(item.get("own_ids", False), item.get("retention_days"), item.get("thread_busy", "reject"))
