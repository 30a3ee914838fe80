"""How long superseded releases of a dataset keep their files."""

from __future__ import annotations

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.releases import retention
from datasets.releases.retention import RETIRE, RetentionRead, RetentionSet

router = APIRouter(prefix="/api/v1/datasets/{dataset_id}/retention", tags=["releases"])


@router.get("", **access(RETIRE))
def show_retention(work: ReadDep, actor: ActorDep, dataset_id: str) -> RetentionRead:
    """The rule, and which superseded releases it would retire today; the reasons that keep the others."""
    return retention.show(work, actor, dataset_id)


@router.put("", **access(RETIRE))
def set_retention(work: WorkDep, actor: ActorDep, dataset_id: str, body: RetentionSet) -> RetentionRead:
    """Set the rule; nothing is retired by that alone."""
    return retention.set_rule(work, actor, dataset_id, body)


@router.post("/apply", **access(RETIRE))
def apply_retention(work: WorkDep, actor: ActorDep, dataset_id: str) -> RetentionRead:
    """Retire every superseded release that nothing keeps: its record stays, its files are delivered no more."""
    return retention.apply(work, actor, dataset_id)
