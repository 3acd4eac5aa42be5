"""Reads requests: JSON values in, plain dicts or `InvalidRequest` out."""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.schemas.common import Schema

_DEPTH = 64
_VALUES = 100_000  # each costs more time and memory than its bytes tell
_OPAQUE = {"configuration", "metadata", "parameters", "schema"}  # what is in there is the caller's, null too
_INTEGER = 10**38  # DynamoDB's numbers have 38 digits; what is the caller's is kept as text where it needs more
_ECHO = 64
_PATH = 256
_TAG = re.compile("<[a-z_]+>")
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_SHAPES = {"string": "a string", "array": "array of objects", "object": "object"}


def load_json(text: str | bytes | None) -> object:
    """The JSON value of a request body; `{}` of an empty one.

    Raises:
        InvalidRequest: it is not JSON as RFC 8259 has it: in UTF-8, without `NaN` and `Infinity`.
    """
    if not text:
        return {}
    try:
        if isinstance(text, bytes):
            # Left to itself, `json` would guess at UTF-16 and UTF-32. Lone surrogates get a message of their own.
            text = text.decode("utf-8-sig", errors="surrogatepass")
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidRequest("We could not parse the JSON body of your request: it is not valid JSON.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def parse(model: type[Schema], body: object) -> dict[str, Any]:
    """Checks a body against a schema and returns it.

    Nothing is coerced or filled in, so the result says what the caller set, nested objects included; a null member of
    a nested object is as good as none.

    Args:
        model: the request's schema.
        body: a JSON value.

    Raises:
        InvalidRequest: with the path of the parameter at fault; one error at a time, the most useful one.
    """
    if not isinstance(body, dict):
        raise InvalidRequest(f"Invalid type: expected an object, but got {_kind(body)} instead.", code="invalid_type")
    _require_storable(body)
    body = {name: value if name in _OPAQUE else _without_nulls(value) for name, value in body.items()}
    try:
        model.model_validate(body)
    except ValidationError as invalid:
        # min() keeps the first of equals, which is the first in the order of the schema's fields.
        raise _translate(min(invalid.errors(include_url=False), key=_rank)) from None
    return body


def _without_nulls(value: Any) -> Any:
    """A parameter's value without its null members: clients send back what they read, absent fields as null.

    A null parameter of the request itself stays: it puts a field back to its default.
    """
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: member if name in _OPAQUE else _without_nulls(member)
        for name, member in value.items()
        if member is not None
    }


def parse_fields(model: type[Schema], fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Checks the fields of a query string or a form, which are all text, against a schema.

    Args:
        model: the schema; a value becomes a number where the schema has one.
        fields: names and decoded values in their order; `name[]` adds to an array, `name[key]` sets a key of an object.

    Returns:
        The fields, with the schema's defaults for those that are not given; arrays lose the `[]` of their name.

    Raises:
        InvalidRequest: as `parse` does.
    """
    body: dict[str, Any] = {}
    for name, text in fields:
        outer, bracket, key = name.partition("[")
        if name.endswith("[]"):
            body.setdefault(name, []).append(text)
        elif bracket and key.endswith("]") and isinstance(body.setdefault(outer, {}), dict):
            _set(body[outer], key[:-1], text)
        else:
            _set(body, name, text)
    parse(model, _with_numbers(model, body))
    defaults = {name: field.default for name, field in model.model_fields.items() if field.default is not None}
    return defaults | {name.removesuffix("[]"): value for name, value in body.items()}


def _set(target: dict[str, Any], name: str, text: str) -> None:
    """A name given twice becomes an array, which the schema then refuses."""
    target[name] = [target[name], text] if name in target else text


def _with_numbers(model: type[Schema], body: dict[str, Any]) -> dict[str, Any]:
    for name, field in model.model_fields.items():
        value = body.get(name)
        if field.annotation is int and isinstance(value, str) and re.fullmatch("-?[0-9]{1,18}", value):
            body[name] = int(value)
        elif (
            field.annotation is float
            and isinstance(value, str)
            and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value)
        ):
            body[name] = float(value)
        elif isinstance(value, dict) and isinstance(field.annotation, type) and issubclass(field.annotation, Schema):
            _with_numbers(field.annotation, value)
    return body


def _require_storable(body: dict[str, Any]) -> None:
    """Refuses what JSON texts can spell and our storage or the model's API cannot keep."""
    stack: list[tuple[object, tuple[str | int, ...]]] = [(body, ())]
    values = 0
    while stack:
        value, path = stack.pop()
        reason = None
        values += len(value) if isinstance(value, (dict, list)) else 0
        if isinstance(value, str):
            reason = text_fault(value)
        elif isinstance(value, float):
            reason = None if math.isfinite(value) else "the number must be finite"
        elif isinstance(value, int):
            kept_as_text = not _OPAQUE.isdisjoint(path)
            reason = None if abs(value) < _INTEGER or kept_as_text else "the number has too many digits"
        elif values > _VALUES:
            raise InvalidRequest(f"The request has more than {_VALUES:,} values.", code="value_too_large")
        elif isinstance(value, (dict, list)) and len(path) >= _DEPTH:
            reason = f"values may be nested {_DEPTH} levels deep"
        elif isinstance(value, dict):
            for key, item in value.items():
                if fault := text_fault(key):
                    param = _path(path) or None
                    raise InvalidRequest(f"Invalid parameter name: {fault}.", param=param, code="invalid_value")
                stack.append((item, (*path, key)))
        elif isinstance(value, list):
            stack.extend((item, (*path, index)) for index, item in enumerate(value))
        if reason:
            raise InvalidRequest(f"Invalid '{_path(path)}': {reason}.", param=_path(path), code="invalid_value")


def text_fault(text: str) -> str | None:
    """Return what keeps a text from being stored and sent to a model, or None."""
    if "\0" in text:
        return "text must not contain NUL characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "text must not contain lone surrogates"
    return None


def _rank(error: ErrorDetails) -> int:
    """A misspelt name is both unknown and missing: the unknown one tells the caller more."""
    return {"extra_forbidden": 0, "missing": 1}.get(error["type"], 2)


def _translate(error: ErrorDetails) -> InvalidRequest:
    """The API's message, param and code for one of pydantic's errors."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    location = _without_tags(error)
    if location and location[-1] == "[key]":
        message = _limit(kind, value, context)[0] if kind.startswith("string_") else "it must be a string."
        param = _path(location[:-2])
        return InvalidRequest(f"Invalid property name in '{param}': {message}", param=param, code="invalid_value")
    param = _path(location)
    if kind == "extra_forbidden":
        return InvalidRequest(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")
    if kind == "missing":
        return _missing(param)
    if kind == "problem":
        param = _path([*location, context["at"]]) if context["at"] else param
        return InvalidRequest(context["message"].replace("{param}", param), param=param, code=context["code"])
    if kind in _EXPECTED:
        return _wrong_type(param, _EXPECTED[kind], value)
    if kind in ("by_type", "by_type_or_string"):
        return _wrong_member(location, value, error)
    if kind == "by_shape":
        shapes = " or ".join(_SHAPES[shape] for shape in error["msg"].split())
        return _wrong_type(param, f"one of {shapes}", value)
    if kind == "literal_error":
        return _wrong_choice(param, value, context["expected"])
    message, code = _limit(kind, value, context)
    return InvalidRequest(f"Invalid '{param}': {message}", param=param, code=code)


def _without_tags(error: ErrorDetails) -> list[str | int]:
    """The path of an error without the tags of union members; an unknown name at its end may look like one."""
    location = error["loc"]
    named = len(location) - 1 if error["type"] == "extra_forbidden" else -1
    return [part for index, part in enumerate(location) if index == named or not _TAG.fullmatch(str(part))]


def _missing(param: str) -> InvalidRequest:
    message = f"Missing required parameter: '{param}'."
    return InvalidRequest(message, param=param, code="missing_required_parameter")


def _wrong_type(param: str, expected: str, value: object) -> InvalidRequest:
    message = f"Invalid type for '{param}': expected {expected}, but got {_kind(value)} instead."
    return InvalidRequest(message, param=param, code="invalid_type")


def _wrong_member(location: list[str | int], value: object, error: ErrorDetails) -> InvalidRequest:
    """The `type` of a union's member is missing or unknown."""
    if not isinstance(value, dict):
        expected = "one of a string or object" if error["type"] == "by_type_or_string" else "an object"
        return _wrong_type(_path(location), expected, value)
    param = _path([*location, "type"])
    if "type" not in value:
        return _missing(param)
    return _wrong_choice(param, value["type"], " or ".join(f"'{name}'" for name in error["msg"].split()))


def _wrong_choice(param: str, value: object, expected: str) -> InvalidRequest:
    if not isinstance(value, str):
        return _wrong_type(param, "a string", value)
    choices = re.findall("'([^']*)'", expected)
    listed = [f"'{choice}'" for choice in choices]
    if len(listed) > 1:
        listed[-1] = "and " + listed[-1]
    supported = (", " if len(listed) > 2 else " ").join(listed)
    # What is no word may be something that was said, in the wrong place; see `ids.shown`.
    message = f"Invalid value: '{ids.shown(value)}'. Supported values are: {supported}."
    return InvalidRequest(message, param=param, code="invalid_value")


def _limit(kind: str, value: Any, context: dict[str, Any]) -> tuple[str, str]:
    """The sentence and the code for a value beyond a limit."""
    if kind in ("greater_than_equal", "less_than_equal"):
        above = kind == "less_than_equal"
        bound = context["le" if above else "ge"]
        noun = "decimal" if isinstance(bound, float) else "integer"
        return (
            f"{noun} {'above maximum' if above else 'below minimum'} value. "
            f"Expected a value {'<=' if above else '>='} {round(bound)}, but got {_short(json.dumps(value))} instead.",
            f"{noun}_{'above_max' if above else 'below_min'}_value",
        )
    if kind in ("too_long", "string_too_long"):
        length, most = len(value), context["max_length"]
        if isinstance(value, dict):
            return (
                f"too many properties. Expected an object with at most {most} properties, "
                f"but got an object with {length} properties instead.",
                "object_above_max_properties",
            )
        noun = "array" if isinstance(value, list) else "string"
        article = f"an {noun}" if noun == "array" else f"a {noun}"
        return (
            f"{noun} too long. Expected {article} with maximum length {most}, "
            f"but got {article} with length {length} instead.",
            f"{noun}_above_max_length",
        )
    if kind in ("too_short", "string_too_short"):
        # Every minimum is 1, so too short means empty.
        noun = "array" if isinstance(value, list) else "string"
        article = f"an {noun}" if noun == "array" else f"a {noun}"
        return (
            f"empty {noun}. Expected {article} with minimum length {context['min_length']}, "
            f"but got an empty {noun} instead.",
            f"empty_{noun}",
        )
    if kind == "string_pattern_mismatch":
        expected = context["pattern"]
        return (
            f"string does not match pattern. Expected a string that matches the pattern '{expected}'.",
            "invalid_value",
        )
    return "the value is not valid.", "invalid_value"


def _kind(value: object) -> str:
    """The JSON type of a value with its article, as in "but got ... instead"."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    return names.get(type(value), "an object")


def _path(location: Iterable[str | int]) -> str:
    """A path as the API spells it: `tools[0].function.name`, cut so that a long key is not echoed whole."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else ("." if path else "") + _short(part)
    return path if len(path) <= _PATH else path[:_PATH] + "..."


def _short(text: str) -> str:
    return text if len(text) <= _ECHO else text[:_ECHO] + "..."
