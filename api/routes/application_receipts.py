"""Receipts of an application: its events, each with the number of its leaf, by whose id the proof is asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep
from api.late import APIRouter
from auth.proof import receipts
from auth.proof.checkpoint import Place
from auth.proof.service import size_signed
from core.ids import ApplicationId

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


class ReceiptList(BaseModel):
    """One page of receipts; `next`: the offset of the page after it."""

    items: list[receipts.ReceiptRead]
    total: int
    next: int | None


@router.get("/{application_id}/receipts", **access("auth:application:read"))
def list_receipts(
    work: ReadDep,
    actor: ActorDep,
    house: HouseDep,
    application_id: ApplicationId,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ReceiptList:
    """The events of an application that the caller may prove, newest first: all that its applicant is told, and the caller's own acts.

    `/audit/proof/{event_id}` gives the proof of each once `is_signed`. Votes and remarks of others are not among them.
    """
    signed = size_signed(Place.of(house.settings))
    items, total = receipts.listed(work, actor, application_id, signed, offset=offset, limit=limit)
    return ReceiptList(items=items, total=total, next=offset + limit if offset + limit < total else None)
