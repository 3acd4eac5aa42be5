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
def template_of(tmp_path_factory: pytest.TempPathFactory, layers: Path) -> Iterator[Callable[..., Template]]:
    """The template of an environment with all tools, by its name and what else is configured."""

    @cache
    def synthesised(environment: str, **context: str) -> Template:
        folder = tmp_path_factory.mktemp(environment)
        return synthesise(folder, layers, env=environment, sample_tools="on", **context)

    yield synthesised


@pytest.fixture(scope="session")
def prod(template_of: Callable[[str], Template]) -> Template:
    """The template of `prod`."""
    return template_of("prod")


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template of `prod` with another layer `engine`: each function has a new version."""
    layers = fill_cache(tmp_path_factory.mktemp("changed-layers"), changed="engine")
    return synthesise(tmp_path_factory.mktemp("changed"), layers, env="prod", sample_tools="on")
