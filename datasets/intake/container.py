"""Which kind of file this is, by its bytes alone, and its one table taken out of gzip or zip.

Why this exists: names lie (an HTML error page saved as .xls, a Parquet named .csv), and archives can be
built to burst. Everything unpacked here goes to a scratch folder under a limit on size and on ratio.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from core.errors import InputRefused
from core.text import Text

Format = Literal["text", "json", "parquet", "xlsx", "xls", "ods"]
CHUNK: Final = 1 << 20
MAX_OPEN_BYTES: Final = 64 << 30
FREE_RATIO_BYTES: Final = 256 << 20
MAX_RATIO: Final = 200
MAX_DEPTH: Final = 3
MAX_SHEET_XML_BYTES: Final = 1 << 30
# Parts of a workbook that only list what it holds; they are read as a whole.
LISTS: Final = frozenset({"xl/workbook.xml", "xl/_rels/workbook.xml.rels"})
MAX_LIST_BYTES: Final = 8 << 20

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
    """The plain file that holds the table, what it is, and what it was packed in."""

    path: Path
    format: Format
    container: str | None = None
    member: str | None = None
    members: tuple[str, ...] = ()


def open_input(source: Path, folder: Path, member: str | None = None, wanted: str | None = None) -> Opened:
    """Find the table's own file inside `source`; scratch files go to `folder`.

    wanted: the format somebody named. Content with a signature stays what it is; of text it says how to read it.
    """
    path, container, chosen = source, None, None
    members: tuple[str, ...] = ()
    for depth in range(MAX_DEPTH):
        kind = _kind(path)
        if kind == "gzip":
            path, container = _ungzip(path, folder / f"open-{depth}"), container or "gzip"
        elif kind == "zip":
            path, chosen, members = _unzip(path, folder / f"open-{depth}", None if chosen else member)
            container = container or "zip"
        else:
            return Opened(path, _as_wanted(kind, wanted), container, chosen, members)
    raise InputRefused(
        Text(
            f"压缩包套了 {MAX_DEPTH} 层以上；请只压缩一层后重新提交。",
            f"The file is packed more than {MAX_DEPTH} times; pack it once and hand it in again.",
        )
    )


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


def _kind(path: Path) -> Format | Literal["gzip", "zip"]:
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


def _damaged(what: Text) -> InputRefused:
    return InputRefused(
        Text(
            f"{what.zh}已损坏或不完整；请重新生成后提交。",
            f"The {what.en} is damaged or cut off; make it again and hand it in.",
        )
    )


def _locked() -> InputRefused:
    return InputRefused(
        Text(
            "文件有密码保护，无法读取；请取消密码后重新提交。",
            "The file is protected by a password; remove the password and hand it in again.",
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
        raise _locked()
    if "WordDocument" in seen and not seen & {"Workbook", "Book"}:
        raise _not_a_table(Text("Word 文档", "a Word document"))
    return "xls"


def _office_kind(path: Path) -> Literal["xlsx", "ods", "zip"]:
    """Tell a workbook from a plain archive, and refuse workbooks that would burst."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos}
            if "[Content_Types].xml" in names:
                if not any(name.startswith("xl/") for name in names):
                    raise _not_a_table(
                        Text("Office 文档（非工作簿）", "an Office document but not a workbook")
                    )
                _refuse_bomb(infos, path)
                return "xlsx"
            if "content.xml" in names and "mimetype" in names:
                if b"spreadsheet" not in archive.read("mimetype")[:200]:
                    raise _not_a_table(
                        Text("OpenDocument 文档（非表格）", "an OpenDocument file but not a sheet")
                    )
                _refuse_bomb(infos, path)
                return "ods"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise _damaged(Text("压缩包或工作簿", "archive or workbook")) from error
    except RuntimeError as error:
        raise _locked() from error
    return "zip"


def _refuse_bomb(infos: Iterable[zipfile.ZipInfo], path: Path) -> None:
    infos = list(infos)
    total = sum(info.file_size for info in infos)
    longest = max((info.file_size for info in infos if info.filename in LISTS), default=0)
    if longest > MAX_LIST_BYTES:
        raise _bomb(longest)
    if total > MAX_SHEET_XML_BYTES or total > max(FREE_RATIO_BYTES, MAX_RATIO * path.stat().st_size):
        raise _bomb(total)


def _bomb(size: int) -> InputRefused:
    return InputRefused(
        Text(
            f"文件解压后超过 {size >> 20} MiB，与压缩大小不成比例，已停止解压；请拆分或改用 CSV、Parquet 提交。",
            f"Unpacked, the file passes {size >> 20} MiB, out of proportion to its packed size; "
            "split it or hand it in as CSV or Parquet.",
        )
    )


def _ungzip(path: Path, out: Path) -> Path:
    try:
        with gzip.open(path) as packed:
            _copy(packed, out, path.stat().st_size)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(Text("gzip 文件", "gzip file")) from error
    return out


def _copy(packed: IO[bytes] | gzip.GzipFile, out: Path, packed_bytes: int) -> None:
    limit = min(MAX_OPEN_BYTES, max(FREE_RATIO_BYTES, MAX_RATIO * packed_bytes))
    size = 0
    with out.open("wb") as file:
        while chunk := packed.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise _bomb(size)
            file.write(chunk)


def _member_name(info: zipfile.ZipInfo) -> str:
    """Members packed on a Chinese Windows carry GBK names without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename


def _is_data(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return bool(last) and not last.startswith(".") and not name.startswith("__MACOSX/")


def _unzip(path: Path, out: Path, wanted: str | None) -> tuple[Path, str, tuple[str, ...]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {_member_name(i): i for i in archive.infolist() if not i.is_dir()}
            listed = [name for name in members if _is_data(name)]
            name = _choose(listed, wanted)
            if members[name].flag_bits & 0x1:
                raise _locked()
            with archive.open(members[name]) as packed:
                _copy(packed, out, members[name].compress_size)
            return out, name, tuple(listed)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise _damaged(Text("zip 压缩包", "zip archive")) from error
    except RuntimeError as error:
        raise _locked() from error


def _choose(names: list[str], wanted: str | None) -> str:
    shown = ", ".join(names[:10]) + ("…" if len(names) > 10 else "")
    if wanted is not None:
        if wanted in names:
            return wanted
        raise InputRefused(
            Text(
                f"压缩包里没有 {wanted}；里面有：{shown}。",
                f"The archive has no member {wanted}; it holds: {shown}.",
            ),
            members=names[:200],
        )
    if not names:
        raise InputRefused(Text("压缩包里没有文件。", "The archive holds no file; hand in one with a table."))
    if len(names) > 1:
        raise InputRefused(
            Text(
                f"压缩包里有 {len(names)} 个文件（{shown}）；请指明读取哪一个（member）。",
                f"The archive holds {len(names)} files ({shown}); name the one to read (member).",
            ),
            members=names[:200],
        )
    return names[0]
