"""Deploys the local stack of a test session."""

import os
from pathlib import Path

from local import up as local
from local.paths import ROOT
from tests.support.model_server import ModelServer

DIRECTORIES = ROOT / ".local" / "tests"
DIRECTORY = DIRECTORIES / str(os.getpid())


def deploy(app: Path, model_server: ModelServer) -> local.Local:
    """Deploy a release of the app as the session's stack."""
    url = model_server.url
    return local.up(DIRECTORY, port=0, use_real_model=False, app=app, model_base_url=url)
