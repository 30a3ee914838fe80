"""Atom (RFC 4287) with paging (RFC 5005): one entry for each record, newest change first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from catalog.standards.entry import Entry, instant, iri
from core.text import Lang, Text

MEDIA_TYPE: Final = "application/atom+xml"
NAMESPACE: Final = "http://www.w3.org/2005/Atom"


def feed(
    entries: Sequence[Entry],
    *,
    address: str,
    page: str,
    title: Text,
    lang: Lang,
    links: Mapping[str, str],
    updated: datetime,
) -> bytes:
    """A page of a feed. address: of the first page, which names the feed; page: where people read the same; links: rel → address."""
    from lxml import etree

    root = etree.Element(_tag("feed"), nsmap={None: NAMESPACE})
    root.set("{http://www.w3.org/XML/1998/namespace}lang", "zh-CN" if lang == "zh" else "en")
    _text(root, "id", address)
    _text(root, "title", title.in_(lang))
    _text(root, "updated", instant(max([updated, *(one.changed_at for one in entries)])))
    _text(etree.SubElement(root, _tag("author")), "name", Text("数授", "Datagrant").in_(lang))
    _link(root, "alternate", page, "text/html")
    for rel, target in links.items():
        _link(root, rel, target, MEDIA_TYPE)
    for entry in entries:
        _entry(root, entry, lang)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _entry(root: Any, entry: Entry, lang: Lang) -> None:  # noqa: ANN401 - an element
    from lxml import etree

    made = etree.SubElement(root, _tag("entry"))
    _text(made, "id", entry.uri)
    _text(made, "title", entry.title.in_(lang))
    _text(made, "updated", instant(entry.changed_at))
    if entry.row.issued:
        _text(made, "published", instant(entry.row.issued))
    _text(etree.SubElement(made, _tag("author")), "name", entry.publisher.name.in_(lang))
    _text(made, "summary", entry.description.in_(lang))
    _link(made, "alternate", entry.uri, "text/html")
    if entry.foreign_from:
        _link(made, "via", entry.foreign_from, "text/html")
    for file in entry.files:
        found = _link(made, "enclosure", file.url, file.media_type)
        found.set("length", str(file.size_bytes))
    for reuse in entry.reuses:
        etree.SubElement(made, _tag("link"), {"rel": "related", "href": iri(reuse.url) or entry.page_of(reuse), "title": reuse.title})  # fmt: skip
    for word in entry.row.keywords if lang == "zh" else entry.row.keywords_en:
        etree.SubElement(made, _tag("category"), {"term": word})


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _text(parent: Any, name: str, said: str) -> None:  # noqa: ANN401 - an element
    from lxml import etree

    etree.SubElement(parent, _tag(name)).text = said


def _link(parent: Any, rel: str, target: str, media_type: str) -> Any:  # noqa: ANN401 - an element
    from lxml import etree

    return etree.SubElement(parent, _tag("link"), {"rel": rel, "href": target, "type": media_type})
