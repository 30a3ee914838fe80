"""Which kind of file this is, by its bytes alone, and its one table taken out of gzip or zip.

Why this exists: names lie (an HTML error page saved as .xls, a Parquet named .csv), and archives can be
built to burst. Everything unpacked here goes to a scratch folder under a limit on size and on ratio.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from core.errors import InputRefused
from core.text import Text
from datasets.intake import archive
from datasets.intake.packed import CHUNK, damaged, locked, refuse_bomb, room_for, unpack

Format = Literal["text", "json", "parquet", "xlsx", "xls", "ods", "zip"]
MAX_DEPTH: Final = 3

FOREIGN: Final[tuple[tuple[bytes, Text], ...]] = (
    (b"%PDF", Text("PDF 文档", "a PDF document")),
    (b"\x89PNG", Text("PNG 图片", "a PNG image")),
    (b"\xff\xd8\xff", Text("JPEG 图片", "a JPEG image")),
    (b"GIF8", Text("GIF 图片", "a GIF image")),
    (b"Rar!", Text("RAR 压缩包", "a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", Text("7z 压缩包", "a 7z archive")),
    (b"BZh", Text("bzip2 压缩包", "a bzip2 archive")),
    (b"\xfd7zXZ", Text("xz 压缩包", "an xz archive")),
    (b"\x28\xb5\x2f\xfd", Text("zstd 压缩包", "a zstd archive")),
    (b"MZ", Text("可执行程序", "a program")),
    (b"\x7fELF", Text("可执行程序", "a program")),
    (b"SQLite format 3", Text("SQLite 数据库", "an SQLite database")),
    (b"PARE", Text("加密的 Parquet 文件", "an encrypted Parquet file")),
)
MARKUP: Final = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<head", b"<body")
TURTLE: Final = (b"@prefix ", b"@base ")


@dataclass(frozen=True, slots=True)
class Opened:
    """The plain file that holds the table, what it is, and what it was packed in.

    parts: members that are to be read as one table; `path` is then the archive itself, `member` the pattern that they fit.
    """

    path: Path
    format: Format
    container: str | None = None
    member: str | None = None
    parts: tuple[str, ...] = ()


def open_input(source: Path, folder: Path, member: str | None = None, wanted: str | None = None) -> Opened:
    """Find the table's own file inside `source`; scratch files go to `folder`.

    wanted: the format somebody named. Content with a signature stays what it is; of text it says how to read it.
    """
    path, container, chosen = source, None, None
    for depth in range(MAX_DEPTH):
        kind = kind_of_file(path)
        if kind == "gzip":
            path, container = ungzip(path, folder / f"open-{depth}"), container or "gzip"
        elif kind == "zip":
            out, found = _unzip(path, folder / f"open-{depth}", None if chosen else member)
            if member is not None and not chosen and found != [member] and archive.is_pattern(member):
                return Opened(path, "zip", container or "zip", member, tuple(found))
            path, chosen, container = out, found[0], container or "zip"
        else:
            return Opened(path, _as_wanted(kind, wanted), container, chosen)
    raise InputRefused(
        Text(
            f"压缩包套了 {MAX_DEPTH} 层以上；请只压缩一层后重新提交。",
            f"The file is packed more than {MAX_DEPTH} times; pack it once and hand it in again.",
        )
    )


def archive_in(source: Path, folder: Path) -> Path | None:
    """The zip that `source` is, or that its gzip holds; None where it is none. Raises InputRefused."""
    path, kind = source, kind_of_file(source)
    if kind == "gzip":
        path = ungzip(source, folder / "opened")
        kind = kind_of_file(path)
    return path if kind == "zip" else None


def demand_file(source: Path) -> None:
    """Raises InputRefused, saying whether there is nothing at this path or a folder."""
    if source.is_dir():
        raise InputRefused(
            Text(f"{source} 是文件夹；请指明其中的一个文件。", f"{source} is a folder; name one file in it.")
        )
    if not source.is_file():
        raise InputRefused(
            Text(f"找不到文件 {source}；请检查路径。", f"There is no file {source}; check the path.")
        )


def _as_wanted(found: Format, wanted: str | None) -> Format:
    if wanted is None:
        return found
    as_text: dict[str, Format] = {
        "csv": "text",
        "tsv": "text",
        "json": "json",
        "jsonl": "json",
        "geojson": "json",
    }
    asked = as_text.get(wanted, wanted)
    if asked == found:
        return found
    if found in ("text", "json") and asked in ("text", "json"):
        return as_text[wanted]
    raise InputRefused(
        Text(
            f"文件内容是 {found}，不能按 {wanted} 读取；请去掉指定的格式，由系统识别。",
            f"By its content the file is {found}; it cannot be read as {wanted}. Name no format, so that it is detected.",
        )
    )


def kind_of_file(path: Path) -> Format | Literal["gzip"]:
    """By its first bytes; of what Office packs, by what lies inside. Raises InputRefused for what is no table."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise InputRefused(
            Text(
                "文件是空的（0 字节）；请检查导出后重新提交。",
                "The file is empty (0 bytes); check the export and hand it in again.",
            )
        )
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _office_kind(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound_kind(path)
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise _not_a_table(what)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.lower().startswith(MARKUP):
        raise _not_a_table(Text("网页或 XML 文档", "a web page or XML document"))
    if start.lower().startswith(TURTLE):
        raise _not_a_table(Text("RDF（Turtle）文档", "an RDF document in Turtle"))
    return "json" if looks_like_json(head) else "text"


def looks_like_json(head: bytes) -> bool:
    """Whether a text begins the way a JSON object or array does."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    rest = start[1:].lstrip()[:1]
    if start[:1] == b"{":
        return rest in (b'"', b"}", b"")
    return start[:1] == b"[" and (rest in b'{["]-tfn0123456789')


def _not_a_table(what: Text) -> InputRefused:
    return InputRefused(
        Text(
            f"这是{what.zh}，不是数据表；请导出为 CSV、Excel、JSON 或 Parquet 后提交。",
            f"This is {what.en}, not a table; export it as CSV, Excel, JSON or Parquet and hand that in.",
        )
    )


def _compound_kind(path: Path) -> Literal["xls"]:
    """Tell an old workbook from other things that Office packs the same way: a locked XLSX, a Word document."""
    names = {
        name: name.encode("utf-16-le") for name in ("Workbook", "Book", "EncryptedPackage", "WordDocument")
    }
    seen: set[str] = set()
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            seen |= {name for name, entry in names.items() if entry in rest + chunk}
            rest = chunk[-64:]
    if "EncryptedPackage" in seen and not seen & {"Workbook", "Book"}:
        raise locked()
    if "WordDocument" in seen and not seen & {"Workbook", "Book"}:
        raise _not_a_table(Text("Word 文档", "a Word document"))
    return "xls"


def _office_kind(path: Path) -> Literal["xlsx", "ods", "zip"]:
    """Tell a workbook from a plain archive, and refuse workbooks that would burst."""
    archive.refuse_crowded(path)
    try:
        with zipfile.ZipFile(path) as book:
            infos = book.infolist()
            names = {info.filename for info in infos}
            if "[Content_Types].xml" in names:
                if not any(name.startswith("xl/") for name in names):
                    raise _not_a_table(
                        Text("Office 文档（非工作簿）", "an Office document but not a workbook")
                    )
                refuse_bomb(infos, path)
                return "xlsx"
            if "content.xml" in names and "mimetype" in names:
                if b"spreadsheet" not in book.read("mimetype")[:200]:
                    raise _not_a_table(
                        Text("OpenDocument 文档（非表格）", "an OpenDocument file but not a sheet")
                    )
                refuse_bomb(infos, path)
                return "ods"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise damaged(Text("压缩包或工作簿", "archive or workbook")) from error
    except RuntimeError as error:
        raise locked() from error
    return "zip"


def ungzip(path: Path, out: Path) -> Path:
    """Unpack a gzip file to `out`. Raises InputRefused."""
    try:
        with gzip.open(path) as packed:
            unpack(packed, out, room_for(path.stat().st_size))
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(Text("gzip 文件", "gzip file")) from error
    return out


def _unzip(path: Path, out: Path, wanted: str | None) -> tuple[Path, list[str]]:
    """Take the wanted member out; of several that fit a pattern only the names are told."""
    with archive.opened(path) as packed:
        found = archive.chosen(archive.members(packed), wanted)
        names = [each.name for each in found]
        if names == [wanted] or wanted is None:
            archive.take(packed, found[0], out)
        return out, names
