"""Tools of the personal finance sample: prices of shares, and mail to an outbox."""

import csv
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from assistant_engine import tool

PRICES = Path(__file__).parent / "prices.csv"


class Finance:
    """`configuration`: `{"sender"?: the address that mail is sent from}`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.sender = configuration.get("sender", "assistant@example.com")

    def get_stock_price(
        self, symbol: Annotated[str, Field(description="Ticker symbol of the share, such as ACME.")]
    ) -> dict[str, Any]:
        """Get the latest price of a share, in US dollars."""
        with PRICES.open(newline="") as table:
            prices = {row["symbol"]: row for row in csv.DictReader(table)}
        row = prices.get(symbol.strip().upper())
        if row is None:
            raise LookupError(f"no price for {symbol!r}; known symbols are {', '.join(prices)}")
        return {"symbol": row["symbol"], "price": float(Decimal(row["price"])), "currency": "USD"}

    def send_email(
        self,
        to: Annotated[str, Field(description="The address to send to.", pattern=r"^[^@\s]+@[^@\s]+$")],
        content: Annotated[str, Field(description="The text of the mail.")],
    ) -> dict[str, Any]:
        """Send an email. The same call sends it only once."""
        # Imported here: a price needs no AWS client, and the import is most of a cold start.
        import boto3
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


handler = tool.handler(Finance)
