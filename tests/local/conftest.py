"""An emulator for each module's own tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import emulator


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Start an emulator of the tests' own and return a maker of boto3 clients for it."""
    directory: Path = tmp_path_factory.mktemp("emulator")
    settings = emulator.environment(emulator.start(directory, preferred_port=0))
    session = boto3.Session(
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_REGION"],
    )
    yield lambda service: session.client(service, endpoint_url=settings["AWS_ENDPOINT_URL"])
    emulator.stop(directory)
