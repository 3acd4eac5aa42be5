"""`make dev`: what is saved in a tool's folder is served, deployed, or said to be wrong."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import dev
from local import up as local
from tests.support.driver import Driver
from tests.support.local_stack import DIRECTORY, deploy
from tests.support.model_server import ModelServer
from tests.support.project import copy

pytestmark = pytest.mark.offline_model

PLURALISE = {"module_name": "linguist", "class_name": "Linguist", "function_name": "pluralise"}
BODY = "return str(inflection.pluralize(word))"
SIGNATURE = "def pluralise(self, word: words.Word) -> str:"


class Project:
    """A project that is being watched.

    Attributes:
        folder: of the tool that is edited.
    """

    def __init__(self, project: Path, model_server: ModelServer) -> None:
        self.folder = project / "lambdas" / "tools" / "linguist"
        self._project, self._model_server = project, model_server
        self._said: queue.Queue[str] = queue.Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            dev.Watch(self._project, DIRECTORY, self._deploy, self._said.put).run(self._stop)
        except Exception as error:
            self._said.put(f"{error!r}")

    def _deploy(self) -> local.Local:
        built = [sys.executable, "-m", "layers.build", "--target", "host"]
        subprocess.run(built, cwd=self._project, check=True)
        return deploy(self._project, self._model_server)

    def edit(self, old: str, new: str) -> str:
        """Save the module with something replaced; return what the watch says about it."""
        module = self.folder / "linguist.py"
        text = module.read_text()
        assert old in text
        module.write_text("")  # As an editor does that takes a moment to write.
        time.sleep(1)
        module.write_text(text.replace(old, new))
        return self.said()

    def said(self) -> str:
        """Return the next line that the watch says."""
        return self._said.get(timeout=300)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def project(app: Path, model_server: ModelServer, driver: Driver, tmp_path: Path) -> Iterator[Project]:
    """A copy of the session's app that is being watched; the stack is put back afterwards."""
    watched = Project(copy(app, tmp_path / "project"), model_server)
    assert watched.said().startswith("✓ deployed in ")
    assert watched.said().startswith("Watching lambdas/tools")
    yield watched
    watched.end()
    deploy(app, model_server)


def test_a_tool_is_served_as_it_is_saved(project: Project, driver: Driver) -> None:
    assistant = driver.assistant(functions=[PLURALISE])

    def answer(arguments: str = '{"word": "ox"}') -> str:
        return str(driver.run(driver.ask(assistant, f"call pluralise {arguments}"))["messages"][0]["text"])

    assert "oxen" in answer()
    # A body is served at once, by the alias that the model's step calls.
    assert project.edit(BODY, "return 'two of ' + word").startswith("✓ linguist is served as saved, after ")

    # An error is one line, and the last good version serves on. This save begins while the one before is still checked.
    line = project.edit(SIGNATURE, "def pluralise(self, word: words.Word, count) -> str:")
    assert line == "✗ lambdas/tools/linguist/linguist.py: Linguist.pluralise: count: there is no type hint"
    assert project.edit("return 'two of ' + word", "return (").startswith("✗ lambdas/tools/linguist/linguist.py:")
    assert "two of ox" in answer()

    # A signature is deployed, and so is what else is more than the function's own code.
    project.folder.joinpath("linguist.py").write_text(
        project.folder.joinpath("linguist.py")
        .read_text()
        .replace("count) -> str:", "count: int) -> str:")
        .replace("return (", "return f'{count} of {word}'")
    )
    assert project.said().startswith("✓ deployed in ")
    assert "7 of ox" in answer('{"word": "ox", "count": 7}')
    (project.folder / "tool.toml").write_text("memory = 300\ntimeout = 0\n")
    assert project.said().startswith("✗ lambdas/tools/linguist/tool.toml: timeout: ")
    (project.folder / "tool.toml").unlink()

    # A deployment ends what was swapped without one: each alias is at its own version.
    assert project.edit("of {word}", "by {word}").startswith("✓ linguist is served")
    assert "7 by ox" in answer('{"word": "ox", "count": 7}')
    (project.folder / "tool.toml").write_text("memory = 300\n")
    assert project.said().startswith("✓ deployed in ")
    name = driver.function_name("tool-linguist")
    functions = driver.client("lambda")
    assert functions.get_function_configuration(FunctionName=name)["MemorySize"] == 300
    assert "7 by ox" in answer('{"word": "ox", "count": 7}')
    aliases = functions.list_aliases(FunctionName=name)["Aliases"]
    assert len(aliases) > 1
    assert [alias for alias in aliases if alias["Name"] != f"v{alias['FunctionVersion']}"] == []
