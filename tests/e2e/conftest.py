"""The deployed stack that the end-to-end tests drive.

By default a local one of the tests' own, beside whatever `make up` keeps running. With SMOKE_ENV (`make smoke ENV=dev`)
the stack of that environment in the account of the caller's AWS credentials; its model must be set up.
"""

import json
import os
from collections.abc import Iterator

import boto3
import pytest

from assistant_engine import registry as deployed_tools
from layers.build import TOOLS
from layers.registry import registry
from local import up as local
from local.tools import ROOT
from tests.e2e.driver import Driver

SMOKE_ENV = os.environ.get("SMOKE_ENV", "")


@pytest.fixture(scope="session")
def stack() -> Iterator[local.Local]:
    """Bring the stack up for the session; `stack.client(service)` and `stack.outputs` lead to it."""
    if SMOKE_ENV:
        yield _deployed(SMOKE_ENV)
        return
    directory = ROOT / ".local" / "test"
    yield local.up(directory, preferred_port=4600, use_real_model=False)
    local.down(directory)


@pytest.fixture(scope="session")
def driver(stack: local.Local) -> Iterator[Driver]:
    """Drive the stack through the engine's own store, configured where its functions find their configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings.items():
            patch.setenv(name, value)
        patch.setattr(deployed_tools, "deployed", lambda: registry(TOOLS))
        yield Driver(stack.client, stack.outputs, stack.model or "gpt-4.1-mini")


@pytest.fixture(autouse=True)
def skip_what_needs_the_offline_model(request: pytest.FixtureRequest) -> None:
    """Skip tests marked `offline_model` in an account: a real model doesn't do as their messages say."""
    if SMOKE_ENV and request.node.get_closest_marker("offline_model"):
        pytest.skip("needs the offline model")


def _deployed(environment: str) -> local.Local:
    unprefixed = json.loads((ROOT / "cdk.json").read_text())["context"]["unprefixed_environment"]
    name = "oae" if environment == unprefixed else f"oae-{environment}"
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return local.Local(settings=local.variables(outputs), outputs=outputs, offline=False, model="")
