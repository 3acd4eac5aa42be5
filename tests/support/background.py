"""Runs slow cases of a test file in the background while its other tests run."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def in_background(*cases: Callable[..., Any], given: tuple[Any, ...]) -> Iterator[dict[str, Future[Any]]]:
    """Start every case in a thread of its own, and give their futures by name. At the block's end all have ended.

    Args:
        given: the arguments of each case.
    """
    with ThreadPoolExecutor(len(cases)) as pool:
        yield {case.__name__: pool.submit(case, *given) for case in cases}
