"""The page on which a steward allows hidden marks, and everybody else reads how far values may be off."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed
from api.late import APIRouter
from api.query_forms import wrong
from api.web import go, page
from auth.actor import Actor
from catalog.assets import asset
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work
from datasets.tracing import rules, terms
from datasets.tracing.terms import MarkTermsWrite

router = APIRouter(prefix="/marks", tags=["pages"])


@router.get("/{dataset_id}", response_class=HTMLResponse, **access("signed-in"))
def show_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """The terms in force; with the form for the steward."""
    return _show(request, work, actor, dataset_id)


@router.post("/{dataset_id}", response_class=HTMLResponse, **access("datasets:mark:write"))
def set_marks(request: Request, house: HouseDep, actor: ActorDep, typed: Typed, dataset_id: str) -> Response:
    """Set new terms; what cannot be taken is shown with what was typed."""
    given = {key: str(typed[key]) for key in typed}
    try:
        with house.write() as work:
            terms.put(work, actor, dataset_id, _body(given))
    except AppError as refused:
        with house.read() as work:
            return _show(request, work, actor, dataset_id, given=given, refusal=refused)
    return go(f"/marks/{dataset_id}", Text("已设定隐藏标记条款。", "Terms for hidden marks set."))


def _body(given: dict[str, str]) -> MarkTermsWrite:
    """What the form means: the tolerance of each column that has one. Raises InputRefused."""
    columns = {}
    for key, word in given.items():
        if key.startswith("tolerance:") and word.strip():
            try:
                columns[key.removeprefix("tolerance:")] = float(word)
            except ValueError:
                raise InputRefused(
                    Text(f"容差应为数字：{word}", f"A tolerance must be a number: {word}")
                ) from None
    try:
        return MarkTermsWrite.model_validate({"columns": columns, "reason": given.get("reason", "").strip()})
    except ValidationError as fault:
        raise wrong(fault) from None


def _show(
    request: Request, work: Work, actor: Actor, dataset_id: str, *,
    given: dict[str, str] | None = None, refusal: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    now, held = terms.shown(work, actor, dataset_id), asset(work, dataset_id)
    columns = terms.markables(work, dataset_id)
    fit = [name for name in columns if not rules.objections(columns, {name: 1.0})]
    return page(
        request, "tracing/terms.html", status=status_of(refusal) if refusal else 200, held=held, terms=now, refusal=refusal,
        given=given or {}, fit=fit, units={name: each.unit for name, each in columns.items()},
        may_set=actor.may_in(terms.PERMISSION, held.org_id),
    )  # fmt: skip
