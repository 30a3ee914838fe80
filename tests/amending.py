"""A grant that an amendment takes the place of, by the whole way: amended(desk, grant_id, quotas={…}) is the grant in force then."""

from __future__ import annotations

from typing import Any

from auth.applications import queries, service
from auth.applications.models import ApplicationAsk, ApplicationSave
from core.ids import GrantId
from tests.desk import Desk, activated, agreed, decided, reviewed, screened, submitted

OF_A_LINE = ("columns", "quotas", "safeguards", "members", "row_filter", "pinned_release", "delivery_forms")


def amended(desk: Desk, grant_id: str, **changes: Any) -> GrantId:
    """The id of the amendment, in force."""
    with desk.write("applicant") as (work, actor):
        draft = service.amend(work, actor, GrantId(grant_id), assets=desk.assets)
        ask = queries.ask_of(work, queries.row(work, draft.id, actor))
        body: dict[str, Any] = {name: getattr(ask, name) for name in ApplicationAsk.model_fields}
        line = ask.lines[0].model_dump() | {name: changes[name] for name in OF_A_LINE if name in changes}
        body |= {name: value for name, value in changes.items() if name not in OF_A_LINE} | {"lines": [line]}
        save = ApplicationSave.model_validate(body | {"version": draft.version})
        draft = service.save(work, actor, draft.id, save, assets=desk.assets)
    offer = decided(desk, reviewed(desk, screened(desk, submitted(desk, draft))))
    found = agreed(desk, offer).grants[0]
    activated(desk, found)
    return GrantId(found)
