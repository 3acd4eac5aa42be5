"""Metrics in CloudWatch's embedded metric format: lines of JSON in the log, of which CloudWatch itself makes metrics.

No API is called, nothing is imported that the steps don't have, and a function that dies loses no more than its own
lines: metrics tell how the stack does, what a run used and cost stands in its record. The ids in a line are no
dimensions, so they cost nothing; they are what a query of the logs finds it by.
"""

import json
import time
from collections.abc import Mapping

from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import NANODOLLARS, Usage
from assistant_engine.runtime.settings import Lambda, Process, configured

NAMESPACE = "AssistantsAPI"

UNITS = {
    "RunsEnded": "Count",
    "Cost": "None",
    "TurnMs": "Milliseconds",
    "ModelMs": "Milliseconds",
    "OverheadMs": "Milliseconds",
    "PromptTokens": "Count",
    "CompletionTokens": "Count",
    "ModelThrottled": "Count",
    "ModelErrors": "Count",
    "ToolErrors": "Count",
    "SandboxUnconfined": "Count",
    "RunsStuck": "Count",
    "Throttled": "Count",
}
"""Every metric, with its unit; what each means stands in docs/operations.md. CloudWatch bills each by the month."""

_BY_STATUS = ("RunsEnded",)
"""Metrics with the dimension `Status` beside `Stack`, which all have."""


def emit(values: Mapping[str, float], **ids: str) -> None:
    """Write one line with these metrics.

    Args:
        values: by the names in `UNITS`.
        ids: what the line is about, for queries; `Status` is a dimension. Never what somebody said.
    """
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [["Stack", "Status"] if name in _BY_STATUS else ["Stack"]],
            "Metrics": [{"Name": name, "Unit": UNITS[name]}],
        }
        for name in values
    ]
    header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}
    print(json.dumps({"_aws": header, "Stack": _stack(), **ids, **values}), flush=True)


def run_ended(run: Run) -> None:
    """A run has ended."""
    cost = run.account.cost
    priced = {} if cost is None else {"Cost": cost / NANODOLLARS}
    code = {"code": run.last_error["code"]} if run.last_error else {}
    emit({"RunsEnded": 1, **priced}, Status=run.status, **code, **_ids(run))


def turn_taken(run: Run, usage: Usage, turn_ms: int, model_ms: int) -> None:
    """A model call was answered and its outcome is stored.

    Args:
        turn_ms: from reading the conversation to storing the outcome.
        model_ms: of these, those that the model took.
    """
    values = {
        "TurnMs": turn_ms,
        "ModelMs": model_ms,
        "OverheadMs": max(0, turn_ms - model_ms),
        "PromptTokens": usage.prompt_tokens,
        "CompletionTokens": usage.completion_tokens,
    }
    emit(values, turn=str(run.turn), **_ids(run))


def model_failed(run: Run, code: str) -> None:
    """A model call came to nothing, for a reason with one of the codes of `last_error`."""
    emit({"ModelThrottled" if code == "rate_limit_exceeded" else "ModelErrors": 1}, code=code, **_ids(run))


def _stack() -> str:
    """The prefix of the function's name: `oae-dev` of `oae-dev-in_progress`, whose service is `in_progress`."""
    service = configured(Process).powertools_service_name
    return configured(Lambda).aws_lambda_function_name.removesuffix(f"-{service}")


def _ids(run: Run) -> dict[str, str]:
    return {"run_id": run.id, "thread_id": run.thread_id, "assistant_id": run.assistant_id}
