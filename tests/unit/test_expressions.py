"""The builder of DynamoDB's expressions."""

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.store.expressions import Update, delete, put, query
from assistant_engine.store.items import IS_OURS


def test_an_update_says_what_changes_and_when() -> None:
    update = Update("runs", {"id": "run_1"}).set(status="queued").set_once(started_at=5).add(turn=1).remove("token")
    request = update.when(Attr("turn").eq(3), Attr("deleted").not_exists()).request()
    assert request == {
        "TableName": "runs",
        "Key": {"id": {"S": "run_1"}},
        "UpdateExpression": "SET #status = :status, #started_at = if_not_exists(#started_at, :started_at)"
        " ADD #turn :turn REMOVE #token",
        "ConditionExpression": "(#n0 = :v0 AND attribute_not_exists(#n1))",
        "ExpressionAttributeNames": {
            "#status": "status",
            "#started_at": "started_at",
            "#turn": "turn",
            "#token": "token",
            "#n0": "turn",
            "#n1": "deleted",
        },
        "ExpressionAttributeValues": {
            ":status": {"S": "queued"},
            ":started_at": {"N": "5"},
            ":turn": {"N": "1"},
            ":v0": {"N": "3"},
        },
    }
    assert update.action() == {"Update": request}


def test_the_later_of_two_changes_of_one_attribute_holds() -> None:
    """DynamoDB refuses an expression in which two clauses name one attribute."""
    request = Update("t", {"id": "1"}).set(a=1, b=2).remove("a").set(b=3).remove("c").set({"c": None}).request()
    assert request["UpdateExpression"] == "SET #b = :b, #c = :c REMOVE #a"
    assert request["ExpressionAttributeValues"] == {":b": {"N": "3"}, ":c": {"NULL": True}}
    assert Update("t", {}).is_empty and not Update("t", {}).remove("a").is_empty


def test_an_update_without_values_has_no_empty_map() -> None:
    """DynamoDB refuses an empty map of values."""
    request = Update("t", {"id": "1"}).remove("a").when(Attr("a").exists()).request()
    assert "ExpressionAttributeValues" not in request
    assert request["ConditionExpression"] == "attribute_exists(#n0)"


def test_an_attribute_may_have_the_name_of_a_parameter() -> None:
    names = Update("t", {}).set(attributes=1, self=2).add(amounts=3).request()["ExpressionAttributeNames"]
    assert set(names.values()) == {"attributes", "self", "amounts"}


def test_writes_without_a_condition_name_none() -> None:
    assert put("t", {"id": "1", "none": None}) == {"Put": {"TableName": "t", "Item": {"id": {"S": "1"}}}}
    assert delete("t", {"id": "1"}) == {"Delete": {"TableName": "t", "Key": {"id": {"S": "1"}}}}
    assert delete("t", {"id": "1"}, IS_OURS)["Delete"]["ConditionExpression"] == (
        "(attribute_exists(#n0) OR attribute_exists(#n1))"
    )


def test_a_query_reads_the_table_strongly_consistent_and_an_index_as_dynamodb_can() -> None:
    assert query("t", Key("id").eq("1"), matching=Attr("b").ne(2), attributes=("b",), ascending=False, limit=5) == {
        "TableName": "t",
        "KeyConditionExpression": "#n0 = :v0",
        "FilterExpression": "#n1 <> :v1",
        "ProjectionExpression": "#b",
        "ScanIndexForward": False,
        "Limit": 5,
        "ConsistentRead": True,
        "ExpressionAttributeNames": {"#b": "b", "#n0": "id", "#n1": "b"},
        "ExpressionAttributeValues": {":v0": {"S": "1"}, ":v1": {"N": "2"}},
    }
    assert "ConsistentRead" not in query("t", Key("id").eq("1"), index="by_id")
    assert "ConsistentRead" not in query("t", Key("id").eq("1"), consistent=False)
