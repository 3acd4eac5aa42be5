"""Offers what a tool module needs: `handler` makes its Lambda handler, `describe` its JSON schemas.

A tool is a class: the constructor takes `configuration`, each public method takes the model's arguments, with type
hints and a docstring. From these the schema is generated; nobody writes it by hand. A method that wants to know the
call it serves (to do its work only once, say) reads `current_call()`. A method whose run is cancelled or expires is
stopped by `CallStopped`.
"""

import inspect
import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assistant_engine.domain.json_data import Json, well_formed
from assistant_engine.runtime import metrics
from assistant_engine.tools.call import CallStopped, current_call, serving
from assistant_engine.tools.result import call_of, result_of

__all__ = ["CallStopped", "current_call", "describe", "handler", "needs_approval"]

Method = TypeVar("Method", bound=Callable[..., Any])


def _methods(cls: type) -> dict[str, Callable[..., Any]]:
    return {name: method for name, method in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}


@cache
def _arguments(method: Callable[..., Any]) -> type[BaseModel]:
    """A model of the method's arguments: it makes the schema and validates what the model sends."""
    parameters = [p for p in inspect.signature(method, eval_str=True).parameters.values() if p.name != "self"]
    fields: dict[str, Any] = {p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters}
    return create_model(method.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def needs_approval(method: Method) -> Method:
    """Marks a tool's method whose calls wait in `requires_action` until the client has said yes."""
    vars(method)["needs_approval"] = True
    return method


def describe(cls: type) -> Json:
    """The tool class as the registry lists it.

    Returns:
        `{"class_name", "functions": {name: {"description", "parameters", "needs_approval"}}}`; `parameters` is a JSON
        schema made from the type hints (use `Annotated[str, Field(description=...)]` to describe one), `description`
        the docstring.
    """
    functions = {}
    for name, method in _methods(cls).items():
        schema = _arguments(method).model_json_schema()
        del schema["title"]
        for parameter in schema.get("properties", {}).values():
            parameter.pop("title", None)
        functions[name] = {
            "description": inspect.getdoc(method) or "",
            "parameters": schema,
            "needs_approval": getattr(method, "needs_approval", False),
        }
    return {"class_name": cls.__name__, "functions": functions}


def handler(cls: type) -> Callable[[Json, Any], Json]:
    """The Lambda handler of a tool module.

    It takes `{"thread_id", "run_id", "turn", "tool_call_id", "function_name", "arguments" (JSON text), "inline_bytes",
    "most_bytes"}` and returns `{"tool_call_id", "output", "began_ms", "ended_ms"}`, with `output_key` for an `output`
    that is larger than `inline_bytes`. An output over `most_bytes` is cut. Bad arguments and exceptions are the
    output, for the model to see. A call that its run does not wait for is not carried out.
    """
    methods = _methods(cls)

    def handle(event: Json, context: Any) -> Json:
        call = call_of(event)
        try:
            with serving(call) as configurations:
                output = _answer(cls, methods.get(event["function_name"]), event, configurations)
        except CallStopped:
            output = "Error: the run does not wait for this call any more."
        return result_of(call, _cut(well_formed(output), event["most_bytes"]), event["inline_bytes"])

    vars(handle)["tool_class"] = cls  # for the registry
    return handle


def _cut(output: str, most_bytes: int) -> str:
    encoded = output.encode()
    return output if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore") + " [truncated]"


def _answer(cls: type, method: Callable[..., Any] | None, event: Json, configurations: dict[str, str]) -> str:
    if method is None:
        return f"Error: {cls.__name__} has no function {event['function_name']}."
    configuration = json.loads(configurations.get(f"{cls.__name__}.{event['function_name']}", "{}"))
    try:
        arguments = _arguments(method).model_validate_json(event["arguments"] or "{}")
        result = method(cls(configuration), **dict(arguments))
        return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
    except ValidationError as error:
        _count_error(event, error)
        wrong = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
        return "Error: bad arguments. " + "; ".join(wrong)
    except Exception as error:
        _count_error(event, error)
        return f"Error: {type(error).__name__}: {error}"


def _count_error(event: Json, error: Exception) -> None:
    about = {name: event[name] for name in ("run_id", "thread_id", "function_name")}
    metrics.emit({"ToolErrors": 1}, error=type(error).__name__, **about)
