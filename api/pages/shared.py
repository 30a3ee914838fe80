"""Signed addresses of views: what pandas, polars, DuckDB and Delta Sharing's clients read."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import Query, Request, Response

from api.access import access
from api.delivery import deliver, demand_right, is_ranged, would_send
from api.deps import HouseDep
from api.house import House
from api.identity import network_of
from api.late import APIRouter
from api.sharing import refused
from api.watching import watch_of
from api.witnessed import noted
from core.errors import AccessRefused
from datasets.sharing import links, service
from datasets.sharing.links import Link

router = APIRouter(tags=["sharing"])
PARQUET = "application/vnd.apache.parquet"


@router.head("/shared/{view_id}/{name}", **access("public"), response_class=Response)
@router.get("/shared/{view_id}/{name}", **access("public"), response_class=Response)
def read_view(
    request: Request,
    house: HouseDep,
    view_id: str,
    name: str,
    ends: Annotated[int, Query(alias="se", ge=0, le=2**40)] = 0,
    by: Annotated[str, Query(max_length=80)] = "",
    epoch: Annotated[int, Query(alias="ep", ge=0, le=2**40)] = 0,
    key: Annotated[str, Query(max_length=80)] = "",
    purpose: Annotated[str, Query(alias="pu", max_length=80)] = "",
    signature: Annotated[str, Query(alias="sig", max_length=64)] = "",
) -> Response:
    """The file behind a signed address. Ranges, ETag and HEAD work; the grant is asked at each request and while bytes flow."""
    link = Link(view_id, by, epoch, key, purpose, ends)
    links.proven(link, signature, house.settings.keys_dir, house.clock())
    return _send(request, house, link, name)


def _send(request: Request, house: House, link: Link, name: str) -> Response:
    since = watch_of(house).since_now()
    address = request.client.host if request.client else ""
    try:
        if is_ranged(request):
            with house.read() as work:
                _, view = links.open_link(work, link, address, network_of(request))
            demand_right(request, house.files.held(view.sha256 or ""))
        with house.write() as work:
            who, view = links.open_link(work, link, address, network_of(request))
            sha256 = view.sha256 or ""
            held = house.files.held(sha256)
            demand_right(request, held)
            if would_send(request, sha256, held.size_bytes):
                service.begin(work, who, view)
    except AccessRefused as refusal:
        with suppress(
            AccessRefused
        ):  # whoever comes from elsewhere is no reader of the view; the edge notes that
            with house.read() as work:
                reader = links.reader_of(work, link, address, network_of(request))
            refused(house, reader, refusal)
            noted(request)
        raise

    def may_go_on() -> bool:
        with house.read() as work:
            return links.may_flow(work, link, address)

    def on_end(size_bytes: int, was_cut: bool) -> None:  # noqa: ARG001 - the count tells it
        if size_bytes:
            with house.write() as work:
                service.note_sent(work, view, size_bytes, who.actor)

    return deliver(
        request,
        held,
        sha256=sha256,
        filename=name,
        media_type=PARQUET,
        may_go_on=may_go_on,
        on_end=on_end,
        since=since,
    )
