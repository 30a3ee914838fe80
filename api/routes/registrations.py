"""Registration of data resources: acts, formal review, public notice, code; the pack; the public list."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Path, Query, Response

from api.access import PUBLIC, access
from api.delivery import attachment
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import assets, public_title
from api.registering import pack
from auth.casework.book import CaseStep
from auth.registrations import service
from auth.registrations.service import (
    CERTIFY,
    READ,
    REVIEW,
    WRITE,
    RegistrationCertify,
    RegistrationCreate,
    RegistrationRead,
    RegistrationSave,
)
from auth.registrations.workflow import Act, State, Step

router = APIRouter(prefix="/api/v1/registrations", tags=["registrations"])
Id = Annotated[str, Path(max_length=60)]


@router.get("", **access(PUBLIC))
def list_registrations(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    act: Act | None = None,
    dataset_id: Annotated[str, Query(max_length=120)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Acts on notice and registered, newest first; departments and the bureau see theirs in every state."""
    found, total = service.registrations(
        work,
        actor,
        state=state or "",
        act=act or "",
        dataset_id=dataset_id,
        text=q,
        offset=offset,
        limit=limit,
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access(WRITE))
def draft_registration(work: WorkDep, actor: ActorDep, body: RegistrationCreate) -> RegistrationRead:
    """Begin an act on a dataset of your department; it may be incomplete."""
    return service.draft(work, actor, body, assets=partial(assets, work))


@router.get("/standing/{dataset_id}", **access(PUBLIC))
def show_standing(work: ReadDep, dataset_id: str) -> dict[str, Any]:
    """Where a public dataset stands in the register today."""
    public_title(work, dataset_id)
    where, until = service.standing_of(work, dataset_id)
    return {"dataset_id": dataset_id, "standing": where.value, "valid_to": until}


@router.get("/{registration_id}", **access(PUBLIC))
def show_registration(work: ReadDep, actor: ActorDep, registration_id: Id) -> RegistrationRead:
    """One act."""
    return service.registration(work, actor, registration_id)


@router.put("/{registration_id}", **access(WRITE))
def save_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: RegistrationSave
) -> RegistrationRead:
    """Replace what is handed in."""
    return service.save(work, actor, registration_id, body)


@router.post("/{registration_id}/submit", **access(WRITE))
def submit_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """Hand it in; refused with everything that is missing."""
    return service.step(work, actor, registration_id, Step.SUBMIT, body)


@router.post("/{registration_id}/drop", **access(WRITE))
def drop_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """Give the draft up."""
    return service.step(work, actor, registration_id, Step.DROP, body)


@router.post("/{registration_id}/return", **access(REVIEW))
def return_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """Send it back to be completed."""
    return service.step(work, actor, registration_id, Step.RETURN, body)


@router.post("/{registration_id}/pass", **access(REVIEW))
def pass_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """The formal review is passed; public notice begins."""
    return service.step(work, actor, registration_id, Step.PASS, body)


@router.post("/{registration_id}/refuse", **access(REVIEW))
def refuse_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """Refuse it, with a reason."""
    return service.step(work, actor, registration_id, Step.REFUSE, body)


@router.post("/{registration_id}/object", **access(REVIEW))
def object_to_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: CaseStep
) -> RegistrationRead:
    """An objection of the public is upheld: it is reviewed again."""
    return service.step(work, actor, registration_id, Step.OBJECT, body)


@router.post("/{registration_id}/certify", **access(CERTIFY))
def certify_registration(
    work: WorkDep, actor: ActorDep, registration_id: Id, body: RegistrationCertify
) -> RegistrationRead:
    """Register it and give the code, once notice has run out."""
    return service.certify(work, actor, registration_id, body)


@router.post("/{registration_id}/pack", response_class=Response, **access(READ))
def take_pack(work: WorkDep, actor: ActorDep, registration_id: Id) -> Response:
    """The pack as a ZIP: JSON, workbook, list of attachments."""
    headers = attachment(f"registration-{registration_id[:13]}.zip") | {"Cache-Control": "no-store"}
    made = pack(work, actor, registration_id, partial(assets, work))
    return Response(made, media_type="application/zip", headers=headers)
