"""The members of a zip: which ones may hold a table, what they are called, and one of them taken out under a limit.

A name that holds `*` or `?` is a pattern: all members that fit it are read as one table (`unite`). Members packed twice under one
name cannot be told apart by it and are refused.
"""

from __future__ import annotations

import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake.packed import damaged, locked, room_for, unpack

TOLD: Final = 400  # members named in a refusal
MOST_UNITED: Final = 5_000
MOST_MEMBERS: Final = 200_000
_TAIL: Final = 66_000  # where the end of a zip's directory lies
_HIDDEN: Final = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive. `times`: how often its name occurs."""

    name: str
    info: zipfile.ZipInfo
    times: int = 1

    @property
    def is_locked(self) -> bool:
        return bool(self.info.flag_bits & 0x1)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with it becomes one sentence."""
    refuse_crowded(path)
    with in_words(), zipfile.ZipFile(path) as archive:
        yield archive


@contextmanager
def in_words() -> Iterator[None]:
    """Whatever is wrong with an archive or a member of it, as one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise damaged(Text("zip 压缩包", "zip archive")) from error
    except RuntimeError as error:
        raise locked() from error


def members(archive: zipfile.ZipFile) -> list[Member]:
    """What may hold a table, by name; folders and what systems leave behind (`__MACOSX`, `.DS_Store`) are left out."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    named = [(name, info) for info in infos if _is_data(name := member_name(info))]
    times = Counter(name for name, _ in named)
    found = {name: Member(name, info, times[name]) for name, info in named}
    return [found[name] for name in sorted(found)]


def member_name(info: zipfile.ZipInfo) -> str:
    """Members packed on a Chinese Windows carry GBK names without saying so; characters that cannot be shown are replaced."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("gb18030")
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in name)


def is_pattern(wanted: str) -> bool:
    """Whether a wanted name stands for several members."""
    return "*" in wanted or "?" in wanted


def matching(found: Sequence[Member], pattern: str) -> list[Member]:
    """The members that fit a pattern; `*` is any text, folders included. Raises InputRefused where none does, or too many."""
    shape = pattern.replace("[", "[[]")
    kept = [each for each in found if fnmatchcase(each.name, shape)]
    if not kept:
        raise InputRefused(
            Text(
                f"压缩包里没有符合 {pattern} 的文件；里面有：{_listed(found)}。",
                f"No member of the archive fits {pattern}; it holds: {_listed(found)}.",
            ),
            members=[each.name for each in found[:TOLD]],
        )
    if len(kept) > MOST_UNITED:
        raise InputRefused(
            Text(
                f"符合 {pattern} 的文件有 {len(kept)} 个，一次最多合并 {MOST_UNITED} 个；请拆分压缩包或缩小范围。",
                f"{number_of(len(kept), 'members')} fit {pattern}, {MOST_UNITED} at the most are read as one table; split the archive or narrow the pattern.",
            )
        )
    return kept


def chosen(found: Sequence[Member], wanted: str | None) -> list[Member]:
    """The member that is meant, or all that fit where a pattern is given. Raises InputRefused that names what there is."""
    if wanted is not None:
        if named := [each for each in found if each.name == wanted]:
            return named
        if is_pattern(wanted):
            return matching(found, wanted)
        raise InputRefused(
            Text(
                f"压缩包里没有 {wanted}；里面有：{_listed(found)}。",
                f"The archive has no member {wanted}; it holds: {_listed(found)}.",
            ),
            members=[each.name for each in found[:TOLD]],
        )
    if not found:
        raise InputRefused(Text("压缩包里没有文件。", "The archive holds no file; hand in one with a table."))
    if len(found) > 1:
        raise InputRefused(
            Text(
                f"压缩包里有 {len(found)} 个文件（{_listed(found)}）；请指明读取哪一个（member），或用 * 合为一个表，或逐个提交为多个表。",
                f"The archive holds {number_of(len(found), 'files')} ({_listed(found)}); name the one to read (member), "
                "read all as one table (*), or hand each in as a table of its own.",
            ),
            members=[each.name for each in found[:TOLD]],
        )
    return [found[0]]


def take(archive: zipfile.ZipFile, member: Member, out: Path, room: int | None = None) -> int:
    """Unpack one member to `out`, no more than `room` bytes (what its packed size allows, unless said); returns its size."""
    if member.times > 1:
        raise InputRefused(
            Text(
                f"压缩包里有 {member.times} 个文件同名为 {member.name}，无法区分；请改名后重新打包。",
                f"The archive holds {number_of(member.times, 'files')} named {member.name}, which cannot be told apart; rename them and pack it again.",
            )
        )
    if member.is_locked:
        raise locked()
    with archive.open(member.info) as packed:
        return unpack(packed, out, room_for(member.info.compress_size) if room is None else room)


def _listed(found: Sequence[Member]) -> str:
    return ", ".join(each.name for each in found[:10]) + ("…" if len(found) > 10 else "")


def _is_data(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    hidden = last.startswith(".") or last.casefold() in _HIDDEN
    return bool(last) and not hidden and "__MACOSX" not in name.split("/")[:-1]


def refuse_crowded(path: Path) -> None:
    """Refuse, before the directory is taken into memory, an archive that says it holds an absurd number of members."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    number = int.from_bytes(tail[at + 10 : at + 12], "little") if at >= 0 else 0
    wide = tail.rfind(b"PK\x06\x06", 0, max(at, 0))
    if number == 0xFFFF and wide >= 0:
        number = int.from_bytes(tail[wide + 32 : wide + 40], "little")
    size_at = tail[at + 12 : at + 16] if at >= 0 else b""
    size = int.from_bytes(size_at, "little")
    if size == 0xFFFFFFFF and wide >= 0:
        size = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    if max(number, size // 300) > MOST_MEMBERS:
        raise InputRefused(
            Text(
                f"压缩包里的文件超过 {MOST_MEMBERS} 个；请拆分后提交。",
                f"The archive holds more than {MOST_MEMBERS} files; split it and hand in the parts.",
            )
        )
