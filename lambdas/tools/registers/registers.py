"""Tools of the samples failed_banks and wind_farm: what their files don't hold is looked up in registers."""

import csv
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from assistant_engine import tool

TABLES = Path(__file__).parent


class Registers:
    """`configuration`: none."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        pass

    def get_deposit_insurance(
        self, day: Annotated[date, Field(description="The day, such as 2009-07-17.")]
    ) -> dict[str, Any]:
        """Get how much of a depositor's money in one bank the FDIC insured on a day, in US dollars.

        The limits are the FDIC's (https://www.fdic.gov/history, 12 U.S.C. 1821(a)).
        """
        limits = {date.fromisoformat(row["since"]): int(row["dollars"]) for row in _rows("deposit_insurance.csv")}
        since = max((start for start in limits if start <= day), default=None)
        if since is None:
            raise LookupError(f"no deposit was insured before {min(limits)}")
        return {"day": day.isoformat(), "insured": limits[since], "currency": "USD", "since": since.isoformat()}

    def get_service_visit(
        self, turbine_id: Annotated[str, Field(description="Id of the turbine, such as WT-04.")]
    ) -> dict[str, Any]:
        """Get the day on which a crew next visits a turbine, and which crew it is."""
        visits = {row["turbine_id"]: row for row in _rows("service_visits.csv")}
        if turbine_id not in visits:
            raise LookupError(f"no turbine {turbine_id!r}; known are {', '.join(visits)}")
        return visits[turbine_id]


def _rows(table: str) -> list[dict[str, str]]:
    with (TABLES / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


handler = tool.handler(Registers)
