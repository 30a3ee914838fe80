"""Previews: synthetic rows that look like a dataset's."""

from __future__ import annotations

from fastapi import APIRouter

from api.access import access
from api.deps import ActorDep, ReadDep
from datasets.queries import preview
from datasets.queries.preview import PreviewRead

router = APIRouter(prefix="/api/v1/previews", tags=["queries"])


@router.get("/{dataset_id}", **access("public"))
def show_preview(work: ReadDep, actor: ActorDep, dataset_id: str) -> PreviewRead:
    """Rows made from the dictionary of the current release alone: to write programs against, before there is a grant."""
    return preview.shown(work, actor, dataset_id)
