"""MySQL's functions, taught to SQLite: each is total, and none looks at the clock or at the machine."""

from __future__ import annotations

import calendar
import hashlib
import math
import random
import re
import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from .answer import Refused

CLOCK = datetime(2023, 6, 1, 12, 0, 0)
"""What NOW() says: a fixed moment, since the same actions must give the same words."""

_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_MOMENT = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?)?\s*$")
_LIMIT = 1_000_000
"""Characters that one function may make."""


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """The sort key of utf8mb4_general_ci: letters without case and accents, trailing spaces left out."""
    text = text.rstrip(" ")
    if text.isascii():
        return text.upper()
    bare = unicodedata.normalize("NFD", text)
    return "".join(each for each in bare if not unicodedata.combining(each)).upper()


def collate(left: str, right: str) -> int:
    """Compare two texts as utf8mb4_general_ci does."""
    a, b = fold(left), fold(right)
    return (a > b) - (a < b)


def number(value: Any) -> float | int | None:
    """A value in a numeric place: the leading number of a text, else 0."""
    if value is None or isinstance(value, (int, float)):
        return value
    found = _NUMBER.match(text(value))
    if found is None:
        return 0
    return float(found[0]) if found[2] or found[3] or "." in found[0] else int(found[0])


def text(value: Any) -> str:
    """A value in a text's place."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


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


@lru_cache(maxsize=512)
def _segments(pattern: str, escape: str) -> tuple[tuple[str | None, ...], ...]:
    """The pieces between the %, each a run of letters, None for a _."""
    pieces: list[list[str | None]] = [[]]
    at = 0
    while at < len(pattern):
        each = pattern[at]
        if escape and each == escape and at + 1 < len(pattern):
            at += 1
            pieces[-1].append(pattern[at])
        elif each == "%":
            pieces.append([])
        else:
            pieces[-1].append(None if each == "_" else each)
        at += 1
    return tuple(tuple(piece) for piece in pieces)


def _fits(piece: tuple[str | None, ...], value: str, at: int) -> bool:
    return all(each is None or value[at + i] == each for i, each in enumerate(piece))


def _seek(piece: tuple[str | None, ...], value: str, at: int, end: int) -> int:
    if None not in piece:
        return value.find("".join(each or "" for each in piece), at, end)
    return next((i for i in range(at, end - len(piece) + 1) if _fits(piece, value, i)), -1)


def like(pattern: Any, value: Any, escape: str = "\\") -> int | None:
    """LIKE, without case and accents, with the backslash as escape; time grows with the lengths' product at most."""
    if pattern is None or value is None:
        return None
    first, *rest = _segments(fold(text(pattern) + "|")[:-1], escape)
    subject = fold(text(value) + "|")[:-1]
    if len(first) > len(subject) or not _fits(first, subject, 0):
        return 0
    if not rest:
        return int(len(first) == len(subject))
    at, last = len(first), rest.pop()
    end = len(subject) - len(last)
    for piece in rest:
        found = _seek(piece, subject, at, end)
        if found < 0:
            return 0
        at = found + len(piece)
    return int(at <= end and _fits(last, subject, end))


_LOOPS = re.compile(r"[*+]|\{\d*,")
_NESTED = re.compile(r"\([^()]*(?:[*+|]|\{\d*,)[^()]*\)\s*[*+{]|\(.*\(.*\)\s*[*+{]|\\\d")


def regexp(pattern: Any, value: Any) -> int | None:
    """REGEXP, without case; one whose search could take very long is refused, as MySQL's time limit does."""
    if pattern is None or value is None:
        return None
    form, subject = text(pattern), text(value)
    loops = len(_LOOPS.findall(form))
    if len(form) > 1000 or _NESTED.search(form) or (loops and len(subject) ** (loops + 1) > 10**7):
        raise Refused("Timeout exceeded in regular expression match.")
    try:
        return int(re.search(form, subject, re.IGNORECASE) is not None)
    except re.error:
        raise Refused("The regular expression contains an error.") from None


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


def _part(read: Callable[[datetime], int]) -> Callable[[Any], int | None]:
    def part(value: Any) -> int | None:
        when = moment(value)
        return None if when is None else read(when)

    return part


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


def same(left: Any, right: Any) -> bool:
    """Equality of two values that are not NULL."""
    if isinstance(left, str) and isinstance(right, str):
        return fold(left) == fold(right)
    return number(left) == number(right)


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
    "mysql_int": (1, _strict(lambda value: int(_round(number(value))) if not isinstance(value, str) else int(number(value) or 0))),
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
    "find_in_set": (2, _strict(lambda value, many: (text(many).split(",").index(text(value)) + 1) if text(value) in text(many).split(",") else 0)),
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
    "ceil": (1, _strict(lambda value: math.ceil(number(value)))),
    "ceiling": (1, _strict(lambda value: math.ceil(number(value)))),
    "floor": (1, _strict(lambda value: math.floor(number(value)))),
    "sign": (1, _strict(lambda value: (number(value) > 0) - (number(value) < 0))),
    "sqrt": (1, _strict(lambda value: math.sqrt(number(value)))),
    "pow": (2, _strict(lambda base, power: float(number(base)) ** float(number(power)))),
    "power": (2, _strict(lambda base, power: float(number(base)) ** float(number(power)))),
    "mod": (2, _strict(lambda a, b: math.fmod(number(a), number(b)) if isinstance(number(a), float) else int(math.fmod(number(a), number(b))))),
    "exp": (1, _strict(lambda value: math.exp(number(value)))),
    "ln": (1, _strict(lambda value: math.log(number(value)))),
    "log": (-1, _strict(lambda a, *b: math.log(number(b[0]), number(a)) if b else math.log(number(a)))),
    "log10": (1, _strict(lambda value: math.log10(number(value)))),
    "log2": (1, _strict(lambda value: math.log2(number(value)))),
    "pi": (0, lambda: math.pi),
    "year": (1, _part(lambda when: when.year)),
    "quarter": (1, _part(lambda when: (when.month + 2) // 3)),
    "month": (1, _part(lambda when: when.month)),
    "day": (1, _part(lambda when: when.day)),
    "dayofmonth": (1, _part(lambda when: when.day)),
    "dayofyear": (1, _part(lambda when: when.timetuple().tm_yday)),
    "dayofweek": (1, _part(lambda when: when.isoweekday() % 7 + 1)),
    "weekday": (1, _part(lambda when: when.weekday())),
    "week": (-1, lambda value, mode=0: _part(lambda when: int(when.strftime("%U")))(value)),
    "hour": (1, _part(lambda when: when.hour)),
    "minute": (1, _part(lambda when: when.minute)),
    "second": (1, _part(lambda when: when.second)),
    "to_days": (1, _part(lambda when: when.toordinal() + 365)),
    "unix_timestamp": (-1, lambda *value: calendar.timegm((moment(value[0] if value else str(CLOCK)) or CLOCK).timetuple())),
    "dayname": (1, lambda value: date_format(value, "%W")),
    "monthname": (1, lambda value: date_format(value, "%M")),
    "date": (1, lambda value: date_format(value, "%Y-%m-%d")),
    "time": (1, lambda value: date_format(value, "%T")),
    "last_day": (1, lambda value: date_format(date_add(date_add(date_format(value, "%Y-%m-01"), "1 month"), "-1 day"), "%Y-%m-%d")),
    "date_format": (2, date_format),
    "str_to_date": (2, str_to_date),
    "date_add": (2, date_add),
    "adddate": (2, date_add),
    "date_sub": (2, lambda value, by: date_add(value, by, -1)),
    "subdate": (2, lambda value, by: date_add(value, by, -1)),
    "datediff": (2, _strict(lambda a, b: (moment(a).date() - moment(b).date()).days if moment(a) and moment(b) else None)),
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


class _Spread:
    """STDDEV and VARIANCE, of the whole or of a sample."""

    sample, root = 0, True

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: Any) -> None:
        if value is not None:
            self.values.append(float(number(value) or 0))

    def finalize(self) -> float | None:
        count = len(self.values)
        if count <= self.sample:
            return None
        mean = math.fsum(self.values) / count
        variance = math.fsum((value - mean) ** 2 for value in self.values) / (count - self.sample)
        return math.sqrt(variance) if self.root else variance


class _GroupConcat:
    """GROUP_CONCAT(value ORDER BY key SEPARATOR by), up to 1024 characters as MySQL's default."""

    def __init__(self) -> None:
        self.values: list[tuple[Any, str]] = []
        self.by, self.distinct, self.backwards = ",", 0, 0

    def step(self, value: Any, by: Any, distinct: int, backwards: int, key: Any) -> None:
        self.by, self.distinct, self.backwards = text(by), distinct, backwards
        if value is not None and len(self.values) < 100_000:
            self.values.append((key, text(value)))

    def finalize(self) -> str | None:
        values = self.values
        if self.distinct:
            values = list({fold(each[1]): each for each in reversed(values)}.values())[::-1]
        order = sorted(values, key=lambda each: _rank(each[0]), reverse=bool(self.backwards))
        return self.by.join(each[1] for each in order)[:1024] if values else None


def _rank(key: Any) -> tuple[int, float, str]:
    if key is None:
        return (0, 0.0, "")
    return (1, float(key), "") if isinstance(key, (int, float)) else (2, 0.0, fold(text(key)))


class _Single:
    """The value of a subquery in a value's place; a second row is refused."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def step(self, value: Any) -> None:
        self.values.append(value)
        if len(self.values) > 1:
            raise Refused("Subquery returns more than 1 row")

    def finalize(self) -> Any:
        return self.values[0] if self.values else None


def _spread(sample: int, root: bool) -> type[_Spread]:
    return type("Spread", (_Spread,), {"sample": sample, "root": root})


AGGREGATES: dict[str, tuple[int, type]] = {
    **dict.fromkeys(("std", "stddev", "stddev_pop"), (1, _spread(0, True))),
    **dict.fromkeys(("variance", "var_pop"), (1, _spread(0, False))),
    "stddev_samp": (1, _spread(1, True)),
    "var_samp": (1, _spread(1, False)),
    "mysql_group_concat": (5, _GroupConcat),
    "mysql_single": (1, _Single),
}


def knows(name: str) -> bool:
    """Whether a function of that lower-case name can be called."""
    return name in SCALARS or name in BUILT_IN or name in AGGREGATES


def teach(connection: sqlite3.Connection, database: str, seed: int, refusals: list[Refused]) -> None:
    """Give a connection the collation and all functions; RAND() draws from `seed`.

    SQLite swallows the text of an exception in a function; so a `Refused` is also kept in `refusals`.
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

    connection.create_collation("mysql", collate)
    for name, (arity, function) in SCALARS.items():
        connection.create_function(name, arity, kept(function) if name == "regexp" else function, deterministic=True)
    for name, (arity, aggregate) in AGGREGATES.items():
        step = kept(aggregate.step) if aggregate is _Single else aggregate.step  # type: ignore[attr-defined]
        connection.create_aggregate(name, arity, type(aggregate.__name__, (aggregate,), {"step": step}))
    connection.create_function("database", 0, lambda: database)
    connection.create_function("schema", 0, lambda: database)
    connection.create_function("any_value", 1, lambda value: value)
    connection.create_function("rand", -1, lambda *seeds: rng.random())
