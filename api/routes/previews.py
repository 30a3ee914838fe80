"""Previews: synthetic rows for everybody, and a few masked ones under a grant."""

from __future__ import annotations

from fastapi import Request

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.late import APIRouter
from api.routes.queries import desk_of
from api.witnessed import noted
from datasets.queries import masked, preview
from datasets.queries.masked import MaskedAsk, MaskedRead
from datasets.queries.preview import PreviewRead

router = APIRouter(prefix="/api/v1/previews", tags=["queries"])


@router.get("/{dataset_id}", **access("public"))
def show_preview(work: ReadDep, actor: ActorDep, dataset_id: str) -> PreviewRead:
    """Rows made from the dictionary of the current release alone: to write programs against, before there is a grant."""
    return preview.shown(work, actor, dataset_id)


@router.post("", status_code=201, **access("datasets:query:ask"))
def show_masked(request: Request, house: HouseDep, actor: ActorDep, body: MaskedAsk) -> MaskedRead:
    """A few rows of the current release as an extract of the grant would hold them: one extract and these rows of its quota."""
    noted(request)  # the service writes its own refusals down
    return masked.show(desk_of(house), actor, body)
