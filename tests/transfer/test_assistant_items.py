"""An assistant's item reads as the documented JSON in the console, and every JSON comes back as it was sent."""

import json
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from assistant_engine.domain.assistant import configured_functions
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import assistants
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import CreateAssistantRequest
from assistant_engine.store import Store, Window
from assistant_engine.store.projects import Settings
from tests.support import contents
from tests.support.contents import NOW_MS

ENTRY = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
SCHEMA = {"type": "object", "properties": {"z": {"const": 1.0}, "a": {"maximum": 10**40}, "": {}}, "required": []}
VALUES: list[Any] = [
    1.0,
    1e-7,
    10**40,
    -(10**40),
    0,
    -1,
    "",
    " ",
    "1.0",
    "null",
    "auto",
    None,
    True,
    [],
    {},
    [[""]],
    {"": 1},
    {"a": {"b": [1.5]}},
]


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    contents.configure(monkeypatch)
    tool = {"finance": {"class_name": "Finance", "functions": {"get_stock_price": {}}}}
    monkeypatch.setattr("assistant_engine.tools.registry.deployed", lambda: tool)


def created(store: Store, **request: Any) -> Json:
    return assistants.create(store, parse(CreateAssistantRequest, {"model": "gpt-6-luna", **request}), NOW_MS)


def item(store: Store, made: Json) -> dict[str, Any]:
    """The item as the console shows it, with its types."""
    key = {"assistant_type": {"S": made["assistant_type"]}, "assistant_id": {"S": made["id"]}}
    name = store.assistants._table
    found: dict[str, Any] = store.database.client.get_item(TableName=name, Key=key)["Item"]
    return found


def test_the_item_is_the_documented_json(store: Store) -> None:
    made = created(
        store,
        name="Analyst",
        instructions="Look.",
        functions=[{**ENTRY, "configuration": {"unit": "USD", "digits": 2}}],
        configuration={"region": "us-east-1"},
        tools=[{"type": "code_interpreter"}],
        metadata={"team": "a"},
        assistant_type="conversation",
    )
    shown = item(store, made)
    read = TypeDeserializer().deserialize
    assert shown["assistant_name"] == {"S": "Analyst"}
    assert shown["instructions"] == {"S": "Look."}
    assert read(shown["functions"]) == [{**ENTRY, "configuration": {"unit": "USD", "digits": 2}}]
    assert read(shown["configuration"]) == {"region": "us-east-1"}
    assert read(shown["tools"]) == [{"type": "code_interpreter"}]
    assert read(shown["metadata"]) == {"team": "a"}
    assert shown["temperature"] == {"S": "1.0"}
    assert "document" not in shown


def test_what_is_edited_in_the_console_holds(store: Store) -> None:
    made = created(store, name="Old", functions=[ENTRY])
    key = {"assistant_type": {"S": made["assistant_type"]}, "assistant_id": {"S": made["id"]}}
    store.database.client.update_item(
        TableName=store.assistants._table,
        Key=key,
        UpdateExpression="SET assistant_name = :name, #f[0].configuration.#u = :unit, temperature = :cool",
        ExpressionAttributeNames={"#f": "functions", "#u": "unit"},
        ExpressionAttributeValues={":name": {"S": "New"}, ":unit": {"S": "EUR"}, ":cool": {"N": "0"}},
    )
    read = store.assistants.get(made["id"])
    assert (read["name"], read["functions"][0]["configuration"], read["temperature"]) == ("New", {"unit": "EUR"}, 0)
    assert assistants.modify(store, made["id"], {"description": "More."})["name"] == "New"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_json_comes_back_as_it_was_sent(store: Store, value: Any) -> None:
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": {**SCHEMA, "default": value}, "strict": False}}
    ]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {**SCHEMA, "default": value}}}
    made = created(
        store,
        functions=[{**ENTRY, "configuration": {"value": value, "other": "x"}}],
        configuration={"value": value},
        tools=tools,
        response_format=form,
    )
    for read in (store.assistants.get(made["id"]), next(iter(store.assistants.page(Window()).objects))):
        assert read == made
        for name in ("functions", "configuration", "tools", "response_format"):
            # As text: 1 and 1.0 are equal, and so are objects in another order.
            assert same_text(read[name], made[name])
    assert json.dumps(read["tools"]) == json.dumps(tools)


def same_text(read: Any, sent: Any) -> bool:
    return json.dumps(read, sort_keys=True) == json.dumps(sent, sort_keys=True)


@pytest.mark.parametrize("sampling", [0, 1, 1.0, 0.3, 2, 1e-7])
def test_numbers_of_the_request_keep_their_form(store: Store, sampling: float) -> None:
    made = created(store, temperature=sampling)
    assert json.dumps(store.assistants.get(made["id"])["temperature"]) == json.dumps(sampling)


def test_what_is_large_is_in_the_bucket_and_comes_back(store: Store) -> None:
    made = created(store, instructions="x" * 200_000, configuration={"text": "y" * 60_000}, name="Large")
    shown = item(store, made)
    assert {"instructions_key", "configuration_key"} <= shown.keys()
    assert shown["assistant_name"] == {"S": "Large"}
    assert store.assistants.get(made["id"]) == made


def test_an_id_of_one_s_own_is_taken_where_the_project_allows_it(store: Store) -> None:
    with pytest.raises(InvalidRequest, match="own-ids"):
        created(store, id="asst_mine")
    store.projects.set(Settings(own_ids=True))
    made = created(store, id="My-Bot", assistant_type="hybrid")
    assert made["id"] == "My-Bot"
    assert store.assistants.get("My-Bot") == made
    assert [each["id"] for each in store.assistants.page(Window()).objects] == ["My-Bot"]
    with pytest.raises(InvalidRequest, match="is taken"):
        created(store, id="My-Bot")
    with pytest.raises(InvalidRequest, match="is taken"):
        created(store, id="My-Bot", assistant_type="chat")
    with pytest.raises(InvalidRequest, match="differ"):
        created(store, id="chat", assistant_type="chat")
    with pytest.raises(InvalidRequest):
        created(store.of("other"), id="theirs")


@pytest.mark.parametrize("word", ["chat", "voice", "hybrid", "conversation", "agent", "Agent.v2", "x" * 64])
def test_the_type_is_an_open_word(store: Store, word: str) -> None:
    made = created(store, assistant_type=word)
    assert store.assistants.get(made["id"])["assistant_type"] == word


@pytest.mark.parametrize("word", ["", "two words", "x" * 65, "a#b", "é"])
def test_a_type_that_is_no_word_is_refused(store: Store, word: str) -> None:
    with pytest.raises(InvalidRequest, match="assistant_type"):
        created(store, assistant_type=word)


def test_the_configuration_of_the_assistant_lies_under_each_function_s(store: Store) -> None:
    functions = [{**ENTRY, "configuration": {"unit": "EUR"}}]
    made = created(store, functions=functions, configuration={"unit": "USD", "region": "us"})
    assert made["configuration"] == {"unit": "USD", "region": "us"}
    assert made["functions"] == functions
    assert configured_functions(made) == [{**ENTRY, "configuration": {"unit": "EUR", "region": "us"}}]
    with pytest.raises(InvalidRequest, match="too large"):
        created(store, functions=functions, configuration={"text": "x" * 70_000})
