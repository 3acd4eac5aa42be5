"""The deployed stack that the tests of whole runs drive.

By default a local one of the session's own, in addition to whatever `make up` keeps running. With VERIFY_ENV (`make
verify ENV=dev`) the stack of that environment in the account of the caller's AWS credentials; its model must be set up.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import botocore.session
import httpcore2
import httpx2
import pytest
from xdist.remote import Producer

from assistant_engine.runtime import settings
from assistant_engine.tools import registry as deployed_tools
from assistants import keys
from assistants.stack import outputs as stack_outputs
from assistants.stack import variables
from bench.journal import Journal
from layers.build import build
from local import emulator, offline_model
from local import up as local
from local.down import down
from local.paths import ROOT
from local.processes import is_alive
from tests.support import local_stack
from tests.support.aws_proxy import AwsProxy
from tests.support.canaries import remember
from tests.support.driver import Driver
from tests.support.local_stack import DIRECTORIES, DIRECTORY, deploy
from tests.support.model_server import ModelServer
from tests.support.project import ADDING_A_TOOL, SILVAENGINE, configure, copy, described_tools, replace_tools
from tests.support.scheduling import WITHOUT_STACK, SessionsLast
from tests.support.spare_keys import issue_ahead
from tests.support.speech_server import SpeechServer
from tests.support.webhook_receiver import WebhookReceiver, set_mapping

# Sessions share the descriptions of services: without it, each client that a test makes reads its own, in 0.1 s of CPU.
botocore.session.create_loader = cache(botocore.session.create_loader)
# Clients share what they hold certificates against: without it, each one of the openai package reads it, in 20 ms.
httpcore2.default_ssl_context = cache(httpcore2.default_ssl_context)
# A function that starts while every core is busy may take longer than the 5 s that httpx2 waits for.
httpx2._config.DEFAULT_TIMEOUT_CONFIG.read = 60.0

VERIFY_ENV = os.environ.get("VERIFY_ENV", "")
LOCAL_FIXTURES = {"app", "aws_proxy", "journal", "listener", "model_server", "speech_server", "webhook"}
"""What only the local stack has: faults to be planted, servers that its functions reach, a release to change."""


LONGEST = (
    "e2e/test_life.py",
    "e2e/test_moving.py",
    "infrastructure/",
    "e2e/test_upgrade.py",
    "local/test_set_up.py",
    "unit/test_libraries.py",
    "verify/",
    "faults/test_doors.py",
    "e2e/test_dev.py",
    "faults/test_redelivery.py",
    "e2e/test_notebooks.py",
    "faults/test_events.py",
    "e2e/test_samples.py",
    "contract/test_streaming",
    "faults/test_graphql.py",
    "e2e/test_examples.py",
    "contract/test_schemathesis.py",
    "e2e/test_voice.py",
    "e2e/test_migration.py",
    "faults/test_cut_streams.py",
)
"""The files and folders of tests that take longest, in this order: without a stack, and with one."""


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, webhook: WebhookReceiver) -> Path:
    """The project as the session deploys it: some tools more were dropped in, and it has a webhook."""
    made = tmp_path_factory.getbasetemp()
    # The processes that share the tests have one parent folder: the first makes the layer that describes the tools.
    shared = (made.parent if "PYTEST_XDIST_WORKER" in os.environ else made) / "with-tools"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            build("host")
            unfinished = copy(ROOT, tmp_path_factory.mktemp("unfinished"))
            replace_tools(unfinished, ROOT / "tests" / "tools", ADDING_A_TOOL, SILVAENGINE)
            unfinished.rename(shared)
    project = copy(shared, tmp_path_factory.mktemp("app"))
    # The tests of a worker are one caller, and generated requests come faster than any other.
    configure(project, webhook_url=webhook.url, api_rate="1000")
    return project


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest) -> Iterator[local.Local]:
    """The stack of the session."""
    if VERIFY_ENV:
        yield _deployed(VERIFY_ENV)
        return
    for left_behind in DIRECTORIES.glob("*"):
        if not is_alive(int(left_behind.name)):
            down(left_behind)
            shutil.rmtree(left_behind, ignore_errors=True)
    try:
        request.getfixturevalue("aws_proxy")
        stack = deploy(request.getfixturevalue("app"), request.getfixturevalue("model_server"))
        issue_ahead(stack)
        set_mapping(
            stack, "deliver_webhook", Enabled=False
        )  # Of hundreds of runs it would be a lot of work; those who test it say so.
        yield stack
    finally:
        down(DIRECTORY)
        shutil.rmtree(DIRECTORY, ignore_errors=True)


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """The server that the local stack takes for its model: the offline model, unless a test asks it to fail."""
    server = ModelServer(f"http://127.0.0.1:{offline_model.start(DIRECTORY, preferred_port=0)}/v1")
    yield server
    server.close()
    offline_model.stop(DIRECTORY)


@pytest.fixture(scope="session")
def speech_server() -> SpeechServer:
    """The server that hears and speaks for the local stack."""
    return local_stack.speech_server()


@pytest.fixture(scope="session")
def webhook() -> Iterator[WebhookReceiver]:
    """The receiver of the local stack's webhook."""
    receiver = WebhookReceiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def fresh_settings() -> None:
    """Each test has an environment of its own, and the engine reads it once."""
    settings.forget()


@pytest.fixture(scope="session")
def aws_proxy() -> Iterator[AwsProxy]:
    """Start what the local stack's functions take for AWS: the embedded one, unless a test asks for a fault."""
    proxy = AwsProxy()
    port = emulator.start(DIRECTORY, port=0, functions_endpoint=proxy.url, metered=True)
    proxy.connect(port, emulator.process_id(DIRECTORY))
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def journal(deployed: local.Local) -> Journal:
    """Return the journal of what the local stack does that AWS would bill."""
    assert deployed.offline
    return Journal(emulator.journal(DIRECTORY))


@pytest.fixture(scope="session")
def driver(deployed: local.Local, request: pytest.FixtureRequest) -> Iterator[Driver]:
    """Drive the stack through the engine's own store, configured where its functions find their configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "RUN_EXPIRES_AFTER": "600",
            "SPEECH_FUNCTION_ARN": "of the stack",
            **deployed.settings,
        }.items():
            patch.setenv(name, value)
        known = described_tools(ROOT if VERIFY_ENV else request.getfixturevalue("app"))
        patch.setattr(deployed_tools, "deployed", lambda: known)
        yield Driver(deployed.client, deployed.outputs, deployed.model or "gpt-6-luna")


@pytest.fixture(scope="session")
def stack(deployed: local.Local, driver: Driver) -> local.Local:
    """The session's stack; `stack.client(service)` and `stack.outputs` lead to it."""
    return deployed


@pytest.fixture(scope="session")
def base_url(stack: local.Local) -> str:
    """The address of the stack's HTTP API."""
    return stack.settings.get("ASSISTANTS_BASE_URL") or stack.outputs["ApiUrl"]


@pytest.fixture(scope="session")
def api_key(stack: local.Local) -> Iterator[str]:
    """A key of the stack for this session; the local one was issued before anything asked the API."""
    if local_key := stack.settings.get("ASSISTANTS_API_KEY"):
        yield local_key
        return
    secrets, secret, name = stack.client("secretsmanager"), stack.outputs["ApiKeysSecret"], f"test-{uuid.uuid4()}"
    key = remember(keys.issue(secrets, secret, name))
    time.sleep(6)  # Each environment of the API's function reads the keys anew every five seconds at most.
    yield key
    keys.revoke(secrets, secret, name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SessionsLast | None:
    """Give each worker the checks of its own session last."""
    return SessionsLast(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, and end with the checks of the whole session.

    Refuse tests that share a name: of these, processes that share the tests run one. Refuse a test that uses the
    session's stack in a file that goes to the process without one.

    In an account, skip what is marked `offline_model`, as a real model doesn't do as those tests' messages say, what
    uses a fixture that only the local stack has, and what doesn't use the stack. A mark, and no fixture: fixtures of a
    wider scope would come first.
    """
    items.sort(key=place_in_the_order)
    names = Counter(item.nodeid for item in items)
    assert len(names) == len(items), names.most_common(1)
    for item in items:
        assert "deployed" not in getattr(item, "fixturenames", ()) or not WITHOUT_STACK.match(item.nodeid), item.nodeid
    for item in items if VERIFY_ENV else ():
        if reason := _unfit_for_an_account(item):
            item.add_marker(pytest.mark.skip(reason=reason))


def place_in_the_order(item: pytest.Item) -> tuple[bool, int]:
    """Return what tests are sorted by: a long file that begins late is waited for, while the other workers are idle."""
    file = item.nodeid.removeprefix("tests/")
    place = next((number for number, name in enumerate(LONGEST) if file.startswith(name)), len(LONGEST))
    return item.get_closest_marker("session") is not None, place


def _unfit_for_an_account(item: pytest.Item) -> str:
    """Return why a test is not for an account; empty if it is."""
    used = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("offline_model"):
        return "needs the offline model"
    if lacking := LOCAL_FIXTURES & used:
        return f"needs what only the local stack has: {', '.join(sorted(lacking))}"
    return "" if "deployed" in used else "does not use the stack"


def _deployed(environment: str) -> local.Local:
    outputs = stack_outputs(environment)
    name = f"{outputs['AssistantsTable'].removesuffix('assistants')}in_progress"
    described = boto3.client("lambda").get_function_configuration(FunctionName=name)
    model = described["Environment"]["Variables"]["MODEL"]
    settings = variables(outputs)
    if url := os.environ.get("ASSISTANTS_BASE_URL"):  # Of an API with a domain of its own.
        settings["ASSISTANTS_BASE_URL"] = url
    return local.Local(settings=settings, outputs=outputs, offline=False, model=model)
