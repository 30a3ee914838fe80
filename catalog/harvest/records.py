"""What every format is read into: records with the identity that their own catalogue gave them, and what could not be read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from catalog.harvest.markup import text_of
from core.text import Text

MOST_RECORDS: Final = 100_000
MOST_LINKS: Final = 500
MOST_RELATIONS: Final = 100
_CJK: Final = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a foreign file lies. It is named, never fetched and never handed on."""

    url: str
    title: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One dataset as another catalogue describes it. Texts are plain; lists are in the order of the source."""

    identifier: str
    title_zh: str = ""
    title_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    keywords: tuple[str, ...] = ()
    publisher: str = ""
    licence: str = ""
    page: str = ""
    modified: str = ""
    spatial: str = ""
    links: tuple[Link, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()  # kind, and the other record's identifier there
    is_series: bool = False

    @property
    def title(self) -> str:
        return self.title_zh or self.title_en

    def as_data(self) -> dict[str, Any]:
        """As JSON, in the same order for the same record."""
        return json.loads(json.dumps(self._told(), ensure_ascii=False))  # type: ignore[no-any-return]

    def _told(self) -> dict[str, Any]:
        """What is not said of a record is not kept, so that what was read before it could be said is no change."""
        late = {name: value for name in ("relations", "is_series") if (value := getattr(self, name))}
        return {
            name: value for name, value in asdict(self).items() if name not in ("relations", "is_series")
        } | late

    def digest(self) -> str:
        """What tells a changed record from an unchanged one."""
        return hashlib.sha256(json.dumps(self._told(), sort_keys=True).encode()).hexdigest()


def from_data(data: Mapping[str, Any]) -> Record:
    """A record from `as_data` again."""
    return Record(
        **{
            **data,
            "keywords": tuple(data["keywords"]),
            "links": tuple(Link(**each) for each in data["links"]),
            "relations": tuple((kind, other) for kind, other in data.get("relations", ())),
        }
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that cannot be taken: which one (identifier, title, or its place), and why."""

    where: str
    why: Text


@dataclass(slots=True)
class Reading:
    """What one document gave. `is_last`: whether another page may follow; `next_page`: its address, where the document names it."""

    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    is_last: bool = True
    next_page: str = ""

    def take(self, record: Record) -> None:
        """Keep a record, or say why it cannot be kept."""
        where = (record.identifier or record.title or f"#{len(self.records) + len(self.faults) + 1}")[:300]
        if not record.identifier:
            self.faults.append(
                Fault(
                    where,
                    Text(
                        "没有标识符（identifier），无法识别是哪条记录。",
                        "It has no identifier, so it cannot be told from others.",
                    ),
                )
            )
        elif len(record.identifier) > 1000:
            self.faults.append(
                Fault(where, Text("标识符超过 1000 字符。", "Its identifier is longer than 1000 characters."))
            )
        elif not record.title:
            self.faults.append(Fault(where, Text("没有标题（title）。", "It has no title.")))
        elif len(self.records) >= MOST_RECORDS:
            self.faults.append(
                Fault(
                    where,
                    Text(
                        f"一次最多采集 {MOST_RECORDS} 条。",
                        f"At most {MOST_RECORDS} records are taken at a time.",
                    ),
                )
            )
        else:
            self.records.append(record)


class Unreadable(ValueError):
    """The whole document cannot be read. `why` says so in both languages."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


def record(
    identifier: object,
    title: object,
    description: object = "",
    *,
    keywords: Iterable[object] = (),
    links: Iterable[Link] = (),
    relations: Iterable[tuple[str, object]] = (),
    is_series: bool = False,
    **more: object,
) -> Record:
    """A record from whatever the source wrote: texts made plain, languages told apart, addresses checked."""
    titles, notes = both(title), [plain(text_of(each)) for each in both(description)]
    words = tuple(dict.fromkeys(word for each in keywords if (word := plain(each)[:100])))[:100]
    kept = tuple(dict.fromkeys(each for each in links if each.url))[:MOST_LINKS]
    rest = {name: plain(value)[:1000] for name, value in more.items() if name != "page"}
    return Record(
        plain(identifier), titles[0][:200], titles[1][:300], notes[0][:20_000], notes[1][:20_000], words,
        links=kept, page=address(more.get("page")), is_series=is_series,
        relations=tuple(dict.fromkeys((kind, said) for kind, other in relations if (said := plain(other)[:1000])))[:MOST_RELATIONS], **rest,
    )  # fmt: skip


def link(url: object, title: object = "", form: object = "") -> Link:
    """A link; an address that no browser may follow becomes an empty one and is left out."""
    return Link(address(url), plain(title)[:300], plain(form)[:60])


def both(value: object) -> tuple[str, str]:
    """Chinese and English of a text: as the source parts them, else by its script."""
    if isinstance(value, Mapping):
        zh = next(
            (
                plain(value[key])
                for key in ("zh", "zh-CN", "zh_CN", "zh-Hans", "zh-Hant", "zh_TW", "zh-TW")
                if value.get(key)
            ),
            "",
        )
        en = plain(value.get("en")) or (
            "" if zh else next((plain(each) for each in value.values() if plain(each)), "")
        )
        return zh, en
    said = plain(value)
    return (said, "") if _CJK.search(said) else ("", said)


def plain(value: object) -> str:
    """A text without control characters; what is no text or number is nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    said = str(value).replace("\\r\\n", "\n").replace("\r\n", "\n")
    if said.isprintable():
        return said.strip()
    return "".join(
        char for char in said if (char.isprintable() or char in "\n\t") and not "\ud800" <= char <= "\udfff"
    ).strip()


def address(value: object) -> str:
    """An http(s) or ftp address, else nothing: a harvested `javascript:` never becomes a link."""
    said = plain(value)
    try:
        parts = urlsplit(said)
        fits = (
            parts.scheme.lower() in ("http", "https", "ftp")
            and bool(parts.hostname)
            and "@" not in parts.netloc
        )
    except ValueError:
        return ""
    return said if fits and len(said) <= 2000 and not any(char.isspace() for char in said) else ""


def listed(value: object) -> list[Any]:
    """A list; a single thing is a list of one, nothing is empty."""
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def document(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """A JSON document, as UTF-8 with or without a mark. Raises Unreadable."""
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as fault:
        place = f"第 {fault.lineno} 行" if isinstance(fault, json.JSONDecodeError) else ""
        where = f" (line {fault.lineno})" if isinstance(fault, json.JSONDecodeError) else ""
        raise Unreadable(
            Text(
                f"不是可读的 JSON{place}；请核对地址与格式。",
                f"It is no readable JSON{where}; check address and format.",
            )
        ) from None
