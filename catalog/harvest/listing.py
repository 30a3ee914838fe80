"""Plain lists that many portals publish: JSON objects or CSV lines, one dataset each, with headings of their own.

Headings are known by a table of names (simplified and traditional Chinese, English). A list without identifiers is told apart
by organisation and title: then a title that changes is a new record, which the report shows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from catalog.harvest.records import Fault, Reading, Record, Unreadable, document, link, listed, plain, record
from core.text import Text

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "identifier", "uuid", "数据集编号", "資料集識別碼", "资源代码"),
    "title": ("title", "name", "资源名称", "数据集名称", "資料集名稱", "資料名稱"),
    "notes": (
        "description",
        "notes",
        "资源摘要",
        "数据集描述",
        "資料集描述",
        "資料集說明",
        "主要欄位說明",
        "主要欄位",
    ),
    "publisher": (
        "publisher",
        "organization",
        "提供方",
        "数据来源",
        "資料集提供機關",
        "資料來源(部會單位)",
        "資料來源",
        "第一層級",
    ),
    "url": ("url", "website", "data_url", "資料集連結網址", "資料連結網址"),
    "licence": ("license", "licence", "授权方式", "授權方式", "授權說明網址"),
    "keywords": ("keywords", "tags", "关键词", "標籤/關鍵字", "關鍵字"),
    "modified": ("modified", "last_updated", "更新时间", "最後更新時間"),
    "form": ("format", "file_formats", "文件格式", "檔案格式", "資源格式"),
    "spatial": ("spatial", "country", "空间范围", "資料集空間範圍"),
}
_LISTS: Final = ("sources", "datasets", "items", "records", "results", "data")


def read(data: bytes, base: str = "") -> Reading:  # noqa: ARG001 - the shape of a reader
    """Every line or object. Raises Unreadable."""
    found, seen = Reading(), dict[str, int]()
    for place, each in enumerate(_rows(data), 1):
        if not isinstance(each, Mapping):
            found.faults.append(Fault(f"#{place}", Text("不是对象。", "It is no object.")))
            continue
        made = _record(each)
        if made.identifier in seen:
            first = seen[made.identifier]
            why = Text(
                f"与第 {first} 条重复（同一标识，或同一提供方与名称）。",
                f"It repeats number {first} (the same identifier, or the same publisher and name).",
            )
            found.faults.append(Fault(f"#{place} {made.title}"[:300], why))
            continue
        seen[made.identifier] = place
        found.take(made)
    return found


def _record(each: Mapping[Any, Any]) -> Record:
    told = {str(key).strip(): value for key, value in each.items()}
    known = {
        role: next((told[name] for name in names if told.get(name) not in (None, "", [])), "")
        for role, names in _NAMES.items()
    }
    title, publisher = known["title"], plain(known["publisher"])
    own = plain(known["id"]) or (plain(known["url"]) if "title" in told and "資料集名稱" not in told else "")
    words = known["keywords"]
    keywords = (
        words if isinstance(words, list) else plain(words).replace("、", ",").replace(";", ",").split(",")
    )
    name = plain(title) if not isinstance(title, Mapping) else " ".join(map(plain, title.values()))
    return record(
        own or (f"{publisher}/{name}" if name else ""), title, known["notes"], keywords=keywords, publisher=publisher,
        licence=known["licence"], page=known["url"], modified=known["modified"], spatial=known["spatial"],
        links=[link(known["url"], "", ", ".join(map(plain, listed(known["form"]))))] if known["form"] else (),
    )  # fmt: skip


def _rows(data: bytes) -> Iterator[object]:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        told = document(data)
        if isinstance(told, Mapping):
            told = next((told[name] for name in _LISTS if isinstance(told.get(name), list)), None)
        if not isinstance(told, list):
            raise Unreadable(Text("JSON 中没有记录列表。", "There is no list of records in the JSON."))
        yield from told
        return
    try:
        lines = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        heads = {str(name).strip() for name in lines.fieldnames or ()}
        if not heads & set(_NAMES["title"]):
            wanted = "、".join(_NAMES["title"])
            raise Unreadable(
                Text(f"没有认得的标题列（{wanted}）。", f"No heading for titles is known ({wanted}).")
            )
        yield from lines
    except (UnicodeDecodeError, csv.Error):
        raise Unreadable(
            Text("不是 JSON，也不是 UTF-8 的 CSV。", "It is neither JSON nor CSV in UTF-8.")
        ) from None
