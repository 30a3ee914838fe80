"""Where the policy profile asks for it (`stops_at_odds`), a record that is not what was signed stops decisions and deliveries.

Nothing is decided, agreed, put into force or delivered from the look that found it until a security officer acknowledges that very finding,
with a reason and a fresh second factor. Another finding stops everything again. What was found, and who went on, stays on record.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

from pydantic import Field as Bound
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.audit import AuditEventRow
from auth.casework.book import need_reason
from auth.identity.principals import in_person
from auth.policy.model import Prose
from auth.profile.model import Profile
from auth.proof.looks import LookRead, newest
from core.errors import Conflict, NotFound, Reason
from core.text import Text
from core.work import Work

ACKNOWLEDGE: Final = "auth:audit:acknowledge"
ACKNOWLEDGED: Final = "audit.finding_acknowledged"
AT_ODDS: Final = Reason(
    "record-at-odds",
    Text(
        "审计记录与签署内容不符，决定与交付已暂停；请安全管理员核查并在“审计记录”中确认后继续。",
        "The audit record is not what was signed, so decisions and deliveries stand still until a security officer has looked into it and acknowledged it on the page “Audit record”.",
    ),
    "审计存证 · tamper-evident record (authorisation §4.7)",
)


class Acknowledgement(SQLModel):
    """`mark`: the finding that was looked into; `note`: what came of it, and why work goes on."""

    model_config = {"extra": "forbid"}
    mark: Annotated[str, Bound(pattern="^[0-9a-f]{16}$")]
    note: Prose = Field(max_length=2000)


def against(work: Work, rules: Profile) -> tuple[Reason, ...]:
    """Why nothing is decided or delivered now; () where the profile does not ask, the record holds, or its finding is acknowledged."""
    if not rules.stops_at_odds:
        return ()
    look = newest(work)
    return () if look is None or look.holds or is_acknowledged(work, look.mark) else (AT_ODDS,)


def is_acknowledged(work: Work, mark: str) -> bool:
    """Whether an officer went on from this very finding, however long ago."""
    wanted = select(AuditEventRow.payload).where(
        AuditEventRow.kind == ACKNOWLEDGED, col(AuditEventRow.payload).contains(mark, autoescape=True)
    )
    return any(json.loads(said)["mark"] == mark for said in work.db.exec(wanted))


def acknowledge(work: Work, actor: Actor, body: Acknowledgement) -> LookRead:
    """Go on from the newest finding. NotFound where nothing is found, Conflict for another finding than the newest, or one acknowledged already."""
    in_person(actor)
    look = newest(work)
    if look is None or look.holds:
        raise NotFound(
            Text(
                "最近一次核对未发现不符，无需确认。", "The newest look found all as signed; there is nothing to acknowledge."
            )
        )  # fmt: skip
    if look.mark != body.mark:
        raise Conflict(
            Text(
                "最近一次核对的结果已不是您看到的；请刷新后再确认。",
                "The newest look found something else than you saw; reload and look again.",
            ),
            mark=look.mark,
        )
    if is_acknowledged(work, look.mark):
        raise Conflict(Text("该结果已确认。", "That finding is acknowledged already."), mark=look.mark)
    need_reason(body.note)
    audit.record(
        work, actor, ACKNOWLEDGED, subject="audit", payload={"mark": look.mark, "note": body.note.strip()}
    )
    return look
