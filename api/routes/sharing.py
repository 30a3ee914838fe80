"""Reading granted data in place: views, signed links, profiles."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.gives import gives
from api.identity import presented_key
from api.late import APIRouter
from api.sharing import address, wanted
from api.witnessed import noted
from core.ids import GrantId
from datasets.extracts.signing import signing_key
from datasets.sharing import profiles, receipts, service
from datasets.sharing.profiles import ProfileCreate
from datasets.sharing.rules import TOLD
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
    """The view as its readers see it: of one that checkers have not released, neither rows nor bytes."""
    found = ViewRead.model_validate(row)
    return found if row.state in TOLD else found.model_copy(update={"rows": None, "size_bytes": None})


@router.get("/views", **access(PERMISSION))
def list_views(work: ReadDep, actor: ActorDep, grant_id: GrantId) -> list[ViewRead]:
    """The views of the grant, newest release first."""
    service.of_own_organisation(work, actor, grant_id)
    return [read(each) for each in service.views_of(work, grant_id)]


class ReadingRead(BaseModel):
    """A first reading of a day by somebody; `sent_bytes`: what left to him until the next one."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    at: datetime
    account: str
    via: str
    view_id: str
    release_number: int
    purpose: str
    rows: int | None
    sha256: str
    sent_bytes: int


class ReadingsRead(BaseModel):
    """A page of them, newest first."""

    items: list[ReadingRead]
    total: int
    next: int | None


@router.get("/readings", **access(PERMISSION))
def list_readings(
    work: ReadDep, actor: ActorDep, grant_id: GrantId,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0, limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ReadingsRead:  # fmt: skip
    """Who read the grant's views in place, once for each person, view and day."""
    found, total = receipts.readings(work, actor, grant_id, offset=offset, limit=limit)
    following = offset + limit if offset + limit < total else None
    items = [ReadingRead.model_validate(each) for each in found]
    return ReadingsRead(items=items, total=total, next=following)


@router.get("/readings/{event_id}/receipt", **access(PERMISSION), **gives("application/json"))
def show_reading_receipt(
    work: ReadDep, actor: ActorDep, house: HouseDep, grant_id: GrantId, event_id: str
) -> Response:
    """The signed receipt of one reading as canonical JSON; `datagrant receipt verify` checks it offline, also against the file."""
    text = receipts.receipt(work, actor, grant_id, event_id, signing_key(house.settings.keys_dir))
    return Response(text, media_type="application/json")


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
