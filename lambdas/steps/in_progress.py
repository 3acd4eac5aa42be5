"""`in_progress`: one model call, unless the record says that there is something to do or to wait for first."""

from assistant_engine.domain.payloads import InProgressEvent, StepResult
from assistant_engine.model.client import connections
from assistant_engine.runs.turn import Delivery, advance
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.settings import InProgress
from assistant_engine.store.shared import store


@lambda_handler(InProgress, store, connections)
def handler(event: InProgressEvent) -> StepResult:
    """Take the run's next step."""
    return advance(store(), Delivery(**event)).payload()
