"""Built-in tools: what the model is told of a call, what the run step shows, and what becomes of the message."""

import json

import pytest

from assistant_engine.domain import builtin_tools
from assistant_engine.domain.annotations import annotated
from assistant_engine.domain.builtin_tools import Result
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json

CHART = {"file_id": "file-chart", "filename": "chart.png", "path": "/mnt/data/chart.png", "image": True}
TABLE = {"file_id": "file-table", "filename": "t.csv", "path": "/mnt/data/t.csv", "image": False}
CODE = Result(0, 0, "code_interpreter", json.dumps({"logs": "42", "files": [CHART, TABLE]}))
FOUND = {"file_id": "file-guide", "file_name": "guide.pdf", "score": 0.5, "text": "Press the button."}
RANKING = {"ranker": "auto", "score_threshold": 0.0}
RESULTS = [FOUND, {**FOUND, "file_id": "file-other"}]
SEARCH = Result(1, 1, "file_search", json.dumps({"results": RESULTS, "ranking_options": RANKING}))


def call(name: str, arguments: str) -> Json:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments, "output": None}}


def text(value: str) -> Json:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def test_the_model_is_told_what_code_printed_and_which_files_it_wrote() -> None:
    assert builtin_tools.told(CODE) == "42\n[1 figure shown to the user]\n[files given to the user: /mnt/data/t.csv]"


def test_the_model_is_told_passages_with_marks_to_cite_them_by() -> None:
    assert builtin_tools.told(SEARCH).startswith("【1:0†guide.pdf】\nPress the button.\n\n【1:1†guide.pdf】")
    assert builtin_tools.told(Result(0, 0, "file_search", '{"results": []}')) == "Nothing was found."


@pytest.mark.parametrize("name", ["code_interpreter", "file_search"])
@pytest.mark.parametrize("output", ["Error: the tool gave no answer (States.Timeout).", "Error: [1", "Error"])
def test_a_tool_that_failed_is_told_in_its_words(name: str, output: str) -> None:
    assert builtin_tools.told(Result(0, 0, name, output)) == output


def test_a_step_shows_code_with_its_logs_and_images() -> None:
    shown = builtin_tools.shown(call("code_interpreter", '{"code": "6*7"}'), CODE.output, contents=False)
    assert shown == {
        "id": "call_1",
        "type": "code_interpreter",
        "code_interpreter": {
            "input": "6*7",
            "outputs": [
                {"type": "logs", "logs": "42"},
                {"type": "image", "image": {"file_id": "file-chart"}},
            ],
        },
    }


@pytest.mark.parametrize("arguments", ["6*7", '{"code": 1}', "[]", "{}", '"code"', "[" * 100_000])
def test_arguments_without_code_are_shown_as_they_are(arguments: str) -> None:
    shown = builtin_tools.shown(call("code_interpreter", arguments), None, contents=False)
    assert shown["code_interpreter"] == {"input": arguments, "outputs": []}


def test_a_step_shows_results_and_their_text_when_it_is_asked_for() -> None:
    shown = builtin_tools.shown(call("file_search", "{}"), SEARCH.output, contents=False)["file_search"]
    assert shown["ranking_options"] == RANKING
    assert shown["results"][0] == {"file_id": "file-guide", "file_name": "guide.pdf", "score": 0.5}
    shown = builtin_tools.shown(call("file_search", "{}"), SEARCH.output, contents=True)["file_search"]
    assert shown["results"][0]["content"] == [{"type": "text", "text": "Press the button."}]


def test_code_that_utf8_can_not_express_is_mended() -> None:
    shown = builtin_tools.shown(call("code_interpreter", '{"code": "\\ud800"}'), None, contents=False)
    assert shown["code_interpreter"]["input"] == "\ufffd"


def test_a_mark_of_any_length_is_no_citation() -> None:
    content, _ = annotated([text(f"【{'1' * 9_999}:{'1' * 9_999}†x】")], [SEARCH], since=0)
    assert content[0]["text"]["annotations"] == []


def test_a_message_has_the_images_its_links_and_its_citations() -> None:
    value = "See [t](sandbox:/mnt/data/t.csv) and 【1:1†guide.pdf】, not 【7:0†x】 or sandbox:/mnt/data/none.csv."
    content, attachments = annotated([text(value)], [CODE, SEARCH], since=0)
    image, said = content
    assert image == {"type": "image_file", "image_file": {"file_id": "file-chart", "detail": "auto"}}
    path, citation = said["text"]["annotations"]
    assert (path["type"], path["file_path"]) == ("file_path", {"file_id": "file-table"})
    assert (citation["type"], citation["file_citation"]) == ("file_citation", {"file_id": "file-other"})
    for annotation in (path, citation):
        assert value[annotation["start_index"] : annotation["end_index"]] == annotation["text"]
    assert attachments == [{"file_id": "file-table", "tools": [{"type": "code_interpreter"}]}]


def test_an_image_stands_in_one_message() -> None:
    content, _ = annotated([text("Done.")], [CODE], since=1)
    assert content == [text("Done.")]


def test_two_searches_of_one_turn_have_marks_of_their_own() -> None:
    third = Result(2, 1, "file_search", json.dumps({"results": [{**FOUND, "file_id": "file-third"}]}))
    mark = builtin_tools.told(third).splitlines()[0]
    content, _ = annotated([text(mark)], [SEARCH, third], since=0)
    [annotation] = content[0]["text"]["annotations"]
    assert annotation["file_citation"] == {"file_id": "file-third"}


def test_outputs_of_built_in_tools_are_told_and_those_of_functions_left_alone() -> None:
    calls = [[call("code_interpreter", "{}")], [{**call("ask", "{}"), "id": "call_2"}, call("file_search", "{}")]]
    outputs = [{"call_1": CODE.output}, {"call_2": '{"logs": 1}', "call_1": SEARCH.output}]
    said, results = builtin_tools.tell(calls, outputs)
    assert results == [CODE, SEARCH]
    assert said == [
        {"call_1": builtin_tools.told(CODE)},
        {"call_2": '{"logs": 1}', "call_1": builtin_tools.told(SEARCH)},
    ]


def test_a_search_is_complete_whatever_the_tool_leaves_out() -> None:
    said = {"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"score_threshold": 0.4}}}
    for tools, expected in (
        ([said], {"max_num_results": 3, "ranking_options": {"ranker": "auto", "score_threshold": 0.4}}),
        ([{"type": "file_search"}], {"max_num_results": 20, "ranking_options": RANKING}),
    ):
        assert builtin_tools.search_options(tools) == expected


def test_no_function_has_the_name_of_a_built_in_tool() -> None:
    with pytest.raises(InvalidRequest) as refused:
        builtin_tools.check_names([{"type": "function", "function": {"name": "file_search"}}])
    assert refused.value.param == "tools[0].function.name"
