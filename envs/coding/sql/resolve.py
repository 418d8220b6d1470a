"""Finds what every name in a statement means, as MySQL does: the tables, the columns, and what it says where one is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from . import grouping, kinds
from .answer import Refused
from .schema import INT, NULL, TEXT, Database, Kind, Table

IN = "IN/ALL/ANY subquery"
FIELDS, WHERE, ON = "field list", "where clause", "on clause"
GROUP, HAVING, ORDER = "group statement", "having clause", "order clause"
_PLACES = {"group": GROUP, "order": ORDER}


@dataclass(slots=True)
class Output:
    """One column of a table or a query's result."""

    name: str
    kind: Kind


@dataclass(slots=True)
class Scope:
    """What can be named at a place: sources by alias, the query around it, and the select list's aliases."""

    outer: Scope | None = None
    sources: dict[str, list[Output]] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    """Columns that USING and NATURAL made one."""
    ctes: dict[str, list[Output]] = field(default_factory=dict)
    aliases: dict[str, Kind] = field(default_factory=dict)

    def cte(self, name: str) -> list[Output] | None:
        """The columns of a WITH query of that name, from here outwards."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.outer
        return None


class Resolver:
    """Resolves one statement; leaves the kind of each expression in its node's ``meta["kind"]``."""

    def __init__(
        self, current: Database, other: Callable[[str], Database | None], functions: Callable[[str], bool]
    ) -> None:
        """Names without a database are of `current`; `other` finds a database by name; `functions` knows functions."""
        self.current, self.other, self.functions = current, other, functions

    # --- statements -----------------------------------------------------------------------------------------------

    def statement(self, node: exp.Expr) -> list[Output]:
        """Resolve a whole statement; the columns of its result (none for a write).

        Raises:
            Refused: a name means nothing, or more than one thing.
        """
        for each in node.find_all(exp.In):
            inner = each.args.get("query")
            if inner is not None and isinstance(inner.this, exp.Select) and inner.this.args.get("limit"):
                raise Refused("This version of MySQL doesn't yet support 'LIMIT & IN/ALL/ANY/SOME subquery'")
        self.tables(node)
        if isinstance(node, exp.Query):
            return self.query(node, None)
        scope = Scope()
        if isinstance(node, exp.Insert):
            self._insert(node, scope)
        elif isinstance(node, exp.Update | exp.Delete):
            self._write(node, scope)
        return []

    def tables(self, node: exp.Expr) -> None:
        """MySQL opens all tables before it looks at any column; so a missing one is told first."""
        defined = {cte.alias.lower() for cte in node.find_all(exp.CTE)}
        for table in node.find_all(exp.Table):
            if not table.name or (table.name.lower() in defined and not table.db):
                continue
            self.table(table)

    def table(self, node: exp.Table) -> Table:
        """The table that a name stands for."""
        database = self.current if not node.db else self.other(node.db.lower())
        if database is None:
            raise Refused(f"Unknown database '{node.db.lower()}'")
        found = database.tables.get(node.name.lower())
        if found is None:
            raise Refused(f"Table '{database.name}.{node.name.lower()}' doesn't exist")
        return found

    def _insert(self, node: exp.Insert, scope: Scope) -> None:
        target = node.this
        columns = target.expressions if isinstance(target, exp.Schema) else []
        table = self.table(target.this if isinstance(target, exp.Schema) else target)
        known = {column.name.lower() for column in table.columns}
        for column in columns:
            if column.name.lower() not in known:
                raise Refused(f"Unknown column '{column.name}' in '{FIELDS}'")
        source = node.expression
        width = len(columns) or len(table.columns)
        if isinstance(source, exp.Values):
            for row, values in enumerate(source.expressions, 1):
                given = values.expressions if isinstance(values, exp.Tuple) else [values]
                if len(given) != width:
                    raise Refused(f"Column count doesn't match value count at row {row}")
                for value in given:
                    self.expression(value, scope, FIELDS)
        elif isinstance(source, exp.Query) and len(self.query(source, None)) != width:
            raise Refused("Column count doesn't match value count at row 1")

    def _write(self, node: exp.Update | exp.Delete, scope: Scope) -> None:
        target = node.this
        if isinstance(target, exp.Table):
            scope.sources[target.alias_or_name.lower()] = self._columns(self.table(target))
        for assignment in node.expressions if isinstance(node, exp.Update) else []:
            self.expression(assignment, scope, FIELDS)
        self._clauses(node, scope, "where", "order")

    # --- queries --------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, outer: Scope | None) -> list[Output]:
        """The columns of a SELECT, a UNION or one of these in parentheses."""
        if isinstance(node, exp.Subquery):
            return self.query(node.this, outer)
        if isinstance(node, exp.SetOperation):
            return self._union(node, outer)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        raise Refused("This statement cannot stand here")

    def _with(self, node: exp.Expr, scope: Scope) -> None:
        clause = node.args.get("with_") or node.args.get("with")
        if clause is None:
            return
        for cte in clause.expressions:
            name = cte.alias.lower()
            body = cte.this
            if clause.args.get("recursive") and isinstance(body, exp.SetOperation):
                scope.ctes[name] = _renamed(self.query(body.left, scope), cte)
            scope.ctes[name] = _renamed(self.query(body, scope), cte)

    def _union(self, node: exp.SetOperation, outer: Scope | None) -> list[Output]:
        scope = Scope(outer)
        self._with(node, scope)
        left, right = self.query(node.left, scope), self.query(node.right, scope)
        if len(left) != len(right):
            raise Refused("The used SELECT statements have a different number of columns")
        result = [Output(a.name, kinds.unify([a.kind, b.kind])) for a, b in zip(left, right, strict=True)]
        scope.sources[""] = result
        self._clauses(node, scope, "order")
        return result

    def _select(self, node: exp.Select, outer: Scope | None) -> list[Output]:
        scope = Scope(outer)
        self._with(node, scope)
        conditions = self._sources(node, scope)
        result: list[Output] = []
        for each in node.expressions:
            result += self._projection(each, scope)
        # A derived alias can be named in GROUP BY, HAVING and ORDER BY, but not in WHERE.
        self._clauses(node, scope, "where")
        for condition in reversed(conditions):
            self.expression(condition, scope, ON)
        for each in node.expressions:
            if isinstance(each, exp.Alias):
                scope.aliases[each.alias.lower()] = _kind(each)
        self._clauses(node, scope, "group")
        having = node.args.get("having")
        if having is not None:
            self.expression(having.this, scope, HAVING)
        self._clauses(node, scope, "order")
        grouping.check(node, self.current.name)
        return result

    def _sources(self, node: exp.Select, scope: Scope) -> list[exp.Expr]:
        clause = node.args.get("from_") or node.args.get("from")
        conditions: list[exp.Expr] = []
        if clause is not None:
            self._source(clause.this, scope)
        for join in node.args.get("joins") or []:
            conditions += self._join(join, scope)
        return conditions

    def _join(self, join: exp.Join, scope: Scope) -> list[exp.Expr]:
        before = {column.name.lower() for source in scope.sources.values() for column in source}
        inside = self._source(join.this, scope)
        using = [each.name.lower() for each in join.args.get("using") or []]
        if join.args.get("method") == "NATURAL" and scope.sources:
            last = list(scope.sources.values())[-1]
            using = [column.name.lower() for column in last if column.name.lower() in before]
        for name in using:
            if name not in before:
                raise Refused(f"Unknown column '{name}' in 'from clause'")
        scope.merged.update(using)
        on = join.args.get("on")
        return [*inside, *([on] if on is not None else [])]

    def _source(self, node: exp.Expr, scope: Scope) -> list[exp.Expr]:
        conditions: list[exp.Expr] = []
        if isinstance(node, exp.Table):
            columns = None if node.db else scope.cte(node.name.lower())
            alias = node.alias_or_name.lower()
            if alias in scope.sources:
                raise Refused(f"Not unique table/alias: '{node.alias_or_name}'")
            if columns is None:
                node.meta["table"] = self.table(node)
                columns = self._columns(node.meta["table"])
            scope.sources[alias] = columns
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            if not node.alias:
                raise Refused("Every derived table must have its own alias")
            scope.sources[node.alias.lower()] = _renamed(
                self.query(node.this, Scope(scope.outer, ctes=scope.ctes)), node
            )
        elif isinstance(node, exp.Paren | exp.Subquery):
            conditions += self._source(node.this, scope)
        for join in node.args.get("joins") or []:
            conditions += self._join(join, scope)
        return conditions

    def _columns(self, table: Table) -> list[Output]:
        return [Output(column.name, column.kind) for column in table.columns]

    def _projection(self, node: exp.Expr, scope: Scope) -> list[Output]:
        if isinstance(node, exp.Star):
            if not scope.sources:
                raise Refused("No tables used")
            seen: set[str] = set()
            result = []
            for column in (column for source in scope.sources.values() for column in source):
                if column.name.lower() in scope.merged and column.name.lower() in seen:
                    continue
                seen.add(column.name.lower())
                result.append(column)
            return result
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            source = scope.sources.get(node.table.lower())
            if source is None:
                raise Refused(f"Unknown table '{node.table}'")
            return list(source)
        return [Output(node.alias_or_name, self.expression(node, scope, FIELDS))]

    def _clauses(self, node: exp.Expr, scope: Scope, *names: str) -> None:
        for name in names:
            clause = node.args.get(name)
            if clause is None:
                continue
            if name == "where":
                if any(_own_aggregates(clause)):
                    raise Refused("Invalid use of group function")
                self.expression(clause.this, scope, WHERE)
                continue
            for each in clause.expressions:
                key = each.this if isinstance(each, exp.Ordered) else each
                if isinstance(key, exp.Literal) and key.is_int and isinstance(node, exp.Select):
                    if not 1 <= int(key.name) <= max(len(node.expressions), 1) and not node.is_star:
                        raise Refused(f"Unknown column '{key.name}' in '{_PLACES[name]}'")
                    continue
                self.expression(key, scope, _PLACES[name])

    # --- expressions ----------------------------------------------------------------------------------------------

    def expression(self, node: exp.Expr, scope: Scope, place: str) -> Kind:
        """Resolve one expression and say what kind of value it has; the kind stays in ``node.meta``."""
        kind = self._expression(node, scope, place)
        node.meta["kind"] = kind
        return kind

    def _expression(self, node: exp.Expr, scope: Scope, place: str) -> Kind:
        if isinstance(node, exp.Column):
            return self._column(node, scope, place)
        if isinstance(node, exp.Literal):
            return kinds.literal(node)
        if isinstance(node, exp.Null):
            return NULL
        if isinstance(node, exp.Exists):
            self.query(node.this, scope)
            return INT
        if isinstance(node, exp.Query):
            columns = self.query(node, scope)
            node.meta["columns"] = len(columns)
            return columns[0].kind
        if isinstance(node, exp.In):
            return self._in(node, scope, place)
        if isinstance(node, exp.Anonymous) and not self.functions(str(node.this).lower()):
            raise Refused(f"FUNCTION {self.current.name}.{node.this} does not exist")
        children = [
            self.expression(child, scope, place)
            for child in node.iter_expressions()
            if not isinstance(child, exp.DataType | exp.Var | exp.Identifier)
        ]
        if isinstance(node, exp.Alias | exp.Paren | exp.Neg | exp.Distinct | exp.Ordered | exp.Collate):
            return children[0] if children else TEXT
        if isinstance(node, exp.Anonymous):
            return kinds.scalar(str(node.this).lower(), children, node.expressions)
        return _operator(node, children)

    def _in(self, node: exp.In, scope: Scope, place: str) -> Kind:
        width = len(node.this.expressions) if isinstance(node.this, exp.Tuple) else 1
        self.expression(node.this, scope, IN if node.args.get("query") is not None else place)
        for each in node.expressions:
            self.expression(each, scope, place)
        inner = node.args.get("query")
        if inner is not None:
            columns = self.query(inner, scope)
            if len(columns) != width:
                raise Refused(f"Operand should contain {width} column(s)")
            inner.meta["kind"] = columns[0].kind
        return INT

    def _column(self, node: exp.Column, scope: Scope, place: str) -> Kind:
        name, table = node.name.lower(), node.table.lower()
        at: Scope | None = scope
        while at is not None:
            if not table and place == ORDER and name in at.aliases:
                return at.aliases[name]
            found = [
                column.kind
                for alias, source in at.sources.items()
                if not table or alias == table
                for column in source
                if column.name.lower() == name
            ]
            if len(found) > 1 and name not in at.merged and not table:
                raise Refused(f"Column '{node.name}' in {place} is ambiguous")
            if found:
                return found[0]
            if not table and at is scope and place in (GROUP, HAVING) and name in at.aliases:
                node.meta["aliased"] = True
                return at.aliases[name]
            at = at.outer
        written = ".".join(part.name for part in node.parts)
        raise Refused(f"Unknown column '{written}' in '{place}'")


def _operator(node: exp.Expr, children: list[Kind]) -> Kind:
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.IntDiv | exp.Mod) and len(children) == 2:
        if any(isinstance(child, exp.Interval) for child in node.iter_expressions()):
            return children[0]
        return kinds.arithmetic(node, *children)
    if isinstance(node, exp.AggFunc):
        return kinds.aggregate(node, children[0] if children else INT)
    if isinstance(node, exp.Case):
        values = [each.args["true"] for each in node.args["ifs"]]
        values += [node.args["default"]] if node.args.get("default") else []
        return kinds.unify([_kind(each) for each in values])
    if isinstance(node, exp.If):
        return kinds.unify(
            [_kind(each) for each in (node.args.get("true"), node.args.get("false")) if each is not None]
        )
    if isinstance(node, exp.Cast):
        return kinds.cast(node.to)
    if isinstance(node, exp.Window):
        return children[0] if children else NULL
    if isinstance(node, exp.Predicate | exp.Connector | exp.Not | exp.Boolean | exp.Between | exp.Is | exp.Xor):
        return INT
    return TEXT


def _kind(node: exp.Expr) -> Kind:
    kind: Kind = node.meta.get("kind", TEXT)
    return kind


def _renamed(columns: list[Output], node: exp.Expr) -> list[Output]:
    alias = node.args.get("alias")
    names = [each.name for each in alias.args.get("columns") or []] if alias is not None else []
    return [Output(new, old.kind) for new, old in zip(names, columns, strict=False)] if names else columns


def _own_aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregates of this clause, those of its subqueries left out."""
    for each in node.walk(prune=lambda inner: isinstance(inner, exp.Query)):
        if isinstance(each, exp.AggFunc) and not isinstance(each.parent, exp.Window):
            yield each
