"""Deploys the local stack of a test session."""

import os
from functools import cache
from pathlib import Path

from local import up as local
from local.paths import ROOT
from tests.support.model_server import ModelServer
from tests.support.speech_server import SpeechServer

DIRECTORIES = ROOT / ".local" / "tests"
DIRECTORY = DIRECTORIES / str(os.getpid())


@cache
def speech_server() -> SpeechServer:
    """Return the server that hears and speaks for the stack; it serves as long as this process."""
    return SpeechServer()


def deploy(app: Path, model_server: ModelServer) -> local.Local:
    """Deploy a release of the app as the session's stack."""
    hears_at = speech_server().url
    return local.up(
        DIRECTORY, port=0, use_real_model=False, app=app, model_base_url=model_server.url, speech_base_url=hears_at
    )
