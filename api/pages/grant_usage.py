"""Page of a grant's single lines of use: who took what when, what was refused and why, with sums, months as a chart, and the same as a file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.late import APIRouter
from api.lookups import column_titles
from api.supervision_files import Form, ledger_file
from api.web import page
from auth.grants import reading
from auth.grants.ledger import KINDS
from auth.grants.tables import UsageMonthRow
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from auth.supervision import ledger
from auth.supervision.ledger import Wish
from core.errors import InputRefused
from core.ids import GrantId
from core.text import Lang, Text

router = APIRouter(prefix="/grants", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50
_SHOWN_MONTHS: Final = 24
_BARS: Final = (
    ("deliveries", Text("交付", "Deliveries")),
    ("downloads", Text("下载", "Downloads")),
    ("refusals", Text("拒绝", "Refusals")),
)
_NOTHING: Final = "-"  # no kind: lines of it there are none


@router.get("/{grant_id}/usage", response_class=HTMLResponse, **access("auth:grant:read", personal=""))
def usage_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    grant_id: GrantId,
    kind: str = "",
    since: str = "",
    until: str = "",
    sort: str = "-at",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """The lines of one grant, newest first. Days are local and both count."""
    found = reading.grant(work, actor, grant_id)
    refusal: InputRefused | None = None
    try:
        wish = _wish(grant_id, kind, since, until)
    except InputRefused as refused:
        refusal, wish = refused, Wish(grant_id=grant_id, kind=_NOTHING)
    lines, sums = ledger.lines(work, wish, sort=sort, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    known = limits()
    return page(
        request, "grants/usage.html", status=422 if refusal else 200, found=found, lines=lines, sums=sums, number=number,
        pages=max(1, -(-sums.lines // PER_PAGE)), kinds=KINDS, forms=FORM_NAMES, known=known, refusal=refusal,
        columns=column_titles(work, found.dataset_id), chart=_chart(ledger.months(work, grant_id)[-_SHOWN_MONTHS:], lang),
        wish={"kind": kind, "since": since, "until": until}, is_filtered=bool(kind or since or until),
    )  # fmt: skip


@router.get("/{grant_id}/usage/file", response_class=FileResponse, **access("auth:grant:read", personal=""))
def usage_download(
    house: HouseDep,
    actor: ActorDep,
    grant_id: GrantId,
    kind: str = "",
    since: str = "",
    until: str = "",
    form: Form = "csv",
) -> Response:
    """Every line that the page's filters leave, as a file, oldest first."""
    with house.read() as work:
        reading.grant(work, actor, grant_id)
    return ledger_file(house, actor, _wish(grant_id, kind, since, until), form)


def _wish(grant_id: GrantId, kind: str, since: str, until: str) -> Wish:
    first, last = _day(since, "since"), _day(until, "until")
    if first and last and last < first:
        raise InputRefused(
            Text(
                "“至”早于“自”；请调换两个日期。",
                "The last day lies before the first; turn the two days round.",
            ),
            field="until",
        )
    return ledger.of_grant(grant_id, kind, first, last)


def _day(word: str, field: str) -> date | None:
    if not word.strip():
        return None
    try:
        return date.fromisoformat(word.strip())
    except ValueError:
        raise InputRefused(
            Text("请填写日期，如 2026-03-01。", "Write a day such as 2026-03-01."), field=field
        ) from None


def _chart(months: list[UsageMonthRow], lang: Lang) -> dict[str, Any] | None:
    """Deliveries, downloads and refusals by month, empty months between them shown; None where nothing happened yet."""
    if not months:
        return None
    held = {row.month: row for row in months}
    labels = _between(months[0].month, months[-1].month)
    return {
        "kind": "bar",
        "labels": labels,
        "series": [
            {"name": name.in_(lang), "values": [getattr(held.get(month), unit, 0) for month in labels]}
            for unit, name in _BARS
        ],
    }


def _between(first: str, last: str) -> list[str]:
    """`2026-03` to `2026-05`: every month, the newest 24."""
    day, found = date.fromisoformat(f"{first}-01"), []
    while (month := day.strftime("%Y-%m")) <= last:
        found.append(month)
        day = (day + timedelta(days=31)).replace(day=1)
    return found[-_SHOWN_MONTHS:]
