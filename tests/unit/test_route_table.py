"""Checks that the table of routes names every module that declares some."""

import ast
from pathlib import Path

import route_table
from route_table import MODULES, every_route, routes_below

FOLDER = Path(route_table.__file__).parent


def declaring(path: Path) -> bool:
    """Return whether a module makes `Routes`."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(call.func, ast.Name) and call.func.id == "Routes" for call in calls)


def test_every_module_that_declares_routes_is_in_the_table() -> None:
    declaring_modules = {path.stem for path in FOLDER.glob("*.py") if declaring(path)}
    assert {module for modules in MODULES.values() for module in modules} == declaring_modules


def test_every_route_that_is_declared_is_in_the_table_once() -> None:
    declared = [route for name in {name for names in MODULES.values() for name in names} for route in _declared(name)]
    assert sorted(route.name for route in every_route()) == sorted(route.name for route in declared)


def test_a_part_has_the_routes_whose_paths_begin_with_it() -> None:
    assert {route.path for route in routes_below("functions")} == {"/functions"}
    assert "/threads/{thread_id}/runs/{run_id}/timeline" in {route.path for route in routes_below("threads")}


_declared = route_table._declared
