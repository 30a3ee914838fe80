"""Pages of releases: what was published, what proves it, and the way to get it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Path, Request, Response
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, access
from api.deps import ActorDep, HouseDep, ReadDep
from api.late import APIRouter
from api.open_forms import wanted
from api.web import go, page, page_number
from catalog import queries as catalog
from catalog.assets import asset
from core.errors import AppError, Gone, NotFound
from core.jobs import FINAL, JobRow, read
from core.text import Text
from core.work import Work
from datasets.batches.queries import READ
from datasets.lineage import drawing
from datasets.lineage.graph import KIND_NAMES, LINK_NAMES, lineage
from datasets.releases import access as release_access
from datasets.releases import forms, queries, rules, service, shape
from datasets.releases.models import ReleaseRead
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import DELIVERABLE, STATE_NAMES, ReleaseState

router = APIRouter(prefix="/releases", include_in_schema=True, tags=["pages"])


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    q: str = "",
    dataset: str = "",
    state: str = "",
    sort: str = "-published",
) -> HTMLResponse:
    """Releases within the reader's sight."""
    wanted = state if state in set(ReleaseState) else ""
    found = queries.releases(
        work, actor, words=q, dataset_id=dataset or None, state=wanted, sort=sort, page=page_number(request)
    )
    titles = catalog.titles(work, sorted({item.dataset_id for item in found.items}))
    return page(
        request,
        "releases/list.html",
        found=found,
        q=q,
        dataset=dataset,
        state=state,
        states=STATE_NAMES,
        titles=titles,
    )


def _show(
    request: Request,
    work: Work,
    actor: ActorDep,
    release_id: str,
    error: AppError | None = None,
    typed: str = "",
) -> HTMLResponse:
    from api.errors import status_of

    row = queries.shown(work, actor, release_id)
    job = work.db.get(JobRow, row.job_id) if row.job_id else None
    held = asset(work, row.dataset_id)
    insider = actor.may_in(READ, row.org_id)
    made = forms.of_release(work, row.id)
    facts: dict[str, Any] = {
        "release": ReleaseRead.model_validate(row),
        "title": held.title,
        "versions": queries.releases_of(work, row.dataset_id),
        "is_open": release_access.may_flow(work, row.id),
        "insider": insider,
        "people": {"prepared": row.prepared, "publisher": row.publisher, "withdrawn": row.withdrawn}
        if insider
        else {},
        "may_withdraw": row.state in DELIVERABLE and actor.may_in("datasets:release:withdraw", row.org_id),
        "job": read(job) if job and job.state not in FINAL and insider else None,
        "semver": shape.version_of(row),
        "version_of": shape.version_of,
        "compared_number": _number_of(work, row.compared_to),
        "forms": {form: (forms.kind(form).name, made.get(form)) for form in forms.offered(row)},
        "impacts": {impact.word: name for impact, name in rules.IMPACT_NAMES.items()},
    }
    return page(
        request, "releases/show.html", status=status_of(error) if error else 200, error=error, typed=typed,
        states=STATE_NAMES, **facts,
    )  # fmt: skip


def _number_of(work: Work, release_id: str | None) -> int | None:
    row = work.db.get(ReleaseRow, release_id) if release_id else None
    return row.number if row else None


@router.get("/{release_id}/lineage", response_class=HTMLResponse, **access(PUBLIC))
def lineage_page(request: Request, work: ReadDep, actor: ActorDep, release_id: str) -> HTMLResponse:
    """Where a release comes from and where it went, drawn and as tables."""
    found = lineage(work, actor, release_id)
    return page(
        request, "releases/lineage.html", found=found, picture=drawing.draw(found), kinds=KIND_NAMES,
        relations=LINK_NAMES, size=(drawing.WIDTH, drawing.HEIGHT), base=f"/api/v1/releases/{found.release.id}",
    )  # fmt: skip


@router.get("/{release_id}", response_class=HTMLResponse, **access(PUBLIC))
def show_page(request: Request, work: ReadDep, actor: ActorDep, release_id: str) -> HTMLResponse:
    """One release; a withdrawn one answers 410 with its reason to outsiders."""
    return _show(request, work, actor, release_id)


@router.post("/{release_id}/forms/{form}", response_class=HTMLResponse, **access(PUBLIC))
def ask_for_form(
    request: Request, house: HouseDep, actor: ActorDep, release_id: str, form: Annotated[str, Path(max_length=20)]
) -> Response:  # fmt: skip
    """Have open data made in a further form; the page then offers the file, or says why there is none."""
    if form not in forms.FORMS:
        raise NotFound(Text("没有这种文件形式。", "There is no such form."))
    try:
        found = wanted(house, actor, release_id, form)
    except (NotFound, Gone):
        raise
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, release_id, error)
    said = Text("正在生成，请稍后刷新本页。", "It is being made; reload this page shortly.")
    if found.state == forms.FAILED:
        said = Text(found.failed_zh, found.failed_en)
    return go(f"/releases/{release_id}#get", said)


@router.post("/{release_id}/withdraw", response_class=HTMLResponse, **access("datasets:release:withdraw"))
def withdraw(
    request: Request, house: HouseDep, actor: ActorDep, release_id: str, reason: Annotated[str, Form()] = ""
) -> Response:
    """Stop every delivery of the release at once."""
    try:
        with house.write() as work:
            service.withdraw(work, actor, release_id, reason)
    except AppError as error:
        with house.read() as work:
            return _show(request, work, actor, release_id, error, reason)
    return go(
        f"/releases/{release_id}", Text("版本已撤回，交付已停止。", "Withdrawn; every delivery has stopped.")
    )
