"""Releases: publishing, versions, manifests, withdrawal, and the open download."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from api.access import PUBLIC, SIGNED_IN, access
from api.delivery import deliver, demand_right, is_ranged, takes_bytes, would_send
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.gives import gives_file
from api.late import APIRouter
from api.open_forms import demand
from catalog.use.rules import Kind, kind_of_reading
from datasets.lineage.graph import lineage
from datasets.lineage.openlineage import run_events
from datasets.lineage.prov import prov_json
from datasets.releases import access as release_access
from datasets.releases import comparing, queries, service, shape, signing
from datasets.releases.models import CompatibilityRead, DiffRead, ReleaseCreate, ReleaseRead, Withdrawal
from datasets.releases.workflow import ReleaseState

router = APIRouter(prefix="/api/v1/releases", tags=["releases"])


@router.post("", status_code=202, **access("datasets:release:publish"))
def publish_release(work: WorkDep, actor: ActorDep, body: ReleaseCreate) -> ReleaseRead:
    """Have a checked batch published, as a second person. The release appears when its job (`job_id`) is done."""
    return service.request(work, actor, body)


@router.get("", **access(PUBLIC))
def list_releases(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str | None = None,
    state: ReleaseState | None = None,
    q: str = "",
    sort: str = "-published",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Published releases, tombstones included; the department's own people also see unfinished ones."""
    found = queries.releases(
        work, actor, dataset_id=dataset_id, state=state or "", words=q, sort=sort, page=page, size=limit
    )
    return {"items": found.items, "total": found.total, "next": str(page + 1) if page < found.pages else None}


@router.get("/key", **access(PUBLIC), **gives_file())
def release_key(house: HouseDep) -> Response:
    """The public key that checks the signatures of manifests, as C2SP writes verifier keys: name+id+key."""
    return Response(signing.signer(house.settings).verifier.text() + "\n", media_type="text/plain")


@router.get("/preview", **access("datasets:batch:read"))
def preview(work: ReadDep, actor: ActorDep, batch_id: str) -> CompatibilityRead:
    """What publishing this batch would change for users, and the version number that it would get."""
    return shape.preview(work, actor, batch_id)


OlderId = Annotated[str, Query(alias="from", description="The release to start from")]
NewerId = Annotated[str, Query(alias="to", description="The release to go to")]


@router.get("/diff", **access(PUBLIC))
def diff(house: HouseDep, actor: ActorDep, older: OlderId, newer: NewerId) -> DiffRead:
    """How two releases of a dataset differ, row by row by key. Large ones are compared once they are asked for (POST)."""
    return comparing.difference(house.read, house.files, house.settings, actor, older, newer)


@router.post("/diff", status_code=202, **access(SIGNED_IN))
def ask_for_diff(work: WorkDep, actor: ActorDep, older: OlderId, newer: NewerId) -> DiffRead:
    """Have two large releases compared; `job_id` says how far it is."""
    return comparing.ask(work, actor, older, newer)


@router.get("/{release_id}", **access(PUBLIC))
def show_release(work: ReadDep, actor: ActorDep, release_id: str) -> ReleaseRead:
    """One release. A withdrawn one answers 410 with its reason, but for the department's own people."""
    return ReleaseRead.model_validate(queries.shown(work, actor, release_id))


@router.get("/{release_id}/manifest", **access(PUBLIC), **gives_file("application/json"))
def manifest(request: Request, house: HouseDep, work: ReadDep, actor: ActorDep, release_id: str) -> Response:
    """The manifest: hashes, rows, columns, suite, verdict, batch, preparers and publisher; canonical JSON."""
    sha256 = release_access.manifest(work, actor, release_id)
    return deliver(
        request,
        house.files.held(sha256),
        sha256=sha256,
        filename=f"{release_id}.manifest.json",
        media_type="application/json",
    )


@router.get("/{release_id}/lineage", **access(PUBLIC), response_model=None)
def show_lineage(
    house: HouseDep,
    work: ReadDep,
    actor: ActorDep,
    release_id: str,
    format: Literal["json", "prov", "openlineage"] = "json",
) -> dict[str, Any] | list[dict[str, Any]]:
    """Batch, suite version, verdict, release, extracts; `prov`: PROV-JSON, `openlineage`: run events, oldest first.

    Extracts of organisations that the caller may not see are counted, not shown.
    """
    found = lineage(work, actor, release_id)
    base = house.settings.public_url
    if format == "prov":
        return prov_json(found, base)
    return run_events(work, found, base) if format == "openlineage" else found.as_json()


@router.head("/{release_id}/file", **access(PUBLIC), **gives_file())
@router.get("/{release_id}/file", **access(PUBLIC), **gives_file(elsewhere=True))
def download(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    release_id: str,
    format: release_access.Form = "parquet",
    partition: Annotated[str, Query(max_length=20, description="One part, such as 2026-03")] = "",
) -> Response:
    """The data of a release that is open without condition; ranges and validators are honoured, each download is recorded.

    Forms besides Parquet and CSV are made when first asked for: 429 until they are there.
    """
    demand(house, actor, release_id, format)
    asked_range = request.headers.get("range", "")[:200]

    def counts_as(sha256: str, size_bytes: int | None) -> Kind | None:
        """Nothing for a reader who has the file already, or asks for a range that it lacks; a range of another file is answered with the whole."""
        sends = (
            takes_bytes(request, sha256) if size_bytes is None else would_send(request, sha256, size_bytes)
        )
        if not sends:
            return None
        same = request.headers.get("if-range", f'"{sha256}"') == f'"{sha256}"'
        return kind_of_reading(asked_range if same else "", size_bytes)

    if is_ranged(request):
        with house.read() as work:
            parcel = release_access.open_download(
                work, actor, release_id, format, asked_range="", note=False, partition=partition
            )
        demand_right(request, house.files.held(parcel.sha256))
    with house.write() as work:
        parcel = release_access.open_download(
            work, actor, release_id, format, asked_range=asked_range, note=request.method == "GET", partition=partition,
            counts_as=counts_as,
        )  # fmt: skip
    seconds = house.settings.store_presign_seconds
    if (
        seconds
        and takes_bytes(request, parcel.sha256)
        and (address := house.files.sign(parcel.sha256, seconds))
    ):
        return RedirectResponse(address, 307, headers={"Cache-Control": "no-store"})

    def may_go_on() -> bool:
        with house.read() as reading:
            return release_access.may_flow(reading, release_id)

    held = house.files.afar(parcel.sha256) if seconds else house.files.held(parcel.sha256)
    return deliver(
        request, held, sha256=parcel.sha256, filename=parcel.filename, media_type=parcel.media_type, may_go_on=may_go_on,
    )  # fmt: skip


@router.post("/{release_id}/withdraw", **access("datasets:release:withdraw"))
def withdraw_release(work: WorkDep, actor: ActorDep, release_id: str, body: Withdrawal) -> ReleaseRead:
    """Stop every delivery of this release at once; its tombstone keeps the reason."""
    return service.withdraw(work, actor, release_id, body.reason)
