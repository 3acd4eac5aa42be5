"""The operators' command line: what it is called with, whom it means, and how it says that something is wrong."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from assistants import stack
from assistants.commands import commands, main

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = re.compile(r"[^\n]+[.?]\n")


def leaves(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for verb in command.list_commands(context):
            inner = command.get_command(context, verb)
            assert inner
            yield from leaves(inner, f"{name} {verb}".strip())
    else:
        yield name, command


COMMANDS = dict(leaves(commands))
NEEDED = {
    "budget set": ["--tokens", "1"],
    "fine-tuning export": ["--assistant", "asst_a"],
    "import oae": ["--prefix", "old-"],
    "silvaengine register": ["--endpoint", "openai"],
    "import live": ["--base-url", "http://127.0.0.1:1", "--key", "k"],
}


def words(name: str) -> list[str]:
    """A command with what it must be given."""
    arguments = [each for each in COMMANDS[name].params if isinstance(each, click.Argument)]
    return [*name.split(), *NEEDED.get(name, []), *("x" for _ in arguments)]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    """Run a command that fails; its exit code and what it says."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    said = capsys.readouterr()
    assert not said.out
    return stopped.value.code, said.err


def test_a_person_finds_the_commands_by_help() -> None:
    """As the README says it: without a PYTHONPATH, and without a stack."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-m", "assistants", "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "local stack" in ran.stdout and "--env" in ran.stdout
    data = ("users", "export", "fine-tuning", "events", "dump", "import", "silvaengine")
    nouns = ("chat", "keys", "projects", "runs", "logs", "usage", "budget", *data)
    for noun in nouns:
        assert re.search(rf"^  {noun} +[A-Z][^.]*\.$", ran.stdout, re.MULTILINE), noun


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(capsys: pytest.CaptureFixture[str], name: str) -> None:
    main([*name.split(), "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: python -m assistants {name} ")
    for param in COMMANDS[name].params:
        assert not isinstance(param, click.Option) or (param.help and param.help.endswith(".")), param.name
    assert "--env" in shown


def test_the_commands_are_these() -> None:
    assert set(COMMANDS) == {
        *("chat", "logs", "keys issue", "keys list", "keys revoke"),
        *("runs list", "runs watch", "runs report", "runs logs"),
        *("usage show", "budget show", "budget set", "budget remove"),
        *("export", "fine-tuning export", "events republish"),
        *("projects show", "projects set", "users export", "users erase"),
        *("dump", "import dump", "import openai", "import oae", "import live", "silvaengine register"),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_without_env_every_command_means_the_local_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(stack, "LOCAL", tmp_path / "env")
    code, text = refused(capsys, *words(name))
    assert code == 1
    assert text == "No local stack is up: run `make up`, or name an environment in your account (--env dev).\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_with_env_a_command_means_the_caller_s_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """Without credentials and a region that is one sentence, and not the local stack."""
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, text = refused(capsys, *words(name), "--env", "dev")
    assert code == 1
    assert SENTENCE.fullmatch(text) and "local" not in text


def test_a_local_stack_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    local = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_MAX_ATTEMPTS": "1",
        "API_KEYS_SECRET": "oae-dev/api-keys",
    }
    monkeypatch.setattr(stack, "LOCAL", tmp_path / "env")
    stack.LOCAL.write_text("".join(f"{name}={value}\n" for name, value in local.items()))
    for name in local:
        monkeypatch.setenv(name, "")
    for name in COMMANDS:
        code, text = refused(capsys, *words(name))
        assert code == 1
        assert SENTENCE.fullmatch(text) and "run `make up`" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "frobnicate"),
        (["keys", "issue"], "NAME"),
        (["keys", "list", "--nevermind"], "--nevermind"),
        (["usage", "--from", "yesterday"], "YYYY-MM-DD"),
        (["usage", "--thread", "t", "--user", "u"], "exclude each other"),
        (["budget", "--env", "dev", "set"], "set"),
        (["budget", "set"], "--tokens, --dollars or both"),
        (["budget", "set", "--dollars", "NaN"], "not an amount of dollars"),
        (["runs", "list", "--limit", "0"], "--limit"),
        (["runs", "list", "--thread", "t", "--day", "2026-11-27"], "exclude each other"),
        (["keys", "issue", "\x1b[2J", "extra"], "extra"),
        (["logs"], "FUNCTION"),
    ],
)
def test_wrong_arguments_are_a_sentence_that_names_the_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, text = refused(capsys, *arguments)
    assert code == 2
    assert said in text and "--help`." in text
    assert text.count("\n") == 1 and "\x1b" not in text


@pytest.mark.parametrize("arguments", [[], ["keys"], ["runs"], ["events"]])
def test_a_noun_without_a_verb_shows_its_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().out.startswith("Usage: python -m assistants")


def test_a_fault_of_the_program_is_a_sentence_without_anybody_s_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(environment: str) -> stack.Stack:
        raise RuntimeError("what a person said")

    monkeypatch.setattr(stack, "find", broken)
    code, text = refused(capsys, "keys", "list")
    assert code == 1
    assert re.fullmatch(r"Unexpected RuntimeError in test_commands\.py, line \d+: please report it\.\n", text)


def test_an_interrupted_command_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(environment: str) -> stack.Stack:
        raise KeyboardInterrupt

    monkeypatch.setattr(stack, "find", interrupted)
    code, text = refused(capsys, "keys", "list")
    assert (code, text.strip()) == (130, "")


@pytest.mark.parametrize("package", ["click", "rich", "boto3", "assistant_engine"])
def test_a_missing_package_is_a_sentence(package: str) -> None:
    """The commands need the packages of development, which `pip install -r requirements.txt` alone does not bring."""
    program = f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_module('assistants', run_name='__main__')"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"The package {package} is not installed: run `make setup`")
    assert SENTENCE.fullmatch(ran.stderr)


def test_a_reader_who_goes_away_ends_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(environment: str) -> Any:
        raise BrokenPipeError

    monkeypatch.setattr(stack, "find", gone)
    kept = os.dup(1)
    try:
        with pytest.raises(SystemExit) as stopped:
            main(["keys", "list"])
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert stopped.value.code == 1
