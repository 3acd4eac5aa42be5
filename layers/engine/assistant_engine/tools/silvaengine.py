"""Makes tools of function classes that were written for openai_assistant_engine (SilvaEngine)."""

import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from assistant_engine.domain.json_data import Json

_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict}
_LEFT_OUT = object()
"""Stands for an argument that the model did not give: the function is not given it either."""


def adapted(cls: type, schemas: Mapping[str, Json]) -> type:
    """Return a class for `tool.handler` whose functions are those of a class of that engine.

    Such a class is made with `(logger, **configuration)`, and its functions take the model's arguments by name. The
    code does not say which arguments there are: the tools of the assistants that call it do.

    Args:
        cls: the class.
        schemas: for each function to serve, the `function` of its tool: `{"description"?, "parameters"?}`.

    Raises:
        TypeError: the class has no such function, or `parameters` are no properties that Python can name.
    """

    def __init__(self: Any, configuration: Json) -> None:
        self.adaptee = cls(logging.getLogger(cls.__module__), **configuration)

    methods = {name: _method(cls, name, schema) for name, schema in schemas.items()}
    return type(cls.__name__, (), {"__init__": __init__, "__module__": cls.__module__, **methods})


def _method(cls: type, name: str, schema: Json) -> Callable[..., Any]:
    """Return a method with the signature that a JSON schema describes."""
    original = getattr(cls, name, None)
    if not callable(original):
        raise TypeError(f"{cls.__name__} has no function {name}")

    def method(self: Any, **arguments: Any) -> str:
        given = {argument: value for argument, value in arguments.items() if value is not _LEFT_OUT}
        result = getattr(self.adaptee, name)(**given)
        return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=_plain)

    method.__name__, method.__doc__ = name, schema.get("description") or inspect.getdoc(original)
    try:
        vars(method)["__signature__"] = inspect.Signature([*_parameters(schema.get("parameters") or {})])
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(f"{cls.__name__}.{name}: {error}") from None
    return method


def _parameters(described: Json) -> Iterator[inspect.Parameter]:
    yield inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = described.get("required", [])
    for name, schema in described.get("properties", {}).items():
        optional = Field(default_factory=lambda: _LEFT_OUT)
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[_hint(schema), WithJsonSchema(schema)],
            default=inspect.Parameter.empty if name in required else optional,
        )


def _hint(schema: Json) -> Any:
    """Return the Python type that a JSON schema begins with; `Any` if it allows several."""
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    named = schema.get("type")
    return _TYPES.get(named, Any) if isinstance(named, str) else Any


def _plain(value: Any) -> Any:
    """Return what JSON has no form for as that engine wrote it: a Decimal as a number, a time as text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
