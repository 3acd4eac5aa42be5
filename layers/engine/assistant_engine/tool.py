"""What a tool module needs: `handler` makes its Lambda handler, `describe` its JSON schemas.

A tool is a class: the constructor takes `configuration`, each public method takes the model's arguments, with type
hints and a docstring. From these the schema is generated; nobody writes it by hand. A method that wants to know the
call it
serves (to do its work only once, say) reads `current_call()`.
"""

import inspect
import json
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assistant_engine.records import Json, json_size


@dataclass(frozen=True, slots=True)
class Call:
    """The call that a tool serves. The same call may be delivered twice, with the same ids."""

    thread_id: str
    run_id: str
    turn: int
    tool_call_id: str

    @property
    def name(self) -> str:
        """A name for the call that is its own: some models' servers start their call ids anew in each turn."""
        return f"{self.thread_id}/{self.run_id}/{self.turn}/{self.tool_call_id}"


_call: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """The call being served, for use inside a tool's method."""
    return _call.get()


def _methods(cls: type) -> dict[str, Callable[..., Any]]:
    return {name: method for name, method in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}


@cache
def _arguments(method: Callable[..., Any]) -> type[BaseModel]:
    """A model of the method's arguments: it makes the schema and validates what the model sends."""
    parameters = [p for p in inspect.signature(method, eval_str=True).parameters.values() if p.name != "self"]
    fields: dict[str, Any] = {p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters}
    return create_model(method.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def describe(cls: type) -> Json:
    """The tool class as the registry lists it.

    Returns:
        `{"class_name", "functions": {name: {"description", "parameters"}}}`; `parameters` is a JSON schema made from
        the type hints (use `Annotated[str, Field(description=...)]` to describe one), `description` the docstring.
    """
    functions = {}
    for name, method in _methods(cls).items():
        schema = _arguments(method).model_json_schema()
        del schema["title"]
        for parameter in schema.get("properties", {}).values():
            parameter.pop("title", None)
        functions[name] = {"description": inspect.getdoc(method) or "", "parameters": schema}
    return {"class_name": cls.__name__, "functions": functions}


def handler(cls: type) -> Callable[[Json, Any], Json]:
    """The Lambda handler of a tool module.

    It takes `{"thread_id", "run_id", "turn", "tool_call_id", "function_name", "arguments" (JSON text), "configured",
    "inline_bytes", "most_bytes"}` and returns `{"tool_call_id", "output"}`, or `{"tool_call_id", "output_key"}` when
    the output is larger than `inline_bytes`. An output over `most_bytes` is cut. Bad arguments and exceptions are the
    output, for the model to see.
    """
    methods = _methods(cls)

    def handle(event: Json, context: Any) -> Json:
        call = Call(event["thread_id"], event["run_id"], event["turn"], event["tool_call_id"])
        _call.set(call)
        name = event["function_name"]
        output = _cut(_answer(cls, methods.get(name), event), event["most_bytes"])
        if json_size(output) <= event["inline_bytes"]:
            return {"tool_call_id": call.tool_call_id, "output": output}
        key = f"outputs/{call.name}"
        _client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=output.encode())
        return {"tool_call_id": call.tool_call_id, "output_key": key}

    return handle


def _cut(output: str, most_bytes: int) -> str:
    encoded = output.encode()
    return output if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore") + " [truncated]"


def _answer(cls: type, method: Callable[..., Any] | None, event: Json) -> str:
    if method is None:
        return f"Error: {cls.__name__} has no function {event['function_name']}."
    try:
        arguments = _arguments(method).model_validate_json(event["arguments"] or "{}")
        result = method(cls(_configuration(event, cls.__name__)), **dict(arguments))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
        return "Error: bad arguments. " + "; ".join(wrong)
    except Exception as error:
        return f"Error: {type(error).__name__}: {error}"
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)


def _configuration(event: Json, class_name: str) -> Json:
    """What the assistant's `functions` say for this function, as the run was created with it."""
    if not event["configured"]:
        return {}
    # Read, not sent: the execution's data holds ids and arguments only.
    item = _client("dynamodb").get_item(
        TableName=os.environ["MESSAGES_TABLE"],
        Key={"thread_id": {"S": event["thread_id"]}, "message_id": {"S": event["run_id"]}},
        ProjectionExpression="#functions",
        ExpressionAttributeNames={"#functions": "functions"},
    )["Item"]
    configuration: Json = json.loads(item["functions"]["M"][f"{class_name}.{event['function_name']}"]["S"])
    return configuration


@cache
def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)
