"""How small and how large a number of a profile may be: beyond that, days and instants could not be counted, or a rule would say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auth.policy.limits import Limit, limits
from auth.profile.model import Number
from core.errors import InputRefused
from core.text import Text

_BY_UNIT: Final[Mapping[str, tuple[int, int]]] = {
    "years": (0, 100),
    "months": (0, 1_200),
    "days": (0, 36_500),
    "working days": (0, 500),
    "hours": (1, 8_760),
    "minutes": (1, 100_000),
    "seconds": (1, 86_400),
    "percent": (0, 100),
    "0 or 1": (0, 1),
    "level": (1, 7),
    "digits": (1, 15),
    "micro-epsilon": (1, 100_000_000),
}
_OTHERS: Final = (0, 100_000)
_AT_LEAST_ONE: Final = frozenset({"use_report_months", "query_round_to", "query_min_group"})


def bounds(limit: Limit) -> tuple[int, int]:
    """The least and the most that a profile may set, both allowed."""
    least, most = _BY_UNIT.get(limit.unit, _OTHERS)
    return max(least, 1) if limit.key in _AT_LEAST_ONE else least, most


def refuse_beyond(numbers: Mapping[str, Number]) -> None:
    """Raise InputRefused for the first number that lies beyond its bounds."""
    shipped = limits().numbers
    for key, said in numbers.items():
        least, most = bounds(shipped[key])
        if not least <= said.value <= most:
            name = shipped[key].name
            raise InputRefused(
                Text(
                    f"“{name.zh}”须在 {least} 至 {most} 之间（填写的是 {said.value}）。",
                    f"“{name.en}” must lie between {least} and {most} ({said.value} was given).",
                ),
                field=f"numbers.{key}",
            )
