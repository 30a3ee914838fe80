"""Suites of datasets: the version in force, its history, what changed."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from api.versions import SeenVersion, etag
from catalog.assets import asset
from core.jobs import JobRead
from datasets import references, suites
from quality import service
from quality.service import SuiteRead
from quality.suite import Suite

router = APIRouter(prefix="/api/v1/datasets/{dataset_id}/suite", tags=["suites"])


class SuiteSave(BaseModel):
    """A suite in Great Expectations' own form, and why it is as it is now."""

    model_config = ConfigDict(extra="forbid")
    suite: dict[str, Any]
    note: str = Field(default="", max_length=2000)


@router.get("", **access("quality:suite:read"))
def show_suite(
    work: ReadDep, actor: ActorDep, response: Response, dataset_id: str, number: int | None = None
) -> SuiteRead:
    """The version in force, or the one of that number."""
    found = service.suite(work, actor, asset(work, dataset_id), number)
    response.headers.update(etag(found.number))
    return found


@router.put("", **access("quality:suite:write"))
def save_suite(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: SeenVersion,
    body: SuiteSave,
) -> SuiteRead:
    """Put a new version in force; every fault of the suite is listed at once."""
    # The suite is read first: what a fault of it says must not depend on whose dataset this is.
    suite = Suite.from_data(body.suite)
    saved = references.save(work, actor, asset(work, dataset_id), suite, body.note, expected_version=expected)
    response.headers.update(etag(saved.number))
    return saved


class SuiteTry(BaseModel):
    """A suite that binds nothing yet, and what to try it on: a batch, a release, or the last `releases` releases; without
    any of them, the newest batch that was read."""

    model_config = ConfigDict(extra="forbid")
    suite: dict[str, Any]
    batch_id: str | None = Field(default=None, max_length=80)
    release_id: str | None = Field(default=None, max_length=80)
    releases: int | None = Field(default=None, ge=1, le=suites.MOST_RELEASES)


class RulePreview(BaseModel):
    """One rule that binds nothing yet, in Great Expectations' own form, and what it would look at: a batch or a release;
    without either, the newest batch that was read."""

    model_config = ConfigDict(extra="forbid")
    rule: dict[str, Any]
    batch_id: str | None = Field(default=None, max_length=80)
    release_id: str | None = Field(default=None, max_length=80)


@router.post("/propose", **access("quality:suite:write"))
def propose_suite(
    house: HouseDep, actor: ActorDep, dataset_id: str, batch: str | None = None
) -> dict[str, Any]:
    """A suite proposed from a batch (the newest that was read, unless named) and the dictionary. Nothing is saved."""
    with house.read() as work:
        sample = suites.sample_of(work, actor, house.files, dataset_id, batch)
    return suites.proposal(sample).as_json()


@router.post("/try", status_code=202, **access("quality:suite:write"))
def try_suite(work: WorkDep, actor: ActorDep, dataset_id: str, body: SuiteTry) -> JobRead:
    """A dry run as a job: its result says what each rule would have found. No verdict is stored, nothing binds."""
    suite = Suite.from_data(body.suite)
    if body.releases is not None:
        on = suites.on_releases(work, actor, dataset_id, body.releases)
    elif body.release_id is not None:
        on = suites.on_release(work, actor, dataset_id, body.release_id)
    else:
        suites.writable(work, actor, dataset_id)
        on = suites.on_batch(work, actor, dataset_id, body.batch_id)
    return suites.ask_to_try(work, actor, dataset_id, suite, on)


@router.post("/preview", status_code=202, **access("quality:suite:write"))
def preview_rule(work: WorkDep, actor: ActorDep, dataset_id: str, body: RulePreview) -> JobRead:
    """What one rule would have found, as a job: counts and row numbers, no values. The caller's earlier preview that nobody has
    begun is taken back."""
    one = Suite.from_data({"name": "preview", "expectations": [body.rule]})
    if body.release_id is not None:
        on = suites.on_release(work, actor, dataset_id, body.release_id)
    else:
        suites.writable(work, actor, dataset_id)
        on = suites.on_batch(work, actor, dataset_id, body.batch_id)
    return suites.ask_to_preview(work, actor, dataset_id, one, on)


@router.get("/export", **access("quality:suite:read"))
def export_suite(
    work: ReadDep, actor: ActorDep, response: Response, dataset_id: str, number: int | None = None
) -> dict[str, Any]:
    """One version as Great Expectations itself writes and reads suites."""
    found = service.suite(work, actor, asset(work, dataset_id), number)
    name = f"{dataset_id}-suite-{found.number}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    marks = {"datagrant": {"dataset_id": dataset_id, "version": found.number, "sha256": found.sha256}}
    return Suite.from_data(found.suite).as_gx(version("great_expectations"), **marks)


@router.get("/history", **access("quality:suite:read"))
def suite_history(work: ReadDep, actor: ActorDep, dataset_id: str) -> dict[str, Any]:
    """Every version, newest first."""
    found = service.suite_history(work, actor, asset(work, dataset_id))
    return {"items": found, "total": len(found), "next": None}


@router.get("/difference/{before}/{after}", **access("quality:suite:read"))
def suite_difference(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    before: Annotated[int, Path(ge=1)],
    after: Annotated[int, Path(ge=1)],
) -> dict[str, Any]:
    """What changed from one version to another, rule by rule."""
    held = asset(work, dataset_id)
    old, new = (Suite.from_data(service.suite(work, actor, held, number).suite) for number in (before, after))
    found = service.difference(old, new)
    return {"items": found, "total": len(found), "next": None}
