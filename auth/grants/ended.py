"""What stops grants by its last day and has no step of its own: licences and consents. The day after is told, once, by the daily round.

Nothing waits for this: whether a licence or a consent counts is computed at each use.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from sqlmodel import col, exists, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import SYSTEM
from auth.clocks.counting import day_of
from auth.consents import hanging
from auth.consents.tables import ConsentRow
from auth.consents.workflow import State as ConsentState
from auth.grants import stopping
from auth.identity.rules import ENTERPRISE_KINDS
from auth.identity.tables import LicenceState, OrganisationRow
from auth.messages import audience
from auth.messages.tables import ReminderRow
from auth.roles import PERMISSIONS, Role
from core import outbox
from core.work import Work, hold

LICENCE: Final = "licence.lapsed"
CONSENT: Final = "consent.ended"
_AFTER: Final = -1  # days before the end: the day after it
_LATEST: Final = timedelta(days=31)
"""What ended longer ago is told no more: a service that stood still, or that has only learnt to tell, says nothing of old days."""


def _untold(work: Work, wanted: SelectOfScalar[Any], last: Any, key: Any, kind: str) -> SelectOfScalar[Any]:  # noqa: ANN401 - columns
    today = day_of(work.now)
    told = exists().where(
        col(ReminderRow.kind) == kind, col(ReminderRow.subject) == key, col(ReminderRow.ends_on) == last
    )  # fmt: skip
    return wanted.where(last < today, last >= today - _LATEST, ~told).order_by(key)


def _licences(work: Work) -> SelectOfScalar[OrganisationRow]:
    wanted = select(OrganisationRow).where(
        OrganisationRow.licence_state == LicenceState.QUALIFIED,
        col(OrganisationRow.kind).in_(sorted(ENTERPRISE_KINDS)),
    )
    return _untold(work, wanted, col(OrganisationRow.licence_valid_to), col(OrganisationRow.id), LICENCE)


def _consents(work: Work) -> SelectOfScalar[ConsentRow]:
    wanted = select(ConsentRow).where(ConsentRow.state == ConsentState.CONFIRMED)
    return _untold(work, wanted, col(ConsentRow.ends_on), col(ConsentRow.id), CONSENT)


_SOURCES: Final[tuple[Callable[[Work], SelectOfScalar[Any]], ...]] = (_licences, _consents)


def is_anything_due(work: Work) -> bool:
    """Whether an end is to be told; only reads."""
    return any(work.db.exec(source(work).limit(1)).first() is not None for source in _SOURCES)


def tell_due(work: Work) -> int:
    """Tell every end that nobody was told of; returns how many. Safe at any time and in several processes."""
    hold(work, "reminders")
    licences, ended = list(work.db.exec(_licences(work))), list(work.db.exec(_consents(work)))
    for row in licences:
        if row.licence_valid_to is not None:
            _licence(work, row, row.licence_valid_to)
    for consent in ended:
        _consent(work, consent)
    return len(licences) + len(ended)


def _licence(work: Work, row: OrganisationRow, last: date) -> None:
    _note(work, LICENCE, row.id, last)
    body: dict[str, object] = {
        "org_id": row.id,
        "state": LicenceState.LAPSED.value,
        "valid_to": last.isoformat(),
    }
    outbox.post(work, LICENCE, row.id, body)
    stopping.told(
        work, SYSTEM, LICENCE, stopping.of_organisation(work, row.id), subject=row.id, once=f"{row.id}|{last}",
        facts={"org_zh": row.name_zh, "org_en": row.name_en, "ends_on": last.isoformat()}, orgs=[row.id],
        also=audience.holders(work, PERMISSIONS["auth:org:licence"], []),
    )  # fmt: skip


def _consent(work: Work, row: ConsentRow) -> None:
    _note(work, CONSENT, row.id, row.ends_on)
    body: dict[str, object] = {"consent_id": row.id, "dataset_id": row.dataset_id, "state": "ENDED"}
    outbox.post(work, CONSENT, row.id, body)
    facts = {
        "title_zh": row.title_zh, "title_en": row.title_en, "dataset": row.dataset_id, "ends_on": row.ends_on.isoformat(),
    }  # fmt: skip
    stopping.told(
        work, SYSTEM, CONSENT, hanging.stopped(work, row), subject=row.id, once=row.id, facts=facts,
        also=audience.holders(work, [Role.STEWARD], [row.department_id]),
    )  # fmt: skip


def _note(work: Work, kind: str, subject: str, last: date) -> None:
    work.db.add(ReminderRow(kind=kind, subject=subject, ends_on=last, days_before=_AFTER, at=work.now))
    work.db.flush()
