"""The GraphQL schema and the limits of a document, without anything stored."""

import time
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query

import execution
from asked import Asked, Document
from graph import SCHEMA
from limits import MAX_ANSWER_BYTES, MAX_QUERY_BYTES
from resolvers.values import date_time, moment, size_of


class Nothing:
    """A store that a document must not reach."""

    project = "default"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was reached")


def asked() -> Asked:
    store: Any = Nothing()
    return Asked(store)


def run(query: str, operation_name: str = "", **variables: Any) -> Any:
    return execution.run(Document(query, variables, operation_name), asked())


CANCEL = 'cancelRun(threadId: "a", runId: "b") {run {status}}'
ASK = 'askOpenAi(assistantType: "a", assistantId: "b", userQuery: "c", updatedBy: "d") {threadId}'


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ping # " + "x" * MAX_QUERY_BYTES + "\n}", "100,000 bytes"),
        ("{" + "ping " * 5_001 + "}", "5000 tokens"),
        ("{" + " ".join(f"a{number}: ping" for number in range(11)) + "}", "10 fields at its root"),
        ("{" + "ping " * 21 + "}", "same name"),
        ("fragment A on Query {...A ...A} {...A}", "8 levels deep"),
        ("{a {a {a {a {a {a {a {a {a}}}}}}}}}", "8 levels deep"),
        ("{" + "...on Query {" * 1_500 + "ping" + "}" * 1_500 + "}", "nested"),
        ("{ping}" + "fragment A on Query {ping}" + "query B {...A " + "...A " * 60 + "}", "50 times"),
        ("{files {" + " ".join(f"a{number}: id" for number in range(501)) + "}}", "500 fields"),
        ("mutation {a: " + CANCEL + " b: " + CANCEL + "}", "one field that writes"),
        ("{a: " + ASK + " b: " + ASK + "}", "one field that writes"),
        ("{a: " + ASK + " ...B} fragment B on Query {b: " + ASK + "}", "one field that writes"),
        ("{ping(a: " + "[" * 2_000 + "]" * 2_000 + ")}", "nested"),
        ("{ping(a: " + "[" * 100 + "]" * 100 + ")}", "Unknown argument"),
        ("{ping \ud800}", "surrogates"),
        ("subscription {ping}", "not configured"),
        ("{", "Syntax Error"),
        ("{__schema {types {fields {type {fields {type {fields {name}}}}}}}}", "introspection depth"),
    ],
)
def test_a_document_over_a_limit_is_refused_before_anything_is_read(query: str, said: str) -> None:
    began = time.process_time()
    answer = run(query)
    assert "data" not in answer and said in str(answer["errors"]), answer
    assert time.process_time() - began < 5


def test_of_several_operations_the_one_that_is_named_counts() -> None:
    query = "query A {ping} query B {" + " ".join(f"a{number}: ping" for number in range(11)) + "}"
    assert "data" in run(query, "A")
    assert "errors" in run(query, "B")
    assert "Must provide operation name" in str(run("query A {ping} query B {ping}")["errors"])


def test_the_schema_tells_of_itself() -> None:
    answer = run(get_introspection_query())
    assert "errors" not in answer
    assert (answer["data"]["__schema"]["mutationType"]["name"]) == "Mutations"


def test_a_document_that_takes_too_long_ends_with_an_error() -> None:
    slow = asked()
    slow._deadline = time.monotonic() - 1
    answer = execution.run(Document("{ping}", {}), slow)
    assert answer["errors"][0]["extensions"]["code"] == "query_too_slow"


def test_an_answer_that_is_too_large_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = SCHEMA.query_type.fields["ping"]  # type: ignore[union-attr]
    monkeypatch.setattr(resolve, "resolve", lambda *_: "x" * 1_000_000)
    answer = run("{" + " ".join(f"a{number}: ping" for number in range(6)) + "}")
    assert answer.keys() == {"errors"} and f"{MAX_ANSWER_BYTES:,} bytes" in answer["errors"][0]["message"]


def test_what_nobody_expects_is_told_without_its_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("secret words")

    monkeypatch.setattr(SCHEMA.query_type.fields["ping"], "resolve", fail)  # type: ignore[union-attr]
    answer = run("{ping}")
    assert answer["data"] == {"ping": None} and "secret words" not in str(answer) + caplog.text
    assert "in fail" in caplog.text


def test_moments_are_written_as_the_first_engine_wrote_them() -> None:
    assert date_time(1_721_205_000) == "2024-07-17T08:30:00+00:00"
    for text in (
        "2024-07-17T08:30:00+0000",
        "2024-07-17T08:30:00Z",
        "2024-07-17T10:30:00.5+02:00",
        "2024-07-17T08:30:00",
    ):
        assert moment(text) == 1_721_205_000
    for wrong in ("yesterday", 5, None, "9999-99-99"):
        with pytest.raises(GraphQLError, match="moment"):
            moment(wrong)


def test_a_variable_that_is_no_moment_is_the_caller_s_fault() -> None:
    query = "query ($when: DateTime) {fineTuningMessageList(fromDate: $when) {total}}"
    [error] = run(query, when="yesterday")["errors"]
    assert "Expected a moment" in error["message"] and "server_error" not in str(error)


def test_sizes_are_counted_without_writing_them() -> None:
    assert size_of({"a": ["b" * 100, 1]}) >= 100
    assert size_of(["x" * 1_000] * 100_000, 50_000) < 200_000
