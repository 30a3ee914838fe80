"""The yearly disclosure: as JSON, and as a pack."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, ReadDep, WorkDep
from api.disclosing import pack
from api.late import APIRouter
from auth.supervision.disclosed import PublicationCreate, PublicationRead, digest, publication, publish, told
from auth.supervision.disclosure import Disclosure

router = APIRouter(prefix="/api/v1/disclosure", tags=["supervision"])
Year = Annotated[int, Path(ge=2000, le=2100)]


@router.get("/{year}", **access("auth:disclosure:read"))
def show_disclosure(work: ReadDep, year: Year, response: Response) -> Disclosure:
    """What was disclosed of a year; while it is not, what must be, from live records, with what is still missing, field by field.

    `X-Digest-SHA256`: the digest of its canonical JSON, by which it is disclosed.
    """
    found = told(work, year)
    response.headers["X-Digest-SHA256"] = digest(found)
    return found


@router.get("/{year}/publication", **access("auth:disclosure:read"))
def show_publication(work: ReadDep, year: Year) -> PublicationRead:
    """When a year was disclosed, by whom, and the digest of what was told. 404 while it is not."""
    return publication(work, year)


@router.post("/{year}/publication", status_code=201, **access("auth:disclosure:publish"))
def publish_year(work: WorkDep, actor: ActorDep, year: Year, body: PublicationCreate) -> PublicationRead:
    """The year is disclosed as it was looked at. Its figures never change again: what is entered of it later is told in the next disclosure as a correction."""
    return publish(work, actor, year, body)


@router.post("/{year}/pack", response_class=Response, **access("auth:disclosure:read"))
def take_pack(work: WorkDep, actor: ActorDep, year: Year) -> Response:
    """The pack: JSON, XLSX and HTML in a ZIP. Its digest goes into the audit record."""
    headers = attachment(f"disclosure-{year}.zip") | {"Cache-Control": "no-store"}
    return Response(pack(work, actor, year), media_type="application/zip", headers=headers)
