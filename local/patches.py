"""Patches the emulator where it falls short of AWS.

Each function closes one gap of ministack 1.5.33, in its own process, and names the symptom that someone would see
without it. The infrastructure and the engine are written for AWS as documented and know nothing of this.
"""

import contextvars
import json
import random
import sys
import threading
import time
from typing import Any

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.services import lambda_svc, secretsmanager  # type: ignore[import-untyped]
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

from local import (
    patches_alarms,
    patches_api_ids,
    patches_cloudformation,
    patches_dynamodb_keys,
    patches_events,
    patches_gateway,
    patches_grants,
    patches_iam,
    patches_isolation,
    patches_lambda,
    patches_limits,
    patches_network,
    patches_requests,
    patches_snap_start,
    patches_speed,
    patches_streaming,
    patches_worker,
)

Json = Any  # what the emulator hands around: parsed JSON of any shape

_execution: contextvars.ContextVar[dict[str, Json]] = contextvars.ContextVar("execution")


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    treat_the_loopback_as_tls()
    allow_a_batch_of_messages_as_messages()
    name_a_secret_by_its_arn()
    find_no_value_of_an_empty_secret()
    report_that_a_function_is_throttled()
    have_a_mapping_invoke_what_it_names()
    evaluate_dynamic_timeouts()
    wait_between_retries_as_told()
    fail_a_token_task_whose_function_fails()
    keep_what_stopped_an_execution()
    start_the_same_execution_once()
    start_nested_executions_as_executions()
    give_a_succeed_state_its_output()
    patches_isolation.apply()
    if sys.platform == "linux":
        patches_lambda.apply(patches_isolation.tenant.get)
        patches_streaming.apply()  # Before the patches of what every integration has to pass first.
    else:
        patches_worker.apply()
    patches_snap_start.apply()
    patches_alarms.apply()
    patches_api_ids.apply()
    patches_cloudformation.apply()
    patches_events.apply()
    patches_dynamodb_keys.apply()
    patches_iam.apply()
    patches_grants.apply()
    patches_gateway.apply()
    patches_network.apply()
    patches_limits.apply(patches_isolation.tenant.get)
    patches_requests.apply()
    patches_speed.apply()


def treat_the_loopback_as_tls() -> None:
    """A bucket that refuses plain HTTP (`aws:SecureTransport`) answers every request with AccessDenied."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Json) -> Json:
        return "true" if key.lower() == "aws:securetransport" else original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def allow_a_batch_of_messages_as_messages() -> None:
    """`SendMessageBatch` is denied to whoever may `sqs:SendMessage`; AWS has no other action for it."""
    original = iam_actions.extract_iam_action

    def extract(*args: Json) -> Json:
        action = original(*args)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract


def name_a_secret_by_its_arn() -> None:
    """`Ref` of a secret gives its name: a policy or a variable that wants the ARN holds something else."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(physical_id: str) -> str:
        return next((name for name, secret in secretsmanager._secrets.items() if secret["ARN"] == physical_id), "")

    def create_by_arn(*args: Json) -> Json:
        _, attributes = create(*args)
        return attributes["Arn"], attributes

    def update_by_arn(physical_id: str, *args: Json) -> Json:
        _, attributes = update(name_of(physical_id), *args)
        return attributes["Arn"], attributes

    def delete_by_arn(physical_id: str, properties: Json) -> None:
        delete(name_of(physical_id), properties)

    handler.update(create=create_by_arn, update=update_by_arn, delete=delete_by_arn)


def find_no_value_of_an_empty_secret() -> None:
    """`GetSecretValue` of a secret that nobody gave a value answers without one; see ResourceNotFoundException."""
    handle = secretsmanager.handle_request

    async def handle_request(method: str, path: str, headers: Json, body: bytes, *args: Json, **more: Json) -> Json:
        answer = await handle(method, path, headers, body, *args, **more)
        asked = headers.get("x-amz-target", "").endswith(".GetSecretValue") and answer[0] == 200
        if not asked or {"SecretString", "SecretBinary"} & json.loads(answer[2]).keys():
            return answer
        message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
        return secretsmanager.error_response_json("ResourceNotFoundException", message, 400)

    secretsmanager.handle_request = handle_request


def report_that_a_function_is_throttled() -> None:
    """An invocation that Lambda refuses is a `Lambda.Unknown` to a state machine, and is not tried again.

    Nor does a function's reserved concurrency hold for its aliases.
    """
    call, reserved = sfn._call_lambda, lambda_svc._reserved_concurrency

    def call_lambda(function: Json, event: Json) -> Json:
        try:
            return call(function, event)
        except sfn._ExecutionError as error:
            if error.error == "Lambda.Unknown" and "TooManyRequestsException" in error.cause:
                raise sfn._ExecutionError("Lambda.TooManyRequestsException", error.cause) from None
            raise

    sfn._call_lambda = call_lambda
    lambda_svc._reserved_concurrency = lambda _, config: reserved(
        lambda_svc._functions.get(config["FunctionName"]), config
    )


def have_a_mapping_invoke_what_it_names() -> None:
    """An event source mapping that an update points to another alias goes on invoking the one that it was made with."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    update = handler["update"]

    def update_with_qualifier(physical_id: str, old: Json, new: Json, stack: str) -> Json:
        updated = update(physical_id, old, new, stack)
        mapping = lambda_svc._esms.get(updated[0])
        mapping["Qualifier"] = lambda_svc._resolve_name_and_qualifier(new["FunctionName"])[1]
        return updated

    handler["update"] = update_with_qualifier


def evaluate_dynamic_timeouts() -> None:
    """A `TimeoutSeconds` given as JSONata fails the execution."""
    execute = sfn._execute_task

    def execute_task(state: Json, raw_input: Json, execution: Json, context: Json) -> Json:
        _execution.set(execution)
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = sfn._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context)
            if seconds != int(seconds) or seconds < 1:
                raise sfn._ExecutionError(
                    "States.QueryEvaluationError", f"TimeoutSeconds must be a positive integer, but was: {seconds}"
                )
            state = {**state, "TimeoutSeconds": int(seconds)}
        return execute(state, raw_input, execution, context)

    sfn._execute_task = execute_task


def wait_between_retries_as_told() -> None:
    """`MaxDelaySeconds` and `JitterStrategy` are not read: a hundred throttled executions try again all at once."""
    find = sfn._find_matching_retrier

    def find_with_jitter(retriers: Json, error: str, counts: Json) -> tuple[Json, int]:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return retrier, index
        seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
        if retrier.get("JitterStrategy") == "FULL":
            seconds = random.uniform(0, seconds)
        return {**retrier, "IntervalSeconds": seconds, "BackoffRate": 1}, index

    sfn._find_matching_retrier = find_with_jitter


def fail_a_token_task_whose_function_fails() -> None:
    """A function that raises, invoked with a task token, leaves its state waiting until the timeout.

    Nor does StopExecution release a state that waits for its token, and the token goes on to be taken.
    """
    wait_for_others, stop = sfn._invoke_with_callback, sfn._stop_execution

    def invoke_with_callback(resource: str, arguments: Json, token: str, state: Json) -> Json:
        if "states:::lambda:invoke" not in resource:
            return wait_for_others(resource, arguments, token, state)
        execution, answered = _execution.get(), threading.Event()
        answer: Json = {"event": answered, "result": None, "error": None, "heartbeat": None, "execution": execution}
        sfn._task_tokens[token] = answer
        try:
            function = sfn._resolve_lambda_function_ref(arguments.get("FunctionName", ""), optimized=True)
            sfn._call_lambda(function, arguments.get("Payload", {}))
            answered.wait(state.get("TimeoutSeconds", 99999999))
            if not answered.is_set() or execution["status"] != "RUNNING":
                raise sfn._ExecutionError("States.Timeout", "")
        finally:
            sfn._task_tokens.pop(token, None)
        if answer["error"]:
            raise sfn._ExecutionError(answer["error"]["Error"], answer["error"]["Cause"])
        return json.loads(answer["result"])

    def stop_execution(request: Json) -> Json:
        answer = stop(request)
        for token, task in list(sfn._task_tokens.items()):
            if task.get("execution", {}).get("executionArn") == request["executionArn"]:
                sfn._task_tokens.pop(token, None)
                task["event"].set()
        return answer

    sfn._invoke_with_callback = invoke_with_callback
    sfn._stop_execution = stop_execution


def keep_what_stopped_an_execution() -> None:
    """An execution stopped while it waits is ABORTED, later FAILED, and its history goes on after the end."""
    add_event, fail = sfn._add_event, sfn._fail_execution

    def add_event_while_running(execution: Json, event_type: str, details: Json = None) -> Json:
        if execution["status"] == "RUNNING" or event_type.startswith("Execution"):
            return add_event(execution, event_type, details)
        return {}

    def fail_while_running(execution: Json, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    sfn._add_event = add_event_while_running
    sfn._fail_execution = fail_while_running


def start_the_same_execution_once() -> None:
    """A second StartExecution with the name and input of a running execution is refused; AWS answers with its ARN."""
    start = sfn._start_execution

    def start_execution(request: Json) -> Json:
        machine = sfn._resolve_state_machine_arn(request.get("stateMachineArn", ""))
        arn = f"{(machine or '').replace(':stateMachine:', ':execution:')}:{request.get('name')}"
        same = sfn._executions.get(arn)
        if same and same["status"] == "RUNNING" and same["input"] == request.get("input", "{}"):
            return sfn.json_response({"executionArn": arn, "startDate": same["startDate"]})
        return start(request)

    sfn._start_execution = start_execution


def start_nested_executions_as_executions() -> None:
    """`startExecution.sync` runs its child as an express workflow would: no events, and over one of the same name.

    A child that fails is reported under its own error, where AWS reports States.TaskFailed and describes it.
    """

    def invoke_and_wait(resource: str, arguments: Json) -> Json:
        arn = sfn._invoke_nested_start_execution(resource, arguments)["ExecutionArn"]
        child = sfn._executions[arn]
        while child["status"] == "RUNNING":
            time.sleep(0.02)
        described = {key[0].upper() + key[1:]: child[key] for key in _DESCRIBED if child.get(key) is not None}
        if child["status"] != "SUCCEEDED":
            raise sfn._ExecutionError("States.TaskFailed", json.dumps(described))
        if resource.endswith(":2"):
            described.update(Input=json.loads(child["input"]), Output=json.loads(child["output"]))
        return described

    sfn._invoke_nested_start_execution_sync = invoke_and_wait


_DESCRIBED = (
    *("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate"),
    *("input", "inputDetails", "output", "outputDetails", "error", "cause"),
)


def give_a_succeed_state_its_output() -> None:
    """`Output` of a Succeed state is ignored under JSONata: the execution ends with the state's input."""
    apply_output_path = sfn._apply_output_path

    def apply_output(state: Json, data: Json, context: Json = None) -> Json:
        if state.get("Type") == "Succeed" and sfn._state_query_language(state, context) == "JSONata":
            return sfn._apply_jsonata_output(state, data, context, default=data)
        return apply_output_path(state, data, context)

    sfn._apply_output_path = apply_output
