"""Counts, without timing, what functions import: every module of it is read, and run, at a cold start."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import AT_THE_START
from bench.cold_start import (
    BUDGETS,
    LAYER_BUDGETS,
    MEGABYTE,
    PACKAGE_BUDGET,
    Function,
    Imported,
    functions,
    imported,
    runtime_packages,
    size,
)
from layers.build import CACHE, COMPILED, build, locks
from layers.typical import programs
from route_table import MODULES
from tests.support.templates import Template

STEPS = ("queued", "in_progress", "requires_action", "record_failure")


@pytest.fixture(scope="module")
def imports(prod: Template) -> Iterator[dict[Function, Imported]]:
    """Return what each function of the stack imports before its first event."""
    build("host")
    deployed = functions(Path(prod.path))
    with runtime_packages() as runtime, ThreadPoolExecutor(2) as pool:
        yield dict(zip(deployed, pool.map(lambda function: imported(function, runtime), deployed), strict=True))


def test_only_the_step_that_calls_the_model_imports_its_client(imports: dict[Function, Imported]) -> None:
    packages = {function.name: found.packages for function, found in imports.items()}
    assert [name for name in STEPS if "openai" in packages[name]] == ["in_progress"]
    assert [name for name in STEPS if "pydantic" in packages[name]] == ["in_progress"]
    assert not {"openai", "pydantic"} & packages["sweeper"]
    assert "openai" not in packages["api"]


def test_a_step_imports_nothing_that_only_a_new_run_takes(imports: dict[Function, Imported]) -> None:
    modules = {function.name: set(found.modules) for function, found in imports.items()}
    creating = {f"assistant_engine.{name}" for name in ("runs.creation", "resources.references", "store.assistants")}
    assert {name for name in STEPS if modules[name] & creating} == set()


def test_the_console_adds_nothing_to_what_other_functions_import(imports: dict[Function, Imported]) -> None:
    modules = {function.name: set(found.modules) for function, found in imports.items()}
    assert modules["console"] == {"console", "streaming_runtime"}
    what_the_console_reads = {
        "assistant_engine.domain.timeline",
        "assistant_engine.resources.project",
        "assistant_engine.resources.usage_report",
        "assistant_engine.runs.timeline",
        "assistant_engine.store.project_runs",
    }
    assert {name for name, found in modules.items() if found & what_the_console_reads} == set()


def test_the_api_imports_the_routes_that_conversations_ask_for_alone(imports: dict[Function, Imported]) -> None:
    later = {module for part, named in MODULES.items() if part not in AT_THE_START for module in named}
    later |= {
        "forms",
        *(f"assistant_engine.schemas.{name}" for name in ("audio", "fine_tuning", "usage", "vector_stores")),
    }
    found = {function.name: set(found.modules) for function, found in imports.items()}
    for name in ("api", "stream", "poll"):
        assert {module for part in AT_THE_START for module in MODULES[part]} <= found[name]
        assert not later & found[name]


def test_no_function_imports_more_than_its_budget(imports: dict[Function, Imported]) -> None:
    over = [
        f"{function.name} imports {len(found.modules)} modules of {found.bytes / MEGABYTE:.1f} MB"
        for function, found in imports.items()
        # What packages a tool brings is its author's choice.
        if (function.name not in function.layers or function.name in BUDGETS)
        and (len(found.modules) > function.budget[0] or found.bytes / MEGABYTE > function.budget[1])
    ]
    assert over == []


def test_what_a_function_imports_from_a_layer_is_compiled_there(imports: dict[Function, Imported]) -> None:
    """Of a layer in which not all modules are."""
    for layer in programs():
        folder, listed = CACHE / "host" / layer / "python", locks()[layer].with_name(COMPILED).read_text().split()
        found = {
            name.replace(".", "/")
            for function, each in imports.items()
            if layer in function.layers
            for name in each.modules
        }
        files = {
            f"{path}{end}" for path in found for end in (".py", "/__init__.py") if (folder / f"{path}{end}").is_file()
        }
        assert files - set(listed) == set(), layer


def test_no_package_is_larger_than_its_budget(imports: dict[Function, Imported]) -> None:
    own = {function.name: size(function.code) / MEGABYTE for function in imports}
    assert {name: megabytes for name, megabytes in own.items() if megabytes > PACKAGE_BUDGET} == {}


def test_no_layer_is_larger_than_its_budget() -> None:
    layers = {name: size(CACHE / "host" / name) / MEGABYTE for name in LAYER_BUDGETS}
    assert {name: megabytes for name, megabytes in layers.items() if megabytes > LAYER_BUDGETS[name]} == {}
