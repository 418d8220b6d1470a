"""MySQL's functions, taught to SQLite: each is total, and none looks at the clock or at the machine."""

from __future__ import annotations

import calendar
import hashlib
import math
import random
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .aggregates import AGGREGATES, Single
from .answer import INTERRUPTED, Refused
from .moments import (
    as_datetime,
    as_moment,
    date_add,
    date_format,
    from_unixtime,
    interval,
    moment,
    part,
    str_to_date,
    timestampdiff,
)
from .texts import collate, fold, like, number, regexp, regexp_cost, same, text

CLOCK = datetime(2023, 6, 1, 12, 0, 0)
"""What NOW() says: a fixed moment, since the same actions must give the same words."""

_LIMIT = 1_000_000
"""Characters that one function may make."""


def _real(value: Any) -> float:
    """A value in an arithmetic function's place; NULL was sorted out before."""
    return number(value) or 0


def _datediff(left: Any, right: Any) -> int | None:
    a, b = moment(left), moment(right)
    return None if a is None or b is None else (a.date() - b.date()).days


def _mod(left: Any, right: Any) -> float:
    a, b = _real(left), _real(right)
    return math.fmod(a, b) if float in (type(a), type(b)) else int(math.fmod(a, b))


def _last_day(value: Any) -> str | None:
    return date_format(date_add(date_add(date_format(value, "%Y-%m-01"), "1 month"), "-1 day"), "%Y-%m-%d")


def _find_in_set(value: Any, many: Any) -> int:
    parts = [fold(part) for part in text(many).split(",")]
    return parts.index(fold(text(value))) + 1 if fold(text(value)) in parts else 0


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        if any(value is None for value in values):
            return None
        try:
            return function(*values)
        except (ValueError, OverflowError, ZeroDivisionError, TypeError, IndexError):
            return None

    return call


def _round(value: Any, digits: Any = 0) -> Any:
    known, places = number(value), int(number(digits) or 0)
    if isinstance(known, int):
        return known if places >= 0 else int(math.copysign(int(abs(known) / 10**-places + 0.5) * 10**-places, known))
    factor = 10.0 ** min(places, 15)
    # MySQL rounds halves away from zero; the tiny lift undoes what binary fractions take off.
    return math.copysign(math.floor(abs(known or 0) * factor + 0.5 + 1e-9), known or 0) / factor


def _truncate(value: Any, digits: Any) -> Any:
    factor = 10.0 ** int(number(digits) or 0)
    return math.trunc((number(value) or 0) * factor) / factor


def _divide(left: Any, right: Any) -> int:
    return int((number(left) or 0) / (number(right) or 0))


def _pad(value: Any, width: Any, fill: Any) -> tuple[str, str]:
    size, given = min(int(width), _LIMIT), text(value)[: min(int(width), _LIMIT)]
    return given, (text(fill) * size)[: size - len(given)] if len(text(fill)) * size < 10 * _LIMIT else ""


def _substring_index(value: Any, by: Any, count: Any) -> str:
    parts, many = text(value).split(text(by)), int(count)
    return text(by).join(parts[:many] if many >= 0 else parts[many:])


def _grouped(value: Any, digits: Any) -> str:
    return f"{_round(float(number(value) or 0), digits):,.{max(0, min(int(digits), 30))}f}"


def _field(value: Any, *others: Any) -> int:
    return next((i for i, each in enumerate(others, 1) if each is not None and same(value, each)), 0)


def _extreme(values: tuple[Any, ...], sign: int) -> Any:
    if all(isinstance(value, str) for value in values):
        return (max if sign > 0 else min)(values, key=fold)
    return (max if sign > 0 else min)(values, key=lambda value: number(value) or 0)


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _concat_ws(by: Any, *values: Any) -> str | None:
    return None if by is None else text(by).join(text(value) for value in values if value is not None)[:_LIMIT]


SCALARS: dict[str, tuple[int, Callable[..., Any]]] = {
    "mysql_number": (1, number),
    "mysql_moment": (1, as_moment),
    "mysql_datetime": (1, as_datetime),
    "mysql_stamp": (1, lambda value: (when := moment(value)) and int(when.strftime("%Y%m%d%H%M%S"))),
    "from_unixtime": (-1, _strict(lambda seconds, *form: from_unixtime(seconds, *form))),
    "mysql_interval": (2, interval),
    "mysql_div": (2, _strict(_divide)),
    "mysql_int": (1, _strict(lambda value: int(_real(value)) if isinstance(value, str) else int(_round(value)))),
    "mysql_xor": (2, _strict(lambda a, b: int(bool(number(a)) != bool(number(b))))),
    "mysql_tuple": (-1, _strict(lambda *values: "\x1f".join(fold(text(value)) for value in values))),
    "like": (2, like),
    "regexp": (2, regexp),
    "concat": (-1, _strict(lambda *values: "".join(text(value) for value in values)[:_LIMIT])),
    "concat_ws": (-1, _concat_ws),
    "if": (3, lambda condition, yes, no: yes if number(condition) else no),
    "isnull": (1, lambda value: int(value is None)),
    "ifnull": (2, _coalesce),
    "coalesce": (-1, _coalesce),
    "left": (2, _strict(lambda value, count: text(value)[: max(0, int(count))])),
    "right": (2, _strict(lambda value, count: text(value)[-int(count) :] if int(count) > 0 else "")),
    "mid": (3, _strict(lambda value, at, count: text(value)[int(at) - 1 :][: int(count)] if at > 0 else "")),
    "length": (1, _strict(lambda value: len(text(value).encode()))),
    "char_length": (1, _strict(lambda value: len(text(value)))),
    "character_length": (1, _strict(lambda value: len(text(value)))),
    "lower": (1, _strict(lambda value: text(value).lower())),
    "upper": (1, _strict(lambda value: text(value).upper())),
    "lcase": (1, _strict(lambda value: text(value).lower())),
    "ucase": (1, _strict(lambda value: text(value).upper())),
    "reverse": (1, _strict(lambda value: text(value)[::-1])),
    "repeat": (2, _strict(lambda value, count: (text(value) * min(int(count), _LIMIT // (len(text(value)) or 1))))),
    "space": (1, _strict(lambda count: " " * min(int(count), _LIMIT))),
    "lpad": (3, _strict(lambda value, width, fill: "".join(reversed(_pad(value, width, fill))))),
    "rpad": (3, _strict(lambda value, width, fill: "".join(_pad(value, width, fill)))),
    "locate": (-1, _strict(lambda part, value, at=1: fold(text(value)).find(fold(text(part)), int(at) - 1) + 1)),
    "position": (2, _strict(lambda part, value: fold(text(value)).find(fold(text(part))) + 1)),
    "instr": (2, _strict(lambda value, part: fold(text(value)).find(fold(text(part))) + 1)),
    "substring_index": (3, _strict(_substring_index)),
    "find_in_set": (2, _strict(_find_in_set)),
    "field": (-1, lambda value, *others: 0 if value is None else _field(value, *others)),
    "strcmp": (2, _strict(lambda a, b: collate(text(a), text(b)))),
    "format": (2, _strict(_grouped)),
    "ascii": (1, _strict(lambda value: text(value).encode()[0] if text(value) else 0)),
    "md5": (1, _strict(lambda value: hashlib.md5(text(value).encode(), usedforsecurity=False).hexdigest())),
    "sha1": (1, _strict(lambda value: hashlib.sha1(text(value).encode(), usedforsecurity=False).hexdigest())),
    "greatest": (-1, _strict(lambda *values: _extreme(values, 1))),
    "least": (-1, _strict(lambda *values: _extreme(values, -1))),
    "round": (-1, _strict(_round)),
    "truncate": (2, _strict(_truncate)),
    "ceil": (1, _strict(lambda value: math.ceil(_real(value)))),
    "ceiling": (1, _strict(lambda value: math.ceil(_real(value)))),
    "floor": (1, _strict(lambda value: math.floor(_real(value)))),
    "sign": (1, _strict(lambda value: (_real(value) > 0) - (_real(value) < 0))),
    "sqrt": (1, _strict(lambda value: math.sqrt(_real(value)))),
    "pow": (2, _strict(lambda base, power: float(_real(base)) ** float(_real(power)))),
    "power": (2, _strict(lambda base, power: float(_real(base)) ** float(_real(power)))),
    "mod": (2, _strict(_mod)),
    "exp": (1, _strict(lambda value: math.exp(_real(value)))),
    "ln": (1, _strict(lambda value: math.log(_real(value)))),
    "log": (-1, _strict(lambda a, *b: math.log(_real(b[0]), _real(a)) if b else math.log(_real(a)))),
    "log10": (1, _strict(lambda value: math.log10(_real(value)))),
    "log2": (1, _strict(lambda value: math.log2(_real(value)))),
    "pi": (0, lambda: math.pi),
    "year": (1, part(lambda when: when.year)),
    "quarter": (1, part(lambda when: (when.month + 2) // 3)),
    "month": (1, part(lambda when: when.month)),
    "day": (1, part(lambda when: when.day)),
    "dayofmonth": (1, part(lambda when: when.day)),
    "dayofyear": (1, part(lambda when: when.timetuple().tm_yday)),
    "dayofweek": (1, part(lambda when: when.isoweekday() % 7 + 1)),
    "weekday": (1, part(lambda when: when.weekday())),
    "week": (-1, lambda value, mode=0: part(lambda when: int(when.strftime("%U")))(value)),
    "hour": (1, part(lambda when: when.hour)),
    "minute": (1, part(lambda when: when.minute)),
    "second": (1, part(lambda when: when.second)),
    "to_days": (1, part(lambda when: when.toordinal() + 365)),
    "unix_timestamp": (-1, lambda *value: calendar.timegm((moment(value[0] if value else str(CLOCK)) or CLOCK).timetuple())),
    "dayname": (1, lambda value: date_format(value, "%W")),
    "monthname": (1, lambda value: date_format(value, "%M")),
    "date": (1, lambda value: date_format(value, "%Y-%m-%d")),
    "time": (1, lambda value: date_format(value, "%T")),
    "last_day": (1, _last_day),
    "date_format": (2, date_format),
    "str_to_date": (2, str_to_date),
    "date_add": (2, date_add),
    "adddate": (2, date_add),
    "date_sub": (2, lambda value, by: date_add(value, by, -1)),
    "subdate": (2, lambda value, by: date_add(value, by, -1)),
    "datediff": (2, _strict(_datediff)),
    "timestampdiff": (3, timestampdiff),
    "now": (-1, lambda *digits: str(CLOCK)),
    "sysdate": (-1, lambda *digits: str(CLOCK)),
    "current_timestamp": (-1, lambda *digits: str(CLOCK)),
    "curdate": (0, lambda: str(CLOCK.date())),
    "current_date": (0, lambda: str(CLOCK.date())),
    "curtime": (-1, lambda *digits: str(CLOCK.time())),
    "version": (0, lambda: "8.0.32"),
    "user": (0, lambda: "admin@%"),
    "current_user": (0, lambda: "admin@%"),
}  # fmt: skip
BUILT_IN = frozenset(
    "abs nullif replace trim ltrim rtrim substr substring hex unhex row_number rank dense_rank ntile lag lead "
    "first_value last_value nth_value percent_rank cume_dist database schema rand any_value char".split()
)
"""What SQLite has itself, or a session adds."""


def knows(name: str) -> bool:
    """Whether a function of that lower-case name can be called."""
    return name in SCALARS or name in BUILT_IN or name in AGGREGATES


def teach(
    connection: sqlite3.Connection,
    database: str,
    seed: int,
    refusals: list[Refused],
    charge: Callable[[int], bool],
) -> None:
    """Give a connection the collation and all functions; RAND() draws from `seed`.

    `charge` takes what a call cost, in steps of SQLite's machine, and says whether that was too much. SQLite swallows
    the text of an exception in a function; so a `Refused` is also kept in `refusals`.
    """
    rng = random.Random(seed)

    def kept(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            try:
                return function(*values)
            except Refused as refusal:
                refusals.append(refusal)
                raise

        return call

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            cost = 10 + (regexp_cost(*values) if function is regexp else 0)
            result = function(*values)
            cost += sum(len(each) for each in (*values, result) if isinstance(each, str)) // 8
            if charge(cost):
                raise Refused(INTERRUPTED)
            return result

        return kept(call)

    connection.create_collation("mysql", collate)
    for name, (arity, function) in SCALARS.items():
        connection.create_function(name, arity, counted(function), deterministic=True)
    for name, (arity, aggregate) in AGGREGATES.items():
        step = kept(aggregate.step) if aggregate is Single else aggregate.step  # type: ignore[attr-defined]
        connection.create_aggregate(name, arity, type(aggregate.__name__, (aggregate,), {"step": step}))
    connection.create_function("database", 0, lambda: database)
    connection.create_function("schema", 0, lambda: database)
    connection.create_function("any_value", 1, lambda value: value)
    connection.create_function("rand", -1, lambda *seeds: rng.random())
