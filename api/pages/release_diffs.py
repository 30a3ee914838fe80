"""Two releases of a dataset beside each other."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Form, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, HouseDep, WorkDep
from api.errors import status_of
from api.house import House
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from catalog import queries as catalog
from catalog.assets import asset
from core.errors import AppError
from core.jobs import FINAL, JobRow, read
from core.text import Text
from datasets.releases import comparing, queries, rules, shape
from datasets.releases.models import DiffRead
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import DELIVERABLE

router = APIRouter(prefix="/datasets", include_in_schema=True, tags=["pages"])


@router.get("/{dataset_id}/releases/diff", response_class=HTMLResponse, **access(PUBLIC))
def diff_page(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    dataset_id: str,
    older: Annotated[str, Query(alias="from")] = "",
    newer: Annotated[str, Query(alias="to")] = "",
) -> HTMLResponse:
    """How two releases differ; without a choice, the last two."""
    with house.read() as work:
        record = catalog.dataset(work, actor, dataset_id)
        held = asset(work, record.id)
        versions = [row for row in queries.releases_of(work, dataset_id) if row.state in DELIVERABLE]
    if not (older and newer) and len(versions) > 1:
        older, newer = versions[1].id, versions[0].id
    found, error = _found(house, actor, dataset_id, older, newer)
    return page(
        request, "releases/diff.html", status=status_of(error) if error else 200, dataset_id=dataset_id,
        title=held.title, versions=[_option(row) for row in versions], chosen=(older, newer), found=found,
        error=error, job=_job(house, found), may_ask=actor.is_signed_in, impacts=_impacts(),
    )  # fmt: skip


def _option(row: ReleaseRow) -> tuple[str, Text]:
    version = shape.version_of(row)
    return row.id, Text(f"第 {row.number} 版（{version}）", f"Release {row.number} ({version})")


def _found(
    house: House, actor: Actor, dataset_id: str, older: str, newer: str
) -> tuple[DiffRead | None, AppError | None]:
    if not (older and newer):
        return None, None
    try:
        found = comparing.difference(house.read, house.files, house.settings, actor, older, newer)
        return (found if found.dataset_id == dataset_id else None), None
    except AppError as error:
        return None, error


def _job(house: House, found: DiffRead | None) -> Any:  # noqa: ANN401 - a job, or none
    if found is None or found.state != "making" or found.job_id is None:
        return None
    with house.read() as work:
        row = work.db.get(JobRow, found.job_id)
    return read(row) if row is not None and row.state not in FINAL else None


def _impacts() -> dict[str, Text]:
    return {impact.word: name for impact, name in rules.IMPACT_NAMES.items()}


@router.post("/{dataset_id}/releases/diff", response_class=HTMLResponse, **access(SIGNED_IN))
def ask(
    work: WorkDep,
    actor: ActorDep,
    dataset_id: str,
    older: Annotated[str, Form(alias="from")],
    newer: Annotated[str, Form(alias="to")],
) -> Response:
    """Have two large releases compared by a job."""
    comparing.ask(work, actor, older, newer)
    address = urlencode({"from": older, "to": newer})
    return go(
        f"/datasets/{dataset_id}/releases/diff?{address}", Text("已开始比较。", "The comparison has begun.")
    )
