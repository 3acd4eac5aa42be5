"""Offers what a tool module needs: `handler` makes its Lambda handler, `describe` its JSON schemas.

A tool is a class: the constructor takes `configuration`, each public method takes the model's arguments, with type
hints and a docstring. From these the schema is generated; nobody writes it by hand. A method that wants to know the
call it serves (to do its work only once, say) reads `current_call()`. A method whose run is cancelled or expires is
stopped by `CallStopped`.
"""

import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assistant_engine.domain.json_data import Json, well_formed
from assistant_engine.runtime import metrics, startup
from assistant_engine.tools.call import CallStopped, current_call, database, serving
from assistant_engine.tools.result import call_of, result_of

__all__ = ["CallStopped", "UndescribableTool", "current_call", "describe", "handler", "needs_approval"]

Method = TypeVar("Method", bound=Callable[..., Any])


class UndescribableTool(TypeError):
    """A tool class has no schema. The message is one line: `Weather.get_forecast: day: there is no type hint`.

    Attributes:
        file: the one with the method.
    """

    def __init__(self, cls: type, method: Callable[..., Any], problem: str) -> None:
        super().__init__(f"{cls.__name__}.{method.__name__}: {' '.join(problem.split())}")
        self.file = Path(inspect.unwrap(method).__code__.co_filename)


def _methods(cls: type) -> dict[str, Callable[..., Any]]:
    return {name: method for name, method in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}


def _parameters(method: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the method's parameters without the first, which is the tool itself."""
    return list(inspect.signature(method).parameters.values())[1:]


def _field(method: Callable[..., Any], parameter: inspect.Parameter) -> tuple[Any, Any]:
    """Return the type and the default of an argument, as pydantic wants them."""
    hint = parameter.annotation
    if isinstance(hint, str):
        # As `inspect` does it, which would evaluate the hint of what is returned, too.
        hint = eval(hint, inspect.unwrap(method).__globals__)  # noqa: S307
    return hint, ... if parameter.default is parameter.empty else parameter.default


@cache
def _arguments(method: Callable[..., Any]) -> type[BaseModel]:
    """A model of the method's arguments: it makes the schema and validates what the model sends."""
    fields: dict[str, Any] = {p.name: _field(method, p) for p in _parameters(method)}
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

    Raises:
        UndescribableTool: an argument has no type hint, or one that JSON can't express; or a method can't be called.
    """
    functions = {}
    for name, method in _methods(cls).items():
        _check(cls, name, method)
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


def _check(cls: type, name: str, method: Callable[..., Any]) -> None:
    """Raise `UndescribableTool` unless the model can be told of a method."""
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,64}", name):
        raise UndescribableTool(cls, method, "the API takes names of letters, digits and _, 64 at most")
    if isinstance(inspect.getattr_static(cls, name), staticmethod):
        raise UndescribableTool(cls, method, "a static method is no function of a tool")
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise UndescribableTool(cls, method, "an async method is not awaited: use asyncio.run in an ordinary one")
    for p in _parameters(method):
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            raise UndescribableTool(cls, method, f"{p}: the model gives each argument by its name")
        if p.annotation is p.empty:
            raise UndescribableTool(cls, method, f"{p.name}: there is no type hint")
        try:
            field: Any = _field(method, p)
            create_model(name, **{p.name: field}).model_json_schema()
        except Exception as error:
            reason = str(error).split("\n")[0].split(". ")[0]  # The rest is advice about models.
            raise UndescribableTool(cls, method, f"{p.name}: its type has no JSON schema: {reason}") from None


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
    startup.end(database)
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
