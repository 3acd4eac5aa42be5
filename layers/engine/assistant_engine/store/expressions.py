"""Requests to DynamoDB with expressions in them: updates, other writes under a condition, and queries.

A condition is one of boto3's (`Attr("turn").eq(3) & Attr("deleted").not_exists()`). Every name and every value is
replaced by a placeholder, so no attribute's name can be one of DynamoDB's reserved words.
"""

from collections.abc import Sequence
from typing import Any, Self

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from boto3.dynamodb.types import TypeSerializer

from assistant_engine.domain.json_data import Json
from assistant_engine.store.items import marshal

_serialize = TypeSerializer().serialize


class Update:
    """An update of one item: the changes, and the conditions under which they are made.

    Each method returns the update itself. Of two changes of one attribute the later one holds.

    Args:
        table: the table's name.
        key: the item's key.
    """

    def __init__(self, table: str, key: Json) -> None:
        self._table = table
        self._key = key
        self._set: dict[str, str] = {}
        self._added: dict[str, str] = {}
        self._removed: dict[str, str] = {}
        self._values: Json = {}
        self._conditions: list[ConditionBase] = []

    def set(self, attributes: Json | None = None, /, **more: Any) -> Self:
        """Set attributes; None is DynamoDB's null."""
        for name, value in {**(attributes or {}), **more}.items():
            self._change(self._set, name, f"#{name} = :{name}")
            self._values[name] = value
        return self

    def set_once(self, /, **attributes: Any) -> Self:
        """Set attributes that the item does not have yet."""
        for name, value in attributes.items():
            self._change(self._set, name, f"#{name} = if_not_exists(#{name}, :{name})")
            self._values[name] = value
        return self

    def add(self, amounts: dict[str, int] | None = None, /, **more: int) -> Self:
        """Add to numbers; a missing one counts as 0."""
        for name, amount in {**(amounts or {}), **more}.items():
            self._change(self._added, name, f"#{name} :{name}")
            self._values[name] = amount
        return self

    def remove(self, *names: str) -> Self:
        """Remove attributes, whether the item has them or not."""
        for name in names:
            self._change(self._removed, name, f"#{name}")
        return self

    def when(self, *conditions: ConditionBase) -> Self:
        """Write only if these conditions hold, in addition to those given before."""
        self._conditions += conditions
        return self

    def _change(self, clause: dict[str, str], name: str, text: str) -> None:
        for each in (self._set, self._added, self._removed, self._values):
            each.pop(name, None)
        clause[name] = text

    @property
    def is_empty(self) -> bool:
        """Return whether it changes nothing."""
        return not (self._set or self._added or self._removed)

    def request(self) -> Json:
        """Return the arguments of `UpdateItem`."""
        clauses = {"SET": self._set, "ADD": self._added, "REMOVE": self._removed}
        expression = " ".join(f"{verb} {', '.join(clause.values())}" for verb, clause in clauses.items() if clause)
        changed = [*self._set, *self._added, *self._removed]
        return {
            "TableName": self._table,
            "Key": marshal(self._key),
            "UpdateExpression": expression,
            **_expressions(
                {"ConditionExpression": _all(self._conditions)},
                names={f"#{name}": name for name in changed},
                values={f":{name}": value for name, value in self._values.items()},
            ),
        }

    def action(self) -> Json:
        """Return the update as an action of a transaction."""
        return {"Update": self.request()}


def put(table: str, item: Json, when: ConditionBase | None = None) -> Json:
    """Return the action of a transaction that writes an item; attributes that are None are left out."""
    return {"Put": {"TableName": table, "Item": marshal(item), **_expressions({"ConditionExpression": when})}}


def delete(table: str, key: Json, when: ConditionBase | None = None) -> Json:
    """Return the action of a transaction that deletes an item."""
    return {"Delete": {"TableName": table, "Key": marshal(key), **_expressions({"ConditionExpression": when})}}


def query(
    table: str,
    key: ConditionBase,
    *,
    index: str | None = None,
    matching: ConditionBase | None = None,
    attributes: Sequence[str] = (),
    ascending: bool = True,
    limit: int | None = None,
    consistent: bool = True,
) -> Json:
    """Return the arguments of `Query`.

    Args:
        key: the condition on the keys.
        index: a global index; it is read eventually consistent, which is all that DynamoDB offers.
        matching: leaves out other items once they are read, so a page may hold fewer than `limit`.
        attributes: only these of each item.
        limit: most items that are read for a page.
    """
    options: Json = {
        "IndexName": index,
        "ProjectionExpression": ", ".join(f"#{name}" for name in attributes) or None,
        "ScanIndexForward": None if ascending else False,
        "Limit": limit,
        "ConsistentRead": True if consistent and index is None else None,
    }
    names = {f"#{name}": name for name in attributes}
    expressions = _expressions({"KeyConditionExpression": key, "FilterExpression": matching}, names=names)
    return {"TableName": table, **{name: value for name, value in options.items() if value is not None}, **expressions}


def _all(conditions: Sequence[ConditionBase]) -> ConditionBase | None:
    whole: ConditionBase | None = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def _expressions(
    conditions: dict[str, ConditionBase | None], names: Json | None = None, values: Json | None = None
) -> Json:
    """Return conditions as text under their parameters' names, with the names and values of all; no empty map."""
    builder = ConditionExpressionBuilder()
    names, values, texts = dict(names or {}), dict(values or {}), {}
    for parameter, condition in conditions.items():
        if condition is not None:
            built = builder.build_expression(condition, is_key_condition=parameter == "KeyConditionExpression")
            texts[parameter] = built.condition_expression
            names |= built.attribute_name_placeholders
            values |= built.attribute_value_placeholders
    marshalled = {name: _serialize(value) for name, value in values.items()}
    return {
        **texts,
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": marshalled} if marshalled else {}),
    }
