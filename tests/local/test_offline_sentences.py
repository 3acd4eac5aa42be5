"""The offline model answers any sentence with the tools that an assistant has: ten sentences of each kind, at random.

The sentences are in `offline_sentences.toml`. OFFLINE_SEED repeats a choice that a failing test printed, OFFLINE_TAKE
takes more than ten of each kind.
"""

import json
import os
import random
import re
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import openai
import pytest

from local import offline_model
from tests.support.offline_model import BUILT_IN, DOCUMENTS, OFFICE, Conversation
from tests.support.sandboxes import Environment

SENTENCES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("offline_sentences.toml").read_text()
)
SEED = os.environ.get("OFFLINE_SEED") or str(random.randrange(10**6))
TAKE = int(os.environ.get("OFFLINE_TAKE", "10"))

CODE, SEARCH = BUILT_IN
ALL_TOOLS = [*OFFICE, *BUILT_IN]

SALES = r"""
from pathlib import Path
Path("/mnt/data/sales.csv").write_text('''region,product,month,units,revenue
North,Lamp,2031-01,8,400
North,Chair,2031-02,5,500
South,Lamp,2031-01,10,700
South,Chair,2031-03,5,300
East,Lamp,2031-02,6,120
East,Chair,2031-03,5,80
''')
"""


def _schema(*required: str, **properties: Any) -> Any:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
SCHEMAS = {
    "number": _schema(answer={"type": "number"}, explanation=_TEXT),
    "steps": _schema(
        steps={"type": "array", "minItems": 1, "items": _schema(explanation=_TEXT, output=_TEXT)}, final_answer=_TEXT
    ),
    "person": _schema(name=_TEXT, age={"type": ["integer", "null"], "minimum": 0, "maximum": 150}, city=_TEXT),
    "event": _schema(
        name=_TEXT, date={"type": "string", "format": "date"}, participants={"type": "array", "items": _TEXT}
    ),
    "label": _schema(
        label={"enum": ["positive", "negative", "neutral"]}, sure={"type": "boolean"}, score={"$ref": "#/$defs/score"}
    )
    | {"$defs": {"score": {"type": "number", "minimum": 0, "maximum": 1}}},
    "everything": _schema(
        text={"type": "string", "minLength": 3, "maxLength": 20},
        code={"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        amount={"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 5},
        ratio={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        flag={"type": "boolean"},
        kind={"const": "order"},
        mail={"type": "string", "format": "email"},
        when={"type": "string", "format": "date-time"},
        none={"type": "null"},
        choice={"anyOf": [{"type": "null"}, {"enum": ["low", "high"]}]},
        tags={"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 3, "uniqueItems": True},
        inner={"allOf": [_schema(a=_TEXT), {"description": "joined"}]},
    ),
    "list": _schema(names={"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 3}),
    "nested": _schema(a=_schema(b=_schema(c={"type": "array", "items": _schema(d={"type": "integer"})}))),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    directory = tmp_path_factory.mktemp("model")
    port = offline_model.start(directory, preferred_port=4140)
    yield openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    offline_model.stop(directory)


@pytest.fixture
def chosen(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Ten sentences of the test's kind."""
    kind = request.function.__name__.removeprefix("test_")
    print(f"OFFLINE_SEED={SEED}")
    return random.Random(f"{SEED} {kind}").sample(SENTENCES[kind], min(TAKE, len(SENTENCES[kind])))


def test_there_are_enough_sentences() -> None:
    assert all(len(sentences) >= 10 for sentences in SENTENCES.values())
    assert sum(map(len, SENTENCES.values())) >= 100


def _check_calls(client: openai.OpenAI, sentence: dict[str, Any]) -> None:
    parameters = {tool["name"]: tool["parameters"] for tool in OFFICE}
    asked = Conversation(client, sentence["text"], ALL_TOOLS)
    assert asked.calls == [tuple(call) for call in sentence["calls"]], sentence["text"]
    for name, arguments in asked.calls:
        assert jsonschema_rs.is_valid(parameters[name], arguments), (sentence["text"], arguments)
    answer = asked.to_the_end(lambda name, arguments: json.dumps({"told": f"all of {name}"}))
    assert all(f"all of {name}" in answer for name, _ in sentence["calls"]), answer


def test_by_name(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    for sentence in chosen:
        _check_calls(client, sentence)


def test_by_description(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    for sentence in chosen:
        _check_calls(client, sentence)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An execution environment of the code interpreter."""
    with Environment(tmp_path_factory.mktemp("environment")) as environment:
        yield environment


def _check_computed(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment) -> None:
    """Run each sentence's code in the sandbox, and look for the result in the answer."""
    asked = [Conversation(client, sentence["text"], ALL_TOOLS) for sentence in chosen]
    for sentence, conversation in zip(chosen, asked, strict=True):
        assert [name for name, _ in conversation.calls] == ["code_interpreter"], sentence["text"]
    told = environment.session(*(conversation.calls[0][1]["code"] for conversation in asked))
    for sentence, conversation, ran in zip(chosen, asked, told, strict=True):
        conversation.go_on(partial(_printed, ran.output))
        assert sentence["answer"] in conversation.answer, (sentence["text"], conversation.answer)


def _printed(output: str, name: str, arguments: Any) -> str:
    return output


def test_arithmetic(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment) -> None:
    _check_computed(client, chosen, environment)


def test_equation(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment) -> None:
    _check_computed(client, chosen, environment)


def test_search(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    for sentence in chosen:
        asked = Conversation(client, sentence["text"], ALL_TOOLS)
        [(name, arguments)] = asked.calls
        assert (name, arguments) == ("file_search", {"query": sentence["text"]})
        asked.go_on(partial(_printed, DOCUMENTS))
        assert not asked.calls, (sentence["text"], asked.calls)
        quote, _, mark = asked.answer.partition("】")[0].partition("【")
        assert sentence["answer"] in quote and f"【{mark}】" == sentence["mark"], (sentence["text"], asked.answer)


def _check_files(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment, pictures: bool) -> None:
    """Let the model look at the files, then run what it makes of them."""
    asked = [Conversation(client, sentence["text"], ALL_TOOLS) for sentence in chosen]
    looks = {each.calls[0][1]["code"] for each in asked if "iterdir()" in each.calls[0][1]["code"]}
    if looks:
        [look] = looks
        seen = environment.session(SALES, look)[1].output
        for each in asked:
            if each.calls[0][1]["code"] == look:
                each.go_on(partial(_printed, seen))
    codes = [each.calls[0][1]["code"] for each in asked]
    told = environment.session(SALES, *codes)[1:]
    for sentence, each, ran in zip(chosen, asked, told, strict=True):
        assert bool(ran.pictures) == pictures, (sentence["text"], ran.output)
        each.go_on(partial(_printed, ran.output))
        assert not each.calls and sentence["answer"] in each.answer, (sentence["text"], each.answer, ran.output)


def test_table(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment) -> None:
    _check_files(client, chosen, environment, pictures=False)


def test_chart(client: openai.OpenAI, chosen: list[dict[str, Any]], environment: Environment) -> None:
    _check_files(client, chosen, environment, pictures=True)


def test_choice(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    parameters = {tool["name"]: tool["parameters"] for tool in ALL_TOOLS}
    for sentence in chosen:
        choice: Any = sentence["choice"]
        if choice not in ("none", "auto", "required"):
            choice = {"type": "function", "name": choice}
        asked = Conversation(client, sentence["text"], ALL_TOOLS, tool_choice=choice)
        assert [name for name, _ in asked.calls] == sentence["calls"], sentence["text"]
        assert asked.calls or asked.answer, sentence["text"]
        for name, arguments in asked.calls:
            assert jsonschema_rs.is_valid(parameters[name], arguments), (sentence["text"], arguments)
        assert asked.to_the_end(lambda name, arguments: '{"told": "it"}')


def test_json(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    for sentence in chosen:
        schema = SCHEMAS.get(sentence["schema"])
        described = {"type": "json_schema", "name": "answer", "strict": True, "schema": schema}
        form: Any = described if schema else {"type": "json_object"}
        answer = json.loads(Conversation(client, sentence["text"], text={"format": form}).answer)
        assert isinstance(answer, dict), sentence["text"]
        if schema:
            assert jsonschema_rs.is_valid(schema, answer, validate_formats=True), (sentence["text"], answer)


def test_form(client: openai.OpenAI, chosen: list[dict[str, Any]]) -> None:
    for sentence in chosen:
        asked = Conversation(client, sentence["text"], instructions=sentence["instructions"])
        answer = asked.to_the_end(lambda name, arguments: DOCUMENTS)
        assert re.fullmatch(sentence["matches"], answer), (sentence["text"], sentence["instructions"], answer)
