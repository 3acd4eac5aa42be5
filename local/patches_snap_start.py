"""Has the emulator refuse what AWS refuses a function with SnapStart, and take its snapshots.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html ("Supported features and limitations").
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

MAX_SNAPSHOT_SECONDS = 90


def apply() -> None:
    """Patch the emulator."""
    refuse_what_snapshots_exclude()
    refuse_provisioned_concurrency()
    wait_for_the_snapshot_of_a_version()


def refuse_what_snapshots_exclude() -> None:
    """A template may give SnapStart to any function; the API takes it with images, EFS and tenants."""
    create_function, update_config = lambda_svc._create_function, lambda_svc._update_config
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handler["create"], handler["update"]

    def create_checked(data: Json) -> Json:
        return _error(excluded_by(data)) or create_function(data)

    def update_checked(name: str, data: Json) -> Json:
        config = lambda_svc._functions[name]["config"] if name in lambda_svc._functions else {}
        return _error(excluded_by({**config, **data})) or update_config(name, data)

    def create_resource(logical_id: str, properties: Json, stack: str) -> Json:
        _raise(excluded_by(properties))
        return create(logical_id, properties, stack)

    def update_resource(physical_id: str, old: Json, new: Json, stack: str, *more: Json, **named: Json) -> Json:
        _raise(excluded_by(new))
        return update(physical_id, old, new, stack, *more, **named)

    lambda_svc._create_function, lambda_svc._update_config = create_checked, update_checked
    handler["create"], handler["update"] = create_resource, update_resource


def excluded_by(function: Json) -> str:
    """Return why a function can't have SnapStart; empty if it can, or has none.

    Args:
        function: as CreateFunction and `AWS::Lambda::Function` take it.
    """
    if (function.get("SnapStart") or {}).get("ApplyOn") != "PublishedVersions":
        return ""
    runtime = function.get("Runtime", "")
    if function.get("PackageType") == "Image":
        return "SnapStart is not supported for functions that are container images."
    if not lambda_svc._snapstart_runtime_supported(runtime):
        return f"{runtime} is not supported for SnapStart enabled functions."
    if int((function.get("EphemeralStorage") or {}).get("Size", 512)) > 512:
        return "SnapStart is not supported with ephemeral storage greater than 512 MB."
    if function.get("FileSystemConfigs"):
        return "SnapStart is not supported for functions that use Amazon EFS."
    if function.get("TenancyConfig"):
        return "SnapStart is not supported for functions with tenant isolation."
    return ""


def refuse_provisioned_concurrency() -> None:
    """Provisioned concurrency is accepted for a version that has a snapshot."""
    put = lambda_svc._put_provisioned_concurrency

    def put_unless_snapshot(name: str, qualifier: str, data: Json) -> Json:
        _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
        if config and has_snapshot(config):
            return _error("Provisioned Concurrency is not supported for SnapStart enabled functions.")
        return put(name, qualifier, data)

    lambda_svc._put_provisioned_concurrency = put_unless_snapshot


def wait_for_the_snapshot_of_a_version() -> None:
    """CloudFormation calls a version created while its snapshot is being taken, and also when that fails."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Version"]
    create = handler["create"]

    def create_and_wait(logical_id: str, properties: Json, stack: str) -> Json:
        arn, attributes = create(logical_id, properties, stack)
        *_, name, version = arn.split(":")
        _, config = lambda_svc._get_func_record_for_qualifier(name, version)
        if not (config and has_snapshot(config)):
            return arn, attributes
        deadline = time.monotonic() + MAX_SNAPSHOT_SECONDS
        while config["State"] == "Pending" and time.monotonic() < deadline:
            time.sleep(0.05)
        if config["State"] != "Active":
            raise ValueError(f"The snapshot of version {version} of {name} failed: {config['StateReason']}")
        return arn, attributes

    handler["create"] = create_and_wait


def take_snapshots_with(initialise: Callable[[Json, bytes], str]) -> None:
    """The snapshot of a version is a worker of the emulator's own, which no invocation is given.

    Args:
        initialise: initialises a version, of which it gets the configuration and the code; it returns why that failed.
    """

    def take(name: str, record: Json) -> None:
        config = record["config"]

        def run() -> None:
            reason = initialise(config, record["code_zip"])
            config["StateReason"], config["StateReasonCode"] = reason, "FunctionError" if reason else ""
            config["LastUpdateStatus"] = "Failed" if reason else "Successful"
            config["State"] = "Failed" if reason else "Active"

        threading.Thread(target=run, daemon=True, name=f"snapshot-{name}").start()

    lambda_svc._snapstart_provision_version_async = take


def has_snapshot(config: Json) -> bool:
    """Return whether environments of a version start from a snapshot: SnapStart works on published versions only."""
    return bool(config.get("SnapStart", {}).get("OptimizationStatus") == "On")


def _error(message: str) -> Json:
    return lambda_svc.error_response_json("InvalidParameterValueException", message, 400) if message else None


def _raise(message: str) -> None:
    if message:
        raise ValueError(message)
