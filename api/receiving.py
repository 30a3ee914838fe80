"""Taking a body in as it comes: straight into the file store, never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator

from anyio import from_thread, to_thread
from fastapi import Request
from starlette.datastructures import UploadFile

from core.files import CHUNK, FileStore, StoredFile


async def store_body(request: Request, files: FileStore, max_bytes: int) -> StoredFile:
    """The request's raw body, byte for byte; on disk (fsync) when this returns. Nothing stays behind if the sender breaks off."""
    stream = request.stream()

    async def following() -> bytes | None:
        return await anext(stream, None)

    def chunks() -> Iterator[bytes]:
        while (chunk := from_thread.run(following)) is not None:
            yield chunk

    return await to_thread.run_sync(lambda: files.put(chunks(), max_bytes=max_bytes))


def store_upload(upload: UploadFile, files: FileStore, max_bytes: int) -> StoredFile:
    """A form's file, byte for byte."""
    return files.put(iter(lambda: upload.file.read(CHUNK), b""), max_bytes=max_bytes)
