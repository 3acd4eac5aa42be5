"""Checks from outside which promises of AWS the patches of isolation keep: a function with tenants, and its network."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.functions import Deployed, deploy, function

CODE = """
import os, tempfile

def handler(event, context):
    if "write" in event:
        open(os.path.join(tempfile.gettempdir(), event["write"]), "w").close()
    os.system(event.get("run", "true"))
    files = os.listdir(tempfile.gettempdir())
    return {"pid": os.getpid(), "user": os.getuid(), "files": files, "tenant": context.tenant_id}
"""
RULE = {"Action": "ALLOW", "Priority": 1, "FirewallDomainListId": {"Fn::GetAtt": ["Names", "Id"]}}
RESOURCES = {
    "Isolated": function(CODE, TenancyConfig={"TenantIsolationMode": "PER_TENANT"}),
    "Shared": function(CODE),
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/24"}},
    "Names": {"Type": "AWS::Route53Resolver::FirewallDomainList", "Properties": {"Domains": ["example.com"]}},
    "Rules": {"Type": "AWS::Route53Resolver::FirewallRuleGroup", "Properties": {"FirewallRules": [RULE]}},
    "Firewall": {
        "Type": "AWS::Route53Resolver::FirewallRuleGroupAssociation",
        "Properties": {
            "FirewallRuleGroupId": {"Fn::GetAtt": ["Rules", "Id"]},
            "VpcId": {"Ref": "Vpc"},
            "Priority": 101,
        },
    },
}


@pytest.fixture(scope="module")
def deployed(client: Callable[[str], Any]) -> Deployed:
    return deploy(client, RESOURCES)


def test_a_tenant_has_environments_of_its_own(deployed: Deployed) -> None:
    first, second = (deployed.invoke("Isolated", TenantId=tenant) for tenant in ("a", "b"))
    assert first["pid"] != second["pid"]
    assert (first["tenant"], second["tenant"]) == ("a", "b")
    assert deployed.invoke("Isolated", TenantId="a")["pid"] == first["pid"]


def test_a_tenant_is_named_where_there_are_tenants_and_nowhere_else(deployed: Deployed) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        deployed.invoke("Isolated")
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        deployed.invoke("Shared", TenantId="a")


def test_many_tenants_leave_few_environments(deployed: Deployed) -> None:
    """Four that wait for their tenant's next call."""
    pids = {deployed.invoke("Isolated", TenantId=f"many-{number}")["pid"] for number in range(7)}
    for _ in range(50):
        alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if len(alive) == 4:
            return
        time.sleep(0.1)
    raise AssertionError(alive)


def test_no_tenant_finds_files_of_another(deployed: Deployed) -> None:
    assert deployed.invoke("Isolated", {"write": "mine"}, TenantId="files-a")["files"] == ["mine"]
    assert deployed.invoke("Isolated", TenantId="files-b")["files"] == []
    assert deployed.invoke("Shared")["files"] == []


def test_each_environment_of_a_tenant_has_a_user_of_its_own_without_privileges(deployed: Deployed) -> None:
    first, second = (deployed.invoke("Isolated", TenantId=tenant) for tenant in ("users-a", "users-b"))
    if os.getuid() == 0:
        assert 0 not in (first["user"], second["user"])
        # From a counter: the number of a process comes round, and may still own what an earlier one left.
        assert second["user"] == first["user"] + 1
    else:
        assert {first["user"], second["user"]} == {os.getuid()}


def test_a_tenant_leaves_nothing_in_the_machine_s_folders(deployed: Deployed) -> None:
    for folder in ("/var/tmp", "/dev/shm"):
        left = Path(folder) / f"left-by-{os.getpid()}"
        answer, failed = deployed.ask("Isolated", {"write": str(left)}, TenantId="leaves")
        if os.getuid() != 0:  # A function then runs as whoever runs the stack, and may do the same.
            assert not failed
            left.unlink()
            continue
        assert not left.exists(), answer
        assert failed and answer["errorMessage"].startswith("[Errno 30] Read-only file system")
