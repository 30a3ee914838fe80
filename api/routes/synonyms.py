"""Synonyms of the catalogue's search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog.search import synonyms
from catalog.search.synonyms import SynonymAsk, SynonymRead

router = APIRouter(prefix="/api/v1/synonyms", tags=["datasets"])
_WRITE = "catalog:synonym:write"


@router.get("", **access(_WRITE))
def list_synonyms(
    work: ReadDep,
    q: Annotated[str, Query(max_length=100, description="Only groups that hold this text")] = "",
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Groups of words that are searched for together."""
    found, total = synonyms.listed(work, words=q, offset=offset, limit=limit)
    after = offset + len(found)
    return {"items": found, "total": total, "next": after if found and after < total else None}


@router.post("", status_code=201, **access(_WRITE))
def add_synonyms(work: WorkDep, actor: ActorDep, body: SynonymAsk) -> SynonymRead:
    """A new group; counts from the next search on."""
    return synonyms.add(work, actor, body)


@router.delete("/{group_id}", status_code=204, **access(_WRITE))
def remove_synonyms(work: WorkDep, actor: ActorDep, group_id: str) -> None:
    """Search for these words each by itself again."""
    synonyms.remove(work, actor, group_id)
