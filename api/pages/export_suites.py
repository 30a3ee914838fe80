"""Pages of a dataset's export suite: the rules in plain language, the text to change, former versions."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.suites import written
from api.web import go, page
from auth.asset import Asset
from catalog.assets import asset
from core.errors import AppError, Conflict, NotFound
from core.text import Text
from core.work import Work
from datasets import suites
from datasets.extracts import export_suite
from quality.service import SuiteRead
from quality.suite import Suite
from quality.wording import describe, severity_name

router = APIRouter(prefix="/datasets/{dataset_id}/export-suite", include_in_schema=True, tags=["pages"])
READ: Final = "quality:suite:read"
WRITE: Final = "quality:suite:write"


@router.get("", response_class=HTMLResponse, **access(READ))
def show_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    number: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """The rules of one version, and every version."""
    held = asset(work, dataset_id)
    history = export_suite.history(work, actor, held)
    found = export_suite.suite(work, actor, held, number) if history else None
    if number is not None and found is None:
        raise NotFound(Text("没有这个版本。", "There is no such version."))
    return page(
        request, "suites/export.html", held=held, suite=found, versions=history,
        rules=[(each, describe(each), severity_name(each.severity)) for each in _rules(found)],
        may_write=actor.may_in(WRITE, held.org_id),
    )  # fmt: skip


@router.get("/edit", response_class=HTMLResponse, **access(WRITE))
def edit_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """The suite as JSON, to be changed into the next version."""
    held = suites.writable(work, actor, dataset_id)
    found = export_suite.newest(work, actor, held)
    text = written(found.suite) if found else starter(held)
    return _editor(request, held, text, "", found.number if found else 0, None)


@router.post("", response_class=HTMLResponse, **access(WRITE))
def save(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Put the typed suite in force; a refusal shows the form again, nothing lost."""
    text, note, seen = (str(typed.get(name, "")) for name in ("json", "note", "version"))
    version = int(seen) if seen.isdecimal() else None

    def act(work: Work) -> SuiteRead:
        held, seen = suites.writable(work, actor, dataset_id), version_of(typed)
        return export_suite.save(
            work, actor, held, Suite.parse(text), note[:2000].strip(), expected_version=seen
        )

    done = tried(house, act)
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return _editor(request, asset(work, dataset_id), text, note, version, done)
    said = Text(
        f"出域规则集第 {done.number} 版已生效。", f"Version {done.number} of the export suite is in force."
    )
    return go(f"/datasets/{dataset_id}/export-suite", said)


def _rules(found: SuiteRead | None) -> list[Any]:
    return list(Suite.from_data(found.suite).expectations) if found else []


def _editor(
    request: Request, held: Asset, text: str, note: str, version: int | None, refusal: AppError | None
) -> HTMLResponse:
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return page(
        request, "suites/export_edit.html", status=status, held=held, text=text, note=note, version=version,
        refusal=refusal,
    )  # fmt: skip


def starter(held: Asset) -> str:
    """A first export suite from the dictionary: no numbers of persons in texts, nothing in columns that name somebody."""
    rules: list[dict[str, Any]] = []
    for column in held.columns:
        kinds = (
            ["expect_column_values_to_be_null"]
            if column.identifier_kind == "DI"
            else [
                "expect_column_values_to_hold_no_phone_numbers",
                "expect_column_values_to_hold_no_id_card_numbers",
            ]
            if column.type == "string"
            else []
        )
        rules += [{"type": kind, "kwargs": {"column": column.name}, "severity": "critical"} for kind in kinds]
    if not rules:
        rules.append(
            {
                "type": "expect_table_row_count_to_be_between",
                "kwargs": {"min_value": 1},
                "severity": "warning",
            }
        )
    return written({"name": f"{held.dataset_id}.export", "expectations": rules})
