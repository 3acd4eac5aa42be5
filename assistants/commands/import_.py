"""Imports assistants, threads, files and vector stores from elsewhere."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import click

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.store import Store
from assistant_engine.store.transfer import Transfer
from assistants import stack
from assistants.commands import options
from assistants.errors import CommandError
from assistants.terminal import Terminal, say
from assistants.transfer import importing
from assistants.transfer.earlier_engine import EarlierEngine
from assistants.transfer.files import in_folders, stage_unlisted
from assistants.transfer.models import Models
from assistants.transfer.openai_export import Collector
from assistants.transfer.report import Report
from assistants.transfer.restore import Restore
from assistants.transfer.staging import Staging


class ModelMap(click.ParamType[dict[str, str]]):
    """Models and those in their place: `gpt-4o=gpt-6-luna,o3=gpt-6-sol`."""

    name = "OLD=NEW,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Return the models by those that they take the place of."""
        pairs = dict(each.partition("=")[::2] for each in str(value).split(","))
        if not all(old and new for old, new in pairs.items()):
            self.fail(f"{value!r} is not OLD=NEW,OLD=NEW", param, ctx)
        return pairs


PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Asked:
    """The options that every import has."""

    environment: str
    project: str | None
    model_map: dict[str, str] | None
    model: str
    replace: bool
    dry_run: bool
    report: Path | None


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that every import has, as `asked`."""

    @wraps(command)
    def run(**given: Any) -> None:
        asked = Asked(**{name: given.pop(name) for name in Asked.__annotations__})
        command(asked=asked, **given)

    decorators = (
        options.environment,
        click.option(
            "--project", metavar="NAME", help=f"The project that everything is to belong to; {DEFAULT_PROJECT}."
        ),
        click.option("--model-map", type=ModelMap(), help="Models in place of those that assistants name."),
        click.option(
            "--model", default="", metavar="NAME", help="The model of assistants whose own is gone or not told."
        ),
        click.option("--replace", is_flag=True, help="Let assistants take the place of those that have their ids."),
        click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written."),
        click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Where the JSON lines go."),
    )
    decorated: Callable[..., None] = run
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


@click.group("import")
def group() -> None:
    """Import assistants, threads, files and vector stores.

    Ids of assistants, threads, files and vector stores are kept. Nothing is overwritten, so an import can be
    interrupted and repeated. It ends with a table, and exits with 1 if anything was left out; the report says what, and
    why. docs/migration.md goes through it.
    """


@group.command("dump")
@click.argument("folder", type=PATH)
@_options
def dump(asked: Asked, folder: Path) -> None:
    """Import the dump in FOLDER, every object under its id."""
    with _reported(asked, folder) as report:
        now = Seconds(int(time.time()))
        restore = Restore(
            Transfer(Store()),
            report,
            now,
            project=asked.project or "",
            replace=asked.replace,
            dry_run=asked.dry_run,
        )
        restore.folder(folder)


@group.command("openai")
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="FOLDER|FILE...")
@_options
def openai(asked: Asked, paths: tuple[Path, ...]) -> None:
    """Import exports of the Assistants API: JSON, JSON lines, pages of lists, thread exports.

    The bytes of files are those in `files/`, by id or by name.
    """
    with _reported(asked, *paths) as report, Staging() as staging:
        content, by_id = in_folders(list(paths))
        Collector(staging, report).read(list(paths))
        stage_unlisted(staging, by_id)
        importing.write(staging, _target(asked), report, content)


@group.command("oae")
@click.option("--prefix", required=True, help="What the names of the tables start with, such as oae-.")
@click.option(
    "--assistants", "exports", type=PATH, multiple=True, help="An export of the assistants, for what OpenAI had."
)
@click.option("--region", help="The region of the tables, if it is another one.")
@_options
def oae(asked: Asked, prefix: str, exports: tuple[Path, ...], region: str | None) -> None:
    """Import the tables of openai_assistant_engine (SilvaEngine), which stay as they are."""
    with _reported(asked, *exports) as report, Staging() as staging:
        content, by_id = in_folders(list(exports))
        Collector(staging, report).read(list(exports))
        stage_unlisted(staging, by_id)
        EarlierEngine(boto3.client("dynamodb", region_name=region), prefix, staging, report).read()
        importing.write(staging, _target(asked), report, content)


@group.command("live")
@click.option("--base-url", required=True, metavar="URL", help="What /assistants and /threads are below.")
@click.option("--key", required=True, envvar="IMPORT_KEY", help="Its key, or a token; IMPORT_KEY of the environment.")
@click.option("--api-version", default="", metavar="VERSION", help="For Azure: v1 for a Foundry project.")
@click.option("--threads", type=PATH, help="A file of ids of threads, for a server that does not list them.")
@_options
def live(asked: Asked, base_url: str, key: str, api_version: str, threads: Path | None) -> None:
    """Import from a running server of this API: another stack, a Foundry project, an open-source server."""
    # Here, as it imports the openai package: that takes longer than all that the other imports need.
    from assistants.transfer.live import Server, thread_ids

    given = [threads] if threads else []
    with _reported(asked, *given) as report, Staging() as staging, TemporaryDirectory() as folder:
        server = Server(base_url, key, api_version, staging, report, Path(folder))
        server.read(thread_ids(threads) if threads else [])
        importing.write(staging, _target(asked), report, server.content())


@contextmanager
def _reported(asked: Asked, *paths: Path) -> Iterator[Report]:
    """Point the process at the stack, and tell what became of everything.

    Args:
        paths: what is to be read.
    """
    stack.use(asked.environment)
    for path in paths:
        if not path.exists():
            raise CommandError(f"There is no {path}.")
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
    report = Report(asked.report or stack.ROOT / ".local" / "imports" / f"{moment}.jsonl", lambda line: say(line))
    try:
        yield report
    finally:
        report.close()
        console = Terminal(highlight=False, width=120)
        console.print(report.table())
        console.print(f"{'Nothing was written. ' if asked.dry_run else ''}Report: {report.path}")
    if not report.complete:
        raise CommandError("Something was left out: the report says what, and why.")


def _target(asked: Asked) -> importing.Target:
    settings = _settings(asked.environment)
    embedding = {
        "model": settings.get("EMBEDDING_MODEL", ""),
        "dimensions": int(settings.get("EMBEDDING_DIMENSIONS") or 0),
    }
    return importing.Target(
        store=Store(asked.project or DEFAULT_PROJECT),
        now=Seconds(int(time.time())),
        models=Models(datetime.now(UTC).date(), asked.model_map or {}, asked.model),
        deployed=_tools(asked.environment),
        embedding=embedding,
        replace=asked.replace,
        dry_run=asked.dry_run,
    )


def _settings(environment: str) -> Json:
    """Return the settings of the stack's API function: among them the embedding model."""
    found = stack.find(environment)
    name = f"{found.prefix}-api"
    described: Json = found.client("lambda").get_function_configuration(FunctionName=name)
    settings: Json = described["Environment"]["Variables"]
    return settings


def _tools(environment: str) -> Json:
    """Return the tools that this checkout deployed, as the registry in its layer has them; none without a layer."""
    layer = stack.ROOT / ".build" / "layers" / ("lambda" if environment else "host") / "engine" / "python"
    path = layer / "assistant_engine" / "tools" / "registry.json"
    described: Json = json.loads(path.read_text()) if path.is_file() else {}
    return described
