"""The folders of tools: what is complete, and the one line that says what is wrong."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from layers.registry import registry
from layers.tool_folders import WrongTool, tool_folders
from local.paths import ROOT

MODULE = """
{imports}
from assistant_engine import tool


class {cls}:
    def __init__(self, configuration):
        pass

    {method}
        '''Do something.'''
        return "done"


handler = tool.handler({cls})
"""


def module(method: str = "def get(self, city: str) -> str:", cls: str = "Weather", imports: str = "") -> str:
    return MODULE.format(method=method, cls=cls, imports=imports)


def described(tools: Path) -> Mapping[str, object]:
    return registry(tool_folders(tools), ROOT / "layers" / "engine", lambda tool: None)


def written(tools: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (tools / name).parent.mkdir(parents=True, exist_ok=True)
        (tools / name).write_text(text)
    return tools


def test_a_folder_with_a_module_alone_is_complete(tmp_path: Path) -> None:
    tools = written(tmp_path, {"weather/weather.py": module(), "__pycache__/x.pyc": "", "old/__pycache__/x.pyc": ""})
    [tool] = tool_folders(tools)
    assert (tool.name, tool.lock, tool.settings.memory, tool.settings.timeout) == ("weather", None, 512, 60)
    assert "get" in str(described(tools)["weather"])


def test_helper_modules_of_one_name_are_each_tool_s_own(tmp_path: Path) -> None:
    tools = written(
        tmp_path,
        {
            "a/a.py": module("def one(self, x: words.Word) -> str:", "One", "import words"),
            "a/words.py": "Word = int\n",
            "b/b.py": module("def two(self, x: words.Word) -> str:", "Two", "import words"),
            "b/words.py": "Word = bool\n",
        },
    )
    found = described(tools)
    assert "integer" in str(found["a"])
    assert "boolean" in str(found["b"])


WRONG: list[tuple[str, dict[str, str], str]] = [
    (
        "no hint",
        {"w/w.py": module("def get(self, city, day: int = 1) -> str:")},
        r"w/w\.py: Weather\.get: city: .*hint",
    ),
    (
        "a hint of a type that JSON can't express",
        {"w/w.py": module("def get(self, day: int, at: socket.socket) -> str:", imports="import socket")},
        r"w/w\.py: Weather\.get: at: .*socket",
    ),
    (
        "a hint of a callable",
        {"w/w.py": module("def get(self, f: Callable[[], int]) -> str:", imports="from typing import Callable")},
        r"w/w\.py: Weather\.get: f: ",
    ),
    (
        "a hint of an unknown name",
        {"w/w.py": module('def get(self, at: "Moment") -> str:')},
        r"w/w\.py: Weather\.get: at: .*Moment",
    ),
    (
        "any number of arguments",
        {"w/w.py": module("def get(self, *cities: str) -> str:")},
        r"w/w\.py: Weather\.get: \*cities",
    ),
    (
        "an async method",
        {"w/w.py": module("async def get(self, city: str) -> str:")},
        r"w/w\.py: Weather\.get: .*async",
    ),
    (
        "a static method",
        {"w/w.py": module("@staticmethod\n    def get(city: str) -> str:")},
        r"w/w\.py: Weather\.get: .*static",
    ),
    (
        "two functions of one name",
        {"a/a.py": module(cls="Sun"), "b/b.py": module(cls="Rain")},
        r"b/b\.py: Rain\.get: lambdas/tools/a/a\.py \(Sun\) has a function of this name",
    ),
    (
        "two classes of one name",
        {"a/a.py": module(), "b/b.py": module("def other(self, city: str) -> str:")},
        r"b/b\.py: Weather: lambdas/tools/a/a\.py has a class of this name",
    ),
    (
        "the name of a built-in tool",
        {"w/w.py": module("def file_search(self, query: str) -> str:")},
        r"w/w\.py: Weather\.file_search",
    ),
    ("no handler", {"w/w.py": "class Weather: ..."}, r"w/w\.py: a tool module ends with"),
    ("no module", {"w/weather.py": module()}, r"w: there is no w\.py"),
    ("no Python", {"w/w.py": "def get(:"}, r"w/w\.py:1: SyntaxError: "),
    (
        "a missing package",
        {"w/w.py": "import no_such_package_at_all"},
        r"w/w\.py:1: ModuleNotFoundError: .*requirements\.txt",
    ),
    (
        "an error while it is imported",
        {"w/w.py": "\n\nraise ValueError('two\\nlines')"},
        r"w/w\.py:3: ValueError: two lines",
    ),
    ("an end while it is imported", {"w/w.py": "import os; os._exit(0)"}, r"w/w\.py: the import ended Python"),
    ("a module's name of Python's own", {"json/json.py": module()}, r"json: Python has a module json"),
    ("a module's name of another package", {"pydantic/pydantic.py": module()}, r"pydantic: .*hides"),
    ("a name that is none", {"my-tool/my-tool.py": module()}, r"my-tool: the name of a tool"),
    ("an unknown setting", {"w/w.py": module(), "w/tool.toml": "memroy = 1"}, r"w/tool\.toml: memroy: "),
    (
        "a setting of another type",
        {"w/w.py": module(), "w/tool.toml": 'timeout = "1"'},
        r"w/tool\.toml: timeout: .*integer",
    ),
    (
        "a setting beyond its limit",
        {"w/w.py": module(), "w/tool.toml": "timeout = 901"},
        r"w/tool\.toml: timeout: .*900",
    ),
    ("no TOML", {"w/w.py": module(), "w/tool.toml": "memory = \ntimeout = 1"}, r"w/tool\.toml: .*line 1"),
    (
        "an unknown placeholder",
        {"w/w.py": module(), "w/tool.toml": '[[permissions]]\nactions = ["s3:GetObject"]\nresources = ["${bucket}/x"]'},
        r"w/tool\.toml: permissions\.0\.resources\.0: .*\$\{bucket\} is unknown.*\$\{bucket_arn\}",
    ),
    (
        "a package that is not locked",
        {"w/w.py": module(), "w/requirements.in": "humanize>=4"},
        r"w/requirements\.in: .*humanize>=4",
    ),
    (
        "a package that is locked at another version",
        {"w/w.py": module(), "w/requirements.in": "A_b>=4", "w/requirements.txt": "a-b==3.9 \\\n  --hash=sha256:0\n"},
        r"w/requirements\.in: .*A_b>=4",
    ),
]


@pytest.mark.parametrize(("files", "line"), [pytest.param(files, line, id=name) for name, files, line in WRONG])
def test_what_is_wrong_is_one_line_that_names_file_class_and_argument(
    tmp_path: Path, files: dict[str, str], line: str
) -> None:
    with pytest.raises(WrongTool) as raised:
        described(written(tmp_path, files))
    assert re.match(rf"lambdas/tools/{line}", str(raised.value)), str(raised.value)
    assert "\n" not in str(raised.value)
