"""Links of records: how they stood when they were last looked at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Response

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.gives import may_give
from api.late import APIRouter
from api.routes.use_numbers import as_csv
from core.jobs import JobRead
from datasets.links import service
from datasets.links.rules import Outcome
from datasets.links.service import LinkRead

router = APIRouter(prefix="/api/v1/links", tags=["catalogue"])


@router.get("", **access(service.READ), **may_give("text/csv"), response_model=dict[str, Any])
def list_links(
    work: ReadDep, actor: ActorDep, outcome: Outcome | None = None, host: Annotated[str, Query(max_length=255)] = "",
    dataset_id: Annotated[str, Query(max_length=80)] = "", offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50, format: Literal["json", "csv"] = "json",
) -> dict[str, Any] | Response:  # fmt: skip
    """Links beside the records of the caller's departments, broken ones first; `csv`: all of them at once."""
    whole = format == "csv"
    found, total = service.listed(
        work, actor, outcome=outcome or "", host=host, dataset_id=dataset_id, offset=0 if whole else offset, limit=None if whole else limit
    )  # fmt: skip
    if whole:
        names = tuple(LinkRead.model_fields)
        return as_csv("links", names, ([getattr(each, name) for name in names] for each in found))
    following = offset + limit
    return {"items": found, "total": total, "next": following if following < total else None, "counts": service.counts(work, actor)}  # fmt: skip


@router.post("/look", status_code=202, **access(service.WRITE))
def look_at_links(work: WorkDep, actor: ActorDep) -> JobRead:
    """Look at links now, as many as the installation lets a day; a job. 409 while one runs."""
    return service.ask_look(work, actor)
