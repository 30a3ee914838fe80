"""The scoring scheme in force at this instant, and the one by which an earlier verdict was scored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlmodel import col, select

from auth.policy.filters.rules import LOCAL
from core.work import Work
from quality.schemes.model import SHIPPED, Scheme, shipped
from quality.schemes.stored import scheme_of
from quality.schemes.tables import SchemeRow
from quality.schemes.workflow import State
from quality.scores import scheme


def in_force(work: Work) -> tuple[int, Scheme]:
    """Number and value of the version in force; the shipped one where none was ever put in force.

    Raises Unavailable where the one in force cannot be read: no other takes its place by itself.
    """
    found = _in_force(work)
    return (SHIPPED, shipped()) if found is None else (found[0], scheme_of(*found))


def number_now(work: Work) -> int:
    """The number of the version in force; SHIPPED where none was ever put in force."""
    found = _in_force(work)
    return SHIPPED if found is None else found[0]


def _in_force(work: Work) -> tuple[int, str] | None:
    """The version of the latest day (`auth.profile.standing`): its number and text."""
    today = work.now.astimezone(LOCAL).date()
    wanted = (
        select(SchemeRow.number, SchemeRow.body)
        .where(SchemeRow.state == State.ACTIVE, col(SchemeRow.effective_from) <= today)
        .order_by(col(SchemeRow.effective_from).desc(), col(SchemeRow.number).desc())
    )
    return work.db.exec(wanted.limit(1)).first()


def rules_now(work: Work) -> Mapping[str, Any]:
    """What new scores are computed by."""
    return rules_of(work, number_now(work))


def rules_of(work: Work, number: int) -> Mapping[str, Any]:
    """What scores that cite this version were computed by. Versions never change. Raises Unavailable where it cannot be read."""
    if number == SHIPPED:
        return scheme()
    return _rules(number, work.db.exec(select(SchemeRow.body).where(SchemeRow.number == number)).one())


@lru_cache(maxsize=32)
def _rules(number: int, body: str) -> Mapping[str, Any]:
    return scheme_of(number, body).as_rules(number)
