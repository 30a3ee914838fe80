"""The scoring scheme in force at this instant, and the one by which an earlier verdict was scored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlmodel import col, select

from auth.policy.filters.rules import LOCAL
from core.work import Work
from quality.schemes.model import SHIPPED, Scheme, shipped
from quality.schemes.tables import SchemeRow
from quality.schemes.workflow import State
from quality.scores import scheme


def in_force(work: Work) -> tuple[int, Scheme]:
    """Number and value of the version in force, that of the latest day (`auth.profile.standing`); the shipped one where none was ever put in force."""
    today = work.now.astimezone(LOCAL).date()
    wanted = (
        select(SchemeRow.number, SchemeRow.body)
        .where(SchemeRow.state == State.ACTIVE, col(SchemeRow.effective_from) <= today)
        .order_by(col(SchemeRow.effective_from).desc(), col(SchemeRow.number).desc())
    )
    found = work.db.exec(wanted.limit(1)).first()
    return (SHIPPED, shipped()) if found is None else (found[0], Scheme.model_validate_json(found[1]))


def rules_now(work: Work) -> Mapping[str, Any]:
    """What new scores are computed by."""
    return rules_of(work, in_force(work)[0])


def rules_of(work: Work, number: int) -> Mapping[str, Any]:
    """What scores that cite this version were computed by. Versions never change."""
    if number == SHIPPED:
        return scheme()
    return _rules(number, work.db.exec(select(SchemeRow.body).where(SchemeRow.number == number)).one())


@lru_cache(maxsize=32)
def _rules(number: int, body: str) -> Mapping[str, Any]:
    return Scheme.model_validate_json(body).as_rules(number)
