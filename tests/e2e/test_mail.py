"""The mail of the finance tool through Amazon SES, as in a deployment that names a sender."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from assistant_engine import tool
from lambdas.tools.finance.finance import Finance
from tests.support.driver import Driver


def called(driver: Driver, monkeypatch: pytest.MonkeyPatch, sender: str) -> str:
    """Let the tool believe that it is called, with a sender that SES knows; return the key of the call."""
    for address in (sender, "ada@example.com"):
        driver.client("sesv2").create_email_identity(EmailIdentity=address)
    call = f"thread_1/run_{uuid.uuid4()}/0/call_1"
    monkeypatch.setenv("MAIL_SENDER", sender)
    monkeypatch.setattr(tool, "current_call", lambda: SimpleNamespace(idempotency_key=call))
    return call


def sent(driver: Driver) -> Any:
    """Count the mails that SES has sent."""
    return driver.client("sesv2").get_account()["SendQuota"]["SentLast24Hours"]


@pytest.mark.offline_model
def test_an_invitation_delivered_twice_is_sent_once(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = "invitations@example.com"
    call = called(driver, monkeypatch, sender)
    sent_before = sent(driver)
    start = datetime(2026, 3, 5, 10, tzinfo=timezone(timedelta(hours=1)))
    for _ in range(2):
        assert Finance({}).send_invitation("ada@example.com", "Review, at last", start, 45)["sent"]
    assert sent(driver) == sent_before + 1
    kept = driver.client("s3").get_object(Bucket=driver.store.blobs.bucket, Key=f"outbox/{call}.ics")["Body"].read()
    assert b"DTSTART:20260305T090000Z\r\nDTEND:20260305T094500Z\r\nSUMMARY:Review\\, at last\r\n" in kept


@pytest.mark.offline_model
def test_a_call_delivered_twice_sends_one_mail_through_ses(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = "reports@example.com"
    call = called(driver, monkeypatch, sender)
    sent_before = sent(driver)
    for _ in range(2):
        finance = Finance({"sender": "somebody.else@example.com"})
        assert finance.send_email("ada@example.com", "The latest prices\nACME: 1")["sent"]
    assert sent(driver) == sent_before + 1
    mail = driver.client("s3").get_object(Bucket=driver.store.blobs.bucket, Key=f"outbox/{call}.json")["Body"].read()
    assert json.loads(mail)["from"] == sender
