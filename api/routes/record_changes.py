"""Records as tables to edit and hand back, and changes of many records: what they would do, doing them, undoing them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import Query, Request, Response

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.gives import gives
from api.late import APIRouter
from auth.actor import Actor
from catalog.changes import service
from catalog.changes.models import ChangeSetDetail, EditAsk, Preview, Wishes
from core.sheets import csv_of, xlsx_of
from core.work import Work

router = APIRouter(prefix="/api/v1", tags=["datasets"])
WRITE = "catalog:dataset:write"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Form = Literal["xlsx", "csv"]
Part = Literal["records", "columns"]
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/record-sheets", **access(WRITE), **gives("text/csv", XLSX))
def export_sheet(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: Annotated[list[str], Query(default_factory=list, max_length=500)],
    query: Annotated[
        str, Query(max_length=4000, description="As in the address of /datasets: q=…&theme=…")
    ] = "",
    format: Form = "xlsx",
    part: Annotated[
        Part, Query(description="Of a CSV: the records, or their data dictionaries; a workbook holds both")
    ] = "records",
) -> Response:
    """The records that the caller may change with their data dictionaries, as tables to edit and hand back to `/record-changes/read`."""
    return sheet_answer(work, actor, query, dataset_id, format, part)


def sheet_answer(
    work: Work, actor: Actor, query: str, ids: list[str], form: Form, part: Part = "records"
) -> Response:
    """The tables as a file."""
    table, columns = service.tables(work, actor, query, ids)
    if form == "csv":
        chosen = columns if part == "columns" else table
        return Response(b"".join(csv_of(chosen)), media_type="text/csv", headers=attachment(f"{part}.csv"))
    return Response(xlsx_of([table, columns]), media_type=XLSX, headers=attachment("records.xlsx"))


@router.post(
    "/record-changes/read",
    dependencies=access(WRITE)["dependencies"],
    openapi_extra=access(WRITE)["openapi_extra"] | _FILE,
)
async def read_sheet(request: Request, house: HouseDep, actor: ActorDep) -> Preview:
    """What an edited table (CSV or XLSX, in the body) would change; every cell that stands against it is named. Changes nothing."""
    body = await request.body()

    def read() -> Preview:
        with house.write() as work:
            return service.from_file(work, actor, body)

    return await to_thread.run_sync(read)


@router.post("/record-changes/edit", **access(WRITE))
def edit_many(work: WorkDep, actor: ActorDep, body: EditAsk) -> Preview:
    """What operations on chosen records would change. Changes nothing."""
    return service.from_edit(work, actor, body)


@router.post("/record-changes/preview", **access(WRITE))
def preview_changes(work: WorkDep, actor: ActorDep, body: Wishes) -> Preview:
    """What these changes would do. Changes nothing."""
    return service.preview(work, actor, body)


@router.post("/record-changes", status_code=201, **access(WRITE))
def carry_out(work: WorkDep, actor: ActorDep, body: Wishes) -> ChangeSetDetail:
    """Make the changes, all or none: drafts at once, published records by proposals. 422 names every problem."""
    return service.carry_out(work, actor, body)


@router.get("/record-changes", **access(WRITE))
def list_changes(
    work: ReadDep,
    actor: ActorDep,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Changes of many records, newest first."""
    found, total = service.listed(work, actor, offset=offset, limit=limit)
    following = offset + limit
    return {"items": found, "total": total, "next": following if following < total else None}


@router.get("/record-changes/{record_change_id}", **access(WRITE))
def show_change(work: ReadDep, actor: ActorDep, record_change_id: str) -> ChangeSetDetail:
    """One change: each record's difference, and what undoing would meet."""
    return service.detail(work, actor, record_change_id)


@router.post("/record-changes/{record_change_id}/undo", status_code=201, **access(WRITE))
def undo_change(work: WorkDep, actor: ActorDep, record_change_id: str) -> ChangeSetDetail:
    """Put back what nobody changed since; `conflicts` names the rest. 409 where nothing can be put back."""
    return service.undo(work, actor, record_change_id)
