"""A deployment without the CDK CLI: what it makes, and what it says when it fails."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import emulator
from local.deployment import deploy
from local.processes import LocalError

BUCKET = "templates-of-a-deployment"
ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/of-a-deployment"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-a-deployment"}}
TWICE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-a-deployment"}, "DependsOn": "Queue"}
"""A second queue of the name, which AWS refuses."""


@pytest.fixture
def assembly(tmp_path: Path, client: Callable[[str], Any]) -> Callable[..., Path]:
    """Make the assembly of one stack with these resources, its template published."""
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
    iam = client("iam")
    iam.create_role(RoleName="of-a-deployment", AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName="of-a-deployment", PolicyName="queues", PolicyDocument=json.dumps(allowed))
    client("s3").create_bucket(Bucket=BUCKET)

    def make(resources: dict[str, Any]) -> Path:
        template = {"Resources": resources, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}}}
        client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template))
        properties = {
            "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/template.json",
            "cloudFormationExecutionRoleArn": ROLE,
            "tags": {"environment": "dev"},
        }
        artifacts = {
            "a-stack.assets": {"type": "cdk:asset-manifest", "properties": {}},
            "a-stack": {"type": "aws:cloudformation:stack", "properties": properties},
        }
        (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
        return tmp_path

    return make


def test_a_stack_is_made_left_and_updated_and_a_failure_names_the_resource(
    assembly: Callable[..., Path], client: Callable[[str], Any], directory: Path
) -> None:
    def deployed(**resources: Any) -> str:
        assert deploy(assembly(resources), emulator.environment(directory)) == {"Name": "of-a-deployment"}
        [stack] = client("cloudformation").describe_stacks(StackName="a-stack")["Stacks"]
        assert stack["Tags"] == [{"Key": "environment", "Value": "dev"}]
        return str(stack["StackStatus"])

    def fails() -> None:
        with pytest.raises(LocalError, match=r"could not be deployed: Twice: [^;]*already exists"):
            deploy(assembly({"Queue": QUEUE, "Twice": TWICE}), emulator.environment(directory))

    fails()
    assert deployed(Queue=QUEUE) == "CREATE_COMPLETE"
    assert deployed(Queue=QUEUE) == "CREATE_COMPLETE"
    fails()
    other = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "another-of-a-deployment"}}
    assert deployed(Queue=QUEUE, Other=other) == "UPDATE_COMPLETE"
