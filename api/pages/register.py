"""Pages for everybody: the registers of grants and of agreements, and the matrix of datasets and scenarios."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from api.lookups import org_names
from api.web import page
from auth.agreements import register as agreements
from auth.agreements.model import Mode
from auth.agreements.register import ORDERS, STANDING_NAMES, Order, Standing
from auth.grants import register
from auth.identity import organisations
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from auth.supervision.transparency import LEAST, transparency
from catalog.codes import load
from catalog.queries import public_ids
from core.text import Text
from datasets import matrix

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
MOST_NAMED: Final = 3  # holders in a cell of the matrix; the register has all of them
ENTERPRISES: Final = ("operating_body", "developer")
OWN: Final = {
    "in_force": Text("本单位已获授权", "granted to you"),
    "suspended": Text("本单位已暂停", "yours, suspended"),
    "pending": Text("本单位待生效", "yours, not yet in force"),
    "applied": Text("本单位申请中", "you have applied"),
}
Number = Annotated[int, Query(alias="page", ge=1, le=100_000)]


@router.get("/register", response_class=HTMLResponse, **access("public"))
def register_page(
    request: Request, work: ReadDep, dataset: str = "", org: str = "", scenario: str = "", number: Number = 1
) -> HTMLResponse:
    """Who is authorised for what, until when."""
    found, total = register.register(
        work,
        public_ids(),
        dataset_id=dataset,
        org_id=org,
        scenario_id=scenario,
        offset=(number - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    return page(
        request, "register/list.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        dataset=dataset, org=org, scenario=scenario, known=limits(), forms=FORM_NAMES,
        scenarios=[(code, each.name) for code, each in limits().scenarios.items()],
    )  # fmt: skip


@router.get("/register/agreements", response_class=HTMLResponse, **access("public"))
def agreements_page(
    request: Request,
    work: ReadDep,
    state: str = "",
    org: str = "",
    q: str = "",
    sort: str = "",
    number: Number = 1,
) -> HTMLResponse:
    """Who may operate what, until when."""
    standing = next((each for each in Standing if each == state), None)
    order: Order = next((each for each in ORDERS if each == sort), "-starts")
    found, total = agreements.register(
        work,
        state=standing,
        org_id=org,
        words=q[:100],
        sort=order,
        offset=(number - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    return page(
        request, "register/agreements.html", found=found, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        state=standing or "", states=list(STANDING_NAMES.items()), org=org, q=q[:100], sort=order, sorts=list(ORDERS.items()),
        whole=Mode.WHOLE,
    )  # fmt: skip


@router.get("/transparency", response_class=HTMLResponse, **access("public"))
def transparency_page(request: Request, work: ReadDep, year: str = "") -> HTMLResponse:
    """How applications were handled in a year, for everybody."""
    here = work.now.astimezone(LOCAL).year
    is_year = year.isascii() and year.isdecimal() and 2000 <= int(year[:5]) <= 2100
    found = transparency(work, int(year) if is_year else here)
    years = [(each, str(each)) for each in sorted({*range(here - 4, here + 1), found.year}, reverse=True)]
    return page(request, "register/transparency.html", found=found, years=years, least=LEAST)


@router.get("/matrix", response_class=HTMLResponse, **access("public"))
def matrix_page(
    request: Request, work: ReadDep, actor: ActorDep, theme: str = "", org: str = "", number: Number = 1
) -> HTMLResponse:
    """Datasets × scenarios; a cell leads to applying, or to the register."""
    known = limits()
    rows, total = matrix.matrix(
        work,
        actor,
        list(known.scenarios),
        theme=theme,
        org_id=org,
        offset=(number - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    return page(
        request, "register/matrix.html", rows=rows, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        theme=theme, org=org, own=OWN, scenario_names=[each.name for each in known.scenarios.values()],
        themes=[(code, each.text) for code, each in load("domain").codes.items()],
        orgs=[(each.id, each.name) for kind in ENTERPRISES for each in organisations.organisations(work, kind=kind)],
        may_apply=actor.may("auth:application:write"), org_names=org_names(work), most_named=MOST_NAMED,
    )  # fmt: skip
