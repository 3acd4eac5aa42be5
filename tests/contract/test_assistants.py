"""`client.beta.assistants` against the stack."""

import uuid

import openai
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FUNCTION = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        "strict": True,
    },
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": False}}


def test_an_assistant_is_what_it_was_created_as(client: openai.OpenAI, model: str, a_file: str) -> None:
    given = {
        "model": model,
        "name": "n" * 256,
        "description": "d" * 512,
        "instructions": "Be brief.",
        "tools": [FUNCTION, {"type": "code_interpreter"}, {"type": "file_search"}],
        "tool_resources": {"code_interpreter": {"file_ids": [a_file]}, "file_search": {"vector_store_ids": []}},
        "metadata": {"k" * 64: "v" * 512},
        "temperature": 0.5,
        "top_p": 0.25,
        "response_format": FORMAT,
        "reasoning_effort": "low",
    }
    created = client.beta.assistants.create(**given)  # type: ignore[arg-type]
    assert {name: value for name, value in created.to_dict().items() if name in given} == given
    assert created.object == "assistant" and created.id.startswith("asst_")
    assert client.beta.assistants.retrieve(created.id) == created


def test_what_is_not_given_has_the_references_default(client: openai.OpenAI, model: str) -> None:
    created = client.beta.assistants.create(model=model)
    assert (created.name, created.description, created.instructions) == (None, None, None)
    assert (created.tools, created.metadata, created.temperature, created.top_p) == ([], {}, 1, 1)
    assert created.response_format == "auto"
    assert created.to_dict()["assistant_type"] == "chat" and created.to_dict()["functions"] == []


def test_instructions_of_256_000_characters_of_four_bytes(client: openai.OpenAI, model: str) -> None:
    instructions = "😀" * 256_000
    created = client.beta.assistants.create(model=model, instructions=instructions)
    assert client.beta.assistants.retrieve(created.id).instructions == instructions
    page = client.beta.assistants.list(limit=1, after=None or created.id, order="asc")
    assert created.id not in [assistant.id for assistant in page.data]


def test_modifying_changes_what_is_given_and_null_resets(client: openai.OpenAI, model: str) -> None:
    created = client.beta.assistants.create(model=model, name="a", description="b", metadata={"x": "1"}, temperature=0)
    modified = client.beta.assistants.update(created.id, name=None, metadata={"y": "2"})
    assert (modified.name, modified.description, modified.metadata) == (None, "b", {"y": "2"})
    assert modified.temperature == 0 and modified.created_at == created.created_at
    assert client.beta.assistants.retrieve(created.id) == modified


def test_a_deleted_assistant_is_gone(client: openai.OpenAI, model: str) -> None:
    created = client.beta.assistants.create(model=model)
    deleted = client.beta.assistants.delete(created.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (created.id, True, "assistant.deleted")
    for use in (client.beta.assistants.retrieve, client.beta.assistants.delete, client.beta.assistants.update):
        with pytest.raises(openai.NotFoundError, match="No assistant found with id"):
            use(created.id)


def test_assistants_are_listed_page_by_page(client: openai.OpenAI, model: str) -> None:
    made = [client.beta.assistants.create(model=model, name=str(number)).id for number in range(5)]
    newest = [assistant.id for assistant in client.beta.assistants.list(limit=5).data]
    assert newest == made[::-1]
    first = client.beta.assistants.list(limit=2)
    assert first.has_more
    assert [a.id for a in first.get_next_page().data] == [made[2], made[1]]
    back = client.beta.assistants.list(limit=2, before=made[1])
    assert [a.id for a in back.data] == [made[3], made[2]] and back.has_more


def test_the_same_key_creates_once(client: openai.OpenAI, model: str) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    created = client.beta.assistants.create(model=model, extra_headers=key)
    assert client.beta.assistants.create(model=model, extra_headers=key) == created
    with pytest.raises(openai.ConflictError, match="idempotency key"):
        client.beta.assistants.create(model=model, name="other", extra_headers=key)


def test_functions_of_deployed_tools_are_an_extension(client: openai.OpenAI, model: str) -> None:
    entry = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
    created = client.beta.assistants.create(model=model, extra_body={"functions": [entry], "assistant_type": "voice"})
    assert created.to_dict()["functions"] == [{**entry, "configuration": {}}]
    assert created.to_dict()["assistant_type"] == "voice"
    with pytest.raises(openai.BadRequestError, match=r"functions\[0\]"):
        client.beta.assistants.create(model=model, extra_body={"functions": [{**entry, "function_name": "none"}]})
