"""The page on which several applications are accepted at once: what waits and what stands against each; then what became of each."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed
from api.late import APIRouter
from api.lookups import org_names
from api.web import page, page_number
from auth.actor import Actor
from auth.applications import accepting, reviewing
from auth.applications.accepting import MOST, SCREEN, AcceptedMany, AcceptMany, LookAt
from auth.policy.limits import limits
from core.errors import AppError, InputRefused
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/screenings", include_in_schema=True, tags=["pages"])


@router.get("", response_class=HTMLResponse, **access(SCREEN))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """What waits to be accepted."""
    return _shown(request, work, actor)


@router.post("", response_class=HTMLResponse, **access(SCREEN))
def accept(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """First a look at each of those that are ticked, with the papers that may follow; once confirmed they are accepted, each by itself."""
    if form.get("confirmed") != "yes":
        return _look(request, house, actor, form)
    picked = [str(each).partition(":") for each in form.getlist("pick")]
    given: dict[str, Any] = {
        "items": [
            {"application_id": name, "version": version, "missing": _missing(form, name)}
            for name, _, version in picked
        ],
        "note": str(form.get("note", "")).strip(),
        "has_no_conflict": form.get("has_no_conflict") == "yes" or None,
    }
    refusal: AppError | None = None
    done: AcceptedMany | None = None
    try:
        done = accepting.accept_many(house.write, actor, AcceptMany.model_validate(given))
    except ValidationError:
        refusal = _not_picked()
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _shown(
            request, work, actor, refusal=refusal, done=done, given=given | {"picked": form.getlist("pick")}
        )


def _missing(form: Typed, application_id: str) -> list[dict[str, str]]:
    """The papers that were confirmed to follow: `later` is application:paper:working days."""
    parts = [str(each).split(":") for each in form.getlist("later")]
    return [
        {"paper": each[1], "working_days": each[2]}
        for each in parts
        if len(each) == 3 and each[0] == application_id
    ]


def _look(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    ids = [str(each).partition(":")[0] for each in form.getlist("pick")]
    refusal: AppError | None = None
    with house.read() as work:
        try:
            reviewing.need_no_conflict(form.get("has_no_conflict") == "yes" or None)
            found = accepting.look(work, actor, LookAt.model_validate({"application_ids": ids}))
        except ValidationError:
            refusal = _not_picked()
        except AppError as refused:
            refusal = refused
        else:
            return page(
                request, "applications/screenings_look.html", found=found, orgs=org_names(work), note=str(form.get("note", "")).strip(),
                acceptable=sum(not each.reasons for each in found), later=sum(bool(each.later) for each in found),
            )  # fmt: skip
        return _shown(
            request,
            work,
            actor,
            refusal=refusal,
            given={"picked": form.getlist("pick"), "note": form.get("note", "")},
        )


def _not_picked() -> AppError:
    return InputRefused(
        Text(f"请勾选要受理的申请，至多 {MOST} 件。", f"Tick the applications to accept, {MOST} at most.")
    )


def _shown(
    request: Request,
    work: Work,
    actor: Actor,
    *,
    refusal: AppError | None = None,
    done: AcceptedMany | None = None,
    given: dict[str, Any] | None = None,
) -> HTMLResponse:
    number = page_number(request)
    found, total = accepting.candidates(work, actor, offset=(number - 1) * MOST, limit=MOST)
    return page(
        request, "applications/screenings.html", status=status_of(refusal) if refusal else 200, found=found, total=total, number=number,
        pages=max(1, -(-total // MOST)), orgs=org_names(work), scenarios=limits().scenarios, refusal=refusal, done=done, given=given or {},
    )  # fmt: skip
