"""Pages of waivers: the list, the form to sign one, and one waiver with what passed under it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names
from api.pages.batches import SEVERITIES
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from auth.applications.steps import local_day
from catalog import queries as catalog
from core.errors import AppError
from core.text import Text
from core.work import Work
from datasets.tickets.policy import policy
from datasets.waivers import queries, service
from datasets.waivers.models import WaiverCreate, WaiverNote
from datasets.waivers.workflow import STANDING_NAMES, STEP_NAMES, WaiverStep

router = APIRouter(prefix="/waivers", include_in_schema=True, tags=["pages"])
_READ, _SIGN, _SECOND, _REVOKE = (f"datasets:waiver:{word}" for word in ("read", "sign", "second", "revoke"))
_FIELDS: Final = ("dataset_id", "rule_key", "reason", "valid_to", "max_count", "max_share", "ticket_id")


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, standing: str = "", dataset: str = ""
) -> HTMLResponse:
    """Waivers within the reader's sight."""
    found = queries.waivers(
        work, actor, dataset_id=dataset.strip() or None, standing=standing if standing in STANDING_NAMES else "",
        page=page_number(request),
    )  # fmt: skip
    return page(
        request, "waivers/list.html", found=found, standing=standing, dataset=dataset, standings=STANDING_NAMES,
        severities=SEVERITIES, orgs=org_names(work),
        titles=catalog.titles(work, sorted({each.dataset_id for each in found.items})),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_SIGN))
def new_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset: str = "", rule: str = "", ticket: str = ""
) -> HTMLResponse:
    """The form to sign a waiver."""
    return _form(request, work, actor, {"dataset_id": dataset.strip(), "rule_key": rule, "ticket_id": ticket})


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    typed: dict[str, str],
    refusal: AppError | None = None,
) -> HTMLResponse:
    """Without a dataset it asks for that first: the rules depend on it."""
    dataset_id = typed.get("dataset_id", "")
    rules = service.rules_to_waive(work, actor, dataset_id) if dataset_id else []
    title = catalog.titles(work, [dataset_id]).get(dataset_id, Text(dataset_id, dataset_id))
    return page(
        request, "waivers/new.html", status=status_of(refusal) if refusal else 200, rules=rules, title=title,
        severities=SEVERITIES, typed={name: typed.get(name, "") for name in _FIELDS}, refusal=refusal,
        longest_days=policy(local_day(work.now)).longest_waiver_days,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(_SIGN))
def sign(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Sign a waiver."""
    typed = {name: str(form.get(name, "")).strip() for name in _FIELDS}
    given = {name: value for name, value in typed.items() if value}

    def act(work: Work) -> Any:  # noqa: ANN401 - the read model, or a refusal as a value
        return service.sign(work, actor, checked(WaiverCreate, given))

    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, actor, typed, made)
    said = (
        Text("已签字；待审批人第二签字后生效。", "Signed; it counts once an approver has signed too.")
        if made.standing == "proposed"
        else Text("已签发，即时生效。", "Signed; it counts from now on.")
    )
    return go(f"/waivers/{made.id}", said)


@router.get("/{waiver_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, waiver_id: str) -> HTMLResponse:
    """One waiver."""
    return _show(request, work, actor, waiver_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    waiver_id: str,
    refusal: AppError | None = None,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    found = service.detail(work, actor, waiver_id)
    title = catalog.titles(work, [found.dataset_id]).get(
        found.dataset_id, Text(found.dataset_id, found.dataset_id)
    )
    return page(
        request, "waivers/show.html", status=status_of(refusal) if refusal else 200, waiver=found, title=title,
        standings=STANDING_NAMES, severities=SEVERITIES, orgs=org_names(work), refusal=refusal, typed=typed or {},
        names={step.value: name for step, name in STEP_NAMES.items()},
        may_see_ticket=actor.may_in("datasets:ticket:read", found.org_id),
        may_see_batch=actor.may_in("datasets:batch:read", found.org_id),
    )  # fmt: skip


_STEPS: Final = {
    WaiverStep.SECOND: (
        service.second,
        Text("已签字，豁免即时生效。", "Signed; the waiver counts from now on."),
    ),
    WaiverStep.REFUSE: (service.refuse, Text("已说明不同意的理由。", "Refused, with a reason.")),
    WaiverStep.REVOKE: (service.revoke, Text("豁免已撤销，即时失效。", "Revoked; it counts no more.")),
}


def _step(
    request: Request, house: House, actor: Actor, waiver_id: str, form: FormData, step: WaiverStep
) -> Response:
    typed = {"note": str(form.get("note", "")), "step": step.value}
    given = {"note": typed["note"], "version": version_of(form)}
    do, said = _STEPS[step]
    made = tried(house, lambda work: do(work, actor, waiver_id, checked(WaiverNote, given)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, waiver_id, made, typed)
    return go(f"/waivers/{waiver_id}", said)


@router.post("/{waiver_id}/second", response_class=HTMLResponse, **access(_SECOND))
def second(request: Request, house: HouseDep, actor: ActorDep, waiver_id: str, form: Typed) -> Response:
    """Sign as the second person."""
    return _step(request, house, actor, waiver_id, form, WaiverStep.SECOND)


@router.post("/{waiver_id}/refuse", response_class=HTMLResponse, **access(_SECOND))
def refuse(request: Request, house: HouseDep, actor: ActorDep, waiver_id: str, form: Typed) -> Response:
    """Refuse the second signature."""
    return _step(request, house, actor, waiver_id, form, WaiverStep.REFUSE)


@router.post("/{waiver_id}/revoke", response_class=HTMLResponse, **access(_REVOKE))
def revoke(request: Request, house: HouseDep, actor: ActorDep, waiver_id: str, form: Typed) -> Response:
    """End it now."""
    return _step(request, house, actor, waiver_id, form, WaiverStep.REVOKE)
