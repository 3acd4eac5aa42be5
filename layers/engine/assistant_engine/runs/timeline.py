"""A run's timeline, from its record alone: what a run took, one thing after the other."""

from dataclasses import asdict

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.timeline import bars
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.runs.executions import execution_arn
from assistant_engine.store import Store

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def timeline(store: Store, run: Run) -> Json:
    """`RunTimeline`: two queries in the thread's partition."""
    asked = store.runs.asked(run)
    start = len(ids.step_prefix(run.id))
    tools = {int(step.step["id"][start : start + 4]): step for step in store.steps.tool_steps(run)}
    arn = execution_arn(run)
    cost = run.account.cost
    return {
        "object": "thread.run.timeline",
        "run_id": run.id,
        "thread_id": run.thread_id,
        "status": run.status,
        "started_ms": run.created_ms,
        "first_token_ms": next((times.first_ms for times in asked if times.first_ms), None),
        "ended_ms": run.ended_ms,
        "cost": None if cost is None else cost / NANODOLLARS,
        "data": [asdict(bar) for bar in bars(run, [times for times in asked if times.answered_ms], tools)],
        "failed_attempts": [
            {
                "turn": failed["turn"],
                "attempt": failed["attempt"],
                "at_ms": failed["failed_ms"],
                "status": failed["status"],
                "message": failed["reason"],
                "next_ms": failed["next_ms"],
            }
            for failed in run.failed_attempts
        ],
        "execution_arn": arn,
        "execution_url": _console(arn),
    }


def _console(arn: str) -> str:
    _, partition, _, region, *_ = arn.split(":")
    host = _CONSOLES.get(partition, _CONSOLES["aws"])
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
