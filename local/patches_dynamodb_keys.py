"""Has the emulator see what a request to DynamoDB asks for, so that a policy can limit it.

Each item action carries `dynamodb:LeadingKeys`, `dynamodb:Attributes`, `dynamodb:Select` and `dynamodb:ReturnValues`,
as "Using IAM policy conditions for fine-grained access control" in DynamoDB's developer guide describes them.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.services import dynamodb  # type: ignore[import-untyped]

Json = Any

_EXPRESSIONS = (
    *("ProjectionExpression", "ConditionExpression", "FilterExpression"),
    *("KeyConditionExpression", "UpdateExpression"),
)
_MAPS = ("Item", "Key", "AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter")
_KEYWORDS = {"and", "or", "not", "between", "in", "set", "add", "remove", "delete"}
_NAME = re.compile(r"(?<![\w.:#])(#?[A-Za-z_]\w*)(?!\w|\s*\()")


class _Resource(str):
    """The ARN of a table or an index, with the condition keys of what a request asks of it."""

    keys: dict[str, Json]


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    give_each_item_its_condition_keys()


def give_each_item_its_condition_keys() -> None:
    """`dynamodb:LeadingKeys` is in no request, which `ForAllValues` lets pass: a role reads every partition.

    `dynamodb:Attributes` has what is projected alone, and in a transaction or a batch nothing at all.
    """
    arn_of, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def resource_arns(body: bytes, region: str, account: str) -> list[_Resource]:
        request = _parsed(body)
        if isinstance(request.get("RequestItems"), dict):
            tables = request["RequestItems"].items()
            return [_resource(name, "", list(_in_batch(wanted)), region, account) for name, wanted in tables]
        if "TableName" not in request:
            return []
        return [_resource(request["TableName"], request.get("IndexName", ""), [request], region, account)]

    def transaction_checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, _Resource]]:
        if action not in ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"):
            return []
        return [
            (member_action, _resource(item[member]["TableName"], "", [item[member]], region, account))
            for item in _parsed(body).get("TransactItems", [])
            for member, member_action in iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS.items()
            if isinstance(item.get(member), dict) and item[member].get("TableName")
        ]

    def resource_arn(service: str, method: str, path: str, headers: Json, body: bytes, *more: Json) -> str:
        arns = resource_arns(body, *more[-2:]) if service == "dynamodb" else []
        return arns[0] if arns else arn_of(service, method, path, headers, body, *more)

    def enforce_with_keys(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Json = None
    ) -> Json:
        if isinstance(resource_arn, _Resource):
            service_context = {**(service_context or {}), **resource_arn.keys}
        return enforce(access_key, action, service, region, resource_arn, service_context)

    iam_actions.dynamodb_service_context = lambda body: {}
    iam_actions.dynamodb_resource_arns = resource_arns
    iam_actions.dynamodb_transaction_checks = transaction_checks
    iam_actions.extract_resource_arn = resource_arn
    iam_evaluator.enforce = enforce_with_keys


def _parsed(body: bytes) -> dict[str, Json]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _in_batch(wanted: Json) -> Iterator[dict[str, Json]]:
    """Yield what a batch asks of a table, as requests for one item each."""
    if isinstance(wanted, dict):
        rest = {name: value for name, value in wanted.items() if name != "Keys"}
        yield from ({**rest, "Key": key} for key in wanted.get("Keys", []))
    else:
        yield from (write.get("PutRequest") or write.get("DeleteRequest") or {} for write in wanted or [])


def _resource(table: str, index: str, requests: list[dict[str, Json]], region: str, account: str) -> _Resource:
    arn = _Resource(iam_actions._dynamodb_table_arn(table, region, account) + (f"/index/{index}" if index else ""))
    arn.keys = {}
    partition_key = _partition_key(table, index)
    leading = [value for request in requests for value in _leading_keys(request, partition_key)]
    attributes = {name for request in requests for name in _attributes(request)}
    if leading:
        arn.keys["dynamodb:leadingkeys"] = leading
    if attributes:
        arn.keys["dynamodb:attributes"] = sorted(attributes)
    for request in requests:
        chosen = "ProjectionExpression" in request or "AttributesToGet" in request
        arn.keys["dynamodb:select"] = request.get("Select", "SPECIFIC_ATTRIBUTES" if chosen else "ALL_ATTRIBUTES")
        arn.keys["dynamodb:returnvalues"] = request.get("ReturnValues", "NONE")
    return arn


def _partition_key(table: str, index: str) -> str:
    """The name of a table's or an index's partition key; empty if there is no such table."""
    found = dynamodb._tables.get(table.rpartition("/")[2])
    if not found:
        return ""
    indexes = [*(found.get("GlobalSecondaryIndexes") or []), *(found.get("LocalSecondaryIndexes") or [])]
    schema = next((one["KeySchema"] for one in indexes if one["IndexName"] == index), found["KeySchema"])
    return str(next(key["AttributeName"] for key in schema if key["KeyType"] == "HASH"))


def _leading_keys(request: dict[str, Json], partition_key: str) -> Iterator[str]:
    """The partition key's values that a request for an item, or a query, gives."""
    for name in ("Key", "Item"):
        if partition_key in (request.get(name) or {}):
            yield str(*request[name][partition_key].values())
    if legacy := (request.get("KeyConditions") or {}).get(partition_key):
        yield from (str(*value.values()) for value in legacy["AttributeValueList"])
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for name, value in re.findall(r"(#?\w+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(name, name) == partition_key and value in values:
            yield str(*values[value].values())


def _attributes(request: dict[str, Json]) -> Iterator[str]:
    """The top-level attributes that a request names, keys included."""
    names = request.get("ExpressionAttributeNames") or {}
    for expression in _EXPRESSIONS:
        for name in _NAME.findall(request.get(expression) or ""):
            if name.lower() not in _KEYWORDS:
                yield names.get(name, name)
    yield from request.get("AttributesToGet") or []
    for given in _MAPS:
        yield from request.get(given) or {}
