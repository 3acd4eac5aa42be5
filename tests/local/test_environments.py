"""Checks that a Lambda function finds in its execution environment what it finds on AWS, and ends as it does there.

The promises are of https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html and the pages below it.
"""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import emulator
from local.environments import MAX_ENVIRONMENTS
from local.paths import ROOT
from tests.support.functions import HOLD, OFTEN, Deployed, deploy, function

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the emulator's own workers run functions")

CODE = (
    """
import json, logging, os, random, subprocess, sys, tempfile, threading, time, uuid, warnings

logging.getLogger().setLevel("INFO")
AT_IMPORT = os.getpid()
open(f"{tempfile.gettempdir()}/at-import", "w").close()
PAIR = __import__("socket").socketpair()

class Broken(Exception): pass

def handler(event, context):
    if "hold" in event: hold(event)
    match event.get("do"):
        case "raise": raise Broken("it is broken")
        case "exit": sys.exit(3)
        case "end": os._exit(0)
        case "die": os.kill(os.getpid(), 9)
        case "sleep": time.sleep(event["seconds"])
        case "log":
            logging.getLogger().info("from %s", "logging")
            logging.getLogger().debug("too low")
            print("printed")
        case "write":
            with open(os.path.join(tempfile.gettempdir(), event["path"]), "a") as file: file.write("x")
        case "allocate":
            held = bytearray(event["bytes"])
            for place in range(0, len(held), 4096): held[place] = 1
        case "linger":
            subprocess.Popen(["sleep", event["mark"]], start_new_session=True)
            subprocess.run(["sh", "-c", f"sleep {event['mark']} & :"])
            time.sleep(event["seconds"])
        case "large": return "x" * event["bytes"]
        case "child":
            command = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.path))"]
            done = subprocess.run(command, env=event.get("environment"), capture_output=True, text=True)
            return [done.returncode, done.stdout, done.stderr]
        case "import": __import__(event["module"])
    return {
        "pid": os.getpid(), "at_import": AT_IMPORT, "environment": dict(os.environ), "path": sys.path,
        "tmp": sorted(os.listdir(tempfile.gettempdir())), "stream": context.log_stream_name,
        "random": [random.random(), str(uuid.uuid4()), tempfile.mktemp()],
        "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
        "id": context.aws_request_id,
        "connection": PAIR[0].recv(1, 64).decode() if event.get("do") == "receive" else None,
    }
"""
    + HOLD
)
THREADS = "import threading, time, os\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" + (
    "AT_IMPORT = os.getpid()\ndef handler(event, context): return [AT_IMPORT, os.getpid(), threading.active_count()]"
)
JSON_LOGS = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
RESOURCES = {
    "Function": function(CODE, Environment={"Variables": {"OWN": "variable"}}),
    "Logs": function(CODE),
    "JsonLogs": function(CODE, LoggingConfig=JSON_LOGS),
    "Deleted": function(CODE),
    **{name: function(CODE, Timeout=1) for name in ("Quick", "Late", "Left")},
    "Threads": function(THREADS),
    "Missing": function("import missing_package\n"),
    "Fresh": function(CODE),
    "Line": function(CODE),
    "Reserved": function(CODE),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emulator")


def clients(directory: Path) -> Callable[[str], Any]:
    """Start an emulator and return a maker of clients for it, which try once."""
    emulator.start(directory, port=0)
    settings = emulator.environment(directory)
    session = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=100)
    return lambda service: session.client(service, endpoint_url=settings["AWS_ENDPOINT_URL"], config=config)


@pytest.fixture(scope="module")
def deployed(directory: Path) -> Iterator[Deployed]:
    yield deploy(clients(directory), RESOURCES)
    emulator.stop(directory)


@pytest.fixture(scope="module", autouse=True)
def meanwhile(deployed: Deployed) -> Iterator[dict[str, Future[Any]]]:
    """Start the slow cases in the background, and return their futures. Each case has a test that waits for it."""
    with ThreadPoolExecutor(4) as pool:
        yield {
            "is late": pool.submit(deployed.ask, "Late", {"do": "sleep", "seconds": 5}),
            "lingers": pool.submit(lingers, deployed, "Left", 5),
            "looks, busy": pool.submit(looks, is_busy=True),
            "looks, at rest": pool.submit(looks, is_busy=False),
        }


def test_a_function_has_lambda_s_variables_and_its_own(deployed: Deployed) -> None:
    environment = deployed.invoke("Function")["environment"]
    assert set(environment) - {"TMPDIR", "LC_CTYPE"} == {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "_X_AMZN_TRACE_ID"),
        *("AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME"),
        *("AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING"),
        *("AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LANG", "LD_LIBRARY_PATH", "PATH"),
        *("PYTHONPATH", "TZ", "_HANDLER", "OWN", "AWS_ENDPOINT_URL"),
    }
    assert environment["OWN"] == "variable"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.14"
    assert environment["_HANDLER"] == "index.handler"
    assert environment["TZ"] == ":UTC"


def test_the_context_is_the_invocation_s(deployed: Deployed) -> None:
    first, second = deployed.invoke("Function"), deployed.invoke("Function")
    assert first["id"] != second["id"]
    assert first["arn"].endswith(f":function:{deployed.names['Function']}")
    assert 25_000 < first["left"] <= 30_000
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", first["stream"])


def test_a_child_without_the_library_path_does_not_start(deployed: Deployed) -> None:
    status, output, error = deployed.invoke("Function", {"do": "child", "environment": {"PATH": "/usr/bin:/bin"}})
    assert (status, output) == (127, "")
    assert "error while loading shared libraries" in error
    inherited = deployed.invoke("Function", {"do": "child"})
    assert inherited[0] == 0, inherited


def test_a_function_imports_the_runtime_s_packages_and_no_others(deployed: Deployed) -> None:
    deployed.invoke("Function", {"do": "import", "module": "boto3"})
    answer, failed = deployed.ask("Function", {"do": "import", "module": "pydantic"})
    assert failed and answer["errorType"] == "ModuleNotFoundError"
    path = json.loads(deployed.invoke("Function", {"do": "child"})[1])
    assert not any("site-packages" in folder for folder in path)


def test_code_is_read_only(deployed: Deployed) -> None:
    root = deployed.invoke("Function")["environment"]["LAMBDA_TASK_ROOT"]
    answer, failed = deployed.ask("Function", {"do": "write", "path": f"{root}/index.py"})
    assert failed and answer["errorType"] in ("OSError", "PermissionError"), answer


def test_tmp_outlives_invocations_and_crashes(deployed: Deployed) -> None:
    first = deployed.invoke("Quick", {"do": "write", "path": "kept"})
    assert "kept" in deployed.invoke("Quick")["tmp"]
    for harm in ({"do": "die"}, {"do": "exit"}, {"do": "sleep", "seconds": 5}):
        assert deployed.ask("Quick", harm)[1]
        after = deployed.invoke("Quick")
        assert "kept" in after["tmp"]
        assert after["stream"] == first["stream"]
        assert after["pid"] != first["pid"]


@pytest.mark.parametrize(
    ("harm", "kind", "message"),
    [
        ("raise", "Broken", "it is broken"),
        ("exit", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3"),
        ("end", "Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason"),
        ("die", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed"),
        ("sleep", "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds"),
    ],
)
def test_what_ends_an_invocation_has_lambda_s_words(
    deployed: Deployed, meanwhile: dict[str, Future[Any]], harm: str, kind: str, message: str
) -> None:
    answer, failed = meanwhile["is late"].result() if harm == "sleep" else deployed.ask("Quick", {"do": harm})
    assert failed
    assert answer["errorType"] == kind
    assert re.sub("[0-9a-f-]{36}", "ID", answer["errorMessage"]) == message


def test_a_module_that_can_not_be_imported_is_named(deployed: Deployed) -> None:
    answer, failed = deployed.ask("Missing")
    assert failed and answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"] == "Unable to import module 'index': No module named 'missing_package'"


def test_a_runtime_that_raised_serves_on(deployed: Deployed) -> None:
    before = deployed.invoke("Function")["pid"]
    deployed.ask("Function", {"do": "raise"})
    assert deployed.invoke("Function")["pid"] == before


def lingers(deployed: Deployed, name: str, seconds: float) -> None:
    """All that an environment started ends with its runtime."""
    mark = f"6{time.time_ns() % 10**6:06}"
    deployed.ask(name, {"do": "linger", "seconds": seconds, "mark": mark})
    if not seconds:
        deadline = time.monotonic() + 10
        while len(_running(mark)) < 2:  # The shell ends before its child has become the other program.
            assert time.monotonic() < deadline
            time.sleep(0.01)
        deployed.ask(name, {"do": "die"})
    assert not _running(mark)


@pytest.mark.parametrize("seconds", [0, 5])
def test_all_that_an_environment_started_ends_with_its_runtime(
    deployed: Deployed, meanwhile: dict[str, Future[Any]], seconds: float
) -> None:
    """Also what left its group, and what lost its parent; after a crash and after a timeout."""
    meanwhile["lingers"].result() if seconds else lingers(deployed, "Quick", 0)


def _running(part: str) -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text())
        except OSError:
            continue
    return [line for line in lines if part in line]


def test_memory_is_limited_by_what_is_used(deployed: Deployed) -> None:
    assert "pid" in deployed.invoke("Function", {"do": "allocate", "bytes": 100 * 2**20})
    answer, failed = deployed.ask("Function", {"do": "allocate", "bytes": 300 * 2**20})
    assert failed and answer["errorType"] == "Runtime.ExitError", answer
    assert "signal: killed" in answer["errorMessage"]


def looks(is_busy: bool) -> int:
    """Return how often an environment's memory is looked at in a second."""
    program = """
import os, socket, sys
from local import environment_process
looks = []
environment_process._resident_bytes = lambda: looks.append(1) or 0
environment_process._kill_descendants = lambda: print(len(looks), flush=True)
runtime = os.posix_spawn("/bin/sleep", ["sleep", "1"], {})
environment_process.supervise(socket.socket(fileno=int(sys.argv[1])), {"resident_bytes": 1}, runtime)
"""
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.send(json.dumps({"busy": is_busy}).encode())
        command = [sys.executable, "-c", program, str(theirs.fileno())]
        done = subprocess.run(
            command, cwd=ROOT, pass_fds=[theirs.fileno()], capture_output=True, check=True, timeout=30
        )
        return int(done.stdout)


def test_memory_of_an_environment_at_rest_is_hardly_looked_at(meanwhile: dict[str, Future[Any]]) -> None:
    """To look is work, of each of a hundred environments: one look each 5 s, against one each 50 ms."""
    assert meanwhile["looks, busy"].result() > 2 > meanwhile["looks, at rest"].result()


def test_an_answer_has_a_size(deployed: Deployed) -> None:
    assert len(deployed.invoke("Function", {"do": "large", "bytes": 6_291_550})) == 6_291_550
    answer, failed = deployed.ask("Function", {"do": "large", "bytes": 6_291_556})
    assert failed and answer["errorType"] == "Function.ResponseSizeTooLarge"


def test_environments_are_forks_with_fresh_randomness_and_connections(deployed: Deployed) -> None:
    with deployed.held("Line", 2) as asked:
        pass
    first, second = (one.result()[0] for one in asked)
    assert first["at_import"] == second["at_import"] not in (first["pid"], second["pid"])
    assert first["pid"] != second["pid"] and first["stream"] != second["stream"]
    assert not set(first["random"]) & set(second["random"])
    # What the module wrote is there, as after a snapshot; a connection that it made has ended.
    assert first["tmp"] == ["at-import"]
    assert deployed.invoke("Line", {"do": "receive"})["connection"] == ""


def test_a_function_starts_from_nothing_where_a_test_asks_for_it(deployed: Deployed, directory: Path) -> None:
    with emulator.fresh_starts(directory):
        answer = deployed.invoke("Fresh")
    assert answer["pid"] == answer["at_import"]


def test_a_function_with_threads_is_not_forked(deployed: Deployed) -> None:
    at_import, now, threads = deployed.invoke("Threads")
    assert at_import == now
    assert threads > 1


def test_more_invocations_than_environments_wait_in_line(deployed: Deployed) -> None:
    many = MAX_ENVIRONMENTS + 8
    with ThreadPoolExecutor(many) as pool:
        asked = [pool.submit(deployed.invoke, "Line", {"do": "sleep", "seconds": 0.5}) for _ in range(many)]
        pids = [one.result()["pid"] for one in asked]
    assert len(pids) == many
    assert len(set(pids)) <= MAX_ENVIRONMENTS


def test_one_environment_serves_one_invocation_at_a_time(deployed: Deployed) -> None:
    with deployed.held("Function", 4) as asked:
        pass
    assert len({one.result()[0]["pid"] for one in asked}) == 4


def test_reserved_concurrency_still_throttles(deployed: Deployed) -> None:
    functions = deployed.client("lambda")
    functions.put_function_concurrency(FunctionName=deployed.names["Reserved"], ReservedConcurrentExecutions=1)
    with deployed.held("Reserved") as [first], pytest.raises(functions.exceptions.TooManyRequestsException):
        deployed.invoke("Reserved")
    assert not first.result()[1]


def test_logs_are_lambda_s(deployed: Deployed) -> None:
    deployed.invoke("Logs", {"do": "log"})
    start, logged, printed, end, report = deployed.log("Logs")
    assert re.fullmatch(r"START RequestId: \S{36} Version: \$LATEST", start)
    assert re.fullmatch(r"\[INFO\]\t\S+Z\t\S{36}\tfrom logging", logged)
    assert printed == "printed"
    assert re.fullmatch(r"END RequestId: \S{36}", end)
    assert re.match(
        r"REPORT RequestId: \S{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB", report
    )
    deployed.ask("Logs", {"do": "raise"})
    [error] = [line for line in deployed.log("Logs") if line.startswith("[ERROR]")]
    assert error.splitlines()[:2] == ["[ERROR] Broken: it is broken", "Traceback (most recent call last):"]


def test_logs_are_json_where_the_function_says_so(deployed: Deployed) -> None:
    deployed.invoke("JsonLogs", {"do": "log"})
    deployed.ask("JsonLogs", {"do": "raise"})
    lines = [json.loads(line) for line in deployed.log("JsonLogs") if line != "printed"]
    assert [line.get("type") or line["level"] for line in lines] == [
        *("platform.start", "INFO", "platform.report"),
        *("platform.start", "ERROR", "platform.report"),
    ]
    assert lines[1]["message"] == "from logging"
    assert (lines[4]["errorType"], lines[4]["errorMessage"]) == ("Broken", "it is broken")
    assert lines[5]["record"]["status"] == "error"


def test_a_function_that_is_deleted_makes_no_log_group(deployed: Deployed) -> None:
    """Otherwise one that ends after its stack was deleted would be in the next stack's way."""
    name = deployed.names["Deleted"]
    with deployed.held("Deleted") as [ending]:
        deployed.client("lambda").delete_function(FunctionName=name)
    ending.result()
    groups = deployed.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert groups == []


def test_a_changed_function_starts_anew(deployed: Deployed) -> None:
    name, functions = deployed.names["Fresh"], deployed.client("lambda")
    before = deployed.invoke("Fresh")
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"NEW": "1"}})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=OFTEN)
    after = deployed.invoke("Fresh")
    assert after["environment"]["NEW"] == "1"
    assert after["pid"] != before["pid"]


def test_nothing_is_left_when_the_emulator_stops(tmp_path: Path) -> None:
    function_of_its_own = deploy(clients(tmp_path), {"Function": function(CODE)})
    answer = function_of_its_own.invoke("Function")
    pids = [answer["pid"], answer["at_import"]]
    emulator.stop(tmp_path)
    for _ in range(50):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return
        time.sleep(0.1)
    raise AssertionError(pids)
