"""The offline model: a Responses API without a language model, run by Node (`local/model`, docs/offline-model.md)."""

import os
from pathlib import Path

from local.paths import NODE
from local.processes import Background, free_port

API_KEY = "offline"
MODEL = "offline-script"

_SERVER = Path(__file__).resolve().parent / "model" / "server.mjs"
_PROCESS = Background(name="offline-model", marker=str(_SERVER), health_path="/v1/models")


def start(directory: Path, *, preferred_port: int = 4010) -> int:
    """Start the offline model unless it runs already; return its port. `directory` holds its record and log."""
    running = _PROCESS.running_port(directory)
    if running is not None:
        return running
    _PROCESS.stop(directory)
    port = free_port(preferred_port)
    environment = {"PATH": os.environ.get("PATH", "")}
    _PROCESS.start(directory, [str(NODE), str(_SERVER), str(port), MODEL], port, environment)
    return port


def stop(directory: Path) -> bool:
    """Stop the offline model; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
