"""Tools of the personal finance sample: prices of shares, facts about countries, and mail.

Mail goes to an outbox in the bucket, and through Amazon SES as well where the deployment names a sender.
"""

import csv
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from assistant_engine import tool

TABLES = Path(__file__).parent


class Finance:
    """`configuration`: `{"sender"?: the address that mail in the outbox is from}`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        # Not from `configuration`: whoever may write an assistant would choose in whose name mail is sent.
        self.ses_sender = os.environ.get("MAIL_SENDER", "")
        self.sender = self.ses_sender or configuration.get("sender", "assistant@example.com")

    def get_stock_price(
        self, symbol: Annotated[str, Field(description="Ticker symbol of the share, such as ACME.")]
    ) -> dict[str, Any]:
        """Get the latest price of a share, in US dollars."""
        row = _look_up("prices.csv", "symbol", symbol)
        return {"symbol": row["symbol"], "price": float(Decimal(row["price"])), "currency": "USD"}

    def get_country_info(
        self, country: Annotated[str, Field(description="Name of the country in English, such as Norway.")]
    ) -> dict[str, Any]:
        """Get a country's capital, region, population, currency and languages."""
        return _look_up("countries.csv", "country", country)

    def send_email(
        self,
        to: Annotated[str, Field(description="The address to send to.", pattern=r"^[^@\s]+@[^@\s]+$")],
        content: Annotated[str, Field(description="The text of the mail.")],
    ) -> dict[str, Any]:
        """Send an email. The same call sends it only once."""
        # Imported here: a price needs no AWS client, and the import is most of a cold start.
        import boto3
        from botocore.config import Config
        from botocore.exceptions import ClientError

        key = f"outbox/{tool.current_call().idempotency_key}.json"
        mail = {"from": self.sender, "to": to, "content": content}
        try:
            boto3.client("s3").put_object(
                Bucket=os.environ["BUCKET"],
                Key=key,
                Body=json.dumps(mail, ensure_ascii=False).encode(),
                ContentType="application/json",
                # Delivered again, the call finds its mail in the outbox and changes nothing.
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return {"sent": True, "to": to}
        if self.ses_sender:
            # One attempt: SES knows no idempotency key, and sends twice what it is asked twice.
            once = Config(retries={"total_max_attempts": 1})
            boto3.client("sesv2", config=once).send_email(
                FromEmailAddress=self.ses_sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": content.strip().partition("\n")[0][:78]},
                        "Body": {"Text": {"Data": content}},
                    }
                },
            )
        return {"sent": True, "to": to}


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
