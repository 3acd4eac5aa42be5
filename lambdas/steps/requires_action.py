"""`requires_action`: writes the status and the task token that ends the wait, in one update."""

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.payloads import RequiresActionEvent
from assistant_engine.runs.control import wait_for_client
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import NothingToWaitFor
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.settings import RequiresAction
from assistant_engine.store.shared import store


@lambda_handler(RequiresAction, store)
def handler(event: RequiresActionEvent) -> Json:
    """Let the run wait for its client.

    Raises:
        NothingToWaitFor: the outputs are there already, or the run was cancelled or has ended.
    """
    if not wait_for_client(store(), event["thread_id"], event["run_id"], event["turn"], event["token"], now_ms()):
        raise NothingToWaitFor
    return {}
