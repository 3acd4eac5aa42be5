"""Numbers and dates of a sheet or chart as a spreadsheet program shows them."""

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import xlfmt

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "m/d/yyyy h:mm", 37: "#,##0 ;(#,##0)", 38: "#,##0 ;[Red](#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""The formats that a file names by number only (ECMA-376, part 1, 18.8.30); dates as in the United States."""

_MAX_CHARACTERS = 11
"""So many characters of a number does the format General show."""

_PLAIN = re.compile(r"(#,##)?0(?:\.(0+))?(%)?")
_LANGUAGE = re.compile(r"\[\$-[^\]]*\]")
_QUOTED_OR_DOT = re.compile(r'"[^"]*"|\\.|(?<=[dmyhs])\.(?!0)', re.IGNORECASE)
"""A dot in a date, as in `dd.mm.yyyy`, which the library takes for a decimal point."""


@lru_cache(maxsize=10_000)
def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """Return a number as its format shows it, such as 25% for 0.25 with `0%`.

    Args:
        code: the format as in Excel's dialog, such as `#,##0.00 "kg"`.
        since_1904: whether dates count from 1904-01-01, as in workbooks of old Macs.
    """
    code = _QUOTED_OR_DOT.sub(lambda match: "\\." if match[0] == "." else match[0], _LANGUAGE.sub("", code))
    if code.strip().lower() in ("", "general", "@"):
        return _general(value)
    try:
        if plain := _PLAIN.fullmatch(code):
            return _decimal(value, *plain.groups())
        text = " ".join(xlfmt.format_value(value, code, date1904=since_1904).split())
    except Exception:  # A format that breaks the rules.
        return _general(value)
    # A format such as `;;;` hides the number, and a date before the calendar is a row of hashes; it stays in the sheet.
    return text if text.strip("#") else _general(value)


def _decimal(value: float, thousands: str | None, places: str | None, percent: str | None) -> str:
    """Return a number in one of the formats that most cells have, which the library takes 40 microseconds for."""
    number = Decimal(repr(value)).scaleb(2 if percent else 0)
    number = number.quantize(Decimal(1).scaleb(-len(places or "")), ROUND_HALF_UP) + 0  # No negative zero.
    return f"{number:{',' if thousands else ''}f}{percent or ''}"


def _general(value: float) -> str:
    """Return a number as the format General shows it; of whole numbers all digits, as articles have numbers."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if not 1e-9 < abs(value) < 1e15:
        return f"{value:.5E}"
    decimals = max(_MAX_CHARACTERS - 1 - len(str(int(abs(value)))), 0)
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")
