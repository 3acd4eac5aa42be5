"""The local embedding model: multilingual-e5-small, packaged with an OpenAI-compatible `/v1/embeddings` of its own."""

from pathlib import Path

from local.processes import Background

API_KEY = "local"
MODEL = "multilingual-e5-small"

_PROCESS = Background(name="embedding-model", marker="local.embedding_process", health_path="/health")


def start(directory: Path, *, preferred_port: int = 4020) -> int:
    """Start the embedding model unless it runs already; return its port. `directory` holds its record and log."""
    return _PROCESS.serve(directory, preferred_port, OMP_WAIT_POLICY="passive")


def stop(directory: Path) -> bool:
    """Stop the embedding model; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
