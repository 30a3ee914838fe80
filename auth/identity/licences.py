"""Where an organisation stands, as grants judge it."""

from __future__ import annotations

from datetime import datetime, timedelta

from auth.identity.organisations import organisation_row
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Licence
from core.ids import OrgId
from core.work import Work


def licence_of(work: Work, org_id: OrgId) -> Licence:
    """The licence as it stands now; its last day counts to the end (UTC+8). Raises NotFound."""
    row = organisation_row(work, org_id)
    if row.licence_valid_to is None:
        return Licence(row.licence_state, None)
    day_after = row.licence_valid_to + timedelta(days=1)
    return Licence(row.licence_state, datetime(day_after.year, day_after.month, day_after.day, tzinfo=LOCAL))
