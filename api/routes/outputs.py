"""Output reviews: files that wait for other people before they leave."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep, WorkDep
from api.late import APIRouter
from datasets.extracts.signing import signing_key
from datasets.outputs import deciding, queries
from datasets.outputs.models import OutputDetail, OutputRefuse, OutputRelease, SampleRead
from datasets.outputs.workflow import OutputState

router = APIRouter(prefix="/api/v1/outputs", tags=["outputs"])
_READ, _CHECK = "datasets:output:read", "datasets:output:check"


@router.get("", **access(_READ))
def list_outputs(
    work: ReadDep,
    actor: ActorDep,
    state: OutputState | None = None,
    dataset_id: str | None = None,
    sort: str = "-opened",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Reviews of the caller's departments (watchers: all), newest first."""
    found, total = queries.listed(
        work, actor, state=state, dataset_id=dataset_id, sort=sort, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/{output_id}", **access(_READ))
def show_output(work: ReadDep, actor: ActorDep, output_id: str) -> OutputDetail:
    """One file under review: what the checks found, what may be done. Others' votes show when all have spoken."""
    return deciding.detail(work, actor, output_id)


@router.post("/{output_id}/sample", **access(_CHECK))
def look_at_output(work: WorkDep, actor: ActorDep, house: HouseDep, output_id: str) -> SampleRead:
    """The first rows as they would leave; of a result of the enclave all, and nobody votes on one unseen. Each look is written down."""
    return deciding.sample(work, actor, house.files, output_id)


@router.post("/{output_id}/release", **access(_CHECK))
def release_output(
    work: WorkDep, actor: ActorDep, house: HouseDep, output_id: str, body: OutputRelease
) -> OutputDetail:
    """Vote for release; the last vote that is needed decides."""
    return deciding.release(work, actor, output_id, body, partial(signing_key, house.settings.keys_dir))


@router.post("/{output_id}/refuse", **access(_CHECK))
def refuse_output(
    work: WorkDep, actor: ActorDep, house: HouseDep, output_id: str, body: OutputRefuse
) -> OutputDetail:
    """Vote against release, with a reason."""
    return deciding.refuse(work, actor, output_id, body, partial(signing_key, house.settings.keys_dir))
