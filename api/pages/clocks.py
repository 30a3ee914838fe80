"""Pages about time: what is overdue, the three rates, the calendar; signing for, extending."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import SIGNED_IN, access
from api.clock_tables import rates_chart
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.routes.clocks import period_of
from api.web import go, page, page_number
from auth.actor import Actor
from auth.applications.workflow import STATE_NAMES, State
from auth.clocks import counting, days, kpi, queries, service, sla
from auth.clocks.models import CalendarDaySet, ExtensionAsk, ExtensionDecision
from auth.clocks.rules import STAGE_NAMES, STAGE_OF, Stage
from auth.profile.now import limits_now
from auth.profile.wording import days_in_words
from core.errors import AppError, InputRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
_READ: Final = "auth:clock:read"
PER_PAGE: Final = 25


@router.get("/clocks", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    show: str = "overdue",
    stage: str = "",
    department: str = "",
    org: str = "",
    sort: str = "due",
) -> HTMLResponse:
    """What is overdue, or all that runs (`show=running`), and the extensions that wait."""
    return _list(request, work, actor, show=show, stage=stage, department=department, org=org, sort=sort)


def _list(
    request: Request, work: Work, actor: Actor, *, show: str = "overdue", stage: str = "", department: str = "",
    org: str = "", sort: str = "due", refusal: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    number = page_number(request)
    found, total = queries.waiting(
        work, actor, overdue=show != "running", stage=Stage(stage) if stage in set(STAGE_OF.values()) else None,
        department=department or None, org_id=org or None, sort=sort, offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    may_decide, known = actor.may("auth:clock:approve-extension"), limits_now(work)
    return page(
        request, "clocks/list.html", status=status_of(refusal) if refusal else 200, found=found, total=total,
        number=number, pages=max(1, -(-total // PER_PAGE)), show=show, stage=stage, department=department, org=org,
        stages={each: STAGE_NAMES[each] for each in STAGE_OF.values()}, stage_names=STAGE_NAMES, orgs=org_names(work),
        states={State(state): STATE_NAMES[State(state)] for state in STAGE_OF}, levels=sla.LEVEL_NAMES,
        extensions=queries.open_extensions(work, actor) if may_decide else [], refusal=refusal,
        is_known=queries.is_calendar_known(each.due_on for each in found), rows=sla.rows(known), escalation=sla.levels(known),
        extension=known.numbers[sla.EXTENSION], after_pause=known.numbers[sla.LEAST_AFTER_PAUSE], reminders=known.reminders.values(), in_words=days_in_words,
    )  # fmt: skip


@router.get("/clocks/kpi", response_class=HTMLResponse, **access(_READ))
def kpi_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    since: str = "",
    until: str = "",
    department: str = "",
) -> HTMLResponse:
    """按时签收率, 受理告知及时率, 按时办结率: by department and month, with their definitions."""
    today, refusal = counting.day_of(work.now), None
    try:
        first, last = period_of(today, _day(since), _day(until))
    except InputRefused as refused:
        refusal, first, last = refused, date(today.year, 1, 1), today
    found = queries.kpis(work, actor, first, last)
    departments = sorted({rate.department_id for rate in found if rate.department_id})
    chosen, orgs = department if department in departments else None, org_names(work)
    return page(
        request, "clocks/kpi.html", status=status_of(refusal) if refusal else 200, measures=kpi.MEASURES,
        totals={(rate.measure, rate.department_id): rate for rate in found if not rate.period},
        months=[rate for rate in found if rate.period and rate.department_id == chosen],
        chart=rates_chart(found, chosen, lang), departments=departments, department=chosen, orgs=orgs,
        options=[(each, orgs.get(each, Text(each, each))) for each in departments], since=first, until=last, refusal=refusal,
    )  # fmt: skip


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed.strip()) if typed.strip() else None
    except ValueError:
        raise InputRefused(
            Text("日期应写作 2026-01-31 这样的形式。", "Write a date as 2026-01-31."), field="since"
        ) from None


@router.post(
    "/clocks/extensions/{extension_id}/decide",
    response_class=HTMLResponse,
    **access("auth:clock:approve-extension"),
)
def decide_extension(
    request: Request, house: HouseDep, actor: ActorDep, extension_id: str, form: Typed
) -> Response:  # fmt: skip
    """Approve or refuse an extension."""
    given = {"outcome": str(form.get("outcome", "")), "note": str(form.get("note", ""))}
    made = tried(
        house,
        lambda work: service.decide_extension(work, actor, extension_id, checked(ExtensionDecision, given)),
    )
    if isinstance(made, AppError):
        with house.read() as work:
            return _list(request, work, actor, refusal=made)
    said = (
        Text("已同意延期，期限随之顺延。", "Approved; the day it is due has moved.")
        if made.state == "approved"
        else Text("已说明不同意的理由。", "Refused, with a reason.")
    )
    return go("/clocks", said)


@router.get(
    "/applications/{application_id}/clocks", response_class=HTMLResponse, **access("auth:application:read")
)
def case_page(request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> HTMLResponse:  # fmt: skip
    """The clocks of one application."""
    return _case(request, work, actor, application_id)


def _case(
    request: Request, work: Work, actor: Actor, application_id: ApplicationId,
    refusal: AppError | None = None, typed: dict[str, str] | None = None,
) -> HTMLResponse:  # fmt: skip
    found = queries.case(work, actor, application_id)
    return page(
        request, "clocks/case.html", status=status_of(refusal) if refusal else 200, clocks=found,
        stage_names=STAGE_NAMES, levels=sla.LEVEL_NAMES, refusal=refusal,
        typed=typed or {"working_days": "5", "reason": ""}, longest=limits_now(work)[sla.EXTENSION],
    )  # fmt: skip


@router.post(
    "/applications/{application_id}/sign-for", response_class=HTMLResponse, **access("auth:clock:sign")
)
def sign_for(request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId) -> Response:  # fmt: skip
    """Sign for a submission."""
    made = tried(house, lambda work: service.sign_for(work, actor, application_id))
    if isinstance(made, AppError):
        with house.read() as work:
            return _case(request, work, actor, application_id, made)
    return go(f"/applications/{application_id}", Text("已签收。", "Signed for."))


@router.post(
    "/applications/{application_id}/extensions", response_class=HTMLResponse, **access("auth:clock:extend")
)
def ask_extension(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:  # fmt: skip
    """Ask for more working days."""
    typed = {name: str(form.get(name, "")).strip() for name in ("working_days", "reason")}
    made = tried(
        house, lambda work: service.ask_extension(work, actor, application_id, checked(ExtensionAsk, typed))
    )
    if isinstance(made, AppError):
        with house.read() as work:
            return _case(request, work, actor, application_id, made, typed)
    return go(
        f"/applications/{application_id}/clocks",
        Text("已提出延期申请，待第二人审批。", "Asked; another person decides."),
    )


@router.get("/calendar", response_class=HTMLResponse, **access(SIGNED_IN))
def calendar_page(request: Request, work: ReadDep, year: str = "") -> HTMLResponse:
    """A year's working days, with the days set by hand."""
    return _calendar(request, work, year)


def _calendar(
    request: Request, work: Work, year: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    today = counting.day_of(work.now)
    number = int(year) if year.isdecimal() and year.isascii() and len(year) == 4 else today.year
    try:
        found = days.year(work, number)
    except InputRefused as refused:
        refusal, found = refusal or refused, days.year(work, today.year)
    return page(
        request, "clocks/calendar.html", status=status_of(refusal) if refusal else 200, found=found, refusal=refusal,
        typed=typed or {"day": (today + timedelta(days=1)).isoformat(), "kind": "off", "note": ""},
    )  # fmt: skip


@router.post("/calendar", response_class=HTMLResponse, **access("auth:calendar:write"))
def set_day(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Set a day by hand, or take the setting back (`kind=seed`)."""
    typed = {name: str(form.get(name, "")).strip() for name in ("day", "kind", "note")}

    def act(work: Work) -> date:
        day = _day(typed["day"])
        if day is None:
            raise InputRefused(Text("请填写日期。", "Give a day."), field="day")
        if typed["kind"] == "seed":
            days.remove_day(work, actor, day)
        else:
            given = {"is_working": typed["kind"] == "working", "note": typed["note"]}
            days.set_day(work, actor, day, checked(CalendarDaySet, given))
        return day

    made = tried(house, act)
    if isinstance(made, AppError):
        with house.read() as work:
            return _calendar(request, work, typed["day"][:4], made, typed)
    return go(f"/calendar?year={made.year}", Text("日历已更新。", "The calendar was changed."))
