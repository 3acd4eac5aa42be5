"""Usage as the API reports it: by day, by assistant or by user."""

from datetime import date, timedelta
from itertools import islice

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import NANODOLLARS, RunUsage
from assistant_engine.resources.budgets import cost_of
from assistant_engine.store import Store, Window
from assistant_engine.store.project_runs import ProjectRuns
from assistant_engine.store.usage import Total, day_of

USUAL_DAYS = 30
MAX_DAYS = 366

MAX_GROUPS = 100
"""Assistants, the newest, or users whose counters a report reads."""

MAX_RUNS = 2_000
"""Runs, those of the newest days, in which a report by user finds the users."""

NOTHING = Total("", 0, 0, RunUsage())


def report(store: Store, request: Json, now_ms: Milliseconds) -> Json:
    """`UsageReport` for valid `UsageParameters`.

    Raises:
        NotFound: the thread does not exist.
        InvalidRequest: the days are in the wrong order, or too many.
    """
    last = date.fromisoformat(request.get("end_date", day_of(now_ms)))
    first = last - timedelta(days=USUAL_DAYS - 1)
    if "start_date" in request:
        first = date.fromisoformat(request["start_date"])
    if not timedelta() <= last - first < timedelta(days=MAX_DAYS):
        raise InvalidRequest(
            f"Invalid 'start_date': expected a day up to end_date ({last}), and at most {MAX_DAYS} days in all.",
            param="start_date",
            code="invalid_value",
        )
    days = first.isoformat(), last.isoformat()
    if "group_by" in request:
        return _grouped(store, request["group_by"], days)
    if "thread_id" in request:
        found = store.usage.of_thread(store.threads.get(request["thread_id"]).id, *days)
    elif "assistant_id" in request:
        found = store.usage.of_assistant(request["assistant_id"], *days)
    elif "user_id" in request:
        found = store.usage.of_user(request["user_id"], *days)
    else:
        found = store.usage.of_project(*days)
    return {
        "object": "list",
        "start_date": days[0],
        "end_date": days[1],
        "data": [{"object": "usage.day", "date": total.day, **_shown(total)} for total in found],
        "has_more": False,
        "total": _shown(sum(found, NOTHING)),
    }


def _grouped(store: Store, by: str, days: tuple[str, str]) -> Json:
    """A report by assistant or by user instead of by day.

    Each assistant has a counter: a query for each of the newest. A user has one, too, but no list names the users: the
    newest runs do. What is left of the project's total is nobody's.
    """
    whose: dict[str | None, Total] = {}
    if by == "assistant_id":
        page = store.assistants.page(Window(MAX_GROUPS))
        for assistant in page.objects:
            whose[assistant["id"]] = sum(store.usage.of_assistant(assistant["id"], *days), NOTHING)
        has_more = page.has_more
    else:
        runs = ProjectRuns(store).ended(*days)
        users = list(dict.fromkeys(run["used_by"] for run in islice(runs, MAX_RUNS) if run.get("used_by")))
        for user in users[:MAX_GROUPS]:
            whose[user] = sum(store.usage.of_user(user, *days), NOTHING)
        has_more = len(users) > MAX_GROUPS or next(runs, None) is not None
    # Read last: it holds all that was read before.
    total = sum(store.usage.of_project(*days), NOTHING)
    if by == "user_id":
        whose[None] = total - sum(whose.values(), NOTHING)
    dearest = sorted(whose.items(), key=lambda group: _weight(group[1]), reverse=True)
    names = {"assistant_id": None, "user_id": None}
    return {
        "object": "list",
        "start_date": days[0],
        "end_date": days[1],
        "data": [
            {"object": "usage.group", **names, by: name, **_shown(group)} for name, group in dearest if group.runs
        ],
        "has_more": has_more,
        "total": _shown(total),
    }


def _weight(total: Total) -> tuple[int, int]:
    return cost_of(total), total.account.usage.total_tokens


def _shown(total: Total) -> Json:
    figures = total.account.figures()
    return {
        "runs": total.runs,
        **figures,
        "total_tokens": total.account.usage.total_tokens,
        "cost": cost_of(total) / NANODOLLARS,
        "unpriced_runs": total.unpriced_runs,
        "ratings": total.ratings,
        "rating": total.rating_sum / total.ratings / 100 if total.ratings else None,
        "audio_seconds": total.speech.audio_seconds,
        "speech_characters": total.speech.speech_characters,
    }
