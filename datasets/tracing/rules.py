"""Which columns may bear hidden marks, and when a mark names somebody. Pure. Source: docs/tracing.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from core import bases
from core.errors import Reason
from core.text import Text

BASIS: Final = bases.MARKS
NAMED_BELOW: Final = 1e-9
HALVES: Final = (
    "person",
    "file",
)  # by what the pairs of a mark are keyed; receipts made before name none: by the file alone
LEAST, MOST = 1e-6, 1e6
_MONEY: Final = frozenset({"cny", "rmb", "usd", "hkd", "eur", "yuan", "$", "¥", "￥", "角", "人民币", "港币"})
_COUNTS: Final = frozenset(
    {"人", "辆", "次", "个", "件", "间", "条", "处", "套", "张", "户", "家", "份", "起", "床", "只", "台", "班", "列", "count", "rows",
     "persons", "people", "vehicles", "trips"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Markable:
    """What the dictionary says of a column, as far as marks ask."""

    name: str
    type: str
    unit: str
    is_key: bool
    is_coded: bool
    identifier_kind: str


def objections(columns: Mapping[str, Markable], wanted: Mapping[str, float]) -> tuple[Reason, ...]:
    """Why these columns may not be marked so far; () permits. Keys, codes, counts and money never are."""
    return tuple(
        reason for name, tolerance in wanted.items() for reason in _of(columns.get(name), name, tolerance)
    )


def _of(column: Markable | None, name: str, tolerance: float) -> Iterator[Reason]:
    if column is None:
        yield _no("mark-column-unknown", name, "数据字典中没有该列", "the dictionary has no such column")
        return
    if not (LEAST <= tolerance <= MOST):
        yield _no(
            "mark-tolerance",
            name,
            f"容差须在 {LEAST:g} 到 {MOST:g} 之间",
            f"a tolerance lies between {LEAST:g} and {MOST:g}",
        )
    if column.is_key or column.is_coded or column.identifier_kind != "none":
        yield _no(
            "mark-on-key", name, "主键、代码与标识列不得标记", "keys, codes and identifiers are never marked"
        )
    if column.type != "number":
        yield _no(
            "mark-on-count",
            name,
            "只有小数（测量值）列可以标记，整数与计数不得标记",
            "only measurements with decimals are marked, no whole numbers and counts",
        )
    unit = column.unit.strip().lower()
    if not unit:
        yield _no(
            "mark-unit-missing",
            name,
            "须先在数据字典中注明计量单位，才能确认不是金额或计数",
            "the dictionary must name its unit first, so that it is known to be neither money nor a count",
        )
    elif "元" in unit or unit.split("/")[0] in _MONEY:
        yield _no("mark-on-money", name, "金额不得标记", "money is never marked")
    elif unit.split("/")[0] in _COUNTS or unit.split("/")[0].endswith(("人次", "辆次", "架次")):
        yield _no("mark-on-count", name, "计数不得标记", "counts are never marked")


def _no(code: str, name: str, zh: str, en: str) -> Reason:
    return Reason(code, Text(f"列 {name}：{zh}。", f"Column {name}: {en}."), BASIS, {"column": name})


def decimals_of(tolerance: float) -> int:
    """The last decimal place that a mark may change: the largest power of ten that is no more than the tolerance."""
    return -math.floor(math.log10(tolerance) + 1e-9)


def chance_of(agree: int, places: int) -> float:
    """At most the probability that so many of so many fair coins agree: the binomial tail, bounded from above.

    Terms of the tail fall at least as fast as a geometric series from its first one on; that is never less than the sum.
    """
    if agree * 2 <= places or places == 0:
        return 1.0
    first = (
        math.lgamma(places + 1)
        - math.lgamma(agree + 1)
        - math.lgamma(places - agree + 1)
        - places * math.log(2)
    )
    ratio = (places - agree) / (agree + 1)
    return min(1.0, math.exp(first) / (1 - ratio) * (1 + 1e-9))
