"""`client.beta.threads.runs` against the stack."""

import base64
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai.types.beta import Assistant
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import RunStep

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.offline_model,
]

ASK: Any = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def assistant(client: openai.OpenAI, model: str) -> Assistant:
    return client.beta.assistants.create(model=model, instructions="Be brief.", tools=[ASK])


def run_on(client: openai.OpenAI, assistant: Assistant, text: str, **more: Any) -> Run:
    """Run the assistant on a new thread that holds one message, and wait for it."""
    return client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": text}]}, **more
    )


def answers(client: openai.OpenAI, run: Run) -> list[str]:
    """Return what the run said."""
    messages = client.beta.threads.messages.list(run.thread_id, run_id=run.id, order="asc")
    return [part.text.value for message in messages for part in message.content if part.type == "text"]


@pytest.fixture(scope="module")
def expiring(client: openai.OpenAI, assistant: Assistant) -> Run:
    """Begin a run that waits until it expires, while the tests go on.

    The second test of the file begins it: functions that never ran yet might start too late for it to wait.
    """
    return run_on(client, assistant, "call ask {}", extra_body={"expires_after": 5})


def test_a_run_is_created_polled_and_answers(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "say hello"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed" and run.completed_at and run.started_at and run.expires_at is None
    assert run.usage is not None and run.usage.total_tokens > 0
    assert (run.instructions, run.model, run.tools) == ("Be brief.", assistant.model, assistant.tools)
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert (message.role, message.run_id, message.assistant_id) == ("assistant", run.id, assistant.id)
    assert answers(client, run) == ["hello"]
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.step_details.to_dict() == {
        "type": "message_creation",
        "message_creation": {"message_id": message.id},
    }
    assert client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id) == step


@pytest.mark.usefixtures("expiring")
def test_a_run_is_its_requests_settings_over_the_assistants(client: openai.OpenAI, assistant: Assistant) -> None:
    given: dict[str, Any] = {
        "instructions": "Be long.",
        "temperature": 0.5,
        "top_p": 0.5,
        "max_prompt_tokens": 10_000,
        "max_completion_tokens": 1_000,
        "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "function": {"name": "ask"}},
        "response_format": {"type": "text"},
        "truncation_strategy": {"type": "last_messages", "last_messages": 3},
        "tools": [{"type": "function", "function": {"name": "ask"}}],
        "metadata": {"a": "1"},
        "model": assistant.model,
    }
    run = run_on(client, assistant, "say hello", **given)
    assert {name: value for name, value in run.to_dict().items() if name in given} == given
    listed = client.beta.threads.runs.list(run.thread_id).data
    assert listed == [client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)] == [run]
    modified = client.beta.threads.runs.update(run.id, thread_id=run.thread_id, metadata={"b": "2"})
    assert modified.metadata == {"b": "2"}


def test_what_create_returns_is_queued_and_says_when_to_poll(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "wait 1\nsay hello"}])
    answer = client.beta.threads.runs.with_raw_response.create(
        thread.id,
        assistant_id=assistant.id,
        additional_instructions="And kind.",
        additional_messages=[{"role": "user", "content": "say hello"}],
        extra_body={"expires_after": 60},
    )
    run = answer.parse()
    assert run.status == "queued" and run.usage is None and run.required_action is None
    assert run.expires_at == run.created_at + 60
    assert run.instructions == "Be brief.\nAnd kind."
    assert int(answer.headers["openai-poll-after-ms"]) > 0
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).id == run.id
    ended = client.beta.threads.runs.poll(run.id, thread_id=thread.id)
    assert ended.status == "completed"
    again = client.beta.threads.runs.with_raw_response.retrieve(run.id, thread_id=thread.id)
    assert "openai-poll-after-ms" not in again.headers


def test_a_poll_of_a_young_run_is_answered_at_its_end(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "call ask {}"}])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    poller = client.with_options(default_headers={"X-Stainless-Poll-Helper": "true"}).beta.threads.runs
    while run.status in ("queued", "in_progress"):
        run = poller.retrieve(run.id, thread_id=thread.id)
        # On a slow machine it takes several polls, but none of them is answered before.
        assert run.status == "requires_action" or time.time() > run.created_at + 20
    assert run.status == "requires_action"
    assert poller.retrieve(run.id, thread_id=thread.id) == run


def test_outputs_of_two_parallel_calls_are_submitted(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, 'call ask {"n":1}\ncall ask {"n":2}')
    assert run.status == "requires_action" and run.required_action
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("ask", '{"n":1}'),
        ("ask", '{"n":2}'),
    ]
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    assert step.status == "in_progress" and outputs_of(step) == [None, None]
    refused: list[tuple[list[str], str]] = [
        ([calls[0].id], "Expected tool outputs for call ids"),
        ([calls[0].id, calls[1].id, "call_x"], "Unexpected tool outputs for call ids"),
        ([calls[0].id, calls[0].id], "only once"),
        ([], "Expected tool outputs for call ids"),
    ]
    for call_ids, message in refused:
        with pytest.raises(openai.BadRequestError, match=message):
            submit(client, run, dict.fromkeys(call_ids, "x"), call_ids)
    large = "y" * 40_000
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": calls[0].id, "output": "one"}, {"tool_call_id": calls[1].id, "output": large}],
    )
    assert run.status == "completed" and "one" in answers(client, run)[0] and large in answers(client, run)[0]
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
    assert steps[0].status == "completed" and outputs_of(steps[0]) == ["one", large]
    with pytest.raises(openai.BadRequestError, match='Runs in status "completed" do not accept tool outputs'):
        submit(client, run, {calls[0].id: "x"}, [calls[0].id])


def test_a_waiting_run_is_cancelled(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "call ask {}")
    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert cancelling.status in ("cancelling", "cancelled")
    cancelled = client.beta.threads.runs.poll(run.id, thread_id=run.thread_id)
    assert cancelled.status == "cancelled" and cancelled.cancelled_at
    with pytest.raises(openai.BadRequestError, match="Cannot cancel run with status 'cancelled'"):
        client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    client.beta.threads.messages.create(run.thread_id, role="user", content="The lock is free again.")


def test_an_active_run_locks_its_thread(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "call ask {}")
    with pytest.raises(openai.BadRequestError, match=f"Thread {run.thread_id} already has an active run {run.id}."):
        client.beta.threads.runs.create(run.thread_id, assistant_id=assistant.id)
    message = f"Can't add messages to {run.thread_id} while a run {run.id} is active."
    with pytest.raises(openai.BadRequestError, match=message):
        client.beta.threads.messages.create(run.thread_id, role="user", content="x")
    with pytest.raises(openai.BadRequestError, match="while a run"):
        client.beta.threads.delete(run.thread_id)
    client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    client.beta.threads.runs.poll(run.id, thread_id=run.thread_id)


def test_of_two_clients_at_once_one_gets_the_run(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create()
    results: list[Any] = []
    barrier = threading.Barrier(4)

    def create(number: int) -> None:
        barrier.wait()
        try:
            # The run waits for outputs, so it is still active when the last of the clients comes.
            extra: Any = [{"role": "user", "content": f'call ask {{"n":{number}}}'}]
            results.append(
                client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, additional_messages=extra)
            )
        except openai.BadRequestError as error:
            results.append(error)

    creating = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread_of_client in creating:
        thread_of_client.start()
    for thread_of_client in creating:
        thread_of_client.join()
    [run] = [result for result in results if isinstance(result, Run)]
    refused = [result for result in results if isinstance(result, openai.BadRequestError)]
    assert len(refused) == 3
    assert all(f"already has an active run {run.id}" in error.message for error in refused)
    assert client.beta.threads.runs.poll(run.id, thread_id=thread.id).status == "requires_action"
    assert [listed.id for listed in client.beta.threads.runs.list(thread.id)] == [run.id]
    assert len(client.beta.threads.messages.list(thread.id).data) == 1
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    client.beta.threads.runs.poll(run.id, thread_id=thread.id)


def test_the_same_key_creates_once(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "say hello"}])
    key = {"Idempotency-Key": str(uuid.uuid4())}
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, extra_headers=key)
    assert client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, extra_headers=key).id == run.id
    with pytest.raises(openai.ConflictError):
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, temperature=0, extra_headers=key)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    made = [client.beta.threads.create_and_run(assistant_id=assistant.id, extra_headers=key) for _ in range(2)]
    assert made[0].id == made[1].id and made[0].thread_id == made[1].thread_id
    for ending in (run, made[0]):
        client.beta.threads.runs.poll(ending.id, thread_id=ending.thread_id)
    assert [listed.id for listed in client.beta.threads.runs.list(thread.id)] == [run.id]


def test_the_same_key_at_once_creates_once(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "call ask {}"}])
    key = {"Idempotency-Key": str(uuid.uuid4())}
    barrier = threading.Barrier(3)

    def create(_: int) -> Run:
        barrier.wait()
        return client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, extra_headers=key)

    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(create, range(3)))
    assert {run.id for run in runs} == {runs[0].id}
    client.beta.threads.runs.poll(runs[0].id, thread_id=thread.id)
    client.beta.threads.runs.cancel(runs[0].id, thread_id=thread.id)


def test_messages_of_no_run_are_none(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "say hello")
    for run_id in ("run_none", run.id[:8], "0", run.id + "0"):
        assert client.beta.threads.messages.list(run.thread_id, run_id=run_id).data == []


def test_a_failed_run_says_why(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "fail 400")
    assert run.status == "failed" and run.failed_at and run.last_error and run.last_error.message


def test_an_incomplete_run_says_why(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "cut\nsay hello")
    assert run.status == "incomplete" and run.incomplete_details
    assert run.incomplete_details.reason == "max_completion_tokens"


def submit(client: openai.OpenAI, run: Run, outputs: dict[str, str], call_ids: list[str]) -> Run:
    return client.beta.threads.runs.submit_tool_outputs(
        run.id,
        thread_id=run.thread_id,
        tool_outputs=[{"tool_call_id": call_id, "output": outputs[call_id]} for call_id in call_ids],
    )


def outputs_of(step: RunStep) -> list[str | None]:
    """The outputs of a step's function calls."""
    assert step.step_details.type == "tool_calls"
    return [call.function.output for call in step.step_details.tool_calls if call.type == "function"]


def test_a_prompt_budget_that_the_thread_outgrows_ends_incomplete(client: openai.OpenAI, assistant: Assistant) -> None:
    run = run_on(client, assistant, "say too much " * 200, max_prompt_tokens=256)
    assert run.status == "incomplete"
    assert run.incomplete_details and run.incomplete_details.reason == "max_prompt_tokens"
    assert run.usage and run.usage.total_tokens == 0


def test_a_completion_budget_is_over_the_whole_run(client: openai.OpenAI, model: str) -> None:
    price = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
    assistant = client.beta.assistants.create(model=model, extra_body={"functions": [price]})
    text = 'call get_stock_price {"symbol": "%s"}' % ("A" * 2_000)
    run = run_on(client, assistant, text, max_completion_tokens=256)
    assert run.status == "incomplete"
    assert run.incomplete_details and run.incomplete_details.reason == "max_completion_tokens"
    assert run.usage and run.usage.completion_tokens > 256


def test_the_model_is_shown_the_last_messages_only(client: openai.OpenAI, assistant: Assistant) -> None:
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x" * 4_000}] * 5)
    message: Any = {"role": "user", "content": "say Done."}
    used = []
    for strategy in ({"type": "auto"}, {"type": "last_messages", "last_messages": 2}):
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id,
            assistant_id=assistant.id,
            additional_messages=[message],
            truncation_strategy=strategy,  # type: ignore[arg-type]
        )
        assert run.status == "completed" and run.usage
        used.append(run.usage.prompt_tokens)
    everything, the_last_two = used
    assert the_last_two < everything / 5


def test_the_model_is_shown_image_files(client: openai.OpenAI, assistant: Assistant) -> None:
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    image = client.files.create(file=("pixel.png", pixel), purpose="vision")
    content: Any = [
        {"type": "text", "text": "say Seen."},
        {"type": "image_file", "image_file": {"file_id": image.id}},
    ]
    thread = client.beta.threads.create(messages=[{"role": "user", "content": content}])

    def look() -> Run:
        return client.beta.threads.runs.create_and_poll(assistant_id=assistant.id, thread_id=thread.id)

    assert look().status == "completed"
    client.files.delete(image.id)
    gone = look()
    assert gone.status == "failed"
    assert gone.last_error and gone.last_error.code == "invalid_prompt" and image.id in gone.last_error.message


def test_an_expired_run_is_expired(client: openai.OpenAI, expiring: Run) -> None:
    run = expiring
    assert run.status == "requires_action"
    for _ in range(20):
        # To the package's poll a run that waits for outputs is at its end.
        if (run := client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)).status == "expired":
            break
        time.sleep(0.5)
    assert run.status == "expired"
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    assert step.status == "expired" and step.expired_at
