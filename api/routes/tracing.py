"""Tracing a file that came back from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import IO

from anyio import to_thread
from fastapi import Request

from api.access import access
from api.deps import ActorDep, HouseDep
from api.house import House
from api.late import APIRouter
from api.receiving import pieces_of
from auth.actor import Actor
from core.errors import InputRefused
from core.files import CHUNK
from core.text import Text
from datasets.tracing import service
from datasets.tracing.service import TraceRead

router = APIRouter(prefix="/api/v1/traces", tags=["tracing"])


@router.post("", **access("datasets:leak:trace"))
async def trace_leak(request: Request, house: HouseDep, actor: ActorDep) -> TraceRead:
    """Name grant, person and time of the file in the body: Parquet, a workbook, CSV, JSON, GeoJSON, packed or not, or a part of a text."""
    following = pieces_of(request)
    return await to_thread.run_sync(lambda: traced(house, actor, following))


def reading(file: IO[bytes]) -> Callable[[], bytes | None]:
    """The pieces of a form's file."""
    return lambda: file.read(CHUNK)


def traced(house: House, actor: Actor, following: Callable[[], bytes | None]) -> TraceRead:
    """Trace and write down. The bytes go to disk as they come, at most `upload_max_bytes`, and are kept nowhere."""
    from datasets.tracing.leak import leak_of

    path, digest, size = house.files.stage_path(".trace"), hashlib.sha256(), 0
    most = house.settings.upload_max_bytes
    try:
        with path.open("wb") as sink:
            while piece := following():
                size += len(piece)
                if size > most:
                    break
                digest.update(piece)
                sink.write(piece)
        if not 0 < size <= most:
            raise InputRefused(
                Text(f"请提供 1 字节到 {most >> 20} MiB 的文件；较大的文本取其一部分即可。", f"Give a file of 1 byte to {most >> 20} MiB; of a larger text a part is enough.")
            )  # fmt: skip
        leak = leak_of(path, house.settings.scratch_dir)
    finally:
        path.unlink(missing_ok=True)
    with house.read() as work:
        handed_out = service.deliveries(work)
        who, bearing = service.suspects(work, handed_out), service.marked(work)
    found = service.look(
        leak, digest.hexdigest(), handed_out, who, house.files, house.settings.keys_dir, bearing
    )
    with house.write() as work:
        service.note(work, actor, found)
    return found
