"""Row conditions: which rows a rule looks at, read once and said in SQL or as a pandas mask.

Accepted: Great Expectations' `col("a") > 5`, pandas' `a > 5 and b in ["x"]`, and its dictionary form. One meaning on
both engines: a comparison with a missing value is not true, so such a row is not looked at (`notnull()`,
`isnull()` ask for missing values expressly).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from quality import sql
from quality.kinds import Column, KindMismatch, coerce, members

if TYPE_CHECKING:
    import pandas as pd

COMPARISONS: Final = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_AST_OPS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MIRROR: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class ConditionUnreadable(ValueError):
    """The condition is not one of the accepted forms."""


@dataclass(frozen=True, slots=True)
class Compare:
    column: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class CompareColumns:
    left: str
    op: str
    right: str


@dataclass(frozen=True, slots=True)
class Among:
    column: str
    values: tuple[Any, ...]
    negate: bool


@dataclass(frozen=True, slots=True)
class Missing:
    column: str
    missing: bool


@dataclass(frozen=True, slots=True)
class Junction:
    all_of: bool
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition = Compare | CompareColumns | Among | Missing | Junction | Not


def read(condition: Any) -> Condition:
    """Raises ConditionUnreadable."""
    try:
        return _from_mapping(condition) if isinstance(condition, Mapping) else _from_text(condition)
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError, MemoryError):
        raise ConditionUnreadable(f"{str(condition)[:200]!r} is not a condition") from None


def _from_text(condition: Any) -> Condition:
    if not isinstance(condition, str) or not condition.strip():
        raise ConditionUnreadable(f"{condition!r} is not a condition")
    names: dict[str, str] = {}

    def quoted(match: re.Match[str]) -> str:
        names[f"_quoted_{len(names)}"] = match[1]
        return f"_quoted_{len(names) - 1}"

    try:
        tree = ast.parse(re.sub(r"`([^`]+)`", quoted, condition.strip()), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ConditionUnreadable(f"{condition!r}: {error}") from None
    return _Reader(condition, names).condition(tree.body)


def columns_of(condition: Condition) -> set[str]:
    if isinstance(condition, Junction):
        return set().union(*(columns_of(part) for part in condition.parts))
    if isinstance(condition, Not):
        return columns_of(condition.part)
    if isinstance(condition, CompareColumns):
        return {condition.left, condition.right}
    return {condition.column}


def _from_mapping(tree: Mapping[str, Any]) -> Condition:
    kind = tree.get("type")
    if kind in {"and", "or"}:
        return Junction(kind == "and", tuple(_from_mapping(part) for part in tree["conditions"]))
    try:
        column = tree["column"]["name"]
        if kind == "nullity":
            return Missing(column, bool(tree["is_null"]))
        op, value = tree["operator"], tree["parameter"]
    except (KeyError, TypeError):
        raise ConditionUnreadable(f"{tree!r} is not a condition") from None
    if op in {"IN", "NOT_IN"}:
        return Among(column, tuple(value), negate=op == "NOT_IN")
    if op not in COMPARISONS:
        raise ConditionUnreadable(f"operator {op!r} is not known")
    return Compare(column, op, value)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: str
    quoted: Mapping[str, str]

    def condition(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BoolOp):
            return Junction(isinstance(node.op, ast.And), tuple(self.condition(part) for part in node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            parts = (self.condition(node.left), self.condition(node.right))
            return Junction(isinstance(node.op, ast.BitAnd), parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return Not(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        if (column := self._column(node)) is not None:
            return Compare(column, "==", True)
        raise self._unreadable(node)

    def _comparison(self, node: ast.Compare) -> Condition:
        sides = [node.left, *node.comparators]
        parts = tuple(
            self._pair(left, op, right) for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        )
        return parts[0] if len(parts) == 1 else Junction(True, parts)

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        left_name, right_name = self._column(left), self._column(right)
        if isinstance(op, ast.In | ast.NotIn) and left_name is not None:
            return Among(left_name, self._values(right), isinstance(op, ast.NotIn))
        sign = _AST_OPS.get(type(op))
        if sign is None:
            raise self._unreadable(left)
        if left_name is not None and right_name is not None:
            return CompareColumns(left_name, sign, right_name)
        if left_name is not None:
            return Compare(left_name, sign, self._value(right))
        if right_name is not None:
            return Compare(right_name, _MIRROR[sign], self._value(left))
        raise self._unreadable(left)

    def _method(self, node: ast.Call, func: ast.Attribute) -> Condition:
        column = self._column(func.value)
        if column is None:
            raise self._unreadable(node)
        if func.attr in {"isnull", "isna", "notnull", "notna"} and not node.args:
            return Missing(column, func.attr.startswith("is"))
        if func.attr == "isin" and len(node.args) == 1:
            return Among(column, self._values(node.args[0]), negate=False)
        raise self._unreadable(node)

    def _column(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self.quoted.get(node.id, node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
            return str(self._value(node.args[0]))
        return None

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "date":
            node = node.args[0]
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise self._unreadable(node) from None

    def _values(self, node: ast.expr) -> tuple[Any, ...]:
        values = self._value(node)
        if not isinstance(values, list | tuple | set):
            raise self._unreadable(node)
        return tuple(values)

    def _unreadable(self, node: ast.expr) -> ConditionUnreadable:
        return ConditionUnreadable(f"{self.source!r}: the part {ast.unparse(node)!r} is not understood")


def to_sql(condition: Condition, columns: Mapping[str, Column]) -> str:
    """A DuckDB boolean that is never NULL; raises KindMismatch for a value that cannot meet its column."""
    if isinstance(condition, Junction):
        word = " AND " if condition.all_of else " OR "
        return "(" + word.join(to_sql(part, columns) for part in condition.parts) + ")"
    if isinstance(condition, Not):
        return f"(NOT {to_sql(condition.part, columns)})"
    if isinstance(condition, CompareColumns):
        left, right = _known(condition.left, columns), _known(condition.right, columns)
        return f"coalesce({left.sql} {COMPARISONS[condition.op]} {right.sql}, FALSE)"
    column = _known(condition.column, columns)
    if isinstance(condition, Missing):
        return f"({column.sql} IS {'' if condition.missing else 'NOT '}NULL)"
    if isinstance(condition, Among):
        inside = sql.member_of(column.sql, members(condition.values, column))
        return f"coalesce({f'NOT ({inside})' if condition.negate else inside}, FALSE) AND {column.sql} IS NOT NULL"
    value = sql.literal(coerce(condition.value, column))
    return f"coalesce({column.sql} {COMPARISONS[condition.op]} {value}, FALSE)"


def to_mask(
    condition: Condition,
    columns: Mapping[str, Column],
    series: Callable[[str], pd.Series],
    compare: Callable[[pd.Series, str, Any], pd.Series],
    among: Callable[[pd.Series, list[Any], Column], pd.Series],
) -> pd.Series:
    """The same as a pandas mask without missing entries; `compare` and `among` come from the pandas engine."""
    if isinstance(condition, Junction):
        masks = [to_mask(part, columns, series, compare, among) for part in condition.parts]
        result = masks[0]
        for mask in masks[1:]:
            result = (result & mask) if condition.all_of else (result | mask)
        return result
    if isinstance(condition, Not):
        return ~to_mask(condition.part, columns, series, compare, among)
    if isinstance(condition, CompareColumns):
        _known(condition.left, columns), _known(condition.right, columns)
        return compare(series(condition.left), condition.op, series(condition.right))
    column = _known(condition.column, columns)
    values = series(column.name)
    if isinstance(condition, Missing):
        return values.isna() if condition.missing else values.notna()
    if isinstance(condition, Among):
        inside = among(values, members(condition.values, column), column)
        return (~inside if condition.negate else inside) & values.notna()
    return compare(values, condition.op, coerce(condition.value, column))


def _known(name: str, columns: Mapping[str, Column]) -> Column:
    if name not in columns:
        raise KindMismatch(f'the row condition names the column "{name}", which the table does not have')
    return columns[name]
