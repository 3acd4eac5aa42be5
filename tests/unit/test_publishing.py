"""Checks what becomes of events that AWS or the webhook's receiver does not take."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from standardwebhooks import Webhook, WebhookVerificationError

import deliver_webhook
import publish_run_events
from assistant_engine.domain.json_data import Json
from local.paths import ROOT
from tests.support.loopback_server import serving
from tests.support.project import shown_in

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = {"type": "thread.run.queued", "data": {"run_id": "run_a", "sequence": 1}}
BODY = json.dumps(EVENT)
EVENTS = ROOT / "docs" / "events.md"


def record(number: int, run: str, sequence: int) -> Json:
    """A record of the stream: a run has its next status."""
    statuses = ("", "queued", "in_progress", "completed")
    image = {
        "thread_id": {"S": "thread_1"},
        "message_id": {"S": run},
        "assistant_id": {"S": "asst_1"},
        "created_at": {"N": "1"},
        "run_status": {"S": statuses[sequence]},
        "run_sequence": {"N": str(sequence)},
    }
    old = {**image, "run_sequence": {"N": str(sequence - 1)}}
    changes: Json = {"Keys": {"message_id": {"S": run}}, "NewImage": image, "SequenceNumber": str(number)}
    changes |= {"ApproximateCreationDateTime": 1795334235.0} | ({"OldImage": old} if sequence > 1 else {})
    return {"eventName": "MODIFY", "dynamodb": changes}


class Aws:
    """Takes events and messages but those that it was told to refuse."""

    def __init__(self) -> None:
        self.events: list[list[str]] = []
        self.messages: list[list[str]] = []
        self.bodies: list[str] = []
        self.detail_type = ""
        self.refused_events: set[int] = set()
        self.refused_messages: set[str] = set()
        self.down = False

    def put_events(self, Entries: list[Json]) -> Json:
        if self.down:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "secret words"}}, "PutEvents")
        self.events.append([entry["Detail"] for entry in Entries])
        self.detail_type = Entries[0]["DetailType"]
        answers = [{"ErrorCode": "InternalFailure"} if n in self.refused_events else {} for n in range(len(Entries))]
        return {"FailedEntryCount": len(self.refused_events), "Entries": answers}

    def send_message_batch(self, QueueUrl: str, Entries: list[Json]) -> Json:
        self.messages.append([entry["MessageDeduplicationId"] for entry in Entries])
        self.bodies += [entry["MessageBody"] for entry in Entries]
        return {"Failed": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] in self.refused_messages]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    for name, value in {"EVENT_BUS": "bus", "EVENT_SOURCE": "assistants.oae", "WEBHOOK_QUEUE_URL": "url"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(publish_run_events, "_client", lambda _: made)
    return made


RECORDS = [record(11, "run_a", 1), record(12, "run_b", 1), record(13, "run_a", 2), record(14, "run_a", 3)]


def failures(records: list[Json]) -> list[str]:
    answer = publish_run_events.handler({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_no_two_events_of_one_run_are_in_one_batch(aws: Aws) -> None:
    assert failures(RECORDS) == []
    assert aws.messages == [["run_a-1", "run_b-1"], ["run_a-2"], ["run_a-3"]]
    assert [len(batch) for batch in aws.events] == [2, 1, 1]


def test_a_batch_holds_ten(aws: Aws) -> None:
    failures([record(number, f"run_{number}", 1) for number in range(23)])
    assert [len(batch) for batch in aws.events] == [10, 10, 3]


def test_what_the_bus_refuses_is_reported_and_nothing_after_its_batch_is_sent(aws: Aws) -> None:
    aws.refused_events = {1}
    assert failures(RECORDS) == ["12"]
    assert aws.messages == [["run_a-1", "run_b-1"]]


def test_what_the_queue_refuses_is_reported_and_no_later_event_overtakes_it(aws: Aws) -> None:
    aws.refused_messages = {"13"}
    assert failures(RECORDS) == ["13"]
    assert aws.messages[-1] == ["run_a-2"]


def test_a_bus_that_is_down_fails_the_batch_and_is_logged_without_its_words(
    aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.down = True
    assert failures(RECORDS) == ["11", "12"]
    assert "ThrottlingException" in caplog.text
    assert "secret words" not in caplog.text


class Receiver(HTTPServer):
    """Answers with `status`, and keeps what it got."""

    status = 204
    headers: Json
    path = body = ""

    class Handler(BaseHTTPRequestHandler):
        server: "Receiver"

        def do_POST(self) -> None:
            self.server.headers, self.server.path = dict(self.headers.items()), self.path
            self.server.body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(self.server.status)
            self.send_header("Location", "https://elsewhere.example.com/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass


class Secrets:
    """The webhook's queue, and the signing secret."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.waits: list[int] = []

    def get_secret_value(self, SecretId: str) -> Json:
        if not self.secret:
            raise self.exceptions.ResourceNotFoundException
        return {"SecretString": self.secret}

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.waits.append(VisibilityTimeout)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver(("127.0.0.1", 0), Receiver.Handler)
    with serving(server) as origin:
        monkeypatch.setenv("WEBHOOK_URL", f"{origin}/runs?of=mine")
        monkeypatch.setenv("WEBHOOK_QUEUE_URL", "url")
        monkeypatch.setenv("WEBHOOK_SECRET_ARN", "arn")
        yield server


def delivered(
    monkeypatch: pytest.MonkeyPatch, secret: str = SECRET, deliveries: int = 1, body: str = BODY
) -> tuple[bool, list[int]]:
    """Return whether an event was taken, and else after how many seconds it comes again."""
    aws = Secrets(secret)
    monkeypatch.setattr(deliver_webhook, "_client", lambda _: aws)
    deliver_webhook._webhooks.cache_clear()
    attributes = {"ApproximateReceiveCount": str(deliveries)}
    message = {"messageId": "m", "receiptHandle": "r", "body": body, "attributes": attributes}
    answer: Any = deliver_webhook.handler({"Records": [message]}, None)
    assert answer["batchItemFailures"] in ([], [{"itemIdentifier": "m"}])
    return not answer["batchItemFailures"], aws.waits


def test_an_event_is_signed_as_standard_webhooks_says(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    assert delivered(monkeypatch) == (True, [])
    assert (receiver.path, receiver.body) == ("/runs?of=mine", BODY)
    assert receiver.headers["webhook-id"] == "run_a-1"
    assert Webhook(SECRET).verify(receiver.body, receiver.headers) == EVENT
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(receiver.body + " ", receiver.headers)


def test_the_receiver_that_the_documentation_shows_takes_it(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    failures([record(11, "run_a", 1)])
    assert delivered(monkeypatch, body=aws.bodies[0]) == (True, [])
    names: dict[str, Any] = {"secret": SECRET}
    exec(shown_in(EVENTS)["receiver"], names)  # noqa: S102
    names["receive"](receiver.body, receiver.headers)
    assert capsys.readouterr().out == "run_a-1 thread.run.queued run_a 1\n"
    example, event = json.loads(shown_in(EVENTS)["event"]), json.loads(aws.events[0][0])
    assert example["detail-type"] == aws.detail_type == "Run Status Change"
    assert list(example["detail"]) == list(event)


def test_while_a_secret_is_replaced_both_sign(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    assert delivered(monkeypatch, f"{other} {SECRET}") == (True, [])
    for secret in (SECRET, other):
        Webhook(secret).verify(receiver.body, receiver.headers)


@pytest.mark.parametrize("status", [301, 400, 410, 429, 500])
def test_what_the_receiver_does_not_take_comes_again(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    assert delivered(monkeypatch) == (False, [2])


def test_waits_grow_to_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://127.0.0.1:9/")
    monkeypatch.setenv("WEBHOOK_QUEUE_URL", "url")
    monkeypatch.setenv("WEBHOOK_SECRET_ARN", "arn")
    waits = [delivered(monkeypatch, deliveries=number)[1][0] for number in (1, 2, 5, 9, 10, 99)]
    assert waits == [2, 4, 32, 512, 900, 900]


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_without_a_secret_nothing_is_sent_and_all_of_it_waits(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, secret: str
) -> None:
    assert delivered(monkeypatch, secret) == (False, [2])
    assert receiver.body == ""
