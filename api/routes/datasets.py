"""Dataset records: search, read, write, publish, withdraw; the data dictionary."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.access import access
from api.deps import ActorDep, LangDep, ReadDep, WorkDep
from api.late import APIRouter
from api.versions import ExpectedVersion, etag
from catalog import service
from catalog.models import (
    DatasetCreate,
    DatasetExport,
    DatasetRead,
    DatasetUpdate,
    Dictionary,
    DictionaryRead,
)
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from catalog.relations import kinds
from catalog.relations import service as relations
from catalog.relations.service import RelationRead
from catalog.scores import service as scores
from catalog.scores.service import ScoreRead
from catalog.search.engine import Search, Sort, search
from catalog.search.models import FoundRead, as_read
from catalog.search.saved import box

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])

Values = Annotated[list[str], Query(default_factory=list, max_length=50)]


def _is_relation(word: str) -> str:
    if kinds.parse(word) is None:
        raise ValueError(f"is not KIND:CODE; kinds are {', '.join(kinds.STATED)}")
    return word


Relation = Annotated[str, Field(max_length=100), AfterValidator(_is_relation)]


class Withdrawal(BaseModel):
    """Why a record leaves the catalogue; readers of its address will see it."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(max_length=2000)
    replaced_by: str = Field(
        default="", max_length=80, description="Resource code of the record that takes over"
    )


class RelationsRead(BaseModel):
    """A page of relations; `next` is the offset of the following page, null at the end."""

    items: list[RelationRead]
    total: int
    next: int | None


class RelationsChange(BaseModel):
    """Relations to state and to take back, each `kind:code` such as `inSeries:DP-PK-S01`."""

    model_config = ConfigDict(extra="forbid")
    add: list[Relation] = Field(default=[], max_length=100)
    remove: list[Relation] = Field(default=[], max_length=100)


WAITS: dict[int | str, dict[str, Any]] = {
    202: {
        "model": ProposalRead,
        "description": "The record is published: the change waits for a second person",
    }
}


@router.get("", **access("public"))
def list_datasets(
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    theme: Values,
    publisher: Values,
    open_type: Values,
    level: Values,
    format: Values,
    update_freq: Values,
    has_release: Values,
    region: Values,
    licence: Values,
    grade: Values,
    freshness: Values,
    scenario: Values,
    state: Values,
    q: Annotated[str, Query(max_length=1000, description="Words, all of which must be found")] = "",
    since: Annotated[date | None, Query(description="Records whose stated period ends no earlier")] = None,
    until: Annotated[date | None, Query(description="Records whose stated period begins no later")] = None,
    bbox: Annotated[
        str,
        Query(max_length=200, description="Records whose bounding box meets west,south,east,north (degrees)"),
    ] = "",
    sort: Sort = "relevance",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> FoundRead:
    """Search the records that the caller may see. Several values of one facet widen, several facets narrow."""
    chosen = {
        "theme": theme, "publisher": publisher, "open_type": open_type, "level": level,
        "format": format, "update_freq": update_freq, "has_release": has_release, "region": region,
        "licence": licence, "grade": grade, "freshness": freshness, "scenario": scenario, "state": state,
    }  # fmt: skip
    ask = Search(q, chosen, sort, limit, offset, lang, since, until, box({"bbox": bbox}))
    return as_read(work, search(work, actor, ask), ask)


@router.post("", status_code=201, **access("catalog:dataset:write"))
def create_dataset(work: WorkDep, actor: ActorDep, response: Response, body: DatasetCreate) -> DatasetRead:
    """Enter a record as a draft, with its dictionary if it is sent along."""
    made = service.create(work, actor, body)
    response.headers.update(etag(made.version) | {"Location": f"/api/v1/datasets/{made.id}"})
    return made


@router.get("/{dataset_id}", **access("public"))
def show_dataset(work: ReadDep, actor: ActorDep, response: Response, dataset_id: str) -> DatasetRead:
    """One record. A withdrawn one answers 410 with the reason."""
    return _tagged(response, service.show(work, actor, dataset_id))


@router.get("/{dataset_id}/relations", **access("public"))
def list_relations(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    kind: Annotated[str, Query(max_length=40, description="One kind only, such as seriesMember")] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RelationsRead:
    """How the record stands to others, whichever of the two says so; only to records that the caller may know of."""
    found, total = relations.listed(work, actor, dataset_id, kind=kind, offset=offset, limit=limit)
    following = offset + limit
    return RelationsRead(items=found, total=total, next=following if following < total else None)


@router.post(
    "/{dataset_id}/relations", response_model=DatasetRead, responses=WAITS, **access("catalog:dataset:write")
)
def change_relations(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: ExpectedVersion,
    body: RelationsChange,
) -> DatasetRead | JSONResponse:
    """State relations or take them back: of a draft at once (200), of a published record by a proposal (202)."""
    made = proposals.change_relations(
        work, actor, dataset_id, body.add, body.remove, expected_version=expected
    )
    return _either(response, made)


@router.patch("/{dataset_id}", response_model=DatasetRead, responses=WAITS, **access("catalog:dataset:write"))
def update_dataset(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: ExpectedVersion,
    body: DatasetUpdate,
) -> DatasetRead | JSONResponse:
    """Change the fields that are sent: of a draft at once (200), of a published record by a proposal (202)."""
    return _either(response, proposals.change(work, actor, dataset_id, body, expected_version=expected))


@router.put("/{dataset_id}", response_model=DatasetRead, responses=WAITS, **access("catalog:dataset:write"))
def replace_dataset(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: ExpectedVersion,
    body: DatasetUpdate,
) -> DatasetRead | JSONResponse:
    """Put a whole record in place: fields that are not sent become empty. The dictionary stays. 202: it waits for review."""
    whole = DatasetUpdate.model_validate(body.model_dump())
    return _either(response, proposals.change(work, actor, dataset_id, whole, expected_version=expected))


@router.get("/{dataset_id}/objections", **access("catalog:dataset:write"))
def list_objections(work: ReadDep, actor: ActorDep, lang: LangDep, dataset_id: str) -> dict[str, Any]:
    """Everything that keeps the record from being published, each with its rule."""
    found = service.objections(work, actor, dataset_id)
    return {"items": [reason.as_json(lang) for reason in found], "total": len(found), "next": None}


@router.get("/{dataset_id}/score", **access("public"))
def show_score(work: ReadDep, actor: ActorDep, dataset_id: str) -> ScoreRead:
    """How good the record is as metadata (405 points in five dimensions), and what to mend first."""
    return scores.score(work, actor, dataset_id)


@router.post("/{dataset_id}/publish", status_code=202, **access("catalog:dataset:write"))
def publish_dataset(
    work: WorkDep, actor: ActorDep, dataset_id: str, expected: ExpectedVersion
) -> ProposalRead:
    """Ask for a complete draft to be published: a second person accepts. 409 lists everything that is missing or contradictory."""
    return proposals.ask_publication(work, actor, dataset_id, expected_version=expected)


@router.post("/{dataset_id}/withdraw", **access("catalog:dataset:write"))
def withdraw_dataset(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: ExpectedVersion,
    body: Withdrawal,
) -> DatasetRead:
    """Take a record out of the catalogue for good; a tombstone stays."""
    done = service.withdraw(
        work, actor, dataset_id, body.reason, replaced_by=body.replaced_by, expected_version=expected
    )
    return _tagged(response, done)


@router.get("/{dataset_id}/dictionary", **access("public"))
def show_dictionary(work: ReadDep, actor: ActorDep, response: Response, dataset_id: str) -> DictionaryRead:
    """The columns in order, and how the department's files are laid out."""
    found = service.show_dictionary(work, actor, dataset_id)
    response.headers.update(etag(found.version))
    return found


@router.put(
    "/{dataset_id}/dictionary",
    response_model=DictionaryRead,
    responses=WAITS,
    **access("catalog:dataset:write"),
)
def replace_dictionary(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: ExpectedVersion,
    body: Dictionary,
) -> DictionaryRead | JSONResponse:
    """Put a whole dictionary in place of the old one; of a published record by a proposal (202)."""
    made = proposals.change_dictionary(work, actor, dataset_id, body, expected_version=expected)
    if isinstance(made, ProposalRead):
        return _waiting(made)
    response.headers.update(etag(made.version))
    return made


@router.get("/{dataset_id}/export", **access("public"))
def export_dataset(work: ReadDep, actor: ActorDep, dataset_id: str) -> DatasetExport:
    """The record with its dictionary as one document that `POST /datasets` takes elsewhere."""
    return service.export(work, actor, dataset_id)


def _waiting(made: ProposalRead) -> JSONResponse:
    return JSONResponse(
        made.model_dump(mode="json"), 202, headers={"Location": f"/api/v1/record-proposals/{made.id}"}
    )


def _either(response: Response, read: DatasetRead | ProposalRead) -> DatasetRead | JSONResponse:
    return _waiting(read) if isinstance(read, ProposalRead) else _tagged(response, read)


def _tagged(response: Response, read: DatasetRead) -> DatasetRead:
    response.headers.update(etag(read.version))
    return read
