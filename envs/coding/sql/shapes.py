"""Gives SQLite's values the types that MySQL's connector would: Decimal, float with its digits, date and time."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Callable
from typing import Any

from . import moments, texts
from .schema import Kind


def _decimal(value: Any, kind: Kind) -> Any:
    if isinstance(value, str):
        value = texts.number(value)
    with decimal.localcontext() as context:
        context.prec = 80
        exact = decimal.Decimal(repr(value)) if isinstance(value, float) else decimal.Decimal(value)
        if not exact.is_finite():
            return None
        return exact.quantize(decimal.Decimal(1).scaleb(-(kind.scale or 0)), decimal.ROUND_HALF_UP)


def _double(value: Any, kind: Kind) -> Any:
    known = float(texts.number(value) or 0)
    if not math.isfinite(known):
        return None
    return known if kind.scale is None else round(known, kind.scale)


def _int(value: Any, kind: Kind) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any, kind: Kind) -> Any:
    return value if isinstance(value, str) else texts.text(value)


def _moment(value: Any, kind: Kind) -> Any:
    when = moments.moment(value)
    if when is None:
        return value
    return when.date() if kind.family == "date" else when


def _time(value: Any, kind: Kind) -> Any:
    parts = str(value).split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return value
    return datetime.timedelta(hours=int(parts[0]), minutes=int(parts[1]), seconds=int(parts[2]))


SHAPES: dict[str, Callable[[Any, Kind], Any]] = {
    "decimal": _decimal, "double": _double, "int": _int, "text": _text, "date": _moment, "datetime": _moment, "time": _time,
}  # fmt: skip
