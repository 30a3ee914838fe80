"""Pages of previews: synthetic rows for everybody, and a few masked ones under a grant."""

from __future__ import annotations

from fastapi import Form, Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.late import APIRouter
from api.routes.queries import desk_of
from api.web import page
from api.witnessed import noted
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from catalog.assets import asset
from core.errors import AppError, NotFound
from core.ids import GrantId
from core.work import Work
from datasets.extracts.planning import quota_left
from datasets.queries import masked, preview
from datasets.queries.masked import MaskedAsk, MaskedRead

router = APIRouter(prefix="/previews", tags=["pages"])


@router.get("/{dataset_id}", response_class=HTMLResponse, **access("public"))
def show_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """Synthetic rows of the current release."""
    found = preview.shown(work, actor, dataset_id)
    return page(request, "queries/preview.html", preview=found, held=asset(work, dataset_id))


@router.get("/grants/{grant_id}", response_class=HTMLResponse, **access("datasets:query:ask"))
def masked_form(request: Request, work: ReadDep, actor: ActorDep, grant_id: GrantId) -> HTMLResponse:
    """What the grant would show and take, or every reason against it. Reads no row."""
    return _masked(request, work, actor, grant_id)


@router.post("/grants/{grant_id}", response_class=HTMLResponse, **access("datasets:query:ask"))
def masked_page(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, purpose: str = Form("", max_length=80)
) -> HTMLResponse:  # fmt: skip
    """The rows, charged and on record; they are kept nowhere, so showing them again takes from the quota again."""
    noted(request)  # the service writes its own refusals down
    refusal, found = None, None
    try:
        found = masked.show(desk_of(house), actor, MaskedAsk(grant_id=grant_id, purpose=purpose))
    except NotFound:
        raise
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        answer = _masked(request, work, actor, grant_id, found=found, refusal=refusal, purpose=purpose)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _masked(
    request: Request,
    work: Work,
    actor: ActorDep,
    grant_id: GrantId,
    *,
    found: MaskedRead | None = None,
    refusal: AppError | None = None,
    purpose: str = "",
) -> HTMLResponse:
    row = grant_queries.row(work, grant_id, actor)
    view, coded = grant_queries.view_of(work, row), limits()
    chosen = purpose or view.policy.purposes[0]  # the form always names one
    case = masked.consider(work, actor, MaskedAsk(grant_id=grant_id, purpose=chosen))
    return page(
        request, "queries/masked.html", status=status_of(refusal) if refusal else 200, grant=row, policy=view.policy, found=found,
        reasons=refusal.reasons if refusal and refusal.reasons else case.reasons if refusal is None and found is None else (),
        refusal=refusal, most=masked.ROWS, left=quota_left(view), chosen=chosen,
        purposes=[(code, coded.purposes[code].name) for code in view.policy.purposes if code in coded.purposes],
    )  # fmt: skip
