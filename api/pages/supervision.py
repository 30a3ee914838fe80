"""Pages of those who watch: the dashboard and the usage ledger."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.access import access
from api.clock_tables import rates_chart
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.late import APIRouter
from api.lookups import org_names
from api.supervision_files import Form, ledger_file, monthly_file
from api.web import page
from auth.actor import Actor
from auth.anomalies import service as anomalies
from auth.applications.rules import period
from auth.clocks import kpi
from auth.clocks import queries as clocks
from auth.duties import service as duties
from auth.grants.ledger import KINDS
from auth.identity import organisations
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from auth.proof import looking
from auth.supervision import ledger
from auth.supervision.dashboard import Dashboard, Taken, a_year_to, dashboard
from auth.supervision.ledger import Wish
from auth.supervision.monthly import By, monthly
from core.text import Lang, Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
SHOWN: Final = 15
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


@router.get("/supervision", response_class=HTMLResponse, **access("auth:usage:read"))
def dashboard_page(
    request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, first: str = "", last: str = ""
) -> HTMLResponse:
    """What was taken in a year, and the grants that want a look."""
    since, until = a_year_to(work.now)
    begins = first if _MONTH.fullmatch(first) else since
    ends = last if _MONTH.fullmatch(last) else until
    found = dashboard(work, begins, ends)
    return page(
        request, "supervision/dashboard.html", found=found, charts=_charts(found, lang), shown=SHOWN,
        monthly=found.months[::-1], orgs=org_names(work),
        open_anomalies=anomalies.number_open(work), look=looking.newest(work), **_late(work, actor), **_rates(work, actor, begins, ends, lang),
    )  # fmt: skip


@router.get("/supervision/monthly", response_class=HTMLResponse, **access("auth:usage:read"))
def monthly_page(request: Request, work: ReadDep, month: str = "", by: str = "") -> HTMLResponse:
    """The month's report, to read and to print; the month before this one unless said."""
    found = monthly(work, _month(work, month), _by(by))
    return page(request, "supervision/monthly.html", found=found, kinds=_KINDS)


@router.get("/supervision/monthly/file", response_class=Response, **access("auth:usage:read"))
def monthly_download(work: ReadDep, month: str = "", by: str = "", form: Form = "xlsx") -> Response:
    """The page's report as a file."""
    return monthly_file(monthly(work, _month(work, month), _by(by)), form)


_KINDS: Final = (
    (By.DATASET, Text("数据集", "Dataset")),
    (By.DEPARTMENT, Text("部门", "Department")),
    (By.ENTERPRISE, Text("企业", "Enterprise")),
)


def _by(word: str) -> By:
    return By(word) if word in set(By) else By.DATASET


def _month(work: Work, word: str) -> str:
    """The month that is wanted; the last one that is over where none is said, or nonsense."""
    if _MONTH.fullmatch(word):
        return word
    here = work.now.astimezone(LOCAL).date().replace(day=1)
    return (here - timedelta(days=1)).strftime("%Y-%m")


def _rates(work: Work, actor: Actor, first: str, last: str, lang: Lang) -> dict[str, Any]:
    """The three rates of keeping time in the months shown, whole and month by month."""
    since, until = date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01")
    until = (until + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    rates = clocks.kpis(work, actor, since, max(since, until))
    whole = {rate.measure: rate for rate in rates if rate.department_id is None and not rate.period}
    return {
        "rates": [(measure, whole[measure.key]) for measure in kpi.MEASURES],
        "rates_chart": rates_chart(rates, None, lang),
    }


def _late(work: Work, actor: Actor) -> dict[str, Any]:
    """What the bureau is late with now, and which duties of enterprises are overdue."""
    late, late_total = clocks.waiting(work, actor, overdue=True, limit=SHOWN)
    owed, owed_total = duties.duties(work, actor, standing="overdue", limit=SHOWN)
    return {"late": late, "late_total": late_total, "owed": owed, "owed_total": owed_total}


def _charts(found: Dashboard, lang: Lang) -> dict[str, Any]:
    def name(row: Taken) -> str:
        words = row.name_zh if lang == "zh" else row.name_en
        return words if len(words) < 26 else f"{words[:25]}…"

    counts = (
        ("deliveries", Text("交付", "Deliveries")),
        ("downloads", Text("下载", "Downloads")),
        ("refusals", Text("拒绝", "Refusals")),
    )
    top_sets, top_orgs = found.datasets[:SHOWN], found.orgs[:SHOWN]
    rows = Text("行数", "Rows").in_(lang)
    return {
        "months": {
            "kind": "bar",
            "labels": [row.key for row in found.months],
            "series": [
                {"name": label.in_(lang), "values": [getattr(row, unit) for row in found.months]}
                for unit, label in counts
            ],
        },
        "datasets": {
            "kind": "bars",
            "labels": [name(row) for row in top_sets],
            "series": [{"name": rows, "values": [row.rows for row in top_sets]}],
        },
        "orgs": {
            "kind": "bars",
            "labels": [name(row) for row in top_orgs],
            "series": [{"name": rows, "values": [row.rows for row in top_orgs]}],
        },
    }


@router.get("/usage", response_class=HTMLResponse, **access("auth:usage:read", personal=""))
def ledger_page(
    request: Request,
    work: ReadDep,
    kind: str = "",
    grant: str = "",
    org: str = "",
    dataset: str = "",
    account: str = "",
    scenario: str = "",
    since: str = "",
    until: str = "",
    sort: str = "-at",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """Who took what, newest first. Days are local and both count."""
    wish = _wish(kind, grant, org, dataset, account, scenario, since, until)
    found, sums = ledger.lines(work, wish, sort=sort, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    known = limits()
    return page(
        request, "supervision/ledger.html", found=found, sums=sums, number=number,
        pages=max(1, -(-sums.lines // PER_PAGE)), kinds=KINDS, forms=FORM_NAMES, known=known,
        scenarios=[(code, each.name) for code, each in known.scenarios.items()],
        orgs=[(each.id, each.name) for each in organisations.organisations(work) if each.kind in ("operator", "developer")],
        wish={"kind": kind, "grant": grant, "org": org, "dataset": dataset, "account": account, "scenario": scenario, "since": since, "until": until},
    )  # fmt: skip


@router.get("/usage/file", response_class=FileResponse, **access("auth:usage:read", personal=""))
def ledger_download(
    house: HouseDep,
    actor: ActorDep,
    kind: str = "",
    grant: str = "",
    org: str = "",
    dataset: str = "",
    account: str = "",
    scenario: str = "",
    since: str = "",
    until: str = "",
    form: Form = "xlsx",
) -> Response:
    """The lines of the page's filters as a file, for a browser."""
    return ledger_file(house, actor, _wish(kind, grant, org, dataset, account, scenario, since, until), form)


def _wish(
    kind: str, grant: str, org: str, dataset: str, account: str, scenario: str, since: str, until: str
) -> Wish:
    first, last = _day(since), _day(until)
    return Wish(
        kind=kind if kind in KINDS else "", grant_id=grant.strip(), org_id=org, dataset_id=dataset.strip(),
        account=account.strip(), scenario_id=scenario,
        since=period(first, first)[0] if first else None, until=period(last, last)[1] if last else None,
    )  # fmt: skip


def _day(word: str) -> date | None:
    """A day from the form; None when there is none, or nonsense (the filter then does not apply)."""
    try:
        found = date.fromisoformat(word)
    except ValueError:
        return None
    edge = timedelta(days=2)
    return found if date.min + edge < found < date.max - edge else None
