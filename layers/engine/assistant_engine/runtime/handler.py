"""Makes Lambda handlers that fail without anybody's text in their errors.

An uncaught exception's message would reach the log and the execution's history, and may hold what a person said. So a
handler ends with one of the errors of `faults`, or with the caller's mistake.
"""

from collections.abc import Callable
from typing import Any

from assistant_engine.domain.errors import ApiError, InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime import metrics
from assistant_engine.runtime.faults import NothingToWaitFor, ServiceBusy, StepFailed, fault_of
from assistant_engine.runtime.log import logger


def lambda_handler(work: Callable[[Json], Json]) -> Callable[[Json, Any], Json]:
    """Make the Lambda handler of a lifecycle step.

    Raises:
        InvalidRequest: the caller's mistake (404s and conflicts too); its message names the parameter.
        ServiceBusy: try again.
        StepFailed: don't.
        NothingToWaitFor: as the step says.
    """

    def handler(event: Json, context: Any) -> Json:
        try:
            return work(event)
        except NothingToWaitFor:
            raise
        except ApiError as error:
            raise InvalidRequest(error.message, param=error.param, code=error.code) from None
        except Exception as error:
            fault = fault_of(error)
            about = event.get("run_id") or event.get("execution", {}).get("name", "")
            logger.error("step failed: %s (%s)", fault.where, about)
            if fault.throttled:
                metrics.emit({"Throttled": 1}, about=about)
            raise (ServiceBusy if fault.busy else StepFailed)(fault.where) from None

    return handler
