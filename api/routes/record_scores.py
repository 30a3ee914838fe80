"""Scores of the records of one's departments, the worst first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from catalog.scores import service
from catalog.scores.service import Order

router = APIRouter(prefix="/api/v1/record-scores", tags=["datasets"])


@router.get("", **access("catalog:dataset:read-drafts"))
def list_scores(
    work: ReadDep,
    actor: ActorDep,
    sort: Order = "score",
    publisher: Annotated[str, Query(max_length=60)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Every record that is not withdrawn, with its points and what to mend first."""
    found, total = service.scores(work, actor, order=sort, publisher=publisher, offset=offset, limit=limit)
    following = offset + limit
    return {"items": found, "total": total, "next": following if following < total else None}
