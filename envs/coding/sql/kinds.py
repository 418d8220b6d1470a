"""What kind of value MySQL makes of an expression: SUM of integers is a decimal, AVG has four more digits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from .schema import DATE, DATETIME, DOUBLE, INT, NULL, TEXT, TIME, Kind, kind_of

_RANK = {"null": 0, "int": 1, "decimal": 2, "double": 3}
_EXTRA_DIGITS = 4
"""What division and AVG add behind the point (div_precision_increment)."""
_SCALARS: dict[str, Kind] = {
    **dict.fromkeys(
        "ascii bit_length char_length character_length length locate position instr field find_in_set strcmp sign year "
        "month day dayofmonth dayofweek dayofyear hour minute second quarter week weekday weekofyear datediff "
        "timestampdiff to_days unix_timestamp isnull floor ceil ceiling crc32 regexp_like regexp_instr row_count "
        "last_insert_id row_number rank dense_rank ntile".split(),
        INT,
    ),
    **dict.fromkeys(
        "acos asin atan atan2 cos cot sin tan degrees radians exp ln log log10 log2 pi pow power rand sqrt "
        "percent_rank cume_dist".split(),
        DOUBLE,
    ),
    **dict.fromkeys(
        "now current_timestamp localtime localtimestamp sysdate from_unixtime utc_timestamp timestamp".split(), DATETIME
    ),
    **dict.fromkeys("curdate current_date date last_day makedate utc_date from_days".split(), DATE),
    **dict.fromkeys("curtime current_time time timediff sec_to_time maketime".split(), TIME),
}
_FIRST = set("abs round truncate lag lead first_value last_value nth_value any_value".split())
_ALL = set("coalesce ifnull greatest least".split())


def unify(kinds: Sequence[Kind]) -> Kind:
    """The kind that holds all of these, as CASE, COALESCE and UNION choose it."""
    known = [kind for kind in kinds if kind.family != "null"]
    if not known:
        return NULL
    if all(kind.family in _RANK for kind in known):
        top = max(known, key=lambda kind: _RANK[kind.family])
        scales = [kind.scale for kind in known]
        if top.family == "double":
            return Kind("double", None if None in scales else max(scale or 0 for scale in scales))
        return Kind(top.family, max(scale or 0 for scale in scales) if top.family == "decimal" else None)
    return known[0] if len({kind.family for kind in known}) == 1 else TEXT


def number(kind: Kind) -> Kind:
    """The kind that arithmetic makes of an operand: text counts as a double, a moment as an integer."""
    if kind.family == "text":
        return DOUBLE
    return kind if kind.family in _RANK else INT


def arithmetic(node: exp.Expr, left: Kind, right: Kind) -> Kind:
    """The kind of ``left + right`` and its like."""
    a, b = number(left), number(right)
    if isinstance(node, exp.IntDiv):
        return INT
    if a.family == "double" or b.family == "double":
        if isinstance(node, exp.Div):
            return Kind("double", None if a.scale is None else a.scale + _EXTRA_DIGITS)
        scales = [0 if kind.family == "int" else kind.scale for kind in (a, b)]
        if None in scales:
            return DOUBLE
        known = [scale or 0 for scale in scales]
        return Kind("double", sum(known) if isinstance(node, exp.Mul) else max(known))
    if isinstance(node, exp.Div):
        return Kind("decimal", (a.scale or 0) + _EXTRA_DIGITS)
    if a.family == "int" and b.family == "int":
        return INT
    scales_known = (a.scale or 0, b.scale or 0)
    return Kind("decimal", sum(scales_known) if isinstance(node, exp.Mul) else max(scales_known))


def aggregate(node: exp.Expr, argument: Kind) -> Kind:
    """The kind of COUNT, SUM, AVG, MIN, MAX, GROUP_CONCAT and the spreads over `argument`."""
    if isinstance(node, exp.Count):
        return INT
    if isinstance(node, (exp.Min, exp.Max)):
        return argument
    if isinstance(node, exp.GroupConcat):
        return TEXT
    if isinstance(node, exp.Sum | exp.Avg):
        base = number(argument)
        extra = _EXTRA_DIGITS if isinstance(node, exp.Avg) else 0
        if base.family == "double":
            return Kind("double", None if base.scale is None else base.scale + extra)
        return Kind("decimal", (base.scale or 0) + extra)
    return DOUBLE


def literal(node: exp.Literal) -> Kind:
    """The kind of a constant: 1.50 is a decimal with two digits, 1e3 a double."""
    if node.is_string:
        return TEXT
    text = node.name
    if "e" in text.lower():
        return DOUBLE
    return Kind("decimal", len(text.partition(".")[2])) if "." in text else INT


def scalar(name: str, arguments: Sequence[Kind], nodes: Sequence[exp.Expr]) -> Kind:
    """The kind of a function's result; text where nothing else is known of it."""
    if name in _ALL:
        return unify(arguments)
    if name == "if":
        return unify(arguments[1:])
    if name == "nullif":
        return arguments[0] if arguments else NULL
    if name == "mod" and len(arguments) == 2:
        return unify([number(each) for each in arguments])
    if name in ("date_add", "date_sub", "adddate", "subdate", "addtime", "timestampadd"):
        moment = arguments[-1] if name == "timestampadd" else arguments[0]
        return moment if moment.family in ("date", "datetime") else TEXT
    if name == "str_to_date":
        form = nodes[1].name if len(nodes) > 1 and isinstance(nodes[1], exp.Literal) else ""
        return DATE if form and not any(each in form for each in ("%H", "%h", "%i", "%s", "%T")) else DATETIME
    if name in _FIRST and arguments:
        return _rounded(name, number(arguments[0]), nodes) if name in ("round", "truncate", "abs") else arguments[0]
    return _SCALARS.get(name, TEXT)


def _rounded(name: str, kind: Kind, nodes: Sequence[exp.Expr]) -> Kind:
    if name == "abs" or kind.family == "int":
        return kind
    digits = nodes[1] if len(nodes) > 1 else None
    if digits is None:
        return Kind(kind.family, 0)
    if isinstance(digits, exp.Literal) and digits.is_int:
        wanted = int(digits.name)
        if kind.family == "decimal":
            return Kind("decimal", min(wanted, kind.scale or 0))
        return Kind("double", wanted)
    return kind


def cast(target: exp.DataType) -> Kind:
    """The kind that CAST makes."""
    name = target.this.value.lower()
    if name in ("ubigint", "uint", "signed", "unsigned", "bigint"):
        return INT
    parameters = [each.name for each in target.expressions]
    if name == "decimal":
        return Kind("decimal", int(parameters[1]) if len(parameters) > 1 else 0)
    return kind_of(name)
