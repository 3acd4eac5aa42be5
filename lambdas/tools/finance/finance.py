"""Tools of the personal finance sample: prices of shares, facts about countries, mail and invitations.

Prices and facts come from tables in this folder, or from public APIs that the deployment names. Mail goes to an outbox
in the bucket, and through Amazon SES as well where the deployment names a sender.
"""

import csv
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AwareDatetime, Field

from assistant_engine import tool

TABLES = Path(__file__).parent

Address = Annotated[str, Field(description="The address to send to.", pattern=r"^[^@\s]+@[^@\s]+$")]


class Finance:
    """`configuration`: `{"sender"?: the address that mail in the outbox is from}`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        # Not from `configuration`: whoever may write an assistant would choose in whose name mail is sent.
        self.ses_sender = os.environ.get("MAIL_SENDER", "")
        self.price_url = os.environ.get("STOCK_PRICE_URL", "")
        self.country_url = os.environ.get("COUNTRY_FACTS_URL", "")
        self.sender = self.ses_sender or configuration.get("sender", "assistant@example.com")

    def get_stock_price(
        self, symbol: Annotated[str, Field(description="Ticker symbol of the share, such as ACME.")]
    ) -> dict[str, Any]:
        """Get the latest price of a share, in US dollars."""
        if self.price_url:
            return {"symbol": symbol, "price": ask(self.price_url, symbol=symbol), "currency": "USD"}
        row = _look_up("prices.csv", "symbol", symbol)
        return {"symbol": row["symbol"], "price": float(Decimal(row["price"])), "currency": "USD"}

    def get_country_info(
        self, country: Annotated[str, Field(description="Name of the country in English, such as Norway.")]
    ) -> Any:
        """Get a country's capital, region, population, currency and languages."""
        if self.country_url:
            return ask(self.country_url, country=country)
        return _look_up("countries.csv", "country", country)

    def send_email(
        self,
        to: Address,
        content: Annotated[str, Field(description="The text of the mail.")],
    ) -> dict[str, Any]:
        """Send an email. The same call sends it only once."""
        mail = {"from": self.sender, "to": to, "content": content}
        subject = content.strip().partition("\n")[0][:78]
        text = {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": content}}}}
        self._send(to, "json", "application/json", json.dumps(mail, ensure_ascii=False).encode(), text)
        return {"sent": True, "to": to}

    def send_invitation(
        self,
        to: Address,
        title: Annotated[str, Field(description="What the appointment is.", pattern=r"^[^\r\n]{1,200}$")],
        start: Annotated[AwareDatetime, Field(description="With its offset from UTC: 2026-03-05T10:00:00+01:00.")],
        minutes: Annotated[int, Field(description="How long it lasts.", ge=5, le=1440)] = 30,
    ) -> dict[str, Any]:
        """Invite somebody to an appointment, by a mail for their calendar. The same call sends it only once."""
        end = start + timedelta(minutes=minutes)
        uid = hashlib.sha256(tool.current_call().idempotency_key.encode()).hexdigest()[:32]
        calendar = invitation(uid, self.sender, to, title, start, end)
        # Outlook and others show a calendar that is an alternative of the text as an invitation to answer.
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, title
        message.set_content(f"{title}\n{start:%d %B %Y, %H:%M} to {end:%H:%M} ({start:%z} from UTC)\n")
        message.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"}, cte="base64")
        raw = {"Raw": {"Data": message.as_bytes(policy=SMTP)}}
        self._send(to, "ics", "text/calendar; method=REQUEST; charset=utf-8", calendar.encode(), raw)
        return {"sent": True, "to": to, "start": start.isoformat(), "minutes": minutes}

    def _send(self, to: str, kind: str, content_type: str, kept: bytes, content: dict[str, Any]) -> None:
        """Keep a mail in the outbox, and pass it to Amazon SES unless this call was delivered before."""
        # Imported here: a price needs no AWS client, and the import is most of a cold start.
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError

        try:
            boto3.client("s3").put_object(
                Bucket=os.environ["BUCKET"],
                Key=f"outbox/{tool.current_call().idempotency_key}.{kind}",
                Body=kept,
                ContentType=content_type,
                # Delivered again, the call finds its mail in the outbox and changes nothing.
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return
        if self.ses_sender:
            # One attempt: SES knows no idempotency key, and sends twice what it is asked twice.
            once = Config(retries={"total_max_attempts": 1})
            boto3.client("sesv2", config=once).send_email(
                FromEmailAddress=self.ses_sender, Destination={"ToAddresses": [to]}, Content=content
            )


def invitation(uid: str, sender: str, to: str, title: str, start: datetime, end: datetime) -> str:
    """Return an iCalendar object that asks somebody to an appointment (RFC 5545, RFC 5546 section 3.2.2)."""
    text = title.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    lines = [
        *("BEGIN:VCALENDAR", "PRODID:-//Assistants API//Personal Finance//EN", "VERSION:2.0", "METHOD:REQUEST"),
        *("BEGIN:VEVENT", f"UID:{uid}", "SEQUENCE:0", f"DTSTAMP:{_in_utc(datetime.now(UTC))}"),
        *(f"DTSTART:{_in_utc(start)}", f"DTEND:{_in_utc(end)}", f"SUMMARY:{text}", "STATUS:CONFIRMED"),
        f"ORGANIZER:mailto:{sender}",
        f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{to}",
        *("END:VEVENT", "END:VCALENDAR"),
    ]
    return "".join(_folded(line) + "\r\n" for line in lines)


def _in_utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _folded(line: str) -> str:
    """Return a line in parts of at most 75 bytes (RFC 5545, section 3.1)."""
    parts: list[str] = []
    part = ""
    for character in line:
        if len((part + character).encode()) > (75 if not parts else 74):
            parts.append(part)
            part = ""
        part += character
    return "\r\n ".join([*parts, part])


def ask(url: str, **names: str) -> Any:
    """Return what a public API answers.

    Args:
        url: with `{name}` for each of the names; the fragment is a JSON pointer (RFC 6901) to the value that is meant.

    Raises:
        InvalidRequest: the API could not be asked.
        LookupError: the answer is not JSON, or holds nothing there.
    """
    from assistant_engine.web.fetch import fetch

    address, _, pointer = url.partition("#")
    for name, value in names.items():
        address = address.replace(f"{{{name}}}", quote(value.strip(), safe=""))
    _, data = fetch(address, most_bytes=200_000, timeout=15)
    try:
        found = json.loads(data)
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (ValueError, TypeError, LookupError):
        raise LookupError(f"the API's answer has nothing at {pointer or 'its root'}") from None
    return found


def _look_up(table: str, column: str, wanted: str) -> dict[str, str]:
    """The row of a table, whatever the case of what is asked for.

    Raises:
        LookupError: there is none; the message lists what there is.
    """
    with (TABLES / table).open(newline="", encoding="utf-8") as file:
        rows = {row[column]: row for row in csv.DictReader(file)}
    for known, row in rows.items():
        if known.casefold() == wanted.strip().casefold():
            return row
    raise LookupError(f"no {column} {wanted!r}; known are {', '.join(rows)}")


handler = tool.handler(Finance)
