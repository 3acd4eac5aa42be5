"""A door is an entry that somebody may knock at: a route, a page, a field of GraphQL, a handler, or a state machine.

It is a row of the table in `tests/support/doors.py`. A cell of the row is

- a trial: a function that knocks and checks what comes of it;
- the tests (`Elsewhere`) that try this door, and more of it than a trial would;
- a sentence: the reason why there is nothing to try.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import graphql
import httpx2

import documentation
from local.paths import ROOT
from route_table import every_route
from tests.support.aws_proxy import AwsProxy
from tests.support.driver import Driver
from tests.support.projects import Owner, records


@dataclass(frozen=True)
class House:
    """Holds what is behind the doors, and who may knock.

    Attributes:
        us, them: two projects with one of everything: the one that knocks, and the one whose things it must not reach.
        http: a client of the HTTP API without a key.
        nobody: makes boto3 clients that sign nothing.
        stranger: makes boto3 clients of a role of the account that may do nothing.
        aws_proxy: what the functions call AWS through.
        known: what projects had when it was last read, and how many changes the functions had made by then.
    """

    driver: Driver
    us: Owner
    them: Owner
    http: httpx2.Client
    nobody: Callable[[str], Any]
    stranger: Callable[[str], Any]
    aws_proxy: AwsProxy
    known: dict[str, tuple[int, list[Any]]] = field(default_factory=dict)

    @contextmanager
    def untouched(self, owner: Owner) -> Iterator[None]:
        """Fail if the block changes what a project has."""
        before = self._records(owner)
        yield
        assert self._records(owner) == before

    def _records(self, owner: Owner) -> list[Any]:
        """Return what a project has. It is read again if a function has changed anything, whatever it was."""
        changes = self.aws_proxy.changes
        if self.known.get(owner.project, (-1, []))[0] != changes:
            self.known[owner.project] = changes, records(owner)
        return self.known[owner.project][1]

    @cached_property
    def functions(self) -> dict[str, list[str]]:
        """Return the names of the deployed functions by the module of their handler; one may be deployed twice."""
        found: dict[str, list[str]] = {}
        for page in self.driver.client("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["FunctionName"].startswith(self.driver.function_name("")):
                    found.setdefault(function["Handler"].partition(".")[0], []).append(function["FunctionName"])
        return found


Trial = Callable[[House], None]


@dataclass(frozen=True)
class Elsewhere:
    """The names of the tests that make a trial."""

    tests: tuple[str, ...]

    def __init__(self, *tests: str) -> None:
        object.__setattr__(self, "tests", tests)


Cell = Trial | Elsewhere | str


@dataclass(frozen=True)
class Door:
    """A row: an entry, and a cell for each trial.

    Attributes:
        name: `POST /threads`, or the path of the handler's module or of the state machine's definition.
        no_key: the caller shows no key, or signs nothing.
        foreign_key: the key is none of ours, or the caller's role lacks the right.
        foreign_id: the caller names what belongs to another project, or is not there.
        too_large: the body, payload or input is larger than the door takes.
        too_deep: the JSON is nested too deeply.
        repeated: the request comes again: with its `Idempotency-Key`, or delivered a second time.
    """

    name: str
    no_key: Cell
    foreign_key: Cell
    foreign_id: Cell
    too_large: Cell
    too_deep: Cell
    repeated: Cell

    @property
    def module(self) -> str:
        """The module of a function's handler."""
        return PurePosixPath(self.name).stem

    def cells(self) -> dict[str, Cell]:
        """The cells by their columns."""
        return {column.name: getattr(self, column.name) for column in fields(self) if column.name != "name"}


PAGES = (*documentation.PATHS, "/v1/console")
"""The pages that are there for anyone to read."""


def doors_of_the_code() -> set[str]:
    """Return the names of the entries that there are: each must have a row."""
    names = {f"{route.method} {route.path}" for route in every_route()} | {f"GET {path}" for path in PAGES}
    for path in (ROOT / "lambdas").rglob("*.py"):
        if "handler" in _defined(ast.parse(path.read_text())):
            names.add(path.relative_to(ROOT).as_posix())
    schema = graphql.build_schema((ROOT / "lambdas" / "graphql" / "schema.graphqls").read_text())
    for root in filter(None, (schema.query_type, schema.mutation_type)):
        names |= {f"GraphQL {field}" for field in root.fields}
    names |= {"POST /graphql", "POST /<area>/{endpoint_id}/{proxy+}"}
    return names | {path.relative_to(ROOT).as_posix() for path in (ROOT / "cdk").rglob("*.asl.json")}


def _defined(module: ast.Module) -> set[str]:
    """Return the names of the functions and the variables of a module."""
    assigned = [target for node in module.body if isinstance(node, ast.Assign) for target in node.targets]
    functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return functions | {target.id for target in assigned if isinstance(target, ast.Name)}
