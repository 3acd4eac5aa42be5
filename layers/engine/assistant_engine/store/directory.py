"""The directory of an assistant's threads: a row for each thread on which it ran, with the totals of its runs."""

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import RunUsage
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import Update, query

_IS_COUNT = Attr("runs").not_exists() | Attr("runs").attribute_type("N")


class Directory:
    """The actions that keep the directory, each part of a run's own transaction."""

    def __init__(self, table: str) -> None:
        self.table = table

    def count_run_begun(self, assistant_id: str, thread_id: str) -> Json:
        """Return the action that lists the thread under the assistant and counts the run.

        Its condition fails on a row that is not this engine's: the earlier one kept a list of runs under that name.
        """
        return self._row(assistant_id, thread_id).add(runs=1).when(_IS_COUNT).action()

    def count_run_ended(self, assistant_id: str, thread_id: str, account: RunUsage) -> Json:
        """Return the action that adds what a run has taken."""
        return self._row(assistant_id, thread_id).add(_amounts(account)).action()

    def count_run_imported(self, assistant_id: str, thread_id: str, account: RunUsage) -> Json:
        """Return the action that does both, of a run that was brought along."""
        amounts = {**_amounts(account), "runs": 1}
        return self._row(assistant_id, thread_id).add(amounts).when(_IS_COUNT).action()

    def is_in_time_order(self, database: Database, assistant_id: str) -> bool:
        """Return whether the ids of an assistant's threads sort by time: none was brought along under another's id.

        The ids of this engine begin with the time, from 2024 to 2059 with these digits; of OpenAI's one in 275 does.
        """
        assistant = Key("assistant_id").eq(assistant_id)
        for ids in (Key("thread_id").lt("thread_0m"), Key("thread_id").gt("thread_0z~")):
            other, _ = database.query(query(self.table, assistant & ids, attributes=("thread_id",), limit=1))
            if other:
                return False
        return True

    def _row(self, assistant_id: str, thread_id: str) -> Update:
        return Update(self.table, {"assistant_id": assistant_id, "thread_id": thread_id})


def _amounts(account: RunUsage) -> dict[str, int]:
    return {**account.figures(), "ended_runs": 1, "unpriced_runs": int(account.cost is None)}
