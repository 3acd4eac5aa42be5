"""Checks the order in which events that were given up go back to the webhook's queue."""

import json
from typing import Any

from assistants import events


class Queues:
    """Two queues of SQS: one full of dead letters, in the order in which it was given them."""

    class exceptions:
        """Named as in boto3's client."""

        class QueueDoesNotExist(Exception):
            """There is no such queue."""

    def __init__(self, letters: list[tuple[str, int]]) -> None:
        self._letters = [
            {
                "MessageId": f"{run}-{sequence}",
                "ReceiptHandle": f"{run}-{sequence}",
                "Body": json.dumps({"type": "thread.run.queued", "data": {"run_id": run, "sequence": sequence}}),
                "Attributes": {"MessageGroupId": run},
            }
            for run, sequence in letters
        ]
        self.sent: list[tuple[str, int]] = []
        self.deleted: list[str] = []

    def get_queue_url(self, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": QueueName}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        most = asked.get("MaxNumberOfMessages", 1)
        taken, self._letters = self._letters[:most], self._letters[most:]
        return {"Messages": taken} if taken else {}

    def send_message(self, MessageBody: str, MessageGroupId: str, **_: Any) -> None:
        self.sent.append((MessageGroupId, json.loads(MessageBody)["data"]["sequence"]))

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:
        self.deleted.append(ReceiptHandle)


def test_a_runs_events_go_back_to_the_webhook_in_their_order() -> None:
    letters = [("run_a", 4), ("run_b", 1), ("run_a", 1), ("run_a", 3), ("run_b", 2), ("run_a", 2)]
    queues = Queues(letters)
    assert events.return_to_webhook(lambda service: queues, "oae-dev") == len(letters)
    assert [sequence for run, sequence in queues.sent if run == "run_a"] == [1, 2, 3, 4]
    assert [sequence for run, sequence in queues.sent if run == "run_b"] == [1, 2]
    assert sorted(queues.deleted) == sorted(f"{run}-{sequence}" for run, sequence in letters)
