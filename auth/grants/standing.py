"""How an organisation stands, as the value that the rules read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from auth.identity import organisations
from auth.identity.rules import ENTERPRISE_KINDS, licence_state_on
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Licence
from core.ids import OrgId
from core.work import Work

_ALWAYS: Final = datetime.max.replace(tzinfo=UTC)


def licence(work: Work, org_id: OrgId) -> Licence:
    """The licence that counts at `work.now`, and where its holder is registered. It is good through its last local day; public bodies need none. Raises NotFound."""
    kind, state, valid_to, country = organisations.licence_facts(work, org_id)
    if kind not in ENTERPRISE_KINDS:
        return Licence("QUALIFIED", _ALWAYS, country)
    counts = licence_state_on(state, valid_to, work.now)
    if valid_to is None:
        return Licence(counts, None, country)
    if valid_to == date.max:  # how a licence without an end is entered
        return Licence(counts, _ALWAYS, country)
    ends = datetime.combine(valid_to + timedelta(days=1), time(), LOCAL)
    return Licence(counts, ends.astimezone(UTC), country)
