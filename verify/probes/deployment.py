"""Probes of CloudFormation: what becomes of a version and its alias when an update is rolled back."""

import json
from typing import Any

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.temporary import services_role

KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""As the deployed functions' versions and aliases have it (cdk/functions.py)."""


def _template(account: Account, text: str, runtime: str, *, failing: bool) -> Json:
    """A function that returns the text, with its version and alias named as the stack's are; perhaps one that fails."""
    version, alias = f"Version{text.title()}", f"Alias{text.title()}"
    number = {"Fn::GetAtt": [version, "Version"]}
    resources: Json = {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"{account.own_prefix}-versions",
                "Runtime": runtime,
                "Handler": "index.handler",
                "Role": services_role(account),
                "Code": {"ZipFile": f"def handler(event, context):\n    return {text!r}\n"},
            },
        },
        version: {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}, **KEPT},
        alias: {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": number,
                "Name": {"Fn::Join": ["", ["v", number]]},
            },
            **KEPT,
        },
    }
    if failing:
        resources["Handle"] = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
        resources["NeverSignalled"] = {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": alias,
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1", "Count": 1},
        }
    return {"Resources": resources}


@probe(
    does="In a stack of the probe's own, an update with a new version and alias fails; then it is repeated.",
    expected="What the rolled back update published doesn't stop the next one.",
)
def rolled_back_alias(account: Account) -> Seen:
    client, name = account.client("cloudformation"), f"{account.own_prefix}-versions"
    runtime = account.client("lambda").get_function_configuration(FunctionName=account.name("api"))["Runtime"]

    def settled(wanted: dict[str, Any]) -> str:
        def look() -> str:
            status = str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
            return "" if status.endswith("_IN_PROGRESS") else status

        getattr(client, wanted.pop("do"))(StackName=name, **wanted)
        return account.until(look, 600, every=5) or "still in progress"

    def body(text: str, *, failing: bool = False) -> str:
        return json.dumps(_template(account, text, runtime, failing=failing))

    def remove() -> None:
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 2})

    # Its versions outlive the stack, as the product's do: the function takes them with it.
    functions = account.client("lambda")
    account.later(f"function {name}", lambda: functions.delete_function(FunctionName=name))
    account.later(f"stack {name}", remove)
    if (status := settled({"do": "create_stack", "TemplateBody": body("first")})) != "CREATE_COMPLETE":
        raise Untried(f"the stack could not be made: {status}")
    rolled_back = settled({"do": "update_stack", "TemplateBody": body("second", failing=True)})
    if rolled_back != "UPDATE_ROLLBACK_COMPLETE":
        raise Untried(f"the update that was to fail ended as {rolled_back}")
    status = settled({"do": "update_stack", "TemplateBody": body("second")})
    reasons = [
        event["ResourceStatusReason"]
        for event in client.describe_stack_events(StackName=name)["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED") and event["LogicalResourceId"].startswith(("Version", "Alias"))
    ]
    text = status if status == "UPDATE_COMPLETE" else f"{status}: {'; '.join(reasons[:1])}"
    return Seen(text, status == "UPDATE_COMPLETE")
