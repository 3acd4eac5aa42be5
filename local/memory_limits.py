"""Control groups that limit the memory of a function's environment, where this process may make them."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """A control group: whoever writes to its `members` is in it, with all that it starts."""

    folder: Path

    @property
    def members(self) -> Path:
        """The file that a process writes "0" to."""
        return self.folder / "cgroup.procs"

    def remove(self) -> None:
        """Remove the group; its processes must have ended."""
        self.folder.rmdir()


def limit(name: str, size: int) -> MemoryLimit | None:
    """Make a control group of at most `size` bytes, swap included; return None where that is not possible."""
    parent, files = _parent()
    folder = parent / name
    try:
        folder.mkdir()
        (folder / files[0]).write_text(str(size))
    except OSError:
        if folder.is_dir():
            folder.rmdir()
        return None
    swap = folder / files[1]
    if swap.exists():
        swap.write_text(str(size) if files[1].startswith("memory.memsw") else "0")
    return MemoryLimit(folder)


def _parent() -> tuple[Path, tuple[str, str]]:
    """Return where a group can be made, and the names of its files for memory and for swap: version 1, else 2."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    groups = {kind: path for _, kind, path in lines}
    if "memory" in groups:
        return ROOT / "memory" / groups["memory"].lstrip("/"), ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    # Version 2 lets no group with processes of its own have groups that limit memory: the new one is a sibling.
    own = ROOT / groups.get("", "/").lstrip("/")
    return (own if own == ROOT else own.parent), ("memory.max", "memory.swap.max")
