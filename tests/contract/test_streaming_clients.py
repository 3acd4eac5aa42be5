"""Streams with other releases of `openai`, openai-node, Semantic Kernel and the Vercel AI SDK, as their users do.

Each client has an environment of its own below `.build/clients`, made from its lock file when a test first needs it.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import openai
import pytest

from local.paths import NODE, SCRIPTS
from tests.support.driver import ASK, GET_STOCK_PRICE
from tests.support.releases import CLIENTS, Run, environment, packages, program
from tests.support.streamed import BEGUN, CALLS, MESSAGE, SAID, Streamed

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SAID_LAST = "Done and well done."
TEXT = 'then get_stock_price {"symbol": "ACME"}\nthen ask {"a": "b"}\nsay Done and well done.'
EXPECTED = [
    *("created", "run.created", *BEGUN),
    *(*CALLS, "run.step.delta", "run.step.completed"),
    *(*CALLS, "run.step.delta", "run.requires_action"),
    *("run.step.completed", *BEGUN, *MESSAGE, "message.delta", *SAID, "run.completed"),
]


def node_packages() -> Path:
    """The folder with the `node_modules` of `tests/clients/package-lock.json`, and the scripts beside them."""
    lock = CLIENTS / "package-lock.json"

    def make(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / name, folder)
        subprocess.run([str(SCRIPTS / "npm"), "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)

    folder = environment(lock, make)
    for script in CLIENTS.glob("*.mjs"):  # Node looks for modules from where a script is.
        shutil.copy(script, folder)
    return folder


@pytest.fixture
def run(base_url: str, api_key: str) -> Run:
    """Run a program with the address and the key of the API in its environment; what it printed."""

    return program(base_url, api_key)


@pytest.fixture(scope="module")
def assistant(client: openai.OpenAI, model: str) -> str:
    return client.beta.assistants.create(
        model=model,
        tools=[ASK],  # type: ignore[list-item]
        extra_body={"functions": [GET_STOCK_PRICE]},
    ).id


def held(printed: str) -> None:
    """Hold the events that a program printed against the API's promises, and what its package made of them."""
    *events, end = map(json.loads, printed.splitlines())
    streams = [Streamed()]
    for event in events:
        streams[-1].add(event["event"], event["data"])
        if event["event"] == "thread.run.requires_action":
            streams.append(Streamed())
    assert [name for streamed in streams for name in streamed.names] == EXPECTED
    [told] = streams[-1].texts.values()
    assert end == {"status": "completed", "texts": [told]}
    assert told.startswith(SAID_LAST)


@pytest.mark.parametrize("release", ["newest", "openai_1_21"])
def test_python_s_handler_follows_a_run(run: Run, assistant: str, release: str) -> None:
    variables = {} if release == "newest" else {"PYTHONPATH": str(packages(release))}
    held(run(SCRIPTS / "python", "-W", "ignore", CLIENTS / "follow.py", assistant, TEXT, **variables))


@pytest.mark.parametrize("package", ["openai", "openai-4"])
def test_node_s_handler_follows_a_run(run: Run, assistant: str, package: str) -> None:
    held(run(NODE, node_packages() / "follow.mjs", package, assistant, TEXT))


def test_vercel_s_sdk_forwards_a_run(run: Run, assistant: str) -> None:
    printed = run(NODE, node_packages() / "forward.mjs", assistant, TEXT)
    text = "".join(json.loads(found) for found in re.findall(r"^0:(.*)$", printed, re.MULTILINE))
    assert text.startswith(SAID_LAST) and 'ask: "x"' in text


def test_semantic_kernel_s_agent_follows_a_run(run: Run, model: str) -> None:
    script = CLIENTS / "semantic_kernel_agent.py"
    asked = "then Clock-time {}\nsay It is noon, and all is well."
    variables = {"PYTHONPATH": str(packages("semantic_kernel"))}
    said = run(SCRIPTS / "python", "-W", "ignore", script, model, asked, **variables)
    assert said.startswith("It is noon, and all is well.") and '"noon"' in said
