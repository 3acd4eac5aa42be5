"""The life of an environment: a first deployment that fails, deployments, a destroy, and a deployment after it.

Once in an environment that keeps its data, with the real CDK CLI, and once in one that doesn't, deployed as `make up`
deploys; both on an emulator of this module's own.
"""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from assistant_engine.domain.json_data import Json
from assistants import keys
from assistants.stack import Stack, prefix
from layers.build import build
from local import assets, clients, emulator, offline_model
from local import up as local
from local.assembly import cdk_environment, synthesise
from local.bootstrap import bootstrap
from local.deployment import deploy
from local.down import down
from local.paths import ROOT
from local.processes import LocalError
from tests.support.cdk_cli import run_cdk
from tests.support.clients import StrictOpenAI, connect
from tests.support.local_stack import DIRECTORY
from tests.support.project import configure, copy

pytestmark = pytest.mark.offline_model

CODE = 'call code_interpreter {"code": "print(6 * 7)"}'
ASK = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}
PRICE = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
LONG = "A text that is kept in the bucket. " * 2000

CHANGES = {
    "lambdas/api/api.py": """

first_release = handler


def handler(event, context):
    answer = first_release(event, context)
    answer["headers"]["x-release"] = "second"
    return answer
""",
    "lambdas/tools/code_interpreter/sandbox/sandbox.py": """

first_release = handler


def handler(event, context):
    result = first_release(event, context)
    return {**result, "notes": [*result["notes"], "the second sandbox"]}
""",
    "lambdas/steps/in_progress.py": """

first_release = handler


def handler(event, context):
    result = first_release(event, context)
    if "run" in result:
        result["run"]["release"] = "second"
    return result
""",
    "lambdas/tools/code_interpreter/code_interpreter.py": "\nRELEASE = 2\n",
    "lambdas/tools/finance/finance.py": """

first_release = handler


def handler(event, context):
    result = first_release(event, context)
    return {**result, "output": result["output"].replace("USD", "the second release's dollars")}
""",
}
"""What the second release adds to modules of the first."""

BOTH = """
for name in ("dev", "prod"):
    AssistantsStack(app, configuration_of({**app.node.get_all_context(), "env": name}.get))
"""
"""What the app of a release makes: one synth for both environments."""


@dataclass(frozen=True)
class World:
    """The embedded AWS and what is deployed there.

    Attributes:
        assemblies: the cloud assemblies of both environments, by release.
    """

    settings: dict[str, str]
    directory: Path
    assemblies: dict[str, Path]

    def client(self, service: str) -> Any:
        return Stack(self.settings).client(service)

    def cdk(self, *arguments: str) -> None:
        """Run the CDK CLI; LocalError, with what it said, if it fails."""
        run_cdk(self.settings, self.directory, *arguments)

    def deploy(self, environment: str, release: str) -> None:
        """Do what `make deploy` does; in an environment that keeps no data, what `make up` does."""
        assembly = self.assemblies[release]
        app = ("--app", str(assembly))
        if environment == "prod":
            cleared = self.script("before_deploy", "--env", environment, *app)
            assert cleared.returncode == 0, cleared.stdout + cleared.stderr
            self.cdk("deploy", prefix(environment), *app, "--require-approval", "never", "--progress", "events")
        else:
            assets.publish(assembly, self.settings)
            deploy(assembly, self.settings, prefix(environment))

    def script(self, name: str, *arguments: str, say: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of the project's commands as a person does, who then says something."""
        return subprocess.run(
            [sys.executable, "-m", f"scripts.{name}", *arguments],
            cwd=ROOT,
            env={**cdk_environment(self.settings), "PYTHONPATH": str(ROOT / "layers" / "engine")},
            input=say,
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self, stack: str) -> str:
        """The stack's status; empty when there is none."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return next((str(each["StackStatus"]) for each in stacks if each["StackName"] == stack), "")

    def tables(self, prefix: str) -> list[str]:
        """The environment's tables."""
        names = self.client("dynamodb").list_tables()["TableNames"]
        return [name for name in names if name.removeprefix(prefix) in ("-assistants", "-threads", "-messages")]

    def refuse_event_bus(self, name: str) -> Callable[[], None]:
        """Have a deployment that creates this event bus fail half way; what ends that."""
        events = self.client("events")
        events.create_event_bus(Name=name)
        return lambda: events.delete_event_bus(Name=name)

    def refuse_queue(self, name: str) -> Callable[[], None]:
        """Have a deployment that creates this queue fail half way; what ends that."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        return lambda: sqs.delete_queue(QueueUrl=url)

    def outputs(self, prefix: str) -> Mapping[str, str]:
        """The stack's outputs."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=prefix)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def release_of_step(self, prefix: str, run: str) -> str:
        """The release of the step that ended a run, as the run's execution puts it out."""
        steps = self.client("stepfunctions")
        listed = steps.list_executions(stateMachineArn=self.outputs(prefix)["StateMachineArn"])["executions"]
        described = (steps.describe_execution(executionArn=each["executionArn"]) for each in listed)
        ended = {put_out["run_id"]: put_out for each in described if (put_out := json.loads(each.get("output", "{}")))}
        return str(ended[run].get("release", ""))

    def use(self, prefix: str, key: str = "") -> tuple[StrictOpenAI, str]:
        """A client of the deployed API, and its key: the given one or a new one."""
        outputs = self.outputs(prefix)
        secrets = self.client("secretsmanager")
        if not key:
            secrets.put_secret_value(SecretId=outputs["ModelSecret"], SecretString=offline_model.API_KEY)
            key = keys.issue(secrets, outputs["ApiKeysSecret"], "life")
        url = clients.base_url(outputs["ApiUrl"], int(self.settings["AWS_ENDPOINT_URL"].rpartition(":")[2]))
        deployed = local.Local({**self.settings, "ASSISTANTS_BASE_URL": url}, outputs, True, offline_model.MODEL)
        return connect(deployed, key), key


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    build("host")
    directory = DIRECTORY / "life"
    try:
        first = copy(ROOT, tmp_path_factory.mktemp("first"))
        second = copy(ROOT, tmp_path_factory.mktemp("second"))
        for path, more in CHANGES.items():
            with (second / path).open("a") as module:
                module.write(more)
        for app in (first, second):
            source = (app / "app.py").read_text()
            one = "    AssistantsStack(app, configuration_of(app.node.try_get_context, region))\n"
            assert one in source
            (app / "app.py").write_text(source.replace(one, textwrap.indent(BOTH, "    ")))
        # It brings functions, queues and a secret that the first release doesn't have.
        configure(second, webhook_url="http://127.0.0.1:9/")
        emulator.start(directory, port=0)
        settings = emulator.environment(directory)
        model = f"http://127.0.0.1:{offline_model.start(directory, preferred_port=0)}/v1"
        places = tmp_path_factory.mktemp("assemblies")

        def synthesised(app: Path) -> Path:
            assembly = places / app.name
            context = {"layer_target": "host", "vector_engine": "bucket", "model_base_url": model, "sample_tools": "on"}
            synthesise(app, context, assembly)
            return assembly

        with ThreadPoolExecutor(2) as pool:
            bootstrapped = pool.submit(bootstrap, settings)
            jobs = {"first": pool.submit(synthesised, first), "second": pool.submit(synthesised, second)}
            bootstrapped.result()
            assemblies = {release: job.result() for release, job in jobs.items()}
        # The CLI would take 5 s of processor time to send the layers.
        assets.publish(assemblies["first"], settings)
        yield World(settings, directory, assemblies)
    finally:
        down(directory)
        shutil.rmtree(directory, ignore_errors=True)


def ask(client: openai.OpenAI, assistant_id: str, thread_id: str, text: str) -> Any:
    """Post a message to the thread and run it until it ends or waits for its client."""
    client.beta.threads.messages.create(thread_id, role="user", content=text)
    return client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)


def answer(client: openai.OpenAI, run: Any, output: str) -> Any:
    """Answer the call that the run waits with, and wait for its end."""
    [call] = run.required_action.submit_tool_outputs.tool_calls
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": output}]
    )


def said(client: openai.OpenAI, run: Any) -> str:
    """The text that a completed run ended with."""
    assert run.status == "completed", run.last_error
    part = client.beta.threads.messages.list(run.thread_id, run_id=run.id).data[0].content[-1]
    assert part.type == "text"
    return part.text.value


@pytest.mark.parametrize(("environment", "prefix"), [("dev", "oae-dev"), ("prod", "oae")])
def test_an_environment_from_its_first_deployment_to_the_one_after_its_destroy(
    world: World, environment: str, prefix: str
) -> None:
    # The first deployment fails half way, and leaves nothing that blocks the next.
    permit = world.refuse_event_bus(prefix)
    with pytest.raises(LocalError, match="already exists"):
        world.deploy(environment, "first")
    assert world.status(prefix) == "ROLLBACK_COMPLETE"
    assert world.tables(prefix) == []
    permit()
    world.deploy(environment, "first")
    assert world.status(prefix) == "CREATE_COMPLETE"

    # It is used; one run waits for its client.
    client, key = world.use(prefix)
    assistant = client.beta.assistants.create(
        model=offline_model.MODEL,
        tools=[ASK, {"type": "code_interpreter"}],  # type: ignore[list-item]
        extra_body={"functions": [PRICE]},
    ).id
    thread = client.beta.threads.create(messages=[{"role": "user", "content": LONG}]).id
    assert "42" in said(client, ask(client, assistant, thread, CODE))
    other = client.beta.threads.create().id
    commands = ["call ask {}", CODE.replace("call", "then"), 'then get_stock_price {"symbol": "ACME"}']
    waiting = ask(client, assistant, other, "\n".join(commands))
    assert waiting.status == "requires_action"

    # A deployment that changes tools, sandbox and API fails half way, and then succeeds unchanged.
    permit = world.refuse_queue(f"{prefix}-webhook.fifo")
    with pytest.raises(LocalError, match="already exists"):
        world.deploy(environment, "second")
    assert world.status(prefix) == "UPDATE_ROLLBACK_COMPLETE"
    assert release_of(client, assistant) == ""
    assert "second" not in said(client, ask(client, assistant, thread, CODE))
    permit()
    world.deploy(environment, "second")
    assert release_of(client, assistant) == "second"

    # The run that waited ends on the code that it started on, a new one runs on the new.
    ended = answer(client, waiting, "blue")
    text = said(client, ended)
    assert all(told in text for told in ("blue", "42", "182.4"))
    assert "second" not in text
    assert world.release_of_step(prefix, ended.id) == ""
    begun = ask(client, assistant, thread, f'{CODE}\ncall get_stock_price {{"symbol": "ACME"}}')
    text = said(client, begun)
    assert "the second sandbox" in text
    assert "the second release's dollars" in text
    assert world.release_of_step(prefix, begun.id) == "second"

    # It is destroyed while a run waits.
    left = ask(client, assistant, other, "call ask {}")
    assert left.status == "requires_action"
    destroy = DESTROYS[environment]
    destroy(world, prefix)
    assert world.status(prefix) == ""

    # It is deployed again: with its data where that is kept, empty where it isn't.
    world.deploy(environment, "second")
    if environment == "prod":
        assert len(world.tables(prefix)) == 3
        client, _ = world.use(prefix, key)
        kept = client.beta.threads.messages.list(thread, order="asc", limit=100).data
        assert kept[0].content[0].text.value == LONG  # type: ignore[union-attr]
        assert "the second sandbox" in said(client, ask(client, assistant, thread, CODE))
        assert protected(world, prefix) == {True}
    else:
        client, _ = world.use(prefix)
        with pytest.raises(openai.NotFoundError):
            client.beta.threads.retrieve(thread)
        again = client.beta.assistants.create(model=offline_model.MODEL).id
        assert said(client, ask(client, again, client.beta.threads.create().id, "say Again.")) == "Again."


def release_of(client: openai.OpenAI, assistant: str) -> str:
    """The release that answers a request."""
    response = client.beta.assistants.with_raw_response.retrieve(assistant)
    return str(response.headers.get("x-release", ""))


def protected(world: World, prefix: str) -> set[bool]:
    """Return whether the tables are protected against deletion."""
    described: list[Json] = [
        world.client("dynamodb").describe_table(TableName=name)["Table"] for name in world.tables(prefix)
    ]
    return {table["DeletionProtectionEnabled"] for table in described}


def destroy_dev(world: World, prefix: str) -> None:
    """Do what `make destroy ENV=dev` does: it asks first, and then deletes everything."""
    arguments = ("--env", "dev", "--app", str(world.assemblies["second"]))
    refused = world.script("destroy", *arguments, say="yes\n")
    assert refused.returncode == 1
    assert f"bucket {prefix}-{emulator.ACCOUNT}-{emulator.REGION}" in refused.stdout
    assert "1 runs under way" in refused.stdout
    assert "Nothing was deleted." in refused.stderr
    assert world.status(prefix) == "UPDATE_COMPLETE"

    destroyed = world.script("destroy", *arguments, say="dev\n")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert "objects and versions deleted" in destroyed.stdout
    assert world.tables(prefix) == []


def destroy_prod(world: World, prefix: str) -> None:
    """Do what docs/operations.md says; `make destroy` refuses, and CloudFormation while the stack is protected."""
    app = str(world.assemblies["second"])
    refused = world.script("destroy", "--env", "prod", "--app", app, "--yes")
    assert refused.returncode == 1
    assert "keeps its data" in refused.stderr
    with pytest.raises(LocalError, match="TerminationProtection"):
        world.cdk("destroy", prefix, "--force", "--app", app)
    assert world.status(prefix) == "UPDATE_COMPLETE"
    assert protected(world, prefix) == {True}

    world.client("cloudformation").update_termination_protection(StackName=prefix, EnableTerminationProtection=False)
    world.cdk("destroy", prefix, "--force", "--app", app)
    assert len(world.tables(prefix)) == 3
    assert protected(world, prefix) == {True}


DESTROYS = {"dev": destroy_dev, "prod": destroy_prod}
