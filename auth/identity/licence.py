"""An enterprise's licence as a machine: who qualifies, suspends, resumes and disqualifies, on which papers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field as Bound
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.casework.machine import Machine, Move
from auth.casework.tables import CaseEventRow
from auth.delegations.standing import persons
from auth.grants import stopping
from auth.identity import rules
from auth.identity.labels import LICENCE_NAMES
from auth.identity.organisations import OrganisationRead, check_code, organisation_row, read
from auth.identity.principals import orgs_of
from auth.identity.tables import LicenceState as State
from auth.identity.tables import OrganisationRow
from auth.roles import Role
from auth.scope import sight
from core import outbox
from core.errors import Conflict, InputRefused, NotFound, Reason, Stale, refuse_if
from core.text import Text
from core.work import Work


class Step(StrEnum):
    QUALIFY = "qualify"
    RENEW = "renew"
    SUSPEND = "suspend"
    RESUME = "resume"
    DISQUALIFY = "disqualify"


_APPROVER: Final = frozenset({Role.APPROVER})
_BOTH: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.PENDING, Step.QUALIFY): Move(State.QUALIFIED, _APPROVER),
    (State.PENDING, Step.DISQUALIFY): Move(State.DISQUALIFIED, _APPROVER),
    (State.QUALIFIED, Step.RENEW): Move(State.QUALIFIED, _APPROVER),
    (State.QUALIFIED, Step.SUSPEND): Move(State.SUSPENDED, _BOTH),
    (State.QUALIFIED, Step.DISQUALIFY): Move(State.DISQUALIFIED, _APPROVER),
    (State.SUSPENDED, Step.RESUME): Move(State.QUALIFIED, _BOTH),
    (State.SUSPENDED, Step.DISQUALIFY): Move(State.DISQUALIFIED, _APPROVER),
    (State.LAPSED, Step.RENEW): Move(State.QUALIFIED, _APPROVER),  # LAPSED is computed from the last day
    (State.LAPSED, Step.DISQUALIFY): Move(State.DISQUALIFIED, _APPROVER),
}
FINAL: Final = frozenset({State.DISQUALIFIED})
STATE_NAMES: Final = LICENCE_NAMES
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.QUALIFY: Text("认定合格", "Qualify"),
    Step.RENEW: Text("延续", "Renew"),
    Step.SUSPEND: Text("暂停资格", "Suspend"),
    Step.RESUME: Text("恢复资格", "Resume"),
    Step.DISQUALIFY: Text("取消资格", "Disqualify"),
}
MACHINE: Final = Machine(Text("机构资格", "licence"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
_GIVING: Final = frozenset(
    {Step.QUALIFY, Step.RENEW}
)  # the steps by which a licence is given, for a time and on papers
_TOLD: Final[Mapping[tuple[bool, State], str]] = {
    (True, State.SUSPENDED): "licence.suspended",
    (True, State.DISQUALIFIED): "licence.disqualified",
    (False, State.DISQUALIFIED): "licence.disqualified",
    (False, State.QUALIFIED): "licence.resumed",
}
"""What is told, by whether the licence counted before, and the state now."""
KIND: Final = "licence"
READ: Final = "auth:org:read"
_EVENTS: Final[Mapping[Step, str]] = {
    Step.QUALIFY: "licence.qualified",
    Step.RENEW: "licence.renewed",
    Step.SUSPEND: "licence.suspended",
    Step.RESUME: "licence.resumed",
    Step.DISQUALIFY: "licence.disqualified",
}
BASIS: Final = "发改数据规〔2025〕27号 · conditions for operators"


class Paper(SQLModel):
    """A document that was seen, by its hash."""

    model_config = {"extra": "forbid"}
    name: str = Field(min_length=1, max_length=200)
    sha256: Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


class LicenceStep(SQLModel):
    """One step. `valid_to`: the last valid day, for qualifying and renewing; `credit_code`: when none is entered yet."""

    model_config = {"extra": "forbid"}
    version: int | None = Field(default=None, ge=0)
    step: Step
    note: str = Field(default="", max_length=500)
    valid_to: date | None = None
    credit_code: str | None = None
    documents: Annotated[tuple[Paper, ...], Bound(max_length=50)] = ()


def state_of(work: Work, row: OrganisationRow) -> State:
    """The state that counts now."""
    return State(rules.licence_state_on(row.licence_state, row.licence_valid_to, work.now))


def take(work: Work, actor: Actor, org_id: str, ask: LicenceStep) -> OrganisationRead:
    """Take a step on an enterprise's licence. From the same transaction on its grants count, or do not."""
    row = organisation_row(work, org_id, to_change=True)
    if ask.version is not None and ask.version != row.licence_version:
        raise Stale(
            Text(
                f"该机构的资格已被他人办理（当前版本 {row.licence_version}，您看到的是 {ask.version}）；请刷新后再操作。",
                f"Somebody else took a step on the licence (now version {row.licence_version}, you saw {ask.version}); reload first.",
            ),
            version=row.licence_version,
            state=state_of(work, row).value,
        )
    if row.kind not in rules.ENTERPRISE_KINDS:
        raise Conflict(
            Text(
                f"{row.name_zh}不是企业，无需资格。", f"{row.name_en} is no enterprise and needs no licence."
            )
        )
    before = state_of(work, row)
    after = advance(before, ask.step, actor.roles_in(None), by_system=actor.via == "system")
    refuse_if(tuple(_objections(work, actor, row, ask)))
    if ask.step not in _GIVING:
        _demand_nothing_given(ask)
        if len(ask.note.strip()) < 4:
            raise InputRefused(
                Text("请写明理由，至少 4 个字。", "Give a reason of 4 characters or more."), field="note"
            )
    if ask.credit_code and row.credit_code is None:
        check_code(work, ask.credit_code)
        row.credit_code = ask.credit_code
    row.licence_state = after
    row.licence_valid_to = ask.valid_to or row.licence_valid_to
    if ask.documents:
        row.licence_documents = json.dumps([each.model_dump() for each in ask.documents], ensure_ascii=False)
    row.licence_version += 1
    work.db.add(row)
    work.db.add(
        CaseEventRow(
            id=work.new_id(), case_kind=KIND, case_id=row.id, version=row.licence_version, step=ask.step, from_state=before,
            to_state=after, person_id=actor.person_id, account_id=actor.account_id, actor_name=actor.username,
            org_id=actor.org_id, note=ask.note, at=work.now,
        )
    )  # fmt: skip
    work.db.flush()
    facts = {
        "step": ask.step.value, "from": before.value, "to": after.value, "note": ask.note,
        "valid_to": row.licence_valid_to.isoformat() if row.licence_valid_to else None,
        "documents": [each.sha256 for each in ask.documents],
    }  # fmt: skip
    audit.record(work, actor, "organisation.licence_set", subject=row.id, payload=facts)
    post(work, row, _EVENTS[ask.step], after)
    _tell(work, actor, row, before, after)
    return read(work, row)


def post(work: Work, row: OrganisationRow, kind: str, state: State) -> None:
    """The event for whoever listens; its day and state alone."""
    valid_to = row.licence_valid_to.isoformat() if row.licence_valid_to else None
    outbox.post(work, kind, row.id, {"org_id": row.id, "state": state.value, "valid_to": valid_to})


def may_hear(work: Work, actor: Actor, org_id: str) -> None:
    """Raises NotFound unless it is the actor's own organisation's licence, or he may read every organisation."""
    if actor.org_id != org_id and not sight(actor, READ).everything:
        raise NotFound(Text("没有这个机构，或不在您可见的范围内。", "There is no such organisation, or it is not yours to see."))  # fmt: skip
    organisation_row(work, org_id)


def _tell(work: Work, actor: Actor, row: OrganisationRow, before: State, after: State) -> None:
    """Its people, and approvers and stewards of the departments whose grants it holds, hear that these stop or count again."""
    kind = _TOLD.get((before is State.QUALIFIED, after))
    if kind is None or (before is State.PENDING and after is State.QUALIFIED):
        return
    stopping.told(
        work, actor, kind, stopping.of_organisation(work, row.id), subject=row.id, once=f"{row.id}|{row.licence_version}",
        facts={"org_zh": row.name_zh, "org_en": row.name_en}, orgs=[row.id],
    )  # fmt: skip


def _demand_nothing_given(ask: LicenceStep) -> None:
    """Raise InputRefused where a step that gives no licence brings what only a licence is given by."""
    for name in ("valid_to", "documents", "credit_code"):
        if getattr(ask, name):
            raise InputRefused(
                Text(
                    "有效期截止日、材料和统一社会信用代码只在认定或延续时填写；请清空后再办理。",
                    "The last valid day, papers and the credit code are given when qualifying or renewing alone; leave them empty.",
                ),
                field=name,
            )


def _objections(work: Work, actor: Actor, row: OrganisationRow, ask: LicenceStep) -> Iterator[Reason]:
    if row.id in orgs_of(work, actor):
        yield _reason(
            "own-organisation",
            "您属于该机构，不得由您办理。",
            "You belong to that organisation; somebody else must do it.",
        )
    if (
        ask.step is Step.RESUME
        and (last := _last(work, row.id, Step.SUSPEND))
        and last.person_id in persons(work, actor)
    ):
        yield _reason(
            "suspender-does-not-resume",
            "资格由您暂停，须由另一人恢复。",
            "You suspended the licence; somebody else must resume it.",
        )
    if ask.step in _GIVING and (
        ask.valid_to is None or ask.valid_to < work.now.astimezone(rules.CHINA).date()
    ):
        yield _reason(
            "valid-to-missing", "请填写今天或以后的有效期截止日。", "Give a last valid day of today or later."
        )
    if ask.step is Step.QUALIFY and not ask.documents:
        yield _reason(
            "documents-missing",
            "认定资格须附材料（营业执照、安全承诺等）的 SHA-256。",
            "Qualifying needs the SHA-256 of the papers (business licence, security commitment).",
        )
    if ask.step is Step.QUALIFY and not (row.credit_code or ask.credit_code):
        yield _reason(
            "credit-code-missing",
            "认定资格须有统一社会信用代码。",
            "Qualifying needs the unified social credit code.",
        )


def _reason(code: str, zh: str, en: str) -> Reason:
    return Reason(code, Text(zh, en), BASIS)


def _last(work: Work, org_id: str, step: Step) -> CaseEventRow | None:
    found = [event for event in events(work, org_id) if event.step == step]
    return found[-1] if found else None


def events(work: Work, org_id: str) -> list[CaseEventRow]:
    """The licence's history, oldest first."""
    wanted = select(CaseEventRow).where(CaseEventRow.case_kind == KIND, CaseEventRow.case_id == org_id)
    return list(work.db.exec(wanted.order_by(col(CaseEventRow.version))))


def open_steps(work: Work, actor: Actor, org_id: str) -> list[Step]:
    """The steps that this actor's roles open now."""
    row = organisation_row(work, org_id)
    if row.kind not in rules.ENTERPRISE_KINDS:
        return []
    return MACHINE.open_steps(state_of(work, row), actor.roles_in(None))


def papers(row: OrganisationRow) -> list[dict[str, Any]]:
    """The documents that the licence rests on."""
    found: list[dict[str, Any]] = json.loads(row.licence_documents)
    return found
