"""The built-in tools in runs: what the client sees of them, alone and beside functions of either side."""

import json

import openai
import pytest
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import RunStep

from assistant_engine.domain.thread import ThreadId
from tests.support.driver import ASK, GET_STOCK_PRICE, Driver

pytestmark = pytest.mark.offline_model

GUIDE = b"The lighthouse keeper lights the lamp at dusk and puts it out at dawn."
QUERY = json.dumps({"query": "When is the lamp lit?"})
CODE = json.dumps({"code": "rows = open('/mnt/data/rows.csv').read().split()\nopen('/mnt/data/n.txt', 'w').write('4')\n"
                           "print('rows', len(rows))"})  # fmt: skip


@pytest.fixture(scope="module")
def store_id(client: openai.OpenAI) -> str:
    """A vector store with one document."""
    file = client.files.create(file=("guide.txt", GUIDE), purpose="assistants")
    vector_store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=vector_store.id)
    return vector_store.id


def answered(client: openai.OpenAI, run: Run) -> tuple[list[RunStep], str]:
    """The steps of a completed run, oldest first, and its answer's text."""
    assert run.status == "completed", run.last_error
    steps = client.beta.threads.runs.steps.list(
        run.id,
        thread_id=run.thread_id,
        order="asc",
        include=["step_details.tool_calls[*].file_search.results[*].content"],
    ).data
    part = client.beta.threads.messages.list(run.thread_id, run_id=run.id).data[0].content[-1]
    assert part.type == "text"
    return steps, part.text.value


def test_a_search_shows_its_results_and_the_message_cites_them(client: openai.OpenAI, store_id: str) -> None:
    assistant = client.beta.assistants.create(
        model="gpt-6-luna",
        tools=[{"type": "file_search", "file_search": {"max_num_results": 3}}],
        tool_resources={"file_search": {"vector_store_ids": [store_id]}},
    )
    thread = client.beta.threads.create(messages=[{"role": "user", "content": f"call file_search {QUERY}"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    [searched, _], text = answered(client, run)
    assert searched.step_details.type == "tool_calls"
    [call] = searched.step_details.tool_calls
    assert call.type == "file_search"
    [found] = call.file_search.results or []
    assert (found.file_name, 0 < found.score <= 1) == ("guide.txt", True)
    assert found.content is not None
    assert found.content[0].text == GUIDE.decode()
    part = client.beta.threads.messages.list(thread.id).data[0].content[0]
    assert part.type == "text"
    [citation] = part.text.annotations
    assert citation.type == "file_citation"
    assert citation.file_citation.file_id == found.file_id
    assert text[citation.start_index : citation.end_index] == citation.text == "【0:0†guide.txt】"


def test_a_turn_mixes_functions_of_both_sides_with_code_and_a_search(
    client: openai.OpenAI, driver: Driver, store_id: str
) -> None:
    rows = client.files.create(file=("rows.csv", b"a\nb\nc\n"), purpose="assistants")
    assistant = driver.assistant(
        functions=[GET_STOCK_PRICE], tools=[ASK, {"type": "code_interpreter"}, {"type": "file_search"}]
    )
    asked = "\n".join(
        [
            'call get_stock_price {"symbol": "ACME"}',
            "call ask {}",
            f"call code_interpreter {CODE}",
            f"call file_search {QUERY}",
            "say [n](sandbox:/mnt/data/n.txt)",
        ]
    )
    thread = client.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": asked,
                "attachments": [{"file_id": rows.id, "tools": [{"type": "code_interpreter"}]}],
            }
        ],
        tool_resources={"file_search": {"vector_store_ids": [store_id]}},
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert run.required_action is not None
    [call] = run.required_action.submit_tool_outputs.tool_calls
    assert call.function.name == "ask"
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "blue"}]
    )
    [called, _], text = answered(client, run)
    assert called.step_details.type == "tool_calls"
    kinds = [made.type for made in called.step_details.tool_calls]
    assert kinds == ["function", "function", "code_interpreter", "file_search"]
    for said in ("182.4", "blue", "rows 3", "lights the lamp at dusk"):
        assert said in text
    message = client.beta.threads.messages.list(thread.id).data[0]
    part = message.content[0]
    assert part.type == "text"
    assert sorted(each.type for each in part.text.annotations) == ["file_citation", "file_path"]
    assert message.attachments is not None
    [attachment] = message.attachments
    assert client.files.content(str(attachment.file_id)).read() == b"4"
    driver.ended(driver.store.runs.get(ThreadId(thread.id), run.id), "completed")


def test_two_built_in_names_belong_to_the_tools(client: openai.OpenAI) -> None:
    function = {"type": "function", "function": {"name": "code_interpreter", "parameters": {"type": "object"}}}
    with pytest.raises(openai.BadRequestError) as refused:
        client.beta.assistants.create(model="m", extra_body={"tools": [function]})
    assert refused.value.param == "tools[0].function.name"


def test_a_message_links_files_of_an_earlier_run_and_of_the_user(client: openai.OpenAI) -> None:
    given = client.files.create(file=("年度 報告.csv", b"a\nb\n"), purpose="assistants")
    assistant = client.beta.assistants.create(model="gpt-6-luna", tools=[{"type": "code_interpreter"}])
    code = "import os\nos.makedirs('/mnt/data/out')\nfor n in (1, 2):\n"
    code += "    open(f'/mnt/data/out/sales ({n}).csv', 'w').write('x' * n)"
    thread = client.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": f"call code_interpreter {json.dumps({'code': code})}\nsay Done.",
                "attachments": [{"file_id": given.id, "tools": [{"type": "code_interpreter"}]}],
            }
        ]
    )
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed", run.last_error
    [first] = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    made = [str(each.file_id) for each in first.attachments or []]
    assert [client.files.content(file_id).read() for file_id in made] == [b"x", b"xx"]

    said = "[2](sandbox:/mnt/data/out/sales%20(2).csv)、`/mnt/data/年度 報告.csv`を。"
    client.beta.threads.messages.create(thread.id, role="user", content=f"say {said}")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    [second] = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    part = second.content[0]
    assert part.type == "text"
    links = {each.text: each.file_path.file_id for each in part.text.annotations if each.type == "file_path"}
    assert links == {"sandbox:/mnt/data/out/sales%20(2).csv": made[1], "/mnt/data/年度 報告.csv": given.id}
