"""Functions of the earlier engine as tools, and the manifest that SilvaEngine reads."""

import io
import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from inspect import isfunction
from types import SimpleNamespace
from typing import Any

import graphql
import pytest

import callers
import graph
from asked import Asked, Document
from assistant_engine import tool
from assistant_engine.domain.json_data import Json
from assistant_engine.tools.silvaengine import adapted
from local.paths import ROOT
from openai_assistant_engine import MUTATIONS, QUERIES, deploy
from resolvers.values import snake
from tests.support.silvaengine import INTROSPECTION, operation, work

SCHEMA = graphql.build_schema((ROOT / "lambdas" / "graphql" / "schema.graphqls").read_text())
QUANTITY = {"type": "integer", "description": "How many."}
INQUIRE: Json = {
    "name": "inquire",
    "description": "Look something up.",
    "parameters": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "quantity": QUANTITY,
            "unit": {"type": "string", "enum": ["kg", "lb"]},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
            "anything": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["name"],
    },
}


class Inquiry:
    """As such a class is written: no types, and the arguments by name."""

    constant = 7

    def __init__(self, logger: Any, **setting: Any) -> None:
        assert isinstance(logger, logging.Logger)
        self.setting = setting

    def inquire(self, **arguments: Any) -> Any:
        return {"asked": arguments, "setting": self.setting}

    def count(self) -> Any:
        """Count what is there."""
        return {"count": Decimal("2"), "share": Decimal("0.5"), "at": datetime(2024, 7, 17, tzinfo=UTC)}

    def say(self) -> str:
        return "as it is"


def called(name: str, arguments: Json, configuration: Json | None = None) -> Any:
    """What a function answers the model, past the checks of a tool's arguments."""
    cls = adapted(Inquiry, {"inquire": INQUIRE, "count": {}, "say": {}})
    method = getattr(cls, name)
    return method(cls(configuration or {}), **dict(tool._arguments(method).model_validate_json(json.dumps(arguments))))


def test_the_model_is_told_the_schema_as_it_is_given() -> None:
    described = tool.describe(adapted(Inquiry, {"inquire": INQUIRE, "count": {}}))
    assert described["class_name"] == "Inquiry"
    assert described["functions"]["inquire"] == {
        "description": "Look something up.",
        "parameters": {**INQUIRE["parameters"], "additionalProperties": False},
        "needs_approval": False,
    }
    assert described["functions"]["count"]["description"] == "Count what is there."


def test_a_function_gets_what_the_model_gave_and_its_configuration() -> None:
    given = {"name": "B-7", "lines": [{"sku": "x"}], "anything": None}
    assert json.loads(called("inquire", given, {"region": "eu"})) == {"asked": given, "setting": {"region": "eu"}}


@pytest.mark.parametrize(
    "arguments", [{}, {"name": 7}, {"name": "a", "quantity": "many"}, {"name": "a", "unit": "t"}, {"name": "a", "b": 1}]
)
def test_arguments_that_the_schema_does_not_allow_are_refused(arguments: Json) -> None:
    with pytest.raises(ValueError, match="validation error"):
        called("inquire", arguments)


def test_answers_are_json_as_that_engine_wrote_it() -> None:
    assert json.loads(called("count", {})) == {"count": 2, "share": 0.5, "at": "2024-07-17 00:00:00+00:00"}
    assert called("say", {}) == "as it is"


@pytest.mark.parametrize(
    ("schemas", "said"),
    [
        ({"frobnicate": {}}, "Inquiry has no function frobnicate"),
        ({"constant": {}}, "Inquiry has no function constant"),
        ({"inquire": {"parameters": {"properties": {"order-no": {"type": "string"}}}}}, "Inquiry.inquire: 'order-no'"),
        ({"inquire": {"parameters": {"properties": {"self": {"type": "string"}}}}}, "Inquiry.inquire: duplicate"),
        ({"inquire": {"parameters": ["name"]}}, "Inquiry.inquire: "),
    ],
)
def test_a_schema_that_fits_no_function_is_named(schemas: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        adapted(Inquiry, schemas)


def test_the_manifest_lists_the_operations_of_the_schema() -> None:
    assert SCHEMA.query_type and SCHEMA.mutation_type
    assert set(QUERIES) == set(SCHEMA.query_type.fields)
    assert set(MUTATIONS) == set(SCHEMA.mutation_type.fields)


def test_the_manifest_has_the_form_that_silvaengine_reads() -> None:
    [profile] = deploy()
    assert (profile["service"], profile["class"]) == ("OpenAI Assistant Engine", "OpenaiAssistantEngine")
    assert list(profile["functions"]) == [
        "openai_assistant_graphql",
        "open_assistant_graphql",
        "async_insert_update_fine_tuning_messages",
    ]
    for declared in profile["functions"].values():
        assert declared["type"] in ("RequestResponse", "Event") and declared["support_methods"] == ["POST"]
        assert {frozenset(operation) for kind in ("query", "mutation") for operation in declared.get(kind, [])} <= {
            frozenset(("action", "label"))
        }


def test_the_package_hands_over_neither_keys_nor_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Json] = []

    class Lambda:
        def invoke(self, **request: Any) -> Json:
            seen.append({**request, "Payload": json.loads(request["Payload"])})
            return {"Payload": io.BytesIO(b'"{}"')}

    monkeypatch.setattr("boto3.client", lambda service, **options: Lambda())
    event = {
        "MODULENAME": "openai_assistant_engine",
        "CLASSNAME": "OpenaiAssistantEngine",
        "funct": "open_assistant_graphql",
        "setting": json.dumps({"assistants_function_arn": "an:arn", "openai_api_key": "sk-secret", "project": "acme"}),
        "params": json.dumps({"query": "{ ping }", "variables": {"temperature": 0.5}, "authorization": "sk-secret"}),
    }
    assert work(event) == "{}"
    [request] = seen
    assert "sk-secret" not in json.dumps(request) and request["FunctionName"] == "an:arn"
    assert json.loads(request["Payload"]["setting"]) == {"project": "acme"}
    assert json.loads(request["Payload"]["params"]) == {"query": "{ ping }", "variables": {"temperature": 0.5}}


def test_a_background_task_is_the_mutation_of_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant_engine.store.shared.store", lambda project: SimpleNamespace(project=project))
    ran: list[Document] = []

    def run(document: Document, asked: Asked) -> Json:
        ran.append(document)
        assert asked.store.project == "acme"
        return {"data": {}}

    arguments = {"assistant_id": "asst_1", "days": 7, "weightup_message_uuids": ["msg_1"]}
    event = {
        "MODULENAME": "openai_assistant_engine",
        "funct": "async_insert_update_fine_tuning_messages",
        "setting": json.dumps({"project": "acme"}),
        "params": json.dumps({"task_uuid": "1", "arguments": arguments}),
    }
    assert json.loads(callers.answer_invocation(event, "an-id", run)) == {"data": {}, "status_code": 200}
    [document] = ran
    assert document.variables == {"assistantId": "asst_1", "days": 7, "weightupMessageUuids": ["msg_1"]}
    assert graphql.validate(SCHEMA, graphql.parse(document.query)) == []


def test_the_document_of_the_tests_asks_for_every_field_with_every_argument() -> None:
    document = graphql.parse((ROOT / "tests" / "support" / "every_operation.graphql").read_text())
    assert graphql.validate(SCHEMA, document) == []
    asked: dict[str, set[str]] = {}
    for node in document.definitions:
        if isinstance(node, graphql.OperationDefinitionNode):
            for field in node.selection_set.selections:
                assert isinstance(field, graphql.FieldNode)
                arguments = {argument.name.value for argument in field.arguments}
                asked.setdefault(field.name.value, set()).update(arguments)
    roots = [kind.fields for kind in (SCHEMA.query_type, SCHEMA.mutation_type) if kind]
    assert asked == {name: set(field.args) for fields in roots for name, field in fields.items()}


def test_what_old_callers_generate_is_valid() -> None:
    """But lists, of which they made nothing with the earlier engine either, and arguments like `[JSON]!`."""
    introspected = graphql.graphql_sync(SCHEMA, INTROSPECTION)
    assert introspected.data and not introspected.errors
    schema = introspected.data["__schema"]
    kinds = {**dict.fromkeys(QUERIES, "Query"), **dict.fromkeys(MUTATIONS, "Mutation")}
    wrong = {name for name, kind in kinds.items() if not _is_valid(operation(name, kind, schema))}
    assert wrong == {"files", "liveMessages", "insertUpdateAssistant", "submitToolOutputs"}


def _is_valid(text: str) -> bool:
    try:
        return graphql.validate(SCHEMA, graphql.parse(text)) == []
    except graphql.GraphQLSyntaxError:
        return False


def test_every_field_is_resolved_by_a_function_of_its_noun() -> None:
    for name in (*QUERIES, *MUTATIONS):
        root = graph.SCHEMA.query_type if name in QUERIES else graph.SCHEMA.mutation_type
        assert root
        resolver = root.fields[name].resolve
        assert resolver
        [found] = [cell.cell_contents for cell in resolver.__closure__ or ()]
        assert isfunction(found) and (found.__name__ == snake(name)), name
