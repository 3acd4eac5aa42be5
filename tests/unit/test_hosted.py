"""The built-in tools where they are left to the model's provider: what it is asked, and what its calls become."""

from typing import Any

import pytest

from assistant_engine.domain import builtin_tools
from assistant_engine.domain.annotations import annotated
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.model import citations
from assistant_engine.model.response import read_turn
from assistant_engine.resources import references
from tests.support.model_requests import request
from tests.support.responses import FOUND, RAN, call, response, text

TOOLS: list[Json] = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": {"max_num_results": 7}},
    {"type": "function", "function": {"name": "f"}},
]


HOSTED = ("code_interpreter", "file_search")


@pytest.fixture
def all_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_TOOLS", "code_interpreter,file_search")


@pytest.mark.usefixtures("all_hosted")
def test_the_provider_s_tools_are_asked_for_in_its_words() -> None:
    hosted = builtin_tools.hosted_tools(TOOLS, HOSTED, ["file-1"], ["vs_1", "vs_2"])
    body = request(tools=TOOLS, hosted=hosted, reasoning_effort="low", tool_choice={"type": "file_search"})
    code, search, function = body["tools"]
    assert code == {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}
    assert search == {
        "type": "file_search",
        "vector_store_ids": ["vs_1", "vs_2"],
        "max_num_results": 7,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    }
    assert (function["type"], function["name"]) == ("function", "f")
    assert body["tool_choice"] == {"type": "file_search"}
    assert body["include"] == [
        "reasoning.encrypted_content",
        "code_interpreter_call.outputs",
        "file_search_call.results",
    ]


@pytest.mark.usefixtures("all_hosted")
def test_without_a_vector_store_the_provider_is_asked_for_no_search() -> None:
    hosted = builtin_tools.hosted_tools(TOOLS, HOSTED, [], [])
    body = request(tools=TOOLS, hosted=hosted, tool_choice={"type": "file_search"})
    assert [tool["type"] for tool in body["tools"]] == ["code_interpreter", "function"]
    assert body["tools"][0]["container"] == {"type": "auto"}
    assert (body["tool_choice"], body["include"]) == ("auto", ["code_interpreter_call.outputs"])


def test_each_tool_is_hosted_by_itself() -> None:
    for value, ours in ((set(), ["code_interpreter", "file_search"]), ({"file_search"}, ["code_interpreter"])):
        assert builtin_tools.offered(TOOLS, value) == ours
        hosted = builtin_tools.hosted_tools(TOOLS, value, [], ["vs_1"])
        kinds = [tool["type"] for tool in request(tools=TOOLS, hosted=hosted)["tools"]]
        assert kinds == [("function" if tool["type"] in ours else tool["type"]) for tool in TOOLS]


def test_calls_that_the_provider_carried_out_are_shown_like_our_own() -> None:
    turn = read_turn(response(RAN, FOUND, text("42.")), "asst_1", "run_1", Seconds(1))
    assert (turn.status, turn.output[:2]) == ("completed", [RAN, FOUND])
    code, search = (builtin_tools.shown(each, turn.outputs[each["id"]], contents=True) for each in turn.calls)
    assert code == {
        "id": "ci_1",
        "type": "code_interpreter",
        "code_interpreter": {"input": "print(6 * 7)", "outputs": [{"type": "logs", "logs": "42"}]},
    }
    [found] = search["file_search"]["results"]
    assert found == {
        "file_id": "file-g",
        "file_name": "guide.pdf",
        "score": 0.75,
        "content": [{"type": "text", "text": "At dusk."}],
    }


def test_functions_beside_them_are_still_to_be_called() -> None:
    turn = read_turn(response(RAN, call("c1"), FOUND), "asst_1", "run_1", Seconds(1))
    assert turn.status == "in_progress"
    assert [each["id"] for each in turn.calls] == ["ci_1", "c1", "fs_1"]
    assert set(turn.outputs) == {"ci_1", "fs_1"}


def test_a_cut_off_turn_keeps_what_was_carried_out() -> None:
    turn = read_turn(response(RAN, call("c1"), status="incomplete"), "asst_1", "run_1", Seconds(1))
    assert (turn.status, [each["id"] for each in turn.calls]) == ("incomplete", ["ci_1"])


@pytest.mark.parametrize("kind", ["code_interpreter_call", "file_search_call"])
@pytest.mark.parametrize(
    "inside",
    [
        {},
        {"id": None, "code": None, "outputs": None, "results": None, "queries": None},
        {"id": "x" * 99, "code": ["no"], "outputs": {"logs": "no"}, "results": "no", "queries": 7},
        {"id": "c1", "outputs": ["no", {"logs": 7}], "results": [None, {"file_id": 7}]},
        {"results": [{"file_id": "f", "score": "high"}]},
        {"results": [{"file_id": "f", "score": 1e9, "filename": None, "text": None}]},
    ],
)
def test_whatever_is_in_such_a_call_it_can_be_shown(kind: str, inside: Json) -> None:
    turn = read_turn(response(call("c1"), {"type": kind, **inside}), "asst_1", "run_1", Seconds(1))
    assert len({each["id"] for each in turn.calls}) == 2
    [call_id] = turn.outputs
    shown = builtin_tools.shown(turn.calls[1], turn.outputs[call_id], contents=True)
    for result in shown.get("file_search", {}).get("results", []):
        assert 0 <= result["score"] <= 1
        assert isinstance(result["content"][0]["text"], str)


def test_the_provider_s_citations_stand_at_marks_in_the_text() -> None:
    said = text("Lit at dusk. Out at dawn.")
    cited = {"type": "file_citation", "file_id": "file-g", "filename": "guide.pdf"}
    said["content"][0]["annotations"] = [
        {**cited, "index": 24},
        {**cited, "index": 11, "file_id": "file-h"},
        {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "start_index": 0},
        {"type": "url_citation", "url": "https://example.com"},
        {**cited, "index": "no"},
        {**cited, "index": 10**30},
        {"type": "file_citation"},
        None,
    ]
    turn = read_turn(response(said), "asst_1", "run_1", Seconds(1))
    assert turn.message is not None
    [part], _ = annotated(turn.message["content"], [], since=0)
    value = part["text"]["value"]
    assert value == "Lit at dusk【0†guide.pdf】. Out at dawn【1†guide.pdf】.【2†guide.pdf】"
    for annotation in part["text"]["annotations"]:
        assert value[annotation["start_index"] : annotation["end_index"]] == annotation["text"]
    ids = [annotation["file_citation"]["file_id"] for annotation in part["text"]["annotations"]]
    assert ids == ["file-h", "file-g", "file-g"]


def test_a_run_s_outputs_are_told_by_the_ids_of_its_own_calls_alone() -> None:
    turn = read_turn(response(RAN, call("c1")), "asst_1", "run_1", Seconds(1))
    outputs = {**turn.outputs, "c1": "told"}
    told, _ = builtin_tools.tell([turn.calls], [outputs])
    sent = request(turns=[turn.output], outputs=told)["input"]
    assert sent == [RAN, call("c1"), {"type": "function_call_output", "call_id": "c1", "output": "told"}]


def made(file_id: str, start: object, end: object) -> Json:
    where = {"start_index": start, "end_index": end}
    return {"type": "container_file_citation", "container_id": "cntr_1", "file_id": file_id, **where}


def test_files_that_the_provider_s_code_made_are_linked_and_images_shown() -> None:
    value = "See [t](sandbox:/mnt/data/t.csv), lit at dusk."
    said = text(value)
    link = value.index("sandbox"), value.index(")")
    said["content"][0]["annotations"] = [
        {"type": "file_citation", "file_id": "file-g", "filename": "guide.pdf", "index": 3},
        made("cfile_table", *link),
        made("cfile_chart", 0, 0),
        made("cfile_late", None, "no"),
        made("cfile_gone", *link),
    ]
    files = {
        "cfile_table": {"file_id": "file-table", "filename": "t.csv", "image": False},
        "cfile_chart": {"file_id": "file-chart", "filename": "c.png", "image": True},
        "cfile_late": {"file_id": "file-late", "filename": "late.csv", "image": False},
    }
    output = response(said)
    wanted = [each["file_id"] for each in citations.container_files(output["output"])]
    assert wanted == ["cfile_table", "cfile_chart", "cfile_late", "cfile_gone"]
    turn = read_turn(output, "asst_1", "run_1", Seconds(1), files)
    assert turn.message is not None
    (image, part), attachments = annotated(turn.message["content"], [], since=0)
    assert image == {"type": "image_file", "image_file": {"file_id": "file-chart", "detail": "auto"}}
    whole = part["text"]["value"]
    assert whole == "See【0†guide.pdf】 [t](sandbox:/mnt/data/t.csv), lit at dusk.【1†late.csv】"
    stretches = {}
    for annotation in part["text"]["annotations"]:
        assert whole[annotation["start_index"] : annotation["end_index"]] == annotation["text"]
        stretches[annotation[annotation["type"]]["file_id"]] = (annotation["type"], annotation["text"])
    assert stretches == {
        "file-g": ("file_citation", "【0†guide.pdf】"),
        "file-table": ("file_path", "sandbox:/mnt/data/t.csv"),
        "file-late": ("file_path", "【1†late.csv】"),
    }
    assert {each["file_id"] for each in attachments} == {"file-table", "file-late"}


class Nothing:
    """A store without files and vector stores."""

    def __getattr__(self, name: str) -> Any:
        return self

    def first_missing(self, file_ids: Any) -> str | None:
        return next(iter(file_ids), None)


ATTACHED = {"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}


@pytest.mark.usefixtures("all_hosted")
def test_the_provider_s_files_and_stores_are_not_looked_for() -> None:
    resources = {"code_interpreter": {"file_ids": ["file-1"]}, "file_search": {"vector_store_ids": ["vs_1"]}}
    message = {"role": "user", "content": "Hello", "attachments": [ATTACHED]}
    references.check(Nothing(), {"tool_resources": resources, "thread": {"messages": [message]}})  # type: ignore[arg-type]
    for unknown in ({"file_id": "file-1"}, {"file_id": "file-1", "tools": []}):
        with pytest.raises(InvalidRequest, match="No such File object"):
            references.check(Nothing(), {**message, "attachments": [unknown]})  # type: ignore[arg-type]


@pytest.mark.usefixtures("all_hosted")
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"attachments": [ATTACHED, {"file_id": "f", "tools": [{"type": "file_search"}]}]}, "attachments[1].tools"),
        (
            {"thread": {"messages": [{"attachments": [{"file_id": "f", "tools": [{"type": "file_search"}]}]}]}},
            "thread.messages[0].attachments[0].tools",
        ),
        (
            {"tool_resources": {"file_search": {"vector_stores": [{}]}}},
            "tool_resources.file_search.vector_stores",
        ),
    ],
)
def test_files_for_the_provider_s_search_are_put_there(request_: Json, param: str) -> None:
    with pytest.raises(InvalidRequest, match="Make the vector store there") as refused:
        references.check(Nothing(), request_)  # type: ignore[arg-type]
    assert (refused.value.param, refused.value.code) == (param, "unsupported_value")
