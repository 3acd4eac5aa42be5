"""GraphQL against what nobody thought of: generated queries, broken ones, and those that want to take long.

Generated ids name nothing, so the arguments that take ids get some: the caller's own, another project's, and none's.
"""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import graphql
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema
from hypothesis_graphql.nodes import Int, List, Object, String

from asked import MAX_SECONDS
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.thread import ThreadId
from local import up as local
from tests.support.canaries import canary
from tests.support.driver import Driver
from tests.support.graphql_doors import DOCUMENT, SCHEMA, root_fields
from tests.support.projects import Owner, belongings, missing, projects, records, run

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

EXAMPLES = 4
SECRET = canary("message")
"""What another project's people said, named and stored."""
NAMES = {
    "assistantId": "assistant_id",
    "threadId": "thread_id",
    "runId": "run_id",
    "messageId": "message_id",
    "messageUuid": "row_id",
    "fileId": "file_id",
    "taskUuid": "run_id",
    "toolCallId": "tool_call_id",
}
"""The ids of a project by the arguments that take them."""
WORDS = {"functionName": "async_openai_assistant_stream", "assistantType": "chat", "role": "assistant"}
"""What arguments must be for a resolver to go on."""


@dataclass(frozen=True)
class Callers:
    """Two projects, and the ids that a query of the first may name.

    Attributes:
        ids: by whose they are, what the arguments in `NAMES` may be.
    """

    url: str
    us: Owner
    them: Owner
    ids: list[dict[str, str]]

    def send(self, body: Json | bytes) -> Json:
        """Send a request of our project, and hold its answer against what every answer promises."""
        sent: Any = {"content": body} if isinstance(body, bytes) else {"json": body}
        began = time.monotonic()
        answer = httpx2.post(self.url, headers={"x-api-key": self.us.key}, timeout=60, **sent)
        took = time.monotonic() - began
        assert answer.status_code in (200, 400, 413), (answer.status_code, answer.text, body)
        assert took < MAX_SECONDS, (took, body)
        told: Json = answer.json()
        assert "server_error" not in answer.text and "Please try again" not in answer.text, (told, body)
        assert SECRET not in answer.text
        return told


@pytest.fixture(scope="module")
def callers(stack: local.Local, driver: Driver) -> Iterator[Callers]:
    with projects(stack, driver.model, "one", "another") as owners:
        us, them = owners["one"], owners["another"]
        them.client.beta.threads.update(them.ids["thread_id"], metadata={"name": SECRET})
        them.client.beta.threads.messages.create(them.ids["thread_id"], role="user", content=SECRET)
        them.client.beta.assistants.update(them.ids["assistant_id"], name=SECRET)
        them.client.files.create(file=(f"{SECRET}.txt", SECRET.encode()), purpose="assistants")
        ended = run(us.client, us.ids["assistant_id"], "say Hello")
        ours = {
            **belongings(us.client, us.ids),
            **ended,
            "assistant_id": us.ids["assistant_id"],
            "tool_call_id": "call_0",
        }
        theirs = {**them.ids, "tool_call_id": them.waiting["tool_call_id"]}
        ids = [
            {**each, "row_id": f"{each['thread_id']}.{each['message_id']}"} for each in (ours, theirs, missing(theirs))
        ]
        yield Callers(stack.settings["GRAPHQL_URL"], us, them, ids)


SCALARS: Mapping[str, Any] = {
    "JSON": st.recursive(
        st.one_of(
            st.text(max_size=8).map(String), st.integers(-(2**31), 2**31).map(Int), st.just(graphql.NullValueNode())
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(List),
            st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), inner, max_size=3).map(
                lambda found: Object(
                    [
                        graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=value)
                        for name, value in found.items()
                    ]
                )
            ),
        ),
        max_leaves=5,
    ),
    "DateTime": st.one_of(
        st.datetimes().map(lambda moment: String(f"{moment:%Y-%m-%dT%H:%M:%S}+0000")), st.text().map(String)
    ),
}


class Naming(graphql.Visitor):
    """Gives the arguments that take ids, and words that a resolver asks for, some that there are."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        super().__init__()
        self._ids = ids

    def enter_argument(self, node: graphql.ArgumentNode, *_: Any) -> graphql.ArgumentNode | None:
        """Return the argument with another value."""
        name = node.name.value
        value = self._ids.get(NAMES.get(name, ""), WORDS.get(name))
        return graphql.ArgumentNode(name=node.name, value=graphql.StringValueNode(value=value)) if value else None


@pytest.mark.parametrize("field", root_fields())
def test_any_query_of_a_field_is_answered_in_time_and_shows_nothing_foreign(field: str, callers: Callers) -> None:
    before = records(callers.them)

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(query=from_schema(SCHEMA, fields=[field], custom_scalars=SCALARS))
    def answers(query: str) -> None:
        named = [graphql.print_ast(graphql.visit(graphql.parse(query), Naming(ids))) for ids in callers.ids]
        # Reads at once: a run that is not there is looked for again and again before that is said.
        _, *told = pool.map(lambda each: json.dumps(callers.send({"query": each})), [query, *named])
        theirs = {*callers.them.ids.values(), *callers.them.waiting.values()}
        for ids, each, answer in zip(callers.ids, named, told, strict=True):
            assert not any(known in answer for known in theirs - {*ids.values()}), (each, answer)

    with ThreadPoolExecutor(1 if root_fields()[field] else 1 + len(callers.ids)) as pool:
        answers()
    assert records(callers.them) == before


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_text_is_answered_without_a_fault(data: st.DataObject, callers: Callers) -> None:
    """The document with a part cut out and another text in its place, and bodies that are no request at all."""
    start = data.draw(st.integers(0, len(DOCUMENT)))
    end = data.draw(st.integers(start, min(len(DOCUMENT), start + 200)))
    put = data.draw(
        st.one_of(st.text(max_size=40), st.sampled_from(["{", "}", "...", "$", "@skip(if: true)", "#", '"']))
    )
    value = st.recursive(st.one_of(st.none(), st.text(), st.integers(), st.floats()), st.lists, max_leaves=4)
    body = {
        "query": DOCUMENT[:start] + put + DOCUMENT[end:],
        "variables": data.draw(
            st.one_of(value, st.dictionaries(st.sampled_from(["threadId", "limit", "role"]), value))
        ),
        "operation_name": data.draw(st.one_of(value, st.sampled_from(["ping", "live", "messageList"]))),
    }
    # As a client that escapes nothing writes it.
    callers.send(json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass"))
    callers.send(data.draw(st.one_of(st.binary(max_size=60), value.map(lambda given: json.dumps(given).encode()))))


def each(text: str, count: int) -> str:
    """Return a text again and again, with a number in the place of each `#`."""
    return " ".join(text.replace("#", str(number)) for number in range(count))


SELECTED = "__schema { types { fields { name } } }"
LONG = {
    "one field under many names": "{ " + each("a#: ping", 2_000) + " }",
    "one field again and again": "{ " + "ping " * 4_000 + "}",
    "fields that must be compared": "{ thread { " + "threadId " * 4_000 + "} }",
    "fragments that spread each other twice": "{ ...f0 } fragment f40 on Query { ping } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40)),
    "fragments in a circle": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
    "the schema, deeply": "{ __schema { types { " + "fields { type { " * 40 + "name" + " } }" * 40 + " } } }",
    "the schema, often": "{ " + each(f"s#: {SELECTED}", 200) + " }",
    "directives": "{ ping " + "@skip(if: false) " * 1_000 + "}",
    "a number of many digits": "{ messageList(limit: " + "9" * 90_000 + ") { total } }",
    "a long list": "{ messageList(roles: [" + '"user" ' * 4_000 + "]) { total } }",
    "a long text": '{ messageList(message: "' + "a" * 99_000 + '") { total } }',
    "a block of lines": '{ messageList(message: """' + "\n " * 45_000 + '""") { total } }',
    "many operations": each("query q# { ping }", 1_000),
    "many variables": "query q(" + each("$v#: String", 1_500) + ") { ping }",
    "much at once": "{ " + each("m#: messageList(limit: 1000) { total messageList { message } }", 10) + " }",
    "deep values": "{ assistantList { assistantList " + "{ tools " * 500 + "}" * 500 + " } }",
}


@pytest.mark.parametrize("name", LONG)
def test_no_query_takes_long(name: str, callers: Callers) -> None:
    callers.send({"query": LONG[name]})


def test_variables_do_not_take_long_either(callers: Callers) -> None:
    roles = ["user"] * 200_000
    query = "query q($roles: [String], $any: JSON) { messageList(roles: $roles) { total } askOpenAi(%s) { threadId } }"
    ask = 'assistantType: "chat", assistantId: "x", userQuery: "x", updatedBy: "x", threadMetadata: $any'
    callers.send({"query": query % ask, "variables": {"roles": roles, "any": {str(n): "x" for n in range(100_000)}}})
    callers.send({"query": "query q($n: Int) { messageList(limit: $n) { total } }", "variables": {"n": 10**400}})


def test_what_is_refused_stands_in_no_log(callers: Callers) -> None:
    """The scan of the whole session, which comes last, reads what the function wrote about these."""
    said = canary("query")
    ask = f'askOpenAi(assistantType: "{said}", assistantId: "{said}", userQuery: "{said}", updatedBy: "{said}")'
    file = f'insertFile(filename: "{said}", encodedContent: "{said}!", purpose: "assistants")'
    for query, variables in (
        (said, {}),
        (f"{{ {said} }}", {}),
        (f"{{ {ask} {{ threadId }} }}", {}),
        (f"mutation {{ {file} {{ file {{ id }} }} }}", {}),
        ("query ($text: Int) { messageList(limit: $text) { total } }", {"text": said}),
        ("query ($when: DateTime) { fineTuningMessageList(fromDate: $when) { total } }", {"when": said}),
    ):
        assert "errors" in callers.send({"query": query, "variables": variables})
    assert "errors" in callers.send({"query": "{ ping }", "operation_name": said})


def test_runs_that_generated_queries_began_end(callers: Callers, driver: Driver) -> None:
    """They are on threads of ours, and no lock is left."""
    for thread in callers.us.client.get("/threads", cast_to=object, options={"params": {"limit": 100}})["data"]:  # type: ignore[index]
        if thread["id"] == callers.us.waiting["thread_id"]:
            continue
        for each in callers.us.client.beta.threads.runs.list(thread["id"]):
            found = driver.store.runs.get(ThreadId(thread["id"]), each.id)
            if driver.until(found, *TERMINAL, "requires_action").status == "requires_action":
                driver.cancel(found)
            driver.until(found, *TERMINAL)
