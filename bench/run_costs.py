"""Counts what a run costs: states, invocations, requests and units, and US dollars for 1,000 runs.

`python -m bench.run_costs` brings up a local stack of its own. Each kind of run is taken twice:

- by the deployed state machine, whose history tells the states that the run entered;
- in this process, by the same handlers against the same tables, with the deployed functions' own environment. Here
  every request is seen, and what it costs on AWS follows from the items' sizes (`bench.capacity`). That both invoke the
  same functions in the same order is checked.

A function's time is an estimate: the CPU time that its handler takes here, longer by the share of a vCPU that its
memory gives it, and `REQUEST_SECONDS` for each request to AWS. The model's price is left out, and so is the time that a
function waits for it, which is given for each second.
"""

import importlib
import json
import os
import shutil
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench.meter import Meter, Requests
from layers.build import CACHE
from local import up as local
from local.tools import ROOT

if TYPE_CHECKING:
    from assistant_engine.store import Store

Json = dict[str, Any]

DIRECTORY = ROOT / ".local" / "bench"
PORT = 4800
TIMES = 7
"""How often each run is timed; the median counts."""

REQUEST_SECONDS = 0.005
"""What a request to DynamoDB or S3 is taken to last: theirs is "single-digit milliseconds"."""

VCPU_MEGABYTES = 1769
"""The memory at which a function has one vCPU (Lambda's documentation); less gives a share of it."""

CONDITIONS = "us-east-1, without free tiers"
STATE = 0.025 / 1_000
INVOCATION = 0.20 / 1_000_000
GIGABYTE_SECOND = 0.0000133334
READ_UNIT = 0.125 / 1_000_000
WRITE_UNIT = 0.625 / 1_000_000
API_REQUEST = 1.00 / 1_000_000

STEPS = ("queued", "in_progress", "requires_action", "record_failure", "sweeper")
SYMBOLS = ("ACME", "BRIO", "CYAN", "DUNE", "EPIC", "FERN")
TEXT = "Thirty words of small talk, so that a message is about as long as those that people write. " * 3
FUNCTION = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
ASK = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}


@dataclass
class Taken:
    """What one run took in this process.

    Attributes:
        invoked: the functions' names in order, those of the HTTP API among them.
        seconds, gigabyte_seconds: of the functions.
        api_requests: to the HTTP API.
    """

    invoked: list[str] = field(default_factory=list)
    seconds: float = 0
    gigabyte_seconds: float = 0
    api_requests: int = 0
    requests: Requests = field(default_factory=Requests)


class Here:
    """The deployed functions in this process, and the state machine's part played around them."""

    def __init__(self, stack: local.Local) -> None:
        self._stack = stack
        self._prefix = stack.outputs["AssistantsTable"].removesuffix("assistants")
        self._taken = Taken()
        self._handlers: dict[str, Callable[[Json, Any], Json]] = {}
        self._megabytes: dict[str, int] = {}
        os.environ.update(stack.settings)
        sys.path[:0] = [str(CACHE / "host" / "engine" / "python")]
        self.meter = Meter(stack.client)
        for name in STEPS:
            self._load(name, "steps", name)
        self._load("tool-finance", "tools/finance", "finance")
        self._load("api", "api", "api")

    def _load(self, name: str, folder: str, module: str) -> None:
        deployed = self._stack.client("lambda").get_function_configuration(FunctionName=self._prefix + name)
        os.environ.update(deployed["Environment"]["Variables"])
        self._megabytes[name] = deployed["MemorySize"]
        sys.path.insert(0, str(ROOT / "lambdas" / folder))
        self._handlers[name] = importlib.import_module(module).handler

    def invoke(self, name: str, event: Json) -> Any:
        """Invoke a function; its answer."""
        megabytes = self._megabytes[name]
        asked = self.meter.requests.total
        start = time.process_time()
        answer = self._handlers[name](event, None)
        if self.meter.counts:
            # Counting takes time of its own, so the CPU's is taken when nothing is counted.
            seconds = (self.meter.requests.total - asked) * REQUEST_SECONDS
        else:
            seconds = (time.process_time() - start) / min(1.0, megabytes / VCPU_MEGABYTES)
        self._taken.invoked.append(name)
        self._taken.seconds += seconds
        self._taken.gigabyte_seconds += seconds * megabytes / 1024
        return answer

    def api(self, method: str, path: str, body: Json | None = None) -> Json:
        """A request to the HTTP API; the object that it answers."""
        event = {
            "version": "2.0",
            "rawPath": f"/v1{path}",
            "rawQueryString": "",
            "headers": {"authorization": f"Bearer {self._stack.settings['ASSISTANTS_API_KEY']}"},
            "requestContext": {
                "requestId": "bench",
                "stage": "$default",
                "http": {"method": method, "path": f"/v1{path}"},
            },
            "body": json.dumps(body) if body else None,
            "isBase64Encoded": False,
        }
        answer = self.invoke("api", event)
        assert answer["statusCode"] == 200, answer["body"]
        self._taken.api_requests += 1
        parsed: Json = json.loads(answer["body"])
        return parsed

    def execute(self, request: Json) -> None:
        """Go from state to state as the state machine does; the client answers each of its calls with a word."""
        execution = {"name": str(uuid.uuid4()), "arn": f"arn:{uuid.uuid4()}", "start_time": "2026-01-01T00:00:00Z"}
        execution["name"] = request.get("run_id", execution["name"])
        run = self.invoke("queued", {"request": request, "execution": execution})
        ids = {"thread_id": run["thread_id"], "run_id": run["run_id"]}
        told: Json = run
        outputs: list[Json] = []
        while True:
            event = {**ids, "turn": told["turn"], "execution": execution["name"], "outputs": outputs}
            told, outputs = self.invoke("in_progress", event), []
            match told["status"]:
                case "call_tools":
                    outputs = [self._call_tool(call) for call in told["calls"]]
                case "requires_action":
                    self.invoke("requires_action", {**ids, "turn": told["turn"], "token": "token"})
                    self._submit(**ids)
                case status:
                    assert status == "completed", told
                    return

    def _call_tool(self, call: Json) -> Json:
        function = call["function"].split(":")[6].removeprefix(self._prefix)
        output: Json = self.invoke(function, call["payload"])
        return output

    def _submit(self, thread_id: str, run_id: str) -> None:
        from assistant_engine.step import store

        self.meter.counts, counts = False, self.meter.counts
        tools = store().steps.pending(store().runs.get(thread_id, run_id))
        self.meter.counts = counts
        assert tools
        outputs = [{"tool_call_id": call["id"], "output": "blue"} for call in tools.unanswered(server=False)]
        self.api("POST", f"/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", {"tool_outputs": outputs})

    def take(self, work: Callable[[], None]) -> Taken:
        """Do some work to warm up, once more to count, and then to time it."""
        work()
        self._taken = Taken()
        self.meter.reset()
        work()
        counted = self._taken
        counted.requests = self.meter.reset()
        self.meter.counts = False
        timed = []
        for _ in range(TIMES):
            self._taken = Taken()
            work()
            timed.append(self._taken)
        self.meter.counts = True
        counted.seconds += statistics.median(taken.seconds for taken in timed)
        counted.gigabyte_seconds += statistics.median(taken.gigabyte_seconds for taken in timed)
        return counted


@dataclass
class Deployed:
    """The deployed state machine."""

    stack: local.Local
    store: "Store"

    def states(self, request: Json) -> list[str]:
        """Take a run by the state machine; the states that it entered."""
        step_functions = self.stack.client("stepfunctions")
        execution = step_functions.start_execution(
            stateMachineArn=self.stack.outputs["StateMachineArn"], input=json.dumps(request)
        )["executionArn"]
        while (described := step_functions.describe_execution(executionArn=execution))["status"] == "RUNNING":
            self._answer(execution)
            time.sleep(0.2)
        assert described["status"] == "SUCCEEDED", described
        entered = []
        for event in self._history(execution):
            if "stateEnteredEventDetails" in event:
                entered.append(event["stateEnteredEventDetails"]["name"])
                if entered[-1] == "call_tools":
                    # The emulator's history leaves out the states inside a Map.
                    calls = json.loads(event["stateEnteredEventDetails"]["input"])["calls"]
                    entered += ["call_tool"] * len(calls)
        return entered

    def _history(self, execution: str) -> list[Json]:
        pages = self.stack.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]

    def _answer(self, execution: str) -> None:
        """Submit the client's outputs if the run waits for them."""
        from assistant_engine import runs

        exited = [e["stateExitedEventDetails"] for e in self._history(execution) if "stateExitedEventDetails" in e]
        if not exited:
            return
        ids = json.loads(exited[0]["output"])
        run = self.store.runs.get(ids["thread_id"], ids["run_id"])
        tools = self.store.steps.pending(run)
        if run.status == "requires_action" and tools:
            given = [{"tool_call_id": call["id"], "output": "blue"} for call in tools.unanswered(server=False)]
            submitted = runs.submit_tool_outputs(self.store, run.thread_id, run.id, given, int(time.time()))
            runs.wake(self.stack.client("stepfunctions"), submitted)


def invoked_by(states: list[str]) -> list[str]:
    """The functions that these states invoke."""
    names = {"call_tool": "tool-finance", **{name: name for name in STEPS}}
    return [names[state] for state in states if state in names]


@dataclass(frozen=True)
class Row:
    """A kind of run and what it took."""

    name: str
    states: list[str]
    taken: Taken

    @property
    def prices(self) -> dict[str, float]:
        """US dollars for 1,000 of them, by service."""
        taken, requests = self.taken, self.taken.requests
        written = requests.write_units + requests.index_write_units
        by_service = {
            "Step Functions": len(self.states) * STATE,
            "Lambda": len(taken.invoked) * INVOCATION + taken.gigabyte_seconds * GIGABYTE_SECOND,
            "DynamoDB": requests.read_units * READ_UNIT + written * WRITE_UNIT,
            "HTTP API": taken.api_requests * API_REQUEST,
        }
        return {service: 1_000 * price for service, price in by_service.items()}


def measure(stack: local.Local) -> list[Row]:
    """Take every kind of run."""
    here = Here(stack)
    from assistant_engine import assistants
    from assistant_engine.records import DEFAULT_PROJECT
    from assistant_engine.step import store

    deployed = Deployed(stack, store(DEFAULT_PROJECT))
    definition = {"model": stack.model, "functions": [FUNCTION], "tools": [ASK]}
    assistant = assistants.new_assistant(definition, int(time.time() * 1000))
    deployed.store.assistants.create(assistant)

    def request(text: str, **more: Any) -> Json:
        messages = [{"role": "user", "content": text}]
        return {"assistant_id": assistant["id"], "additional_messages": messages, **more}

    one_call = 'call get_stock_price {"symbol": "ACME"}'
    six_calls = "\n".join(f'call get_stock_price {{"symbol": "{symbol}"}}' for symbol in SYMBOLS)
    asked = {
        "plain answer": request("say Good morning."),
        "one server-side call": request(one_call),
        "six parallel server-side calls": request(six_calls),
        "one client-side call": request("call ask {}"),
        "plain answer, 20 KB of instructions": request("say Good morning.", instructions=TEXT * (20_000 // len(TEXT))),
        **{
            f"plain answer, thread of {count:,}": request("say Hello.", thread_id=filled_thread(deployed.store, count))
            for count in (1_000, 10_000)
        },
    }
    rows = []
    for name, run_request in asked.items():
        states = deployed.states(run_request)
        taken = here.take(lambda wanted=run_request: here.execute(wanted))  # type: ignore[misc]
        stepped = [function for function in taken.invoked if function != "api"]
        assert stepped == invoked_by(states), (stepped, states)
        rows.append(Row(name, states, taken))

    thread = here.api("POST", "/threads", {})

    def by_the_api() -> None:
        path = f"/threads/{thread['id']}"
        here.api("POST", f"{path}/messages", {"role": "user", "content": "say Good morning."})
        run = here.api("POST", f"{path}/runs", {"assistant_id": assistant["id"]})
        here.api("GET", f"{path}/runs/{run['id']}")
        here.execute({"thread_id": thread["id"], "run_id": run["id"]})
        here.api("GET", f"{path}/runs/{run['id']}")
        here.api("GET", f"{path}/messages")

    rows.insert(1, Row("plain answer by the HTTP API", rows[0].states, here.take(by_the_api)))
    rows.append(Row("sweep, nothing due", [], here.take(lambda: here.invoke("sweeper", {}))))
    return rows


def filled_thread(store: "Store", count: int) -> str:
    """A thread of so many messages, written as a client's would be, a transaction full at a time."""
    from assistant_engine import conversation, runs

    now = int(time.time() * 1000)
    thread, _ = runs.new_thread({}, f"thread_bench{uuid.uuid4().hex}", now)
    store.threads.create(thread, [])
    message = conversation.new_message({"role": "user", "content": TEXT}, now // 1000)
    while count > 0:
        head = store.threads.get(thread.id)
        batch = store.threads.stamp([message] * min(count, 90), head.last_ms + 1, thread.id)
        last_ms = head.last_ms + len(batch)
        store.database.transact([store.threads.advance(head, batch, last_ms), *store.threads.put_messages(batch)])
        count -= len(batch)
    return thread.id


def show(rows: list[Row]) -> None:
    """Print the figures."""
    console = Console(width=175, highlight=False)
    counted = Table(title="Counted, one run on warm functions")
    for column in ("run", "states", "invocations", "DynamoDB requests", "read units", "write units", "other requests"):
        counted.add_column(column, justify="left" if column in ("run", "DynamoDB requests") else "right")
    for row in rows:
        requests = row.taken.requests
        counts = requests.counts
        other = ", ".join(f"{name} {count}" for name, count in counts.items() if ":" in name)
        kinds = [f"{name} {count}" for name, count in counts.items() if ":" not in name]
        counted.add_row(
            row.name,
            str(len(row.states)),
            str(len(row.taken.invoked)),
            ", ".join(kinds) + (f" ({requests.written} items)" if requests.written else ""),
            f"{requests.read_units:g}",
            f"{requests.write_units} + {requests.index_write_units} index",
            other or "-",
        )
    console.print(counted)

    services = list(rows[0].prices)
    priced = Table(title=f"US dollars for 1,000 ({CONDITIONS}), model and waiting for it left out")
    for column in ("run", *services, "total", "Lambda ms"):
        priced.add_column(column, justify="left" if column == "run" else "right")
    for row in rows:
        prices = [row.prices[service] for service in services]
        cells = [f"{price:.4f}" for price in (*prices, sum(prices))]
        priced.add_row(row.name, *cells, f"{1_000 * row.taken.seconds:.0f}")
    console.print(priced)
    for megabytes in (1024, 1769):
        waiting = 1_000 * (megabytes / 1024 * GIGABYTE_SECOND + 0.25 * READ_UNIT)
        console.print(f"Each second that the model takes, at {megabytes:,} MB: {waiting:.4f} for 1,000 runs.")


def main() -> None:
    """Bring the stack up, measure, print and take it down."""
    try:
        show(measure(local.up(DIRECTORY, preferred_port=PORT, use_real_model=False, step=local.shown)))
    finally:
        local.down(DIRECTORY)
        shutil.rmtree(DIRECTORY, ignore_errors=True)


if __name__ == "__main__":
    main()
