"""Pages for those who decide: why a request would be allowed or refused, and what a policy would show of the data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles
from api.pages.application_reviews import decide_form, narrowing_of
from api.trials import simulated
from api.web import page
from auth.actor import Actor
from auth.applications import queries, trying
from auth.applications.signing import docket
from auth.applications.trying import Tried
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from core.errors import AppError, InputRefused
from core.faults import together
from core.ids import ApplicationId, GrantId
from core.text import Text
from core.work import Work
from datasets.extracts import explaining
from datasets.extracts.explaining import ExplainAsk, Simulated

router = APIRouter(include_in_schema=True, tags=["pages"])


@router.get("/applications/{application_id}/explain", response_class=HTMLResponse, **access("auth:policy:read"))  # fmt: skip
def explain_line_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId, line: str = ""
) -> HTMLResponse:
    """One line as if it were a grant in force: each rule and what it says of a request."""
    tried = trying.of_line(work, actor, application_id, line)
    back = f"/applications/{application_id}"
    return _page(
        request,
        work,
        tried,
        back=back,
        hidden={"line": line},
        names=(Text("申请", "Applications"), application_id),
    )


@router.get("/grants/{grant_id}/explain", response_class=HTMLResponse, **access("auth:policy:read"))
def explain_grant_page(request: Request, work: ReadDep, actor: ActorDep, grant_id: GrantId) -> HTMLResponse:
    """One grant: each rule and what it says of a request."""
    return _of_grant(request, work, actor, grant_id)


@router.post("/grants/{grant_id}/simulate", response_class=HTMLResponse, **access("auth:policy:simulate"))
def simulate_grant_page(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId
) -> HTMLResponse:
    """What the grant shows of the current release."""
    shown, refusal = _tried(house, actor, lambda work: trying.of_grant(work, actor, grant_id))
    with house.read() as work:
        return _of_grant(request, work, actor, grant_id, shown, refusal)


@router.post("/applications/{application_id}/simulate", response_class=HTMLResponse, **access("auth:policy:simulate"))  # fmt: skip
def simulate_lines_page(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> HTMLResponse:
    """The decision form again, with what each line would show as it is filled in; nothing is decided."""
    shown: dict[str, Simulated] = {}
    refusal: AppError | None = None
    try:
        with house.read() as work:
            row = queries.row(work, application_id, actor)
            wanted = {
                line_id: narrowing_of(work, actor, application_id, line_id, form)
                for line_id in docket(work, actor, row).open
                if form.get(f"outcome-{line_id}") != "reject"
            }
        for line_id, narrowing in wanted.items():
            found, against = _tried(
                house, actor, lambda work, i=line_id, n=narrowing: trying.of_line(work, actor, application_id, i, n)
            )  # fmt: skip
            refusal = refusal or against
            if found is not None:
                shown[line_id] = found
    except (ValidationError, ValueError) as wrong:
        said = together(wrong) if isinstance(wrong, ValidationError) else Text(str(wrong), str(wrong))
        refusal = InputRefused(
            Text(f"填写内容无法识别：{said.zh}", f"What was filled in cannot be read: {said.en}")
        )
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return decide_form(request, work, actor, application_id, form, refusal, shown)


def _tried(house: House, actor: Actor, try_: Any) -> tuple[Simulated | None, AppError | None]:  # noqa: ANN401 - Work → Tried
    try:
        return simulated(house, actor, try_), None
    except AppError as refused:
        if refused.slug == "not-found":
            raise
        return None, refused


def _of_grant(
    request: Request,
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    shown: Simulated | None = None,
    refusal: AppError | None = None,
) -> HTMLResponse:
    tried = trying.of_grant(work, actor, grant_id)
    back = f"/grants/{grant_id}"
    return _page(
        request, work, tried, back=back, hidden={}, names=(Text("授权", "Grants"), grant_id), shown=shown,
        refusal=refusal, may_simulate=actor.may("auth:policy:simulate"),
    )  # fmt: skip


def _page(
    request: Request,
    work: Work,
    tried: Tried,
    *,
    back: str,
    hidden: dict[str, str],
    names: tuple[Text, str],
    shown: Simulated | None = None,
    refusal: AppError | None = None,
    may_simulate: bool = False,
) -> HTMLResponse:
    typed = request.query_params
    policy, known = tried.view.policy, limits()
    found = None
    try:
        wanted = ExplainAsk.model_validate(
            {
                "person": typed.get("person", "").strip(),
                "purpose": typed.get("purpose", ""),
                "form": typed.get("form") or None,
                "columns": typed.getlist("columns"),
                "at": _moment(typed.get("at", "")),
            }
        )
        found = explaining.explain(work, tried, wanted)
    except (ValidationError, ValueError):
        refusal = InputRefused(
            Text(
                "填写内容无法识别：请核对时间（如 2026-03-02T09:00）与所选各项。",
                "What was filled in cannot be read: check the moment (such as 2026-03-02T09:00) and the choices.",
            )
        )
    titles = column_titles(work, policy.dataset_id)
    return page(
        request, "explaining/explain.html", status=422 if refusal and found is None else 200, found=found,
        back=back, hidden=hidden, names=names, typed=typed, policy=policy, titles=titles, shown=shown,
        refusal=refusal, may_simulate=may_simulate, chosen=typed.getlist("columns"),
        forms=[(form.value, FORM_NAMES[form]) for form in FORM_NAMES],
        purposes=[(code, purpose.name) for code, purpose in known.purposes.items()],
        column_options=[(term.name, titles.get(term.name) or term.name) for term in policy.columns],
    )  # fmt: skip


def _moment(word: str) -> datetime | None:
    """A moment of the form, local where it says no zone. Raises ValueError."""
    if not word.strip():
        return None
    moment = datetime.fromisoformat(word.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)
