"""Whether a private question can be answered under a dataset's terms, and how noisy it will be: pure functions.

The unit that is protected is one contributor with all their rows (add or remove one). Everything here reads terms, never data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from auth.policy.limits import Limits
from auth.policy.serving import BUDGET_SET, CONTRIBUTIONS_BOUND, NO_BOUND, NO_BUDGET
from core import bases
from core.errors import Reason
from core.text import Text
from datasets.queries.model import TermsRead
from datasets.queries.private.model import (
    MILLION,
    CapRead,
    PrivateAsk,
    PrivateCount,
    PrivateHistogram,
    PrivateMean,
    PrivateSum,
)
from datasets.queries.rules import BASIS as TERMS_BASIS

BASIS: Final = bases.BUDGET
_GRID: Final = 1_000_000  # the largest magnitude of a value, in steps of the grid on which sums are counted
KINDS: Final = ("dataset", "org", "grant", "user")


@dataclass(frozen=True, slots=True)
class Grid:
    """Values become whole numbers of `step`, clamped to `low` … `high` steps: sums and noise are then exact whole numbers."""

    low: int
    high: int
    step: float

    @property
    def most(self) -> int:
        """The most that one value can weigh."""
        return max(abs(self.low), abs(self.high))


def grid_of(low: float, high: float) -> Grid:
    """From the bounds alone. ValueError for bounds that leave nothing to sum."""
    most = max(abs(low), abs(high))
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError("bounds: two numbers, the lower first")
    step = 10.0 ** (math.ceil(math.log10(most)) - 6)
    return Grid(round(low / step), round(high / step), step)


@dataclass(frozen=True, slots=True)
class Part:
    """One figure that noise is drawn for: how much one contributor can change it, and the epsilon it takes."""

    name: str
    sensitivity: int
    epsilon_micro: int
    step: float = 1.0

    @property
    def scale(self) -> float:
        """Of the Laplace noise, in steps."""
        return self.sensitivity * MILLION / self.epsilon_micro

    @property
    def within95(self) -> float:
        """Noise stays within this in 95 of 100 answers, in the figure's own unit."""
        return self.scale * math.log(20) * self.step


def parts_of(ask: PrivateAsk, terms: TermsRead) -> tuple[Part, ...]:
    """The noisy figures of a question that has no misfits."""
    rows, epsilon = per_contributor(terms), ask.epsilon_micro
    match ask.measure:
        case PrivateCount() | PrivateHistogram():
            return (Part("count", rows, epsilon),)
        case PrivateSum(column=column):
            grid = grid_of(*terms.bounds[column])
            return (Part("sum", rows * grid.most, epsilon, grid.step),)
        case PrivateMean(column=column):
            grid = grid_of(*terms.bounds[column])
            half = epsilon // 2
            return Part("sum", rows * grid.most, half, grid.step), Part("count", rows, epsilon - half)
        case measure:
            assert_never(measure)


def per_contributor(terms: TermsRead) -> int:
    """How many rows of one contributor count; one where every row is its own contributor."""
    return 1 if terms.contributor is None else terms.per_contributor or 0


def misfits(ask: PrivateAsk, terms: TermsRead | None, limits: Limits) -> Iterator[Reason]:
    """What the terms lack for this question, and an epsilon out of range."""
    least, most = limits["query_dp_epsilon_least"], limits["query_dp_epsilon_most"]
    if not least <= ask.epsilon_micro <= most:
        text = Text(
            f"每次查询的 ε 应在 {least / MILLION:g} 与 {most / MILLION:g} 之间。",
            f"The epsilon of one question lies between {least / MILLION:g} and {most / MILLION:g}.",
        )
        yield Reason("epsilon-out-of-range", text, BASIS, {"least": least, "most": most})
    if terms is None:
        return
    if per_contributor(terms) < 1:
        yield Reason(CONTRIBUTIONS_BOUND.code, NO_BOUND, CONTRIBUTIONS_BOUND.basis)
    measure = ask.measure
    if isinstance(measure, PrivateSum | PrivateMean) and measure.column not in terms.bounds:
        text = Text(
            f"查询条款未给出列 {measure.column} 的取值上下界；界限取自条款，从不取自数据。",
            f"The terms give no bounds for column {measure.column}; bounds come from the terms, never from the data.",
        )
        yield Reason("bounds-missing", text, TERMS_BASIS, {"column": measure.column})
    if isinstance(measure, PrivateHistogram) and measure.column not in terms.lists:
        text = Text(
            f"列 {measure.column} 没有公布的代码表，不能分组。",
            f"Column {measure.column} has no published list of codes to group by.",
        )
        yield Reason("list-missing", text, TERMS_BASIS, {"column": measure.column})


def budget_reasons(epsilon_micro: int, cap: CapRead | None, spent: Mapping[str, int]) -> Iterator[Reason]:
    """Why the budget does not bear it. `spent`: by kind of account. Reads spending only, never data."""
    if cap is None:
        yield Reason(BUDGET_SET.code, NO_BUDGET, BUDGET_SET.basis)
        return
    for kind in KINDS:
        most, used = cap_of(cap, kind), spent.get(kind, 0)
        if used + epsilon_micro > most:
            left = max(most - used, 0)
            name = KIND_NAMES[kind]
            text = Text(
                f"{name.zh}的隐私预算不足：需要 ε {epsilon_micro / MILLION:g}，本年剩余 {left / MILLION:g}。",
                f"Not enough privacy budget of {name.en}: epsilon {epsilon_micro / MILLION:g} needed, {left / MILLION:g} left this year.",
            )
            yield Reason("budget-exhausted", text, BASIS, {"account": kind, "left_micro": left})


def agreed_budget_reasons(epsilon_micro: int, most: int, spent: int) -> Iterator[Reason]:
    """Why the budget that the grant was given for its whole life does not bear it."""
    if spent + epsilon_micro > most:
        left = max(most - spent, 0)
        text = Text(
            f"授权约定的隐私预算不足：需要 ε {epsilon_micro / MILLION:g}，整个授权剩余 {left / MILLION:g}（约定 {most / MILLION:g}）。",
            f"Not enough of the privacy budget agreed in the grant: epsilon {epsilon_micro / MILLION:g} needed, {left / MILLION:g} of {most / MILLION:g} left for its whole life.",
        )
        yield Reason("budget-exhausted", text, BASIS, {"account": "agreed", "left_micro": left})


KIND_NAMES: Final = {
    "dataset": Text("数据集", "the dataset"),
    "org": Text("本机构", "your organisation"),
    "grant": Text("本授权", "this grant"),
    "user": Text("您本人", "your account"),
}


def cap_of(cap: CapRead, kind: str) -> int:
    found: int = getattr(cap, f"{kind}_micro")
    return found
