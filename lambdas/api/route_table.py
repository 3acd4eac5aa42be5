"""Every route of the API, by the first part of its path below `/v1`.

A module of routes is imported when a request first names its part: a cold start does not pay for the routes that nobody
asks for, nor for their schemas.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from routes import Route, Routes

MODULES: Mapping[str, Sequence[str]] = {
    "assistants": ("assistant_routes",),
    "threads": ("threads", "messages", "message_speech", "runs", "streams", "run_steps", "timelines"),
    "files": ("files",),
    "uploads": ("uploads",),
    "vector_stores": ("vector_stores", "vector_store_files"),
    "audio": ("audio",),
    "models": ("models",),
    "usage": ("usage",),
    "project": ("project",),
    "functions": ("project",),
    "runs": ("project_runs",),
    "fine_tuning": ("fine_tuning_routes",),
}
"""The modules that declare the routes."""


def routes_below(part: str) -> list[Route]:
    """Return the routes whose paths begin with a part of `MODULES`."""
    return [route for module in MODULES[part] for route in _declared(module) if route.path.split("/")[1] == part]


def every_route() -> list[Route]:
    """Return all of them, which imports all of their modules."""
    return [route for part in MODULES for route in routes_below(part)]


def _declared(module: str) -> Iterator[Route]:
    for value in vars(import_module(module)).values():
        if isinstance(value, Routes):
            yield from value.declared
