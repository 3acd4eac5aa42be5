"""Deploys a cloud assembly: with the CDK CLI, or as it does, without the seconds of processor time that takes.

What the CLI sends is in the assembly's manifest: "AwsCloudFormationStackProperties" in
https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from assistants.stack import Stack
from local.assets import here
from local.cdk_cli import run_cdk
from local.processes import LocalError

Outputs = dict[str, str]

_STACK = "aws:cloudformation:stack"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def deploy_with_cli(assembly: Path, settings: Mapping[str, str], directory: Path) -> Outputs:
    """Run `cdk deploy` and return the stack's outputs.

    Args:
        settings: of the embedded AWS, which is bootstrapped.
        directory: keeps the file of outputs.

    Raises:
        LocalError: the CLI failed; with what it said.
    """
    outputs_file = directory / "outputs.json"
    run_cdk(
        settings,
        directory,
        *("deploy", "--all", "--app", str(assembly), "--require-approval", "never", "--method", "direct"),
        *("--outputs-file", str(outputs_file), "--progress", "events"),
    )
    outputs: Outputs
    (outputs,) = json.loads(outputs_file.read_text()).values()
    return outputs


def deploy_directly(assembly: Path, settings: Mapping[str, str]) -> Outputs:
    """Create or update the assembly's one stack, whose assets are published, and return its outputs.

    Args:
        settings: of the embedded AWS, which is bootstrapped.

    Raises:
        LocalError: the stack could not be deployed; with the resources that failed, and why.
    """
    manifest = json.loads((assembly / "manifest.json").read_text())
    artifacts = manifest["artifacts"].items()
    [(name, stack)] = ((name, each["properties"]) for name, each in artifacts if each["type"] == _STACK)
    bucket, key = here(stack["stackTemplateAssetObjectUrl"]).removeprefix("s3://").split("/", 1)
    cloudformation = Stack(settings).client("cloudformation")
    request = {
        "StackName": name,
        "TemplateURL": f"https://s3.{settings['AWS_REGION']}.amazonaws.com/{bucket}/{key}",
        "RoleARN": here(stack["cloudFormationExecutionRoleArn"]),
        "Capabilities": _CAPABILITIES,
        "Tags": [{"Key": key, "Value": value} for key, value in stack.get("tags", {}).items()],
    }
    try:
        if _status(cloudformation, name):
            cloudformation.update_stack(**request)
            done = "stack_update_complete"
        else:
            cloudformation.create_stack(**request)
            done = "stack_create_complete"
        cloudformation.get_waiter(done).wait(StackName=name, WaiterConfig={"Delay": 1})
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise LocalError(f"{name} could not be deployed: {error}") from error
    except WaiterError as error:
        raise LocalError(f"{name} could not be deployed: {_reasons(cloudformation, name)}") from error
    [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _status(cloudformation: Any, name: str) -> str:
    """Return the status of a stack; empty if there is none."""
    try:
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return ""
    return str(described["StackStatus"])


def _reasons(cloudformation: Any, name: str) -> str:
    """Return which resources failed, and why."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    failed = [event for page in pages for event in page["StackEvents"] if event["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed)
