"""Probes of Lambda: the runtime, its layers, its limits, how it says that a function died."""

import io
import json
import re
import time
import zipfile
from collections import defaultdict
from functools import cache

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.temporary import actor, executed, function, layers_of, machine, told

INIT_SECONDS = 10
"""Lambda ends an initialisation that takes longer (Lambda's documentation, "Init phase")."""

MAX_MEMORY = 0.9
"""Of a function's memory that it may use: what it holds differs from run to run."""

PACKAGES = {
    "in_progress": ["openai", "assistant_engine.model.client"],
    "sandbox": ["numpy", "pandas", "matplotlib.pyplot", "seaborn"],
}
"""By the function that they are deployed with: the packages whose import takes longest."""


@probe(
    does="A function with the runtime and architecture of the deployed ones says what runs it.",
    expected="The Python and the processor that the deployed functions' configuration names.",
)
def runtime(account: Account) -> Seen:
    described = account.client("lambda").get_function_configuration(FunctionName=account.name("api"))
    declared = f"{described['Runtime']} on {described.get('Architectures', ['x86_64'])[0]}"
    found = told(account, actor(account), {"do": "look"})["result"]
    machine_name = {"aarch64": "arm64"}.get(found["machine"], found["machine"])
    seen = f"python{'.'.join(map(str, found['python']))} on {machine_name}"
    return Seen(f"{seen}, declared as {declared}", seen == declared)


@probe(
    does="A function without layers says which boto3 the runtime brings.",
    expected="One that knows Amazon S3 Vectors (1.39.5 or newer).",
)
def runtime_sdk(account: Account) -> Seen:
    found = told(account, actor(account), {"do": "sdk"})["result"]
    return Seen(f"boto3 {found['version']}, S3 Vectors {'known' if found['vectors'] else 'unknown'}", found["vectors"])


@cache
def _loaded(account: Account, like: str) -> Json:
    """Return what a function with the layers of a deployed one finds when it imports that one's packages."""
    name = f"layers-{like}"
    made = function(account, name, like=like, layers=layers_of(account, like))
    client = account.client("lambda")
    client.update_function_configuration(FunctionName=made, Timeout=60, MemorySize=1024)
    client.get_waiter("function_updated_v2").wait(FunctionName=made, WaiterConfig={"Delay": 1})
    answer = told(account, made, {"do": "load", "packages": PACKAGES[like]})
    if "error" in answer:
        raise Untried(f"a function with the layers of {like} failed with {answer['error']}")
    result: Json = answer["result"]
    return result


@probe(
    does="Functions with the layers of in_progress and of the sandbox import what those import.",
    expected="Every package is imported: its compiled parts fit the runtime.",
)
def layers(account: Account) -> Seen:
    failed = {name: error for like in PACKAGES for name, error in _loaded(account, like)["failed"].items()}
    names = sum(map(len, PACKAGES.values()))
    return Seen(f"not imported: {failed}" if failed else f"{names} packages imported", not failed)


@probe(
    does="The same functions look at the byte code of every module of a layer that the imports loaded.",
    expected="All of it is this Python's and unchecked, so that nothing is compiled again.",
)
def byte_code(account: Account) -> Seen:
    found = [_loaded(account, like) for like in PACKAGES]
    loaded, compiled = (sum(one[key] for one in found) for key in ("loaded", "compiled"))
    return Seen(f"{compiled} of {loaded} modules have byte code that is used", 0 < loaded == compiled)


@probe(
    does="A function starts Python as a child, with no variable but LD_LIBRARY_PATH.",
    expected="It starts.",
)
def child_libraries(account: Account) -> Seen:
    ended = told(account, actor(account), {"do": "child"})["result"]
    text = f"ended with status {ended['with']}; without the variable with {ended['without']}"
    return Seen(text, ended["with"] == 0)


@probe(
    does="A function of 256 MB takes 400.",
    expected="Lambda ends it as Runtime.OutOfMemory or Runtime.ExitError, which the state machine tries again.",
)
def memory_limit(account: Account) -> Seen:
    answer = told(account, actor(account), {"do": "fill", "megabytes": 400})
    if "error" not in answer:
        return Seen("it had 400 MB", False)
    ended = answer["error"] in {"Runtime.OutOfMemory", "Runtime.ExitError"} & _tried_again(account)
    return Seen(answer["error"], ended)


def _tried_again(account: Account) -> set[str]:
    """The error names that the deployed state machine tries a step again after."""
    described = account.client("stepfunctions").describe_state_machine(
        stateMachineArn=account.outputs["StateMachineArn"]
    )
    retries = json.loads(described["definition"])["States"]["queued"]["Retry"]
    return {name for retry in retries for name in retry["ErrorEquals"]}


CATCHING = {
    "call": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "{% $states.input.function %}", "Payload": "{% $states.input.event %}"},
        "Catch": [
            {"ErrorEquals": ["States.ALL"], "Output": {"error": "{% $states.errorOutput.Error %}"}, "Next": "done"}
        ],
        "Next": "done",
    },
    "done": {"Type": "Succeed"},
}


def _error_of(account: Account, machine_arn: str, name: str, **event: object) -> str:
    """The error name under which a state machine catches what becomes of a function."""
    described = executed(account, machine_arn, {"function": name, "event": event})
    return str(json.loads(described.get("output") or "{}").get("error", "none"))


@probe(
    does="A state machine catches the errors of a function that exits, that takes too long, and that raises.",
    expected="Names that the deployed machine tries again for the first two; the exception's class for the third.",
)
def error_names(account: Account) -> Seen:
    caught, made = machine(account, "catching", CATCHING), actor(account)
    seen = {
        "exit": _error_of(account, caught, made, do="leave"),
        "timeout": _error_of(account, caught, made, do="sleep", seconds=10),
        "exception": _error_of(account, caught, made, do="fail"),
    }
    known = _tried_again(account)
    as_documented = seen["exit"] in known and seen["timeout"] in known and seen["exception"] == "Planned"
    return Seen(", ".join(f"{what}: {name}" for what, name in seen.items()), as_documented)


@probe(
    does="A state machine invokes a function whose reserved concurrency is 0.",
    expected="Lambda.TooManyRequestsException, which the deployed machine tries again.",
)
def throttled_function(account: Account) -> Seen:
    made = function(account, "throttled")
    account.client("lambda").put_function_concurrency(FunctionName=made, ReservedConcurrentExecutions=0)
    caught = machine(account, "throttled", CATCHING)
    name = _error_of(account, caught, made, do="look")
    return Seen(name, name == "Lambda.TooManyRequestsException")


@probe(
    does="A function goes on with a layer whose version is deleted.",
    expected="It imports what the layer holds.",
)
def deleted_layer(account: Account) -> Seen:
    client, name = account.client("lambda"), f"{account.own_prefix}-layer"
    own = _publish_small_layer(account, name)
    made = function(account, "deleted-layer", layers=[own])
    client.delete_layer_version(LayerName=name, VersionNumber=int(own.rpartition(":")[2]))
    answer = told(account, made, {"do": "load", "packages": ["verify_layer"]})
    imported = answer.get("result", {}).get("failed") == {}
    return Seen("imported" if imported else f"not imported: {answer}", imported)


def _publish_small_layer(account: Account, name: str) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("python/verify_layer.py", "")
    client = account.client("lambda")
    made = client.publish_layer_version(LayerName=name, Content={"ZipFile": package.getvalue()})
    arn, version = str(made["LayerVersionArn"]), made["Version"]
    account.later(f"layer {name}", lambda: client.delete_layer_version(LayerName=name, VersionNumber=version))
    return arn


@probe(
    does="Reads the reports of the stack's functions in their logs of the last day.",
    expected=f"Each initialises within the {INIT_SECONDS} s that Lambda gives it.",
)
def cold_starts(account: Account) -> Seen:
    times = _reported(account, "initDurationMs")
    if not times:
        raise Untried("no function has reported an initialisation within the last day")
    text = ", ".join(f"{name} {sorted(found)[len(found) // 2][0]:.0f} ms" for name, found in sorted(times.items()))
    longest = max(milliseconds for found in times.values() for (milliseconds,) in found)
    return Seen(f"median of each: {text}; longest {longest:.0f} ms", longest < 1000 * INIT_SECONDS)


@probe(
    does="Reads the reports of the stack's functions in their logs of the last day.",
    expected=f"None uses more than {MAX_MEMORY:.0%} of its memory. How long each takes is written down.",
)
def memory_used(account: Account) -> Seen:
    reports = _reported(account, "maxMemoryUsedMB", "memorySizeMB", "durationMs")
    if not reports:
        raise Untried("no function has reported its memory within the last day")
    most = {name: max(found, key=lambda report: report[0] / report[1]) for name, found in reports.items()}
    times = {name: sorted(milliseconds for *_, milliseconds in found) for name, found in reports.items()}
    text = ", ".join(
        f"{name} {used:.0f} of {size:.0f} MB in {times[name][len(times[name]) // 2]:.0f} ms"
        for name, (used, size, _) in sorted(most.items())
    )
    within = all(used <= MAX_MEMORY * size for used, size, _ in most.values())
    return Seen(f"most memory, median time: {text}", within)


def _reported(account: Account, *figures: str) -> dict[str, list[tuple[float, ...]]]:
    """What the functions' reports of the last day say of figures, by the function's name; those that have them all."""
    logs, found = account.client("logs"), defaultdict(list)
    for group in account.log_groups():
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int((time.time() - 86_400) * 1000), filterPattern=f'"{figures[0]}"'
        )
        for event in (event for page in pages for event in page["events"]):
            values = [re.search(rf'"{figure}":\s*([\d.]+)', event["message"]) for figure in figures]
            if all(values):
                told = tuple(float(value[1]) for value in values if value)
                found[group.removeprefix(f"/aws/lambda/{account.prefix}-")].append(told)
    return found
