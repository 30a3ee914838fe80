"""Verifications: yes or no about one record, with the consent of whom it is about."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep
from api.late import APIRouter
from api.routes.queries import desk_of
from api.witnessed import noted
from datasets.queries.verifying import service
from datasets.queries.verifying.model import VerificationRead, VerifyAsk

router = APIRouter(prefix="/api/v1/verifications", tags=["queries"])


@router.post("", status_code=201, **access("datasets:query:ask"))
def verify(request: Request, house: HouseDep, actor: ActorDep, body: VerifyAsk) -> VerificationRead:
    """Ask. No such record and a claim that does not hold are the same no; the question counts either way."""
    noted(request)  # the service writes its own refusals down
    return service.verify(desk_of(house), actor, body)


@router.get("", **access("datasets:query:read"))
def list_verifications(
    work: ReadDep,
    actor: ActorDep,
    grant_id: str | None = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Verifications of the caller's organisation (watchers: all), newest first; subjects under pseudonyms."""
    found, total = service.listed(work, actor, grant_id=grant_id or "", offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}
