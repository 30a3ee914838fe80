"""Draws noise: exact discrete Laplace from OpenDP, whole numbers in and out. Nobody can hand in a seed."""

from __future__ import annotations

from collections.abc import Sequence

import opendp.prelude as dp

from datasets.queries.private.model import MILLION
from datasets.queries.private.rules import Part

dp.enable_features("contrib")


def noisy(exact: Sequence[int], part: Part) -> list[int]:
    """Every number with noise of its own; one contributor changes all of them together by `part.sensitivity` at most."""
    domain, metric = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    scale = part.scale
    for _ in range(8):
        draw = dp.m.make_laplace(domain, metric, scale=scale)
        loss: float = draw.map(part.sensitivity)  # type: ignore[no-untyped-call]
        if loss * MILLION <= part.epsilon_micro:
            found: list[int] = draw(list(exact))
            return found
        scale *= 1 + 1e-12  # the scale was rounded to a hair too little
    raise ValueError(f"no scale keeps {part.name} within its epsilon")
