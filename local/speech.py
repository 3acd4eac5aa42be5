"""The local speech server: espeak-ng speaks and pocketsphinx listens, behind OpenAI's two routes.

Both engines come whole in packages, so no key and no download is needed (docs/local-speech.md).
"""

import os
import sys
from pathlib import Path

from local.paths import ROOT
from local.processes import Background, free_port

API_KEY = "local"
SPEECH_MODEL = "espeak-ng"
TRANSCRIPTION_MODEL = "pocketsphinx"

_MODULE = "local.speech_process"
_PROCESS = Background(name="speech", marker=_MODULE, health_path="/health")


def start(directory: Path, *, preferred_port: int = 4030) -> int:
    """Start the speech server unless it runs already; return its port. `directory` holds its record and log."""
    running = _PROCESS.running_port(directory)
    if running is not None:
        return running
    _PROCESS.stop(directory)
    port = free_port(preferred_port)
    command = [sys.executable, "-m", _MODULE, str(port)]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    _PROCESS.start(directory, command, port, environment)
    return port


def stop(directory: Path) -> bool:
    """Stop the speech server; return whether it was running."""
    return _PROCESS.stop(directory, patience=2)
