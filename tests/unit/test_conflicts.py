"""Checks the answers of DynamoDB while another transaction holds an item: the embedded one never gives them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import Update

Json = dict[str, Any]


def refused(code: str, *reasons: str) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "Write")


class Client:
    """Answers each request with the next of its answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __getattr__(self, operation: str) -> Any:
        def answer(**_: Any) -> Any:
            following = self.answers.pop(0)
            if isinstance(following, Exception):
                raise following
            return following

        return answer


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A `Database` whose client each test sets."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    return Database.__new__(Database)


def test_an_update_waits_for_a_transaction_to_end(database: Any) -> None:
    database.client = Client(refused("TransactionConflictException"), {"Attributes": {"a": {"N": "1"}}})
    assert database.update(Update("t", {}).set(a=1)) == {"a": 1}


def test_a_transaction_waits_for_another_one_to_end(database: Any) -> None:
    database.client = Client(refused("TransactionCanceledException", "None", "TransactionConflict"), {})
    database.transact([])
    assert database.client.answers == []


def test_a_failed_condition_is_an_answer_and_never_tried_again(database: Any) -> None:
    cancelled = refused("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")
    database.client = Client(cancelled, {})
    with pytest.raises(ConditionFailed) as failed:
        database.transact([])
    assert failed.value.items == [None, {}]
    database.client = Client(refused("ConditionalCheckFailedException"), {})
    with pytest.raises(ConditionFailed):
        database.update(Update("t", {}).set(a=1))


def test_conflicts_without_end_are_an_error(database: Any) -> None:
    database.client = Client(*[refused("TransactionConflictException")] * 10)
    with pytest.raises(ClientError):
        database.update(Update("t", {}).set(a=1))
