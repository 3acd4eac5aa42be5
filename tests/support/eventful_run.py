"""A run with a model that is busy at first, tools that work and fail, code, a chart and a client's call."""

from typing import Any

from assistant_engine.domain.run import Run
from tests.support.driver import ASK, GET_STOCK_PRICE, Driver

CODE = "import matplotlib.pyplot as plt\\nplt.plot([1, 2])\\nplt.show()\\nprint('<b>drawn</b>')"
SAID = f"""fail 429 times 1 retry after 1
call get_stock_price {{"symbol": "ACME"}}
call get_stock_price {{"symbol": "NONE"}}
then code_interpreter {{"code": "{CODE}"}}
then ask {{"question": "Friday?"}}
say """


def eventful_run(driver: Driver, answer: str, metadata: dict[str, str] | None = None, **assistant: Any) -> Run:
    """Carry it out to its end.

    Args:
        answer: what the assistant says at last.
        assistant: more of the assistant's parameters.
    """
    tools = [ASK, {"type": "code_interpreter"}]
    assistant_id = driver.assistant(functions=[GET_STOCK_PRICE], tools=tools, **assistant)
    begun = driver.begin(SAID + answer, assistant_id=assistant_id, metadata=metadata or {})
    waiting = driver.until(begun, "requires_action")
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "Friday & <i>Saturday</i>"})
    return driver.ended(begun, "completed")
