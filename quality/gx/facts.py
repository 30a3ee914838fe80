"""What the rules of one run may know about the table: columns, row key, relation names."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from quality.conditions import Condition
from quality.gx.deadline import Deadline
from quality.kinds import Column
from quality.references import NONE, References

if TYPE_CHECKING:
    from quality.gx.cross_tables import Held

ROW: Final = "__row__"
TABLE: Final = "batch"


@dataclass(frozen=True, slots=True)
class Facts:
    """`conditions`: row conditions by the short name under which Great Expectations sees them.

    reference: the moment against which freshness is judged where a rule names none.
    references: what was handed in to compare with; others: its tables by the name that rules give them.
    deadline: how long a query of the suite's own may take.
    """

    columns: Mapping[str, Column]
    conditions: dict[str, Condition] = field(default_factory=dict)
    reference: datetime | None = None
    references: References = NONE
    others: Mapping[str, Held] = field(default_factory=dict)
    deadline: Deadline = field(default_factory=Deadline)

    def __getitem__(self, name: str) -> Column:
        return self.columns[str(name)]


CURRENT: ContextVar[Facts] = ContextVar("facts")


def column(name: str) -> Column:
    return CURRENT.get()[name]


def condition_name(value: Any) -> str:
    """The short name of a row condition, however Great Expectations has wrapped it meanwhile."""
    if isinstance(value, Mapping):
        value = value["pass_through_filter"]
    return str(getattr(value, "pass_through_filter", value))


def plain(value: Any) -> Any:
    """An aggregate as every engine reports it: no Decimal, no NaN, no NumPy or pandas scalars."""
    if value is None:
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    elif hasattr(value, "item") and not isinstance(value, list | dict):
        value = value.item()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and isnan(value):
        return None
    if value != value:
        return None
    return value
