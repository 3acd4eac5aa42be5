"""The local embedding model: multilingual-e5-small, packaged with an OpenAI-compatible `/v1/embeddings` of its own."""

import os
import sys
from pathlib import Path

from local.paths import ROOT
from local.processes import Background, free_port

API_KEY = "local"
MODEL = "multilingual-e5-small"

_MODULE = "local.embedding_process"
_PROCESS = Background(name="embedding-model", marker=_MODULE, health_path="/health")


def start(directory: Path, *, preferred_port: int = 4020) -> int:
    """Start the embedding model unless it runs already; return its port. `directory` holds its record and log."""
    running = _PROCESS.running_port(directory)
    if running is not None:
        return running
    _PROCESS.stop(directory)
    port = free_port(preferred_port)
    command = [sys.executable, "-m", _MODULE, str(port)]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
    _PROCESS.start(directory, command, port, environment)
    return port


def stop(directory: Path) -> bool:
    """Stop the embedding model; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
