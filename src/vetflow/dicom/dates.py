"""Dates moved by whole days: the time between a patient's studies stays, the days themselves go.

Retain Longitudinal Temporal Information with Modified Dates (PS3.15 E.3.6). Times of day are left as they are.
"""

import re
from datetime import date, timedelta

_CLOCK = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_DAY = re.compile(rf"(\d{{8}}|\d{{6}}|\d{{4}})((?:(?<=\d{{8}}){_CLOCK})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?)", re.ASCII)
_DATES = re.compile(rf"(?:{_DAY.pattern})(?:-(?:{_DAY.pattern})?)?|-(?:{_DAY.pattern})", re.ASCII)
_TIMES = re.compile(rf"{_CLOCK}(?:-(?:{_CLOCK})?)?|-{_CLOCK}", re.ASCII)
_MONTH_DAYS, _YEAR_DAYS = 30.4375, 365.25


def moved(value: str, days: int) -> str:
    """Return a DA or DT value, or a range of them, moved by days; empty when it is no date.

    A value without a day moves by the nearest whole months or years, so that moving it back gives it again.
    """
    if not _DATES.fullmatch(value):
        return ""
    try:
        return _DAY.sub(lambda found: _day(found[1], days) + found[2], value)
    except (ValueError, OverflowError):
        return ""


def clock(value: str) -> str:
    """Return a TM value, or a range of them; empty when it is no time of day."""
    return value if _TIMES.fullmatch(value) else ""


def _day(digits: str, days: int) -> str:
    year, month, day = int(digits[:4]), int(digits[4:6] or 1), int(digits[6:] or 1)
    first = date(year, month, day)  # refuses what is no date
    if len(digits) == 8:
        return (first + timedelta(days)).isoformat().replace("-", "")
    if len(digits) == 6:
        year, month = divmod(year * 12 + month - 1 + round(days / _MONTH_DAYS), 12)
        return date(year, month + 1, 1).isoformat().replace("-", "")[:6]
    return date(year + round(days / _YEAR_DAYS), 1, 1).isoformat()[:4]
