"""The tables, the bucket, the secrets and the log groups."""

from collections.abc import Callable

import pytest

from assistant_engine.store.files import LIFETIME_DAYS
from tests.support.templates import Json, Template


def tables(template: Template) -> dict[str, Json]:
    return {body["TableName"]: body for body in template.properties("AWS::DynamoDB::Table")}


def keys(schema: list[Json]) -> list[str]:
    return [key["AttributeName"] for key in schema]


def test_the_three_tables_have_the_keys_of_the_earlier_engine(prod: Template) -> None:
    assert {name: keys(table["KeySchema"]) for name, table in tables(prod).items()} == {
        "oae-assistants": ["assistant_type", "assistant_id"],
        "oae-threads": ["assistant_id", "thread_id"],
        "oae-messages": ["thread_id", "message_id"],
    }


def test_indexes_serve_lists(prod: Template) -> None:
    indexes = {
        (name, index["IndexName"]): (keys(index["KeySchema"]), index["Projection"])
        for name, table in tables(prod).items()
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    keys_only = {"ProjectionType": "KEYS_ONLY"}
    assert indexes == {
        ("oae-assistants", "by_project"): (["project", "created"], {"ProjectionType": "ALL"}),
        ("oae-messages", "by_project"): (["project", "created"], keys_only),
        ("oae-messages", "by_user"): (["user_id", "created"], keys_only),
        ("oae-messages", "open_runs"): (
            ["open_shard", "due_at"],
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["execution", "belongs_to"]},
        ),
        ("oae-messages", "ended_runs"): (["ended_shard", "ended_run"], keys_only),
    }


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_tables_are_on_demand_encrypted_and_can_be_restored(
    template_of: Callable[[str], Template], environment: str
) -> None:
    for table in tables(template_of(environment)).values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_items_expire_by_ttl(prod: Template) -> None:
    expiring = [name for name, table in tables(prod).items() if "TimeToLiveSpecification" in table]
    assert expiring == ["oae-assistants", "oae-messages"]
    for name in expiring:
        assert tables(prod)[name]["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


DATA = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3Vectors::VectorBucket",
    "AWS::SecretsManager::Secret",
    "AWS::Logs::LogGroup",
)


@pytest.mark.parametrize("kind", DATA)
def test_in_prod_data_outlives_the_stack_but_not_the_deployment_that_failed_to_make_it(
    prod: Template, kind: str
) -> None:
    assert prod.resources(kind)
    for resource in prod.resources(kind).values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_in_prod_tables_are_protected_once_they_exist(prod: Template) -> None:
    """A table that the template protects could not be deleted by the rollback of the deployment that created it."""
    assert not any("DeletionProtectionEnabled" in table for table in tables(prod).values())
    [protection] = prod.resources("Custom::TableProtection").values()
    assert {table["Ref"] for table in protection["Properties"]["Tables"]} == set(prod.resources("AWS::DynamoDB::Table"))
    # A rollback deletes it, and it then lifts the protection; a stack that is deleted leaves it alone.
    assert protection["DeletionPolicy"] == "RetainExceptOnCreate"
    role = prod.functions()["oae-protect_tables"]["Role"]["Fn::GetAtt"][0]
    [granted] = [each for each in prod.statements(role) if "dynamodb:UpdateTable" in each["Action"]]
    assert granted["Action"] == ["dynamodb:DescribeTable", "dynamodb:UpdateTable"]


def test_in_prod_the_bucket_forgets_delete_markers(prod: Template, template_of: Callable[[str], Template]) -> None:
    """A versioned bucket keeps a marker of each object that expired, until a rule removes it."""
    for template, expected in ((prod, [True]), (template_of("dev"), [])):
        (bucket,) = template.properties("AWS::S3::Bucket")
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert [rule["ExpiredObjectDeleteMarker"] for rule in rules if "ExpiredObjectDeleteMarker" in rule] == expected


def test_the_bucket_is_found_again_by_its_name(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    account_and_region = [{"Ref": "AWS::AccountId"}, "-", {"Ref": "AWS::Region"}]
    assert bucket["BucketName"] == {"Fn::Join": ["", ["oae-", *account_and_region]]}


@pytest.mark.parametrize("kind", DATA)
def test_in_dev_data_goes_with_the_stack(template_of: Callable[[str], Template], kind: str) -> None:
    for resource in template_of("dev").resources(kind).values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Delete", "Delete")
    assert not template_of("dev").resources("Custom::TableProtection")


def test_the_bucket_is_private_and_asks_for_tls(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert "BucketEncryption" in bucket
    (policy,) = prod.properties("AWS::S3::BucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_bucket_forgets_what_was_never_finished(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["abort-multipart"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert "Prefix" not in rules["abort-multipart"]
    assert (rules["forget-unfinished-uploads"]["Prefix"], rules["forget-unfinished-uploads"]["ExpirationInDays"]) == (
        "uploads/",
        2,
    )


def test_the_bucket_forgets_exports(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    [rule] = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if rule["Id"] == "forget-exports"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("export/", 90)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_the_bucket_forgets_files_that_expired(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    lifetimes = {
        rule["TagFilters"][0]["Value"]: rule["ExpirationInDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "TagFilters" in rule
    }
    assert lifetimes == {str(days): days for days in LIFETIME_DAYS}


def test_the_template_holds_no_secret(prod: Template) -> None:
    """A secret is made empty: neither a value nor a random one, which would look like a key."""
    secrets = prod.properties("AWS::SecretsManager::Secret")
    assert sorted(secret["Name"] for secret in secrets) == ["oae/api-keys", "oae/model-key"]
    assert not any({"SecretString", "GenerateSecretString"} & secret.keys() for secret in secrets)


def test_log_lines_are_not_kept_for_ever(prod: Template) -> None:
    groups = prod.properties("AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == 90 for group in groups)
    assert len(groups) == len(prod.functions()) + 1


def test_outputs(prod: Template) -> None:
    assert set(prod.body["Outputs"]) == {
        "StateMachineArn",
        "AssistantsTable",
        "ThreadsTable",
        "MessagesTable",
        "Bucket",
        "ModelSecret",
        "ApiUrl",
        "AzureEndpoint",
        "GraphqlUrl",
        "GraphqlFunctionArn",
        "SilvaengineUrl",
        "ApiKeysSecret",
        "AlarmTopicArn",
        "EventBus",
    }
    assert prod.body["Outputs"]["ModelSecret"]["Value"] == "oae/model-key"
