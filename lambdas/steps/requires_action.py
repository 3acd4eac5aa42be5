"""`requires_action`: writes the status and the task token that ends the wait, in one update."""

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import next_action
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import NothingToWaitFor
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.shared import store


@lambda_handler
def handler(event: Json) -> Json:
    """Let the run wait for its client.

    Args:
        event: `{"thread_id", "run_id", "turn", "token"}`.

    Raises:
        NothingToWaitFor: the outputs are there already, or the run was cancelled or has ended.
    """
    run = store().runs.get(event["thread_id"], event["run_id"])
    tools = store().steps.pending(run)
    if next_action(run, event["turn"], tools, seconds_of(now_ms())) != "requires_action":
        raise NothingToWaitFor
    try:
        store().transitions.wait_for_outputs(run, event["token"], now_ms())
    except ConditionFailed:
        raise NothingToWaitFor from None
    return {}
