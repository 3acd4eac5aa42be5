"""Patches the emulator's CloudFormation where it forgives what AWS's does not; see `patches`."""

import copy
import io
import zipfile
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch_logs, dynamodb, eventbridge, s3, secretsmanager, sqs  # type: ignore[import-untyped]
from ministack.services.cloudformation import changesets, provisioners, stacks  # type: ignore[import-untyped]

Json = Any

_HANDLERS = provisioners._RESOURCE_HANDLERS


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    refuse_a_name_that_exists()
    refuse_to_delete_what_the_service_keeps()
    zip_equal_code_equally()
    publish_no_version_of_unchanged_code()
    keep_the_new_half_of_a_replacement()
    import_secrets_by_their_arns()


def refuse_a_name_that_exists() -> None:
    """A stack takes over a table or the like of the same name, and empties it; AWS fails the stack."""
    for kind, name_property, existing in (
        ("AWS::DynamoDB::Table", "TableName", lambda: dynamodb._tables),
        ("AWS::Logs::LogGroup", "LogGroupName", lambda: cloudwatch_logs._log_groups),
        ("AWS::SecretsManager::Secret", "Name", lambda: secretsmanager._secrets),
        ("AWS::S3::Bucket", "BucketName", lambda: s3._buckets),
        ("AWS::Events::EventBus", "Name", lambda: eventbridge._event_buses),
        ("AWS::SQS::Queue", "QueueName", lambda: [url.rpartition("/")[2] for url in sqs._queues]),
    ):
        _before(kind, "create", _refuse_existing(kind, name_property, existing))


def _refuse_existing(kind: str, name_property: str, existing: Callable[[], Json]) -> Callable[..., None]:
    def check(logical_id: str, properties: Json, stack_name: str) -> None:
        if (name := properties.get(name_property)) and name in existing():
            raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists.")

    return check


def refuse_to_delete_what_the_service_keeps() -> None:
    """A stack deletes protected tables, buckets that hold something and versions that an alias points to."""

    def table(name: str, properties: Json) -> None:
        if dynamodb._tables.get(name, {}).get("DeletionProtectionEnabled"):
            raise ValueError(f"Table {name} is protected against deletion.")

    def bucket(name: str, properties: Json) -> None:
        if name in s3._buckets and (s3._buckets[name]["objects"] or s3._bucket_has_versions(name)):
            raise ValueError("The bucket you tried to delete is not empty")

    def version(physical_id: str, properties: Json) -> None:
        function, *_ = provisioners._lambda_function_for_cfn_ref(properties.get("FunctionName", ""))
        number = physical_id.rsplit(":", 1)[-1]
        for name, alias in (function or {}).get("aliases", {}).items():
            if alias["FunctionVersion"] == number:
                raise ValueError(f"Version {number} can't be deleted because the alias {name} references it.")

    _before("AWS::DynamoDB::Table", "delete", table)
    _before("AWS::S3::Bucket", "delete", bucket)
    _before("AWS::Lambda::Version", "delete", version)


_OF_A_VERSION = (
    *("Version", "FunctionArn", "RevisionId", "LastModified", "Description"),
    *("State", "StateReason", "StateReasonCode", "LastUpdateStatus"),
)


def zip_equal_code_equally() -> None:
    """The archive of inline code holds the time at which it was made, so that equal code differs some seconds later."""
    zip_inline = provisioners._zip_inline

    def zip_without_time(*args: Json, **more: Json) -> bytes | None:
        made = zip_inline(*args, **more)
        if made is None:
            return None
        archive = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(made)) as source, zipfile.ZipFile(archive, "w") as target:
            for name in source.namelist():
                target.writestr(zipfile.ZipInfo(name), source.read(name))
        return archive.getvalue()

    provisioners._zip_inline = zip_without_time


def publish_no_version_of_unchanged_code() -> None:
    """Code that goes back and forth gets a version each time; Lambda compares it with the last version's."""

    def same(logical_id: str, properties: Json, stack_name: str) -> None:
        function, *_ = provisioners._lambda_function_for_cfn_ref(properties.get("FunctionName", ""))
        latest = max((function or {}).get("versions", {}), key=int, default=None)
        if latest and _comparable(function["versions"][latest]["config"]) == _comparable(function["config"]):
            raise ValueError(
                f"A version for this Lambda function exists ( {latest} ). Modify the function to create a new version."
            )

    _before("AWS::Lambda::Version", "create", same)


def _comparable(configuration: Json) -> Json:
    compared = {key: value for key, value in configuration.items() if key not in _OF_A_VERSION}
    return {**compared, "SnapStart": compared.get("SnapStart", {}).get("ApplyOn", "None")}


def keep_the_new_half_of_a_replacement() -> None:
    """A rollback deletes what replaced a resource by its `DeletionPolicy`; on AWS, `UpdateReplacePolicy` decides.

    Measured on AWS on 2026-09-05 (github.com/go-to-k/cdkd, pull request 2634).
    """
    roll_back = stacks._roll_back_operation

    async def roll_back_operation(stack_name: str, stack_id: str, stack: Json, operation: Json, *args: Json) -> None:
        template = copy.deepcopy(operation.get("template") or {})
        for logical_id in operation.get("replaced_ids", []):
            resource = template["Resources"][logical_id]
            retained = resource.get("UpdateReplacePolicy") in provisioners._RETAINING_POLICIES
            resource["DeletionPolicy"] = "Retain" if retained else "Delete"
        await roll_back(stack_name, stack_id, stack, {**operation, "template": template}, *args)

    stacks._roll_back_operation = roll_back_operation


def import_secrets_by_their_arns() -> None:
    """A secret that outlived its stack can't be imported into another one."""

    def problem(arn: str) -> str | None:
        found = any(secret["ARN"] == arn for secret in secretsmanager._secrets.values())
        return (
            None if found else f"Resource of type 'AWS::SecretsManager::Secret' with identifier '{arn}' was not found."
        )

    changesets._IMPORT_LOOKUPS["AWS::SecretsManager::Secret"] = (("Id",), problem)
    _HANDLERS["AWS::SecretsManager::Secret"]["import"] = lambda identifier: (
        identifier["Id"],
        {"Id": identifier["Id"], "Arn": identifier["Id"]},
    )


def _before(kind: str, action: str, check: Callable[..., None]) -> None:
    """Have a handler's action run a check first, which raises what CloudFormation would report."""
    handler = _HANDLERS[kind]
    act = handler[action]

    def checked(*args: Json) -> Json:
        check(*args)
        return act(*args)

    handler[action] = checked
