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
from auth.applications import accepting
from auth.applications.accepting import MOST, SCREEN, AcceptedMany, AcceptMany
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
    """Accept those that are ticked, each by itself."""
    picked = [str(each).partition(":") for each in form.getlist("pick")]
    given: dict[str, Any] = {
        "items": [{"application_id": name, "version": version} for name, _, version in picked],
        "note": str(form.get("note", "")).strip(),
        "has_no_conflict": form.get("has_no_conflict") == "yes" or None,
    }
    refusal: AppError | None = None
    done: AcceptedMany | None = None
    try:
        done = accepting.accept_many(house.write, actor, AcceptMany.model_validate(given))
    except ValidationError:
        refusal = InputRefused(
            Text(f"请勾选要受理的申请，至多 {MOST} 件。", f"Tick the applications to accept, {MOST} at most.")
        )
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _shown(
            request, work, actor, refusal=refusal, done=done, given=given | {"picked": form.getlist("pick")}
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
