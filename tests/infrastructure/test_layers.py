"""The layers as Lambda gets them: all byte-compiled for its Python, and small enough for every function."""

import _imp
import zipfile
from pathlib import Path

import pytest

from bench.cold_start import functions, size
from layers.build import CACHE, COMPILED, ROOT, build, locks
from layers.byte_code import RUNTIME_MAGIC, modules
from layers.tool_folders import tool_folders
from layers.typical import loaded, programs
from tests.support.templates import Template

MAX_FUNCTION_BYTES = 262_144_000
"""Lambda's limit for a function's code with all its layers, unzipped: 250 MiB."""
LAYERS = sorted(path.parent.name for path in (ROOT / "layers").glob("*/requirements.txt"))
LAYERS += ["engine", *(tool.layer for tool in tool_folders() if tool.lock)]
LARGE = ("engine", "openai", "parsers", "powertools", "python_data", "tool-file_search")
UNCHECKED_HASH = (1).to_bytes(4, "little")
RAW_MAGIC = int.from_bytes(RUNTIME_MAGIC, "little")


@pytest.fixture(scope="module")
def cache() -> Path:
    """The folder of the layers for Lambda."""
    build("lambda")
    return CACHE / "lambda"


def byte_code_of(module: str) -> str:
    """The path of a module's byte code for Lambda's Python."""
    folder, _, name = module.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-314.pyc".removeprefix("/")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_byte_code_that_lambda_s_python_loads_unchecked(cache: Path, layer: str) -> None:
    listed = ROOT / "layers" / layer / COMPILED
    to_compile = modules(cache / layer / "python", listed)
    assert len(to_compile) >= (50 if layer in LARGE else 1)
    with zipfile.ZipFile(cache / f"{layer}.zip") as archive:
        names = set(archive.namelist())
        for module in to_compile:
            name = f"python/{byte_code_of(module)}"
            assert name in names, module
            header = archive.open(name).read(16)
            source_hash = _imp.source_hash(RAW_MAGIC, archive.read(f"python/{module}"))
            assert header == RUNTIME_MAGIC + UNCHECKED_HASH + source_hash, module


def test_all_modules_of_the_engine_are_compiled(cache: Path) -> None:
    engine = ROOT / "layers" / "engine"
    sources = {path.relative_to(engine).as_posix() for path in engine.rglob("*.py")}
    with zipfile.ZipFile(cache / "engine.zip") as archive:
        assert {f"python/{byte_code_of(module)}" for module in sources} <= set(archive.namelist())


@pytest.mark.parametrize("layer", programs())
def test_a_layer_s_byte_code_is_what_it_is_listed_to_be(cache: Path, layer: str) -> None:
    """Nothing else has byte code: what it takes is bounded by the list."""
    with zipfile.ZipFile(cache / f"{layer}.zip") as archive:
        compiled = {name for name in archive.namelist() if name.endswith(".pyc")}
    listed = modules(cache / layer / "python", locks()[layer].with_name(COMPILED))
    assert compiled == {f"python/{byte_code_of(module)}" for module in listed}


def test_no_function_is_larger_than_lambda_takes(cache: Path, prod: Template) -> None:
    as_it_is = {"streaming": ROOT / "layers" / "streaming"}  # All others are built.
    sizes = {
        function.name: size(function.code) + sum(size(as_it_is.get(layer, cache / layer)) for layer in function.layers)
        for function in functions(prod.path)
    }
    assert sizes["sandbox"] > 100_000_000
    assert {name: taken for name, taken in sizes.items() if taken > MAX_FUNCTION_BYTES} == {}


@pytest.mark.parametrize("layer", programs())
def test_what_typical_programs_load_is_compiled(layer: str) -> None:
    """Versions of packages, and with them a few modules, differ between this machine's Python and Lambda's."""
    build("host")
    program = programs()[layer]
    listed = set(program.with_name(COMPILED).read_text().splitlines())
    found = set(loaded(layer, program))
    assert len(found ^ listed) <= 0.02 * len(listed), f"`make lock` lists anew: {sorted(found ^ listed)}"


def test_the_packages_for_data_are_there(cache: Path) -> None:
    layer = cache / "python_data" / "python"
    assert not [path for path in layer.rglob("tests") if path.is_dir()]
    assert {"numpy", "pandas", "matplotlib", "openpyxl", "PIL", "cloudpickle"} <= {
        path.name for path in layer.iterdir()
    }
