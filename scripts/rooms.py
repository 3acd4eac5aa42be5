"""Draws the diagrams of docs/architecture.md: the lifecycle from its table, the map from the imports. `make docs`.

The rooms are the packages of the engine and the folders of `lambdas`. A room is on the floor that is chosen here; which
arrows there are comes from the imports. `tests/unit/test_structure.py` holds the code to the floors.
"""

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter

from assistant_engine.domain.lifecycle import TERMINAL, TRANSITIONS
from scripts.imports import ENGINE, ROOT, Imports, imports

PAGE = ROOT / "docs" / "architecture.md"
FLOORS: Mapping[str, Collection[str]] = {
    "entries": (
        "lambdas/api",
        "lambdas/graphql",
        "lambdas/steps",
        "lambdas/tools",
        "lambdas/sweeper",
        "lambdas/events",
        "lambdas/export",
        "lambdas/fine_tuning",
        "lambdas/speech",
    ),
    "use cases": ("resources", "runs", "fine_tuning"),
    "store, model, tools": ("store", "model", "tools", "tool", "search", "schemas", "runtime", "web"),
    "domain": ("domain",),
}
"""The floors from the top down, each with its rooms. A module imports from its own floor and from those below."""

Rooms = Mapping[str, frozenset[str]]


def room_of(module: str) -> str:
    """Return the room that a module is in; empty if it is in none."""
    match module.split("."):
        case ["assistant_engine", room, *_]:
            return room
        case ["lambdas", folder, *_]:
            return f"lambdas/{folder}"
    return ""


def rooms(found: Imports) -> Rooms:
    """Return, for each room that uses the engine, the other rooms that its modules import."""
    arrows: dict[str, set[str]] = {}
    for module, imported in found.items():
        if room := room_of(module):
            arrows.setdefault(room, set()).update(room_of(name) for name in imported if name in found)
    inside = {room_of(module) for module in found if module.startswith(f"{ENGINE}.")}
    return {room: frozenset(to - {"", room}) for room, to in arrows.items() if room in inside or to & inside}


def reduced(arrows: Rooms) -> Rooms:
    """Return the arrows without those that follow from others; a cycle raises `graphlib.CycleError`."""
    reach: dict[str, frozenset[str]] = {}
    for room in TopologicalSorter(arrows).static_order():
        reach[room] = frozenset().union(arrows[room], *(reach[other] for other in arrows[room]))
    return {
        room: frozenset(other for other in to if not any(other in reach[third] for third in to))
        for room, to in arrows.items()
    }


def lifecycle() -> str:
    """Return the table of transitions as a Mermaid diagram."""
    arrows = [f"  {status} --> {after}" for status, following in TRANSITIONS.items() for after in following]
    ends = [f"  {status} --> [*]" for status in TERMINAL]
    return "\n".join(["```mermaid", "stateDiagram-v2", "  [*] --> queued", *arrows, *ends, "```"])


def drawn(arrows: Rooms) -> str:
    """Return the map as a Mermaid diagram."""
    lines = ["```mermaid", "flowchart TB"]
    for number, (floor, names) in enumerate(FLOORS.items()):
        here = [name for name in names if name in arrows]
        lines += [f'  subgraph floor{number}["{floor}"]', *(f'    {_id(name)}["{name}"]' for name in here), "  end"]
    pairs = sorted((room, other) for room, to in reduced(arrows).items() for other in to)
    return "\n".join([*lines, *(f"  {_id(room)} --> {_id(other)}" for room, other in pairs), "```"])


def way_of_a_run(found: Imports) -> str:
    """Return a table of the rooms that each step of the lifecycle reaches, floor by floor."""
    floors = list(FLOORS)[1:]
    lines = [f"| step | {' | '.join(floors)} |", "|---" * (len(floors) + 1) + "|"]
    for step in ("queued", "in_progress", "requires_action", "record_failure"):
        reached = {room_of(module) for module in _reachable(found, f"lambdas.steps.{step}")}
        cells = (", ".join(f"`{room}`" for room in FLOORS[floor] if room in reached) for floor in floors)
        lines.append(f"| `{step}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _reachable(found: Imports, module: str) -> set[str]:
    seen, waiting = set[str](), [module]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += [other for other in found[name] if other in found]
    return seen


def _id(room: str) -> str:
    return room.replace("/", "_")


def filled(page: str) -> str:
    """Return the page with the diagrams and the table between their marks."""
    found = imports()
    parts = {"lifecycle": lifecycle(), "map": drawn(rooms(found)), "way of a run": way_of_a_run(found)}
    for mark, text in parts.items():
        before, start, rest = page.partition(f"<!-- {mark} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert start and end, f"there is no place for the {mark}"
        page = f"{before}{start}{text}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
    print(f"wrote {PAGE.relative_to(ROOT)}")
