"""MySQL's dialect in SQLite's words: every difference that a statement can show, in one place.

Functions are left as they are written (`functions` teaches them to SQLite); what differs in syntax or in the way
values are compared is rewritten here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ErrorLevel

from .answer import Refused
from .schema import Kind, Table


def _call(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[each for each in arguments if each is not None])


def _kind(node: exp.Expr) -> Kind:
    kind: Kind = node.meta.get("kind", Kind("null"))
    return kind


def _moments(left: exp.Expr, right: exp.Expr) -> str | None:
    families = {_kind(left).family, _kind(right).family}
    if "datetime" in families:
        return "mysql_datetime"
    return "mysql_moment" if "date" in families else None


def _compared(left: exp.Expr, right: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Both sides as MySQL compares them: as numbers where one is, as moments where one is, else without case."""
    a, b = _kind(left).family, _kind(right).family
    numbers = {"int", "decimal", "double"}
    if (a == "text" and b in numbers) or (b == "text" and a in numbers):
        return (_call("mysql_number", left) if a == "text" else left), (
            _call("mysql_number", right) if b == "text" else right
        )
    name = _moments(left, right)
    if name and a != b:
        return _call(name, left), _call(name, right)
    if a == "text" and b == "text" and not isinstance(left, exp.Column | exp.Collate):
        return exp.Collate(this=exp.Paren(this=left), expression=exp.Var(this="mysql")), right
    return left, right


def _rewrite(node: exp.Expr) -> exp.Expr:
    """One node in SQLite's terms; its children are rewritten already."""
    if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.NullSafeEQ):
        if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
            return node
        if isinstance(node.expression, exp.All | exp.Any):
            return _quantified(node)
        left, right = _compared(node.this, node.expression)
        kind = exp.Is if isinstance(node, exp.NullSafeEQ) else type(node)
        return kind(this=left, expression=right)
    if isinstance(node, exp.Between):
        left, low = _compared(node.this, node.args["low"])
        _, high = _compared(node.this, node.args["high"])
        return exp.Between(this=left, low=low, high=high)
    if isinstance(node, exp.In):
        return _member(node)
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        return _call("date_add" if isinstance(node, exp.Add) else "date_sub", node.this, node.expression)
    if isinstance(node, exp.Add) and isinstance(node.this, exp.Interval):
        return _call("date_add", node.expression, node.this)
    simple = _NODES.get(type(node))
    return simple(node) if simple else node


def _quantified(node: exp.Expr) -> exp.Expr:
    """``> ALL (SELECT ...)`` and its like, which SQLite lacks."""
    quantifier = node.expression
    every = isinstance(quantifier, exp.All)
    query = quantifier.this.this if isinstance(quantifier.this, exp.Subquery) else quantifier.this
    if isinstance(node, exp.EQ) and not every:
        return exp.In(this=node.this, query=exp.Subquery(this=query))
    if isinstance(node, exp.NEQ) and every:
        return exp.Not(this=exp.In(this=node.this, query=exp.Subquery(this=query)))
    upper = isinstance(node, exp.GT | exp.GTE) == every
    inner = query.copy()
    first = inner.expressions[0]
    inner.expressions[0].replace(exp.alias_(first.unalias(), "v"))
    bound = exp.select(f"{'MAX' if upper else 'MIN'}(v)").from_(inner.subquery("q")).subquery()
    compared = type(node)(this=node.this, expression=bound)
    return exp.Coalesce(this=compared, expressions=[exp.Literal.number(int(every))])


def _stamped(node: exp.Sum | exp.Avg) -> exp.Expr:
    """A moment in a sum is the number that its digits make."""
    if _kind(node.this).family in ("date", "datetime"):
        return type(node)(this=_call("mysql_stamp", node.this))
    return node


def _first_met(node: exp.Select) -> exp.Select:
    """MySQL answers groups in the order in which it meets them, SQLite sorted; ties stay in that order too."""
    group = node.args.get("group")
    if group is None:
        return node
    for each in list(group.expressions):
        if _kind(each).family == "text" and (not isinstance(each, exp.Column) or each.meta.get("aliased")):
            each.replace(exp.Collate(this=each.copy(), expression=exp.Var(this="mysql")))
    if isinstance(node.parent, exp.SetOperation) or node.args.get("distinct"):
        return node
    clause = node.args.get("from_") or node.args.get("from")
    first = clause.this if clause else None
    table: Table | None = first.meta.get("table") if isinstance(first, exp.Table) else None
    if first is None or table is None:
        return node
    alias, keys = first.alias_or_name, [each.name.lower() for each in node.args["group"].expressions]
    indexed = any(
        [each.lower() for each in key[: len(keys)]] == keys for key in (table.primary, *table.unique, *table.keys)
    )
    if indexed and not node.args.get("joins"):
        met = [exp.Ordered(this=each.copy()) for each in node.args["group"].expressions]
    else:
        met = [exp.Ordered(this=exp.Min(this=exp.column("rowid", table=alias)))]
    order = node.args.get("order")
    node.set("order", exp.Order(expressions=[*(order.expressions if order else []), *met]))
    return node


def _member(node: exp.In) -> exp.Expr:
    if not node.expressions:
        return node
    pairs = [_compared(node.this, each) for each in node.expressions]
    if all(left is node.this for left, _ in pairs):
        node.set("expressions", [right for _, right in pairs])
        return node
    tests = [exp.Paren(this=exp.EQ(this=left.copy(), expression=right)) for left, right in pairs]
    return exp.Paren(this=exp.or_(*tests))


def _group_concat(node: exp.GroupConcat) -> exp.Expr:
    value, key, backwards = node.this, None, False
    if isinstance(value, exp.Order):
        first = value.expressions[0]
        key, backwards, value = first.this, bool(first.args.get("desc")), value.this
    distinct = isinstance(value, exp.Distinct)
    if distinct:
        value = value.expressions[0]
    if isinstance(value, exp.Concat):
        value = _call("concat", *value.expressions)
    by = node.args.get("separator") or exp.Literal.string(",")
    flags = [exp.Literal.number(int(flag)) for flag in (distinct, backwards)]
    return _call("mysql_group_concat", value, by, *flags, key.copy() if key is not None else exp.null())


def _cast(node: exp.Cast) -> exp.Expr:
    name = node.to.this.value.lower()
    if name in ("ubigint", "uint", "bigint", "int", "signed", "unsigned"):
        return _call("mysql_int", node.this)
    if name == "decimal":
        digits = [each.this for each in node.to.expressions][1:] or [exp.Literal.number(0)]
        return _call("round", _call("mysql_number", node.this), *digits)
    if name in ("float", "double", "real"):
        return exp.Cast(this=_call("mysql_number", node.this), to=exp.DataType.build("double"))
    if name in ("datetime", "timestamp"):
        return _call("mysql_datetime", node.this)
    if name in ("binary", "varbinary"):
        return exp.Collate(this=node.this, expression=exp.Var(this="BINARY"))
    if name in ("date", "time"):
        return _call(name, node.this)
    return exp.Cast(this=node.this, to=exp.DataType.build("text"))


def _count(node: exp.Count) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) > 1:
        return exp.Count(this=exp.Distinct(expressions=[_call("mysql_tuple", *inner.expressions)]))
    return node


def _subquery(node: exp.Subquery) -> exp.Expr:
    """A subquery in a value's place must have one row; SQLite would silently take the first."""
    parent, query = node.parent, node.this
    if not isinstance(query, exp.Select) or node.meta.get("columns") != 1 or query.args.get("limit"):
        return node
    if isinstance(parent, exp.In | exp.All | exp.Any | exp.From | exp.Join | exp.Exists) or node.alias:
        return node
    if not query.args.get("group") and any(each.find(exp.AggFunc) for each in query.expressions):
        return node
    kind = _kind(node)
    inner = query.copy()
    first = inner.expressions[0]
    if not isinstance(first, exp.Alias):
        first.replace(exp.alias_(first.copy(), "v", quoted=False))
    name = inner.expressions[0].alias
    outer = exp.Select(expressions=[_call("mysql_single", exp.column(name, table="q", quoted=True))])
    outer = outer.from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("q"))))
    result = exp.Subquery(this=outer)
    result.meta["kind"] = kind
    return result


def _union(node: exp.Union) -> exp.Expr:
    """A UNION's rows stay in the order in which they are met; SQLite would sort them."""
    if not node.args.get("distinct") or node.args.get("with_") or node.args.get("order") or node.args.get("limit"):
        return node
    both = exp.Union(this=node.this, expression=node.expression, distinct=False)
    return exp.Select(expressions=[exp.Star()], distinct=exp.Distinct()).from_(exp.Subquery(this=both))


_NODES: dict[type[exp.Expr], Callable[[Any], exp.Expr]] = {
    exp.Union: _union,
    exp.IntDiv: lambda node: _call("mysql_div", node.this, node.expression),
    exp.Xor: lambda node: _call("mysql_xor", node.this, node.expression),
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Count: _count,
    exp.GroupConcat: _group_concat,
    exp.Subquery: _subquery,
    exp.Select: _first_met,
    exp.Sum: _stamped,
    exp.Avg: _stamped,
    exp.Extract: lambda node: _call(node.name.lower(), node.expression),
    exp.Interval: lambda node: _call(
        "mysql_interval", node.this, exp.Literal.string(str(node.args.get("unit") or "day"))
    ),
    exp.CurrentDate: lambda node: _call("curdate"),
    exp.CurrentTime: lambda node: _call("curtime"),
    exp.CurrentTimestamp: lambda node: _call("now"),
    exp.Localtime: lambda node: _call("now"),
    exp.Localtimestamp: lambda node: _call("now"),
    exp.CurrentUser: lambda node: _call("user"),
    exp.StrPosition: lambda node: _call("position", node.args.get("substr"), node.this),
    exp.Boolean: lambda node: exp.Literal.number(int(node.this)),
}


class Written(SQLite):
    """SQLite as our statements are written."""

    class Generator(SQLite.Generator):  # type: ignore[misc, valid-type]
        """Names are always quoted, NULLs lie where MySQL puts them (which is where SQLite does)."""

        def ordered_sql(self, expression: exp.Ordered) -> str:
            """``x DESC``, text without case."""
            key = self.sql(expression, "this")
            family = _kind(expression.this).family
            if family == "text" and not isinstance(expression.this, exp.Column | exp.Literal):
                key = f"({key}) COLLATE mysql"
            return f"{key} DESC" if expression.args.get("desc") else key

        def div_sql(self, expression: exp.Div) -> str:
            """``/`` never divides as integers."""
            return f"(CAST({self.sql(expression, 'this')} AS REAL) / {self.sql(expression, 'expression')})"

        def lock_sql(self, expression: exp.Lock) -> str:
            """FOR UPDATE means nothing to one reader."""
            return ""

        def anonymous_sql(self, expression: exp.Anonymous) -> str:
            """A function under the name it was called by."""
            arguments = ", ".join(self.sql(each) for each in expression.expressions)
            return f'"{str(expression.this).lower()}"({arguments})'


def _verbatim(tree: exp.Expr) -> None:
    """5.50 written into a text column stays 5.50, which SQLite would make 5.5; a number's column makes it one again."""
    for node in list(tree.find_all(exp.Literal)):
        direct = isinstance(node.parent, exp.Tuple | exp.Values) or (
            isinstance(node.parent, exp.EQ) and isinstance(node.parent.parent, exp.Update)
            and node.parent.arg_key == "expressions"
        )  # fmt: skip
        if direct and not node.is_string and "." in node.name and "e" not in node.name.lower():
            node.replace(exp.Literal.string(node.name))


def write(tree: exp.Expr, database: str) -> str:
    """SQLite's words for a resolved statement (its nodes carry their kinds); the tree is changed.

    Raises:
        Refused: it is nested too deeply.
    """
    for table in list(tree.find_all(exp.Table)):
        if table.db and table.db.lower() == database:
            table.set("db", None)
    for column in list(tree.find_all(exp.Column)):
        if column.db:
            column.set("db", None)
    if isinstance(tree, exp.Insert | exp.Update):
        _verbatim(tree)
    for node in reversed(list(tree.walk(bfs=True))):
        new = _rewrite(node)
        if new is not node:
            new.meta.setdefault("kind", _kind(node))
            if node is tree:
                tree = new
            else:
                node.replace(new)
    try:
        return Written().generate(tree, identify=True, unsupported_level=ErrorLevel.IGNORE, copy=False)
    except RecursionError:
        raise Refused("Thread stack overrun: the statement is nested too deeply") from None
