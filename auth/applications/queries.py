"""Reading one application: its row within the actor's sight, and all that is on record of it."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications.models import ApplicationAsk, Proposal
from auth.applications.seeing import READ, seen_by
from auth.applications.tables import (
    ApplicationCoApplicantRow,
    ApplicationEventRow,
    ApplicationInvitationRow,
    ApplicationLineRow,
    ApplicationReviewRow,
    ApplicationRow,
    ApplicationStageRow,
)
from auth.identity.tables import AccountRow
from auth.policy.model import GrantPolicy
from auth.policy.stored import stored_policy
from auth.scope import sight
from auth.stored import readable
from core.errors import NotFound
from core.ids import ApplicationId
from core.recalled import recalled, recalled_rows
from core.text import Text
from core.work import Asked, Work, rows

_UNREADABLE: Final = Text(
    "该申请的条款含有本版本不能执行的内容（{places}），其授权不能生效；请联系安全管理员。",
    "The terms of this application hold what this version cannot enforce ({places}); no grant comes into force under them. Tell the security officer.",
)
_UNREADABLE_REQUEST: Final = Text(
    "申请 {id} 含有本版本不能读取的内容（{places}），不能据以办理；请联系安全管理员。",
    "Application {id} holds what this version cannot read ({places}); nothing can be done on it. Tell the security officer.",
)


def missing() -> NotFound:
    return NotFound(
        Text(
            "没有这份申请，或不在您可见的范围内。", "There is no such application, or it is not yours to see."
        )
    )


def row(
    work: Work, application_id: ApplicationId, actor: Actor, *, to_change: bool = False
) -> ApplicationRow:
    """The application's row, within sight; `to_change` holds it until the transaction ends. Raises NotFound."""
    if to_change:
        return _held(work, application_id, actor)
    wanted = select(ApplicationRow).where(ApplicationRow.id == application_id, seen_by(actor))
    if (found := work.db.exec(wanted.execution_options(populate_existing=True)).first()) is None:
        raise missing()
    return found


_CO_APPLICANTS: Final = (
    select(ApplicationCoApplicantRow)
    .join(AccountRow, col(AccountRow.id) == col(ApplicationCoApplicantRow.account_id))
    .join(ApplicationRow, col(ApplicationRow.id) == col(ApplicationCoApplicantRow.application_id))
    .where(
        col(ApplicationRow.id) == bindparam("application_id"), col(ApplicationCoApplicantRow.ended_at).is_(None),
        col(AccountRow.org_id) == col(ApplicationRow.org_id), col(AccountRow.disabled).is_(False),
    )
    .order_by(col(ApplicationCoApplicantRow.id))
)  # fmt: skip

# Asked many times within one decision, so they are put together once.
_OF_APPLICATION: Final[BindParameter[Any]] = bindparam("application_id")
_OF_TURN: Final = (
    select(ApplicationRow.turn).where(col(ApplicationRow.id) == _OF_APPLICATION).scalar_subquery()
)
_HELD: Final = (
    select(ApplicationRow)
    .where(col(ApplicationRow.id) == _OF_APPLICATION)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LINES: Final = (
    select(ApplicationLineRow)
    .where(col(ApplicationLineRow.application_id) == _OF_APPLICATION)
    .order_by(col(ApplicationLineRow.position))
)
_STAGES: Final = (
    select(ApplicationStageRow)
    .where(
        col(ApplicationStageRow.application_id) == _OF_APPLICATION, col(ApplicationStageRow.turn) == _OF_TURN
    )
    .order_by(col(ApplicationStageRow.position))
)
_REVIEWS: Final = (
    select(ApplicationReviewRow)
    .where(
        col(ApplicationReviewRow.application_id) == _OF_APPLICATION,
        col(ApplicationReviewRow.turn) == _OF_TURN,
    )
    .order_by(col(ApplicationReviewRow.id))
)
_EVENTS: Final = (
    select(ApplicationEventRow)
    .where(col(ApplicationEventRow.application_id) == _OF_APPLICATION)
    .order_by(col(ApplicationEventRow.version))
)


def _held(work: Work, application_id: ApplicationId, actor: Actor) -> ApplicationRow:
    """Held first and looked at then, so that it is one statement for everybody."""
    found = rows(work, _HELD, application_id=application_id)
    if not found or not (_is_within(work, found[0], actor) or _is_named(work, found[0], actor)):
        raise missing()
    return found[0]


def _is_within(work: Work, found: ApplicationRow, actor: Actor) -> bool:
    """Whether one of the actor's roles reaches the application by its organisation or its departments, as `seen_by` has it."""
    seen = sight(actor, READ)
    if actor.via == "system" or found.org_id in seen.orgs:
        return True
    reach = seen.everything or not seen.departments.isdisjoint(departments(work, found.id))
    return reach and found.submitted_at is not None


def _is_named(work: Work, found: ApplicationRow, actor: Actor) -> bool:
    """Whether `seen_by` lets the actor see it for another reason."""
    wanted = select(ApplicationRow.id).where(ApplicationRow.id == found.id, seen_by(actor))
    return work.db.exec(wanted).first() is not None


def of_step(application_id: ApplicationId) -> tuple[Asked, ...]:
    """What every step on an application asks: its row, held, and all that is on record of it."""
    asked: dict[str, object] = {"application_id": application_id}
    return tuple((each, asked) for each in (_HELD, _LINES, _STAGES, _EVENTS, _REVIEWS, _CO_APPLICANTS))


def invited(work: Work, row: ApplicationRow) -> list[ApplicationInvitationRow]:
    """Invitations of the present turn that stand."""
    seat = ApplicationInvitationRow
    wanted = select(seat).where(
        seat.application_id == row.id, seat.turn == row.turn, col(seat.ended_at).is_(None)
    )
    return list(work.db.exec(wanted.order_by(col(seat.id))))


def co_applicants(work: Work, row: ApplicationRow) -> list[ApplicationCoApplicantRow]:
    """Who stands named to fill it in besides its applicants; nobody who left the organisation, or whose account is shut."""

    def ask() -> list[ApplicationCoApplicantRow]:
        return rows(work, _CO_APPLICANTS, application_id=row.id)

    return [*recalled(work, (ApplicationCoApplicantRow, AccountRow), row.id, ask)]


def lines(work: Work, application_id: str) -> list[ApplicationLineRow]:
    def ask() -> list[ApplicationLineRow]:
        return rows(work, _LINES, application_id=application_id)

    return [*recalled_rows(work, ApplicationLineRow, application_id, ask)]


def departments(work: Work, application_id: str) -> frozenset[str]:
    return frozenset(line.department_id for line in lines(work, application_id))


def stage_rows(work: Work, found: ApplicationRow) -> list[ApplicationStageRow]:

    def ask() -> list[ApplicationStageRow]:
        return rows(work, _STAGES, application_id=found.id)

    return [*recalled_rows(work, ApplicationStageRow, (found.id, found.turn), ask)]


def reviews(work: Work, found: ApplicationRow) -> list[ApplicationReviewRow]:
    """The votes of the present turn, oldest first."""

    def ask() -> list[ApplicationReviewRow]:
        return rows(work, _REVIEWS, application_id=found.id)

    return [*recalled_rows(work, ApplicationReviewRow, (found.id, found.turn), ask)]


def events(work: Work, application_id: str) -> list[ApplicationEventRow]:
    def ask() -> list[ApplicationEventRow]:
        return rows(work, _EVENTS, application_id=application_id)

    return [*recalled_rows(work, ApplicationEventRow, application_id, ask)]


def ask_of(work: Work, found: ApplicationRow) -> ApplicationAsk:
    """The request as it is stored. Raises Unavailable where this version cannot read it."""
    with readable(_UNREADABLE_REQUEST, id=found.id):
        return ApplicationAsk.model_validate_json(_asked(work, found))


def _asked(work: Work, found: ApplicationRow) -> str:
    return json.dumps(
        {
            "scenario_id": found.scenario_id,
            "purposes": json.loads(found.purposes),
            "purpose_text": found.purpose_text,
            "starts_on": found.starts_on.isoformat() if found.starts_on else None,
            "ends_on": found.ends_on.isoformat() if found.ends_on else None,
            "retention_days": found.retention_days,
            "lines": [
                {
                    "dataset_id": line.dataset_id,
                    "columns": json.loads(line.columns),
                    "row_filter": json.loads(line.row_filter) if line.row_filter else None,
                    "delivery_forms": json.loads(line.delivery_forms),
                    "quotas": json.loads(line.quotas),
                    "networks": json.loads(line.networks),
                    "pinned_release": line.pinned_release,
                    "members": json.loads(line.members),
                    "fee_reference": line.fee_reference,
                    "safeguards": json.loads(line.safeguards),
                }
                for line in lines(work, found.id)
            ],
        }
    )


def offered_policy(text: str) -> GrantPolicy:
    """The policy of a line on offer or agreed. Raises Unavailable where this version does not know its terms."""
    return stored_policy(text, _UNREADABLE)


def proposal_of(found: ApplicationRow) -> Proposal:
    """The decision that stands proposed; an empty one where none does. Raises Unavailable where this version cannot read it."""
    with readable(_UNREADABLE_REQUEST, id=found.id):
        return Proposal.model_validate_json(found.proposal) if found.proposal else Proposal()


def asked_for(work: Work, application_id: str) -> dict[str, Any]:
    """What an application said in words: its purpose, and by line the reason for each column."""
    found = work.db.get_one(ApplicationRow, application_id)
    return {
        "purpose_text": found.purpose_text,
        "reasons": {
            line.id: {column["name"]: column["reason"] for column in json.loads(line.columns)}
            for line in lines(work, application_id)
        },
    }
