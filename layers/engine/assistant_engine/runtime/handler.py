"""Makes Lambda handlers that fail without anybody's text in their errors.

An uncaught exception's message would reach the log and the execution's history, and may hold what a person said. So a
handler ends with one of the errors of `faults`, or with the caller's mistake.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from assistant_engine.domain.errors import ApiError, InvalidRequest
from assistant_engine.runtime import metrics, startup
from assistant_engine.runtime.faults import NothingToWaitFor, ServiceBusy, StepFailed, fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Settings, configured

Event = TypeVar("Event", bound=Mapping[str, Any])
Result = TypeVar("Result", bound=Mapping[str, Any])


def lambda_handler(
    needs: type[Settings], *clients: Callable[[], Any]
) -> Callable[[Callable[[Event], Result]], Callable[[Event, Any], Result]]:
    """Make the Lambda handler of a lifecycle step.

    Args:
        needs: the function's settings: a variable that is missing is found out when the function starts.
        clients: make, once, what each event needs; see `startup.end`.

    Raises:
        InvalidRequest: the caller's mistake (404s and conflicts too); its message names the parameter.
        ServiceBusy: try again.
        StepFailed: don't.
        NothingToWaitFor: as the step says.
    """
    configured(needs)
    startup.end(*clients)

    def decorate(work: Callable[[Event], Result]) -> Callable[[Event, Any], Result]:
        def handler(event: Event, context: Any) -> Result:
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

    return decorate
