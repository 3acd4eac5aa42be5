"""Items as plain dicts, and which of them this engine wrote."""

from decimal import Decimal
from typing import Any, Final, TypeGuard

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT

_serialize = TypeSerializer().serialize
_deserializer = TypeDeserializer()


def marshal(item: Json) -> Json:
    """A plain dict as DynamoDB's typed attributes; None values are left out."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def unmarshal(item: Json) -> Json:
    """DynamoDB's typed attributes as a plain dict; numbers become int."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def project_of(item: Json) -> str:
    """The project that an item belongs to where no index lists it: its attribute `belongs_to`."""
    project: str = item.get("belongs_to", DEFAULT_PROJECT)
    return project


def is_ours(item: Json | None) -> TypeGuard[Json]:
    """Return whether an item is an object that this engine wrote: each holds its document, or says where that is.

    The tables may hold items of others, such as the earlier engine with tables of the same names and keys. For reads by
    key they do not exist, and lists leave them out.
    """
    return item is not None and ("document" in item or "document_key" in item)


IS_OURS: Final[ConditionBase] = Attr("document").exists() | Attr("document_key").exists()
"""The same as a condition or a filter."""
