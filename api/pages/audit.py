"""The audit record as pages: read, filter, verify."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.dossiers import grant_pack, period_pack
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names, person_names
from api.pages.tickets import checked
from api.stamps import stamp_now
from api.web import go, page
from api.witness import evidence
from auth import audit_reading
from auth.applications.rules import period
from auth.policy.filters.rules import LOCAL
from auth.profile.now import profile
from auth.proof import looking, stamped, standstill
from auth.proof import service as proofs
from auth.proof.checkpoint import Place
from auth.proof.looking import verified
from auth.proof.standstill import Acknowledgement
from core.errors import AppError
from core.ids import GrantId
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/audit", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50


@router.get("", response_class=HTMLResponse, **access("auth:audit:read", personal=""))
def list_page(
    request: Request,
    work: ReadDep,
    house: HouseDep,
    kind: str = "",
    account: str = "",
    subject: str = "",
    dataset: str = "",
    asked: str = "",
    since: str = "",
    until: str = "",
    verify: str = "",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """Events, newest first; `asked`: a request's id; `verify=yes` also walks the chain. Days are local and both count."""
    return _list(request, work, house, kind, account, subject, dataset, asked, since, until, verify, number)


@router.post("/acknowledge", response_class=HTMLResponse, **access("auth:audit:acknowledge"))
def acknowledge(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Go on from the newest finding of the daily look."""
    given = {name: str(form.get(name, "")).strip() for name in ("mark", "note")}
    done = tried(house, lambda work: standstill.acknowledge(work, actor, checked(Acknowledgement, given)))
    if isinstance(done, AppError):
        with house.read() as work:
            return _list(request, work, house, refusal=done, typed=given["note"])
    return go("/audit", Text("已确认，决定与交付照常进行。", "Acknowledged; decisions and deliveries go on."))


def _list(
    request: Request, work: Work, house: House, kind: str = "", account: str = "", subject: str = "", dataset: str = "", asked: str = "",
    since: str = "", until: str = "", verify: str = "", number: int = 1, refusal: AppError | None = None, typed: str = "",
) -> HTMLResponse:  # fmt: skip
    first, last = _day(since), _day(until)
    found, total = audit_reading.events(
        work, kind=kind, account=account, subject=subject, dataset_id=dataset, request_id=asked,
        since=period(first, first)[0] if first else None, until=period(last, last)[1] if last else None,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    rows = [(event, audit_reading.name_of(event.kind), json.loads(event.payload)) for event in found]
    checked = verified(work, Place.of(house.settings)) if verify == "yes" else None
    beside = [Text(each["zh"], each["en"]) for each in checked["openings_at_odds"]] if checked else []
    look = looking.newest(work)
    return page(
        request, "audit/list.html", status=status_of(refusal) if refusal else 200, refusal=refusal, typed=typed,
        acknowledged=bool(look and look.mark) and standstill.is_acknowledged(work, look.mark if look else ""),
        stops=profile(work).stops_at_odds, rows=rows, total=total, number=number, pages=max(1, -(-total // PER_PAGE)),
        orgs=org_names(work), people=person_names(work, {event.actor_name for event in found}), kind_options=[(each, audit_reading.name_of(each)) for each in audit_reading.kinds(work)],
        verified=checked, beside=beside, look=look,
        **_signed(house), wish={"kind": kind, "account": account, "subject": subject, "dataset": dataset, "asked": asked, "since": since, "until": until},
    )  # fmt: skip


@router.post("/stamp", response_class=HTMLResponse, **access("datasets:store:check"))
def stamp(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:  # noqa: ARG001 - the form's token
    """Have the newest checkpoint stamped by the time-stamp authority."""
    try:
        stamp_now(house, actor)
    except AppError as refusal:
        if not actor.may("auth:audit:read"):
            raise
        with house.read() as work:
            return _list(request, work, house, refusal=refusal)
    return go(
        "/audit" if actor.may("auth:audit:read") else "/store",
        Text("最新检查点已加盖时间戳。", "The newest checkpoint bears a time stamp now."),
    )


@router.get("/evidence.zip", response_class=FileResponse, **access("auth:audit:read"))
def download_evidence(house: HouseDep, actor: ActorDep) -> Response:
    """The evidence pack, for a browser."""
    return evidence(house, actor)


@router.get("/evidence/grants/{grant_id}", response_class=FileResponse, **access("auth:audit:read"))
def download_grant_evidence(house: HouseDep, actor: ActorDep, grant_id: GrantId) -> Response:
    """One grant's evidence, for a browser."""
    return grant_pack(house, actor, grant_id)


@router.get("/evidence/period", response_class=FileResponse, **access("auth:audit:read"))
def download_period_evidence(house: HouseDep, actor: ActorDep, since: str = "", until: str = "") -> Response:
    """The evidence of some local days, both counted; by itself, of the last 31."""
    last = _day(until) or house.clock().astimezone(LOCAL).date()
    first = _day(since) or last - timedelta(days=30)
    begins, ends = period(first, max(first, last))
    return period_pack(house, actor, begins, ends)


def _signed(house: HouseDep) -> dict[str, Any]:
    """The newest checkpoint and the key, or why there is none."""
    place = Place.of(house.settings)
    try:
        found = proofs.newest(place)
    except AppError as none:
        return {
            "checkpoint": None,
            "no_checkpoint": none.detail,
            "key": place.signer().verifier.text(),
            "stamp": None,
            "no_stamp": None,
        }
    stamp, no_stamp = None, None
    try:
        stamp = stamped.newest(place, house.settings, house.clock()) if place.newest_stamp() else None
    except AppError as fault:
        no_stamp = fault.detail
    return {
        "checkpoint": found, "no_checkpoint": None, "key": place.signer().verifier.text(), "stamp": stamp, "no_stamp": no_stamp,
        "has_authority": bool(house.settings.tsa_url),
    }  # fmt: skip


def _day(word: str) -> date | None:
    """A day from the form; None when there is none, or nonsense (the filter then does not apply)."""
    try:
        found = date.fromisoformat(word)
    except ValueError:
        return None
    return found if date.min + timedelta(days=2) < found < date.max - timedelta(days=2) else None
