"""Measures what each kind of run takes, and what people would use instead."""

import contextlib
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import openai
from openai.types.beta.threads import Run

from bench.journal import Taken, taken
from bench.prices import dollars
from bench.rivals import Rivals
from bench.stack import Stack

Json = dict[str, Any]
Step = Callable[[str], Any]

MODEL_SECONDS = 1.0
"""What each model call takes while the kinds of runs are counted."""

SYMBOLS = ("ACME", "BRIO", "CYAN", "DUNE", "EPIC", "FERN")
ONE_CALL = 'call get_stock_price {"symbol": "ACME"}'

RIVALS = (
    ("plain answer", "say Good morning.", 1.0),
    ("plain answer", "say Good morning.", 6.0),
    ("plain answer", "say Good morning.", 20.0),
    ("one server-side call", ONE_CALL, 6.0),
)
"""What is asked of the rivals: a name, the message, and seconds that the model takes for each of its calls."""


def measure(stack: Stack, step: Step) -> Json:
    """Count every kind of run, then the rivals."""
    stack.model.seconds = MODEL_SECONDS
    runs = []
    for name, work in _kinds(stack).items():
        with step(name):
            work()  # On functions that are warm by then, the next one is counted.
            runs.append({"run": name, **counted(stack, work)})
    return {"model_seconds": MODEL_SECONDS, "runs": runs, "rivals": _rivals(stack, step)}


def _rivals(stack: Stack, step: Step) -> list[Json]:
    rivals = Rivals(stack)
    ways: dict[str, Callable[[str], object]] = {
        "this stack": lambda text: _by_the_api(stack, text),
        "polling loop": lambda text: rivals.poll(_new_id(), text),
        "blocking Lambda": lambda text: rivals.block(_new_id(), text),
    }
    stack.model.seconds = 0
    with step("The rivals, to warm up"):
        for work in ways.values():
            work(ONE_CALL)
    rows = []
    for name, text, seconds in RIVALS:
        stack.model.seconds = seconds
        with step(f"{name}, a model of {seconds:g} s, in three ways"):
            for way, work in ways.items():
                taken_up = counted(stack, partial(work, text))
                rows.append({"run": name, "way": way, "model_seconds": seconds, **taken_up})
    return rows


def counted(stack: Stack, work: Callable[[], object]) -> Json:
    """Do some work; return how long it took, and what it took of AWS."""
    seconds: list[float] = []

    def timed() -> None:
        start = time.monotonic()
        work()
        seconds.append(time.monotonic() - start)

    lines = stack.journal.during(timed)
    return {"wall_seconds": seconds[0], **figures(taken(lines))}


def figures(of: Taken) -> Json:
    """Return what was taken, as it is saved; `dollars` are for 1,000 of them."""
    return {
        "transitions": len(of.states),
        "invocations": len(of.functions),
        "billed_ms": of.milliseconds,
        "gigabyte_seconds": of.gigabyte_seconds,
        "read_units": of.read_units,
        "write_units": of.write_units,
        "read_bytes": of.read_bytes,
        "api_requests": of.api_requests,
        "requests": dict(sorted(of.requests.items())),
        "dollars": {service: 1_000 * price for service, price in dollars(of).items() if price},
    }


def _kinds(stack: Stack) -> dict[str, Callable[[], object]]:
    client = stack.client
    six_calls = "\n".join(f'call get_stock_price {{"symbol": "{symbol}"}}' for symbol in SYMBOLS)
    code = 'call code_interpreter {"code": "print(6 * 7)"}'
    with_code = stack.thread("say Good morning.")
    store = client.vector_stores.create(name="bench")
    file = client.files.create(
        file=("prices.txt", b"A share of ACME is worth 182.40 US dollars."), purpose="assistants"
    )
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    with_store = client.beta.threads.create(tool_resources={"file_search": {"vector_store_ids": [store.id]}}).id
    search = 'call file_search {"query": "What is ACME worth?"}'
    return {
        "plain answer": lambda: _by_the_api(stack, "say Good morning."),
        "plain answer, asked by another AWS service": lambda: _by_a_service(stack, "say Good morning."),
        "one server-side call": lambda: _by_the_api(stack, ONE_CALL),
        "six parallel server-side calls": lambda: _by_the_api(stack, six_calls),
        "one client-side call": lambda: _by_the_api(stack, "call ask {}"),
        "code interpreter, one call": lambda: _by_the_api(stack, code, with_code),
        "file search, one call": lambda: _by_the_api(stack, search, with_store),
        "the model busy once (429)": lambda: _by_the_api(stack, f"fail 429 times 1 retry after 1\nsay {_new_id()}"),
        "cancelled while the model works": lambda: _cancelled(stack),
        "failed, refused by the model": lambda: _by_the_api(stack, "fail 400", ends="failed"),
    }


def _by_the_api(stack: Stack, text: str, thread_id: str = "", ends: str = "completed") -> Run:
    """A run as a client of the `openai` package asks for it, polls it and reads its answer."""
    threads = stack.client.beta.threads
    assistant = stack.assistant if text.startswith("call") else stack.plain_assistant
    thread_id = thread_id or threads.create().id
    threads.messages.create(thread_id, role="user", content=text)
    run = threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant)
    if run.status == "requires_action":
        assert run.required_action
        calls = run.required_action.submit_tool_outputs.tool_calls
        run = threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=thread_id,
            tool_outputs=[{"tool_call_id": call.id, "output": "blue"} for call in calls],
        )
    assert run.status == ends, (run.status, run.last_error)
    threads.messages.list(thread_id, run_id=run.id)
    return run


def _by_a_service(stack: Stack, text: str) -> None:
    """A run as another AWS service asks for it."""
    machines = stack.aws("stepfunctions")
    request = {"assistant_id": stack.plain_assistant, "additional_messages": [{"role": "user", "content": text}]}
    started = machines.start_execution(
        stateMachineArn=stack.deployed.outputs["StateMachineArn"], input=json.dumps(request)
    )
    while machines.describe_execution(executionArn=started["executionArn"])["status"] == "RUNNING":
        time.sleep(0.05)


def _cancelled(stack: Stack) -> None:
    threads = stack.client.beta.threads
    thread_id = stack.thread("wait 5\nsay Good morning.")
    run = threads.runs.create(thread_id, assistant_id=stack.plain_assistant)
    while threads.runs.retrieve(run.id, thread_id=thread_id).status == "queued":
        time.sleep(0.1)
    with contextlib.suppress(openai.BadRequestError):  # It ended first.
        threads.runs.cancel(run.id, thread_id=thread_id)
    run = threads.runs.poll(run.id, thread_id=thread_id)
    assert run.status == "cancelled", run.status


def _new_id() -> str:
    return f"thread_{time.time_ns()}"
