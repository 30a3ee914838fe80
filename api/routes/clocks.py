"""Clocks: what runs, what is overdue, extensions, the three rates, the profile and the calendar."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Query, Response

from api.access import SIGNED_IN, access
from api.clock_tables import csv_answer, rates_csv, rates_json, waiting_csv
from api.deps import ActorDep, LangDep, ReadDep, WorkDep
from api.gives import gives
from api.late import APIRouter
from api.lookups import org_names
from auth.clocks import counting, days, queries, service, sla
from auth.clocks.models import (
    CalendarDayRead,
    CalendarDaySet,
    CalendarYear,
    CaseClocks,
    ExtensionAsk,
    ExtensionDecision,
    ExtensionRead,
)
from auth.clocks.rules import Stage
from auth.policy.limits import Reminded
from auth.profile.now import limits_now
from core.errors import InputRefused
from core.ids import ApplicationId
from core.text import Text

router = APIRouter(prefix="/api/v1", tags=["clocks"])
_READ = "auth:clock:read"
MOST_IN_A_FILE = 20_000


@router.get("/clocks", **access(_READ))
def list_clocks(
    work: ReadDep,
    actor: ActorDep,
    overdue: bool = False,
    stage: Stage | None = None,
    department: str = "",
    org_id: str = "",
    sort: str = "due",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Applications on which a clock of the bureau runs, in the caller's sight; `overdue`: only those past their day."""
    found, total = queries.waiting(
        work, actor, overdue=overdue, stage=stage, department=department or None, org_id=org_id or None,
        sort=sort, offset=(page - 1) * limit, limit=limit,
    )  # fmt: skip
    return {"items": found, "total": total, "next": str(page + 1) if page * limit < total else None}


@router.get("/clocks.csv", **access(_READ), **gives("text/csv"))
def export_clocks(
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    overdue: bool = True,
    stage: Stage | None = None,
    department: str = "",
    org_id: str = "",
    sort: str = "due",
) -> Response:
    """The same list as CSV, up to 20,000 rows."""
    found, _ = queries.waiting(
        work, actor, overdue=overdue, stage=stage, department=department or None, org_id=org_id or None,
        sort=sort, limit=MOST_IN_A_FILE,
    )  # fmt: skip
    return csv_answer("overdue" if overdue else "clocks", waiting_csv(found, org_names(work), lang))


@router.get("/clocks/kpi", **access(_READ))
def show_kpi(
    work: ReadDep, actor: ActorDep, since: date | None = None, until: date | None = None, department: str = ""
) -> dict[str, Any]:
    """按时签收率, 受理告知及时率, 按时办结率 by department and month, with what is counted; this year when no days are given."""
    first, last = period_of(counting.day_of(work.now), since, until)
    found = rates_json(queries.kpis(work, actor, first, last, department or None))
    return found | {"since": first, "until": last}


@router.get("/clocks/kpi.csv", **access(_READ), **gives("text/csv"))
def export_kpi(
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    since: date | None = None,
    until: date | None = None,
    department: str = "",
) -> Response:
    """The rates as CSV, each with its numerator and denominator in words."""
    first, last = period_of(counting.day_of(work.now), since, until)
    found = queries.kpis(work, actor, first, last, department or None)
    return csv_answer(f"kpi-{first}-{last}", rates_csv(found, org_names(work), lang))


def period_of(today: date, since: date | None, until: date | None) -> tuple[date, date]:
    """The days asked for; by default this year up to today. Raises InputRefused when they are the wrong way round or too far."""
    last = until or today
    first = since or date(last.year, 1, 1)
    if not first <= last or (last - first).days > 3660 or first.year < 2000 or last.year > 2100:
        raise InputRefused(
            Text("期间应为十年以内，且起日不晚于止日。", "The period is ten years at most, and begins before it ends."),
            field="since",
        )  # fmt: skip
    return first, last


@router.get("/clocks/profile", **access(SIGNED_IN))
def show_profile(work: ReadDep) -> dict[str, Any]:
    """Working days of each stage, levels of escalation and days of reminding that are in force today, with their sources."""
    known = limits_now(work)
    return {
        "stages": [asdict(row) for row in sla.rows(known)],
        "longest_extension_working_days": known[sla.EXTENSION],
        "least_after_pause_working_days": known[sla.LEAST_AFTER_PAUSE],
        "levels": [asdict(level) for level in sla.levels(known)],
        "reminder_days": known.reminders[Reminded.GENERAL].days,
        "reminders": [asdict(each) for each in known.reminders.values()],
    }


@router.get("/clocks/extensions", **access("auth:clock:approve-extension"))
def list_extensions(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """Extensions that wait for a second person."""
    found = queries.open_extensions(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.post("/clocks/extensions/{extension_id}/decide", **access("auth:clock:approve-extension"))
def decide_extension(
    work: WorkDep, actor: ActorDep, extension_id: str, body: ExtensionDecision
) -> ExtensionRead:
    """Approve or refuse an extension that somebody else asked for."""
    return service.decide_extension(work, actor, extension_id, body)


@router.get("/applications/{application_id}/clocks", **access("auth:application:read"))
def show_clocks(work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> CaseClocks:
    """The clocks of one application: allowed, used, left, due; who has the next word."""
    return queries.case(work, actor, application_id)


@router.post("/applications/{application_id}/sign-for", **access("auth:clock:sign"))
def sign_for(work: WorkDep, actor: ActorDep, application_id: ApplicationId) -> CaseClocks:
    """Say that the department has received the submission (签收)."""
    return service.sign_for(work, actor, application_id)


@router.post("/applications/{application_id}/extensions", status_code=201, **access("auth:clock:extend"))
def ask_extension(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, body: ExtensionAsk
) -> ExtensionRead:
    """Ask for more working days for the stage that runs now; another person approves."""
    return service.ask_extension(work, actor, application_id, body)


@router.get("/calendar", **access(SIGNED_IN))
def show_calendar(work: ReadDep, year: int | None = None) -> CalendarYear:
    """The working days of a year that are no plain weekdays; `is_known` says whether its national holidays are known."""
    return days.year(work, counting.day_of(work.now).year if year is None else year)


@router.put("/calendar/{day}", **access("auth:calendar:write"))
def set_day(work: WorkDep, actor: ActorDep, day: date, body: CalendarDaySet) -> CalendarDayRead:
    """Set by hand what a day is."""
    return days.set_day(work, actor, day, body)


@router.delete("/calendar/{day}", status_code=204, **access("auth:calendar:write"))
def remove_day(work: WorkDep, actor: ActorDep, day: date) -> None:
    """Go back to the national table for that day."""
    days.remove_day(work, actor, day)
