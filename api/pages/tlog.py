"""The audit record's tree where witnesses and monitors of C2SP tlog-tiles read it: a checkpoint and tiles of hashes, for everybody."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from api.access import PUBLIC, access
from api.deps import HouseDep
from api.late import APIRouter
from auth.proof import service as proofs
from auth.proof import tiles
from auth.proof.checkpoint import Place

router = APIRouter(prefix="/tlog", tags=["audit"])
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH: Final = {"Cache-Control": "no-cache"}


@router.head("/checkpoint", **access(PUBLIC), response_class=Response)
@router.get("/checkpoint", **access(PUBLIC), response_class=Response)
def show_checkpoint(house: HouseDep) -> Response:
    """The newest checkpoint, as at /api/v1/audit/checkpoint."""
    note = proofs.newest(Place.of(house.settings)).note
    return Response(note, media_type="text/plain; charset=utf-8", headers=_FRESH)


@router.head("/tile/{address:path}", **access(PUBLIC), response_class=Response)
@router.get("/tile/{address:path}", **access(PUBLIC), response_class=Response)
def show_tile(house: HouseDep, address: str) -> Response:
    """A tile: up to 256 hashes of 32 bytes. `0/x001/x234/067` is a whole one of level 0, `1/000.p/5` has five hashes. It never changes."""
    held = proofs.tile(Place.of(house.settings), address)
    return Response(held, media_type=tiles.TYPE, headers=_FOR_EVER)
