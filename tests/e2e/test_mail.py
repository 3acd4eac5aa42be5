"""The mail of the finance tool through Amazon SES, as in a deployment that names a sender."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from assistant_engine import tool
from lambdas.tools.finance.finance import Finance
from tests.support.driver import Driver


@pytest.mark.offline_model
def test_an_invitation_delivered_twice_is_sent_once(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    ses, sender = driver.client("sesv2"), "invitations@example.com"
    for address in (sender, "ada@example.com"):
        ses.create_email_identity(EmailIdentity=address)
    sent_before = ses.get_account()["SendQuota"]["SentLast24Hours"]
    call = f"thread_1/run_{uuid.uuid4()}/0/call_1"
    monkeypatch.setenv("MAIL_SENDER", sender)
    monkeypatch.setattr(tool, "current_call", lambda: SimpleNamespace(idempotency_key=call))
    start = datetime(2026, 3, 5, 10, tzinfo=timezone(timedelta(hours=1)))
    for _ in range(2):
        assert Finance({}).send_invitation("ada@example.com", "Review, at last", start, 45)["sent"]
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == sent_before + 1
    kept = driver.client("s3").get_object(Bucket=driver.store.blobs.bucket, Key=f"outbox/{call}.ics")["Body"].read()
    assert b"DTSTART:20260305T090000Z\r\nDTEND:20260305T094500Z\r\nSUMMARY:Review\\, at last\r\n" in kept


@pytest.mark.offline_model
def test_a_call_delivered_twice_sends_one_mail_through_ses(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    ses, sender = driver.client("sesv2"), "reports@example.com"
    for address in (sender, "ada@example.com"):
        ses.create_email_identity(EmailIdentity=address)
    sent_before = ses.get_account()["SendQuota"]["SentLast24Hours"]
    call = f"thread_1/run_{uuid.uuid4()}/0/call_1"
    monkeypatch.setenv("MAIL_SENDER", sender)
    monkeypatch.setattr(tool, "current_call", lambda: SimpleNamespace(idempotency_key=call))
    for _ in range(2):
        finance = Finance({"sender": "somebody.else@example.com"})
        assert finance.send_email("ada@example.com", "The latest prices\nACME: 1")["sent"]
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == sent_before + 1
    mail = driver.client("s3").get_object(Bucket=driver.store.blobs.bucket, Key=f"outbox/{call}.json")["Body"].read()
    assert json.loads(mail)["from"] == sender
