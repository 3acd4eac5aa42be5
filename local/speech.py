"""The local speech server: espeak-ng speaks and pocketsphinx listens, behind OpenAI's two routes.

Both engines come whole in packages, so no key and no download is needed (docs/local-speech.md).
"""

from pathlib import Path

from local.processes import Background

API_KEY = "local"
SPEECH_MODEL = "espeak-ng"
TRANSCRIPTION_MODEL = "pocketsphinx"

_PROCESS = Background(name="speech", marker="local.speech_process", health_path="/health")


def start(directory: Path, *, preferred_port: int = 4030) -> int:
    """Start the speech server unless it runs already; return its port. `directory` holds its record and log."""
    return _PROCESS.serve(directory, preferred_port, PYTHONUNBUFFERED="1")


def stop(directory: Path) -> bool:
    """Stop the speech server; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
