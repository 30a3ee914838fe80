"""The page of operators' revenue against their caps."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import Action, Cell, FormField
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.money import fen_of, yuan, yuan_or_nothing
from api.pages.tickets import checked
from api.web import go
from auth.caps import service as caps
from auth.caps.service import PROPOSE
from auth.revenue import service
from auth.revenue.service import READ, RevenueCapCreate
from core.errors import AppError
from core.text import Text

router = APIRouter(prefix="/revenue", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("运营收入与上限", "Revenue and caps")
_NAMES: Final = ("org_id", "year", "cap", "source")


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, year: str = "") -> HTMLResponse:
    """Operators and years, the newest first."""
    chosen = int(year) if year.isascii() and year.isdecimal() and len(year) == 4 else None
    found = service.revenue(work, year=chosen)
    shown = found[cases.offset(request) : cases.offset(request) + cases.PER_PAGE]
    rows = [
        [Cell(Text(row.org_zh, row.org_en)), Cell(str(row.year)), *(Cell(yuan_or_nothing(fen)) for fen in (row.taken_fen, row.cap_fen, row.deducted_fen, row.allowed_fen)),
         Cell(Text(f"超出 {yuan(row.excess_fen)}", f"{yuan(row.excess_fen)} over"), badge="blocked") if row.excess_fen else Cell(Text("未超出", "Within"), badge="done"), Cell(row.source)]
        for row in shown
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=len(found),
        lead=Text("运营机构每年实收与最高准许收入；超出部分在下一年度扣减（R18）。金额单位为元，逐笔取自收费记录。", "What each operator took in a year against the highest permitted; the excess is deducted in the next (R18). In yuan, summed from the fee lines."),
        heads=[Text("机构", "Operator"), Text("年度", "Year"), Text("实收", "Taken"), Text("上限", "Cap"), Text("上年扣减", "Deducted"), Text("可收", "Allowed"), Text("结果", "Outcome"), Text("依据", "Source")],
        filters=[FormField("year", Text("年度", "Year"), value=year[:4], hint=Text("如 2026", "as 2026"))],
        actions=[
            *([Action(Text("提出上限", "Propose a cap"), "/revenue/new", primary=True)] if actor.may_in(PROPOSE, None) else []),
            *([Action(Text("上限审定", "Proposed caps"), "/caps?kind=revenue")] if actor.may(caps.READ) else []),
        ],
        empty=Text("没有收费记录，也没有设定上限", "No fee is on record and no cap is set"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(PROPOSE))
def new_page(request: Request) -> HTMLResponse:
    """The form to propose a cap."""
    return _form(request, {})


def _form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("提出最高准许收入", "Propose a revenue cap"), crumb=(_TITLE, "/revenue"), action="/revenue", typed=typed,
        lead=Text("由授权主体核定，第二人看过试运行后确认；先前的上限留存备查。", "Set by the authorising body, confirmed by a second person after the dry run; earlier caps stay on record."),
        fields=[
            FormField("org_id", Text("机构标识", "Organisation id"), required=True), FormField("year", Text("年度", "Year"), required=True),
            FormField("cap", Text("上限（元）", "Cap (yuan)"), required=True), FormField("source", Text("依据", "Source"), required=True, full=True),
        ],
        submit=Text("提出", "Propose"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(PROPOSE))
def propose_cap(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Propose a cap; a second person confirms it."""
    typed = cases.typed_of(form, _NAMES)
    given = {name: typed[name] for name in _NAMES if name != "cap"} | {"cap_fen": fen_of(typed["cap"])}
    made = tried(house, lambda work: caps.propose_revenue(work, actor, checked(RevenueCapCreate, given)))
    if isinstance(made, AppError):
        return _form(request, typed, made)
    return go(
        f"/caps/{made.id}", Text("已提出，待第二人确认。", "Proposed; a second person must confirm it.")
    )
