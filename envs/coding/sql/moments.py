"""Dates and times: how MySQL reads, writes and shifts them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from .texts import number, text

_MOMENT = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?)?\s*$")


def moment(value: Any) -> datetime | None:
    """A value in a moment's place; None where it is none."""
    if value is None:
        return None
    found = _MOMENT.match(text(value))
    if found is None:
        digits = text(value)
        if digits.isdigit() and len(digits) == 8:
            found = _MOMENT.match(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None


def _written(when: datetime | None, like: Any) -> str | None:
    if when is None:
        return None
    whole = len(text(like).strip()) <= 10 and (when.hour, when.minute, when.second) == (0, 0, 0)
    return when.strftime("%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S")


def as_moment(value: Any) -> str | None:
    """A text that is compared with a date or datetime, in the form in which SQLite holds them."""
    when = moment(value)
    if when is None:
        return None if value is None else text(value)
    return _written(when, "" if (when.hour, when.minute, when.second) == (0, 0, 0) else "x" * 19)


def as_datetime(value: Any) -> str | None:
    """The same, always with hours, minutes and seconds."""
    when = moment(value)
    return as_moment(value) if when is None else when.strftime("%Y-%m-%d %H:%M:%S")


_FORMATS = {
    "Y": "%Y", "y": "%y", "m": "%m", "d": "%d", "H": "%H", "i": "%M", "s": "%S", "S": "%S", "M": "%B", "b": "%b",
    "W": "%A", "a": "%a", "p": "%p", "h": "%I", "I": "%I", "j": "%j", "T": "%H:%M:%S", "r": "%I:%M:%S %p", "w": "%w",
    "f": "%f", "u": "%W", "U": "%U", "%": "%%",
}  # fmt: skip


def _format(form: str) -> str:
    return re.sub(r"%(.)", lambda found: _FORMATS.get(found[1], found[1]), form)


def date_format(value: Any, form: Any) -> str | None:
    """DATE_FORMAT."""
    when = moment(value)
    if when is None or form is None:
        return None
    form = re.sub(r"%e", str(when.day), re.sub(r"%c", str(when.month), text(form)))
    return when.strftime(_format(re.sub(r"%[kl]", str(when.hour), form)))


def str_to_date(value: Any, form: Any) -> str | None:
    """STR_TO_DATE."""
    if value is None or form is None:
        return None
    form = _format(re.sub(r"%c", "%m", re.sub(r"%e", "%d", text(form))))
    try:
        when = datetime.strptime(text(value).strip(), form)
    except (ValueError, re.error):
        return None
    return when.strftime("%Y-%m-%d %H:%M:%S" if re.search(r"%[HIMSTp]", form) else "%Y-%m-%d")


def from_unixtime(seconds: Any, form: Any = None) -> str | None:
    """FROM_UNIXTIME, in UTC."""
    when = datetime(1970, 1, 1) + timedelta(seconds=float(number(seconds) or 0))
    return str(when) if form is None else date_format(str(when), form)


_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _shift(when: datetime, amount: float, unit: str) -> datetime | None:
    try:
        if unit in _UNITS:
            return when + timedelta(seconds=amount * _UNITS[unit])
        if unit not in _MONTHS:
            return None
        months = when.year * 12 + when.month - 1 + int(amount) * _MONTHS[unit]
        year, month = divmod(months, 12)
        last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day if year < 9999 else 28
        return when.replace(year=year, month=month + 1, day=min(when.day, last))
    except (ValueError, OverflowError):
        return None


def interval(amount: Any, unit: Any) -> str | None:
    """INTERVAL as a text that `date_add` reads."""
    return None if amount is None else f"{number(amount)} {text(unit).lower()}"


def date_add(value: Any, by: Any, sign: int = 1) -> str | None:
    """DATE_ADD and ``+ INTERVAL``; days where the second is a bare number."""
    when = moment(value)
    if when is None or by is None:
        return None
    amount, _, unit = by.partition(" ") if isinstance(by, str) else (by, "", "")
    unit = unit or "day"
    shifted = _shift(when, sign * float(number(amount) or 0), unit)
    return _written(shifted, value if unit in ("day", "week", *_MONTHS) else "x" * 19)


def timestampdiff(unit: Any, start: Any, end: Any) -> int | None:
    """TIMESTAMPDIFF."""
    a, b = moment(start), moment(end)
    name = text(unit).lower()
    if a is None or b is None:
        return None
    if name in _UNITS:
        return int((b - a).total_seconds() / _UNITS[name])
    sign = 1 if b >= a else -1
    early, late = (a, b) if sign > 0 else (b, a)
    months = (late.year - early.year) * 12 + late.month - early.month
    months -= (late.day, late.time()) < (early.day, early.time())
    return sign * (months // _MONTHS.get(name, 1))


def part(read: Callable[[datetime], int]) -> Callable[[Any], int | None]:
    """A function that reads one part of a moment, NULL where there is none."""

    def read_part(value: Any) -> int | None:
        when = moment(value)
        return None if when is None else read(when)

    return read_part
