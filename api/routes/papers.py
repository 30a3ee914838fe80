"""Papers of an application: hand in, send back, sign a commitment instead; and the commitments on record."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from api import scanning
from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, LangDep, ReadDep, WorkDep
from api.gives import gives
from api.late import APIRouter
from auth.applications import queries
from auth.applications.reading import is_bureau
from auth.casework.book import CaseStep
from auth.papers import commitments, files, reading, service
from auth.papers.commitment_workflow import State
from auth.papers.commitments import BREAK, SIGN, CommitmentRead, Promise
from auth.papers.files import File
from auth.papers.reading import PaperRead
from auth.papers.service import RETURN, SUPPLY, PaperReturn, PaperSupply
from core.ids import ApplicationId

router = APIRouter(prefix="/api/v1", tags=["papers"])
READ = "auth:application:read"
Key = Annotated[str, Path(max_length=40)]
MEDIA = ("application/pdf", "image/png", "image/jpeg")


@router.get("/applications/{application_id}/papers", **access(READ))
def list_papers(work: ReadDep, actor: ActorDep, application_id: ApplicationId) -> dict[str, Any]:
    """What the application needs and what is there; `broken`, for the bureau: commitments that its organisation broke."""
    items = reading.papers(work, actor, application_id)
    org_id = queries.row(work, application_id, actor).org_id
    broken = commitments.broken_of(work, org_id) if is_bureau(actor) else []
    return {"items": items, "total": len(items), "broken": broken}


@router.post("/applications/{application_id}/papers/{paper_key}/supply", **access(SUPPLY))
def supply_paper(
    house: HouseDep, actor: ActorDep, application_id: ApplicationId, paper_key: Key, body: PaperSupply
) -> PaperRead:
    """Hand a paper in: PDF, PNG or JPEG as Base64, at most 5 MiB. Where a malware scanner is configured it is asked first: 403 with what it
    found, 503 where it gives no word."""
    content = service.bytes_of(body)
    return scanning.hand_in(house, actor, application_id, paper_key, body.name, content, body.version)


@router.post("/applications/{application_id}/papers/{paper_key}/return", **access(RETURN))
def return_paper(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, paper_key: Key, body: PaperReturn
) -> PaperRead:
    """Send one paper back, with the reason and the working days in which a better one is due."""
    return service.send_back(work, actor, application_id, paper_key, body)


@router.get("/applications/{application_id}/papers/{paper_key}/file", **access(READ), **gives(*MEDIA))
def paper_file(work: WorkDep, actor: ActorDep, application_id: ApplicationId, paper_key: Key) -> Response:
    """The paper as it was last handed in."""
    return file_answer(files.file(work, actor, application_id, paper_key))


@router.get("/applications/{application_id}/papers/{paper_key}/commitment", **access(READ))
def commitment_to_sign(
    work: ReadDep, actor: ActorDep, lang: LangDep, application_id: ApplicationId, paper_key: Key
) -> dict[str, Any]:
    """The commitment as the caller would sign it now, its digest, and every reason that stands against it."""
    found = commitments.to_sign(work, actor, application_id, paper_key)
    return found | {"reasons": [reason.as_json(lang) for reason in found["reasons"]]}


@router.post("/applications/{application_id}/papers/{paper_key}/promise", **access(SIGN))
def sign_commitment(
    work: WorkDep, actor: ActorDep, application_id: ApplicationId, paper_key: Key, body: Promise
) -> PaperRead:
    """Sign the commitment that was read, by its digest; it stands in for the paper."""
    return commitments.promise(work, actor, application_id, paper_key, body)


@router.get("/commitments", **access(READ))
def list_commitments(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    org_id: Annotated[str, Query(max_length=60)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Commitments in the caller's sight, newest first."""
    found, total = commitments.commitments(
        work, actor, state=state or "", org_id=org_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/commitments/{commitment_id}", **access(READ))
def show_commitment(work: ReadDep, actor: ActorDep, commitment_id: str) -> CommitmentRead:
    """One commitment, with the text that was signed."""
    return commitments.commitment_of(work, actor, commitment_id)


@router.post("/commitments/{commitment_id}/break", **access(BREAK))
def break_commitment(work: WorkDep, actor: ActorDep, commitment_id: str, body: CaseStep) -> CommitmentRead:
    """Establish that it is broken: the paper itself is due, and deciders see it."""
    return commitments.establish_broken(work, actor, commitment_id, body)


def file_answer(found: File) -> Response:
    """The bytes as a file to keep, never as a page of ours."""
    headers = attachment(found.name) | {"X-Content-Type-Options": "nosniff"}
    return Response(found.content, media_type=found.media_type, headers=headers)
