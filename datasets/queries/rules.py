"""Which figures may be told: pure rules over what a cell is made of. Source: docs/queries.md, limits `query_…`.

A figure is made of contributors. It is told only when there are enough of them and none stands out; what stays in is
joined by further cells until the part left out is itself no smaller than the least group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auth.asset import Asset
from auth.policy.filters.model import RowFilter
from auth.policy.filters.rules import leaves
from auth.policy.limits import Limits
from core import bases
from core.errors import Reason
from core.text import Text, number_of
from datasets.queries.model import Classed, Count, Group, Mean, QueryAsk, Sum

BASIS: Final = bases.STATISTICS
ASKED: Final = (
    "asked"  # the chain of all rows asked about, so that no refusal hangs on what a measure found in them
)
COUNTED: Final = "count"
MAX_CONDITIONS: Final = 16
NUMBERS: Final = frozenset({"integer", "number"})
TIMES: Final = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True)
class Control:
    """The numbers of disclosure control."""

    min_group: int
    round_to: int
    dominance_percent: int
    p_percent: int
    digits: int

    @classmethod
    def of(cls, limits: Limits) -> Control:
        return cls(
            limits["query_min_group"], limits["query_round_to"], limits["query_dominance_percent"],
            limits["query_p_percent"], limits["query_digits"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """What one cell of one measure is made of. Magnitudes are of contributors: total, largest and second largest, ≥ 0."""

    rows: int
    contributors: int
    total: float = 0.0
    largest: float = 0.0
    second: float = 0.0
    value: float = 0.0


def is_safe_count(figure: Figure, control: Control) -> bool:
    """Whether the number of rows may be told."""
    return figure.contributors >= control.min_group


def is_safe_sum(figure: Figure, control: Control) -> bool:
    """Whether a sum may be told: enough contributors, no two that make most of it, none that another could work out."""
    if figure.contributors < control.min_group or not math.isfinite(figure.total):
        return False
    two = figure.largest + figure.second
    dominated = two * 100 > control.dominance_percent * figure.total
    guessable = (figure.total - two) * 100 < control.p_percent * figure.largest
    return not (dominated or guessable)


def together(figures: Iterable[Figure]) -> Figure:
    """What several cells are made of when taken as one. Shared contributors are counted in each: fewer than it says at most."""
    rows = contributors = 0
    total, tops = 0.0, [0.0, 0.0]
    for figure in figures:
        rows, contributors, total = (
            rows + figure.rows,
            contributors + figure.contributors,
            total + figure.total,
        )
        tops = sorted((*tops, figure.largest, figure.second))[-2:]
    return Figure(rows, contributors, total, tops[1], tops[0])


def complemented(figures: Sequence[Figure], is_safe: Callable[[Figure], bool]) -> list[bool]:
    """Which figures are told. Those left out must be safe when taken together, or hold nobody at all.

    The smallest safe figures are left out as well until that holds: whoever knows the total would learn the rest.
    """
    told = [is_safe(figure) for figure in figures]

    def left_out() -> Iterator[Figure]:
        return (figures[at] for at, kept in enumerate(told) if not kept)

    if not any(figure.contributors for figure in left_out()):
        return told
    for at in sorted(range(len(figures)), key=lambda at: (figures[at].contributors, at)):
        if is_safe(together(left_out())):
            break
        told[at] = False
    return told


def rounded_count(rows: int, base: int) -> int:
    """The nearest multiple of `base`; halves go up."""
    return (rows + base // 2) // base * base


def rounded_number(value: float, digits: int) -> float:
    """The value to so many significant digits: tails of sums would betray single contributions."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return float(f"{value:.{digits - 1}e}")


def misfits(ask: QueryAsk, asset: Asset) -> tuple[Reason, ...]:
    """Measures and groups that do not fit the types of their columns; what is no column of the dataset others name."""
    found: list[Reason] = list(too_complex(ask.where))
    for measure in ask.select:
        if not isinstance(measure, Count):
            found.extend(measured_misfits(measure.column, measure.kind, asset))
    found.extend(
        _misfit(group.column, "group", column.type)
        for group in ask.group_by
        if (column := asset.column(group.column)) is not None and not _groups(group, column.type)
    )
    return tuple(found)


def too_complex(where: RowFilter | None) -> Iterator[Reason]:
    """Every condition of a filter is weighed by itself (`asked.py`), so there are not too many."""
    if sum(1 for _ in leaves(where)) > MAX_CONDITIONS:
        text = Text(
            f"统计查询的筛选条件至多 {MAX_CONDITIONS} 项；请减少条件（多个取值可合为一项）。",
            f"The filter of a statistical query has at most {MAX_CONDITIONS} conditions; use fewer (several values can be one).",
        )
        yield Reason("filter-too-complex", text, BASIS)


def measured_misfits(name: str, kind: str, asset: Asset) -> Iterator[Reason]:
    """Only numbers are summed and classed; a column that is not there others name."""
    if (column := asset.column(name)) is not None and column.type not in NUMBERS:
        yield _misfit(name, kind, column.type)


def _groups(group: Group, kind: str) -> bool:
    if kind == "geometry":
        return False
    if group.unit is not None:
        return kind in TIMES and not (kind == "date" and group.unit == "hour")
    if group.width is not None:
        return kind in NUMBERS
    return kind not in ("number", "datetime", "time")


def _misfit(column: str, use: str, kind: str) -> Reason:
    text = Text(
        f"列 {column}（{kind}）不能这样统计（{use}）：数值列可求和、均值、分布；分组时小数与时间列须给出组宽或单位。",
        f"Column {column} ({kind}) cannot be used so ({use}): numbers can be summed, averaged and classed; "
        "decimals and times need a class width or a unit to be grouped by.",
    )
    return Reason("measure-type", text, BASIS, {"column": column})


def suppressed(rows_left: int | None = None) -> Reason:
    """The one answer to every question whose figures may not be told, whatever the cause.

    rows_left: of the grant's quota before the question, where that has a limit: what does not fit in it is not told either.
    """
    zh = "按披露控制规则，该查询不予回答；请放宽筛选、减少分组或改用其他统计量。"
    en = "Under the rules of disclosure control this query is not answered; filter less, group less, or ask for another measure."
    if rows_left is None:
        return Reason("suppressed", Text(zh, en), BASIS)
    text = Text(
        f"{zh}授权的行数额度剩余 {rows_left}，组数更多的答案同样不予告知。",
        f"{en} The grant has {number_of(rows_left, 'rows')} left, and an answer of more groups is not told either.",
    )
    return Reason("suppressed", text, BASIS, {"rows_left": rows_left})


def chains(measure: Count | Sum | Mean | Classed) -> tuple[str, ...]:
    """Figures that can be subtracted from each other are of one chain. A sum by its mean is a count."""
    return (COUNTED, f"sum:{measure.column}") if isinstance(measure, Sum | Mean) else (COUNTED,)


def decided_by(column: str) -> str:
    """The chain of the rows that conditions on a column decide on."""
    return f"if:{column}"


def label(part: object) -> str:
    """The name of a measure or a group in an answer."""
    match part:
        case Count():
            return "count"
        case Group():
            return (
                part.column
                if part.width is None and part.unit is None
                else f"{part.column}/{part.unit or f'{part.width:g}'}"
            )
        case Sum() | Mean():
            return f"{part.kind}({part.column})"
    said: Mapping[str, object] = part.model_dump() if hasattr(part, "model_dump") else {}
    q = f",{said['q']:g}" if "q" in said else ""
    return f"{said['kind']}({said['column']},{said['width']:g}{q})"
