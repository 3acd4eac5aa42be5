"""The ids of APIs in the emulator."""

import json
from typing import Any

import pytest

from tests.support.functions import OFTEN

TEMPLATE = {
    "Resources": {
        "Http": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "ids", "ProtocolType": "HTTP"}},
        "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "ids"}},
        "Other": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "others"}},
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Http", "Rest", "Other")},
}


@pytest.fixture
def cloudformation(client: Any) -> Any:
    return client("cloudformation")


def deployed(cloudformation: Any, name: str) -> dict[str, str]:
    """Deploy the stack, delete it, and return its outputs."""
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=OFTEN)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=OFTEN)
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_an_api_keeps_its_id_from_one_deployment_to_the_next(cloudformation: Any) -> None:
    first = deployed(cloudformation, "api-ids")
    assert len(set(first.values())) == 3
    assert deployed(cloudformation, "api-ids") == first
    assert set(deployed(cloudformation, "other-ids").values()).isdisjoint(first.values())
