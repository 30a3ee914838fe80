"""Forms of the catalogue: enter a record, edit it, edit its data dictionary.

The module's name sorts before `datasets`, so that `/datasets/new` is found before `/datasets/{dataset_id}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.datastructures import FormData

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, sentences, tried
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from auth.identity.organisations import organisations
from catalog import codes, queries, service
from catalog.fields import BY_NAME, FIELDS, SECTIONS, FieldSpec
from catalog.models import DatasetCreate, DatasetRead, DatasetUpdate, Dictionary
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from core.errors import AppError, Stale
from core.text import Text
from core.work import Work
from datasets.batches.preview import proposed_dictionary

router = APIRouter(prefix="/datasets", include_in_schema=True, tags=["pages"])

WRITE: Final = "catalog:dataset:write"
LABELS: Final = {name: spec.label for name, spec in BY_NAME.items()} | {
    "resource_code": Text("信息资源代码", "Resource code"),
    "publisher": Text("提供方", "Publisher"),
    "columns": Text("数据项", "Columns"),
}
TABLE_LIMIT: Final = 50  # columns; longer dictionaries are edited as JSON (a form holds 1,000 fields at most)
WAITS: Final = Text(
    "修改已提出；另一人复核通过后生效。", "The change is proposed; it stands when another person accepts it."
)
SPARE_ROWS: Final = 5
_CELLS: Final = (
    "was", "name", "title_zh", "title_en", "type", "unit", "format", "level", "identifier_kind", "mask_method",
    "required", "nullable", "primary", "definition_zh",
)  # fmt: skip
_SPLIT: Final = re.compile(r"[,，、;；\n]")


@router.get("/new", response_class=HTMLResponse, **access(WRITE))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """An empty record."""
    return _form(request, work, actor, {"registration_state": ""})


@router.post("/new", response_class=HTMLResponse, **access(WRITE))
def create(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Enter the record as a draft; next come its columns."""
    try:
        body = DatasetCreate.model_validate(
            _record(typed)
            | {"resource_code": typed.get("resource_code"), "publisher": typed.get("publisher")}
        )
    except ValidationError as fault:
        with house.read() as work:
            return _form(request, work, actor, _as_typed(typed), errors=sentences(fault, LABELS))
    made = tried(house, lambda work: service.create(work, actor, body))
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, actor, _as_typed(typed), refusal=made)
    return go(
        f"/datasets/{made.id}/dictionary",
        Text("草稿已保存，请登记数据项。", "The draft is saved; now describe its columns."),
    )


@router.get("/{dataset_id}/edit", response_class=HTMLResponse, **access(WRITE))
def edit_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    former: str = Query("", alias="from", max_length=80),
) -> HTMLResponse:
    """The record as it stands, or as the reader's own open proposal would have it; `from`: as a former proposal had it."""
    read = _own(work, actor, dataset_id)
    values = {
        spec.name: _shown(spec, value)
        for name, value in proposals.wished(work, actor, dataset_id, former).items()
        if (spec := BY_NAME.get(name))
    }
    return _form(request, work, actor, _as_shown(read) | values, dataset=read)


@router.post("/{dataset_id}/edit", response_class=HTMLResponse, **access(WRITE))
def edit(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Save the whole form. A refusal shows it again as typed, with every fault."""
    errors: list[tuple[str, Text]] = []
    done: DatasetRead | ProposalRead | AppError | None = None
    try:
        body = DatasetUpdate.model_validate(_record(typed))
        done = tried(
            house,
            lambda work: proposals.change(
                work,
                actor,
                dataset_id,
                body,
                expected_version=version_of(typed),
                note=str(typed.get("note", "")),
            ),
        )
    except ValidationError as fault:
        errors = sentences(fault, LABELS)
    if isinstance(done, DatasetRead):
        return go(f"/datasets/{dataset_id}", Text("记录已保存。", "The record is saved."))
    if isinstance(done, ProposalRead):
        return go(f"/record-proposals/{done.id}", WAITS)
    with house.read() as work:
        read = _own(work, actor, dataset_id)
        return _form(request, work, actor, _as_typed(typed), dataset=read, errors=errors, refusal=done)


@router.get("/{dataset_id}/dictionary", response_class=HTMLResponse, **access(WRITE))
def dictionary_page(
    request: Request, house: HouseDep, work: ReadDep, actor: ActorDep, dataset_id: str, batch: str = ""
) -> HTMLResponse:
    """The dictionary as a table and as JSON; with `batch`, filled with what that batch suggests, to be reviewed."""
    if not batch:
        return _dictionary_form(request, work, actor, dataset_id)
    suggested = proposed_dictionary(work, actor, batch, of=dataset_id, files=house.files)
    stored = {column.name for column in service.dictionary(work, dataset_id)}
    rows = [_row(column.model_dump()) for column in suggested.columns]
    for row in rows:
        row["was"] = row["name"] if row["name"] in stored else ""
    document = suggested.model_dump(exclude_defaults=True)
    known = service.layout(work, dataset_id).null_values
    marks = [mark for mark in suggested.null_values if mark not in known]
    pasted = json.dumps(document, ensure_ascii=False, indent=2)
    return _dictionary_form(
        request, work, actor, dataset_id, rows=rows, pasted=pasted, proposed=True, marks=marks
    )


@router.post("/{dataset_id}/dictionary", response_class=HTMLResponse, **access(WRITE))
def save_dictionary(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> Response:
    """Save the table, or the JSON that was pasted. `more` only adds empty rows."""
    errors: list[tuple[str, Text]] = []
    done: object = None
    rows, marks = _rows(typed), [str(mark) for mark in typed.getlist("null-mark")]
    if "more" not in typed:
        try:
            with house.read() as work:
                stored, layout = _stored(work, actor, dataset_id)
            if marks:
                layout["null_values"] = list(dict.fromkeys([*layout.get("null_values", []), *marks]))
            body = _pasted(str(typed["json"])) if "as_json" in typed else _tabled(rows, stored, layout)
            done = tried(
                house,
                lambda work: proposals.change_dictionary(
                    work, actor, dataset_id, body, expected_version=version_of(typed)
                ),
            )
        except ValidationError as fault:
            errors = sentences(fault, LABELS)
        except json.JSONDecodeError as fault:
            errors = [
                (
                    "json",
                    Text(
                        f"不是合法的 JSON：第 {fault.lineno} 行第 {fault.colno} 列。",
                        f"Not valid JSON: line {fault.lineno}, column {fault.colno}.",
                    ),
                )
            ]
        if isinstance(done, ProposalRead):
            return go(f"/record-proposals/{done.id}", WAITS)
        if done is not None and not isinstance(done, AppError):
            return go(
                f"/datasets/{dataset_id}#dictionary", Text("数据字典已保存。", "The dictionary is saved.")
            )
    pasted = str(typed["json"]) if "as_json" in typed else None
    with house.read() as work:
        return _dictionary_form(
            request, work, actor, dataset_id, rows=None if pasted is not None else rows, pasted=pasted, errors=errors,
            refusal=done if isinstance(done, AppError) else None, marks=marks,
        )  # fmt: skip


def _own(work: Work, actor: Actor, dataset_id: str) -> DatasetRead:
    """The record if the actor may write it. Raises NotFound."""
    return service.read(work, queries.writable(work, actor, dataset_id, lock=False))


def _form(
    request: Request, work: Work, actor: Actor, values: Mapping[str, Any], *, dataset: DatasetRead | None = None,
    errors: Sequence[tuple[str, Text]] = (), refusal: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    """The form with what was typed; faults stand at the top and at their fields."""
    at_fields = [*errors, *_at_fields(refusal)]
    now = _as_shown(dataset) if dataset and isinstance(refusal, Stale) else {}
    publishers = [
        (org.id, org.name)
        for org in organisations(work)
        if not org.is_enterprise and actor.may_in(queries.WRITE, org.id)
    ]
    return page(
        request, "datasets/edit.html", status=422 if errors else 409 if refusal else 200, dataset=dataset, values=values,
        sections=SECTIONS, fields=FIELDS, options=_options(), errors=at_fields, error_at=dict(reversed(at_fields)),
        refusal=refusal, publishers=publishers,
        changed={name: value for name, value in now.items() if value != values.get(name, "")},
    )  # fmt: skip


def _at_fields(refusal: AppError | None) -> list[tuple[str, Text]]:
    """A refusal's reasons that name a field of the form."""
    if refusal is None:
        return []
    named = [(str(reason.facts.get("field", "")), reason.text) for reason in refusal.reasons]
    if "field" in refusal.facts:
        named.append((str(refusal.facts["field"]), refusal.detail))
    return [(field, text) for field, text in named if field in LABELS]


def _options() -> dict[str, list[tuple[str, Text]]]:
    """The choices of every coded field; a single choice may also stay open."""
    made = {}
    for spec in FIELDS:
        if spec.codes:
            listed = [(code.value, code.text) for code in codes.load(spec.codes).codes.values()]
            made[spec.name] = listed if spec.kind == "codes" else [("", Text("—", "—")), *listed]
    return made


def _as_shown(read: DatasetRead) -> dict[str, Any]:
    """A record's values as the form's fields hold them."""
    return {spec.name: _shown(spec, getattr(read, spec.name)) for spec in FIELDS}


def _shown(spec: FieldSpec, value: Any) -> Any:  # noqa: ANN401 - of many types
    if spec.kind == "codes":
        return value
    if spec.kind == "words":
        return (", " if spec.name.endswith("_en") else "，").join(value)
    return "" if value is None else str(value)


def _as_typed(typed: FormData) -> dict[str, Any]:
    values: dict[str, Any] = {key: str(value) for key, value in typed.multi_items()}
    return values | {
        spec.name: [str(one) for one in typed.getlist(spec.name)] for spec in FIELDS if spec.kind == "codes"
    }


def _record(typed: FormData) -> dict[str, Any]:
    """The form's fields as the record's."""
    return {spec.name: _value(spec, typed) for spec in FIELDS}


def _value(spec: FieldSpec, typed: FormData) -> Any:  # noqa: ANN401 - of many types
    if spec.kind == "codes":
        return [str(one) for one in typed.getlist(spec.name)]
    text = str(typed.get(spec.name, "")).strip()
    if spec.kind == "words":
        return [word.strip() for word in _SPLIT.split(text) if word.strip()]
    return text or None if spec.kind in ("date", "number") or spec.name == "data_level" else text


def _stored(work: Work, actor: Actor, dataset_id: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The columns as stored, by name, and the files' layout: the facts that the table does not show."""
    _own(work, actor, dataset_id)
    columns = service.dictionary(work, dataset_id)
    layout = service.layout(work, dataset_id).model_dump(exclude_defaults=True)
    return {column.name: column.model_dump(exclude={"position"}) for column in columns}, layout


def _rows(typed: FormData) -> list[dict[str, str]]:
    """The table's rows that have a name, in the order of their place."""
    cells = {cell: [str(value) for value in typed.getlist(f"c-{cell}")] for cell in (*_CELLS, "place")}
    if not cells["format"]:
        del cells["format"]  # a form without this column says nothing of it
    made = [dict(zip(cells, values, strict=True)) for values in zip(*cells.values(), strict=False)]
    kept = [row for row in made if row["name"].strip()]
    return sorted(
        kept,
        key=lambda row: float(row["place"]) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", row["place"]) else 1e9,
    )


def _tabled(
    rows: list[dict[str, str]], stored: dict[str, dict[str, Any]], layout: dict[str, Any]
) -> Dictionary:
    """A dictionary from the table; what it does not show stays as stored."""
    columns = []
    for row in rows:
        shown: dict[str, Any] = {cell: row[cell] for cell in _CELLS if cell != "was" and cell in row}
        shown |= {cell: row[cell] == "yes" for cell in ("required", "nullable", "primary")}
        shown |= {cell: row[cell] or None for cell in ("type", "unit", "format", "level") if cell in row}
        columns.append(stored.get(row["was"], {}) | shown)
    return Dictionary.model_validate(layout | {"columns": columns})


def _pasted(text: str) -> Dictionary:
    """A dictionary from JSON: the whole document, or its list of columns alone."""
    document = json.loads(text)
    return Dictionary.model_validate({"columns": document} if isinstance(document, list) else document)


def _dictionary_form(
    request: Request, work: Work, actor: Actor, dataset_id: str, *, rows: list[dict[str, str]] | None = None,
    pasted: str | None = None, errors: Sequence[tuple[str, Text]] = (), refusal: AppError | None = None,
    proposed: bool = False, marks: Sequence[str] = (),
) -> HTMLResponse:  # fmt: skip
    read = _own(work, actor, dataset_id)
    stored = service.show_dictionary(work, actor, dataset_id)
    if rows is None:
        rows = [_row(column.model_dump()) for column in stored.columns]
    document = stored.model_dump(exclude={"dataset_id", "version", "columns"}, exclude_defaults=True)
    document["columns"] = [
        column.model_dump(exclude={"position"}, exclude_none=True) for column in stored.columns
    ]
    return page(
        request, "datasets/dictionary.html", status=422 if errors else 409 if refusal else 200, dataset=read, rows=rows, marks=marks,
        spare=range(len(rows) + 1, len(rows) + 1 + SPARE_ROWS), tabled=len(rows) <= TABLE_LIMIT, errors=errors, refusal=refusal,
        proposed=proposed, json=pasted if pasted is not None else json.dumps(document, ensure_ascii=False, indent=2),
        options={
            name: [(code.value, code.text) for code in codes.load(name).codes.values()]
            for name in ("column_type", "cell_format", "identifier_kind", "mask_method")
        }
        | {"data_level": [(n, Text(f"{n} 级", f"Level {n}")) for n in "123456"]},
    )  # fmt: skip


def _row(column: Mapping[str, Any]) -> dict[str, str]:
    flags = {True: "yes", False: "no"}
    shown = {cell: column.get(cell) for cell in _CELLS} | {"was": column["name"]}
    return {
        cell: flags[value] if isinstance(value, bool) else "" if value is None else str(value)
        for cell, value in shown.items()
    }
