"""Duties: use reports and deletion certificates that come with a grant."""

from __future__ import annotations

from typing import Annotated, Any

import rfc8785
from fastapi import Query, Response

from api.access import access
from api.deletion_papers import pdf
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, Offset, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.duties import service
from auth.duties.service import DutyAnswer, DutyRead, UseReport
from auth.duties.workflow import Standing
from datasets.deletions import service as service_of_files

router = APIRouter(prefix="/api/v1", tags=["duties"])
_READ = "auth:duty:read"


@router.get("/duties", **access(_READ))
def list_duties(
    work: ReadDep,
    actor: ActorDep,
    standing: Standing | None = None,
    grant: str = "",
    org: str = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Duties in the caller's sight, those due first at the top; `overdue` is computed for today."""
    found, total = service.duties(
        work, actor, standing=standing or "", grant_id=grant, org_id=org, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/duties/{duty_id}", **access(_READ))
def show_duty(work: ReadDep, actor: ActorDep, duty_id: str) -> DutyRead:
    """One duty."""
    return service.duty(work, actor, duty_id)


@router.get("/duties/{duty_id}/certificate", **access(_READ), response_model=None)
def show_certificate(house: HouseDep, work: ReadDep, actor: ActorDep, duty_id: str) -> Response:
    """Every file that was delivered under the grant, which are certified as deleted, and which are missing; signed, canonical JSON."""
    found = service_of_files.certificate(work, actor, duty_id, house.settings.keys_dir)
    return Response(
        rfc8785.dumps(found), media_type="application/json", headers=attachment(f"deletion-{duty_id}.json")
    )


@router.get("/duties/{duty_id}/certificate.pdf", response_class=Response, **access(_READ))
def show_certificate_pdf(house: HouseDep, work: ReadDep, actor: ActorDep, duty_id: str) -> Response:
    """The same on paper, with the digest of the signed document."""
    found = service_of_files.certificate(work, actor, duty_id, house.settings.keys_dir)
    return Response(pdf(found), media_type="application/pdf", headers=attachment(f"deletion-{duty_id}.pdf"))


@router.post("/duties/{duty_id}/fulfil", **access("auth:duty:fulfil"))
def fulfil_duty(work: WorkDep, actor: ActorDep, duty_id: str, body: DutyAnswer) -> DutyRead:
    """Hand in the report or the certificate, with the hashes of what belongs to it."""
    return service.fulfil(work, actor, duty_id, body)


@router.post("/duties/{duty_id}/return", **access("auth:duty:return"))
def return_duty(work: WorkDep, actor: ActorDep, duty_id: str, body: CaseStep) -> DutyRead:
    """What was handed in does not do; it is open again."""
    return service.send_back(work, actor, duty_id, body)


@router.post("/duties/{duty_id}/waive", **access("auth:duty:waive"))
def waive_duty(work: WorkDep, actor: ActorDep, duty_id: str, body: CaseStep) -> DutyRead:
    """Let the organisation off, with a reason."""
    return service.waive(work, actor, duty_id, body)


@router.post("/grants/{grant_id}/use-reports", status_code=201, **access("auth:duty:fulfil"))
def report_use(work: WorkDep, actor: ActorDep, grant_id: str, body: UseReport) -> DutyRead:
    """Report the use of a grant before it is due, as a renewal needs it."""
    return service.report_early(work, actor, grant_id, body)
