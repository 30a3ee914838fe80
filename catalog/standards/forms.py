"""The outside forms of a record as one table, and the choice among them by what a client accepts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.standards import chinese, croissant, data_package, dcat_ap, dcat_us, schema_org
from catalog.standards.entry import Entry
from core.text import Text


@dataclass(frozen=True, slots=True)
class Form:
    """One outside form. `suffix`: of a file that holds it; `media_type`: what it is answered as."""

    name: str
    label: Text
    media_type: str
    suffix: str
    write: Callable[[Entry], bytes]


def as_json(document: Any) -> bytes:  # noqa: ANN401 - JSON
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _graph(syntax: str) -> Callable[[Entry], bytes]:
    return lambda entry: dcat_ap.serialise(dcat_ap.dataset_graph([entry]), syntax)


def _plain(document: Callable[[Entry], Any]) -> Callable[[Entry], bytes]:
    return lambda entry: as_json(document(entry))


_ALL: Final = (
    Form("turtle", Text("DCAT-AP 3（Turtle）", "DCAT-AP 3 (Turtle)"), "text/turtle", "ttl", _graph("turtle")),
    Form("jsonld", Text("DCAT-AP 3（JSON-LD）", "DCAT-AP 3 (JSON-LD)"), "application/ld+json", "jsonld", _graph("jsonld")),
    Form("rdfxml", Text("DCAT-AP 3（RDF/XML）", "DCAT-AP 3 (RDF/XML)"), "application/rdf+xml", "rdf", _graph("rdfxml")),
    Form("ntriples", Text("DCAT-AP 3（N-Triples）", "DCAT-AP 3 (N-Triples)"), "application/n-triples", "nt", _graph("ntriples")),
    Form("schema_org", Text("schema.org 数据集", "schema.org Dataset"), schema_org.MEDIA_TYPE, "schema.json", _plain(schema_org.document)),
    Form("croissant", Text("Croissant 1.1", "Croissant 1.1"), croissant.MEDIA_TYPE, "croissant.json", _plain(croissant.document)),
    Form("datapackage", Text("数据包 v2", "Data Package v2"), data_package.MEDIA_TYPE, "datapackage.json", _plain(data_package.document)),
    Form("dcat_us", Text("DCAT-US 3", "DCAT-US 3"), dcat_us.MEDIA_TYPE, "dcat-us.json", _plain(dcat_us.document)),
    Form("core_json", Text("核心元数据（JSON）", "Core metadata (JSON)"), chinese.MEDIA_TYPE, "core.json", _plain(chinese.document)),
    Form("core_xml", Text("核心元数据（XML）", "Core metadata (XML)"), chinese.XML, "core.xml", chinese.xml),
)  # fmt: skip
FORMS: Final[Mapping[str, Form]] = {form.name: form for form in _ALL}
CATALOGUE_FORMS: Final = tuple(dcat_ap.SYNTAXES)
_BY_TYPE: Final = {
    "text/turtle": "turtle",
    "application/ld+json": "jsonld",
    "application/rdf+xml": "rdfxml",
    "application/n-triples": "ntriples",
    "application/vnd.datapackage+json": "datapackage",
    "application/json": "core_json",
    "application/xml": "core_xml",
}


def accepted(header: str) -> str | None:
    """The form that an Accept header puts before HTML; None where a page is wanted as much, or anything will do."""
    best: tuple[float, int] | None = None
    chosen = None
    page = 0.0
    for place, part in enumerate(header.split(",")[:50]):
        media, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        name = media.strip().lower()
        if name in ("text/html", "application/xhtml+xml"):
            page = max(page, weight)
        elif name in _BY_TYPE and weight > 0 and (best is None or (weight, -place) > best):
            best, chosen = (weight, -place), _BY_TYPE[name]
    return chosen if best is not None and best[0] > page else None


def _weight(parameters: str) -> float:
    for each in parameters.split(";"):
        key, _, value = each.strip().partition("=")
        if key.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
