"""Runs the emulator's Lambda functions on Linux, in the environments of `local.environments`.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import contextvars
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import PriorityQueue
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import cloudwatch_logs, lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

from local.environment import Outcome, Version
from local.environments import MAX_IDLE_ENVIRONMENTS, Function
from local.function_files import FunctionFiles, place_of_files
from local.patches_snap_start import has_snapshot, take_snapshots_with

Json = Any

FRESH_STARTS = "fresh-starts"
"""While a file of this name is in the emulator's temporary folder, each environment starts from nothing."""

AHEAD = "INITIALISED_AHEAD"
"""The variable with the names of the functions whose versions are initialised ahead of their calls."""
MAX_INITIALISED_AT_ONCE = 2

on_chunk: contextvars.ContextVar[Callable[[bytes], None] | None] = contextvars.ContextVar("on_chunk", default=None)
"""Gets the pieces of a streamed answer of the invocation that is made in this context."""

observers: list[Callable[[Json, Outcome], None]] = []
"""Called with a function's configuration and each invocation's outcome."""


def apply(tenant: Callable[[], str]) -> None:
    """Patch the emulator; `tenant` tells the tenant that the current invocation is for."""
    folder = Path(tempfile.gettempdir())
    functions = _Functions(FunctionFiles(place_of_files(folder, "functions")), lambda: (folder / FRESH_STARTS).exists())
    run_functions_under_aws_s_client(functions, tenant)
    stop_the_environments_of_what_is_no_more(functions)
    take_snapshots_with(lambda config, code: functions.get(config, code).initialise())
    initialise_ahead(functions, os.environ.pop(AHEAD, "").split())


class _Functions:
    """The versions of functions that have been invoked."""

    def __init__(self, files: FunctionFiles, starts_fresh: Callable[[], bool]) -> None:
        self._files, self._starts_fresh = files, starts_fresh
        self._lock = threading.Lock()
        self._functions: dict[tuple[str, str, str, str], Function] = {}

    def get(self, config: Json, code: bytes) -> Function:
        account, region = lambda_runtime._account_region_from_function_config(config)
        key = (account, region, config["FunctionName"], config.get("Version", "$LATEST"))
        with self._lock:
            if key not in self._functions:
                version = _version(config, code, self._files)
                self._functions[key] = Function(version, self._files, self._starts_fresh)
            return self._functions[key]

    def stop_the_longest_idle(self) -> None:
        """Stop idle environments as long as there are too many."""
        with self._lock:
            functions = list(self._functions.values())
        idle = [
            (environment.last_used, function, environment) for function in functions for environment in function.idle
        ]
        idle.sort(key=lambda one: one[0])
        for _, function, environment in idle[:-MAX_IDLE_ENVIRONMENTS]:
            function.stop_idle(environment)

    def retire(self, matches: Callable[[tuple[str, str, str, str]], bool]) -> None:
        with self._lock:
            retired = [self._functions.pop(key) for key in list(self._functions) if matches(key)]
        for function in retired:
            function.retire()


def run_functions_under_aws_s_client(functions: _Functions, tenant: Callable[[], str]) -> None:
    """Functions run under a script of the emulator's that differs from AWS's runtime in what it raises and logs."""
    execute, emit = lambda_svc._execute_function_warm, lambda_svc._emit_lambda_logs

    def is_python(function: Json) -> bool:
        config = function.get("config") or function
        return bool(config.get("Runtime", "").startswith("python") and function.get("code_zip"))

    def execute_in_environment(function: Json, event: Json, request_id: str) -> Json:
        if not is_python(function):
            return execute(function, event, request_id)
        config = function.get("config") or function
        outcome = functions.get(config, function["code_zip"]).invoke(
            request_id,
            json.dumps(event).encode(),
            config.get("FunctionArn", ""),
            # Without active tracing, AWS gives an id as well, of a trace that isn't kept.
            lambda_svc._xray_trace_id_for_invocation({**config, "TracingConfig": {"Mode": "Active"}}),
            tenant(),
            on_chunk.get(),
        )
        _write_logs(config, request_id, outcome)
        for observe in observers:
            observe(config, outcome)
        functions.stop_the_longest_idle()
        streamed = outcome.answer.streamed and not outcome.answer.failed
        result = {
            # Without a listener, a streamed answer is what it is: text, or some of it.
            "body": outcome.answer.body.decode(errors="replace")
            if streamed
            else json.loads(outcome.answer.body or b"null"),
            "log": "\n".join(line for _, line in outcome.lines),
        }
        return {**result, "error": True} if outcome.answer.failed else result

    def emit_unless_written(function: Json, *args: Json, **more: Json) -> None:
        if not is_python(function):
            emit(function, *args, **more)

    lambda_svc._execute_function_warm = execute_in_environment
    lambda_svc._emit_lambda_logs = emit_unless_written


def stop_the_environments_of_what_is_no_more(functions: _Functions) -> None:
    """Environments of a function that was changed or deleted would serve on."""
    invalidate, reset = lambda_svc.invalidate_worker, lambda_runtime.reset

    def invalidate_environments(name: str, qualifier: str = "", account: str = "", region: str = "") -> None:
        wanted = (account, region, name, qualifier)
        functions.retire(lambda key: all(not want or want == has for want, has in zip(wanted, key, strict=True)))
        invalidate(name, qualifier or None, account or None, region or None)

    def reset_environments() -> None:
        functions.retire(lambda _: True)
        reset()

    lambda_svc.invalidate_worker = invalidate_environments
    lambda_runtime.reset = reset_environments


def initialise_ahead(functions: _Functions, names: Sequence[str]) -> None:
    """The first run waits for one function after the other; AWS initialises some before they are called.

    Of the versions that wait for it, the one whose function is named first comes first.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html ("Cold starts and latency").
    """
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Version"]
    create = handler["create"]
    pool = ThreadPoolExecutor(MAX_INITIALISED_AT_ONCE, "initialises-ahead")
    waiting: PriorityQueue[tuple[int, str, Json, bytes]] = PriorityQueue()

    def initialise_next() -> None:
        *_, config, code = waiting.get()
        functions.get(config, code).initialise()

    def create_and_initialise(logical_id: str, properties: Json, stack: str) -> Json:
        arn, attributes = create(logical_id, properties, stack)
        *_, name, version = arn.split(":")
        if name in names:
            record, config = lambda_svc._get_func_record_for_qualifier(name, version)
            waiting.put((names.index(name), arn, config, record["code_zip"]))
            pool.submit(initialise_next)
        return arn, attributes

    handler["create"] = create_and_initialise


def _version(config: Json, code: bytes, files: FunctionFiles) -> Version:
    layers = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers", [])]
    code_folder, layers_folder = files.unpacked([code]), files.unpacked([layer for layer in layers if layer])
    return Version(
        name=config["FunctionName"],
        version=config.get("Version", "$LATEST"),
        handler=config["Handler"],
        memory=config.get("MemorySize", 128) * 2**20,
        timeout=float(config.get("Timeout", 3)),
        variables=_variables(config, files, code_folder),
        code=code_folder,
        layers=layers_folder,
        has_tenants="TenancyConfig" in config,
    )


def _variables(config: Json, files: FunctionFiles, code: Path) -> dict[str, str]:
    """Return the variables of a function: its own, and those that Lambda sets.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. The endpoint is the emulator's, as if the
    function had it in its own configuration.
    """
    _, region = lambda_runtime._account_region_from_function_config(config)
    logging = config.get("LoggingConfig") or {}
    task, runtime, lang = files.task(code), files.runtime, files.lang
    port = os.environ.get("GATEWAY_PORT", "4566")
    variables = {
        "AWS_ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),
        **config.get("Environment", {}).get("Variables", {}),
        "_HANDLER": config["Handler"],
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if has_snapshot(config) else "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}",
        **lambda_runtime.execution_credentials(config),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": runtime,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{lang}/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LD_LIBRARY_PATH": f"{lang}/lib:/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:/opt/lib",
        "PYTHONPATH": runtime,
    }
    if logging.get("LogFormat") == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel", "INFO")
    return variables


def _write_logs(config: Json, request_id: str, outcome: Outcome) -> None:
    """Write an invocation's lines into the log, between those of the platform."""
    logging = config.get("LoggingConfig") or {}
    group_name = logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    end = time.time()
    start = end - outcome.seconds
    first, last = _platform_lines(config, request_id, outcome, start, end)
    now = int(end * 1000)
    events = [
        {"timestamp": int(at * 1000), "message": line, "ingestionTime": now}
        for at, line in (*((start, line) for line in first), *outcome.lines, *((end, line) for line in last))
    ]
    groups = cloudwatch_logs._log_groups
    if group_name not in groups:
        if config["FunctionName"] not in lambda_svc._functions:
            return  # Deleted, and its group with it: a new one would be in the way of the next stack.
        group: Json = {
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
            "creationTime": now,
        }
        groups[group_name] = {**group, "arn": cloudwatch_logs._make_group_arn(group_name)}
    stream = groups[group_name]["streams"].setdefault(
        outcome.log_stream,
        {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        },
    )
    cloudwatch_logs._append_log_events(stream, events)
    told = [{"timestamp": event["timestamp"], "message": event["message"]} for event in events]
    cloudwatch_logs._fanout_to_subscription_filters(group_name, outcome.log_stream, told)


def _platform_lines(
    config: Json, request_id: str, outcome: Outcome, start: float, end: float
) -> tuple[list[str], list[str]]:
    """Return what Lambda itself logs before and after an invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html.
    """
    version, megabytes = config.get("Version", "$LATEST"), config.get("MemorySize", 128)
    milliseconds = outcome.seconds * 1000
    logging = config.get("LoggingConfig") or {}
    if logging.get("LogFormat") == "JSON":
        if logging.get("SystemLogLevel", "INFO") == "WARN":
            return [], []
        metrics = {"durationMs": round(milliseconds, 3), "memorySizeMB": megabytes}
        report = {"requestId": request_id, "metrics": metrics, "status": outcome.status}
        if outcome.answer.failed:
            report["errorType"] = json.loads(outcome.answer.body).get("errorType", "")
        return (
            [_platform_event(start, "platform.start", {"requestId": request_id, "version": version})],
            [_platform_event(end, "platform.report", report)],
        )
    lines = []
    if outcome.status == "timeout":
        moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        lines.append(f"{moment}Z {request_id} Task timed out after {config.get('Timeout', 3):.2f} seconds")
    elif outcome.status == "failure":
        lines.append(json.loads(outcome.answer.body)["errorMessage"])
    report_line = (
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {megabytes} MB"
    )
    return (
        [f"START RequestId: {request_id} Version: {version}"],
        [*lines, f"END RequestId: {request_id}", report_line],
    )


def _platform_event(at: float, kind: str, record: Json) -> str:
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return json.dumps({"time": moment, "type": kind, "record": record}, separators=(",", ":"))
