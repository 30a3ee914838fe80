"""What programs fetch at fixed addresses, judged from outside: OAI-PMH and site maps by their XML schemas, Atom by RELAX NG and W3C's Feed Validator.

The schemas are those that `make schemas` lays into `.schemas/` (tests/schemas.py), or of the folder that DATAGRANT_SCHEMAS names. The Feed Validator
(w3c/feedvalidator, in no registry) is used where `feedvalidator` can be imported. What is not there is said, and judges nothing.
"""

from __future__ import annotations

import collections
import copy
import io
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import rdflib
from fastapi.testclient import TestClient
from lxml import etree

from api.pages import feeds
from tests.schemas import SCHEMAS

Faults = collections.Counter[str]
WARNING: Final = "warning: "  # is told, and is no fault
_OAI: Final = "http://www.openarchives.org/OAI/2.0/"
_DC: Final = f"{_OAI}oai_dc/"
_XML_LANG: Final = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/XML/1998/namespace">
<xs:attribute name="lang" type="xs:language"/></xs:schema>"""
_BOTH: Final = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:import namespace="{_OAI}" schemaLocation="OAI-PMH.xsd"/><xs:import namespace="{_DC}" schemaLocation="oai_dc.xsd"/></xs:schema>"""
_MAP_SIZE: Final = 100  # so that there is an index of maps, too


class NotThereError(Exception):
    """The validator is not at hand."""


class _Local(etree.Resolver):
    """Schemas import each other by address; they are read from the folder, nothing from the network."""

    def resolve(self, url: str | None, _public_id: str | None, context: Any) -> Any:
        name = (url or "").rpartition("/")[2]
        if name == "xml.xsd":
            return self.resolve_string(_XML_LANG, context)
        return self.resolve_filename(str(SCHEMAS / "oai-pmh-2.0" / name), context)


@cache
def schema(name: str) -> Any:
    """A published schema or grammar, ready to judge; NotThereError where it has not been fetched."""
    if name == "oai":
        if not (SCHEMAS / "oai-pmh-2.0" / "OAI-PMH.xsd").is_file():
            raise NotThereError(f"no oai-pmh-2.0 in {SCHEMAS}")
        parser = etree.XMLParser(no_network=True)
        parser.resolvers.add(_Local())
        return etree.XMLSchema(etree.parse(io.BytesIO(_BOTH.encode()), parser, base_url="oai.xsd"))
    path = SCHEMAS / name
    if not path.is_file():
        raise NotThereError(f"no {name} in {SCHEMAS}")
    return (etree.RelaxNG if path.suffix == ".rng" else etree.XMLSchema)(etree.parse(str(path)))


def _told(rules: Any, document: Any) -> Iterator[str]:
    if not rules.validate(document):
        yield from dict.fromkeys(str(each.message)[:200] for each in rules.error_log)


def _got(visitor: TestClient, path: str) -> bytes:
    found = visitor.get(path)
    assert found.status_code == 200, (path, found.status_code)
    return found.content


# -- OAI-PMH


def oai_pmh(visitor: TestClient, ids: list[str]) -> tuple[int, Faults]:
    """Every verb, every record in both forms, page by page, and every error."""
    rules, number, faults = schema("oai"), 0, Faults()
    seen: dict[str, set[str]] = {}
    for asked, document in _answers(visitor, ids):
        number += 1
        prefix = asked.partition("metadataPrefix=")[2].partition("&")[0]
        for record in document.iter(f"{{{_OAI}}}metadata"):
            if (
                prefix == "dcat_ap"
            ):  # RDF has no XML schema: read as RDF, and the envelope is judged without it
                faults.update(_as_rdf(record[0]))
                record[:] = [etree.SubElement(record, f"{{{_DC}}}dc")]
        faults.update(f"{asked.partition('&')[0]}: {said}" for said in _told(rules, document))
        if asked.startswith("verb=ListRecords") and document.find(f"{{{_OAI}}}error") is None:
            found = document.iter(f"{{{_OAI}}}identifier")
            seen.setdefault(prefix, set()).update(each.text for each in found if each.text)
    for prefix, found in seen.items():
        missing = [each for each in ids if not any(said.endswith(f":{each}") for said in found)]
        faults.update([f"{len(missing)} records missing in {prefix}"] if missing else [])
    return number, faults


def _answers(visitor: TestClient, ids: list[str]) -> Iterator[tuple[str, Any]]:
    def asked(query: str) -> tuple[str, Any]:
        return query, etree.fromstring(_got(visitor, f"/oai?{query}"))

    for query in ("verb=Identify", "verb=ListMetadataFormats", "verb=ListSets"):
        yield asked(query)
    first: dict[str, str] = {}
    for verb in ("ListIdentifiers", "ListRecords"):
        for prefix in ("oai_dc", "dcat_ap"):
            query = f"verb={verb}&metadataPrefix={prefix}"
            while query:
                _, document = asked(query)
                found = document.find(f".//{{{_OAI}}}identifier")
                first.setdefault(prefix, found.text if found is not None else "")
                token = document.find(f".//{{{_OAI}}}resumptionToken")
                yield f"verb={verb}&metadataPrefix={prefix}", document
                query = (
                    f"verb={verb}&resumptionToken={token.text}" if token is not None and token.text else ""
                )
    for prefix, identifier in first.items():
        yield asked(f"verb=GetRecord&metadataPrefix={prefix}&identifier={identifier}")
    for query in (
        "verb=Nonsense", "", "verb=GetRecord&metadataPrefix=oai_dc&identifier=nobody", "verb=ListRecords", "verb=ListRecords&resumptionToken=x",
        "verb=ListRecords&metadataPrefix=marc", "verb=ListRecords&metadataPrefix=oai_dc&from=2999-01-01",
    ):  # fmt: skip
        yield asked(query)


def _as_rdf(element: Any) -> Iterator[str]:
    if not len(rdflib.Graph().parse(data=etree.tostring(element), format="xml")):
        yield "dcat_ap: empty"


# -- Atom


def atom_grammar(visitor: TestClient, ids: list[str]) -> tuple[int, Faults]:
    """Every page of every feed by the grammar of RFC 4287."""
    rules, number, faults = schema("atom/atom.rng"), 0, Faults()
    for _, data in _feeds(visitor, ids):
        number += 1
        faults.update(_told(rules, etree.fromstring(data)))
    return number, faults


def atom_w3c(visitor: TestClient, ids: list[str]) -> tuple[int, Faults]:
    """Every page of every feed by W3C's Feed Validator: its errors, and its warnings marked as such."""
    try:
        import feedvalidator  # type: ignore[import-not-found]
        from feedvalidator import compatibility, logging
    except ImportError as missing:
        raise NotThereError("feedvalidator cannot be imported") from missing
    number, faults = 0, Faults()
    for address, data in _feeds(visitor, ids):
        number += 1
        found = feedvalidator.validateString(
            data.decode(), firstOccurrenceOnly=1, base=f"http://127.0.0.1:8000{address}"
        )
        for event in compatibility.AA(found["loggedEvents"]):
            kind = "" if isinstance(event, logging.Error) else WARNING
            faults[f"{kind}{type(event).__name__} {event.params.get('element', '')}"] += 1
    return number, faults


def _feeds(visitor: TestClient, ids: list[str]) -> Iterator[tuple[str, bytes]]:
    publishers = {each["publisher"] for each in _datasets(visitor)}
    starts = ["/feeds/datasets.atom", "/feeds/datasets.atom?q=data&lang=en", "/feeds/discussions.atom"]
    starts += [f"/feeds/organisations/{each}.atom" for each in sorted(publishers)]
    starts += [f"/feeds/datasets/{each}.atom" for each in ids]
    for start in starts:
        path: str = start
        while path:
            data = _got(visitor, path)
            yield path, data
            further = etree.fromstring(data).find("{http://www.w3.org/2005/Atom}link[@rel='next']")
            place = urlsplit(further.get("href")) if further is not None else None
            path = f"{place.path}?{place.query}" if place else ""


def _datasets(visitor: TestClient) -> Iterator[dict[str, Any]]:
    offset: int | None = 0
    while offset is not None:
        found = visitor.get("/api/v1/datasets", params={"limit": 100, "offset": offset}).json()
        yield from found["items"]
        offset = found["next"]


# -- site maps


def sitemap(visitor: TestClient, ids: list[str]) -> tuple[int, Faults]:
    """The map as it is, and cut into parts with their index; every record is in both."""
    whole = etree.fromstring(_got(visitor, "/sitemap.xml"))
    number, faults = 1, Faults(_told(schema("sitemap-0.9/sitemap.xsd"), whole))
    faults.update(_missing(ids, [whole]))
    kept, feeds.MOST = feeds.MOST, min(_MAP_SIZE, len(ids))  # type: ignore[misc]
    try:
        index = etree.fromstring(_got(visitor, "/sitemap.xml"))
        parts = [
            etree.fromstring(_got(visitor, urlsplit(str(place)).path))
            for place in index.xpath("//*[local-name()='loc']/text()")
        ]
    finally:
        feeds.MOST = kept  # type: ignore[misc]
    faults.update(_told(schema("sitemap-0.9/siteindex.xsd"), index))
    faults.update(_told(schema("sitemap-0.9/sitemap.xsd"), _as_map(index)))
    for part in parts:
        faults.update(_told(schema("sitemap-0.9/sitemap.xsd"), part))
    faults.update(_missing(ids, parts))
    return number + 1 + len(parts), faults


def _as_map(index: Any) -> Any:
    """The index with the names of a map's elements: addresses and times are of the same kinds, which the map's schema says in full."""
    map_ = copy.deepcopy(index)
    names = {"sitemapindex": "urlset", "sitemap": "url"}
    for each in map_.iter():
        name = etree.QName(each)
        each.tag = f"{{{name.namespace}}}{names.get(name.localname, name.localname)}"
    return map_


def _missing(ids: list[str], maps: Iterable[Any]) -> list[str]:
    there = {str(place) for each in maps for place in each.xpath("//*[local-name()='loc']/text()")}
    lost = [each for each in ids if not any(place.endswith(f"/datasets/{each}") for place in there)]
    return [f"{len(lost)} records are in no map"] if lost else []
