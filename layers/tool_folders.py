"""Finds the tools in `lambdas/tools` and reads their `tool.toml`.

The build describes each tool for the engine (`layers.registry`), the synth makes a function of each (`cdk.tools`). What
is wrong with a folder is one line for both: `lambdas/tools/weather/tool.toml: memory: Input should be ...`.
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated, Any

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from layers.byte_code import BuildError

TOOLS = Path(__file__).resolve().parent.parent / "lambdas" / "tools"
SETTINGS = "tool.toml"
LOCK = "requirements.txt"
WANTED = "requirements.in"
NOT_CODE = ("__pycache__", "*.pyc", "*.md", SETTINGS, "requirements.*")
"""Patterns of what lies in a tool's folder and is not deployed."""
PLACEHOLDERS = {"bucket_arn", "mail_sender", "mail_identity_arn", "stock_price_url", "country_facts_url"}
MAX_NAME = 40
"""With the longest prefix of an environment, a function's name is shorter than Lambda's limit of 64."""


class WrongTool(BuildError):
    """A tool can't be deployed as it is. The message is one line that begins with the file."""


def _known_placeholders(text: str) -> str:
    template = Template(text)
    if not template.is_valid() or (unknown := set(template.get_identifiers()) - PLACEHOLDERS):
        what = f"${{{min(unknown)}}} is unknown" if template.is_valid() else "a $ stands alone"
        raise ValueError(f"{what}: there are {', '.join(f'${{{name}}}' for name in sorted(PLACEHOLDERS))}")
    return text


Text = Annotated[str, AfterValidator(_known_placeholders)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Permission(_Table):
    """An IAM statement that allows something; `because` says why a resource with a wildcard is no narrower."""

    actions: list[Annotated[str, Field(pattern=r"^[a-z0-9-]+:[A-Za-z0-9*]+$")]] = Field(min_length=1)
    resources: list[Text] = Field(min_length=1)
    because: str = ""


class ToolSettings(_Table):
    """Holds what a `tool.toml` declares.

    In resources and variables, `${bucket_arn}` stands for the bucket, `${mail_sender}` for the address that mail is
    sent from and `${mail_identity_arn}` for its identity in Amazon SES; these two are empty where no mail is sent.
    `${stock_price_url}` and `${country_facts_url}` stand for the settings of these names.
    """

    description: str = ""
    """Of the function."""
    memory: int = Field(default=512, ge=128, le=10_240)
    """MB (Lambda's limits)."""
    timeout: int = Field(default=60, ge=1, le=900)
    """Seconds (Lambda's limits)."""
    environment: dict[Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]+$")], Text] = {}
    """Variables of the function."""
    permissions: list[Permission] = []
    """One whose resources this deployment doesn't have is left out."""
    sample: bool = False
    """Whether it belongs to a sample assistant: it is deployed where the setting `sample_tools` is `on`."""
    built_in: bool = False
    """Whether the engine itself describes the tool to the model, and `cdk.tools` makes the rest of it."""


@dataclass(frozen=True, slots=True)
class ToolFolder:
    """A tool's folder, which has the name of the tool and of the module in it.

    Attributes:
        path: the folder.
        settings: of its `tool.toml`; the defaults if it has none.
    """

    path: Path
    settings: ToolSettings

    @property
    def name(self) -> str:
        """Return the name of the tool."""
        return self.path.name

    @property
    def module(self) -> Path:
        """Return the file with the tool's class."""
        return self.path / f"{self.name}.py"

    @property
    def layer(self) -> str:
        """Return the name of the layer with the packages of this tool alone."""
        return f"tool-{self.name}"

    @property
    def lock(self) -> Path | None:
        """Return the lock of its own packages; None if it has none."""
        lock = self.path / LOCK
        return lock if lock.is_file() else None


def tool_folders(tools: Path = TOOLS) -> list[ToolFolder]:
    """Return every tool of a folder, by name.

    Raises:
        WrongTool: one has no module, a name that Python can't import, or a `tool.toml` that doesn't hold what it may.
    """
    return [_tool_folder(path) for path in sorted(tools.iterdir()) if _is_in_use(path)]


def shown(path: Path, tools: Path) -> str:
    """Return a path as messages name it: from `lambdas/` on."""
    return f"lambdas/tools/{path.relative_to(tools).as_posix()}"


def files_of(folder: Path, without: Sequence[str] = NOT_CODE) -> list[Path]:
    """Return the files of a folder, without those that have a name like these, or are in a folder that has."""
    found = []
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).parts
        if path.is_file() and not any(Path(part).match(pattern) for part in below for pattern in without):
            found.append(path)
    return found


def _is_in_use(path: Path) -> bool:
    """Tell whether a folder is meant as a tool; one that git emptied still holds byte code."""
    return path.is_dir() and not path.name.startswith((".", "__")) and bool(files_of(path, ["__pycache__"]))


def _tool_folder(path: Path) -> ToolFolder:
    name, tools = path.name, path.parent
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or len(name) > MAX_NAME:
        said = f"the name of a tool is a letter, then letters, digits and _, at most {MAX_NAME} in all"
        raise WrongTool(f"{shown(path, tools)}: {said}")
    if name in sys.stdlib_module_names:
        raise WrongTool(f"{shown(path, tools)}: Python has a module {name}, which this one would hide: rename the tool")
    tool = ToolFolder(path, _settings(path / SETTINGS, tools))
    if not tool.module.is_file():
        raise WrongTool(f"{shown(path, tools)}: there is no {tool.module.name}, the module with the tool's class")
    _check_lock(tool, tools)
    return tool


def _settings(file: Path, tools: Path) -> ToolSettings:
    if not file.is_file():
        return ToolSettings()
    try:
        return ToolSettings(**tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        raise WrongTool(f"{shown(file, tools)}: {'; '.join(problems)}") from None
    except ValueError as error:  # TOML that isn't, or bytes that are no text.
        raise WrongTool(f"{shown(file, tools)}: {' '.join(str(error).split())}") from None


def _check_lock(tool: ToolFolder, tools: Path) -> None:
    """Refuse a `requirements.in` that asks for what `requirements.txt` doesn't hold.

    Raises:
        WrongTool: see above.
    """
    wanted = tool.path / WANTED
    if not wanted.is_file():
        return
    locked = dict(re.findall(r"(?m)^([\w.-]+)(?:\[.*?\])?==([\w.!+-]+)", tool.lock.read_text() if tool.lock else ""))
    pins = {_normal(name): version for name, version in locked.items()}
    for line in wanted.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise WrongTool(f"{shown(wanted, tools)}: {str(error).splitlines()[0]}") from None
        pin = pins.get(_normal(requirement.name))
        if not pin or not requirement.specifier.contains(pin, prereleases=True):
            how = "uv pip compile --generate-hashes --universal requirements.in -o requirements.txt"
            raise WrongTool(f"{shown(wanted, tools)}: {LOCK} does not hold {text}: run `{how}` in this folder")


def _normal(name: str) -> str:
    """Return a package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def as_one_line(error: Any) -> str:
    """Return an error's text without its line breaks."""
    return " ".join(str(error).split())
