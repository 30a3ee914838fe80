"""Batches: handing in, the gate's findings, confirmation, correction."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from api.access import access
from api.delivery import attachment, deliver
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.gives import gives_file
from api.late import APIRouter
from api.receiving import store_body
from catalog.models import Dictionary
from core.files import StoredFile
from datasets.batches import detail, preview, queries, service, splitting
from datasets.batches.models import BatchDetail, BatchRead, IntakeOptions, Note, Receipts, Split
from datasets.batches.preview import BatchPreview
from datasets.batches.workflow import BatchState
from datasets.intake.dictionary import ZONE, FileFormat, Quote
from datasets.intake.header_rows import MOST_TOLD
from datasets.intake.looks import MOST_ROWS

router = APIRouter(prefix="/api/v1/batches", tags=["batches"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_READ, _SUBMIT, _CONFIRM = "datasets:batch:read", "datasets:batch:submit", "datasets:batch:confirm"
_TAKE = "datasets:batch:take"
DatasetQuery = Annotated[str, Query(max_length=80, description="Resource code of the dataset")]


async def _received(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: DatasetQuery
) -> StoredFile:
    """The body in the store; whether the caller may hand in at all is asked before the first byte is read."""
    from starlette.concurrency import run_in_threadpool

    def ask() -> None:
        with house.read() as work:
            service.may_submit(work, actor, dataset_id)

    await run_in_threadpool(ask)
    return await store_body(request, house, actor, dataset_id)


def _reading(
    encoding: Annotated[
        str | None, Query(max_length=40, description="Read the text in this encoding")
    ] = None,
    delimiter: Annotated[
        str | None,
        Query(
            min_length=1, max_length=1, description="Split lines at this character; a line feed: not at all"
        ),
    ] = None,
    header_line: Annotated[
        int | None, Query(ge=0, le=1_000_000, description="Line of the header; 0 for none")
    ] = None,
    header_rows: Annotated[
        int | None, Query(ge=1, le=MOST_TOLD, description="Lines of the header, header_line being the last")
    ] = None,
    sheet: Annotated[
        str | None, Query(max_length=100, description="Name of the sheet, or its number from 1")
    ] = None,
    member: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="Member of the archive; a pattern (`*`, `*.csv`): several as one table",
        ),
    ] = None,
    fill_missing: Annotated[
        bool | None, Query(description="Of several members: leave empty what one of them lacks")
    ] = None,
    file_format: Annotated[FileFormat | None, Query(alias="format", description="Format of a text")] = None,
    quote: Annotated[
        Quote | None, Query(description="Mark around cells; `none` where marks are text")
    ] = None,
    zone: Annotated[
        str | None,
        Query(
            pattern=f"^{ZONE}$", description="Offset (`+08:00`) of times without one where others carry one"
        ),
    ] = None,
) -> IntakeOptions | None:
    """How the file shall be read; None when all of it is to be detected."""
    given = {
        "encoding": encoding, "delimiter": delimiter, "header_line": header_line, "header_rows": header_rows,
        "sheet": sheet, "member": member, "fill_missing": fill_missing, "format": file_format, "quote": quote, "zone": zone,
    }  # fmt: skip
    said = {name: value for name, value in given.items() if value is not None}
    return IntakeOptions.model_validate(said) if said else None


Reading = Annotated[IntakeOptions | None, Depends(_reading)]
Received = Annotated[StoredFile, Depends(_received)]


@router.post(
    "",
    status_code=201,
    dependencies=access(_SUBMIT)["dependencies"],
    openapi_extra=access(_SUBMIT)["openapi_extra"]
    | {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def submit_batch(
    received: Received,
    work: WorkDep,
    actor: ActorDep,
    dataset_id: DatasetQuery,
    options: Reading,
    name: Annotated[str, Query(min_length=1, max_length=1000, description="The file's own name")],
    corrects: Annotated[str | None, Query(description="The batch that this one corrects")] = None,
    rows_only: Annotated[bool, Query(description="The file holds only corrected rows of `corrects`")] = False,
    again: Annotated[bool, Query(description="Take the same bytes once more")] = False,
) -> BatchRead:
    """Hand a file in, as the raw body. The answer is the receipt; the check runs as a job (`job_id`)."""
    return service.receive(
        work, actor, dataset_id, name, received,
        corrects=corrects, rows_only=rows_only, again=again, options=options,
    )  # fmt: skip


@router.get("", **access(_READ))
def list_batches(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str | None = None,
    state: Annotated[list[BatchState] | None, Query()] = None,
    q: str = "",
    sort: str = "-submitted",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Batches of the caller's department."""
    found = queries.batches(
        work,
        actor,
        dataset_id=dataset_id,
        states=tuple(state or ()),
        words=q,
        sort=sort,
        page=page,
        size=limit,
    )
    return {"items": found.items, "total": found.total, "next": str(page + 1) if page < found.pages else None}


@router.get("/{batch_id}", **access(_READ))
def show_batch(work: ReadDep, actor: ActorDep, batch_id: str) -> BatchDetail:
    """One batch: how it was read, what the gate found, and what may be done now."""
    return detail.detail(work, actor, batch_id)


@router.get("/{batch_id}/preview", **access(_READ, personal="batch_id"))
def preview_batch(
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    rows: Annotated[int, Query(ge=1, le=MOST_ROWS, description="How many first and how many last rows")] = 20,
) -> BatchPreview:
    """First and last rows as typed, types with nulls, suspicious cells with line and column, and what was detected."""
    return preview.preview(house.read, house.files, actor, batch_id, rows)


@router.get("/{batch_id}/dictionary", **access("catalog:dataset:write"))
def propose_dictionary(work: ReadDep, house: HouseDep, actor: ActorDep, batch_id: str) -> Dictionary:
    """The dictionary that the batch suggests, to be reviewed and put in place by `PUT /datasets/{id}/dictionary`."""
    return preview.proposed_dictionary(work, actor, batch_id, files=house.files)


@router.patch("/{batch_id}/options", **access(_SUBMIT))
def change_options(
    work: WorkDep, actor: ActorDep, batch_id: str, options: IntakeOptions, version: int | None = None
) -> BatchRead:
    """Read the same bytes differently, and check them again."""
    return service.recheck(work, actor, batch_id, options, version=version)


@router.post("/{batch_id}/recheck", **access(_SUBMIT))
def recheck_batch(work: WorkDep, actor: ActorDep, batch_id: str, version: int | None = None) -> BatchRead:
    """Check the same bytes again by the suite and dictionary in force."""
    return service.recheck(work, actor, batch_id, version=version)


@router.post("/{batch_id}/split", status_code=201, **access(_SUBMIT))
def split_batch(work: WorkDep, actor: ActorDep, batch_id: str, body: Split) -> Receipts:
    """Make one batch of each member of an archive, each for its dataset: all of them or none. The answers are their receipts."""
    made = splitting.split(work, actor, batch_id, body.tables, again=body.again, version=body.version)
    return Receipts(items=made)


@router.post("/{batch_id}/accept", **access(_SUBMIT))
def accept_reading(work: WorkDep, actor: ActorDep, batch_id: str, version: int | None = None) -> BatchRead:
    """Say that a doubtful reading is right; the check goes on."""
    return service.accept(work, actor, batch_id, version=version)


@router.post("/{batch_id}/confirm", **access(_CONFIRM))
def confirm_batch(work: WorkDep, actor: ActorDep, batch_id: str, body: Note) -> BatchRead:
    """Sign for the warnings, with a note."""
    return service.confirm(work, actor, batch_id, body.note, version=body.version)


@router.post("/{batch_id}/reject", **access(_CONFIRM))
def reject_batch(work: WorkDep, actor: ActorDep, batch_id: str, body: Note) -> BatchRead:
    """Send the batch back for good, with a note."""
    return service.reject(work, actor, batch_id, body.note, version=body.version)


@router.get("/{batch_id}/rows", **access(_TAKE), response_class=Response)
def failing_rows(house: HouseDep, actor: ActorDep, batch_id: str) -> Response:
    """The failing rows as a workbook (XLSX) with keys and rule texts, to be corrected and handed in again."""
    made = detail.correction_workbook(house.read, house.files, actor, batch_id)
    with house.write() as work:
        detail.note_workbook(work, actor, batch_id, made)
    return Response(made.data, media_type=XLSX, headers=attachment(made.filename))


@router.get("/{batch_id}/untyped", **access(_TAKE), **gives_file())
def untyped_cells(
    request: Request,
    house: HouseDep,
    work: WorkDep,
    actor: ActorDep,
    batch_id: str,
    form: detail.UntypedForm = "parquet",
) -> Response:
    """Every cell that its declared type cannot hold: record, line, member, column, value as written, wanted type."""
    parcel = detail.untyped(work, actor, batch_id, form)
    return deliver(
        request, house.files.held(parcel.sha256), sha256=parcel.sha256, filename=parcel.filename, media_type=parcel.media_type
    )  # fmt: skip


@router.get("/{batch_id}/original", **access(_TAKE), response_class=Response)
def original(request: Request, house: HouseDep, work: WorkDep, actor: ActorDep, batch_id: str) -> Response:
    """The bytes as they were handed in, for the department's own stewards."""
    row = detail.original(work, actor, batch_id)
    return deliver(
        request,
        house.files.held(row.sha256),
        sha256=row.sha256,
        filename=row.name,
        media_type="application/octet-stream",
    )
