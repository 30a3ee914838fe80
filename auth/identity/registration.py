"""Where an organisation is registered, corrected: from the same transaction on its grants count, or do not (R44)."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field as Bound
from sqlmodel import Field, SQLModel

from auth import audit
from auth.actor import Actor
from auth.identity.organisations import OrganisationRead, check_country, organisation_row, read
from auth.identity.principals import orgs_of
from auth.policy.rules import ABROAD
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.text import Text
from core.work import Work

_OWN: Final = Reason(
    "own-organisation",
    Text("您属于该机构，不得由您办理。", "You belong to that organisation; somebody else must do it."),
    ABROAD,
)


class CountryCorrection(SQLModel):
    """`country`: where the organisation is registered, two letters of ISO 3166; `note`: why, 4 characters or more."""

    model_config = {"extra": "forbid"}
    country: Annotated[str, Bound(max_length=40)]
    note: str = Field(default="", max_length=500)


def correct_country(work: Work, actor: Actor, org_id: str, ask: CountryCorrection) -> OrganisationRead:
    """Enter the right country. Raises InputRefused for a bad country or no reason, Conflict when it stands so already."""
    row = organisation_row(work, org_id)
    if row.id in orgs_of(work, actor):
        refuse_if((_OWN,))
    country = ask.country.strip().upper()
    check_country(country)
    note = ask.note.strip()
    if len(note) < 4:
        raise InputRefused(
            Text("请写明理由，至少 4 个字。", "Give a reason of 4 characters or more."), field="note"
        )
    before = row.country
    if before == country:
        raise Conflict(
            Text(
                f"登记地已是 {country}，无须更正。",
                f"It is registered in {country} already; nothing to correct.",
            )
        )
    row.country = country
    work.db.add(row)
    work.db.flush()
    facts = {"from": before, "to": country, "note": note}
    audit.record(work, actor, "organisation.country_corrected", subject=row.id, payload=facts)
    return read(work, row)
