"""The rules of the structure: which way imports go, and how long a module may be."""

import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from local.paths import ROOT
from scripts.imports import ENGINE, Imports, imports, modules
from scripts.rooms import FLOORS, PAGE, filled, room_of, rooms

MAX_LINES = {"app.py": 40, "cdk/stack.py": 80}
MAX_LINES_OF_A_MODULE = 400
FLOOR_OF = {room: number for number, names in enumerate(FLOORS.values()) for room in names}


@pytest.fixture(scope="module")
def found() -> Imports:
    return imports()


def test_the_domain_imports_the_standard_library_and_itself_alone(found: Imports) -> None:
    domain = f"{ENGINE}.domain"
    inside = {name for name in found if name == domain or name.startswith(f"{domain}.")}
    assert inside
    foreign = {
        f"{name} -> {imported}"
        for name in inside
        for imported in found[name] - inside
        if imported.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set()


def test_no_module_imports_itself_through_others(found: Imports) -> None:
    try:
        TopologicalSorter({name: imported & found.keys() for name, imported in found.items()}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_no_room_imports_itself_through_others(found: Imports) -> None:
    try:
        TopologicalSorter(rooms(found)).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_every_room_has_a_floor(found: Imports) -> None:
    assert set(FLOOR_OF) == set(rooms(found)), "FLOORS of scripts/rooms.py says which floor a room is on"


def test_no_module_imports_from_a_floor_above_its_own(found: Imports) -> None:
    upwards = {
        f"{name} -> {imported}"
        for name, names in found.items()
        for imported in names & found.keys()
        if FLOOR_OF.get(room_of(imported), 99) < FLOOR_OF.get(room_of(name), -1)
    }
    assert upwards == set()


def test_what_is_deployed_does_not_know_what_runs_it_locally(found: Imports) -> None:
    deployed = ("cdk", "lambdas", "layers", ENGINE)
    outside = ("assistants", "bench", "local", "samples", "scripts", "tests", "verify")
    known = {
        f"{name} -> {imported}"
        for name, names in found.items()
        if name.partition(".")[0] in deployed
        for imported in names
        if imported.partition(".")[0] in outside
    }
    assert known == set()


def test_no_test_imports_from_a_test(found: Imports) -> None:
    shared = {
        f"{name} -> {imported}"
        for name, names in found.items()
        if name.startswith("tests.")
        for imported in names
        if imported.startswith("tests.") and not imported.startswith("tests.support")
    }
    assert shared == set()


def test_no_module_is_too_long() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in [*modules().values(), ROOT / "app.py"]}
    lines = {name: len(path.read_text().splitlines()) for name, path in files.items()}
    longest = {name: MAX_LINES.get(name, MAX_LINES_OF_A_MODULE) for name in lines}
    assert {name: count for name, count in lines.items() if count > longest[name]} == {}


def test_the_diagrams_show_the_code_as_it_is() -> None:
    page = PAGE.read_text()
    assert page == filled(page), "docs/architecture.md is stale: run `make docs`"


def test_the_types_of_the_cdk_s_services_in_use_are_read() -> None:
    """The others are skipped, so that a service which is not named would be of no type at all."""
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    [named] = [each["module"] for each in overrides if each.get("follow_imports") == "normal"]
    sources = [path for folder in ("cdk", "scripts", "tests") for path in (ROOT / folder).rglob("*.py")]
    used = {name for path in sources for name in re.findall(r"\baws_cdk\.aws_\w+", path.read_text())}
    assert sorted(used) == [name for name in named if name.startswith("aws_cdk.aws_")]
