"""Hidden marks: in which columns of a dataset they are allowed, and how far a value may move."""

from __future__ import annotations

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.tracing import terms
from datasets.tracing.terms import MarkTermsRead, MarkTermsWrite

router = APIRouter(prefix="/api/v1/marks", tags=["tracing"])


@router.get("/{dataset_id}", **access("signed-in"))
def show_marks(work: ReadDep, actor: ActorDep, dataset_id: str) -> MarkTermsRead:
    """The columns whose values may be off by a hidden mark, with their tolerances; version 0: none was ever allowed."""
    return terms.shown(work, actor, dataset_id)


@router.put("/{dataset_id}", **access("datasets:mark:write"))
def set_marks(work: WorkDep, actor: ActorDep, dataset_id: str, body: MarkTermsWrite) -> MarkTermsRead:
    """Allow hidden marks in these columns and no others; keys, codes, counts and money are refused. Every version is kept."""
    return terms.put(work, actor, dataset_id, body)
