"""Pages of changes of many records: choose and edit, or hand in a table; read the difference; carry out; undo."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages import record_proposals
from api.routes.record_changes import Form, Part, sheet_answer
from api.web import go, page, page_number
from auth.actor import Actor
from catalog.changes import dictionaries, service, sheets
from catalog.changes.models import MOST, EditAsk, Operation, Preview, Wishes
from catalog.fields import FIELDS
from core.errors import AppError
from core.text import Lang, Text
from core.work import Work

router = APIRouter(prefix="/record-changes", include_in_schema=True, tags=["pages"])
WRITE, PER_PAGE, ROWS = "catalog:dataset:write", 50, 4
SOURCES = {
    "edit": Text("批量编辑", "Edit"),
    "file": Text("表格导入", "Table"),
    "undo": Text("撤销", "Undoing"),
}
STATES = {
    "stands": Text("现行", "stands"), "waiting": Text("待复核", "awaits review"), "back": Text("已是修改前的样子", "as it was before"),
    "changed": Text("之后又被修改", "changed since"),
}  # fmt: skip


def shown(name: str, value: Any, lang: Lang) -> str:  # noqa: ANN401 - a value of a field or a column
    """A value in words."""
    said = dictionaries.told if name.startswith(dictionaries.FIELD) else record_proposals.shown
    return said(name, value, lang)


@router.get("", response_class=HTMLResponse, **access(WRITE))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Changes of many records, newest first."""
    number = page_number(request)
    found, total = service.listed(work, actor, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "record_changes/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)), sources=SOURCES,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(WRITE))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Choose records (the address carries a search as `/datasets` does) and say what to do; or hand in a table."""
    return _new(request, work, actor, _query(request))


def _query(request: Request) -> str:
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("lang", "page", "sort")]
    return urlencode(kept)[:4000]


def _new(
    request: Request, work: Work, actor: Actor, query: str, *, refusal: AppError | None = None, ids: list[str] | None = None,
    operations: list[dict[str, str]] | None = None,
) -> HTMLResponse:  # fmt: skip
    try:
        rows = service.chosen(work, actor, query) if query else []
    except AppError as refused:
        rows, refusal = [], refused
    held = (operations or []) + [{"field": "", "op": "set", "value": ""}] * ROWS
    return page(
        request, "record_changes/new.html", status=status_of(refusal) if refusal else 200, rows=rows, query=query, refusal=refusal,
        ids=[row.id for row in rows] if ids is None else ids, operations=held[:ROWS], fields=[("", Text("（不用）", "(unused)")), *((spec.name, spec.label) for spec in FIELDS)],
        ops=[("set", Text("设为", "set to")), ("add", Text("添加", "add")), ("remove", Text("去掉", "take out"))], most=MOST,
    )  # fmt: skip


@router.get("/sheet", **access(WRITE), response_class=Response)
def sheet(
    work: ReadDep, actor: ActorDep, query: str = Query("", max_length=4000), format: Form = "xlsx", part: Part = "records"
) -> Response:  # fmt: skip
    """The chosen records as a table to edit."""
    return sheet_answer(work, actor, query, [], format, part)


@router.post("/edit", response_class=HTMLResponse, **access(WRITE))
def edit(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Show what the form's operations would change."""
    query = str(typed.get("query", ""))[:4000]
    ids = [str(each)[:80] for each in typed.getlist("id")][:MOST]
    cells = zip(typed.getlist("field"), typed.getlist("op"), typed.getlist("value"), strict=False)
    operations = [{"field": str(f), "op": str(o), "value": str(v)} for f, o, v in cells if f]
    done: Preview | AppError
    try:
        made = [Operation.model_validate(each) for each in operations]
        done = (
            _nothing(Text("请至少选择一项要修改的内容。", "Choose at least one field to change."))
            if not made
            else _nothing(Text("请勾选要修改的记录。", "Choose the records to change."))
            if not ids
            else tried(
                house,
                lambda work: service.from_edit(work, actor, EditAsk(query=query, ids=ids, operations=made)),
            )
        )
    except ValidationError:
        done = _nothing(Text("修改方式或内容无法接受。", "An operation or its value is not taken."))
    if isinstance(done, Preview):
        return _preview(request, done)
    with house.read() as work:
        return _new(request, work, actor, query, refusal=done, ids=ids, operations=operations)


def _nothing(text: Text) -> AppError:
    from core.errors import InputRefused

    return InputRefused(text)


@router.post("/file", response_class=HTMLResponse, **access(WRITE))
def take_file(request: Request, house: HouseDep, actor: ActorDep, file: UploadFile) -> Response:
    """Show what the form's table would change."""
    content = file.file.read(sheets.LARGEST + 1)
    done = tried(house, lambda work: service.from_file(work, actor, content))
    if isinstance(done, AppError):
        with house.read() as work:
            return _new(request, work, actor, "", refusal=done)
    return _preview(request, done)


def _preview(
    request: Request, found: Preview, refusal: AppError | None = None, note: str = ""
) -> HTMLResponse:
    body = Wishes(changes=found.changes, source="file" if found.source == "file" else "edit")
    return page(
        request, "record_changes/preview.html", status=422 if refusal or found.problems else 200, found=found, refusal=refusal,
        shown=shown, note=note, changes=body.model_dump_json(exclude={"note"}), waits=sum(item.waits for item in found.items),
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(WRITE))
def carry_out(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Carry out what the preview showed. What changed meanwhile is named, and nothing is changed."""
    note = str(typed.get("note", ""))
    try:
        body = Wishes.model_validate_json(str(typed.get("changes", ""))).model_copy(
            update={"note": note[:2000]}
        )
    except ValidationError:
        with house.read() as work:
            return _new(
                request,
                work,
                actor,
                "",
                refusal=_nothing(
                    Text("没有可执行的修改；请重新选择。", "There is no change to carry out; choose again.")
                ),
            )
    done = tried(house, lambda work: service.carry_out(work, actor, body))
    if isinstance(done, AppError):
        again = tried(house, lambda work: service.preview(work, actor, body))
        if isinstance(again, AppError):
            raise again
        return _preview(request, again, done, note)
    said = Text(
        "修改已执行：草稿已保存，已发布的记录待另一人复核。",
        "Done: drafts are saved, published records await another person’s review.",
    )
    return go(f"/record-changes/{done.id}", said)


@router.get("/{record_change_id}", response_class=HTMLResponse, **access(WRITE))
def show_page(request: Request, work: ReadDep, actor: ActorDep, record_change_id: str) -> HTMLResponse:
    """One change, record by record."""
    return _show(request, work, actor, record_change_id)


def _show(
    request: Request, work: Work, actor: Actor, wanted: str, refusal: AppError | None = None
) -> HTMLResponse:
    found = service.detail(work, actor, wanted)
    return page(
        request, "record_changes/show.html", status=status_of(refusal) if refusal else 200, found=found, refusal=refusal,
        shown=shown, sources=SOURCES, states=STATES,
    )  # fmt: skip


@router.post("/{record_change_id}/undo", response_class=HTMLResponse, **access(WRITE))
def undo(request: Request, house: HouseDep, actor: ActorDep, record_change_id: str) -> Response:
    """Undo it where nothing changed since."""
    done: Any = tried(house, lambda work: service.undo(work, actor, record_change_id))
    if isinstance(done, AppError):
        with house.read() as work:
            return _show(request, work, actor, record_change_id, done)
    left = len(done.conflicts)
    said = (
        Text(
            f"已撤销；另有 {left} 条之后又被修改或待复核，保持不变。",
            f"Undone; {left} changed since or under review stay as they are.",
        )
        if left
        else Text("已撤销。", "Undone.")
    )
    return go(f"/record-changes/{done.id}", said, "warning" if left else "success")
