"""Extracts: what a grant lets out, as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response

from api.access import access
from api.delivery import deliver, demand_right, is_ranged, would_send
from api.deps import ActorDep, HouseDep, LangDep, Offset, ReadDep, WorkDep
from api.gives import gives, gives_file
from api.house import House
from api.late import APIRouter
from api.watching import watch_of
from api.witnessed import noted
from auth.actor import Actor
from auth.identity.principals import again
from auth.proof import service as proofs
from auth.proof.checkpoint import Place
from auth.proof.service import InclusionRead
from core.errors import AccessRefused, QuotaExceeded
from core.ids import ExtractId
from core.text import Lang
from datasets.extracts import downloading, planning, queries, service, signing, tickets
from datasets.extracts.models import ExtractCreate, ExtractRead, ExtractState, PlanRead
from datasets.extracts.tickets import TicketRead
from datasets.outputs import deciding

router = APIRouter(prefix="/api/v1/extracts", tags=["extracts"])


@router.get("", **access("datasets:extract:read"))
def list_extracts(
    work: ReadDep,
    actor: ActorDep,
    state: ExtractState | None = None,
    grant_id: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-requested",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Extracts of the caller's organisation (watchers: all), newest first."""
    found, total = queries.listed(
        work, actor, state=state, grant_id=grant_id, dataset_id=dataset_id, sort=sort, offset=offset, limit=limit
    )  # fmt: skip
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/plan", **access("datasets:extract:request"))
def plan_extract(actor: ActorDep, house: HouseDep, lang: LangDep, body: ExtractCreate) -> PlanRead:
    """What a request would deliver, or every reason why it is refused. Takes nothing; who counts rows by a filter is on record."""
    return plan(house, actor, body, lang)


def plan(house: House, actor: Actor, body: ExtractCreate, lang: Lang) -> PlanRead:
    """Write down in one transaction, count in another."""
    with house.write() as work:
        planning.enter(work, actor, body)
    with house.read() as work:
        return planning.plan(work, actor, body, house.files, house.settings, lang)


@router.post("", status_code=202, **access("datasets:extract:request"))
def request_extract(request: Request, house: HouseDep, actor: ActorDep, body: ExtractCreate) -> ExtractRead:
    """Ask for an extract; `job_id` shows how far it is. A refusal lists every reason and is written down."""
    noted(request)  # `ask` writes its own refusals down
    return ask(house, actor, body)


def ask(house: House, actor: Actor, body: ExtractCreate) -> ExtractRead:
    """Request in one transaction; a refusal is recorded in another, since the first wrote nothing."""
    try:
        with house.deciding() as work:
            planning.refuse_misfit(work, actor, body, house.files, house.settings)
        with house.write() as work:
            return service.request(work, actor, body)
    except (AccessRefused, QuotaExceeded) as refusal:
        with house.write() as work:
            service.note_refusal(work, actor, body, refusal)
        raise


@router.get("/receipt-key", **access("public"))
def receipt_key(house: HouseDep) -> dict[str, str]:
    """The public key that signs receipts; write it down elsewhere before you rely on it."""
    key = signing.signing_key(house.settings.keys_dir)
    return {"algorithm": signing.ALGORITHM, "public_key": signing.public_hex(key)}


@router.get("/{extract_id}", **access("datasets:extract:read"))
def show_extract(work: ReadDep, actor: ActorDep, extract_id: ExtractId) -> ExtractRead:
    """One extract."""
    return service.extract(work, actor, extract_id)


@router.get("/{extract_id}/receipt", **access("datasets:extract:read"), **gives("application/json"))
def show_receipt(work: ReadDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """The receipt as canonical JSON; its SHA-256 is the extract's `receipt_hash` and stands in the audit record."""
    return Response(service.receipt(work, actor, extract_id), media_type="application/json")


@router.get("/{extract_id}/proof", **access("datasets:extract:read"))
def delivery_proof(work: ReadDep, actor: ActorDep, house: HouseDep, extract_id: ExtractId) -> InclusionRead:
    """That the delivery stands in the signed record: RFC 6962 inclusion proof, checkpoint and public key."""
    return proofs.of_object(
        work, "extract.delivered", service.extract(work, actor, extract_id).id, Place.of(house.settings)
    )


@router.post("/{extract_id}/withdraw", **access("datasets:extract:request"))
def withdraw_extract(work: WorkDep, actor: ActorDep, extract_id: ExtractId) -> ExtractRead:
    """Take back an extract that waits for its output review; rows and bytes go back to the quotas, the extract stays taken."""
    deciding.withdraw(work, actor, extract_id)
    return service.extract(work, actor, extract_id)


@router.post("/{extract_id}/tickets", status_code=201, **access("datasets:extract:request"))
def issue_ticket(request: Request, house: HouseDep, actor: ActorDep, extract_id: ExtractId) -> TicketRead:
    """A one-time address of the file, good for five minutes, for programs that cannot sign in. It acts as the caller."""
    return ticket(request, house, actor, extract_id)


def ticket(request: Request, house: House, actor: Actor, extract_id: ExtractId) -> TicketRead:
    """Issue in one transaction; a refusal is recorded in another."""
    try:
        with house.write() as work:
            return tickets.issue(work, actor, extract_id, house.settings.public_url)
    except AccessRefused as refusal:
        with house.write() as work:
            downloading.note_download_refusal(work, actor, extract_id, refusal)
        noted(request)
        raise


@router.head("/{extract_id}/file", **access("datasets:extract:request"), **gives_file())
@router.get("/{extract_id}/file", **access("datasets:extract:request"), **gives_file())
def download_extract(request: Request, house: HouseDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """The file. Ranges, ETag and HEAD work; the grant is asked again while the bytes flow."""
    return send(request, house, actor, extract_id)


def send(request: Request, house: House, actor: Actor, extract_id: ExtractId) -> Response:
    """Decide, write down, then send; a grant or a role that ends meanwhile cuts the connection."""
    since = watch_of(house).since_now()
    try:
        if is_ranged(request):
            with house.read() as work:
                parcel = downloading.open_download(work, actor, extract_id)
            demand_right(request, house.files.held(parcel.sha256))
        with house.write() as work:
            parcel = downloading.open_download(work, actor, extract_id)
            held = house.files.held(parcel.sha256)
            demand_right(request, held)
            if would_send(request, parcel.sha256, held.size_bytes):
                downloading.note_download(work, actor, extract_id, request.headers.get("range", ""))
    except AccessRefused as refusal:
        with house.write() as work:
            downloading.note_download_refusal(work, actor, extract_id, refusal)
        noted(request)
        raise

    def may_go_on() -> bool:
        with house.deciding() as work:
            now = again(work, actor)
            return now is not None and downloading.may_flow(work, now.actor, extract_id)

    def on_end(size_bytes: int, was_cut: bool) -> None:
        if size_bytes or was_cut:
            with house.write() as work:
                downloading.note_sent(work, actor, extract_id, size_bytes, was_cut=was_cut)

    return deliver(
        request, held, sha256=parcel.sha256, filename=parcel.filename, media_type=parcel.media_type,
        may_go_on=may_go_on, on_end=on_end, since=since,
    )  # fmt: skip
