"""Where a grant is stricter than the policy profile: which of two is the stricter, and the limits that hold under both. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from auth.policy.limits import Limits
from auth.policy.model import Safeguards
from auth.policy.rules import refused
from core.errors import Reason

_Stricter = Callable[[int, int], int]
# By safeguard: the limits of the profile that it stands beside, and which of both counts.
_LIMITS: Final[Mapping[str, tuple[tuple[str, ...], _Stricter]]] = {
    "min_group": (("query_min_group", "small_cell_min_rows"), max),
    "epsilon_each_micro": (("query_dp_epsilon_most",), min),
}
_MILLION: Final = 1_000_000
_HIGHER: Final = frozenset({"min_group", "checkers", "watermark"})  # of the others the lower is the stricter


def within(limits: Limits, safeguards: Safeguards) -> Limits:
    """The limits with what the grant is stricter in."""
    if not safeguards.said():
        return limits
    numbers, levels = dict(limits.numbers), dict(limits.levels)
    for name, (keys, stricter) in _LIMITS.items():
        if (value := getattr(safeguards, name)) is not None:
            for key in keys:
                numbers[key] = replace(numbers[key], value=stricter(numbers[key].value, value))
    if safeguards.checkers is not None:
        levels = {level: replace(rule, least_checkers=safeguards.checkers) for level, rule in levels.items()}
    return replace(limits, numbers=numbers, levels=levels)


def objections(dataset_id: str, safeguards: Safeguards, limits: Limits) -> Iterator[Reason]:
    """Why these safeguards may not be agreed: they would leave no private question that can be asked."""
    least = limits["query_dp_epsilon_least"]
    for name in ("epsilon_micro", "epsilon_each_micro"):
        value = getattr(safeguards, name)
        if value is not None and value < least:
            said, lowest = f"{value / _MILLION:g}", f"{least / _MILLION:g}"
            yield refused(
                "safeguard-leaves-nothing",
                f"{dataset_id}：ε {said} 低于单次隐私查询的最小值 {lowest}，任何隐私查询都不能提出；请设得更高，或去掉该交付方式。",
                f"{dataset_id}: epsilon {said} lies below the least of one private question, {lowest}, so none could be asked; set it higher, or leave the form out.",
                limits.numbers["query_dp_epsilon_least"].source,
                dataset=dataset_id,
                safeguard=name,
            )


def loosened(new: Safeguards, asked: Safeguards) -> Iterator[str]:
    """The safeguards in which `new` is less strict than `asked`."""
    for name, before in asked.said().items():
        now = getattr(new, name)
        if not now or (now < before if name in _HIGHER else now > before):
            yield name
