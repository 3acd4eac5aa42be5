"""Calls that the model's provider carries out itself, from its answer to the client."""

import importlib.util
import uuid
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai.types.beta.threads import Message

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from local.paths import ROOT
from tests.support.driver import ASK, Driver
from tests.support.model_server import Behaviour, ModelServer
from tests.support.responses import FOUND, RAN, calls, response

pytestmark = pytest.mark.offline_model

LONG = "0123456789" * 5_000


def cites(text: str) -> Json:
    """A message of the model with a citation at its end."""
    citation = {"type": "file_citation", "file_id": "file-g", "filename": "guide.pdf", "index": len(text)}
    part = {"type": "output_text", "text": text, "annotations": [citation]}
    return {"type": "message", "role": "assistant", "content": [part]}


def steps_of(client: openai.OpenAI, run: Any) -> list[Any]:
    """The run's steps, oldest first: the calls of one, or None for a message."""
    contents: Any = ["step_details.tool_calls[*].file_search.results[*].content"]
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc", include=contents).data
    assert {step.status for step in steps} == {"completed"}
    return [step.step_details.tool_calls if step.step_details.type == "tool_calls" else None for step in steps]


def said(message: Message) -> tuple[str, list[Any]]:
    [part] = message.content
    assert part.type == "text"
    return part.text.value, part.text.annotations


def test_what_the_provider_carried_out_stands_in_steps_and_message(
    client: openai.OpenAI, driver: Driver, model_server: ModelServer
) -> None:
    marker = f"marker-{uuid.uuid4()}"
    printed = {**RAN, "id": "ci_2", "outputs": [{"type": "logs", "logs": LONG}]}
    first = response(RAN, FOUND, printed, calls("ask", "{}", "call_1"))
    second = response({**FOUND, "id": "fs_2"}, cites("At dusk."))
    model_server.when(marker, [Behaviour(body=first), Behaviour(body=second)])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": marker}])
    assistant = driver.assistant(functions=[], tools=[ASK, {"type": "code_interpreter"}, {"type": "file_search"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert run.required_action is not None
    assert [call.id for call in run.required_action.submit_tool_outputs.tool_calls] == ["call_1"]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_1", "output": "blue"}]
    )
    assert run.status == "completed", run.last_error
    # The turn is sent again as it was, and the function's output after it.
    sent = model_server.requests(marker)[-1].body["input"][1:]
    assert sent[:3] == [RAN, FOUND, printed]
    assert sent[-1] == {"type": "function_call_output", "call_id": "call_1", "output": "blue"}

    before, after, message = steps_of(client, run)
    assert [call.id for call in before] == ["ci_1", "fs_1", "ci_2", "call_1"]
    assert [call.type for call in before] == ["code_interpreter", "file_search", "code_interpreter", "function"]
    assert before[0].code_interpreter.input == "print(6 * 7)"
    assert [(output.type, output.logs) for output in before[0].code_interpreter.outputs] == [("logs", "42")]
    assert before[2].code_interpreter.outputs[0].logs == LONG
    [found] = before[1].file_search.results
    assert (found.file_name, found.score, found.content[0].text) == ("guide.pdf", 0.75, "At dusk.")
    assert [call.id for call in after] == ["fs_2"]
    assert message is None
    value, [citation] = said(client.beta.threads.messages.list(thread.id).data[0])
    assert (value, citation.file_citation.file_id) == ("At dusk.【0†guide.pdf】", "file-g")
    driver.ended(driver.store.runs.get(ThreadId(thread.id), run.id), "completed")


@pytest.fixture
def in_progress(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Callable[[Json, Any], Json]:
    """The step as deployed, in this process, of a deployment that leaves both tools to the provider."""
    name = driver.function_name("in_progress")
    deployed = driver.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    for variable, value in {**deployed, "HOSTED_TOOLS": "code_interpreter,file_search"}.items():
        monkeypatch.setenv(variable, value)
    spec = importlib.util.spec_from_file_location("hosted_step", ROOT / "lambdas" / "steps" / "in_progress.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Json, Any], Json] = module.handler
    return handler


def test_a_run_asks_for_the_provider_s_tools_with_the_provider_s_ids(
    client: openai.OpenAI,
    driver: Driver,
    model_server: ModelServer,
    in_progress: Callable[[Json, Any], Json],
) -> None:
    marker = f"marker-{uuid.uuid4()}"
    # What the model calls by a name that is only the provider's is nobody's function here.
    misled = response(RAN, calls("code_interpreter", '{"code": "1"}', "call_1"))
    answer = cites("Lit.")
    for name in ("chart.png", "gone.csv"):
        made = {"type": "container_file_citation", "container_id": "cntr_1", "file_id": f"cfile_{name[:4]}{marker}"}
        answer["content"][0]["annotations"].append({**made, "filename": name, "start_index": 0, "end_index": 0})
    model_server.files[f"/v1/containers/cntr_1/files/cfile_char{marker}/content"] = b"a chart"
    model_server.when(marker, [Behaviour(body=misled), Behaviour(body=response(FOUND, answer))])
    attachment = {"file_id": "file-theirs", "tools": [{"type": "code_interpreter"}]}
    resources = {"file_search": {"vector_store_ids": ["vs_theirs"]}}
    run = driver.created(
        "Look it up.",
        assistant_id=driver.assistant(functions=[], tools=[{"type": "code_interpreter"}, {"type": "file_search"}]),
        thread={"tool_resources": resources},
        additional_messages=[{"role": "user", "content": marker, "attachments": [attachment]}],
    )
    event = {"thread_id": run.thread_id, "run_id": run.id, "execution": run.execution, "outputs": []}
    assert in_progress({**event, "turn": 0}, None)["status"] == "in_progress"
    ended = in_progress({**event, "turn": 1}, None)
    assert ended["status"] == "completed", ended
    asked = [request.body for request in model_server.requests(marker)]
    for body in asked:
        code, search = body["tools"]
        assert code["container"] == {"type": "auto", "file_ids": ["file-theirs"]}
        assert search["vector_store_ids"] == ["vs_theirs"]
        assert set(body["include"]) == {"code_interpreter_call.outputs", "file_search_call.results"}
    assert asked[1]["input"][-1]["output"] == "Error: there is no function of this name."
    first, second, message = steps_of(client, run)
    assert [call.type for call in first] == ["code_interpreter", "code_interpreter"]
    assert [call.type for call in second] == ["file_search"]
    assert message is None
    chart, text = client.beta.threads.messages.list(run.thread_id).data[0].content
    assert chart.type == "image_file"
    assert text.type == "text"
    assert client.files.content(chart.image_file.file_id).read() == b"a chart"
    file = client.files.retrieve(chart.image_file.file_id)
    assert (file.filename, file.purpose, file.bytes) == ("chart.png", "assistants_output", 7)
    assert text.text.value == "Lit.【0†guide.pdf】"
    driver.ended(driver.store.runs.get(run.thread_id, run.id), "completed")
