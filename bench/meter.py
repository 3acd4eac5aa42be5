"""Counts what this process asks of AWS, by hooks of botocore around each request."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3

from bench import capacity
from bench.capacity import Item


@dataclass
class Requests:
    """What was asked.

    Attributes:
        counts: requests by operation, `GetItem` or `s3:PutObject`.
        written: items written by transactions.
        read_units, write_units, index_write_units: of DynamoDB.
        largest_bytes: of the items read or written.
    """

    counts: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: int = 0
    index_write_units: int = 0
    largest_bytes: int = 0
    written: int = 0

    @property
    def total(self) -> int:
        """How many requests."""
        return self.counts.total()


class Meter:
    """Counts the requests of every client that `boto3.client` makes from now on.

    Before and after a write, the items are read by a client of its own, which nobody counts. Nothing reaches Step
    Functions: who uses the meter plays the state machine.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._dynamodb = client("dynamodb")
        self._tables: dict[str, tuple[list[str], list[capacity.Index]]] = {}
        self.requests = Requests()
        self.counts = True
        """Whether requests are counted; while they are timed they are not, for counting makes requests itself."""
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-parameter-build.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)
        for service in ("s3", "secretsmanager", "stepfunctions"):
            events.register(f"after-call.{service}", self._count)
        events.register("before-call.stepfunctions", self._answer_for_step_functions)

    def reset(self) -> Requests:
        """Start anew; what was counted so far."""
        counted, self.requests = self.requests, Requests()
        return counted

    def _count(self, model: Any, **_: Any) -> None:
        if not self.counts:
            return
        self.requests.counts[f"{model.service_model.service_name}:{model.name}"] += 1

    def _answer_for_step_functions(self, **_: Any) -> Any:
        return SimpleNamespace(status_code=200), {}

    def _before(self, params: Item, model: Any, context: Item, **_: Any) -> None:
        if not self.counts:
            return
        context["asked"] = params
        if model.name in ("UpdateItem", "TransactWriteItems"):
            context["written"] = [(*place, self._read(*place)) for place in self._places(model.name, params)]

    def _after(self, parsed: Item, model: Any, context: Item, **_: Any) -> None:
        if not self.counts:
            return
        asked = context["asked"]
        self.requests.counts[model.name] += 1
        match model.name:
            case "GetItem":
                # A projection saves nothing: the whole item is read.
                item = self._read(asked["TableName"], asked["Key"]) or {}
                self._count_read([item], asked.get("ConsistentRead", False))
            case "Query":
                # Neither a filter nor a projection saves anything: all that was looked at is read.
                whole = {k: v for k, v in asked.items() if k not in ("FilterExpression", "ProjectionExpression")}
                named = {
                    k: v for k, v in whole["ExpressionAttributeValues"].items() if k in whole["KeyConditionExpression"]
                }
                items = (
                    parsed["Items"]
                    if whole == asked
                    else self._dynamodb.query(**{**whole, "ExpressionAttributeValues": named})["Items"]
                )
                self._count_read(items, asked.get("ConsistentRead", False))
            case "BatchGetItem":
                for table, wanted in asked["RequestItems"].items():
                    for key in wanted["Keys"]:
                        self._count_read([self._read(table, key) or {}], wanted.get("ConsistentRead", False))
            case "UpdateItem" | "TransactWriteItems":
                transaction = model.name == "TransactWriteItems"
                self.requests.written += len(context["written"]) if transaction else 0
                for table, key, before in context["written"]:
                    self._count_write(table, before, self._read(table, key), transaction)
            case _:
                raise NotImplementedError(f"no rule for {model.name}")

    def _count_read(self, items: list[Item], consistent: bool) -> None:
        sizes = [capacity.item_size(item) for item in items]
        self.requests.read_units += capacity.read_units(sum(sizes), consistent=consistent)
        self.requests.largest_bytes = max(self.requests.largest_bytes, *sizes, 0)

    def _count_write(self, table: str, before: Item | None, after: Item | None, transaction: bool) -> None:
        self.requests.write_units += capacity.write_units(before, after, transaction=transaction)
        self.requests.index_write_units += sum(index.write_units(before, after) for index in self._table(table)[1])
        self.requests.largest_bytes = max(self.requests.largest_bytes, capacity.item_size(after or {}))

    def _places(self, operation: str, params: Item) -> list[tuple[str, Item]]:
        """Table and key of everything that a request writes."""
        if operation == "UpdateItem":
            return [(params["TableName"], params["Key"])]
        bodies = [body for action in params["TransactItems"] for body in action.values()]
        return [
            (
                body["TableName"],
                body.get("Key") or {name: body["Item"][name] for name in self._table(body["TableName"])[0]},
            )
            for body in bodies
        ]

    def _table(self, name: str) -> tuple[list[str], list[capacity.Index]]:
        if name not in self._tables:
            self._tables[name] = capacity.indexes_of(self._dynamodb.describe_table(TableName=name)["Table"])
        return self._tables[name]

    def _read(self, table: str, key: Item) -> Item | None:
        item: Item | None = self._dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return item
