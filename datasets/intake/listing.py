"""What an archive holds, member by member: size, format, columns, or why it is no table. Nothing is read further than its head."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb
from pydantic import BaseModel

from core.errors import InputRefused
from core.text import Text
from datasets.intake import archive
from datasets.intake.container import archive_in, open_input
from datasets.intake.desk import Desk, at_desk, columns_of
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import FindingLog, InputFacts
from datasets.intake.packed import damaged

SAMPLE_BYTES: Final = 256 << 10
MOST_BYTES: Final = 16 << 20  # of a member that has to be unpacked whole to be looked at
_WHOLE: Final = (
    b"PK",
    b"PAR1",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"{",
    b"[",
    b"\xef\xbb\xbf{",
    b"\xef\xbb\xbf[",
)


class ListedMember(BaseModel):
    """One member. `columns` is None where they were not looked at; `refused` says why it cannot be read."""

    name: str
    bytes: int
    format: str | None = None
    columns: list[str] | None = None
    refused: Text | None = None


class Listing(BaseModel):
    """The first members in order of their names; `total` counts all of them."""

    members: list[ListedMember]
    total: int


def list_members(source: Path, dictionary: Dictionary | None = None, most: int = archive.TOLD) -> Listing:
    """The members of the archive, by name; empty where the file is no archive. Raises InputRefused for a damaged one."""
    with tempfile.TemporaryDirectory(prefix="datagrant-members-") as scratch:
        out = Path(scratch) / "t.parquet"
        with at_desk(out, dictionary or Dictionary(), 256, numbered=False) as desk:
            if (path := archive_in(source, desk.folder)) is None:
                return Listing(members=[], total=0)
            with archive.opened(path) as packed:
                found = archive.members(packed)
            with zipfile.ZipFile(path) as packed:
                listed = list(_listed(desk, packed, found[:most]))
            return Listing(members=listed, total=len(found))


def _listed(desk: Desk, packed: zipfile.ZipFile, found: list[archive.Member]) -> Iterator[ListedMember]:
    for at, member in enumerate(found):
        folder = desk.folder / f"member-{at}"
        folder.mkdir()
        said = ListedMember(name=member.name, bytes=member.info.file_size)
        try:
            with archive.in_words():
                is_whole = _taken(packed, member, folder / "taken")
            if not is_whole:
                yield said
                continue
            inner = open_input(folder / "taken", folder, None, desk.dictionary.format)
            facts = InputFacts(path=member.name, sha256="", bytes=0, format=inner.format)
            own = desk.beside(folder, FindingLog())
            said.columns = columns_of(own, replace(inner, member=member.name), facts)
            said.format = facts.format
        except InputRefused as refused:
            said.refused = refused.detail
        except duckdb.Error:
            said.refused = damaged(Text("文件", "member")).detail
        yield said
        for path in folder.iterdir():
            path.unlink()


def _taken(packed: zipfile.ZipFile, member: archive.Member, out: Path) -> bool:
    """Unpack as much of the member as a look needs; False where that would be too much."""
    if member.times > 1 or member.is_locked:
        archive.take(packed, member, out, 0)  # says why not
    with packed.open(member.info) as file:
        head = file.read(SAMPLE_BYTES)
        if member.info.file_size > len(head) and head.startswith(_WHOLE):
            if member.info.file_size > MOST_BYTES:
                return False
            head += file.read(MOST_BYTES)
        elif member.info.file_size > len(head):
            head = (
                head[: head.rfind(b"\n") + 1 or None] if head[:2] not in (b"\xff\xfe", b"\xfe\xff") else head
            )
    out.write_bytes(head)
    return True
