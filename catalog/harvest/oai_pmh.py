"""OAI-PMH 2.0: pages of ListRecords in `oai_dc`. Deleted records are left out, and so become gone; what says of itself that it is no data is left, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from catalog.harvest.csw import parsed
from catalog.harvest.records import Fault, Reading, Record, Unreadable, address, link, record
from core.text import Text

_OAI: Final = "{http://www.openarchives.org/OAI/2.0/}"
_DC: Final = "{http://purl.org/dc/elements/1.1/}"
_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_FIRST_ALONE: Final = frozenset({"set", "from", "until", "metadataPrefix"})
"""Arguments of the first request alone: a resumption token stands for them."""
_NO_DATA: Final = frozenset(
    [
        "article",
        "book",
        "bookpart",
        "doctoralthesis",
        "event",
        "image",
        "interactiveresource",
        "masterthesis",
        "movingimage",
        "physicalobject",
        "service",
        "software",
        "sound",
        "stillimage",
        "text",
    ]
)
"""DCMI's types and those of publications that are no data."""


def page_url(base: str, token: str = "") -> str:
    """The address of a page. What the address says besides (`set=…`) goes with the first one."""
    parts = urlsplit(base)
    own = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("verb", "resumptionToken")]
    if token:
        asked = [(name, value) for name, value in own if name not in _FIRST_ALONE] + [
            ("resumptionToken", token)
        ]
    else:
        asked = [*own, *([] if dict(own).get("metadataPrefix") else [("metadataPrefix", "oai_dc")])]
    return urlunsplit(parts._replace(query=urlencode([("verb", "ListRecords"), *asked]), fragment=""))


def token_of(data: bytes) -> str:
    """What asks for the next page; nothing when this was the last."""
    node = parsed(data).find(f"{_OAI}ListRecords/{_OAI}resumptionToken")
    return "" if node is None else (node.text or "").strip()


def read(data: bytes, base: str = "") -> Reading:  # noqa: ARG001 - the shape of a reader
    """One page. A record that cannot be read stops none. Raises Unreadable."""
    root = parsed(data)
    fault = root.find(f"{_OAI}error")
    if fault is not None and fault.get("code") == "noRecordsMatch":
        return Reading()
    if fault is not None:
        said = f"{fault.get('code')} {(fault.text or '').strip()}".strip()[:300]
        raise Unreadable(Text(f"服务答复错误：{said}", f"The service reports a fault: {said}"))
    told = root.find(f"{_OAI}ListRecords")
    if root.tag != f"{_OAI}OAI-PMH" or told is None:
        raise Unreadable(
            Text(
                "答复中没有 ListRecords；这不是 OAI-PMH 2.0。",
                "There are no ListRecords in the answer; this is no OAI-PMH 2.0.",
            )
        )
    found = Reading()
    for place, each in enumerate(told.findall(f"{_OAI}record"), 1):
        header = each.find(f"{_OAI}header")
        own = "" if header is None else (header.findtext(f"{_OAI}identifier") or "").strip()
        if header is not None and header.get("status") == "deleted":
            continue
        words = next((some for some in each.iterfind(f"{_OAI}metadata/*")), None)
        if words is None or not any(str(one.tag).startswith(_DC) for one in words):
            why = Text("没有 oai_dc 元数据。", "It has no metadata in oai_dc.")
            found.faults.append(Fault(own or f"#{place}", why))
        elif not _is_other(words):
            found.take(_record(own, header, words))
    found.is_last = not token_of(data)
    return found


def _all(words: Any, name: str) -> list[str]:  # noqa: ANN401 - lxml is not typed
    return [said for one in words.iterfind(f"{_DC}{name}") if (said := (one.text or "").strip())]


def _is_other(words: Any) -> bool:  # noqa: ANN401
    """Whether it calls itself something, and nothing of that may be data."""
    kinds = [said.rsplit("/", 1)[-1].replace(" ", "").lower() for said in _all(words, "type")]
    return bool(kinds) and all(kind in _NO_DATA for kind in kinds)


def _record(own: str, header: Any, words: Any) -> Record:  # noqa: ANN401
    places = [said for said in _all(words, "identifier") if address(said)]
    return record(
        own, _languages(words, "title"), _languages(words, "description"), keywords=_all(words, "subject"),
        links=[link(place) for place in places[1:]], publisher=next(iter(_all(words, "publisher") or _all(words, "creator")), ""),
        licence="; ".join(dict.fromkeys(_all(words, "rights"))), page=places[0] if places else "",
        modified="" if header is None else header.findtext(f"{_OAI}datestamp"), spatial="; ".join(_all(words, "coverage")),
    )  # fmt: skip


def _languages(words: Any, name: str) -> str | dict[str, str]:  # noqa: ANN401
    """A text by the languages that it is marked with; without marks, all of it, told apart by its script."""
    marked: dict[str, list[str]] = {}
    for one in words.iterfind(f"{_DC}{name}"):
        if said := (one.text or "").strip():
            marked.setdefault((one.get(_LANG) or "").lower()[:2], []).append(said)
    joined = {lang: _joined(said, name) for lang, said in marked.items()}
    if "zh" in joined or "en" in joined:
        return {
            "zh": joined.get("zh", ""),
            "en": joined.get("en") or ("" if "zh" in joined else joined.get("", "")),
        }
    return next(iter(joined.values()), "")


def _joined(said: Iterable[str], name: str) -> str:
    return next(iter(said)) if name == "title" else "\n\n".join(said)
