"""The synthesised template of each environment, made once; no account, network or real layer is needed."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.templates import Template, fill_cache, synthesise


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of layers that hold one small module each."""
    return fill_cache(tmp_path_factory.mktemp("layers"))


@pytest.fixture(scope="session")
def template_of(tmp_path_factory: pytest.TempPathFactory, layers: Path) -> Iterator[Callable[[str], Template]]:
    """The template of an environment with all tools, by its name."""

    @cache
    def synthesised(environment: str) -> Template:
        return synthesise(tmp_path_factory.mktemp(environment), layers, env=environment, sample_tools="on")

    yield synthesised


@pytest.fixture(scope="session")
def prod(template_of: Callable[[str], Template]) -> Template:
    """The template of `prod`."""
    return template_of("prod")
