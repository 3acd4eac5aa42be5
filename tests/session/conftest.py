"""Gives each worker the checks of its own session (`tests/support/scheduling.py`)."""

import pytest

from tests.support.scheduling import workers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Collect each check once for each worker."""
    metafunc.parametrize("worker", workers(metafunc.config))
