"""The book of revocations, opening one with the step that ends the grant, and the bars that hold now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from pydantic import field_validator
from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, made_by
from auth.duties.rules import later
from auth.grants.tables import GrantRow
from auth.messages.audience import holders
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.revocations import rules
from auth.revocations.tables import RevocationRow
from auth.revocations.workflow import FINAL, MACHINE, State, Step
from auth.roles import Role
from auth.scope import roles_towards, sight
from core.errors import InputRefused, Reason
from core.text import Text
from core.work import Work

READ: Final = "auth:revocation:read"
HOURS: Final = "revocation_confirm_hours"
MONTHS: Final = "revocation_bar_months"
SHA256: Final = re.compile(r"(?:[0-9a-f]{64})?")


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    mine = col(RevocationRow.department_id).in_(seen.departments)
    return true() if seen.everything else or_(false(), mine)


BOOK: Final = Book(
    kind="revocation", table=RevocationRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    kinds={
        "open": "revocation.opened", Step.ADD_EVIDENCE: "revocation.evidence_added", Step.CONFIRM: "revocation.confirmed",
        Step.OBJECT: "revocation.objected", Step.LAPSE: "revocation.overdue", Step.LIFT: "revocation.bar_lifted",
    },
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    ids=lambda row: {"grant_id": row.grant_id, "dataset_id": row.dataset_id, "application_id": row.application_id},
)  # fmt: skip


class Evidence(SQLModel):
    """What proves that the revocation is right: in words, and the SHA-256 of the file that is kept elsewhere."""

    model_config = {"extra": "forbid"}
    evidence: Prose = Field(default="", max_length=2000)
    evidence_sha256: str = Field(default="", max_length=64)

    @field_validator("evidence_sha256")
    @classmethod
    def _is_digest(cls, value: str) -> str:
        if not SHA256.fullmatch(value):
            raise ValueError("64 hexadecimal digits in lower case, or nothing")
        return value


class Grounds(Evidence):
    """On what a grant is revoked, and for how many months its holder may not apply for the dataset again (0: he may)."""

    bar_months: int = Field(default=0, ge=0, le=600)


def demand_bar(work: Work, grounds: Grounds) -> None:
    """Raise InputRefused for a longer bar than the limits allow."""
    if grounds.bar_months > (most := limits_now(work)[MONTHS]):
        raise InputRefused(
            Text(f"限制再次申请最长 {most} 个月。", f"A bar on applying again is {most} months at most."), field="bar_months"
        )  # fmt: skip


def opened(
    work: Work, actor: Actor, grant: GrantRow, reason: str, grounds: Grounds, *, by_two: bool
) -> RevocationRow:
    """Enter the case of a grant that is being revoked. `by_two`: two people stand behind it already, as after a review of the grant."""
    row = RevocationRow(
        **made_by(work, actor), state=State.CONFIRMED if by_two else State.WAITS, grant_id=grant.id,
        application_id=grant.application_id, org_id=grant.org_id, dataset_id=grant.dataset_id, department_id=grant.department_id,
        reason=reason, evidence=grounds.evidence.strip(), evidence_sha256=grounds.evidence_sha256,
        bar_until=later(_today(work), grounds.bar_months) if grounds.bar_months else None,
        confirm_by=work.now + timedelta(hours=limits_now(work)[HOURS]),
    )  # fmt: skip
    facts = {
        "grant": grant.id, "evidence": row.evidence, "evidence_sha256": row.evidence_sha256, "by_two": by_two,
        "bar_until": row.bar_until.isoformat() if row.bar_until else None,
    }  # fmt: skip
    BOOK.open(work, actor, row, facts, reason)
    if not by_two:
        say(work, row, "revocation.waits")
    return row


def say(work: Work, row: RevocationRow, kind: str) -> None:
    """Tell those who may answer."""
    until = row.confirm_by.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
    tell(
        work, holders(work, [Role.SECURITY_OFFICER, Role.APPROVER], [row.department_id]), kind, subject=row.id,
        href=f"/revocations/{row.id}", once=f"{row.id}|{row.version}",
        facts={"dataset": row.dataset_id, "org": row.org_id, "until": until},
    )  # fmt: skip


def bars(work: Work, org_id: str, dataset_ids: Iterable[str]) -> Iterator[Reason]:
    """What keeps this organisation from applying for these datasets now."""
    wanted = select(RevocationRow).where(
        RevocationRow.org_id == org_id, col(RevocationRow.dataset_id).in_(sorted(set(dataset_ids))),
        col(RevocationRow.bar_until).is_not(None),
    )  # fmt: skip
    for row in work.db.exec(wanted.order_by(col(RevocationRow.dataset_id), col(RevocationRow.id))):
        if is_barring(work, row):
            text = Text(
                f"贵机构对 {row.dataset_id} 的授权已被撤销，{row.bar_until} 前不得再次申请。",
                f"Your grant on {row.dataset_id} was revoked; you may apply for it again from {row.bar_until} on.",
            )
            yield Reason("barred-after-revocation", text, rules.RULE, {"revocation": row.id})


def is_barring(work: Work, row: RevocationRow) -> bool:
    return rules.bars(State(row.state), row.bar_until, row.confirm_by, work.now, _today(work))


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()
