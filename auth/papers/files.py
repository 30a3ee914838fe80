"""The bytes of a paper: what is taken, what the malware scanner said of it, and reading it, which is on record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.applications import queries
from auth.papers import cover, rules
from auth.papers.steps import load
from auth.papers.tables import PaperFileRow
from core.errors import InputRefused, NotFound, refuse_if
from core.ids import ApplicationId
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner said: the name of what it found, "" for clean bytes. `was_asked` is false where none is configured."""

    was_asked: bool = False
    found: str = ""

    @property
    def state(self) -> str:
        return cover.INFECTED if self.found else cover.CLEAN if self.was_asked else cover.NOT_SCANNED


UNSCANNED: Final = Scan()


@dataclass(frozen=True, slots=True)
class File:
    """A paper's bytes."""

    name: str
    media_type: str
    content: bytes


def file(work: Work, actor: Actor, application_id: ApplicationId, key: str) -> File:
    """The paper's bytes as they were last handed in. That it was read is on record, whoever reads it."""
    row = load(work, actor, application_id)
    known = cover.rows_of(work, row.id).get(key)
    if known is None or known.file_id is None:
        raise NotFound(Text("没有提交过这份材料。", "This paper was not handed in."))
    found = work.db.get_one(PaperFileRow, known.file_id)
    if found.scan == cover.INFECTED:
        refuse_if((rules.infected(Text(known.title_zh, known.title_en), key, found.scan_found),))
    audit.record(
        work, actor, "paper.read", subject=known.id, application_id=row.id, payload={"paper": key, "sha256": found.sha256}
    )  # fmt: skip
    return File(found.name, found.media_type, found.content)


def media_type(content: bytes) -> str:
    """What the bytes are. Raises InputRefused for what is not taken as a paper, or too large."""
    if len(content) > rules.MOST_BYTES:
        raise InputRefused(
            Text(
                "材料文件超过 5 MiB；请压缩或拆分后再提交。",
                "The file is larger than 5 MiB; make it smaller and hand it in again.",
            ),
            field="file",
        )
    if (found := rules.media_type(content)) is None:
        raise InputRefused(
            Text(
                "材料须为 PDF、PNG 或 JPEG 文件；请转换格式后再提交。",
                "A paper is a PDF, PNG or JPEG file; convert it and hand it in again.",
            ),
            field="file",
        )
    return found


def named(name: str) -> str:
    """The last part of the name, without what a file system or a header could read as something else."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable()).strip(". ")[:200] or "paper"


def unscanned(work: Work, actor: Actor, application_id: ApplicationId) -> list[tuple[str, bytes]]:
    """Files of the papers as they are now that no scanner has seen: id and bytes. NotFound outside the actor's sight."""
    row = queries.row(work, application_id, actor)
    held = [each.file_id for each in cover.rows_of(work, row.id).values() if each.file_id]
    wanted = select(PaperFileRow.id, PaperFileRow.content).where(
        col(PaperFileRow.id).in_(held), PaperFileRow.scan == cover.NOT_SCANNED
    )
    return list(work.db.exec(wanted.order_by(col(PaperFileRow.id))).all())


def note_scan(work: Work, actor: Actor, application_id: ApplicationId, file_id: str, scan: Scan) -> None:
    """What the scanner said of a file that was handed in before one was configured."""
    row = queries.row(work, application_id, actor, to_change=True)
    file = work.db.get_one(PaperFileRow, file_id)
    file.scan, file.scan_found, file.scanned_at = scan.state, scan.found[:200], work.now
    work.db.add(file)
    audit.record(
        work, actor, "paper.scanned", subject=file.paper_id, application_id=row.id,
        payload={"sha256": file.sha256, "scan": file.scan, "found": file.scan_found},
    )  # fmt: skip


def note_infected(
    work: Work, actor: Actor, application_id: ApplicationId, key: str, content: bytes, scan: Scan
) -> None:
    """That infected bytes were offered: who, where, their digest, what was found. The bytes are kept nowhere."""
    row = queries.row(work, application_id, actor)
    audit.record(
        work, actor, "paper.infected", subject=row.id, application_id=row.id,
        payload={"paper": key, "sha256": hashlib.sha256(content).hexdigest(), "found": scan.found[:200]},
    )  # fmt: skip
