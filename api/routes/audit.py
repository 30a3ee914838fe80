"""The audit record: read it, and check that nobody rewrote it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import FileResponse, PlainTextResponse, Response
from pydantic import AwareDatetime

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep, WorkDep
from api.dossiers import grant_pack, period_pack
from api.late import APIRouter
from api.stamps import stamp_now
from api.witness import evidence
from auth import audit_reading
from auth.proof import looking, stamped, standstill
from auth.proof import service as proofs
from auth.proof.checkpoint import Place
from auth.proof.looking import LookRead, verified
from auth.proof.service import ConsistencyRead, InclusionRead
from auth.proof.stamped import StampRead
from auth.proof.standstill import Acknowledgement
from core.errors import NotFound
from core.ids import GrantId
from core.text import Text

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


@router.get("", **access("auth:audit:read", personal=""))
def list_events(
    work: ReadDep,
    kind: str = "",
    account: str = "",
    subject: str = "",
    dataset_id: str = "",
    request_id: str = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Events, newest first. `kind`: `grant.revoked` or `grant`; `subject` also finds grants and applications by id; `request_id`: recorded in the course of that request."""
    items, total = audit_reading.events(
        work, kind=kind, account=account, subject=subject, dataset_id=dataset_id, request_id=request_id, since=since, until=until,
        offset=offset, limit=limit,
    )  # fmt: skip
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/verify", **access("auth:audit:read"))
def verify_chain(work: ReadDep, house: HouseDep) -> dict[str, Any]:
    """Walk the whole chain; `fault` names the first place where it does not hold, null when it does.

    `checkpoints_at_odds`: sizes of signed checkpoints that the record no longer bears out; it was rewritten before them.
    `openings_at_odds`: what was written beside the events (names, reasons) and was altered, or is gone although no erasure
    on record took it. `places_at_odds`: where each of these stands, by the event's number and the field.
    """
    return verified(work, Place.of(house.settings))


@router.get("/looks/newest", **access("auth:audit:read"))
def newest_look(work: ReadDep) -> LookRead:
    """What the newest look of the worker through the whole record found; it looks every day, and tells auditors and security officers of what does not hold."""
    if (found := looking.newest(work)) is None:
        raise NotFound(Text("审计记录尚未自动核对过。", "The worker has not looked through the record yet."))
    return found


@router.post("/looks/newest/acknowledgement", status_code=201, **access("auth:audit:acknowledge"))
def acknowledge_finding(work: WorkDep, actor: ActorDep, body: Acknowledgement) -> LookRead:
    """As a security officer: go on from the newest finding, by its mark, with a reason. Where the policy profile stops decisions and deliveries
    while the record is not what was signed (`stops_at_odds`), they go on from here."""
    return standstill.acknowledge(work, actor, body)


@router.get("/checkpoint", response_class=PlainTextResponse, **access("public"))
def show_checkpoint(house: HouseDep) -> str:
    """The newest checkpoint, a C2SP signed note: number of events and root. Keep copies: each is a witness."""
    return proofs.newest(Place.of(house.settings)).note


@router.get("/checkpoint/stamp", **access("public"))
def show_stamp(house: HouseDep) -> StampRead:
    """The newest time stamp of a checkpoint by an outside authority (RFC 3161), held against its pinned certificate."""
    return stamped.newest(Place.of(house.settings), house.settings, house.clock())


@router.post("/checkpoint/stamp", status_code=201, **access("datasets:store:check"))
def stamp_checkpoint(house: HouseDep, actor: ActorDep) -> StampRead:
    """Have the newest checkpoint stamped now. 409 where no authority is set or it bears one already; 503 where the authority gives no stamp that holds."""
    return stamp_now(house, actor)


@router.get("/key", response_class=PlainTextResponse, **access("public"))
def show_key(house: HouseDep) -> str:
    """The public key that checks the checkpoints, as C2SP writes it: name+id+key."""
    return Place.of(house.settings).signer().verifier.text() + "\n"


@router.get("/consistency", **access("public"))
def show_consistency(
    house: HouseDep,
    old: Annotated[int, Query(alias="from", ge=1, le=2**53)],
    new: Annotated[int | None, Query(alias="to", ge=1, le=2**53)] = None,
) -> ConsistencyRead:
    """RFC 6962 proof that the log of `to` events (default: the newest checkpoint's) begins with that of `from` events."""
    return proofs.consistency(Place.of(house.settings), old, new)


@router.get("/proof/{event_id}", **access("signed-in"))
def show_proof(work: ReadDep, actor: ActorDep, house: HouseDep, event_id: str) -> InclusionRead:
    """RFC 6962 proof that an event stands under the newest checkpoint; for the auditor, and for those whose grant it concerns."""
    return proofs.inclusion(work, actor, event_id, Place.of(house.settings))


@router.get("/evidence", response_class=FileResponse, **access("auth:audit:read"))
def download_evidence(house: HouseDep, actor: ActorDep) -> Response:
    """The whole record as a ZIP file that can be checked without this service: events, checkpoints, public key."""
    return evidence(house, actor)


@router.get("/evidence/grants/{grant_id}", response_class=FileResponse, **access("auth:audit:read"))
def download_grant_evidence(house: HouseDep, actor: ActorDep, grant_id: GrantId) -> Response:
    """One grant's history from its application on, each event with its proof, with terms, policy and receipts, as a ZIP."""
    return grant_pack(house, actor, grant_id)


@router.get("/evidence/period", response_class=FileResponse, **access("auth:audit:read"))
def download_period_evidence(
    house: HouseDep, actor: ActorDep, since: AwareDatetime, until: AwareDatetime
) -> Response:
    """Every event from `since` on and before `until`, each with its proof, as a ZIP."""
    return period_pack(house, actor, since, until)
