"""Whether what is on record covers a need, at application, decision, activation and at each use."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Executable, String, bindparam, exists
from sqlmodel import col, select

from auth.consents import rules
from auth.consents.rules import Consent, Need
from auth.consents.tables import ConsentRow
from auth.consents.workflow import State
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy, Use
from auth.profile.model import Profile
from core.db import one_of
from core.errors import Reason
from core.work import Asked, Work, fetched


def confirmed(work: Work, dataset_id: str, *, without: str = "") -> list[Consent]:
    """Confirmed consents of a dataset; `without`: as if this one were withdrawn."""
    wanted = select(ConsentRow).where(
        ConsentRow.dataset_id == dataset_id, ConsentRow.state == State.CONFIRMED, ConsentRow.id != without
    )
    return [consent_of(row) for row in work.db.exec(wanted.order_by(col(ConsentRow.id)))]


def is_on_record(work: Work, dataset_id: str) -> bool:
    """Whether anything was ever consented to or withdrawn: then the dataset counts as shared, whatever its record says now."""
    statement, given = question(dataset_id)
    return bool(fetched(work, statement, **given).scalar_one())


def question(dataset_id: str) -> Asked:
    """What `is_on_record` asks."""
    return _ON_RECORD, {"dataset_id": dataset_id}


def objections(
    work: Work, profile: Profile, dataset_id: str, columns: Iterable[str], scenario_id: str,
    starts_on: date | None, ends_on: date | None, *, is_shared: bool,
) -> tuple[Reason, ...]:  # fmt: skip
    """Why the dataset may not enter a grant; () when a consent covers it, or none is asked for."""
    if not profile.consent or not (is_shared or is_on_record(work, dataset_id)):
        return ()
    known = confirmed(work, dataset_id)
    if starts_on is None or ends_on is None:  # a draft that does not say when yet
        return () if known else rules.objections(_at(work, dataset_id, columns, scenario_id), ())
    return rules.objections(Need(dataset_id, frozenset(columns), scenario_id, starts_on, ends_on), known)


def of_policy(work: Work, profile: Profile, policy: GrantPolicy, *, is_shared: bool) -> tuple[Reason, ...]:
    """The same for a grant's policy; its end is exclusive. What has passed of the period needs no consent any more."""
    starts, ends = policy.starts_at.astimezone(LOCAL).date(), policy.ends_at.astimezone(LOCAL)
    last = date.fromordinal(ends.date().toordinal() - (ends.hour == 0 and ends.minute == 0))
    begins = max(starts, day_of(work))
    return objections(
        work, profile, policy.dataset_id, named(policy), policy.scenario_id, begins, max(begins, last), is_shared=is_shared
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands against using a grant today, and what stands against it if its dataset came by sharing and nobody ever consented."""

    against: tuple[Reason, ...] = ()
    if_shared: tuple[Reason, ...] = ()


def known(dataset_id: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a code, or a parameter of a query
    """The condition that anything was ever consented to or withdrawn."""
    return exists().where(
        col(ConsentRow.dataset_id) == dataset_id,
        one_of(col(ConsentRow.state), (State.CONFIRMED, State.WITHDRAWN)),
    )


_ON_RECORD: Final[Executable] = sqlalchemy.select(known(bindparam("dataset_id", type_=String)))


def at_use(work: Work, profile: Profile, policy: GrantPolicy, *, is_on_record: bool) -> Standing:
    """Consents as they hold today: withdrawn or over stops use at that instant. Computed, no sweep."""
    if not profile.consent:
        return Standing()
    counting = confirmed(work, policy.dataset_id) if is_on_record else []
    against = today(work, policy, counting)
    return Standing(against=against) if is_on_record else Standing(if_shared=against)


def today(work: Work, policy: GrantPolicy, known: Iterable[Consent]) -> tuple[Reason, ...]:
    return rules.objections(_at(work, policy.dataset_id, named(policy), policy.scenario_id), known)


def day_of(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def named(policy: GrantPolicy) -> list[str]:
    """Every column that the policy lets be used in some way: what only filters or joins tells of the data too."""
    return [term.name for term in policy.columns if term.use is not Use.DENIED]


def _at(work: Work, dataset_id: str, columns: Iterable[str], scenario_id: str) -> Need:
    day = day_of(work)
    return Need(dataset_id, frozenset(columns), scenario_id, day, day)


def consent_of(row: ConsentRow) -> Consent:
    """What the stored consent holds."""
    columns, scenarios = json.loads(row.columns), json.loads(row.scenarios)
    return Consent(
        row.id, row.provider, None if columns is None else frozenset(columns),
        None if scenarios is None else frozenset(scenarios), row.starts_on, row.ends_on,
    )  # fmt: skip
