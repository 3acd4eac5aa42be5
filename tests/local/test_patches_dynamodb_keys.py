"""Checks from outside what a policy may limit of a request to DynamoDB."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ANY_ITEM = [f"dynamodb:{one}Item" for one in ("Get", "Put", "Update", "Delete", "BatchGet", "BatchWrite")]
TABLE = "arn:aws:dynamodb:*:*:table/notes"
OWN_PARTITIONS = {
    "Action": [*ANY_ITEM, "dynamodb:Query"],
    "Resource": [TABLE, f"{TABLE}/index/*"],
    "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "own*"}},
}
KEY_AND_STATUS = {
    "Action": [*ANY_ITEM, "dynamodb:Query"],
    "Resource": TABLE,
    "Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["owner", "id", "status"]}},
}


def key(owner: str) -> dict[str, Any]:
    return {"owner": {"S": owner}, "id": {"S": "1"}}


@pytest.fixture(scope="module")
def table(client: Callable[[str], Any]) -> Any:
    """A table with an item in each of two partitions, and an index by author."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="notes",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("owner", "id", "author")],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_author",
                "KeySchema": [{"AttributeName": "author", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for owner in ("own", "foreign"):
        dynamodb.put_item(TableName="notes", Item={**key(owner), "author": {"S": owner}, "text": {"S": "long"}})
    return dynamodb


Call = Callable[[Any, str], object]

REQUESTS: dict[str, Call] = {
    "GetItem": lambda db, owner: db.get_item(TableName="notes", Key=key(owner)),
    "PutItem": lambda db, owner: db.put_item(TableName="notes", Item=key(owner)),
    "UpdateItem": lambda db, owner: db.update_item(TableName="notes", Key=key(owner)),
    "DeleteItem": lambda db, owner: db.delete_item(TableName="notes", Key=key(owner)),
    "Query": lambda db, owner: db.query(
        TableName="notes",
        KeyConditionExpression="id = :i AND #o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": owner}, ":i": {"S": "1"}},
    ),
    "Query of an index": lambda db, owner: db.query(
        TableName="notes",
        IndexName="by_author",
        KeyConditionExpression="author = :o",
        ExpressionAttributeValues={":o": {"S": owner}},
    ),
    "BatchGetItem": lambda db, owner: db.batch_get_item(RequestItems={"notes": {"Keys": [key("own2"), key(owner)]}}),
    "BatchWriteItem": lambda db, owner: db.batch_write_item(
        RequestItems={"notes": [{"DeleteRequest": {"Key": key("own2")}}, {"PutRequest": {"Item": key(owner)}}]}
    ),
    "TransactGetItems": lambda db, owner: db.transact_get_items(
        TransactItems=[{"Get": {"TableName": "notes", "Key": one}} for one in (key("own2"), key(owner))]
    ),
    "TransactWriteItems": lambda db, owner: db.transact_write_items(
        TransactItems=[{"Delete": {"TableName": "notes", "Key": one}} for one in (key("own2"), key(owner))]
    ),
}


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS.keys())
def test_leading_keys_limit_every_item_action(
    table: Any, as_role: Callable[..., boto3.Session], request_of: Call
) -> None:
    role = as_role(OWN_PARTITIONS).client("dynamodb", endpoint_url=table.meta.endpoint_url)
    request_of(role, "own")
    with pytest.raises(ClientError, match="AccessDenied"):
        request_of(role, "foreign")


NAMED: dict[str, Callable[[Any, str], object]] = {
    "projection": lambda db, name: db.get_item(
        TableName="notes",
        Key=key("own"),
        ProjectionExpression="#n.part[0].more, id",
        ExpressionAttributeNames={"#n": name},
    ),
    "update": lambda db, name: db.update_item(
        TableName="notes",
        Key=key("own"),
        UpdateExpression="SET #n = if_not_exists(#n, :v)",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":v": {"S": "v"}},
    ),
    "condition": lambda db, name: db.update_item(
        TableName="notes",
        Key=key("own"),
        ConditionExpression="attribute_exists(#n) OR attribute_not_exists(#n)",
        ExpressionAttributeNames={"#n": name},
    ),
    "item": lambda db, name: db.put_item(TableName="notes", Item={**key("own"), name: {"S": "v"}}),
    "transaction": lambda db, name: db.transact_write_items(
        TransactItems=[{"Put": {"TableName": "notes", "Item": {**key("own"), name: {"S": "v"}}}}]
    ),
}


@pytest.mark.parametrize("request_of", NAMED.values(), ids=NAMED.keys())
def test_attributes_limit_what_a_request_may_name(
    table: Any, as_role: Callable[..., boto3.Session], request_of: Call
) -> None:
    role = as_role(KEY_AND_STATUS).client("dynamodb", endpoint_url=table.meta.endpoint_url)
    request_of(role, "status")
    with pytest.raises(ClientError, match="AccessDenied"):
        request_of(role, "text")


def test_select_limits_a_request_to_what_it_names(table: Any, as_role: Callable[..., boto3.Session]) -> None:
    condition = {"StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}
    role = as_role({"Action": ANY_ITEM, "Resource": TABLE, "Condition": condition}).client(
        "dynamodb", endpoint_url=table.meta.endpoint_url
    )
    role.get_item(TableName="notes", Key=key("own"), ProjectionExpression="id")
    with pytest.raises(ClientError, match="AccessDenied"):
        role.get_item(TableName="notes", Key=key("own"))


@pytest.mark.parametrize(
    ("operator", "allowed"), [("ForAllValues:StringLike", True), ("ForAnyValue:StringLike", False)]
)
def test_an_absent_key_meets_for_all_values_and_not_for_any_value(
    table: Any, as_role: Callable[..., boto3.Session], operator: str, allowed: bool
) -> None:
    statement = {
        "Action": "dynamodb:Scan",
        "Resource": TABLE,
        "Condition": {operator: {"dynamodb:LeadingKeys": "own*"}},
    }
    role = as_role(statement).client("dynamodb", endpoint_url=table.meta.endpoint_url)
    if allowed:
        role.scan(TableName="notes")
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        role.scan(TableName="notes")
