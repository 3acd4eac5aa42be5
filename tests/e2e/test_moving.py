"""A stack's data moves to another stack, and a person's data goes: with the real commands, API and ingestion.

The stack is of this module's own: nothing but what its own clients made is in it.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.store.items import unmarshal
from assistants import keys
from assistants.stack import prefix
from local import emulator
from local import up as local
from local.assembly import cdk_environment
from local.down import down
from local.paths import ROOT
from tests.support.aws_proxy import DIES_AFTER, DIES_BEFORE, WRITES, AwsProxy, Fault
from tests.support.clients import connect, until_known
from tests.support.full_stack import ADA, LAMP, SAID, Client, export, fill
from tests.support.local_stack import DIRECTORY, speech_server
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.offline_model

PREFIX = prefix("dev")
POINTS = (0.6, *(pytest.param(share, marks=pytest.mark.soak) for share in (0.02, 0.3, 0.97)))
"""When an import is killed: the shares of its writes that it has made."""


@dataclass
class World:
    """A local stack of its own.

    Attributes:
        home: where the commands run, with what they write about themselves.
        proxy: what a command takes for AWS, to be killed at a call of its own.
    """

    directory: Path
    home: Path
    app: Path
    model_server: ModelServer
    proxy: AwsProxy
    stack: local.Local = field(init=False)

    def up(self) -> None:
        """Bring an empty stack up, in place of the one that was there."""
        emulator.stop(self.directory)
        # It serves calls that come by the proxy, too.
        port = emulator.start(self.directory, port=0, functions_endpoint=self.proxy.url)
        self.proxy.connect(port, os.getpid())
        self.stack = local.up(
            self.directory,
            port=0,
            use_real_model=False,
            app=self.app,
            model_base_url=self.model_server.url,
            speech_base_url=speech_server().url,
        )

    def client(self, service: str) -> Any:
        return self.stack.client(service)

    def api(self, project: str = "default") -> Client:
        """A client of a project."""
        name = f"{project}-{time.time_ns()}"
        key = keys.issue(self.client("secretsmanager"), self.stack.outputs["ApiKeysSecret"], name, project)
        api = connect(self.stack, key)
        until_known(api)
        return Client(api)

    def command(self, *arguments: object, ends: Sequence[int] = (0,), endpoint: str = "") -> str:
        """Run `python -m assistants` as an operator does whose credentials are of this account; what it says.

        Args:
            endpoint: what it takes for DynamoDB and S3.
        """
        told = {f"AWS_ENDPOINT_URL_{service}": endpoint for service in ("DYNAMODB", "S3") if endpoint}
        settings = {**self.stack.settings, **told}
        folders = (self.home, ROOT / "layers" / "engine", ROOT / "integrations" / "silvaengine")
        path = os.pathsep.join(map(str, folders))
        done = subprocess.run(
            [sys.executable, "-m", "assistants", *map(str, arguments), "--env", "dev"],
            cwd=self.home,
            env={**cdk_environment(settings), "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in ends, done.stdout + done.stderr
        return done.stdout

    def dump(self, name: str) -> Path:
        """Dump the stack into a folder."""
        folder = self.home / name
        shutil.rmtree(folder, ignore_errors=True)
        self.command("dump", folder)
        return folder

    def items(self) -> Iterator[tuple[str, Json]]:
        """Everything that the tables hold, each after its table."""
        for table in ("AssistantsTable", "ThreadsTable", "MessagesTable"):
            pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack.outputs[table])
            yield from ((table, unmarshal(item)) for page in pages for item in page["Items"])

    def paths(self) -> Iterator[str]:
        """The keys of everything that the bucket holds."""
        for page in self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.stack.outputs["Bucket"]):
            yield from (found["Key"] for found in page.get("Contents", []))

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Everything that the bucket holds, by its keys."""
        s3, bucket = self.client("s3"), self.stack.outputs["Bucket"]
        for path in self.paths():
            yield path, s3.get_object(Bucket=bucket, Key=path)["Body"].read()

    def clear(self) -> None:
        """Empty the tables and the bucket."""
        dynamodb, keys_of = (
            self.client("dynamodb"),
            {
                "AssistantsTable": ("assistant_type", "assistant_id"),
                "ThreadsTable": ("assistant_id", "thread_id"),
                "MessagesTable": ("thread_id", "message_id"),
            },
        )
        for table, item in list(self.items()):
            key = {name: {"S": item[name]} for name in keys_of[table]}
            dynamodb.delete_item(TableName=self.stack.outputs[table], Key=key)
        s3, bucket = self.client("s3"), self.stack.outputs["Bucket"]
        for path in list(self.paths()):
            s3.delete_object(Bucket=bucket, Key=path)

    def ingest(self) -> None:
        """Have the files of imported vector stores read, as the sweeper does a minute later."""
        for table, item in self.items():
            if "ingestion" in item and item.get("status") == "in_progress":
                self.client("dynamodb").update_item(
                    TableName=self.stack.outputs[table],
                    Key={name: {"S": item[name]} for name in ("thread_id", "message_id")},
                    UpdateExpression="SET due_at = :due",
                    ExpressionAttributeValues={":due": {"N": "1"}},
                )
        self.client("lambda").invoke(FunctionName=f"{PREFIX}-sweeper", Payload=b"{}")
        deadline = time.monotonic() + 60
        while any("ingestion" in item and item.get("status") == "in_progress" for _, item in self.items()):
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def log_lines(self) -> str:
        """Everything that the functions and the state machine logged."""
        logs, lines = self.client("logs"), []
        groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        assert any(name.endswith("-in_progress") for name in groups)
        for group in groups:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            lines += [event["message"] for page in pages for event in page["events"]]
        return "\n".join(lines)


@dataclass(frozen=True)
class Source:
    """What was taken out of a stack with everything in it.

    Attributes:
        whole: its dump.
        earlier: one that was made while a run waited for its client.
        exported: what a client saved.
        client: the ids that it knows.
        open_run: the one that waited.
        steps: the ids of all steps, by run.
    """

    whole: Path
    earlier: Path
    exported: Path
    client: Client
    open_run: Any
    steps: dict[str, list[str]]


@pytest.fixture(scope="module")
def world(app: Path, model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "assistants", home / "assistants")
    shutil.copy(ROOT / "cdk.json", home)
    made = World(DIRECTORY / "moving", home, app, model_server, AwsProxy())
    try:
        yield made
    finally:
        made.proxy.close()
        down(made.directory)
        shutil.rmtree(made.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def source(world: World) -> Source:
    """Fill a stack, take everything out, and leave an empty one in its place."""
    world.up()
    world.command("projects", "set", "--own-ids", "--retention-days", 3_650)
    world.command("budget", "set", "--tokens", 90_000_000)
    client = world.api()
    fill(client)
    eve = world.api("other")
    eve.assistant = eve.api.beta.assistants.create(model="gpt-6-luna", name="Theirs").id
    assert eve.ask(eve.thread("eve", "eve"), "say Secret.").status == "completed"
    waiting = client.ask(client.thread("open", "bob"), 'call ask {"a": "Friday?"}')
    earlier = world.dump("earlier")
    client.answer(waiting, "Yes.")
    exported = world.home / "exported"
    exported.mkdir()
    (exported / "all.jsonl").write_text("".join(json.dumps(page) + "\n" for page in export(client)))
    runs = client.api.beta.threads.runs
    steps = {
        run.id: [step.id for step in runs.steps.list(run.id, thread_id=run.thread_id)]
        for run in runs.list(client.threads["worked"])
    }
    whole = world.dump("whole")
    world.up()
    client.api = world.api().api
    return Source(whole, earlier, exported, client, waiting, steps)


@pytest.fixture
def empty(world: World, source: Source) -> World:
    """The stack, with nothing in it."""
    world.clear()
    return world


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines_of(folder: Path) -> set[tuple[str, bytes]]:
    """The lines of all files of a dump, each after its file's name."""
    return {(name, line) for name, data in bytes_of(folder).items() for line in data.splitlines()}


def test_a_stack_with_everything_moves_byte_for_byte(empty: World, source: Source, model_server: ModelServer) -> None:
    empty.command("import", "dump", source.whole)
    empty.ingest()

    moved = empty.dump("moved")
    assert lines_of(moved) ^ lines_of(source.whole) == set()
    assert bytes_of(moved) == bytes_of(source.whole)
    lines = [line for path in moved.glob("*.jsonl") for line in path.read_text().splitlines()]
    kinds = {json.loads(line)["object"] for line in lines}
    assert {"assistant", "file", "vector_store", "vector_store.file", "vector_store.files_batch", "thread"} <= kinds
    assert {"thread.message", "thread.run", "thread.run.step", "thread.run.turn", "thread.total"} <= kinds
    assert {"usage", "budget", "project_settings"} <= kinds
    # Steps are there under the ids that they had.
    client, runs = source.client, source.client.api.beta.threads.runs
    for run_id, steps in source.steps.items():
        thread = client.threads["worked"]
        assert [step.id for step in runs.steps.list(run_id, thread_id=thread)] == steps
        for step in steps:
            assert runs.steps.retrieve(step, thread_id=thread, run_id=run_id).id == step
    # A run goes on with a thread; the model sees what was said in it, and finds what is in its files.
    run = client.ask(client.threads["told"], 'call file_search {"query": "When is the lamp lit?"}')
    assert run.status == "completed", run.last_error
    [answer] = client.api.beta.threads.messages.list(run.thread_id, run_id=run.id).data
    assert answer.content[0].type == "text" and answer.content[0].text.annotations
    assert [SAID in json.dumps(request.body) for request in model_server.requests(run.id)[-2:]] == [True, True]
    assert LAMP.decode() in json.dumps(model_server.requests(run.id)[-1].body)


def test_a_run_that_was_open_is_expired_and_its_thread_goes_on(empty: World, source: Source) -> None:
    empty.command("import", "dump", source.earlier)
    client, thread = source.client, source.client.threads["open"]
    run = client.api.beta.threads.runs.retrieve(source.open_run.id, thread_id=thread)
    assert run.status == "expired"
    assert client.ask(thread, "say On we go.").status == "completed"


def killed_at(world: World, share: float, bring: Callable[[str], object]) -> None:
    """Run an import as often as it takes to kill it (SIGKILL) at a share of its writes, and then to its end.

    Args:
        bring: imports, with this address for AWS's.
    """
    with world.proxy.recording("") as calls:
        bring(world.proxy.url)
    writes = sum(call.operation in WRITES for call in calls)
    world.clear()
    nth = max(1, round(share * writes))
    fault: Fault = DIES_AFTER if nth % 2 else DIES_BEFORE
    with world.proxy.fault(fault, nth=nth):
        bring(world.proxy.url)
    bring("")


@pytest.mark.parametrize("share", POINTS)
def test_a_dump_s_import_that_is_killed_is_done_again(empty: World, source: Source, share: float) -> None:
    def bring(url: str) -> None:
        empty.command("import", "dump", source.whole, ends=(0, -9) if url else (0,), endpoint=url)

    killed_at(empty, share, bring)
    empty.ingest()
    assert lines_of(empty.dump("again")) ^ lines_of(source.whole) == set()


@pytest.mark.parametrize("share", POINTS)
def test_an_export_s_import_that_is_killed_is_done_again(empty: World, source: Source, share: float) -> None:
    def bring(url: str) -> None:
        empty.command("import", "openai", source.exported, ends=(0, 1, -9), endpoint=url)

    bring("")
    once = empty.dump("once")
    assert b"Lovelace" in bytes_of(once)["threads.jsonl"]
    empty.clear()
    killed_at(empty, share, bring)
    assert lines_of(empty.dump("again")) ^ lines_of(once) == set()


def test_nothing_of_an_erased_person_is_left_in_tables_bucket_exports_and_logs(empty: World, source: Source) -> None:
    empty.command("import", "dump", source.whole)
    empty.ingest()
    client = source.client
    streamed = client.threads["streamed"]
    with client.api.beta.threads.runs.stream(thread_id=streamed, assistant_id=client.assistant) as stream:
        stream.until_done()
    empty.command("export", "--day", time.strftime("%Y-%m-%d", time.gmtime()))

    def everything() -> str:
        found = [str(item) for _, item in empty.items()]
        for key, data in empty.objects():
            text = gzip.decompress(data) if key.endswith(".gz") else data
            found += [key, text.decode(errors="replace")]
        return "\n".join(found)

    before = everything()
    mine = [name for title, name in client.threads.items() if title not in ("bob", "deleted", "open", "linked")]
    traces = [ADA, "Lovelace", *mine]
    assert all(trace in before for trace in traces)
    assert "events#" in before
    assert "export/messages/" in before

    empty.command("users", "erase", ADA, "--yes")
    deadline = time.monotonic() + 30
    while left := [trace for trace in traces if trace in everything()]:  # The ingestion removes vectors a moment later.
        assert time.monotonic() < deadline, left
        time.sleep(1)
    assert "I am Bob." in everything()
    # Logs have ids alone from the beginning.
    logged = empty.log_lines()
    assert [trace for trace in (ADA, "Ada", "Lovelace") if trace in logged] == []
