"""Pages of batches: hand in, see what the gate found, confirm, correct, publish."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.late import APIRouter
from api.pages.batch_preview import sheets_of
from api.reading_forms import WORDS, Said, options_of
from api.receiving import store_upload
from api.web import go, page, page_number
from catalog import queries as catalog
from core.errors import AppError, InputRefused
from core.jobs import FINAL, JobRow, read
from core.text import Text, number_of
from core.work import Work
from datasets.batches import detail, queries, service, splitting
from datasets.batches.models import BatchDetail
from datasets.batches.scanning import SCAN_NAMES
from datasets.batches.workflow import STATE_NAMES, BatchState
from datasets.intake.guesses import Guess
from datasets.releases import rules, shape
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from datasets.sources.queries import origin

router = APIRouter(prefix="/batches", include_in_schema=True, tags=["pages"])
_READ, _SUBMIT, _CONFIRM = "datasets:batch:read", "datasets:batch:submit", "datasets:batch:confirm"
SEVERITIES: Final = {
    "critical": Text("关键", "Critical"),
    "warning": Text("警告", "Warning"),
    "info": Text("提示", "Information"),
}
OUTCOMES: Final = {
    "passed": Text("通过", "Passed"),
    "failed": Text("未通过", "Failed"),
    "error": Text("未能执行", "Could not run"),
}
NoteField = Annotated[str, Form()]
LONGEST_NOTE: Final = 2000
VersionField = Annotated[str, Form()]


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    q: str = "",
    dataset: str = "",
    state: str = "",
    sort: str = "-submitted",
) -> HTMLResponse:
    """Batches of the reader's department."""
    found = queries.batches(
        work,
        actor,
        words=q,
        dataset_id=dataset or None,
        states=(state,) if state else (),
        sort=sort,
        page=page_number(request),
    )
    titles = catalog.titles(work, sorted({item.dataset_id for item in found.items}))
    return page(
        request, "batches/list.html", found=found, q=q, dataset=dataset, state=state, states=STATE_NAMES, titles=titles,
        may_submit=actor.may(_SUBMIT),
    )  # fmt: skip


def _form_page(
    request: Request, work: Work, actor: ActorDep, given: dict[str, Any], error: AppError | None = None
) -> HTMLResponse:
    former = queries.batch(work, actor, given["corrects"]) if given.get("corrects") else None
    if former is not None:
        given["dataset_id"] = former.dataset_id
    from api.errors import status_of

    return page(
        request, "batches/new.html", status=status_of(error) if error else 200, given=given, error=error, former=former,
        targets=queries.targets(work, actor),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_SUBMIT))
def new_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset: str = "", corrects: str = ""
) -> HTMLResponse:
    """The form to hand a file in."""
    return _form_page(
        request,
        work,
        actor,
        {"dataset_id": dataset, "corrects": corrects, "rows_only": False, "again": False},
    )


@router.post("", response_class=HTMLResponse, **access(_SUBMIT))
def submit(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    dataset_id: Annotated[str, Form()],
    file: UploadFile,
    said: Said,
    corrects: Annotated[str, Form()] = "",
    rows_only: Annotated[bool, Form()] = False,
    again: Annotated[bool, Form()] = False,
) -> Response:
    """Hand the form's file in; the next page is the receipt."""
    given = {"dataset_id": dataset_id, "corrects": corrects, "rows_only": rows_only, "again": again} | said
    try:
        if not file.filename:
            raise InputRefused(Text("请先选择文件。", "Choose a file first."))
        options = options_of(said)
        with house.read() as work:
            service.may_submit(work, actor, dataset_id)
        stored = store_upload(file, house, actor, dataset_id)
        with house.write() as work:
            batch = service.receive(
                work,
                actor,
                dataset_id,
                file.filename,
                stored,
                corrects=corrects or None,
                rows_only=rows_only,
                again=again,
                options=options,
            )
    except AppError as error:
        with house.read() as work:
            return _form_page(request, work, actor, given, error)
    return go(
        f"/batches/{batch.id}",
        Text(f"已接收 {batch.name}，正在校验。", f"{batch.name} was taken in and is being checked."),
    )


def _show(
    request: Request,
    work: Work,
    actor: ActorDep,
    batch_id: str,
    error: AppError | None = None,
    typed: str = "",
    given: dict[str, str] | None = None,
) -> HTMLResponse:
    from api.errors import status_of

    batch = detail.detail(work, actor, batch_id)
    may_publish = any(command.step == "publish" and command.allowed for command in batch.commands)
    job = work.db.get(JobRow, batch.job_id) if batch.job_id else None
    title = catalog.titles(work, [batch.dataset_id]).get(
        batch.dataset_id, Text(batch.dataset_id, batch.dataset_id)
    )
    return page(
        request, "batches/show.html", status=status_of(error) if error else 200, batch=batch, title=title, error=error,
        typed=typed, job=read(job) if job and job.state not in FINAL else None, states=STATE_NAMES, steps=_steps(batch), origin=origin(work, batch.id),
        commands={command.step: command for command in batch.commands}, severities=SEVERITIES, outcome_names=OUTCOMES,
        sheets=_sheets(batch), scans=SCAN_NAMES, given=given or {}, **WORDS,
        targets=queries.targets(work, actor) if batch.choices and not batch.parts else [],
        compat=shape.preview(work, actor, batch_id) if may_publish else None,
        may_write_suite=actor.may_in("quality:suite:write", batch.org_id),
        impacts={impact.word: name for impact, name in rules.IMPACT_NAMES.items()},
    )  # fmt: skip


def _sheets(batch: BatchDetail) -> list[str]:
    """The sheets to choose from, where there are several."""
    found = (batch.intake or {"input": {}})["input"].get("detection", [])
    return sheets_of([Guess.model_validate(guess) for guess in found])


def _steps(batch: BatchDetail) -> list[dict[str, Any]]:
    """Where the batch stands on its way: received, read, checked, confirmed, published."""
    names = (
        Text("接收", "Received"),
        Text("读取定型", "Read and typed"),
        Text("检查", "Checked"),
        Text("校核确认", "Confirmed"),
        Text("发布", "Published"),
    )
    place, tone = {
        BatchState.RECEIVED: (1, "now"), BatchState.NEEDS_LOOK: (1, "now"), BatchState.TYPED: (2, "now"), BatchState.REFUSED: (1, "bad"),
        BatchState.FAILED: (2, "bad"), BatchState.ERROR: (2, "bad"), BatchState.NEEDS_CONFIRMATION: (3, "now"),
        BatchState.PASSED: (4, "now"), BatchState.PASSED_WITH_WAIVERS: (4, "now"), BatchState.CONFIRMED: (4, "now"), BatchState.PUBLISHING: (4, "now"),
        BatchState.RELEASED: (5, "done"), BatchState.REJECTED: (3, "bad"), BatchState.SUPERSEDED: (3, "bad"),
    }[batch.state]  # fmt: skip
    return [
        {"label": name, "state": "done" if at < place else tone if at == place else "todo"}
        for at, name in enumerate(names)
    ]


@router.get("/{batch_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, batch_id: str) -> HTMLResponse:
    """One batch."""
    return _show(request, work, actor, batch_id)


def _short_enough(note: str) -> None:
    """Refuse before anything is written, so that the page keeps what was typed."""
    if len(note) > LONGEST_NOTE:
        raise InputRefused(
            Text(
                f"说明有 {len(note)} 个字，最多 {LONGEST_NOTE} 个；请缩短。",
                f"The note has {number_of(len(note), 'characters')}, {LONGEST_NOTE} at the most; shorten it.",
            )
        )


@router.post("/{batch_id}/confirm", response_class=HTMLResponse, **access(_CONFIRM))
def confirm(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    note: NoteField = "",
    version: VersionField = "",
) -> Response:
    """Sign for the warnings."""
    try:
        _short_enough(note)
        with house.write() as work:
            service.confirm(work, actor, batch_id, note, version=version_of({"version": version}))
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error, note)
    return go(
        f"/batches/{batch_id}",
        Text("已签字确认；可由另一位专员发布。", "Signed; another steward may publish it now."),
    )


@router.post("/{batch_id}/reject", response_class=HTMLResponse, **access(_CONFIRM))
def reject(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    note: NoteField = "",
    version: VersionField = "",
) -> Response:
    """Send the batch back."""
    try:
        _short_enough(note)
        with house.write() as work:
            service.reject(work, actor, batch_id, note, version=version_of({"version": version}))
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error, note)
    return go(f"/batches/{batch_id}", Text("批次已退回。", "The batch was sent back."))


@router.post("/{batch_id}/recheck", response_class=HTMLResponse, **access(_SUBMIT))
def recheck(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    said: Said,
    version: VersionField = "",
) -> Response:
    """Check the same bytes again; the fields say how to read them, empty ones that it is to be detected."""
    try:
        options = options_of(said)
        with house.write() as work:
            row = queries.batch(work, actor, batch_id)
            service.recheck(
                work, actor, batch_id, service.changed(row, options), version=version_of({"version": version})
            )
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error)
    return go(f"/batches/{batch_id}", Text("已按新的读取方式重新校验。", "The check runs again."))


@router.post("/{batch_id}/split", response_class=HTMLResponse, **access(_SUBMIT))
def split(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    member: Annotated[list[str] | None, Form()] = None,
    dataset: Annotated[list[str] | None, Form()] = None,
    version: VersionField = "",
) -> Response:
    """Hand each member of an archive in for the dataset written beside it; members without one are left out."""
    given = list(zip(member or [], dataset or [], strict=False))
    try:
        if len(member or []) != len(dataset or []):
            raise InputRefused(
                Text("表单不完整；请刷新后重试。", "The form is incomplete; reload and try again.")
            )
        tables = {name: code.strip() for name, code in given if code.strip()}
        with house.write() as work:
            made = splitting.split(work, actor, batch_id, tables, version=version_of({"version": version}))
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error, given=dict(given))
    return go(
        f"/batches/{batch_id}",
        Text(
            f"已分为 {len(made)} 个批次，正在校验。",
            f"{number_of(len(made), 'batches were')} made and are being checked.",
        ),
    )


@router.post("/{batch_id}/accept", response_class=HTMLResponse, **access(_SUBMIT))
def accept(
    request: Request, house: HouseDep, actor: ActorDep, batch_id: str, version: VersionField = ""
) -> Response:
    """Say that a doubtful reading is right."""
    try:
        with house.write() as work:
            service.accept(work, actor, batch_id, version=version_of({"version": version}))
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error)
    return go(f"/batches/{batch_id}", Text("已认可读取方式，正在校验。", "Accepted; the check goes on."))


@router.post("/{batch_id}/publish", response_class=HTMLResponse, **access("datasets:release:publish"))
def publish(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    batch_id: str,
    note: NoteField = "",
    version: VersionField = "",
    accepts_breaking: Annotated[bool, Form()] = False,
) -> Response:
    """Have the batch published, as a second person."""
    try:
        _short_enough(note)
        with house.write() as work:
            asked = {"batch_id": batch_id, "note": note, "version": version_of({"version": version})}
            body = ReleaseCreate.model_validate(asked | {"accepts_breaking": accepts_breaking})
            release = releases.request(work, actor, body)
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, batch_id, error, note)
    return go(
        f"/releases/{release.id}",
        Text("正在发布；完成后才对外可见。", "Publishing; it becomes visible when it is done."),
    )
