"""The public catalogue as one document, made once for each state of it and kept.

Why this exists: harvesters ask for the whole of `data.json` again and again. Made anew each time it took memory for every record at
once. Here it is written record by record into a file without a name, which lasts as long as somebody reads it, with its digest as entity
tag; it counts until an event stands in the audit log that may have changed it. Which event cannot is listed: one that is forgotten in
that list makes the document anew for nothing, and never keeps one that is old.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary, finalize

from fastapi import Request, Response
from sqlalchemy import Engine
from starlette.responses import StreamingResponse

from api import standards
from api.house import House
from api.watching import HARMLESS, Watch
from catalog.standards import dcat_us
from core.text import Text
from core.work import Work

_PIECE: Final = 256 * 1024
_NO_CHANGE: Final = HARMLESS | {
    "release.downloaded", "session.started", "session.ended", "discussion.posted", "discussion.replied", "release.compared",
}  # fmt: skip
PAGE: Final = 200


class Nameless:
    """A file without a name: it ends with whoever holds it last, or with the process."""

    def __init__(self, folder: Path) -> None:
        self.fd, path = tempfile.mkstemp(dir=folder)
        Path(path).unlink()
        finalize(self, os.close, self.fd)


@dataclass(frozen=True, slots=True)
class Document:
    """What was made: of which state, with what tag."""

    state: tuple[int, str]
    tag: str
    size_bytes: int
    file: Nameless

    def pieces(self) -> Iterator[bytes]:
        for at in range(0, self.size_bytes, _PIECE):
            yield os.pread(self.file.fd, _PIECE, at)


class Keeper:
    """The document of one installation in this process."""

    def __init__(self, house: House) -> None:
        self._watch = Watch(house.engine, _NO_CHANGE)
        self._making = threading.Lock()
        self._kept: Document | None = None
        self.made = 0

    def document(self, house: House, title: Text) -> Document:
        """The present one; whoever asks while it is made waits for it."""
        with self._making:
            # looked at before the records are read, so that what is written meanwhile is newer than the document
            state = (self._watch.newest(), house.settings.public_url)
            if self._kept is None or self._kept.state != state:
                with house.read() as work:
                    self._kept = _written(house, work, state, title)
                self.made += 1
            return self._kept


def _written(house: House, work: Work, state: tuple[int, str], title: Text) -> Document:
    house.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    file = Nameless(house.settings.scratch_dir)
    digest, size = hashlib.sha256(), 0
    with open(file.fd, "wb", closefd=False) as out:
        for piece in _pieces(work, house.settings.public_url, title):
            digest.update(piece)
            size += out.write(piece)
    return Document(state, f'"{digest.hexdigest()[:32]}"', size, file)


def _pieces(work: Work, site: str, title: Text) -> Iterator[bytes]:
    """As `forms.as_json` would write it, with the records one by one."""
    frame = json.dumps(dcat_us.catalogue([], site=site, title=title), ensure_ascii=False, indent=1)
    head, mark, tail = frame.rpartition("[]")
    assert mark, "the list of datasets stands last"  # noqa: S101
    yield f"{head}[".encode()
    first = True
    for rows in standards.public_pages(work, PAGE):
        for entry in standards.entries(work, rows, site):
            told = json.dumps(dcat_us.dataset(entry), ensure_ascii=False, indent=1).replace("\n", "\n  ")
            yield f"{'' if first else ','}\n  {told}".encode()
            first = False
        work.db.expunge_all()  # what has been written is not kept
    yield f"{'' if first else chr(10) + ' '}]{tail}\n".encode()


_KEEPERS: Final[WeakKeyDictionary[Engine, Keeper]] = WeakKeyDictionary()
_FINDING: Final = threading.Lock()


def keeper_of(house: House) -> Keeper:
    with _FINDING:
        if house.engine not in _KEEPERS:
            _KEEPERS[house.engine] = Keeper(house)
        return _KEEPERS[house.engine]


def answered(request: Request, house: House, title: Text) -> Response:
    """The document, or 304 where the reader has it; headers as `standards.answer` gives them."""
    made = keeper_of(house).document(house, title)
    headers = standards.headers_of(made.tag)
    if standards.holds(request, made.tag):
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Length": str(made.size_bytes)}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=f"{dcat_us.MEDIA_TYPE}; charset=utf-8")
    return StreamingResponse(
        made.pieces(), headers=headers, media_type=f"{dcat_us.MEDIA_TYPE}; charset=utf-8"
    )
