"""Dealing cases to random comparisons so that chance leaves no expectation type out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st

from tests.quality.cases import Case


def dealt(cases: Sequence[Case], parts: int) -> list[list[str]]:
    """The types of the cases in `parts` piles; each type lies in exactly one."""
    types = sorted({name for name, _ in cases})
    return [types[part::parts] for part in range(parts)]


@st.composite
def hands(draw: st.DrawFn, cases: Sequence[Case], types: Collection[str], size: int) -> list[Case]:
    """One case of each of `types`, filled up to `size` with any others."""
    chosen = [
        draw(st.sampled_from([place for place, (name, _) in enumerate(cases) if name == each]))
        for each in sorted(types)
    ]
    more = st.lists(
        st.sampled_from([place for place in range(len(cases)) if place not in chosen]),
        min_size=size - len(chosen),
        max_size=size - len(chosen),
        unique=True,
    )
    return [cases[place] for place in (*chosen, *draw(more))]
