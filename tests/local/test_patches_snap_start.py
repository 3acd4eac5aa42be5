"""Checks SnapStart on the embedded AWS: what starts from a snapshot, what is refused, and what is deleted."""

import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local import emulator
from local.paths import ROOT
from tests.support.functions import AHEAD, HOLD, OFTEN, Deployed, deploy, function
from tests.support.rest_api import WRAPPER, streaming_layer

SNAPSHOT = {"ApplyOn": "PublishedVersions"}
RENEWAL = ROOT / "layers" / "engine" / "assistant_engine" / "runtime" / "snapshots.py"
CODE = (
    """
import os, random, socket
TOLD = []
AT_IMPORT = os.getpid()
PAIR = socket.socketpair()
random.seed(1)

def handler(event, context):
    if "hold" in event: hold(event)
    return {"at_import": AT_IMPORT, "pid": os.getpid(), "random": random.random(), "told": TOLD,
            "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "connection": PAIR[0].recv(1, 64).decode()}
"""
    + HOLD
)
HOOKS = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
register_before_snapshot(TOLD.append, "before 1")
register_before_snapshot(TOLD.append, "before 2")
register_after_restore(TOLD.append, "after")
"""
RENEWED = f"{RENEWAL.read_text()}\n{CODE}\nrenew_after_restore()\n"


STREAMED = (
    f"{CODE}\n{HOOKS}\n"
    + """
at_once = handler

def handler(event, context):
    import json
    return {"statusCode": 200, "body": json.dumps(at_once(event, context))}
"""
)


def version_of(name: str) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": name}}}


RESOURCES = {
    "Kept": function(CODE + HOOKS, SnapStart=SNAPSHOT),
    "KeptVersion": version_of("Kept"),
    "Renewed": function(RENEWED, SnapStart=SNAPSHOT),
    "RenewedVersion": version_of("Renewed"),
    "Plain": function(CODE),
    "PlainVersion": version_of("Plain"),
    "Many": function(CODE, SnapStart=SNAPSHOT),
    "Ahead": function(CODE, FunctionName=AHEAD),
    "AheadVersion": version_of("Ahead"),
}


@pytest.fixture(scope="module")
def deployed(client: Callable[[str], Any]) -> Deployed:
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER}}
    streamed = function(STREAMED, Layers=[streaming_layer(client)], Environment=variables, SnapStart=SNAPSHOT)
    return deploy(client, {**RESOURCES, "Streamed": streamed, "StreamedVersion": version_of("Streamed")})


def two_at_once(deployed: Deployed, name: str) -> list[Any]:
    """Return what two environments of a version answer."""
    with deployed.held(name, 2, Qualifier="1") as asked:
        pass
    answers = [one.result() for one in asked]
    assert not any(failed for _, failed in answers), answers
    return [answer for answer, _ in answers]


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the emulator's own workers run functions")


@linux
def test_environments_go_on_from_one_snapshot_and_repeat_what_is_in_it(deployed: Deployed) -> None:
    first, second = two_at_once(deployed, "Kept")
    assert first["pid"] != second["pid"] and first["at_import"] == second["at_import"]
    assert first["random"] == second["random"]
    assert first["connection"] == second["connection"] == ""
    assert first["told"] == second["told"] == ["before 2", "before 1", "after"]
    assert first["kind"] == "snap-start"


@linux
def test_a_function_with_the_streaming_runtime_starts_from_its_snapshot(deployed: Deployed) -> None:
    answers = [json.loads(answer.partition("\0" * 8)[2]) for answer in two_at_once(deployed, "Streamed")]
    assert len({answer["pid"] for answer in answers}) == 2 and len({answer["at_import"] for answer in answers}) == 1
    assert answers[0]["random"] == answers[1]["random"]
    assert answers[0]["told"] == ["before 2", "before 1", "after"] and answers[0]["kind"] == "snap-start"


@linux
def test_the_engine_renews_what_a_snapshot_repeats(deployed: Deployed) -> None:
    """With the engine's own module in the function: without it, both environments would draw the same numbers."""
    first, second = two_at_once(deployed, "Renewed")
    assert first["at_import"] == second["at_import"]
    assert first["random"] != second["random"]


@linux
def test_a_function_without_snapstart_starts_anew(deployed: Deployed) -> None:
    first, second = two_at_once(deployed, "Plain")
    assert first["random"] != second["random"] and first["kind"] == "on-demand"
    unpublished = deployed.invoke("Kept")
    assert unpublished["kind"] == "on-demand", "SnapStart works on published versions only"


@linux
def test_a_version_is_initialised_ahead_of_its_first_call(deployed: Deployed, directory: Path) -> None:
    deadline = time.monotonic() + 30
    while not (at_import := _initialised(directory, AHEAD)) and time.monotonic() < deadline:
        time.sleep(0.05)
    answer = deployed.invoke("Ahead", Qualifier="1")
    assert answer["at_import"] in at_import and answer["pid"] != answer["at_import"]


def _initialised(directory: Path, name: str) -> list[int]:
    """Return the processes in which a function is initialised."""
    emulated = psutil.Process(emulator.process_id(directory))
    supervisors = [each for each in emulated.children() if each.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name]
    return [each.pid for supervisor in supervisors for each in supervisor.children()]


def test_a_version_with_a_snapshot_says_so_and_takes_no_provisioned_concurrency(deployed: Deployed) -> None:
    lambda_, name = deployed.client("lambda"), deployed.names["Kept"]
    said = lambda_.get_function_configuration(FunctionName=name, Qualifier="1")
    assert said["SnapStart"] == {**SNAPSHOT, "OptimizationStatus": "On"} and said["State"] == "Active"
    with pytest.raises(ClientError, match="Provisioned Concurrency is not supported"):
        lambda_.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    plain = deployed.names["Plain"]
    lambda_.put_provisioned_concurrency_config(FunctionName=plain, Qualifier="1", ProvisionedConcurrentExecutions=1)


EFS = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"
REFUSED: dict[str, dict[str, Any]] = {
    "runtime": {"Runtime": "python3.11"},
    "os-only": {"Runtime": "provided.al2023"},
    "storage": {"EphemeralStorage": {"Size": 513}},
    "tenants": {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
    "efs": {"FileSystemConfigs": [{"Arn": EFS, "LocalMountPath": "/mnt/a"}]},
}


@pytest.mark.parametrize("what", [*REFUSED, "broken code"])
def test_cloudformation_refuses_what_aws_does_not_combine_with_snapshots(
    client: Callable[[str], Any], deployed: Deployed, what: str
) -> None:
    role = client("lambda").get_function_configuration(FunctionName=deployed.names["Plain"])["Role"]
    code = "import missing_package" if what == "broken code" else CODE
    made = function(code, SnapStart=SNAPSHOT, **REFUSED.get(what, {}))
    made["Properties"]["Role"] = role
    body = json.dumps({"Resources": {"Function": made, "Version": version_of("Function")}})
    cloudformation, stack = client("cloudformation"), f"refused-{what.replace(' ', '-')}"
    cloudformation.create_stack(StackName=stack, TemplateBody=body)
    with pytest.raises(Exception, match="Waiter StackCreateComplete failed"):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ]
    assert any("napStart" in reason or "snapshot" in reason for reason in reasons), reasons


@pytest.mark.parametrize("what", REFUSED)
def test_the_api_refuses_what_aws_does_not_combine_with_snapshots(
    client: Callable[[str], Any], deployed: Deployed, what: str
) -> None:
    role = client("lambda").get_function_configuration(FunctionName=deployed.names["Plain"])["Role"]
    asked = {"Runtime": "python3.14", "Handler": "index.handler", "Code": {"ZipFile": archive(CODE)}, **REFUSED[what]}
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client("lambda").create_function(FunctionName=f"refused-{what}", Role=role, SnapStart=SNAPSHOT, **asked)


def test_versions_that_no_run_waits_on_are_deleted(
    client: Callable[[str], Any], deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the deployed one, not one that was replaced a moment ago, and none that an operator uses."""
    monkeypatch.syspath_prepend(str(ROOT / "lambdas" / "deployment"))
    import delete_old_versions

    lambda_, name = client("lambda"), deployed.names["Many"]
    monkeypatch.setattr(delete_old_versions, "_lambda", lambda: lambda_)
    for number in range(1, 6):
        lambda_.update_function_code(FunctionName=name, ZipFile=archive(f"{CODE}# {number}"))
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=OFTEN)
        assert lambda_.publish_version(FunctionName=name)["Version"] == str(number)
        lambda_.create_alias(FunctionName=name, Name=f"v{number}", FunctionVersion=str(number))
    lambda_.create_alias(FunctionName=name, Name="repaired", FunctionVersion="2")

    def versions() -> list[str]:
        listed = lambda_.list_versions_by_function(FunctionName=name)["Versions"]
        return [version["Version"] for version in listed if version["Version"] != "$LATEST"]

    event = {"current": {name: "4"}}
    delete_old_versions.handler(event, None)
    assert versions() == ["1", "2", "3", "4", "5"], "each was replaced less than two days ago"
    monkeypatch.setattr(delete_old_versions, "KEPT", timedelta(seconds=-1))
    for _ in range(2):
        delete_old_versions.handler(event, None)
        assert versions() == ["2", "4", "5"]
    aliases = {alias["Name"] for alias in lambda_.list_aliases(FunctionName=name)["Aliases"]}
    assert aliases == {"v2", "v4", "v5", "repaired"}


def archive(code: str) -> bytes:
    """Return a function's code as Lambda takes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("index.py", code)
    return made.getvalue()
