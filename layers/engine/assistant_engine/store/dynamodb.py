"""DynamoDB as the store uses it: items as plain dicts, and transactions that retry only conflicts."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.store.expressions import Update
from assistant_engine.store.items import marshal, unmarshal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TRANSACTION_ITEMS = 100
"""Most items in one transaction (DynamoDB limit)."""

_CONFLICT_ATTEMPTS = 10


class ConditionFailed(Exception):
    """A condition of a write did not hold. That is an answer, and is never retried.

    Attributes:
        items: for each action of the transaction, the item as it stands if this action's condition failed (an empty
            dict when there is no such item), None where it held.
    """

    def __init__(self, items: list[Json | None]) -> None:
        super().__init__("a condition failed")
        self.items = items


class Database:
    """The DynamoDB client, with the project's rules for reading and writing."""

    def __init__(self) -> None:
        # Standard mode retries throttling with jitter; a transaction's conflicts are retried here.
        # The store alone makes the requests, and DynamoDB checks each: botocore's own check is a tenth of a call's CPU,
        # and so is what it finds out anew for each request of who asks.
        config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=2,
            read_timeout=10,
            parameter_validation=False,
            user_agent="assistants-engine",
        )
        self.client: DynamoDBClient = boto3.client("dynamodb", config=config)

    def get(self, table: str, key: Json, *, consistent: bool = True, attributes: Sequence[str] = ()) -> Json | None:
        """One item by its key, strongly consistent unless told; only `attributes` of it if given."""
        projection: Json = {}
        if attributes:
            projection = {
                "ProjectionExpression": ", ".join(f"#{i}" for i in range(len(attributes))),
                "ExpressionAttributeNames": {f"#{i}": name for i, name in enumerate(attributes)},
            }
        response = self.client.get_item(TableName=table, Key=marshal(key), ConsistentRead=consistent, **projection)
        return unmarshal(response["Item"]) if "Item" in response else None

    def get_all(self, table: str, keys: list[Json]) -> list[Json]:
        """Those items of up to 100 keys (DynamoDB limit) that exist, strongly consistent, in no certain order."""
        found: list[Json] = []
        waiting: Any = {table: {"Keys": [marshal(key) for key in keys], "ConsistentRead": True}} if keys else {}
        while waiting:
            response = self.client.batch_get_item(RequestItems=waiting)
            found += map(unmarshal, response["Responses"].get(table, []))
            waiting = response["UnprocessedKeys"]
        return found

    def query(self, request: Json) -> tuple[list[Json], Json | None]:
        """One page: the items and the key to go on from, None at the end. At most 1 MB is read (DynamoDB limit).

        Args:
            request: `expressions.query(...)`.
        """
        response = self.client.query(**request)
        return [unmarshal(item) for item in response["Items"]], response.get("LastEvaluatedKey")

    def query_all(self, request: Json) -> Iterator[Json]:
        """Every item, page after page."""
        start: Json = {}
        while True:
            items, following = self.query({**request, **start})
            yield from items
            if following is None:
                return
            start = {"ExclusiveStartKey": following}

    def update(self, update: Update) -> Json:
        """One conditional update; the item as it is afterwards.

        Raises:
            ConditionFailed: with the item as it stands.
        """
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        request = {**update.request(), **returned}
        try:
            response = _past_conflicts(lambda: self.client.update_item(**request))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConditionFailed([unmarshal(error.response.get("Item", {}))]) from None
        return unmarshal(response["Attributes"])

    def put(self, action: Json) -> None:
        """One conditional write of an item.

        Args:
            action: `expressions.put(...)`.

        Raises:
            ConditionFailed: with the item as it stands.
        """
        request = {**action["Put"], "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            _past_conflicts(lambda: self.client.put_item(**request))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConditionFailed([unmarshal(error.response.get("Item", {}))]) from None

    def put_new(self, action: Json) -> None:
        """One write of an item under a key that nobody else makes; sent again after a lost answer, it changes nothing.

        Args:
            action: `expressions.put(...)` on the condition that there is no such item.

        Raises:
            ConditionFailed: there is another item.
        """
        try:
            self.put(action)
        except ConditionFailed as failed:
            if failed.items != [unmarshal(action["Put"]["Item"])]:
                raise

    def delete(self, table: str, key: Json) -> Json | None:
        """Delete an item; the item as it was, None if there was none."""
        response = _past_conflicts(
            lambda: self.client.delete_item(TableName=table, Key=marshal(key), ReturnValues="ALL_OLD")
        )
        return unmarshal(response["Attributes"]) if "Attributes" in response else None

    def delete_all(self, table: str, keys: list[Json]) -> None:
        """Delete items by their keys, 25 in one request (DynamoDB limit)."""
        for start in range(0, len(keys), 25):
            waiting: Any = {table: [{"DeleteRequest": {"Key": marshal(key)}} for key in keys[start : start + 25]]}
            while waiting:
                waiting = self.client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]

    def transact(self, actions: list[Json]) -> None:
        """All of the actions or none.

        Raises:
            ConditionFailed: a condition did not hold.
        """
        for action in actions:
            for body in action.values():
                body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        items: Any = actions
        try:
            _past_conflicts(lambda: self.client.transact_write_items(TransactItems=items))
        except ClientError as error:
            if _CONDITION not in _codes(error):
                raise
            reasons = error.response["CancellationReasons"]
            failed = (unmarshal(r.get("Item", {})) if r.get("Code") == _CONDITION else None for r in reasons)
            raise ConditionFailed(list(failed)) from None


_CONDITION = "ConditionalCheckFailed"
_CONFLICTS = {
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "TransactionConflict",
    "TransactionConflictException",
}


def _codes(error: ClientError) -> set[str]:
    """The code of an error or, of a cancelled transaction, those of its actions."""
    reasons = error.response.get("CancellationReasons")
    return {reason.get("Code", "None") for reason in reasons} if reasons else {error.response["Error"]["Code"]}


def _past_conflicts(request: Callable[[], Any]) -> Any:
    """Send a request again, with full jitter, while another transaction holds one of its items at that very moment.

    botocore repeats throttled requests, but knows nothing of conflicts.
    """
    for attempt in range(_CONFLICT_ATTEMPTS):
        try:
            return request()
        except ClientError as error:
            codes = _codes(error)
            if attempt == _CONFLICT_ATTEMPTS - 1 or _CONDITION in codes or not codes & _CONFLICTS:
                raise
        time.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))
    raise AssertionError("unreachable")
