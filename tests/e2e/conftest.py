"""The driver of the end-to-end tests."""

from collections.abc import Iterator

import pytest

from assistant_engine import registry as deployed_tools
from layers.build import TOOLS
from layers.registry import registry
from local.up import Local
from tests.e2e.driver import Driver


@pytest.fixture(scope="session")
def driver(stack: Local) -> Iterator[Driver]:
    """Drive the stack through the engine's own store, configured where its functions find their configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings.items():
            patch.setenv(name, value)
        patch.setattr(deployed_tools, "deployed", lambda: registry(TOOLS))
        yield Driver(stack.client, stack.outputs, stack.model or "gpt-4.1-mini")
