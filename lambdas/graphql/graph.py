"""The schema with its resolvers: the field `askOpenAi` is resolved by the function `ask_open_ai` of a noun's module."""

from collections.abc import Callable
from datetime import datetime
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLScalarType, GraphQLSchema, build_schema
from graphql.type import GraphQLField

from asked import Asked
from assistant_engine.domain.json_data import Json
from resolvers import assistants, async_tasks, files, fine_tuning, messages, runs, threads, tool_calls
from resolvers.values import date_time, moment, snake

NOUNS: tuple[ModuleType, ...] = (assistants, threads, messages, runs, tool_calls, async_tasks, files, fine_tuning)

Resolver = Callable[..., Any]


def ping(asked: Asked) -> str:
    """Answer without a look at anything."""
    return f"Hello at {datetime.now():%H:%M:%S}!!"


def member(source: Json, info: GraphQLResolveInfo) -> Any:
    """Return a member of an object that a resolver returned."""
    value = source.get(snake(info.field_name))
    return value() if callable(value) else value


def _schema() -> GraphQLSchema:
    # The file is ours, and a test checks it.
    schema = build_schema(Path(__file__).with_name("schema.graphqls").read_text(), assume_valid_sdl=True)
    scalar = schema.type_map["DateTime"]
    assert isinstance(scalar, GraphQLScalarType)
    scalar.serialize, scalar.parse_value = date_time, moment  # type: ignore[method-assign,assignment]
    # Of each noun its own functions: a module that it imports may have the name of a field, too.
    resolvers: dict[str, Resolver] = {
        name: found for noun in NOUNS for name, found in vars(noun).items() if isfunction(found)
    }
    found: dict[str, Resolver] = {"ping": ping, **resolvers}
    for kind in (schema.query_type, schema.mutation_type):
        assert kind
        for name, field in kind.fields.items():
            _resolve(field, found[snake(name)])
    return schema


def _resolve(field: GraphQLField, resolver: Resolver) -> None:
    for name, argument in field.args.items():
        argument.out_name = snake(name)

    def resolve(_: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        asked: Asked = info.context
        asked.check_time()
        return resolver(asked, **arguments)

    field.resolve = resolve


SCHEMA = _schema()
