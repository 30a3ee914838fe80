"""The page of self-checks: each point with what the record says of it and what to do; handing it in; those that were, to print."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.routes.selfchecks import around
from api.web import go, page, page_number
from auth.selfcheck import service
from auth.selfcheck.rules import OUTCOME_NAMES
from auth.selfcheck.service import KEEP, READ
from core.errors import AppError
from core.text import Text

router = APIRouter(prefix="/self-checks", include_in_schema=True, tags=["pages"])
PER_PAGE = 20


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request,
    work: ReadDep,
    house: HouseDep,
    actor: ActorDep,
    subject: Annotated[str, Query(max_length=60)] = "",
) -> HTMLResponse:
    """The self-check as it stands now, and those that were handed in."""
    whose = subject or service.own_subject(actor)
    number = page_number(request)
    found, total = service.kept(work, actor, subject=whose, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "selfchecks/now.html", check=service.check(work, actor, whose, around(house)), kept=found, total=total, number=number,
        pages=max(1, -(-total // PER_PAGE)), subjects=service.subjects(work, actor), outcomes=OUTCOME_NAMES,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(KEEP))
def keep(house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Hand it in as it stands now."""
    whose = str(form.get("subject", ""))[:60]
    done = tried(house, lambda work: service.keep(work, actor, whose, around(house)))
    if isinstance(done, AppError):
        raise done
    return go(f"/self-checks/{done.id}", Text("自查已提交并留存。", "The self-check is handed in and kept."))


@router.get("/{self_check_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, self_check_id: str) -> HTMLResponse:
    """One that was handed in, as it stood."""
    found = service.kept_one(work, actor, self_check_id)
    return page(request, "selfchecks/kept.html", found=found, check=found.check, outcomes=OUTCOME_NAMES)
