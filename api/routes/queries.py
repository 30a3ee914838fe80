"""Statistical queries: answers about rows that may not leave."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, Offset, ReadDep, WorkDep
from api.house import House
from api.late import APIRouter
from api.witnessed import noted
from auth.actor import Actor
from core.text import Lang
from core.work import Work
from datasets.queries import queries, service, terms
from datasets.queries.model import QueryAsk, QueryRead, TermsRead, TermsWrite
from datasets.queries.service import Desk

router = APIRouter(prefix="/api/v1/queries", tags=["queries"])


def desk_of(house: House) -> Desk:
    return Desk(house.read, house.write, house.files, house.settings)


@router.get("", **access("datasets:query:read"))
def list_queries(
    work: ReadDep,
    actor: ActorDep,
    state: str | None = None,
    form: str | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-asked",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Questions of the caller's organisation with their answers (watchers: all), newest first."""
    found, total = queries.listed(
        work, actor, state=state, form=form, grant_id=grant_id, dataset_id=dataset_id, sort=sort, offset=offset, limit=limit
    )  # fmt: skip
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/plan", **access("datasets:query:ask"))
def plan_query(work: ReadDep, actor: ActorDep, lang: LangDep, body: QueryAsk) -> dict[str, Any]:
    """Whether the query may be asked, with every reason, and what it would take from the grant. Reads no row, takes nothing."""
    return plan(work, actor, body, lang)


def plan(work: Work, actor: Actor, body: QueryAsk, lang: Lang) -> dict[str, Any]:
    case = service.consider(work, actor, body)
    limit, used = case.grant.policy.quotas.extracts, case.grant.used.extracts
    return {
        "permitted": not case.reasons,
        "reasons": [reason.as_json(lang) for reason in case.reasons],
        "release_number": case.release.number if case.release else None,
        "contributor": case.terms.contributor if case.terms else None,
        "min_group": case.limits["query_min_group"],
        "takes": {"extracts": 1},
        "left": {
            "extracts": None if limit is None else max(limit - used, 0),
            "rows": service.rows_left(case),
        },
    }


@router.post("", status_code=201, **access("datasets:query:ask"))
def ask_query(request: Request, house: HouseDep, actor: ActorDep, body: QueryAsk) -> QueryRead:
    """Ask. An evaluated question is charged, also when the answer is the one reason `suppressed`."""
    noted(request)  # the service writes its own refusals down
    return service.ask_for(desk_of(house), actor, body)


@router.get("/terms/{dataset_id}", **access("signed-in"))
def show_terms(work: ReadDep, actor: ActorDep, dataset_id: str) -> TermsRead:
    """What counts as a contributor of the dataset, bounds and lists for private answers."""
    return terms.shown(work, actor, dataset_id)


@router.put("/terms/{dataset_id}", **access("datasets:query:terms"))
def set_terms(work: WorkDep, actor: ActorDep, dataset_id: str, body: TermsWrite) -> TermsRead:
    """Set the dataset's terms for queries; every version is kept."""
    return terms.put(work, actor, dataset_id, body)


@router.get("/{answer_id}", **access("datasets:query:read"))
def show_query(work: ReadDep, actor: ActorDep, answer_id: str) -> QueryRead:
    """One question with its answer."""
    return queries.one(work, actor, answer_id)
