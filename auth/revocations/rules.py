"""Who may answer a revocation, and when a bar on applying again holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from auth.policy.separation import BASIS, Doer, Past, not_of_the_applicant
from auth.revocations.workflow import State, Step
from core.errors import Reason
from core.text import Text

RULE: Final = "撤销须由两人办理 · a revocation takes two people"


def objections(
    step: Step, doer: Doer, *, revoked_by: Past, org_id: str, evidence: str, is_barred: bool
) -> Iterator[Reason]:
    """Every reason against this answer. Adding evidence is open to whoever may revoke."""
    if step in (Step.CONFIRM, Step.OBJECT, Step.LIFT):
        yield from not_of_the_applicant(doer, org_id, ())
    if step in (Step.CONFIRM, Step.OBJECT) and doer.did(revoked_by):
        text = Text(
            "您作出了该撤销，须由另一人确认。",
            "You revoked this grant; another person must confirm it.",
        )
        yield Reason("revoker-does-not-confirm", text, BASIS)
    if step is Step.CONFIRM and not evidence.strip():
        text = Text(
            "尚未写明证据；请先补充证据，再由第二人确认。",
            "No evidence is given yet; add it, then a second person confirms.",
        )
        yield Reason("revocation-without-evidence", text, RULE)
    if step is Step.LIFT and not is_barred:
        text = Text("该撤销没有仍有效的申请限制。", "No bar of this revocation is in force.")
        yield Reason("no-bar", text, RULE)


def bars(state: State, bar_until: date | None, confirm_by: datetime, now: datetime, today: date) -> bool:
    """Whether the holder is kept from applying: by one person for the day of the confirmation, for longer by two."""
    if bar_until is None or today >= bar_until:
        return False
    return state is State.CONFIRMED or (state is State.WAITS and now < confirm_by)
