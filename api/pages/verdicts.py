"""Pages of verdicts and scores: of a batch, of a release, of a dataset. Made to be read and to be printed."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api import verdict_charts as charts
from api.access import PUBLIC, access
from api.deps import ActorDep, HouseDep, WorkDep, language
from api.house import House
from api.late import APIRouter
from api.web import go, page
from core.jobs import JobRead
from core.text import Text
from datasets import scoring, verdict_docs, verdict_failing, verdicts
from datasets.verdicts import Seen
from quality.scores import part_names
from quality.wording import severity_name

router = APIRouter(include_in_schema=True, tags=["pages"])
Place = Annotated[int | None, Query(ge=1)]
OUTCOMES: Final = {
    "passed": Text("通过", "passed"),
    "failed": Text("未通过", "failed"),
    "error": Text("未能执行", "could not run"),
}


@router.get(
    "/batches/{batch_id}/verdict",
    response_class=HTMLResponse,
    **access("datasets:batch:read", personal="batch_id"),
)
def batch_page(
    request: Request, house: HouseDep, actor: ActorDep, batch_id: str, rule: Place = None
) -> HTMLResponse:
    """The verdict of a batch: charts, rules, the rows that failed. `rule`: whose column is drawn."""
    with house.read() as work:
        seen = verdicts.of_batch(work, actor, batch_id, house.files)
        points = verdicts.points(work, actor, seen.read.dataset_id, of_batches=True)
        docs = verdict_docs.latest(work, seen) if seen.sight.values else None
        failing = verdict_failing.latest(work, seen)
    return _verdict(request, house, seen, points, rule, of_batches=True, docs=docs, failing=failing)


@router.post("/batches/{batch_id}/verdict/docs", **access("datasets:batch:read"))
def ask_for_docs(work: WorkDep, actor: ActorDep, batch_id: str) -> Response:
    """Have Great Expectations' Data Docs drawn; the page offers them when they are done."""
    verdict_docs.request(work, actor, batch_id)
    said = Text(
        "正在生成 Data Docs，完成后可在此下载。", "Data Docs are being drawn; download them here when done."
    )
    return go(f"/batches/{batch_id}/verdict#docs", said)


@router.post("/batches/{batch_id}/verdict/failing", **access("datasets:batch:read"))
def ask_for_failing(work: WorkDep, actor: ActorDep, batch_id: str) -> Response:
    """Have every failing row listed; the page shows how far it is, then offers the files."""
    verdict_failing.request(work, actor, batch_id)
    said = Text(
        "正在列出全部问题行，完成后可在此下载。",
        "Every failing row is being listed; download the list here when done.",
    )
    return go(f"/batches/{batch_id}/verdict#failing", said)


@router.get("/releases/{release_id}/verdict", response_class=HTMLResponse, **access(PUBLIC))
def release_page(
    request: Request, house: HouseDep, actor: ActorDep, release_id: str, rule: Place = None
) -> HTMLResponse:
    """The verdict by which a release was published, for whoever may see the release."""
    with house.read() as work:
        seen = verdicts.of_release(work, actor, release_id, house.files)
        points = verdicts.points(work, actor, seen.read.dataset_id)
    return _verdict(request, house, seen, points, rule, of_batches=False)


def _verdict(
    request: Request,
    house: House,
    seen: Seen,
    points: list[Any],
    rule: int | None,
    *,
    of_batches: bool,
    docs: JobRead | None = None,
    failing: JobRead | None = None,
) -> HTMLResponse:
    """No transaction is held here: the column and the rows are read from the stored table."""
    lang, read = language(request), seen.read
    drawn = verdicts.picture(seen, house.files, rule)
    names, rows = verdicts.failing_rows(seen, house.files)
    return page(
        request, "verdicts/show.html", verdict=read, of_batches=of_batches, sight=seen.sight, drawn=drawn,
        drawable=verdicts.drawable(seen), docs=docs, failing=failing, names=names[1:], rows=rows, parts=part_names(), outcome_names=OUTCOMES,
        severities={name: severity_name(name) for name in ("critical", "warning", "info")},
        charts={
            "rule": charts.by_rule(read.rules, lang), "column": charts.by_column(read.rules, lang),
            "time": charts.over_time(points, lang, of_batches=of_batches),
            "spread": charts.of_spread(drawn[1], lang) if drawn else None,
        },
    )  # fmt: skip


@router.get("/datasets/{dataset_id}/quality", response_class=HTMLResponse, **access(PUBLIC))
def quality_page(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """Scores by GB/T 36344, their course over the releases, and what to mend first."""
    lang = language(request)
    with house.read() as work:
        found = scoring.quality_of(work, actor, dataset_id, house.files)
    return page(
        request, "datasets/quality.html", quality=found, parts=part_names(),
        severities={name: severity_name(name) for name in ("critical", "warning", "info")},
        charts={
            "dimensions": charts.dimensions(found.scores, lang) if found.scores else None,
            "trend": charts.trend(found.releases, found.scheme, lang),
        },
    )  # fmt: skip
