"""Tracing a file that came back from outside."""

from __future__ import annotations

import hashlib
from pathlib import Path

from anyio import to_thread
from fastapi import Request

from api.access import access
from api.deps import ActorDep, HouseDep
from api.house import House
from api.late import APIRouter
from auth.actor import Actor
from core.errors import InputRefused
from core.text import Text
from datasets.tracing import service
from datasets.tracing.service import TraceRead

router = APIRouter(prefix="/api/v1/traces", tags=["tracing"])
MOST_BYTES = 16 * 1024 * 1024


@router.post("", **access("datasets:leak:trace"))
async def trace_leak(request: Request, house: HouseDep, actor: ActorDep) -> TraceRead:
    """Name grant, person and time of the file in the body (at most 16 MiB; a part of the leak is enough)."""
    body = await request.body()
    return await to_thread.run_sync(lambda: traced(house, actor, body))


def traced(house: House, actor: Actor, body: bytes) -> TraceRead:
    """Trace and write down. The bytes are kept nowhere."""
    if not body or len(body) > MOST_BYTES:
        raise InputRefused(
            Text("请提供 1 字节到 16 MiB 的文件；较大的文件取其一部分即可。", "Give a file of 1 byte to 16 MiB; of a larger one a part is enough.")
        )  # fmt: skip
    path = house.files.stage_path(".trace")
    try:
        path.write_bytes(body)
        return _found(house, actor, path, hashlib.sha256(body).hexdigest())
    finally:
        path.unlink(missing_ok=True)


def _found(house: House, actor: Actor, path: Path, sha256: str) -> TraceRead:
    from datasets.tracing.leak import leak_of

    leak = leak_of(path)
    with house.read() as work:
        handed_out = service.deliveries(work)
        who, bearing = service.suspects(work, handed_out), service.marked(work)
    found = service.look(leak, sha256, handed_out, who, house.files, house.settings.keys_dir, bearing)
    with house.write() as work:
        service.note(work, actor, found)
    return found
