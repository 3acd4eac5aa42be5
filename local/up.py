"""The local stack: the embedded AWS, the offline model and the very stack that `cdk deploy` makes, deployed there.

`python -m local.up [--keep]` brings it up or up to date; `local.down` stops it. As a library: `up()`, with a directory
of its own for whoever needs a second one in addition to the user's.
"""

import argparse
import errno
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from assistants import private
from assistants.stack import Stack, prefix, variables
from layers.build import BuildError, build
from local import assets, clients, embedding_model, emulator, given, hot_swap, model_choice, offline_model, speech
from local.assembly import ASSEMBLIES, assembly_of, fingerprint
from local.bootstrap import bootstrap
from local.deployment import deploy
from local.down import down
from local.model_choice import ModelChoice
from local.paths import LOCAL, ROOT
from local.processes import LocalError

PORT = 4566

CORS_ORIGINS = "http://localhost:*,http://127.0.0.1:*"
"""Pages that a program on this machine serves may use the API; a page of anywhere else may not."""

FIRST_FUNCTIONS = (
    "api",
    "stream",
    "queued",
    "in_progress",
    "publish_run_events",
    "tool-code_interpreter",
    "sandbox",
    "poll",
    "tool-finance",
    "requires_action",
)
"""The functions that a first run invokes, the most urgent first."""

Step = Callable[[str], Any]


@dataclass(frozen=True)
class Local:
    """A deployed stack and the way to it.

    `settings` is what `.local/env` holds: endpoint, region and credentials of the embedded AWS, and what the stack put
    out, as STATE_MACHINE_ARN, ASSISTANTS_TABLE, MESSAGES_TABLE, BUCKET, ASSISTANTS_BASE_URL ... Without an endpoint,
    the caller's own AWS account is meant. `outputs` are the stack's, by their own names. `offline` tells whether the
    offline model answers, `model` is the name of the one that does.
    """

    settings: Mapping[str, str]
    outputs: Mapping[str, str]
    offline: bool
    model: str

    def client(self, service: str) -> Any:
        """Return a boto3 client; for the embedded AWS, whatever AWS settings the caller's environment has."""
        return _client(self.settings, service)


def up(
    directory: Path = LOCAL,
    *,
    step: Step | None = None,
    port: int | None = None,
    use_real_model: bool = True,
    keep_state: bool = False,
    app: Path = ROOT,
    model_base_url: str = "",
    speech_base_url: str = "",
    ahead: bool = False,
) -> Local:
    """Bring the local stack up, or up to date; seconds when it runs already and nothing has changed.

    `directory` holds its records, logs and `env`. `port` is the address's: if it is not given, what LOCAL_PORT says, or
    4566; 0 takes any that is free. `step(title)` makes a context manager around each part of the work.
    Without `use_real_model`, the offline model answers whatever the environment names. `app` is the folder of the CDK
    app: a changed copy of it is another release of the same stack. `model_base_url` is of a server that stands in front
    of the offline model, `speech_base_url` that of another speech server than the local one. With `ahead`, what a first
    run invokes is initialised while the stack is deployed.

    Raises:
        LocalError: with what to do about it.
    """
    step = step or quiet
    model = model_choice.chosen() if use_real_model else None
    with step("Layers"):
        try:
            build("host")
        except BuildError as error:
            raise LocalError(str(error)) from error
    offline = model is None
    # Not every compatible server has embeddings; who wants theirs says which.
    embeds = model is None or (model.base_url and not model.embedding_model)
    anywhere = {"preferred_port": 0} if port == 0 else {}
    wanted = _port() if port is None else port
    # Side by side: each reads itself in for a second, and none needs another.
    with step("Embedded AWS and models"), ThreadPoolExecutor(3) as pool:
        offline_port = pool.submit(offline_model.start, directory, **anywhere) if offline else None
        embedding_port = pool.submit(embedding_model.start, directory, **anywhere) if embeds else None
        speech_port = None if speech_base_url else pool.submit(speech.start, directory, **anywhere)
        try:
            first = [f"{prefix('dev')}-{name}" for name in FIRST_FUNCTIONS] if ahead else []
            port = emulator.start(directory, port=wanted, keep_state=keep_state, ahead=first)
        except LocalError:
            pool.shutdown()
            down(directory, keep_state=keep_state)
            raise
    settings = emulator.environment(directory)
    # The embedded AWS has no S3 Vectors.
    context = {"env": "dev", "layer_target": "host", "vector_engine": "bucket", "cors_origins": CORS_ORIGINS}
    if offline_port:
        served_at = model_base_url or f"http://127.0.0.1:{offline_port.result()}/v1"
        model = ModelChoice(offline_model.API_KEY, served_at, offline_model.MODEL)
    assert model
    context.update(model.context)
    if model.embedding_model:
        context["embedding_model"] = model.embedding_model
    if embedding_port:
        context["embedding_provider"] = "openai"
        context["embedding_model"] = embedding_model.MODEL
        context["embedding_base_url"] = f"http://127.0.0.1:{embedding_port.result()}/v1"
    if speech_port:
        speech_base_url = f"http://127.0.0.1:{speech_port.result()}/v1"
    context["speech_provider"] = "openai"
    context["speech_base_url"] = speech_base_url
    context["transcription_model"] = speech.TRANSCRIPTION_MODEL
    context["speech_model"] = speech.SPEECH_MODEL
    is_new = not (directory / "deployed.json").exists()
    try:
        outputs = _deploy(directory, app, settings, context, step)
    except KeyboardInterrupt:
        if is_new:  # Half of a bootstrap or of a stack would be in the way of the next try.
            emulator.stop(directory, keep_state=keep_state)
        raise
    hot_swap.undo(directory, lambda service: _client(settings, service))
    secrets = _client(settings, "secretsmanager")
    secrets.put_secret_value(SecretId=outputs["ModelSecret"], SecretString=model.key)
    if "EmbeddingSecret" in outputs:
        secrets.put_secret_value(SecretId=outputs["EmbeddingSecret"], SecretString=embedding_model.API_KEY)
    if "SpeechSecret" in outputs:
        secrets.put_secret_value(SecretId=outputs["SpeechSecret"], SecretString=speech.API_KEY)
    written = {
        **settings,
        **variables(outputs),
        "ASSISTANTS_BASE_URL": clients.base_url(outputs["ApiUrl"], port),
        "ASSISTANTS_AZURE_ENDPOINT": clients.base_url(outputs["AzureEndpoint"], port),
        "GRAPHQL_URL": clients.base_url(outputs["GraphqlUrl"], port),
        "SILVAENGINE_URL": clients.base_url(outputs["SilvaengineUrl"], port),
        "ASSISTANTS_API_KEY": clients.api_key(directory, secrets, outputs["ApiKeysSecret"]),
        "SPEECH_BASE_URL": speech_base_url,
    }
    clients.write(directory, written)
    return Local(written, outputs, offline, context.get("model", ""))


def _deploy(
    directory: Path, app: Path, settings: Mapping[str, str], context: Mapping[str, str], step: Step
) -> dict[str, str]:
    """Deploy the stack into the embedded AWS and return its outputs."""
    record = directory / "deployed.json"
    emulator_process = (directory / "emulator.json").read_text()
    if record.is_file():
        deployed = json.loads(record.read_text())
        if deployed["made_from"] == fingerprint(app, context) + emulator_process:
            return dict(deployed["outputs"])
    # Side by side: each takes seconds, and neither needs the other.
    with step("CDK bootstrap and synth"):
        with ThreadPoolExecutor(1) as pool:
            bootstrapped = pool.submit(bootstrap, settings)
            assembly = assembly_of(app, context, ASSEMBLIES if app == ROOT else directory / "assemblies")
        bootstrapped.result()
    with step("Deployment"):
        assets.publish(assembly, settings)
        outputs = deploy(assembly, settings)
    private.write(record, json.dumps({"made_from": assembly.name + emulator_process, "outputs": outputs}))
    return outputs


def _client(settings: Mapping[str, str], service: str) -> Any:
    return Stack(settings).client(service)


def _port() -> int:
    port = given.settings().get("LOCAL_PORT", str(PORT))
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise LocalError(f"LOCAL_PORT is {port!r}, which is not a port: 1 to 65535.")
    return int(port)


@contextmanager
def quiet(title: str) -> Iterator[None]:
    """A step that says nothing."""
    yield


@contextmanager
def shown(title: str) -> Iterator[None]:
    """A step on the terminal: a spinner while it lasts where there is a terminal, and a line with its time."""
    console = Console(highlight=False)
    start = time.monotonic()
    if console.is_terminal:
        with console.status(title):
            yield
    else:
        yield
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - start:.1f} s[/]")


@contextmanager
def in_one_line() -> Iterator[None]:
    """End the process with one line where the block fails for a reason that a person can do something about."""
    try:
        yield
    except LocalError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nInterrupted. The next `make up` goes on from here.", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit("The disk is full. Make room, then run the same command again.")
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            sys.exit(f"{error.filename} can't be written to: make it writable, then run the same command again.")
        raise


def main() -> None:
    """Bring the local stack up and say how to use it."""
    parser = argparse.ArgumentParser(prog="python -m local.up", description="Bring the local stack up, or up to date.")
    parser.add_argument("--keep", action="store_true", help="keep the embedded AWS's state: say it to up and down")
    arguments = parser.parse_args()
    with in_one_line():
        local = up(step=shown, keep_state=arguments.keep, ahead=True)
    if not local.offline:
        print(model_choice.report())
    model = "the offline model" if local.offline else f"the model {local.model or 'of the configuration'}"
    print(f"The stack is up. Answers come from {model}.\n")
    print(clients.introduction(local.settings, local.model or "gpt-6-luna"), end="")


if __name__ == "__main__":
    main()
