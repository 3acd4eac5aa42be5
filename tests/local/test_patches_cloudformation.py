"""The patches of the emulator's CloudFormation, seen from outside."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

Client = Callable[[str], Any]

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "kept",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
SECRET = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "kept/key"}}
LOG = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/kept"}}
BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept-bucket"}}
BUS = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "kept-bus"}}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "kept-queue"}}
TAKEN = {"Type": "AWS::Events::EventBus", "DependsOn": ["First"], "Properties": {"Name": "taken"}}
"""What fails a stack, once the resource First is made or changed."""


def body(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def settled(client: Client, name: str) -> str:
    """The stack's status once it is at rest."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = str(client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.1)
    raise AssertionError(f"{name} does not come to rest")


@pytest.fixture(scope="module", autouse=True)
def taken(client: Client) -> None:
    """The name that a second one can't have."""
    client("events").create_event_bus(Name="taken")


@pytest.mark.parametrize("resource", [TABLE, SECRET, LOG, BUS, QUEUE])
def test_a_name_that_exists_fails_the_stack(client: Client, resource: Any) -> None:
    cloudformation = client("cloudformation")
    name = resource["Type"].replace("::", "-")
    cloudformation.create_stack(StackName=f"{name}-1", TemplateBody=body(First=resource))
    assert settled(client, f"{name}-1") == "CREATE_COMPLETE"
    cloudformation.create_stack(StackName=f"{name}-2", TemplateBody=body(First=resource))
    assert settled(client, f"{name}-2") == "ROLLBACK_COMPLETE"
    stack_id = cloudformation.describe_stacks(StackName=f"{name}-1")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=f"{name}-1")
    assert settled(client, stack_id) == "DELETE_COMPLETE"


def test_a_rollback_can_t_delete_a_table_that_is_protected(client: Client) -> None:
    protected = {**TABLE, "Properties": {**TABLE["Properties"], "DeletionProtectionEnabled": True}}  # type: ignore[dict-item]
    client("cloudformation").create_stack(StackName="protected", TemplateBody=body(First=protected, Second=TAKEN))
    assert settled(client, "protected") == "ROLLBACK_FAILED"
    client("dynamodb").update_table(TableName="kept", DeletionProtectionEnabled=False)
    client("dynamodb").delete_table(TableName="kept")


def test_a_bucket_that_holds_something_is_not_deleted(client: Client) -> None:
    cloudformation, s3 = client("cloudformation"), client("s3")
    cloudformation.create_stack(StackName="bucket", TemplateBody=body(First=BUCKET))
    assert settled(client, "bucket") == "CREATE_COMPLETE"
    stack_id = cloudformation.describe_stacks(StackName="bucket")["Stacks"][0]["StackId"]
    s3.put_object(Bucket="kept-bucket", Key="a", Body=b"a")
    cloudformation.delete_stack(StackName="bucket")
    assert settled(client, "bucket") == "DELETE_FAILED"
    s3.delete_object(Bucket="kept-bucket", Key="a")
    cloudformation.delete_stack(StackName="bucket")
    assert settled(client, stack_id) == "DELETE_COMPLETE"


def function(code: str, version: str, *, replaced: bool) -> dict[str, Any]:
    """A function with a version and an alias; the alias is replaced, or is a resource of its version's own."""
    role = "arn:aws:iam::000000000000:role/none"
    properties = {
        "FunctionName": "versioned",
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": role,
        "Code": {"ZipFile": code},
    }
    number = {"Fn::GetAtt": [version, "Version"]}
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    return {
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
        version: {"Type": "AWS::Lambda::Version", **kept, "Properties": {"FunctionName": {"Ref": "Function"}}},
        "First" if replaced else f"{version}Alias": {
            "Type": "AWS::Lambda::Alias",
            **kept,
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": number,
                "Name": {"Fn::Join": ["", ["v", number]]},
            },
        },
    }


@pytest.mark.parametrize("replaced", [True, False])
def test_an_alias_that_is_replaced_outlives_the_rollback_and_holds_its_version(client: Client, replaced: bool) -> None:
    cloudformation = client("cloudformation")
    name = f"aliases-{replaced}"
    cloudformation.create_stack(StackName=name, TemplateBody=body(**function("A = 1", "One", replaced=replaced)))
    assert settled(client, name) == "CREATE_COMPLETE"
    second = function("A = 2", "Two", replaced=replaced)
    failing = {**TAKEN, "DependsOn": ["First" if replaced else "TwoAlias"]}
    cloudformation.update_stack(StackName=name, TemplateBody=body(**second, Second=failing))
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    aliases = {alias["Name"] for alias in client("lambda").list_aliases(FunctionName="versioned")["Aliases"]}
    assert aliases == ({"v1", "v2"} if replaced else {"v1"})
    # The same change alone.
    cloudformation.update_stack(StackName=name, TemplateBody=body(**second))
    assert settled(client, name) == ("UPDATE_ROLLBACK_COMPLETE" if replaced else "UPDATE_COMPLETE")
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=name)
    assert settled(client, stack_id) == "DELETE_COMPLETE"


def test_a_secret_is_imported_by_its_arn(client: Client) -> None:
    cloudformation = client("cloudformation")
    arn = client("secretsmanager").create_secret(Name="kept/key", SecretString="value")["ARN"]
    kept = {**SECRET, "DeletionPolicy": "RetainExceptOnCreate"}
    resource = {"ResourceType": SECRET["Type"], "LogicalResourceId": "First", "ResourceIdentifier": {"Id": arn}}
    cloudformation.create_change_set(
        StackName="imported",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=body(First=kept),
        ResourcesToImport=[resource],
    )
    cloudformation.get_waiter("change_set_create_complete").wait(StackName="imported", ChangeSetName="import")
    cloudformation.execute_change_set(StackName="imported", ChangeSetName="import")
    assert settled(client, "imported") == "IMPORT_COMPLETE"
    assert client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"] == "value"


def inline_code(client: Client, name: str) -> Any:
    """Deploy a function with inline code; return the hash of its archive."""
    made = function("A = 1", "One", replaced=True)["Function"]
    made = {**made, "Properties": {**made["Properties"], "FunctionName": name}}
    client("cloudformation").create_stack(StackName=name, TemplateBody=body(Function=made))
    assert settled(client, name) == "CREATE_COMPLETE"
    return client("lambda").get_function_configuration(FunctionName=name)["CodeSha256"]


@pytest.fixture(scope="module", autouse=True)
def deployed_early(client: Client) -> tuple[float, Any]:
    """Deploy inline code before the other tests; return when that was done, and the hash."""
    made = inline_code(client, "inline-first")
    return time.monotonic(), made


def test_equal_inline_code_is_the_same_code_whenever_it_is_deployed(
    client: Client, deployed_early: tuple[float, Any]
) -> None:
    deployed_at, made = deployed_early
    time.sleep(max(0.0, deployed_at + 2.1 - time.monotonic()))  # An archive tells times to two seconds.
    assert inline_code(client, "inline-second") == made
