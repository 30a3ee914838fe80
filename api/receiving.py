"""Taking a body in as it comes: straight into the file store, never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from anyio import from_thread, to_thread
from fastapi import Request
from starlette.datastructures import UploadFile

from api.house import House
from auth.actor import Actor
from core.files import CHUNK, StoredFile
from datasets.batches import scanning


async def store_body(request: Request, house: House, actor: Actor, dataset_id: str) -> StoredFile:
    """The request's raw body, byte for byte; on disk (fsync) when this returns. Nothing stays behind if the sender breaks off."""
    following = pieces_of(request)

    def chunks() -> Iterator[bytes]:
        while (chunk := following()) is not None:
            yield chunk

    return await to_thread.run_sync(lambda: _stored(house, actor, dataset_id, chunks()))


def pieces_of(request: Request) -> Callable[[], bytes | None]:
    """The body piece by piece, to be asked for in a worker thread; None at its end."""
    stream = request.stream()

    async def following() -> bytes | None:
        async for piece in stream:
            if piece:
                return piece
        return None

    return lambda: from_thread.run(following)


def store_upload(upload: UploadFile, house: House, actor: Actor, dataset_id: str) -> StoredFile:
    """A form's file, byte for byte."""
    return _stored(house, actor, dataset_id, iter(lambda: upload.file.read(CHUNK), b""))


def _stored(house: House, actor: Actor, dataset_id: str, chunks: Iterator[bytes]) -> StoredFile:
    """In the store, once the malware scanner has seen it where one is configured. That infected bytes were offered stays on record; they do not."""

    def look(path: Path, sha256: str) -> str:
        if found := scanning.found_in(house.settings, path):
            with house.write() as work:
                scanning.note_infected(work, actor, dataset_id, sha256, found)
            raise scanning.infected(found)
        return scanning.seen(house.settings)

    return house.files.put_seen(chunks, look, max_bytes=house.settings.upload_max_bytes)
