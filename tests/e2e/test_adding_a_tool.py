"""The tool of docs/adding-a-tool.md: its folder was dropped into the project, and nothing else was done."""

import json
from typing import Any

import pytest

from local import up as local
from tests.support.driver import Driver
from tests.support.project import ADDING_A_TOOL, shown_in

pytestmark = pytest.mark.offline_model

SAID = "Is there anything we have run out of?"
ASKED = """call get_stock {"part": "washer"}
call get_stock {"part": "screw"}
then order {"lines": [{"part": "washer", "quantity": 500}, {"part": "bolt", "quantity": 20}]}"""


def test_a_folder_is_a_tool_that_an_assistant_calls(
    stack: local.Local, driver: Driver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", stack.settings["ASSISTANTS_BASE_URL"])
    monkeypatch.setenv("OPENAI_API_KEY", stack.settings["ASSISTANTS_API_KEY"])
    program = shown_in(ADDING_A_TOOL)["ask"]
    assert SAID in program
    names: dict[str, Any] = {}
    exec(program.replace(json.dumps(SAID), repr(ASKED)), names)  # noqa: S102

    asked, *answer = capsys.readouterr().out.splitlines()
    assert asked.startswith("order {")
    assert json.dumps({"site": "north", "part": "washer", "pieces": 0}, separators=(",", ":")) in "".join(answer)
    assert "Error: KeyError: 'screw'" in "".join(answer)
    assert '"ordered":520' in "".join(answer)
    s3, bucket = driver.client("s3"), driver.store.blobs.bucket
    [order] = s3.list_objects_v2(Bucket=bucket, Prefix=f"warehouse/{names['run'].id}/")["Contents"]
    written = json.loads(s3.get_object(Bucket=bucket, Key=order["Key"])["Body"].read())
    assert (written["site"], written["urgent"], len(written["lines"])) == ("north", False, 2)


def test_a_folder_without_settings_and_with_packages_is_a_tool(driver: Driver) -> None:
    pluralise = {"module_name": "linguist", "class_name": "Linguist", "function_name": "pluralise"}
    assistant = driver.assistant(functions=[pluralise])
    run = driver.run(driver.ask(assistant, 'call pluralise {"word": "ox"}'))
    assert "oxen" in run["messages"][0]["text"]
