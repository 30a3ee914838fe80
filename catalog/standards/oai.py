"""OAI-PMH 2.0: its requests, its answers, its errors. Which records there are is asked of a `Store` that the edge wires.

Source: openarchives.org/OAI/openarchivesprotocol.html (2.0). Deletions are kept for ever ("persistent"): they are our tombstones.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from catalog import regions
from catalog.standards import dcat_ap
from catalog.standards.entry import Entry, instant, written_in

NAMESPACE: Final = "http://www.openarchives.org/OAI/2.0/"
OAI_DC: Final = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC: Final = "http://purl.org/dc/elements/1.1/"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES: Final = {
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", OAI_DC),
    "dcat_ap": ("http://www.w3.org/1999/02/22-rdf-syntax-ns.rdf", dcat_ap.PREFIXES["rdf"]),
}
ARGUMENTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})),
    "GetRecord": (frozenset({"metadataPrefix", "identifier"}), frozenset()),
}  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class OaiError(Exception):
    """An error of the protocol: one of its codes, and a sentence."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


@dataclass(frozen=True, slots=True)
class Header:
    """One item. `stamp`: its last change, to the second; `sets`: set specs; `entry` is None when it was withdrawn."""

    id: str
    stamp: datetime
    sets: tuple[str, ...]
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selection. `first` and `last` are instants that still count; `after`: the last item of the page before."""

    prefix: str
    first: datetime | None
    last: datetime | None
    set: str | None
    after: tuple[str, str] | None = None

    def token(self, last: Header) -> str:
        told = [self.prefix, _told(self.first), _told(self.last), self.set, last.stamp.isoformat(), last.id]
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode()


class Store(Protocol):
    """The items of the catalogue."""

    def earliest(self) -> datetime: ...

    def sets(self) -> Sequence[tuple[str, str]]: ...

    def one(self, item_id: str) -> Header | None: ...

    def page(self, wanted: Wanted) -> tuple[list[Header], int, bool]:
        """Items in order of (stamp, id), how many the whole selection has, and whether more follow."""
        ...


def answer(
    pairs: Sequence[tuple[str, str]], store: Store, *, base_url: str, host: str, now: datetime
) -> bytes:
    """The answer to one request, errors included: OAI-PMH speaks of them inside a 200."""
    from lxml import etree

    root = etree.Element(_tag("OAI-PMH"), nsmap={None: NAMESPACE, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{NAMESPACE} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd")
    etree.SubElement(root, _tag("responseDate")).text = instant(now)
    request = etree.SubElement(root, _tag("request"))
    request.text = base_url
    try:
        verb, given = _checked(pairs)
        body = etree.Element(_tag(verb))
        _VERBS[verb](_Call(body, given, store, base_url, host))
    except OaiError as fault:
        etree.SubElement(root, _tag("error"), {"code": fault.code}).text = str(fault)
        if fault.code not in ("badVerb", "badArgument"):
            request.attrib.update(dict(pairs))
    else:
        request.attrib.update({"verb": verb} | given)
        root.append(body)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


@dataclass(frozen=True, slots=True)
class _Call:
    body: Any
    given: Mapping[str, str]
    store: Store
    base_url: str
    host: str

    def identifier(self, item_id: str) -> str:
        return f"oai:{self.host}:{item_id}"

    def item_id(self) -> str:
        """The record that `identifier` names."""
        scheme = self.identifier("")
        told = self.given["identifier"]
        if not told.startswith(scheme):
            raise OaiError("idDoesNotExist", f"identifiers here begin with {scheme}")
        return told.removeprefix(scheme)


def _checked(pairs: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    names = [name for name, _ in pairs]
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in ARGUMENTS:
        raise OaiError("badVerb", f"verb is one of {', '.join(ARGUMENTS)}, given once")
    given = {name: value for name, value in pairs if name != "verb"}
    needed, allowed = ARGUMENTS[verbs[0]]
    if len(names) != len(set(names)) or not set(given) <= needed | allowed:
        raise OaiError(
            "badArgument", f"{verbs[0]} takes {', '.join(sorted(needed | allowed)) or 'nothing'}, each once"
        )
    if any(not _is_xml(value) for value in given.values()):
        raise OaiError("badArgument", "an argument holds a character that XML cannot carry")
    if "resumptionToken" in given:
        if len(given) > 1:
            raise OaiError("badArgument", "resumptionToken stands alone")
    elif not needed <= set(given):
        raise OaiError("badArgument", f"{verbs[0]} needs {', '.join(sorted(needed))}")
    return verbs[0], given


def _is_xml(value: str) -> bool:
    return all(
        char in "\t\n\r" or (char >= " " and char not in "\ufffe\uffff" and not "\ud800" <= char <= "\udfff")
        for char in value
    )


def _identify(call: _Call) -> None:
    for name, said in (
        ("repositoryName", "数授 Datagrant"),
        ("baseURL", call.base_url),
        ("protocolVersion", "2.0"),
        ("adminEmail", f"postmaster@{call.host}"),
        ("earliestDatestamp", instant(call.store.earliest())),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    ):
        _child(call.body, name, said)


def _formats(call: _Call) -> None:
    if "identifier" in call.given and call.store.one(call.item_id()) is None:
        raise OaiError("idDoesNotExist", "there is no such item")
    for prefix, (schema, namespace) in PREFIXES.items():
        made = _child(call.body, "metadataFormat")
        _child(made, "metadataPrefix", prefix)
        _child(made, "schema", schema)
        _child(made, "metadataNamespace", namespace)


def _sets(call: _Call) -> None:
    if "resumptionToken" in call.given:
        raise OaiError("badResumptionToken", "the sets fit on one page")
    for spec, name in call.store.sets():
        made = _child(call.body, "set")
        _child(made, "setSpec", spec)
        _child(made, "setName", name)


def _get(call: _Call) -> None:
    prefix = _known_prefix(call.given["metadataPrefix"])
    found = call.store.one(call.item_id())
    if found is None:
        raise OaiError("idDoesNotExist", "there is no such item")
    _record(call, found, prefix)


def _list(call: _Call, *, whole: bool) -> None:
    wanted = (
        _resumed(call.given["resumptionToken"]) if "resumptionToken" in call.given else _asked(call.given)
    )
    found, total, more = call.store.page(wanted)
    if not found:
        raise OaiError("noRecordsMatch", "nothing matches")
    for header in found:
        if whole:
            _record(call, header, wanted.prefix)
        else:
            _header(call, call.body, header)
    if more or wanted.after:
        made = _child(call.body, "resumptionToken", wanted.token(found[-1]) if more else "")
        made.set("completeListSize", str(total))


_VERBS: Final[Mapping[str, Callable[[_Call], None]]] = {
    "Identify": _identify,
    "ListMetadataFormats": _formats,
    "ListSets": _sets,
    "GetRecord": _get,
    "ListIdentifiers": lambda call: _list(call, whole=False),
    "ListRecords": lambda call: _list(call, whole=True),
}


def _known_prefix(prefix: str) -> str:
    if prefix not in PREFIXES:
        raise OaiError("cannotDisseminateFormat", f"formats here: {', '.join(PREFIXES)}")
    return prefix


def _asked(given: Mapping[str, str]) -> Wanted:
    first, last = given.get("from"), given.get("until")
    if first and last and len(first) != len(last):
        raise OaiError("badArgument", "from and until want the same granularity")
    begin, end = _moment(first, is_end=False), _moment(last, is_end=True)
    if begin and end and begin > end:
        raise OaiError("badArgument", "from comes after until")
    return Wanted(_known_prefix(given["metadataPrefix"]), begin, end, given.get("set"))


def _moment(told: str | None, *, is_end: bool) -> datetime | None:
    if told is None:
        return None
    try:
        if _DAY.fullmatch(told):
            day = datetime.fromisoformat(told).replace(tzinfo=UTC)
            return day + timedelta(days=1) - timedelta(seconds=1) if is_end else day
        if _SECOND.fullmatch(told):
            return datetime.fromisoformat(told.replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        pass
    raise OaiError("badArgument", "dates are YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")


def _resumed(token: str) -> Wanted:
    try:
        prefix, first, last, chosen, stamp, item = json.loads(base64.urlsafe_b64decode(token.encode()))
        begin, end = (datetime.fromisoformat(each) if each else None for each in (first, last))
        if prefix not in PREFIXES or not isinstance(item, str) or not isinstance(chosen, str | None):
            raise ValueError("not one of ours")
        datetime.fromisoformat(stamp)
        return Wanted(prefix, begin, end, chosen, (stamp, item))
    except (ValueError, TypeError, RecursionError) as fault:
        raise OaiError("badResumptionToken", "this token is none of ours; begin the list anew") from fault


def _told(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _header(call: _Call, parent: Any, header: Header) -> None:  # noqa: ANN401 - an element
    made = _child(parent, "header")
    if header.entry is None:
        made.set("status", "deleted")
    _child(made, "identifier", call.identifier(header.id))
    _child(made, "datestamp", instant(header.stamp))
    for spec in header.sets:
        _child(made, "setSpec", spec)


def _record(call: _Call, header: Header, prefix: str) -> None:
    made = _child(call.body, "record")
    _header(call, made, header)
    if header.entry is None:
        return
    about = _child(made, "metadata")
    about.append(_dublin_core(header.entry) if prefix == "oai_dc" else _rdf(header.entry))


def _rdf(entry: Entry) -> Any:  # noqa: ANN401 - an element
    from lxml import etree

    return etree.fromstring(dcat_ap.serialise(dcat_ap.dataset_graph([entry]), "rdfxml"))


def _dublin_core(entry: Entry) -> Any:  # noqa: ANN401 - an element
    from lxml import etree

    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC, "xsi": XSI})
    root.set(f"{{{XSI}}}schemaLocation", f"{OAI_DC} http://www.openarchives.org/OAI/2.0/oai_dc.xsd")

    def put(name: str, said: str, lang: str | None = None) -> None:
        made = etree.SubElement(root, f"{{{DC}}}{name}")
        made.text = said
        if lang:
            made.set("{http://www.w3.org/XML/1998/namespace}lang", lang)

    row = entry.row
    for lang, said in written_in(row.title_zh or entry.title.zh, row.title_en):
        put("title", said, lang)
    put("creator", entry.publisher.name.zh, "zh")
    for word in [*row.keywords, *row.keywords_en]:
        put("subject", word)
    for lang, said in written_in(row.description_zh, row.description_en):
        put("description", said, lang)
    put("publisher", entry.publisher.name.zh, "zh")
    put("date", instant(entry.changed_at))
    put("type", "Dataset")
    for file in entry.files:
        put("format", file.media_type)
    if entry.foreign_from:
        put("source", entry.foreign_from)
    put("identifier", entry.uri)
    put("identifier", row.id)
    if row.spatial:
        put("coverage", row.spatial, "zh")
    for code in row.spatial_codes:
        put("coverage", regions.full_name(code), "zh")
    put("rights", entry.licence_url)
    return root


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: Any, name: str, said: str | None = None) -> Any:  # noqa: ANN401 - an element
    from lxml import etree

    made = etree.SubElement(parent, _tag(name))
    made.text = said
    return made
