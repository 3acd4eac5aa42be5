"""The offline model: a Responses API without a language model, run by Node (`local/model`, docs/offline-model.md)."""

from pathlib import Path

from local.paths import NODE
from local.processes import Background

API_KEY = "offline"
MODEL = "offline-script"

_SERVER = Path(__file__).resolve().parent / "model" / "server.mjs"
_PROCESS = Background(name="offline-model", marker=str(_SERVER), health_path="/v1/models")


def start(directory: Path, *, preferred_port: int = 4010) -> int:
    """Start the offline model unless it runs already; return its port. `directory` holds its record and log."""
    return _PROCESS.serve(directory, preferred_port, [str(NODE), str(_SERVER), MODEL])


def stop(directory: Path) -> bool:
    """Stop the offline model; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
