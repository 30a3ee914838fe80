"""DCAT as RDF/XML, Turtle, N-Triples or JSON-LD.

Why this exists: RDF libraries fetch what a document names (JSON-LD contexts, XML entities). Nothing is fetched here: a context
that lies elsewhere and an entity declaration are refused, and the graph is read from the bytes alone.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from catalog.harvest.records import Fault, Link, Reading, Record, Unreadable, both, document, link, record
from core.text import Text

if TYPE_CHECKING:
    from catalog.harvest.triples import Spilled

MOST_BYTES: Final = 64 * 1024 * 1024
_DECLARED: Final = re.compile(rb"<!(ENTITY|DOCTYPE)", re.IGNORECASE)
_DCT: Final = (
    "isPartOf",
    "hasPart",
    "replaces",
    "isReplacedBy",
    "requires",
    "isRequiredBy",
    "references",
    "isReferencedBy",
)
_DCAT: Final = ("inSeries", "seriesMember", "prev", "next")
_NEXT: Final = ("http://www.w3.org/ns/hydra/core#next", "http://www.w3.org/ns/hydra/core#nextPage")


def form_of(data: bytes) -> str:
    """The serialisation, told by its first characters."""
    head = data[:4000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] in (b"{", b"["):
        return "json-ld"
    if head.startswith((b"<?xml", b"<rdf:", b"<RDF", b"<!--", b"<!DOCTYPE")):
        return "xml"
    return "turtle"


def read(data: bytes, base: str = "") -> Reading:
    """Every dcat:Dataset with its distributions. Raises Unreadable."""
    import rdflib

    from catalog.harvest.triples import Spilled

    with closing(Spilled()) as store:
        _parse(store, data, base)
        return _read(rdflib.Graph(store, bind_namespaces="none"))


def _read(graph: Any) -> Reading:  # noqa: ANN401 - rdflib's graphs are not typed
    from rdflib import DCAT, DCTERMS, RDF

    found = Reading(next_page=_next_page(graph))
    subjects = sorted(_described(graph), key=str)
    if not subjects and not list(graph.subjects(RDF.type, DCAT.Catalog)):
        raise Unreadable(Text("没有 dcat:Dataset。", "It holds no dcat:Dataset."))
    named: dict[str, str] = {}
    for subject in subjects:
        made = _dataset(graph, subject)
        if made.identifier and made.identifier in named:
            why = Text(
                f"标识符与 {named[made.identifier]} 相同。",
                f"Its identifier is that of {named[made.identifier]}.",
            )
            found.faults.append(Fault(str(subject)[:300], why))
            continue
        named[made.identifier] = str(subject)
        found.take(made)
    for listed_one in sorted(set(graph.objects(None, DCAT.dataset)) - set(subjects), key=str):
        if (listed_one, DCTERMS.title, None) not in graph:
            found.faults.append(
                Fault(
                    str(listed_one)[:300],
                    Text(
                        "目录列出了它，但文件中没有它的描述。",
                        "The catalogue lists it, but the file does not describe it.",
                    ),
                )
            )
    return found


def _next_page(graph: Any) -> str:  # noqa: ANN401 - rdflib's graphs are not typed
    """The address of the page after this one, where the catalogue is paged by Hydra."""
    from rdflib import URIRef

    return next((str(each) for name in _NEXT for each in graph.objects(None, URIRef(name))), "")


def _parse(store: Spilled, data: bytes, base: str) -> None:
    import rdflib
    from rdflib.plugins.parsers.jsonld import to_rdf

    if len(data) > MOST_BYTES:
        raise Unreadable(Text(f"超过 {MOST_BYTES} 字节。", f"It is larger than {MOST_BYTES} bytes."))
    form = form_of(data)
    told: object = None
    if form == "xml" and _DECLARED.search(data):
        raise Unreadable(
            Text(
                "RDF/XML 含 DOCTYPE 或 ENTITY 声明，已拒绝。",
                "The RDF/XML declares a DOCTYPE or an ENTITY; refused.",
            )
        )
    if form == "json-ld":
        told = document(data)
        if far := next(_far_contexts(told, 0), None):
            raise Unreadable(
                Text(
                    f"JSON-LD 引用外部 @context（{far[:200]}），不予读取；请提供内嵌 context。",
                    f"The JSON-LD names a context elsewhere ({far[:200]}), which is not fetched; embed the context.",
                )
            )
    loud = logging.getLogger("rdflib")
    before, loud.disabled = loud.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the library says about itself and about foreign literals
            if form == "json-ld":
                to_rdf(told, rdflib.Dataset(store), base or None)
            else:
                rdflib.Graph(store, bind_namespaces="none").parse(
                    data=data, format=form, publicID=base or None
                )
        store.write()
    except Exception as fault:  # whatever the parser trips over: the file is foreign
        said = " ".join(str(fault).split())[:200]
        raise Unreadable(
            Text(f"RDF（{form}）无法解析：{said}", f"The RDF ({form}) cannot be parsed: {said}")
        ) from None
    finally:
        loud.disabled = before


def _far_contexts(told: object, depth: int) -> Iterator[str]:
    """Contexts that are addresses, and imports inside contexts."""
    if depth > 100:
        yield "…"
    elif isinstance(told, Mapping):
        for key, value in told.items():
            if key == "@context":
                yield from (
                    each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)
                )
            if key == "@import" and isinstance(value, str):
                yield value
            yield from _far_contexts(value, depth + 1)
    elif isinstance(told, list):
        for each in told:
            yield from _far_contexts(each, depth + 1)


def _first(graph: Any, subject: Any, predicate: Any) -> Any:  # noqa: ANN401
    """The same value at each reading, whatever order the graph gives them in; named things before nameless ones."""
    from rdflib import BNode

    return min(
        graph.objects(subject, predicate), key=lambda each: (isinstance(each, BNode), str(each)), default=None
    )


def _dataset(graph: Any, subject: Any) -> Record:  # noqa: ANN401
    from rdflib import DCAT, DCTERMS, RDF, BNode
    from rdflib.namespace import FOAF, RDFS, SKOS, Namespace

    vcard = Namespace("http://www.w3.org/2006/vcard/ns#")

    def label(node: object) -> str:
        if node is None:  # asked of nothing, the graph answers for all its nodes
            return ""
        names = (FOAF.name, RDFS.label, SKOS.prefLabel, DCTERMS.title, vcard.fn)
        return next(
            (str(found) for name in names if (found := _first(graph, node, name))),
            "" if isinstance(node, BNode) else str(node or ""),
        )

    def labels(predicate: object) -> str:
        return min(filter(None, map(label, graph.objects(subject, predicate))), default="")

    own = _first(graph, subject, DCTERMS.identifier)
    rights = [_first(graph, node, DCTERMS.license) for node in graph.objects(subject, DCAT.distribution)]
    licence = _first(graph, subject, DCTERMS.license) or min(filter(None, rights), key=str, default=None)
    return record(
        "" if isinstance(subject, BNode) and own is None else str(own or subject),
        _worded(graph.objects(subject, DCTERMS.title)), _worded(graph.objects(subject, DCTERMS.description)),
        keywords=sorted(map(str, graph.objects(subject, DCAT.keyword))),
        links=sorted((_distribution(graph, node) for node in graph.objects(subject, DCAT.distribution)), key=str),
        publisher=labels(DCTERMS.publisher), licence=label(licence),
        page=str(_first(graph, subject, DCAT.landingPage) or ("" if isinstance(subject, BNode) else subject)),
        modified=str(_first(graph, subject, DCTERMS.modified) or ""), spatial=labels(DCTERMS.spatial),
        relations=sorted(_relations(graph, subject)), is_series=(subject, RDF.type, Namespace(str(DCAT)).DatasetSeries) in graph,
    )  # fmt: skip


def _described(graph: Any) -> set[Any]:  # noqa: ANN401
    """Datasets, and series that stand there as records of their own and not only as what a member is in."""
    from rdflib import DCAT, DCTERMS, RDF, Namespace

    series = set(graph.subjects(RDF.type, Namespace(str(DCAT)).DatasetSeries))
    own = {
        each
        for each in series
        if (each, DCTERMS.publisher, None) in graph or (each, DCTERMS.identifier, None) in graph
    }
    return set(graph.subjects(RDF.type, DCAT.Dataset)) | own


@cache
def _kinds() -> dict[Any, str]:
    """The predicates of relations, each with our kind."""
    from rdflib import DCAT, DCTERMS, PROV, Namespace

    wide = Namespace(str(DCAT))  # the library knows the words of DCAT 2 only
    said: dict[str, tuple[Any, ...]] = {kind: (DCTERMS[kind],) for kind in _DCT} | {
        kind: (wide[kind],) for kind in _DCAT
    }
    said |= {
        "hasVersion": (wide.hasVersion, DCTERMS.hasVersion),
        "isVersionOf": (wide.isVersionOf, DCTERMS.isVersionOf),
    }
    said |= {"source": (DCTERMS.source, PROV.wasDerivedFrom)}
    return {predicate: kind for kind, predicates in said.items() for predicate in predicates}


def _relations(graph: Any, subject: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """How it stands to others, each by the identifier that it has here, else by its address."""
    from rdflib import DCTERMS, BNode, URIRef

    found: dict[str, set[Any]] = {}
    for predicate, other in graph.predicate_objects(subject):
        if (kind := _kinds().get(predicate)) is not None:
            found.setdefault(kind, set()).add(other)
    for kind in dict.fromkeys(_kinds().values()):
        for other in found.get(kind, ()):
            if isinstance(other, URIRef | BNode) and other != subject:
                own = _first(graph, other, DCTERMS.identifier)
                if own is not None or isinstance(other, URIRef):
                    yield kind, str(own or other)


def _distribution(graph: Any, node: Any) -> Link:  # noqa: ANN401
    from rdflib import DCAT, DCTERMS, RDF, RDFS, BNode

    form = _first(graph, node, DCTERMS["format"]) or _first(graph, node, DCAT.mediaType)
    said = (_first(graph, form, RDFS.label) or _first(graph, form, RDF.value)) if form is not None else None
    label = said or ("" if isinstance(form, BNode) else form)
    url = _first(graph, node, DCAT.downloadURL) or _first(graph, node, DCAT.accessURL)
    title = _worded(graph.objects(node, DCTERMS.title))
    return link(
        str(url or ""),
        title.get("zh") or title.get("en"),
        str(label or "").rstrip("/").rsplit("/", 1)[-1],
    )


def _worded(texts: Iterable[Any]) -> dict[str, str]:
    """Literals by language; where none is Chinese or English, one in another language by its script."""
    given = sorted(texts, key=lambda one: (str(getattr(one, "language", None) or ""), str(one)))
    found: dict[str, str] = {}
    for each in given:
        language = str(getattr(each, "language", None) or "").lower()
        if language.startswith(("zh", "en")):
            found.setdefault(language[:2], str(each))
    if given and not found:
        zh, en = both(str(given[0]))
        found["zh" if zh else "en"] = zh or en
    return found
