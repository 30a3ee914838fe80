"""CSW 2.0.2 and 3.0: pages of GetRecords whose records are ISO 19139 (gmd). The only door to owslib; the bytes are fetched elsewhere, through the guard.

Why the XML is parsed here and not by owslib: it would follow what a document declares. Declarations are refused, nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from catalog.harvest.records import Fault, Link, Reading, Record, Unreadable, link, record
from core.text import Text

PAGE: Final = 50
_GMD: Final = "http://www.isotc211.org/2005/gmd"
_GCO: Final = "http://www.isotc211.org/2005/gco"
_CSW: Final = ("http://www.opengis.net/cat/csw/2.0.2", "http://www.opengis.net/cat/csw/3.0")
_EVERY: Final = {"service": "CSW", "outputSchema": _GMD, "elementSetName": "full"}
_PAGES: Final = {
    "2.0.2": {"version": "2.0.2", "resultType": "results", "namespace": f"xmlns(gmd={_GMD})"},
    "3.0.0": {"version": "3.0.0", "namespace": f"xmlns(gmd,{_GMD})"},
}
"""What a version of the protocol wants besides, to give a page."""
_LOCAL: Final = f"{{{_GMD}}}PT_FreeText/{{{_GMD}}}textGroup/{{{_GMD}}}LocalisedCharacterString"
_ASSOCIATIONS: Final = {
    "crossReference": "references", "largerWorkCitation": "isPartOf", "partOfSeamlessDatabase": "isPartOf", "source": "source",
    "revisionOf": "isVersionOf", "dependency": "requires", "isComposedOf": "hasPart",
}  # fmt: skip
"""ISO 19115's association of two datasets → our kind of relation."""
_OTHER_THAN_DATA: Final = frozenset({"service", "software", "model", "application"})


def page_url(base: str, start: int, version: str = "2.0.2") -> str:
    """The address of one page; places are counted from 1."""
    return _asked(
        base, request="GetRecords", typeNames="gmd:MD_Metadata", maxRecords=str(PAGE), startPosition=str(start), **_PAGES[version]
    )  # fmt: skip


def _asked(base: str, **more: str) -> str:
    joint = "" if base.endswith(("?", "&")) else "&" if urlsplit(base).query else "?"
    return f"{base}{joint}{urlencode({**_EVERY, **more})}"


def start_of(url: str) -> int:
    """The place that a page begins with."""
    return int(parse_qs(urlsplit(url).query).get("startPosition", ["1"])[0])


def next_place(data: bytes) -> int:
    """The place that the next page begins with; 0 when this was the last."""
    told = _results(parsed(data))
    if told is None:
        return 0
    try:
        following, matched = int(told.get("nextRecord") or 0), int(told.get("numberOfRecordsMatched") or 0)
    except ValueError:
        return 0
    return following if 0 < following <= matched else 0


def read(data: bytes, base: str = "") -> Reading:
    """Datasets and series of one page; records of services are left. One that cannot be read stops none. Raises Unreadable."""
    root = parsed(data)
    if root.tag.endswith("}ExceptionReport"):
        said = " ".join(text.strip() for text in root.itertext() if text.strip())[:300]
        raise Unreadable(Text(f"服务答复错误：{said}", f"The service reports a fault: {said}"))
    told = _results(root)
    if told is None:
        raise Unreadable(
            Text(
                "答复中没有 SearchResults；这不是 CSW 2.0.2 或 3.0。",
                "There are no SearchResults in the answer; this is no CSW 2.0.2 or 3.0.",
            )
        )
    found = Reading(is_last=not next_place(data))
    for place, each in enumerate(told, 1):
        if not isinstance(each.tag, str):
            continue
        if each.tag != f"{{{_GMD}}}MD_Metadata":
            why = Text(
                "不是 ISO 19139（gmd:MD_Metadata）记录。", "It is no ISO 19139 record (gmd:MD_Metadata)."
            )
            found.faults.append(Fault(f"#{place}", why))
            continue
        try:
            made = _record(each, base)
        except Exception as fault:  # owslib stumbles over what a schema would have refused
            kind = type(fault).__name__
            why = Text(f"记录不合 ISO 19139（{kind}）。", f"The record does not follow ISO 19139 ({kind}).")
            found.faults.append(Fault(_text(each, f"{{{_GMD}}}fileIdentifier") or f"#{place}", why))
            continue
        if made is not None:
            found.take(made)
    return found


def parsed(data: bytes) -> Any:  # noqa: ANN401 - lxml is not typed
    """XML that declares nothing. Raises Unreadable."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise Unreadable(
            Text(f"不是可读的 XML：{str(fault)[:120]}", f"It is no readable XML: {str(fault)[:120]}")
        ) from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable(Text("XML 含 DOCTYPE，已拒绝。", "The XML declares a DOCTYPE; refused."))
    return root


def _results(root: Any) -> Any:  # noqa: ANN401
    return next(
        (found for space in _CSW if (found := root.find(f"{{{space}}}SearchResults")) is not None), None
    )


def _record(each: Any, base: str) -> Record | None:  # noqa: ANN401
    from owslib.iso import MD_Metadata

    told = MD_Metadata(each)
    if (told.hierarchy or "").lower() in _OTHER_THAN_DATA:
        return None
    about = next(
        (one for one in told.identification if type(one).__name__ != "SV_ServiceIdentification"), None
    )
    if about is None:
        return None if told.identification else record(told.identifier, "")
    info = f"{{{_GMD}}}identificationInfo//"
    version = "3.0.0" if each.getroottree().getroot().tag.startswith(f"{{{_CSW[1]}}}") else "2.0.2"
    page = (
        _asked(base, request="GetRecordById", id=told.identifier, version=version)
        if base and told.identifier
        else ""
    )
    return record(
        told.identifier, _languages(each, f"{info}{{{_GMD}}}CI_Citation/{{{_GMD}}}title", about.title),
        _languages(each, f"{info}{{{_GMD}}}abstract", about.abstract),
        keywords=[word.name for group in about.keywords or [] for word in group.keywords], links=list(_links(told)),
        publisher=_publisher([*about.contact, *told.contact]),
        licence="; ".join(dict.fromkeys(filter(None, [*about.otherconstraints, *about.uselimitation]))),
        page=page, modified=told.datestamp, spatial=_box(about), relations=_relations(each, told.parentidentifier),
    )  # fmt: skip


def _relations(each: Any, parent: str | None) -> Iterable[tuple[str, object]]:  # noqa: ANN401
    """How it stands to others of the same catalogue: by `parentIdentifier` and by `aggregationInfo`."""
    if parent:
        yield "isPartOf", parent
    for one in each.iter(f"{{{_GMD}}}MD_AggregateInformation"):
        said = one.find(f"{{{_GMD}}}associationType/{{{_GMD}}}DS_AssociationTypeCode")
        kind = _ASSOCIATIONS.get("" if said is None else said.get("codeListValue") or "")
        code = one.find(f"{{{_GMD}}}aggregateDataSetIdentifier//{{{_GMD}}}code/{{{_GCO}}}CharacterString")
        if kind and code is not None and code.text:
            yield kind, code.text


def _languages(each: Any, path: str, plain: str | None) -> str | dict[str, str]:  # noqa: ANN401
    """A text in the languages that it is given in: the record's own, and those of its PT_FreeText."""
    node = each.find(path)
    others = {} if node is None else {
        (one.get("locale") or "").lstrip("#").lower()[:2]: one.text or "" for one in node.findall(_LOCAL)
    }  # fmt: skip
    zh = others.get("zh") or others.get("ch") or ""
    if not zh and not others.get("en"):
        return plain or ""
    return {"zh": zh or plain or "", "en": others.get("en") or (plain if zh else "") or ""}


def _links(told: Any) -> Iterable[Link]:  # noqa: ANN401
    ways = told.distribution
    if ways is None:
        return
    named = ways.format if isinstance(ways.format, list) else [ways.format]
    form = next(filter(None, named), "") if len(named) == 1 else ""
    lines = [*ways.online, *(line for one in ways.distributor or [] for line in one.online)]
    for line in lines:
        yield link(
            line.url, line.name or line.description, form or _form(line.protocol or "", line.url or "")
        )


def _form(protocol: str, url: str) -> str:
    """The format of a line, told by its protocol (`OGC:WMS`) or by the end of its address."""
    if protocol.upper().startswith("OGC:"):
        return protocol.split(":")[1].split("-")[0].upper()
    ending = urlsplit(url).path.rpartition("/")[2].rpartition(".")
    return ending[2].upper() if ending[1] and len(ending[2]) <= 8 else ""


def _publisher(parties: Iterable[Any]) -> str:
    named = [(each.role or "", each.organization) for each in parties if each.organization]
    for wanted in ("publisher", "owner", "custodian", "pointOfContact"):
        if found := next((name for role, name in named if role == wanted), ""):
            return str(found)
    return str(named[0][1]) if named else ""


def _box(about: Any) -> str:  # noqa: ANN401
    box = getattr(about, "bbox", None)  # owslib leaves it out where there is no extent
    return f"{box.minx},{box.miny},{box.maxx},{box.maxy}" if box is not None and box.minx else ""


def _text(each: Any, path: str) -> str:  # noqa: ANN401
    node = each.find(f"{path}/{{{_GCO}}}CharacterString")
    return (node.text or "").strip()[:300] if node is not None else ""
