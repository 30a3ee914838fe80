"""An amendment or a renewal of a grant, from the prefilled draft to the pending grant."""

from __future__ import annotations

from typing import Any

from auth.applications import queries as asked
from auth.applications import service as applications
from auth.applications.models import ApplicationAsk, ApplicationRead, ApplicationSave
from core.ids import GrantId
from tests.desk import Desk, agreed, decided, reviewed, screened, submitted


def follow(desk: Desk, grant_id: str, how: str = "amend", **changes: Any) -> ApplicationRead:
    """The prefilled draft, with a part of it changed: `columns` names those that are asked for, `quotas` are the line's."""
    with desk.write("applicant") as (work, actor):
        act = {"amend": applications.amend, "renew": applications.renew}[how]
        draft = act(work, actor, GrantId(grant_id), assets=desk.assets)
        if changes:
            ask = asked.ask_of(work, asked.row(work, draft.id, actor))
            line = ask.lines[0].model_dump()
            if "quotas" in changes:
                line |= {"quotas": changes.pop("quotas")}
            if "columns" in changes:
                named = changes.pop("columns")
                line |= {"columns": [each for each in line["columns"] if each["name"] in named]}
            body = {name: getattr(ask, name) for name in ApplicationAsk.model_fields} | changes
            save = ApplicationSave.model_validate(body | {"lines": [line], "version": draft.version})
            draft = applications.save(work, actor, draft.id, save, assets=desk.assets)
    return draft


def granted(desk: Desk, draft: ApplicationRead) -> str:
    """The pending grant that comes of it."""
    return agreed(desk, decided(desk, reviewed(desk, screened(desk, submitted(desk, draft))))).grants[0]
