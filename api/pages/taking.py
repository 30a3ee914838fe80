"""The address of a download ticket: the file, once, without signing in."""

from __future__ import annotations

from contextlib import suppress

from fastapi import Request, Response

from api.access import access
from api.delivery import deliver, demand_right, is_ranged, would_send
from api.deps import HouseDep
from api.gives import gives_file
from api.house import House
from api.identity import network_of
from api.late import APIRouter
from api.watching import watch_of
from api.witnessed import noted
from core.errors import AccessRefused, AppError
from core.ids import ExtractId
from datasets.extracts import downloading, tickets

router = APIRouter(tags=["extracts"])


@router.head("/take/{token}/{name}", **access("public"), **gives_file())
@router.get("/take/{token}/{name}", **access("public"), **gives_file())
def take(request: Request, house: HouseDep, token: str, name: str) -> Response:  # noqa: ARG001 - the name is for people
    """The file behind a ticket. HEAD, 304 and ranges that do not exist leave the ticket as it is; an answer with bytes uses it up."""
    since = watch_of(house).since_now()
    address, origin = request.client.host if request.client else "", network_of(request)
    try:
        if is_ranged(request):
            with house.read() as work:
                taking = tickets.present(work, token, address, origin)
            demand_right(request, house.files.held(taking.parcel.sha256))
        with house.write() as work:
            taking = tickets.present(work, token, address, origin)
            parcel, held = taking.parcel, house.files.held(taking.parcel.sha256)
            demand_right(request, held)
            if would_send(request, parcel.sha256, held.size_bytes):
                tickets.use_up(work, taking)
                downloading.note_download(
                    work,
                    taking.actor,
                    taking.extract_id,
                    request.headers.get("range", ""),
                    ticket=taking.ticket.id,
                )
    except AccessRefused as refusal:
        _note(request, house, token, address, origin, refusal)
        raise
    ticket, extract_id = taking.ticket, taking.extract_id

    def may_go_on() -> bool:
        with house.read() as work, suppress(AppError):
            return tickets.may_flow(work, ticket, address)
        return False

    def on_end(size_bytes: int, was_cut: bool) -> None:
        if size_bytes or was_cut:
            with house.write() as work:
                downloading.note_sent(work, taking.actor, extract_id, size_bytes, was_cut=was_cut)

    return deliver(
        request, held, sha256=parcel.sha256, filename=parcel.filename, media_type=parcel.media_type,
        may_go_on=may_go_on, on_end=on_end, since=since,
    )  # fmt: skip


def _note(
    request: Request, house: House, token: str, address: str, origin: str, refusal: AccessRefused
) -> None:
    """Write the refusal down in the owner's name; one who comes from elsewhere is noted by the edge."""
    with suppress(AppError), house.write() as work:
        row, actor = tickets.holder(work, token, address, origin)
        downloading.note_download_refusal(work, actor, ExtractId(row.extract_id), refusal)
        noted(request)
