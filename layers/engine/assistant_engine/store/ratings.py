"""The ratings of messages: kept with the message, and counted in the usage of its run, in one transaction.

A message keeps what was counted of it. So a rating that is sent twice counts once, and one that is changed counts as
what it is now, on the day on which its run ended.
"""

from boto3.dynamodb.conditions import Attr, ConditionBase

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import Conflict
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.rating import score_of
from assistant_engine.domain.thread import ThreadId
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.items import IS_OURS
from assistant_engine.store.messages import Messages
from assistant_engine.store.runs import Runs
from assistant_engine.store.threads import CLOCK_ATTEMPTS
from assistant_engine.store.usage import Usages, day_of


class Ratings:
    """Ratings of the messages that runs said."""

    def __init__(self, database: Database, messages: Messages, runs: Runs, usage: Usages) -> None:
        self._db = database
        self._messages = messages
        self._runs = runs
        self._usage = usage

    def update(self, thread_id: ThreadId, message_id: str, metadata: dict[str, str], now_ms: Milliseconds) -> Json:
        """Replace a message's metadata, and count the rating in it.

        Raises:
            NotFound: the thread has no message with this id.
            Conflict: others rate the message all the time.
        """
        for _ in range(CLOCK_ATTEMPTS):
            item = self._messages.item(thread_id, message_id)
            before: Json = item.get("rated", {})
            score = score_of(metadata)
            run = self._runs.find(thread_id, item["run_id"]) if item.get("run_id") else None
            if run is None:
                return self._messages.update(thread_id, message_id, metadata)
            update = self._messages.updated(item, metadata).when(IS_OURS, _as_seen(before))
            try:
                if score == before.get("score"):
                    self._db.update(update)
                else:
                    day = before.get("day") or day_of(run.ended_ms or now_ms)
                    update.set(rated={"day": day, **({} if score is None else {"score": score})})
                    ratings = (score is not None) - ("score" in before)
                    counted = self._usage.count_rating(run, day, ratings, (score or 0) - before.get("score", 0))
                    self._db.transact([update.action(), *counted])
            except ConditionFailed:
                continue  # It was rated at this moment, or deleted: the next look at it tells which.
            return self._messages.get(thread_id, message_id)
        raise Conflict("Too many ratings of one message at once. Please try again.", code="conflict")


def _as_seen(rated: Json) -> ConditionBase:
    return Attr("rated").eq(rated) if rated else Attr("rated").not_exists()
