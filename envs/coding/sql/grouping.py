"""MySQL's ONLY_FULL_GROUP_BY: a column beside an aggregate must follow from the columns grouped by.

MySQL's manual, "MySQL Handling of GROUP BY" and "Detection of Functional Dependence".
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from .answer import Refused
from .schema import Table

Name = tuple[str, str]
_END = "this is incompatible with sql_mode=only_full_group_by"


def check(node: exp.Select, database: str) -> None:
    """Refuse a SELECT list with a column that the groups do not fix; columns of derived tables are let pass.

    Raises:
        Refused: there is one, in MySQL's words.
    """
    group = node.args.get("group")
    if group is None and not any(any(_aggregates(each)) for each in node.expressions):
        return
    tables = _tables(node)
    if tables is None:
        return
    written = {each.sql().lower() for each in group.expressions} if group else set()
    grouped = _grouped(node)
    known = _closure(node, tables, {name for each in grouped if (name := _name(each, tables))})
    for place, each in enumerate(node.expressions, 1):
        bare = each.unalias()
        if bare.sql().lower() in written or each.alias_or_name.lower() in written:
            continue
        for column in _bare_columns(each):
            name = _name(column, tables)
            if name is None or name in known:
                continue
            shown = f"{database}.{name[0]}.{_declared(tables[name[0]], name[1])}"
            if group is None:
                raise Refused(f"In aggregated query without GROUP BY, expression #{place} of SELECT list contains "
                              f"nonaggregated column '{shown}'; {_END}")  # fmt: skip
            raise Refused(f"Expression #{place} of SELECT list is not in GROUP BY clause and contains nonaggregated "
                          f"column '{shown}' which is not functionally dependent on columns in GROUP BY clause; "
                          + _END)  # fmt: skip


def _tables(node: exp.Select) -> dict[str, Table] | None:
    """The stored tables of the FROM clause by alias; None where anything else stands there."""
    clause = node.args.get("from_") or node.args.get("from")
    sources = [clause.this] if clause is not None else []
    sources += [join.this for join in node.args.get("joins") or []]
    found: dict[str, Table] = {}
    for each in sources:
        table = each.meta.get("table") if isinstance(each, exp.Table) else None
        if table is None or each.args.get("joins"):
            return None
        found[each.alias_or_name.lower()] = table
    return found


def _aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    for each in node.walk(prune=lambda inner: isinstance(inner, exp.Query | exp.Window)):
        if isinstance(each, exp.AggFunc):
            yield each


def _bare_columns(node: exp.Expr) -> Iterator[exp.Column]:
    stops = exp.Query | exp.AggFunc | exp.Window
    for each in node.walk(prune=lambda inner: isinstance(inner, stops)):
        if isinstance(each, exp.Anonymous) and str(each.this).lower() == "any_value":
            return
        if isinstance(each, exp.Column) and not isinstance(each.this, exp.Star):
            yield each


def _grouped(node: exp.Select) -> list[exp.Expr]:
    group = node.args.get("group")
    aliases = {each.alias.lower(): each.this for each in node.expressions if isinstance(each, exp.Alias)}
    result = []
    for each in group.expressions if group else []:
        if isinstance(each, exp.Literal) and each.is_int and 0 < int(each.name) <= len(node.expressions):
            each = node.expressions[int(each.name) - 1].unalias()
        elif isinstance(each, exp.Column) and not each.table and each.name.lower() in aliases:
            result.append(aliases[each.name.lower()])
        result.append(each)
    return result


def _name(node: exp.Expr, tables: dict[str, Table]) -> Name | None:
    if not isinstance(node, exp.Column):
        return None
    for alias, table in tables.items():
        if node.table.lower() in ("", alias):
            for column in table.columns:
                if column.name.lower() == node.name.lower():
                    return alias, column.name.lower()
    return None


def _closure(node: exp.Select, tables: dict[str, Table], known: set[Name]) -> set[Name]:
    equal: list[tuple[Name, Name | None]] = []
    where = node.args.get("where")
    conditions = [where.this] if where is not None else []
    for join in node.args.get("joins") or []:
        if join.args.get("using") or join.args.get("method"):
            return {(alias, column.name.lower()) for alias, table in tables.items() for column in table.columns}
        conditions += [join.args["on"]] if join.args.get("on") is not None else []
    for condition in conditions:
        for each in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            if isinstance(each, exp.EQ):
                equal += _equality(each, tables)
    size = -1
    while size != len(known):
        size = len(known)
        known |= {a for a, b in equal if b is None or b in known}
        for alias, table in tables.items():
            for key in (table.primary, *table.unique):
                if key and all((alias, column.lower()) in known for column in key):
                    known |= {(alias, column.name.lower()) for column in table.columns}
    return known


def _equality(node: exp.EQ, tables: dict[str, Table]) -> list[tuple[Name, Name | None]]:
    left, right = _name(node.this, tables), _name(node.expression, tables)
    if left and right:
        return [(left, right), (right, left)]
    pairs = [(left, node.expression), (right, node.this)]
    return [(name, None) for name, other in pairs if name and isinstance(other, exp.Literal)]


def _declared(table: Table, column: str) -> str:
    return next(each.name for each in table.columns if each.name.lower() == column)
