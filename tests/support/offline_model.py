"""Asks the offline model over HTTP, as the stack does: functions to offer it, and conversations with it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import openai

from assistant_engine.domain.builtin_tools import FUNCTIONS

Output = Callable[[str, Any], str]
"""Gives a call's output, from the function's name and its arguments."""


def _function(name: str, description: str, required: Sequence[str], **properties: Any) -> Any:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"type": "function", "name": name, "description": description, "parameters": schema, "strict": False}


_TEXT = {"type": "string"}
_ROOMS = {"type": "string", "enum": ["kitchen", "bedroom", "living room"]}
_EMAIL = {"type": "string", "format": "email"}
_DAY = {"type": "string", "format": "date"}

OFFICE = [
    _function(
        *("get_weather", "Get the current weather of a city.", ["city"]),
        city={**_TEXT, "description": "Name of the city."},
        unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    ),
    _function(
        *("get_stock_price", "Get the latest price of a share.", ["symbol"]),
        symbol={**_TEXT, "description": "The ticker symbol."},
    ),
    _function("get_order_status", "Look up where an order is.", ["order_id"], order_id=_TEXT),
    _function("request_refund", "Refund an order.", ["order_id", "reason"], order_id=_TEXT, reason=_TEXT),
    _function("send_email", "Send an e-mail.", ["to", "subject", "body"], to=_EMAIL, subject=_TEXT, body=_TEXT),
    _function(
        *("book_table", "Reserve a table at a restaurant.", ["restaurant", "people", "date"]),
        restaurant=_TEXT,
        people={"type": "integer", "minimum": 1, "maximum": 12},
        date=_DAY,
        time=_TEXT,
        outdoors={"type": "boolean"},
    ),
    _function(
        *("create_event", "Add a meeting to the calendar.", ["title", "date"]),
        title=_TEXT,
        date=_DAY,
        attendees={"type": "array", "items": _EMAIL},
    ),
    _function(
        *("convert_currency", "Converts an amount of money.", ["amount", "from_currency", "to_currency"]),
        amount={"type": "number"},
        from_currency=_TEXT,
        to_currency=_TEXT,
    ),
    _function(
        *("set_light", "Switches a lamp on or off.", ["room", "on"]),
        room=_ROOMS,
        on={"type": "boolean"},
        brightness={"type": "integer", "minimum": 0, "maximum": 100},
    ),
]
"""Functions of an assistant in an office."""

BUILT_IN = [{"type": "function", "strict": False, **function} for function in FUNCTIONS.values()]
"""The tools `code_interpreter` and `file_search`, as the model is offered them."""

DOCUMENTS = """【0:0†warranty.md】
# Warranty
The warranty of every product lasts 24 months from the day of purchase. Batteries are covered for 6 months.
The warranty does not cover water damage.

【0:1†returns.txt】
You may return a product within 30 days. The customer pays for the return. Opened software cannot be returned.
You get your refund within 5 working days.

【0:2†shipping.pdf】
Standard shipping is free. Express shipping costs 12 dollars. We ship abroad to 30 countries.
The support desk is open from 9 to 17 o'clock, its opening hours."""
"""What a file search gives, whatever is asked."""


class Conversation:
    """A conversation with the offline model about one message."""

    def __init__(self, client: openai.OpenAI, user: str, tools: Sequence[Any] = (), **request: Any) -> None:
        self._client = client
        self._request = {"tools": list(tools), **request}
        self.items: list[Any] = [{"role": "user", "content": user}]
        self.response = self._ask()

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """The calls of the newest response: names and arguments."""
        made = [item for item in self.response.output if item.type == "function_call"]
        return [(call.name, json.loads(call.arguments)) for call in made]

    @classmethod
    def raw(cls, client: openai.OpenAI, user: str) -> list[Any]:
        """Return the calls of a first response as they are, whatever their arguments."""
        return [item for item in cls(client, user).response.output if item.type == "function_call"]

    @property
    def answer(self) -> str:
        return str(self.response.output_text)

    def go_on(self, output: Output) -> None:
        """Give the outputs of the newest calls, and let the model go on."""
        for item in self.response.output:
            self.items.append(item.model_dump(exclude_none=True))
        for item in self.response.output:
            if item.type == "function_call":
                told = output(item.name, json.loads(item.arguments))
                self.items.append({"type": "function_call_output", "call_id": item.call_id, "output": told})
        # The engine sends the choice of tools with the first turn alone.
        self._request.pop("tool_choice", None)
        self.response = self._ask()

    def to_the_end(self, output: Output, most: int = 6) -> str:
        """Carry out calls until there is an answer; return it."""
        for _ in range(most):
            if not self.calls:
                return self.answer
            self.go_on(output)
        raise AssertionError(f"No answer after {most} turns: {self.items}")

    def _ask(self) -> Any:
        return self._client.responses.create(model="offline-script", input=self.items, store=False, **self._request)
