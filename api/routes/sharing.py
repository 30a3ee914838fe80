"""Reading granted data in place: views, signed links, profiles."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.identity import presented_key
from api.late import APIRouter
from api.sharing import address, wanted
from api.witnessed import noted
from core.ids import GrantId
from datasets.sharing import profiles, service
from datasets.sharing.profiles import ProfileCreate
from datasets.sharing.tables import ViewRow

router = APIRouter(prefix="/api/v1/grants/{grant_id}", tags=["sharing"])
PERMISSION = "datasets:share:read"


class ViewRead(BaseModel):
    """A grant's view of a release. `marks`: columns whose values may be off by a hidden mark, and by how much at most."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    grant_id: str
    dataset_id: str
    release_id: str
    release_number: int
    state: str
    job_id: str | None
    rows: int | None
    size_bytes: int | None
    sha256: str | None
    marks: dict[str, float]
    failed_zh: str
    failed_en: str
    requested_at: datetime
    ready_at: datetime | None


class LinkCreate(BaseModel):
    """Which release is to be read (empty: the current one), for which purpose (empty: the grant's only one)."""

    model_config = ConfigDict(extra="forbid")
    release_id: str | None = None
    purpose: str = Field(default="", max_length=80)


class LinkRead(BaseModel):
    """A signed address and what lies behind it."""

    url: str
    expires_at: datetime
    view: ViewRead


def read(row: ViewRow) -> ViewRead:
    return ViewRead.model_validate(row)


@router.get("/views", **access(PERMISSION))
def list_views(work: ReadDep, actor: ActorDep, grant_id: GrantId) -> list[ViewRead]:
    """The views of the grant, newest release first."""
    service.of_own_organisation(work, actor, grant_id)
    return [read(each) for each in service.views_of(work, grant_id)]


@router.post("/views", status_code=202, **access(PERMISSION))
def want_view(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, body: LinkCreate
) -> ViewRead:
    """Have the view made, if it is not there; `job_id` shows how far it is. Takes nothing from the quota."""
    noted(request)
    return read(wanted(house, actor, grant_id, body.purpose, body.release_id))


@router.post("/links", **access(PERMISSION))
def make_link(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId, body: LinkCreate
) -> LinkRead:
    """A signed address for at most an hour; 429 while the view is being made. The day's first reading is charged."""
    noted(request)
    at = address(house, actor, grant_id, body.purpose, body.release_id)
    return LinkRead(url=at.url, expires_at=at.expires_at, view=read(at.view))


@router.post("/profile", **access(PERMISSION), response_class=Response)
def make_profile(
    request: Request, work: WorkDep, actor: ActorDep, house: HouseDep, grant_id: GrantId, body: ProfileCreate
) -> Response:
    """A profile file for Delta Sharing's clients. It holds a key for this grant alone and is shown this once.

    Asked for by an API key, it holds that very key, with its own end; no key is made.
    """
    if actor.via == "api_key":
        key, site = presented_key(request), house.settings.public_url
        text = profiles.of_key(work, actor, grant_id, body, site, key)
    else:
        text = profiles.create(work, actor, grant_id, body, house.settings.public_url)
    return Response(
        text,
        media_type="application/json",
        headers=attachment(f"{str(grant_id)[-8:]}.share") | {"Cache-Control": "no-store"},
    )
