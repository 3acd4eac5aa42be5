"""Drives the deployed stack as another AWS service would: run requests in, executions and their histories out."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.resources import assistants
from assistant_engine.runs import control, creation, executions
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store, Window

GET_STOCK_PRICE = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
SEND_EMAIL = {"module_name": "finance", "class_name": "Finance", "function_name": "send_email"}
LABORATORY = [
    {"module_name": "laboratory", "class_name": "Laboratory", "function_name": name}
    for name in ("take", "die", "publish")
]
"""The functions of the tool that only the tests' stack has (`tests/tools`)."""

ASK = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}


def without_times(answer: Json) -> Json:
    """Return what a step or a tool answered, without the times that differ between deliveries."""
    return {name: told for name, told in answer.items() if name not in ("began_ms", "ended_ms")}


class Driver:
    """The state machine and the store of a deployed stack.

    `client` makes boto3 clients; `outputs` are the stack's.
    """

    def __init__(self, client: Callable[[str], Any], outputs: Mapping[str, str], model: str) -> None:
        self.client = cache(client)  # Each takes a quarter of a second to make.
        self.outputs = outputs
        self.step_functions = client("stepfunctions")
        self.state_machine_arn = outputs["StateMachineArn"]
        self.model = model
        self.store = Store()

    def assistant(self, **request: Any) -> str:
        """Create an assistant with both finance functions and the client's function `ask`; its id."""
        request = {"model": self.model, "functions": [GET_STOCK_PRICE, SEND_EMAIL], "tools": [ASK], **request}
        made = assistants.new_assistant(request, now_ms())
        self.store.assistants.create(made)
        return str(made["id"])

    def function_name(self, name: str) -> str:
        """The full name of one of the stack's functions."""
        return self.outputs["AssistantsTable"].removesuffix("assistants") + name

    def queue_url(self, name: str) -> str:
        """Return the address of one of the stack's queues."""
        return str(self.client("sqs").get_queue_url(QueueName=self.function_name(name))["QueueUrl"])

    def model_key(self) -> str:
        """The key that the stack calls the model with."""
        secret = self.client("secretsmanager").get_secret_value(SecretId=self.outputs["ModelSecret"])
        return str(secret["SecretString"])

    def log_lines(self, since: float) -> str:
        """Everything that the stack's functions and the state machine logged since a moment (seconds since 1970)."""
        logs = self.client("logs")
        lines = []
        for prefix in (f"/aws/lambda/{self.function_name('')}", f"/aws/vendedlogs/states/{self.function_name('')}"):
            for group in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]:
                pages = logs.get_paginator("filter_log_events").paginate(
                    logGroupName=group["logGroupName"], startTime=int(since * 1000)
                )
                lines += [event["message"] for page in pages for event in page["events"]]
        assert lines, "nothing was logged at all"
        return "\n".join(lines)

    def start(self, request: Any, name: str | None = None) -> str:
        """Start an execution; its ARN."""
        started = self.step_functions.start_execution(
            stateMachineArn=self.state_machine_arn, input=json.dumps(request), name=name or str(uuid.uuid4())
        )
        return str(started["executionArn"])

    def ask(self, assistant_id: str, text: str, **more: Any) -> str:
        """Start a run with one user message; the execution's ARN."""
        messages = [{"role": "user", "content": text}]
        return self.start({"assistant_id": assistant_id, "additional_messages": messages, **more})

    def created(self, text: str, **more: Any) -> Run:
        """A run with one user message as the HTTP API leaves it when it dies before it starts the execution."""
        messages = [{"role": "user", "content": text}]
        request = {"assistant_id": self.assistant(), "additional_messages": messages, **more}
        return creation.create(self.store, request, now_ms())

    def begin(self, text: str, **more: Any) -> Run:
        """Start a run with one user message as the HTTP API does."""
        run = self.created(text, **more)
        self.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        return run

    def execution(self, run: Run) -> str:
        """The ARN of the execution that drives a run."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{run.execution}"

    def invoke(self, function: str, event: Mapping[str, Any], **more: Any) -> Any:
        """Invoke one of the stack's functions; what it returns."""
        answer = self.client("lambda").invoke(
            FunctionName=self.function_name(function), Payload=json.dumps(event).encode(), **more
        )
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    def wait(self, execution: str, seconds: float = 180) -> Json:
        """Wait for the execution's end; its description."""
        described: Json = self._until(
            lambda: self.describe(execution),
            lambda described: described["status"] != "RUNNING",
            seconds,
        )
        return described

    def describe(self, execution: str) -> Json:
        """The execution's description: status, input, output or error."""
        described: Json = self.step_functions.describe_execution(executionArn=execution)
        return described

    def run(self, execution: str, seconds: float = 180) -> Json:
        """Wait for the execution to succeed; the run that it puts out."""
        described = self.wait(execution, seconds)
        assert described["status"] == "SUCCEEDED", (described.get("error"), described.get("cause"))
        output: Json = json.loads(described["output"])
        return output

    def history(self, execution: str) -> list[Json]:
        """All events of the execution."""
        pages = self.step_functions.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def states(self, execution: str) -> list[str]:
        """The names of the states that the execution entered, in order."""
        events = self.history(execution)
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def until_status(self, execution: str, status: str, seconds: float = 180) -> Run:
        """Wait until the run of the execution has the status."""

        def exited() -> list[Json]:
            return [e["stateExitedEventDetails"] for e in self.history(execution) if "stateExitedEventDetails" in e]

        ids = json.loads(self._until(exited, bool, seconds)[0]["output"])
        found: Run = self._until(
            lambda: self.store.runs.find(ids["thread_id"], ids["run_id"]),
            lambda run: run is not None and run.status == status,
            seconds,
        )
        return found

    def until(self, run: Run, *statuses: str, seconds: float = 180) -> Run:
        """Wait until the run's record has one of the statuses; the run."""
        found: Run = self._until(
            lambda: self.store.runs.get(run.thread_id, run.id), lambda seen: seen.status in statuses, seconds
        )
        return found

    def ended(self, run: Run, status: str, seconds: float = 180) -> Run:
        """Wait for the run's end, and hold all that is recorded of it against what every end promises; the run."""
        run = self.until(run, *TERMINAL, seconds=seconds)
        assert run.status == status, run.last_error
        steps = self.steps(run.thread_id, run.id)
        assert [step["id"] for step in steps if step["status"] == "in_progress"] == []
        counted = [step["usage"] for step in steps if step["usage"]]
        assert sum(usage["total_tokens"] for usage in counted) == run.usage.api()["total_tokens"]
        created = [step["step_details"]["message_creation"] for step in steps if step["type"] == "message_creation"]
        said = [message for message in self.messages(run.thread_id) if message["run_id"] == run.id]
        assert [message["id"] for message in said] == [creation["message_id"] for creation in created]
        thread = self.store.threads.get(run.thread_id)
        assert thread.active_run is None
        if thread.runs == 1:
            assert thread.usage == run.usage
        return run

    def messages(self, thread_id: str) -> list[Json]:
        """The thread's newest 100 messages, oldest first."""
        page = self.store.messages.page(ThreadId(thread_id), Window(limit=100, order="desc"))
        return list(page.objects)[::-1]

    def submit(self, run: Run, outputs: dict[str, str]) -> None:
        """Submit the client's outputs, by tool call id, and wake the execution."""
        given = [{"tool_call_id": call_id, "output": output} for call_id, output in outputs.items()]
        executions.wake(
            self.step_functions,
            control.submit_tool_outputs(self.store, run.thread_id, run.id, given, now_ms()),
        )

    def cancel(self, run: Run) -> Run:
        """Cancel a run as the HTTP API does; return it as it is then."""
        cancelled = control.cancel(self.store, run.thread_id, run.id, seconds_of(now_ms()))
        executions.wake(self.step_functions, cancelled)
        return cancelled

    def sweep(self, run: Run, *, at: int) -> None:
        """Run the scheduled sweep at a moment (seconds since 1970) when the run is due."""
        self.client("dynamodb").update_item(
            TableName=self.outputs["MessagesTable"],
            Key={"thread_id": {"S": run.thread_id}, "message_id": {"S": run.id}},
            UpdateExpression="SET due_at = :due",
            ExpressionAttributeValues={":due": {"N": str(at)}},
        )
        self.invoke("sweeper", {})

    def expire(self, run: Run) -> None:
        """Let a run's time be up, as if it had passed. An execution that waits already waits as long as before."""
        self.client("dynamodb").update_item(
            TableName=self.outputs["MessagesTable"],
            Key={"thread_id": {"S": run.thread_id}, "message_id": {"S": run.id}},
            UpdateExpression="SET expires_at = :now",
            ExpressionAttributeValues={":now": {"N": str(seconds_of(now_ms()))}},
        )

    def steps(self, thread_id: str, run_id: str) -> list[Json]:
        """The run's steps as the API shows them, oldest first."""
        return list(self.store.steps.page(ThreadId(thread_id), run_id, Window(limit=100, order="asc")).objects)

    def waiting_calls(self, run: Run) -> list[Json]:
        """The calls that the run waits for its client to answer."""
        tools = self.store.steps.pending(run)
        assert tools is not None
        return tools.unanswered(server=False)

    @staticmethod
    def _until(look: Callable[[], Any], enough: Callable[[Any], bool], seconds: float) -> Any:
        deadline, pause = time.monotonic() + seconds, 0.02
        while True:
            seen = look()
            if enough(seen):
                return seen
            assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {str(seen)[:500]}"
            time.sleep(pause)
            pause = min(2 * pause, 0.2)  # A plain run takes a tenth of a second.
