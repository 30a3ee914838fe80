"""The book of revocations, opening one with the step that ends the grant, and the bars that hold now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Final

from pydantic import field_validator
from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, made_by
from auth.duties.rules import later
from auth.grants.tables import GrantRow
from auth.grants.telling import holder_and_dataset
from auth.messages import seconds
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
from core.errors import AccessRefused, InputRefused, NotFound, Reason
from core.text import Text, number_of
from core.work import Work

READ: Final = "auth:revocation:read"
REVOKE: Final = "auth:grant:revoke"
Departments = Callable[[str], str]  # whose a dataset is; raises NotFound
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
    """On what a grant is revoked, and for how many months its holder may not apply again (0: he may): for the grant's dataset, for those of
    `bar_datasets` as well, or for everything."""

    bar_months: int = Field(default=0, ge=0, le=600)
    bar_scope: rules.BarScope = "dataset"
    bar_datasets: list[str] = Field(default=[], max_length=200)


def demand_bar(work: Work, actor: Actor, grounds: Grounds, department_of: Departments) -> None:
    """Raise InputRefused for a bar that is longer than the limits allow or does not say for what it is, AccessRefused where it reaches farther than the
    actor's own right to revoke: nobody bars from what is another department's."""
    rules.demand_scope(grounds.bar_scope, grounds.bar_datasets, grounds.bar_months)
    reach = sight(actor, REVOKE)
    if grounds.bar_scope == "everything" and not reach.everything:
        text = Text(
            "只有全平台的安全管理员或批准人可以限制该机构申请一切数据；您可以限制本部门的数据集。",
            "Only a security officer or approver for the whole platform bars an organisation from everything; you may bar it from your department's datasets.",
        )
        raise AccessRefused(text, reasons=[Reason("bar-beyond-own-scope", text, rules.RULE)])
    for dataset_id in sorted(set(grounds.bar_datasets)):
        try:
            held = department_of(dataset_id)
        except NotFound:
            held = None
        if held is None or not (reach.everything or held in reach.departments):
            raise InputRefused(
                Text(f"没有数据集 {dataset_id}，或不在您可撤销授权的部门内。", f"There is no dataset {dataset_id}, or it is not of a department in which you may revoke."),
                field="bar_datasets",
            )  # fmt: skip
    if grounds.bar_months > (most := limits_now(work)[MONTHS]):
        raise InputRefused(
            Text(f"限制再次申请最长 {most} 个月。", f"A bar on applying again is {number_of(most, 'months')} at most."), field="bar_months"
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
        bar_scope=grounds.bar_scope, bar_datasets=json.dumps(sorted(set(grounds.bar_datasets))),
        confirm_by=work.now + timedelta(hours=limits_now(work)[HOURS]),
    )  # fmt: skip
    facts = {
        "grant": grant.id, "evidence": row.evidence, "evidence_sha256": row.evidence_sha256, "by_two": by_two,
        "bar_until": row.bar_until.isoformat() if row.bar_until else None,
        "bar_scope": row.bar_scope, "bar_datasets": json.loads(row.bar_datasets),
    }  # fmt: skip
    BOOK.open(work, actor, row, facts, reason)
    if not by_two:
        seconds.call(
            work, actor, "revocation.waits", row.id, row.version, hands=[row.created_person], orgs=[row.org_id],
            department=row.department_id, facts=_facts(work, row),
        )  # fmt: skip
    return row


def say(work: Work, row: RevocationRow, kind: str) -> None:
    """Tell those who may answer, and who revoked: nobody answered in time, or somebody objected."""
    tell(
        work, holders(work, [Role.SECURITY_OFFICER, Role.APPROVER], [row.department_id]), kind, subject=row.id,
        href=f"/revocations/{row.id}", once=f"{row.id}|{row.version}", facts=_facts(work, row),
    )  # fmt: skip


def _facts(work: Work, row: RevocationRow) -> dict[str, str]:
    until = row.confirm_by.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
    return holder_and_dataset(work, work.db.get_one(GrantRow, row.grant_id)) | {"until": until}


def may_bar(org_id: Any) -> ColumnElement[bool]:  # noqa: ANN401 - an id, or a parameter of a query
    """The condition that `bars` may find something, whatever is asked for."""
    return exists().where(col(RevocationRow.org_id) == org_id, col(RevocationRow.bar_until).is_not(None))


def bars(work: Work, org_id: str, dataset_ids: Iterable[str]) -> Iterator[Reason]:
    """What keeps this organisation from applying for these datasets now."""
    wanted = select(RevocationRow).where(
        RevocationRow.org_id == org_id, col(RevocationRow.bar_until).is_not(None)
    )
    asked = sorted(set(dataset_ids))
    for row in work.db.exec(wanted.order_by(col(RevocationRow.dataset_id), col(RevocationRow.id))):
        met = [each for each in asked if rules.covers(row.bar_scope, row.dataset_id, named(row), each)]
        if met and is_barring(work, row):
            yield Reason(
                "barred-after-revocation",
                _said(row, met),
                rules.RULE,
                {"revocation": row.id, "datasets": met},
            )


def named(row: RevocationRow) -> list[str]:
    """The datasets that the bar names besides the grant's own."""
    found: list[str] = json.loads(row.bar_datasets)
    return found


def _said(row: RevocationRow, met: list[str]) -> Text:
    if row.bar_scope == "everything":
        return Text(
            f"贵机构的一项授权已被撤销，{row.bar_until} 前不得申请任何数据。",
            f"A grant of yours was revoked; you may apply for data again from {row.bar_until} on.",
        )
    if met == [row.dataset_id]:
        return Text(
            f"贵机构对 {row.dataset_id} 的授权已被撤销，{row.bar_until} 前不得再次申请。",
            f"Your grant on {row.dataset_id} was revoked; you may apply for it again from {row.bar_until} on.",
        )
    return Text(
        f"贵机构的一项授权已被撤销，{row.bar_until} 前不得申请：{'、'.join(met)}。",
        f"A grant of yours was revoked; until {row.bar_until} you may not apply for {', '.join(met)}.",
    )


def is_barring(work: Work, row: RevocationRow) -> bool:
    return rules.bars(State(row.state), row.bar_until, row.confirm_by, work.now, _today(work))


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()
