"""How small and how large a number of a profile may be: beyond that, days and instants could not be counted, or a rule would say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from auth.clocks.sla import ESCALATION
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
_BY_KEY: Final[Mapping[str, tuple[int, int]]] = {
    "extension_working_days": (1, 60),
    "least_after_pause_working_days": (1, 60),
    **{key: (0, 60) for _, _, key, _ in ESCALATION},
}


def bounds(limit: Limit) -> tuple[int, int]:
    """The least and the most that a profile may set, both allowed."""
    if limit.key in _BY_KEY:
        return _BY_KEY[limit.key]
    least, most = _BY_UNIT.get(limit.unit, _OTHERS)
    return max(least, 1) if limit.key in _AT_LEAST_ONE else least, most


def refuse_beyond(numbers: Mapping[str, Number]) -> None:
    """Raise InputRefused for the first number that lies beyond its bounds, and for levels of escalation out of their order."""
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
    _refuse_disorder(numbers)


def _refuse_disorder(numbers: Mapping[str, Number]) -> None:
    """A higher level is told no sooner than the one below it."""
    shipped = limits().numbers
    for below, above in pairwise(key for _, _, key, _ in ESCALATION):
        lower, higher = (
            numbers[key].value if key in numbers else shipped[key].value for key in (below, above)
        )
        if higher < lower:
            low, high = shipped[below].name, shipped[above].name
            raise InputRefused(
                Text(
                    f"上级不早于下级获知超期：“{high.zh}”（{higher}）须不少于“{low.zh}”（{lower}）。",
                    f"A higher level is told no sooner than the one below: “{high.en}” ({higher}) must not be less than “{low.en}” ({lower}).",
                ),
                field=f"numbers.{above if above in numbers else below}",
            )


def beyond(numbers: Mapping[str, Number]) -> Text | None:
    """What stands against these numbers; None where they lie within: a version stored before there were bounds may not."""
    try:
        refuse_beyond(numbers)
    except InputRefused as refused:
        return refused.detail
    return None
