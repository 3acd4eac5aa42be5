"""The sweeper: recovers runs that do not move, deletes threads that are not kept any longer, removes what deleted
threads left, and hands to the ingestion what of vector stores is due.

Every minute it queries the index of open runs for those that are due; when AWS reports that an execution ended badly,
it looks at that execution's run at once. The index lags a little; what is done is decided from the record.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING

import boto3

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.payloads import SweepEvent, SweepResult
from assistant_engine.resources import ingestion, retention
from assistant_engine.runs.recovery import count_stuck, recover
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Sweeper, configured
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.shared import store

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


@lambda_handler(Sweeper, store)
def handler(event: SweepEvent) -> SweepResult:
    """Look at the runs that are due, or at the one that the event names. One that can't be swept is due again soon."""
    now = seconds_of(now_ms())
    swept = 0
    for thread_id, run_id in store().runs.open(now, execution=event.get("name")):
        if not _guarded(f"run {run_id}", partial(recover, store(), _step_functions(), thread_id, run_id, now)):
            count_stuck(run_id)
        swept += 1
    for deleted in store().threads.tombstones(now):
        _guarded(f"thread {deleted}", partial(retention.bury, store(), deleted))
    for what, see_to in (*ingestion.sweep(store(), now), *retention.sweep(store(), now)):
        _guarded(what, see_to)
    return {"swept": swept}


def _guarded(what: str, work: Callable[[], None]) -> bool:
    """Do the work, which must not keep the rest waiting if it fails; return whether it was done."""
    try:
        with suppress(ConditionFailed):  # It moved while it was swept: it is no longer due, or again the next minute.
            work()
    except Exception as error:
        logger.error("%s is not swept: %s", what, fault_of(error).where)
        return False
    return True


@cache
def _step_functions() -> "SFNClient":
    client: SFNClient = boto3.client("stepfunctions", region_name=configured(Sweeper).aws_region or None)
    return client
