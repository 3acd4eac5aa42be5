"""What the patches of isolation keep of AWS's promises, seen from outside: a function with tenants, and its network."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

CODE = """
import os, sys, tempfile

def handler(event, context):
    if "write" in event:
        open(os.path.join(event.get("folder", tempfile.gettempdir()), event["write"]), "w").close()
    user, folder = os.getuid(), tempfile.gettempdir()
    return {"pid": os.getpid(), "user": user, "folder": folder, "files": os.listdir(folder), "python": sys.version}
"""


def function(**more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": CODE},
            **more,
        },
    }


TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
RULE = {"Action": "ALLOW", "Priority": 1, "FirewallDomainListId": {"Fn::GetAtt": ["Names", "Id"]}}
RESOURCES = {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [TRUST]}}},
    "Isolated": function(TenancyConfig={"TenantIsolationMode": "PER_TENANT"}),
    "Shared": function(),
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

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def names(client: Callable[[str], Any]) -> dict[str, str]:
    """The names of the two functions."""
    cloudformation = client("cloudformation")
    outputs = {name: {"Value": {"Ref": name}} for name in ("Isolated", "Shared")}
    body = json.dumps({"Resources": RESOURCES, "Outputs": outputs})
    cloudformation.create_stack(StackName="scratch", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="scratch", WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName="scratch")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def invoke(client: Callable[[str], Any], names: dict[str, str]) -> Invoke:
    def invoke(name: str, event: Any = None, **more: str) -> dict[str, Any]:
        payload = json.dumps(event or {}).encode()
        answer = client("lambda").invoke(FunctionName=names[name], Payload=payload, **more)
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    return invoke


def test_a_tenant_has_workers_of_its_own(invoke: Invoke) -> None:
    first, second = (invoke("Isolated", TenantId=tenant) for tenant in ("a", "b"))
    assert first["pid"] != second["pid"]
    assert invoke("Isolated", TenantId="a")["pid"] == first["pid"]


def test_a_tenant_is_named_where_there_are_tenants_and_nowhere_else(invoke: Invoke) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        invoke("Isolated")
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        invoke("Shared", TenantId="a")


def test_many_tenants_leave_few_workers(invoke: Invoke) -> None:
    """Four that wait, and the one that ran last."""
    pids = {invoke("Isolated", TenantId=f"many-{number}")["pid"] for number in range(7)}
    assert len([pid for pid in pids if Path(f"/proc/{pid}").exists()]) <= 5


def test_each_environment_has_an_empty_folder_of_its_own(invoke: Invoke) -> None:
    shared, tenant = invoke("Shared", {"write": "mine"}), invoke("Isolated", TenantId="folders")
    assert (shared["files"], tenant["files"]) == (["mine"], [])
    assert shared["folder"] != tenant["folder"]


def test_a_tenant_s_function_has_no_privileges(invoke: Invoke) -> None:
    first, second = (invoke("Isolated", TenantId=tenant) for tenant in ("users-a", "users-b"))
    if os.getuid() == 0:
        assert 0 not in (first["user"], second["user"])
        assert first["user"] != second["user"]
    else:
        assert {first["user"], second["user"]} == {os.getuid()}


def test_what_it_leaves_in_the_machine_s_folders_is_removed(invoke: Invoke) -> None:
    left = Path("/var/tmp") / f"left-by-{os.getpid()}"  # noqa: S108
    invoke("Isolated", {"write": left.name, "folder": str(left.parent)}, TenantId="leaves")
    assert left.exists() == (os.getuid() != 0)
    left.unlink(missing_ok=True)
