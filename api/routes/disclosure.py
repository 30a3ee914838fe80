"""The yearly disclosure: as JSON, and as a pack."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, ReadDep, WorkDep
from api.disclosing import pack
from api.late import APIRouter
from auth.supervision.disclosure import Disclosure, disclosure

router = APIRouter(prefix="/api/v1/disclosure", tags=["supervision"])
Year = Annotated[int, Path(ge=2000, le=2100)]


@router.get("/{year}", **access("auth:usage:read"))
def show_disclosure(work: ReadDep, year: Year) -> Disclosure:
    """What must be disclosed of a year, from live records, with what is still missing, field by field."""
    return disclosure(work, year)


@router.post("/{year}/pack", response_class=Response, **access("auth:usage:read"))
def take_pack(work: WorkDep, actor: ActorDep, year: Year) -> Response:
    """The pack: JSON, XLSX and HTML in a ZIP. Its digest goes into the audit record."""
    headers = attachment(f"disclosure-{year}.zip") | {"Cache-Control": "no-store"}
    return Response(pack(work, actor, year), media_type="application/zip", headers=headers)
