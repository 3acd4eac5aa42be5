"""Measures how long a page's scripts keep it from drawing, from a trace of Chromium."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from assistant_engine.domain.json_data import Json

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "v8"]
SCRIPTS = frozenset(
    (
        *("EventDispatch", "EvaluateScript", "FireAnimationFrame", "FunctionCall", "RunMicrotasks", "TimerFire"),
        *("v8.callFunction", "v8.compile", "v8.compileModule", "v8.evaluateModule", "v8.produceCache"),
    )
)
"""The events of a trace in which a page's scripts run, with the layouts that they ask for."""


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[Callable[[], float]]:
    """Trace the page; what is given returns, afterwards, the most that its scripts ran at once, in milliseconds.

    A browser draws between its tasks, so a frame waits for one of them at most. It is the time of the CPU: on a busy
    machine, a task takes longer, and a script does no more. (`PerformanceObserver` has the time of the clock alone.)
    """
    longest: list[float] = []
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        yield lambda: longest[0]
    finally:
        longest.append(longest_script(json.loads(browser.stop_tracing())["traceEvents"]))


def longest_script(events: list[Json]) -> float:
    """Return the most milliseconds of the CPU that scripts took within one task of a page's main thread."""
    pages = {
        (e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    timed = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) in pages and "tdur" in e]
    longest = 0.0
    for thread in pages:
        own = sorted((e for e in timed if (e["pid"], e["tid"]) == thread), key=lambda e: (e["ts"], -e["dur"]))
        task_ends, script_ends, ran = 0, 0, 0
        for event in own:
            if event["name"] == "RunTask" and event["ts"] >= task_ends:
                task_ends, ran = event["ts"] + event["dur"], 0
            elif event["name"] in SCRIPTS and event["ts"] >= script_ends:
                script_ends = event["ts"] + event["dur"]
                ran += event["tdur"]
                longest = max(longest, ran / 1000)
    return longest
