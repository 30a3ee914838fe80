"""Which organisations belong together: who controls whom (控股或实际控制), as an administrator enters it with a reason.

Organisations under one controller count as one where roles must be kept apart (R01).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity.control import top_of
from auth.identity.organisations import OrganisationRead, organisation_row, read
from auth.identity.principals import orgs_of
from auth.identity.tables import OrganisationRow
from core.errors import Conflict, InputRefused, NotFound, Reason, refuse_if
from core.text import Text
from core.work import Work, hold

BASIS: Final = "R01 主体角色分离 · roles kept apart"
_OWN: Final = Reason(
    "own-organisation", Text("您属于该机构，不得由您办理。", "You belong to that organisation; somebody else must do it."), BASIS
)  # fmt: skip


Touched = Callable[[Work], set[str]]
Tell = Callable[[Work, set[str]], int]


class ControlEntry(SQLModel):
    """`controlled_by`: the id of the organisation that controls it, empty for none; `note`: on what it rests, 4 characters or more."""

    model_config = {"extra": "forbid"}
    controlled_by: str = Field(default="", max_length=60)
    note: str = Field(default="", max_length=500)


def enter_control(
    work: Work, actor: Actor, org_id: str, ask: ControlEntry, *, touched: Touched, tell: Tell
) -> OrganisationRead:
    """Enter who controls an organisation. InputRefused for an unknown controller, a circle or no reason, Conflict when it stands so already.

    `touched`: what is at odds with who controls whom; `tell`: to be told what was before, to tell people of what has become so by this.
    """
    hold(work, "organisations/control")  # one at a time: two entries could make a circle side by side
    row = organisation_row(work, org_id)
    if row.id in orgs_of(work, actor):
        refuse_if((_OWN,))
    note, wanted = ask.note.strip(), ask.controlled_by.strip() or None
    if len(note) < 4:
        raise InputRefused(
            Text("请写明理由，至少 4 个字。", "Give a reason of 4 characters or more."), field="note"
        )
    if wanted is not None:
        _check(work, row.id, wanted)
    if row.controlled_by == wanted:
        raise Conflict(Text("登记的控制关系已是如此，无须更改。", "It stands so already; nothing to change."))
    facts: dict[str, Any] = {"from": row.controlled_by, "to": wanted, "note": note}
    before = touched(work)
    row.controlled_by = wanted
    work.db.add(row)
    work.db.flush()
    facts["at_odds"] = tell(work, before)
    audit.record(work, actor, "organisation.control_entered", subject=row.id, payload=facts)
    return read(work, row)


def _check(work: Work, org_id: str, wanted: str) -> None:
    try:
        organisation_row(work, wanted)
    except NotFound:
        raise InputRefused(
            Text(f"没有机构 {wanted}。", f"There is no organisation {wanted}."), field="controlled_by"
        ) from None
    if wanted == org_id or top_of(controllers(work), wanted) == org_id:
        raise InputRefused(
            Text("控制关系不得成环。", "Control may not run in a circle."), field="controlled_by"
        )


def controllers(work: Work) -> dict[str, str]:
    """By organisation: who controls it; those that nobody controls are left out."""
    wanted = select(OrganisationRow.id, OrganisationRow.controlled_by).where(
        col(OrganisationRow.controlled_by).is_not(None)
    )
    return {org_id: str(controller) for org_id, controller in work.db.exec(wanted)}
