"""Verdicts and scores, machine-readable: of a batch, of a release, of a dataset in the course of time."""

from __future__ import annotations

from fastapi import Request, Response

from api.access import PUBLIC, access
from api.delivery import deliver
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.gives import gives, gives_file
from api.late import APIRouter
from core.jobs import JobRead
from datasets import scoring, verdict_docs, verdict_failing, verdicts
from datasets.releases import documents
from datasets.releases.documents import Document
from datasets.scoring import QualityRead
from datasets.verdict_failing import Form
from datasets.verdicts import VerdictRead

router = APIRouter(prefix="/api/v1", tags=["verdicts"])


@router.get("/batches/{batch_id}/verdict", **access("datasets:batch:read"))
def batch_verdict(work: ReadDep, house: HouseDep, actor: ActorDep, batch_id: str) -> VerdictRead:
    """What the gate found in a batch, rule by rule, with scores and what to mend first."""
    return verdicts.of_batch(work, actor, batch_id, house.files).read


@router.post("/batches/{batch_id}/verdict/docs", status_code=202, **access("datasets:batch:read"))
def make_docs(work: WorkDep, actor: ActorDep, batch_id: str) -> JobRead:
    """Have Great Expectations' own Data Docs drawn for the batch's verdict, as a job."""
    return verdict_docs.request(work, actor, batch_id)


@router.get("/batches/{batch_id}/verdict/docs", response_class=Response, **access("datasets:batch:read"))
def take_docs(request: Request, house: HouseDep, work: WorkDep, actor: ActorDep, batch_id: str) -> Response:
    """The Data Docs as a zip. Always a file to keep, never a page of this service: what is in it was drawn elsewhere."""
    site = verdict_docs.take(work, actor, batch_id)
    return deliver(
        request,
        house.files.held(site.sha256),
        sha256=site.sha256,
        filename=site.filename,
        media_type="application/zip",
    )


@router.post("/batches/{batch_id}/verdict/failing", status_code=202, **access("datasets:batch:read"))
def make_failing(work: WorkDep, actor: ActorDep, batch_id: str) -> JobRead:
    """Have every failing row of the batch's verdict listed, as a job; its result names rules that had to be left out."""
    return verdict_failing.request(work, actor, batch_id)


@router.get("/batches/{batch_id}/verdict/failing", **access("datasets:batch:read"), **gives_file())
def take_failing(
    request: Request, house: HouseDep, work: WorkDep, actor: ActorDep, batch_id: str, form: Form = "parquet"
) -> Response:
    """Every failing row once for each rule that it fails: rule, number of the record, key columns, value."""
    parcel = verdict_failing.take(work, actor, batch_id, form)
    return deliver(
        request,
        house.files.held(parcel.sha256),
        sha256=parcel.sha256,
        filename=parcel.filename,
        media_type=parcel.media_type,
    )


@router.get("/releases/{release_id}/verdict", **access(PUBLIC))
def release_verdict(work: ReadDep, house: HouseDep, actor: ActorDep, release_id: str) -> VerdictRead:
    """The verdict by which a release was published. Single values only where the reader may have the data anyway."""
    return verdicts.of_release(work, actor, release_id, house.files).read


@router.get("/releases/{release_id}/verdict/document", **access(PUBLIC), **gives("application/json"))
def release_document(
    house: HouseDep, work: ReadDep, actor: ActorDep, release_id: str, which: Document = "counts"
) -> Response:
    """A document that the release's manifest names by its digests, byte for byte: the counts of the verdict, for whoever sees
    the release; the whole verdict and the suite, for those who may see values and rules."""
    data = documents.take(work, house.files, actor, release_id, which)
    name = f"{release_id}-{which}.json"
    return Response(
        data, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get("/datasets/{dataset_id}/quality", **access(PUBLIC))
def dataset_quality(work: ReadDep, house: HouseDep, actor: ActorDep, dataset_id: str) -> QualityRead:
    """Scores by GB/T 36344, release by release, and what to mend first."""
    return scoring.quality_of(work, actor, dataset_id, house.files)
