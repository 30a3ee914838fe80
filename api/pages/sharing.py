"""The page from which a grant is read in place: the view of each release, a signed link with snippets, a profile file."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, ReadDep
from api.house import House
from api.late import APIRouter
from api.lookups import person_names, text_columns
from api.routes.sharing import read as shown_view
from api.sharing import Address, address
from api.web import go, page
from api.witnessed import noted
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from core.errors import AppError, TooMany
from core.ids import GrantId
from core.jobs import JobRow, read
from core.text import Text
from datasets.extracts.signing import signing_key
from datasets.formats.recipes import r_from_address
from datasets.releases import queries as releases
from datasets.sharing import profiles, receipts, service, shares
from datasets.sharing.profiles import ProfileCreate
from datasets.sharing.rules import VIEW_NAMES, ViewState

router = APIRouter(prefix="/grants/{grant_id}/read", tags=["pages"])
READINGS = 20
GUARD = access("datasets:share:read")


@router.get("", response_class=HTMLResponse, **GUARD)
def read_page(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId,
    on_page: Annotated[int, Query(alias="page", ge=1, le=10**6)] = 1,
) -> HTMLResponse:  # fmt: skip
    """How this grant is read in place, what was made for it, and who read it."""
    return _show(request, house, actor, grant_id, on_page=on_page)


@router.get("/receipts/{event_id}.json", **GUARD)
def reading_receipt(
    work: ReadDep, actor: ActorDep, house: HouseDep, grant_id: GrantId, event_id: str
) -> Response:
    """The receipt of one reading as a file."""
    text = receipts.receipt(work, actor, grant_id, event_id, signing_key(house.settings.keys_dir))
    return Response(text, media_type="application/json", headers=attachment(f"reading-{event_id}.json"))


@router.post("/link", response_class=HTMLResponse, **GUARD)
def link(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId,
    purpose: Annotated[str, Form(max_length=80)] = "", release: Annotated[str, Form(max_length=80)] = "",
) -> Response:  # fmt: skip
    """A signed link with snippets; the page shows progress while the view is made."""
    noted(request)
    try:
        at = address(house, actor, grant_id, purpose, release or None)
    except TooMany:
        return go(
            f"/grants/{grant_id}/read",
            Text("正在生成视图，完成后再取链接。", "The view is being made; take the link when it is there."),
        )
    except AppError as refusal:
        return _show(request, house, actor, grant_id, refusal=refusal, purpose=purpose, release=release)
    return _show(request, house, actor, grant_id, at=at, purpose=purpose, release=release)


@router.post("/profile", response_class=Response, **GUARD)
def profile(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId,
    purpose: Annotated[str, Form(max_length=80)] = "", days: Annotated[int, Form(ge=1, le=180)] = 90,
) -> Response:  # fmt: skip
    """The profile file, once: it holds the key."""
    try:
        with house.write() as work:
            asked = ProfileCreate(purpose=purpose, days=days)
            text = profiles.create(work, actor, grant_id, asked, house.settings.public_url)
    except AppError as refusal:
        return _show(request, house, actor, grant_id, refusal=refusal, purpose=purpose)
    headers = attachment(f"{grant_id[-8:]}.share") | {"Cache-Control": "no-store"}
    return Response(text, media_type="application/json", headers=headers)


def _show(
    request: Request, house: House, actor: Actor, grant_id: GrantId, *, on_page: int = 1, at: Address | None = None,
    refusal: AppError | None = None, purpose: str = "", release: str = "",
) -> HTMLResponse:  # fmt: skip
    with house.read() as work:
        row = service.of_own_organisation(work, actor, grant_id)
        view = grant_queries.view_of(work, row)
        named = [each for each in shares.tables(work, actor) if each.grant_id == grant_id]
        there = [
            each
            for each in releases.releases_of(work, row.dataset_id)
            if releases.is_deliverable(each) and view.policy.pinned_release in (None, each.id)
        ]
        views = [shown_view(each) for each in service.views_of(work, grant_id)]
        read_by, readings_total = receipts.readings(
            work, actor, grant_id, offset=(on_page - 1) * READINGS, limit=READINGS
        )
        building = [each.job_id for each in views if each.state == ViewState.BUILDING and each.job_id]
        running = [read(job) for each in building if (job := work.db.get(JobRow, each)) is not None]
        coded = limits().purposes
        first = view.policy.purposes[0] if len(view.policy.purposes) > 1 else ""
        said, asked = (f', purpose="{first}"', f"&purpose={first}") if first else ("", "")
        site = house.settings.public_url.rstrip("/")
        texts = text_columns(work, row.dataset_id, (term.name for term in view.policy.leaving))
        context: dict[str, Any] = {
            "in_r": r_from_address(f"{site}/datastore/dump/{grant_id}?format=csv{asked}", "pda_…", texts), "site": site,
            "found": row, "views": views, "running": running, "states": VIEW_NAMES, "names": named[0] if named else None,
            "purposes": [(code, coded[code].name if code in coded else Text(code, code)) for code in view.policy.purposes],
            "purpose_names": {code: each.name for code, each in coded.items()}, "read_by": read_by, "people": person_names(work, {each.account for each in read_by}), "on_page": on_page, "read_total": readings_total, "read_pages": max(1, -(-readings_total // READINGS)),
            "said_purpose": said, "asked_purpose": asked,
            "releases": [("", Text("当前版本", "Current release")), *((each.id, f"v{each.number}") for each in there)],
        }  # fmt: skip
    return page(
        request, "grants/read.html", status=422 if refusal else 200, at=at, refusal=refusal, purpose=purpose, release=release,
        **context,
    )  # fmt: skip
