"""How an organisation stands, as the value that the rules read."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from auth.identity import organisations
from auth.identity.rules import ENTERPRISE_KINDS
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Licence
from core.ids import OrgId
from core.work import Work

_ALWAYS: Final = datetime.max.replace(tzinfo=UTC)


def licence(work: Work, org_id: OrgId) -> Licence:
    """The licence that counts at `work.now`. It is good through its last local day; public bodies need none. Raises NotFound."""
    org = organisations.organisation(work, org_id)
    if org.kind not in ENTERPRISE_KINDS:
        return Licence("QUALIFIED", _ALWAYS)
    if org.licence_valid_to is None:
        return Licence(org.licence_state.value, None)
    ends = datetime.combine(org.licence_valid_to + timedelta(days=1), time(), LOCAL)
    return Licence(org.licence_state.value, ends.astimezone(UTC))
