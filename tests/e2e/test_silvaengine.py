"""The stack as SilvaEngine's module: registered in its tables, installed as its package, and with functions of its own.

What docs/silvaengine.md shows is run here.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import callers
import execution
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from local.paths import ROOT
from tests.support.driver import Driver
from tests.support.project import SILVAENGINE, shown_in
from tests.support.silvaengine import INTROSPECTION, Ask, Installation, decoded, operation

pytestmark = pytest.mark.offline_model

PAGE = shown_in(SILVAENGINE)
GRAPHQL, FIRST, TASK = (
    "openai_assistant_graphql",
    "open_assistant_graphql",
    "async_insert_update_fine_tuning_messages",
)
OTHER = "arn:aws:lambda:us-east-1:000000000000:function:silvaengine_microcore_openai"
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(autouse=True)
def _found(stack: local.Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_finder, "find", lambda environment: stack_finder.Stack(stack.settings))
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def installation(stack: local.Local) -> Iterator[Installation]:
    """An installation without a row."""
    made = Installation(stack.client)
    made.create()
    yield made
    made.drop()


@pytest.fixture(scope="module")
def arn(stack: local.Local) -> str:
    """The alias of the stack's GraphQL function."""
    arn = stack.outputs["GraphqlFunctionArn"]
    assert arn.endswith("-graphql:live")
    return arn


def shown(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a command of the page, which is for an account, on the local stack; return the lines that it prints."""
    python, dash_m, package, *arguments = shlex.split(PAGE[name].replace("--env prod ", ""))
    assert (python, dash_m, package) == ("python", "-m", "assistants")
    main(arguments)
    return capsys.readouterr().out.splitlines()


def asked(ask: Ask, assistant_id: str, question: str) -> str:
    """Ask, poll and read as the modules of SilvaEngine do: by operations that they make of the schema; the answer."""
    schema = ask(INTROSPECTION, {})["__schema"]
    # What comes from SilvaEngine is sent as it came: numbers are Decimals, arguments without a value are there.
    begun = ask(
        operation("askOpenAi", "Query", schema),
        {
            "assistantType": "conversation",
            "assistantId": assistant_id,
            "userQuery": question,
            "updatedBy": "ada",
            "threadId": None,
            "responseFormat": {"type": "auto"},
        },
    )["askOpenAi"]
    assert begun["functionName"] == "async_openai_assistant_stream" and begun["userQuery"] == question
    assert begun["taskUuid"] == begun["currentRunId"]
    run = {
        "functionName": begun["functionName"],
        "taskUuid": begun["taskUuid"],
        "assistantId": assistant_id,
        "threadId": begun["threadId"],
        "runId": begun["currentRunId"],
        "updatedBy": "ada",
    }
    poll = operation("currentRun", "Query", schema)
    deadline = time.monotonic() + 120
    while (current := ask(poll, run)["currentRun"])["status"] != "completed":
        assert current["status"] in ("queued", "in_progress") and time.monotonic() < deadline, current
        time.sleep(0.2)
    assert current["usage"]["total_tokens"] == current["usage"]["prompt_tokens"] + current["usage"]["completion_tokens"]
    last = ask(operation("lastMessage", "Query", schema), {"threadId": begun["threadId"], "role": "assistant"})
    message = last["lastMessage"]
    assert (message["runId"], message["role"]) == (begun["currentRunId"], "assistant")
    assert message["createdAt"].tzinfo
    text: str = message["message"]
    return text


# Registration


def test_registration_leads_every_caller_of_an_endpoint_to_the_stack(
    installation: Installation, arn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.put("se-endpoints", endpoint_id="openai", code=1, special_connection=True)
    theirs = {"aws_lambda_arn": OTHER, "function": "other_graphql", "setting": "beta_core_openai"}
    earlier = {"aws_lambda_arn": OTHER, "function": GRAPHQL, "setting": ""}
    for key in ("#####", "a-key-of-api-gateway"):
        installation.put("se-connections", endpoint_id="openai", api_key=key, functions=[theirs, earlier], whitelist=[])
    installation.put("se-connections", endpoint_id="shop", api_key="#####", functions=[theirs], whitelist=[])
    printed = shown("register.sh", capsys)
    for key in ("#####", "a-key-of-api-gateway", ""):
        for function in (GRAPHQL, FIRST, TASK):
            setting, row = installation.find("openai", function, key, "POST")
            assert (setting, row["aws_lambda_arn"], row["area"]) == ({}, arn, "core")
            kind = "Event" if function == TASK else "RequestResponse"
            assert row["config"]["funct_type"] == kind
            assert (row["config"]["module_name"], row["config"]["class_name"]) == (
                "openai_assistant_engine",
                "OpenaiAssistantEngine",
            )
    rows = installation.rows()
    assert [each["functions"] for each in rows["se-connections"] if each["endpoint_id"] == "shop"] == [[theirs]]
    assert all(theirs in each["functions"] for each in rows["se-connections"])
    [resource] = rows["se-resources"]
    assert resource["function"] == GRAPHQL and resource["apply_to"] == "openai"
    assert {"action": "askOpenAi", "label": "Ask Open Ai"} in resource["operations"]["query"]
    assert len(printed) == 3 + 2 + 1 and sum(OTHER in line for line in printed) == 2
    assert "a-key-of-api-gateway" not in "".join(printed)

    assert shown("register.sh", capsys) == ["Everything is registered already."]
    assert installation.rows() == rows


def test_registration_adds_the_endpoint_that_is_not_there(
    installation: Installation, arn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = shown("register.sh", capsys)
    assert any(line.startswith("se-endpoints: openai") for line in printed)
    assert installation.find("openai", GRAPHQL)[1]["aws_lambda_arn"] == arn
    shown("remove.sh", capsys)
    rows = installation.rows()
    assert (rows["se-functions"], rows["se-resources"]) == ([], [])
    assert [each["functions"] for each in rows["se-connections"]] == [[]]
    assert shown("remove.sh", capsys) == ["There is nothing to remove."]


def test_an_endpoint_without_connections_of_its_own_uses_the_shared_ones(
    installation: Installation, arn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for endpoint, special in (("openai", False), ("shop", True)):
        installation.put("se-endpoints", endpoint_id=endpoint, code=1, special_connection=special)
    installation.put("se-connections", endpoint_id="1", api_key="#####", functions=[])
    shown("register.sh", capsys)
    assert installation.find("openai", GRAPHQL)[1]["aws_lambda_arn"] == arn
    main(["silvaengine", "register", "--endpoint", "shop"])
    assert installation.find("shop", GRAPHQL)[1]["aws_lambda_arn"] == arn
    capsys.readouterr()
    # One endpoint goes; the other is served by the same rows of se-functions.
    assert sum("stays" in line for line in shown("remove.sh", capsys)) == 3
    assert installation.find("shop", GRAPHQL)[1]["aws_lambda_arn"] == arn


def test_without_an_installation_the_command_says_so(stack: local.Local, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        shown("register.sh", capsys)
    assert "is SilvaEngine installed in this account and region?" in capsys.readouterr().err


# Through the installation


def test_a_task_of_an_installation_asks_polls_and_reads(
    installation: Installation, driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    shown("register.sh", capsys)

    def ask(query: str, variables: Json) -> Json:
        # As `Utility.execute_graphql_query` sends it.
        params = {"query": query, "variables": variables, "connection_id": None}
        return decoded(installation.task("openai", GRAPHQL, params))

    assert asked(ask, driver.assistant(assistant_type="conversation"), "say Hello from a task.") == "Hello from a task."


@pytest.mark.parametrize("function", [GRAPHQL, FIRST])
def test_a_request_to_an_installation_is_answered(
    function: str, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    shown("register.sh", capsys)
    body = json.dumps({"query": "query a { ping } query b { files { id } }", "variables": {}, "operation_name": "a"})
    answer = json.loads(installation.request("core", "openai", function, body))
    assert answer["data"]["ping"] and set(answer["data"]) == {"ping"}
    assert answer["status_code"] == 200
    wrong = json.loads(installation.request("core", "openai", function, json.dumps({"variables": {}})))
    assert wrong == {"errors": "Invalid operations.", "status_code": 400}


def test_an_endpoint_s_setting_names_its_project(
    installation: Installation, driver: Driver, arn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown("register.sh", capsys)
    exec(PAGE["project.py"], {})  # noqa: S102
    [connection] = installation.rows()["se-connections"]
    functions = [{**entry, "setting": "assistants_acme"} for entry in connection["functions"]]
    installation.put("se-connections", **{**connection, "functions": functions})
    assert shown("register.sh", capsys) == ["Everything is registered already."]
    ours = driver.assistant()
    query = {"query": "{ assistantList { assistantList { assistantId } } }"}
    listed = decoded(installation.task("openai", GRAPHQL, query))
    assert ours not in json.dumps(listed)
    made = decoded(
        installation.task(
            "openai",
            GRAPHQL,
            {
                "query": 'mutation { insertUpdateAssistant(assistantType: "conversation", assistantName: "A", '
                'functions: [], updatedBy: "ada") { assistant { assistantId } } }'
            },
        )
    )["insertUpdateAssistant"]["assistant"]["assistantId"]
    listed = decoded(installation.task("openai", GRAPHQL, query))
    assert [each["assistantId"] for each in listed["assistantList"]["assistantList"]] == [made]


def test_the_event_of_a_task_is_answered_without_an_installation(stack: local.Local, arn: str) -> None:
    event = {"endpoint_id": "openai", "funct": GRAPHQL, "params": {"query": "{ ping }", "variables": {}}}
    invoked = stack.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event).encode())
    assert decoded(invoked["Payload"].read().decode())["ping"]


def test_an_event_that_is_delivered_twice_asks_once(driver: Driver) -> None:
    query = """query ($assistantId: String!) {
      askOpenAi(assistantType: "chat", assistantId: $assistantId, userQuery: "say Hello", updatedBy: "ada") {
        threadId currentRunId
      }
    }"""
    event = {"funct": GRAPHQL, "params": {"query": query, "variables": {"assistantId": driver.assistant()}}}
    invocation = str(uuid.uuid4())
    first, second = (callers.answer_invocation(event, invocation, execution.run) for _ in range(2))
    assert first == second
    asked = json.loads(first)["data"]["askOpenAi"]
    run = driver.store.runs.get(ThreadId(asked["threadId"]), asked["currentRunId"])
    driver.ended(run, "completed")


# As a package


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, installed from a repository as the page says."""
    folder = tmp_path_factory.mktemp("package")
    repository, site = folder / "repository", folder / "site"
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "integrations", repository / "integrations", ignore=ignored)
    git = ("git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "Release")):
        subprocess.run([*git, *command], check=True)
    pip, install, requirement = shlex.split(PAGE["install.sh"])
    assert (pip, install) == ("pip", "install")
    _, _, fragment = requirement.partition("#")
    name = requirement.partition(" @ ")[0]
    # With the pinned build backend and boto3 of the lock: no network is needed.
    options = ("--offline", "--no-deps", "--no-build-isolation", "--python", sys.executable, "--target", str(site))
    subprocess.run([UV, "pip", "install", *options, f"{name} @ git+file://{repository}#{fragment}"], check=True)
    return site


def test_the_package_asks_polls_and_reads_where_it_is_installed(
    site: Path, stack: local.Local, driver: Driver, arn: str, installation: Installation
) -> None:
    exec(PAGE["settings.py"].replace("<GraphqlFunctionArn>", arn), {})  # noqa: S102
    [row] = installation.rows()["se-configdata"]
    setting = {row["variable"]: row["value"]}
    program = """
import json, sys
import openai_assistant_engine
from tests.support.silvaengine import work
assert openai_assistant_engine.__file__.startswith(sys.argv[1])
for line in sys.stdin:
    print(json.dumps(work(json.loads(line))), flush=True)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT), str(ROOT / "layers" / "engine")])}
    command = [sys.executable, "-c", program, str(site)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as worker:
        assert worker.stdin and worker.stdout

        def ask(query: str, variables: Json) -> Json:
            event = {
                "MODULENAME": "openai_assistant_engine",
                "CLASSNAME": "OpenaiAssistantEngine",
                "funct": GRAPHQL,
                "setting": json.dumps(setting),
                "params": json.dumps({"query": query, "variables": variables}),
                "context": json.dumps({"headers": {}}),
            }
            assert worker.stdin and worker.stdout
            worker.stdin.write(json.dumps(event) + "\n")
            return decoded(worker.stdout.readline())

        assert (
            asked(ask, driver.assistant(assistant_type="conversation"), "say Hello from the package.")
            == "Hello from the package."
        )
        worker.stdin.close()
    assert worker.returncode == 0


# Functions of the earlier engine


def test_a_function_of_the_earlier_engine_is_a_tool(driver: Driver) -> None:
    inquiry = {"module_name": "order_inquiry", "class_name": "OrderFunct", "function_name": "inquiry_order"}
    assert json.dumps(inquiry)[1:-1] in " ".join(SILVAENGINE.read_text().split())
    assistant = driver.assistant(functions=[{**inquiry, "configuration": {"currency": "EUR"}}])
    run = driver.run(driver.ask(assistant, 'call inquiry_order {"order_no": "SO-1001", "qty": 2}'))
    expected = {"order": "SO-1001", "currency": "EUR", "lines": [{"sku": "B-7", "qty": 2}]}
    assert json.dumps(expected, separators=(",", ":")) in run["messages"][0]["text"].replace(", ", ",").replace(
        ": ", ":"
    )


# The page


def test_the_programs_of_the_page_run(stack: local.Local, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in stack.settings.items()]
    (tmp_path / ".local" / "env").write_text("".join(lines))
    ran = subprocess.run(
        ["/bin/bash", "-eu"], input=PAGE["ping.sh"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["data"]["ping"]
    ran = subprocess.run(
        [sys.executable, "-"],
        input=PAGE["ask.py"],
        env={**os.environ, **stack.settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    status, *answer = ran.stdout.splitlines()
    assert status == "completed" and "x = 1" in "".join(answer).replace("**", "")
