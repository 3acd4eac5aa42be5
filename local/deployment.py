"""Deploys a cloud assembly into the embedded AWS as `cdk deploy` does, without the seconds that its CLI takes.

The assembly's manifest holds the parameters of the request: "AwsCloudFormationStackProperties" in
https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from assistants.stack import Stack
from local.assets import here
from local.processes import LocalError

_STACK = "aws:cloudformation:stack"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""CloudFormation updates no such stack: it is deleted first."""


def deploy(assembly: Path, settings: Mapping[str, str], stack: str = "") -> dict[str, str]:
    """Create or update a stack of the assembly, whose assets are published, and return the stack's outputs.

    Args:
        settings: of the embedded AWS, which is bootstrapped.
        stack: its name, of several.

    Raises:
        LocalError: the stack could not be deployed; with the resources that failed, and why.
    """
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = {name: each["properties"] for name, each in artifacts.items() if each["type"] == _STACK}
    [name] = [stack] if stack else stacks
    properties = stacks[name]
    bucket, key = here(properties["stackTemplateAssetObjectUrl"]).removeprefix("s3://").split("/", 1)
    request = {
        "StackName": name,
        "TemplateURL": f"https://s3.{settings['AWS_REGION']}.amazonaws.com/{bucket}/{key}",
        "RoleARN": here(properties["cloudFormationExecutionRoleArn"]),
        "Capabilities": _CAPABILITIES,
        "Tags": [{"Key": key, "Value": value} for key, value in properties.get("tags", {}).items()],
    }
    cloudformation = Stack(settings).client("cloudformation")
    # An earlier deployment may still be in progress: stopping its process does not stop it.
    status = _ended(cloudformation, name).get("StackStatus")
    if status in _NEVER_CREATED:
        cloudformation.delete_stack(StackName=name)
        status = _ended(cloudformation, name).get("StackStatus")
    try:
        if status:
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise LocalError(f"{name} could not be deployed: {error}") from error
    deployed = _ended(cloudformation, name)
    if deployed["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise LocalError(f"{name} could not be deployed: {_reasons(cloudformation, name)}")
    return {output["OutputKey"]: output["OutputValue"] for output in deployed.get("Outputs", [])}


def _ended(cloudformation: Any, name: str) -> dict[str, Any]:
    """Wait for the operation in progress on a stack and return the stack; empty if it does not exist."""
    while True:
        try:
            [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError:
            return {}
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return dict(stack)
        time.sleep(0.1)


def _reasons(cloudformation: Any, name: str) -> str:
    """Return which resources failed in the last operation, and why."""
    failed = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
        for event in page["StackEvents"]:  # The newest first.
            if event["ResourceStatus"].endswith("_FAILED"):
                failed.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
            if event.get("ResourceStatusReason") == "User Initiated":
                return "; ".join(reversed(failed))
    return "; ".join(reversed(failed))
