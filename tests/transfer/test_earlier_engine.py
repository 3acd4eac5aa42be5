"""The tables of openai_assistant_engine, as it wrote them, become assistants and threads that go on here."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import boto3
import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store, Window
from assistant_engine.store.items import marshal
from assistants.errors import CommandError
from assistants.transfer import importing
from assistants.transfer.earlier_engine import EarlierEngine
from assistants.transfer.files import in_folders
from assistants.transfer.models import Models
from assistants.transfer.openai_export import Collector
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging
from tests.support import contents
from tests.support.earlier_tables import ASSISTANT, GET_STOCK_PRICE, THREAD, at, later, plant, seed
from tests.support.imports import NOW, Imported, everything, messages_of


@pytest.fixture
def import_tables(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Imported]:
    """Import tables as `import oae` does."""

    def run(store: Store, prefix: str, *exports: Path, model: str = "gpt-6-luna") -> Imported:
        report = Report(tmp_path_factory.mktemp("report") / "report.jsonl")
        tool = {"finance": {"class_name": "Finance", "functions": {"get_stock_price": {}}}}
        target = importing.Target(store, NOW, Models(date(2026, 11, 27), {}, model), deployed=tool)
        with Staging() as staging:
            Collector(staging, report).read(list(exports))
            EarlierEngine(boto3.client("dynamodb"), prefix, staging, report).read()
            importing.write(staging, target, report, in_folders(list(exports))[0])
        return Imported(report)

    return run


@pytest.mark.parametrize("version", [seed, later])
def test_earlier_tables_are_there_under_their_ids(
    store: Store, import_tables: Callable[..., Imported], version: Callable[[], dict[str, list[Json]]]
) -> None:
    prefix = plant(version(), boto3.client("dynamodb"))

    told = import_tables(store, prefix)

    assert told.complete, told.lines
    assistant = store.assistants.get(ASSISTANT)
    assert (assistant["name"], assistant["assistant_type"], assistant["model"]) == (
        "Analyst",
        "conversation",
        "gpt-6-luna",
    )
    assert assistant["functions"] == [{**GET_STOCK_PRICE, "configuration": {"unit": "USD"}}]
    assert assistant["created_at"] == 1_721_205_000
    thread = store.threads.get(THREAD)
    assert (thread.created_at, thread.runs, thread.usage.total_tokens) == (1_721_205_002, 1, 37)
    said = [
        (each["role"], each["content"][0]["text"]["value"], each["created_at"]) for each in messages_of(store, THREAD)
    ]
    assert said == [("user", "What is ACME worth?", 1_721_205_003), ("assistant", "42 USD.", 1_721_205_008)]
    run = store.runs.get(thread.id, "run_pQ1")
    assert (run.status, run.assistant_id, run.usage.total_tokens) == ("completed", ASSISTANT, 37)
    [listed] = store.threads.page(Window(), assistant_id=ASSISTANT).objects
    assert listed.id == THREAD
    if version is later:
        assert assistant["instructions"] == "Newest."
        assert assistant["configuration"] == {"region": "us-east-1", "rate": 1}
        [step] = store.steps.page(thread.id, run.id, Window()).objects
        [call] = step["step_details"]["tool_calls"]
        assert call["function"] == {"name": "get_stock_price", "output": "42", "arguments": '{"symbol": "ACME"}'}


def test_an_export_of_the_assistants_brings_what_openai_had(
    store: Store, tmp_path: Path, import_tables: Callable[..., Imported]
) -> None:
    exported = {
        "id": ASSISTANT,
        "object": "assistant",
        "created_at": 1,
        "name": "Other",
        "model": "gpt-6-sol",
        "instructions": "Count.",
        "tools": [{"type": "code_interpreter"}],
    }
    (tmp_path / "assistants.json").write_text(json.dumps([exported]))

    import_tables(store, plant(later(), boto3.client("dynamodb")), tmp_path, model="")

    assistant = store.assistants.get(ASSISTANT)
    assert (assistant["name"], assistant["model"], assistant["instructions"]) == ("Analyst", "gpt-6-sol", "Count.")
    assert assistant["tools"] == [{"type": "code_interpreter"}]


def test_a_run_continues_an_imported_thread(
    store: Store, import_tables: Callable[..., Imported], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_tables(store, plant(later(), boto3.client("dynamodb")))
    contents.configure(monkeypatch)
    monkeypatch.setattr("assistant_engine.tools.registry.function_tools", lambda functions: [])
    run = contents.run(store, ASSISTANT, THREAD, "And now?", contents.NOW_MS)
    # What the model is shown: the messages from before this run.
    shown, more = store.messages.newest(run.thread_id, 100, 10**6, 10**6, run.id)
    assert [each["content"][0]["text"]["value"] for each in shown] == ["What is ACME worth?", "42 USD."]
    assert not more
    # The configuration of the assistant lies under the function's.
    assert run.functions[0]["configuration"] == {"region": "us-east-1", "rate": 1, "unit": "USD"}


def test_tables_that_are_written_on_are_imported_again(store: Store, import_tables: Callable[..., Imported]) -> None:
    prefix = plant(later(), boto3.client("dynamodb"))
    import_tables(store, prefix)
    before = everything(store)

    assert import_tables(store, prefix).complete
    assert everything(store) == before

    new = {"thread_id": THREAD, "message_id": "msg_new", "role": "user", "message": "And BETA?", "created_at": at(20)}
    boto3.client("dynamodb").put_item(TableName=f"{prefix}messages", Item=marshal(new))
    assert import_tables(store, prefix).of("thread.message") == (1, 2, 0)
    assert messages_of(store, THREAD)[-1]["content"][0]["text"]["value"] == "And BETA?"


def test_an_assistant_without_a_model_is_reported(store: Store, import_tables: Callable[..., Imported]) -> None:
    told = import_tables(store, plant(seed(), boto3.client("dynamodb")), model="")
    assert "--model" in told.left_out("assistant")[ASSISTANT]
    assert told.of("thread")[0] == 1


def test_a_wrong_prefix_is_said(store: Store, import_tables: Callable[..., Imported]) -> None:
    with pytest.raises(CommandError, match="no table nothing-assistants"):
        import_tables(store, "nothing-")
