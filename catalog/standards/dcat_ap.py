"""DCAT-AP 3.0.1 as a graph. Nothing is fetched, and no node is blank: the same record gives the same triples and bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import TYPE_CHECKING, Final

from catalog import regions
from catalog.relations.service import RelationRead
from catalog.standards.entry import Entry, File, Reuse, instant, iri, written_in
from core.text import Text

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node, URIRef

EU: Final = "http://publications.europa.eu/resource/authority"
PROFILE: Final = "urn:datagrant:dcat:1#"
PREFIXES: Final = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "dg": PROFILE,
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_FILE_TYPES: Final = {"csv": "CSV", "parquet": "PARQUET"}
_LANGUAGES: Final = {"zh": "ZHO", "en": "ENG"}
_PREDICATES: Final = {
    "seriesMember": ("dcat:seriesMember",) * 2, "isVersionOf": ("dcat:isVersionOf",) * 2, "hasVersion": ("dcat:hasVersion", "dct:hasVersion"),
    "prev": ("dcat:prev",) * 2, "next": ("dcat:next",) * 2, "source": ("dct:source", "prov:wasDerivedFrom"),
    "isSourceOf": ("dct:relation",) * 2,
} | {
    name: (f"dct:{name}",) * 2
    for name in ("isPartOf", "hasPart", "replaces", "isReplacedBy", "requires", "isRequiredBy", "references", "isReferencedBy", "relation")
}  # fmt: skip
"""A relation's predicate where the other record stands in the same graph, and where it does not."""
SYNTAXES: Final = {
    "turtle": ("turtle", "text/turtle"),
    "rdfxml": ("xml", "application/rdf+xml"),
    "jsonld": ("json-ld", "application/ld+json"),
    "ntriples": ("nt", "application/n-triples"),
}


class Sheet:
    """A graph under construction: names are written `prefix:local`."""

    def __init__(self) -> None:
        from rdflib import Graph

        self.graph: Graph = Graph(bind_namespaces="none")
        for prefix, address in PREFIXES.items():
            self.graph.bind(prefix, address)

    def node(self, address: str) -> URIRef:
        from rdflib import URIRef

        prefix, _, local = address.partition(":")
        return URIRef(PREFIXES[prefix] + local if prefix in PREFIXES else address)

    def put(self, subject: str, predicate: str, value: Node) -> None:
        self.graph.add((self.node(subject), self.node(predicate), value))

    def link(self, subject: str, predicate: str, target: str, kind: str = "") -> str:
        """Point to `target`, saying what it is."""
        self.put(subject, predicate, self.node(target))
        if kind:
            self.put(target, "rdf:type", self.node(kind))
        return target

    def words(self, subject: str, predicate: str, zh: str, en: str = "") -> None:
        from rdflib import Literal

        for lang, said in written_in(zh, en):
            self.put(subject, predicate, Literal(said, lang=lang))

    def value(self, subject: str, predicate: str, value: object, kind: str = "xsd:string") -> None:
        from rdflib import Literal

        if value not in (None, ""):
            typed = None if kind == "xsd:string" else self.node(kind)  # a plain literal is a string (RDF 1.1)
            self.put(subject, predicate, Literal(str(value), datatype=typed))


def dataset_graph(entries: Iterable[Entry]) -> Graph:
    """The records, each with publisher, contact point and distributions."""
    sheet = Sheet()
    held = list(entries)
    for entry in held:
        _dataset(sheet, entry, {one.row.id for one in held})
    return sheet.graph


def catalogue_graph(
    entries: Iterable[Entry], *, site: str, title: Text, page: int, pages: int, size: int, total: int
) -> Graph:
    """One page of the catalogue; `hydra:next` and its like lead through the others."""
    sheet = Sheet()
    whole = f"{site}/api/v1/catalogue"
    held = list(entries)
    sheet.put(whole, "rdf:type", sheet.node("dcat:Catalog"))
    sheet.words(whole, "dct:title", title.zh, title.en)
    sheet.words(
        whole, "dct:description", f"{title.zh}：公共数据目录", f"{title.en}: catalogue of public data"
    )
    sheet.link(whole, "foaf:homepage", f"{site}/datasets", "foaf:Document")
    sheet.link(whole, "dcat:themeTaxonomy", f"{EU}/data-theme", "skos:ConceptScheme")
    sheet.words(f"{EU}/data-theme", "dct:title", "数据主题", "Data theme")
    _languages(sheet, whole, ("zh", "en"))
    publisher = sheet.link(whole, "dct:publisher", f"{site}/#publisher", "foaf:Agent")
    sheet.words(publisher, "foaf:name", title.zh, title.en)
    _kind_of_publisher(sheet, publisher)
    if held:
        first = min(one.row.issued or one.row.created_at for one in held)
        sheet.value(whole, "dct:issued", instant(first), "xsd:dateTime")
        sheet.value(whole, "dct:modified", instant(max(one.changed_at for one in held)), "xsd:dateTime")
    for entry in held:
        sheet.link(whole, "dcat:dataset", entry.uri)
        _dataset(sheet, entry, {one.row.id for one in held})
    view = f"{whole}?page={page}"
    sheet.put(view, "rdf:type", sheet.node("hydra:PartialCollectionView"))
    sheet.put(whole, "rdf:type", sheet.node("hydra:Collection"))
    sheet.link(whole, "hydra:view", view)
    sheet.value(whole, "hydra:totalItems", total, "xsd:integer")
    sheet.value(view, "hydra:itemsPerPage", size, "xsd:integer")
    steps = {"first": 1, "last": max(pages, 1), "previous": page - 1, "next": page + 1}
    for name, number in steps.items():
        if 1 <= number <= max(pages, 1):
            sheet.link(view, f"hydra:{name}", f"{whole}?page={number}")
    return sheet.graph


def serialise(graph: Graph, syntax: str) -> bytes:
    """The graph in one of SYNTAXES; lines in a settled order, so that equal graphs give equal bytes."""
    named, _ = SYNTAXES[syntax]
    if named == "nt":
        lines = graph.serialize(format="nt", encoding="utf-8").splitlines()
        return b"\n".join(sorted(line for line in lines if line)) + b"\n"
    if named == "json-ld":
        context = {prefix: address for prefix, address in PREFIXES.items() if prefix != "xsd"}
        return graph.serialize(format="json-ld", context=context, sort_keys=True, indent=1, encoding="utf-8")
    return graph.serialize(format=named, encoding="utf-8")


def _dataset(sheet: Sheet, entry: Entry, here: Collection[str]) -> None:
    """`here`: the records that stand in the same graph."""
    row, me = entry.row, entry.uri
    sheet.put(me, "rdf:type", sheet.node("dcat:Dataset"))
    if entry.is_series:
        sheet.put(me, "rdf:type", sheet.node("dcat:DatasetSeries"))
    sheet.words(me, "dct:title", row.title_zh or entry.title.zh, row.title_en)
    sheet.words(me, "dct:description", row.description_zh or entry.description.zh, row.description_en)
    sheet.value(me, "dct:identifier", row.id)
    for word in row.keywords:
        sheet.words(me, "dcat:keyword", word)
    for word in row.keywords_en:
        sheet.words(me, "dcat:keyword", "", word)
    _languages(sheet, me, [lang for lang, _ in written_in(row.title_zh, row.title_en)])
    sheet.value(me, "dct:issued", instant(row.issued) if row.issued else None, "xsd:dateTime")
    sheet.value(me, "dct:modified", instant(entry.changed_at), "xsd:dateTime")
    sheet.link(me, "dcat:landingPage", f"{me}#page", "foaf:Document")
    sheet.words(f"{me}#page", "dct:title", entry.title.zh, row.title_en)
    _people(sheet, entry)
    _classes(sheet, entry)
    _coverage(sheet, entry)
    _origin(sheet, entry)
    if entry.release:
        sheet.value(me, "dcat:version", entry.release.version)
        sheet.words(me, "adms:versionNotes", row.version_notes, row.version_notes_en)
    for code in entry.related_codes:
        sheet.link(me, "dct:relation", entry.address(code), "rdfs:Resource")
    for one in entry.relations:
        _relation(sheet, entry, one, here)
    for reuse in entry.reuses:
        _reuse(sheet, entry, reuse)
    _quality(sheet, entry)
    for file in entry.files:
        _distribution(sheet, entry, file)
    _sample(sheet, entry)
    if not entry.files:
        _way_to_apply(sheet, entry)


def _relation(sheet: Sheet, entry: Entry, one: RelationRead, here: Collection[str]) -> None:
    """A relation by DCAT's word for it. Where the shapes want a described dataset and it stands in another graph, by the wider
    word; a series is described in brief."""
    there = entry.address(one.dataset_id)
    if one.kind == "inSeries":
        sheet.link(entry.uri, "dcat:inSeries", there, "dcat:DatasetSeries")
        sheet.words(there, "dct:title", one.title_zh, one.title_en if one.title_en != one.title_zh else "")
        if one.dataset_id not in here:
            said = one.description_zh or one.description_en or one.title_zh
            sheet.words(there, "dct:description", said)
        return
    near, far = _PREDICATES[one.kind]
    sheet.link(entry.uri, near if one.dataset_id in here else far, there, "rdfs:Resource")


def _reuse(sheet: Sheet, entry: Entry, reuse: Reuse) -> None:
    """What somebody made of the data: it refers to them. Its own node is here, since nobody may describe another's address."""
    from rdflib import Literal

    me = sheet.link(entry.uri, "dct:isReferencedBy", entry.page_of(reuse), "rdfs:Resource")
    sheet.put(me, "dct:title", Literal(reuse.title))
    sheet.put(me, "dct:description", Literal(reuse.summary))
    sheet.put(me, "dct:creator", sheet.node(f"{me}-by"))
    sheet.put(f"{me}-by", "rdf:type", sheet.node("foaf:Agent"))
    sheet.put(f"{me}-by", "foaf:name", Literal(reuse.made_by))
    if reuse.url:
        sheet.put(me, "rdfs:seeAlso", sheet.node(iri(reuse.url)))


def _people(sheet: Sheet, entry: Entry) -> None:
    publisher = f"{entry.site}/api/v1/organisations/{entry.publisher.id}"
    sheet.link(entry.uri, "dct:publisher", publisher, "foaf:Agent")
    sheet.words(publisher, "foaf:name", entry.publisher.name.zh, entry.publisher.name.en)
    sheet.value(publisher, "dct:identifier", entry.publisher.credit_code)
    _kind_of_publisher(sheet, publisher)
    contact = sheet.link(entry.uri, "dcat:contactPoint", f"{entry.uri}#contact", "vcard:Kind")
    sheet.words(contact, "vcard:fn", entry.publisher.name.zh, entry.publisher.name.en)
    if entry.mail:
        sheet.link(contact, "vcard:hasEmail", f"mailto:{entry.mail}")
    if entry.telephone:
        sheet.link(contact, "vcard:hasTelephone", f"tel:{entry.telephone}")
    if not entry.mail and not entry.telephone and entry.row.contact:
        sheet.words(contact, "vcard:note", entry.row.contact)


def _kind_of_publisher(sheet: Sheet, publisher: str) -> None:
    kind = sheet.link(
        publisher, "dct:type", "http://purl.org/adms/publishertype/LocalAuthority", "skos:Concept"
    )
    sheet.words(kind, "skos:prefLabel", "地方机关", "Local authority")


def _classes(sheet: Sheet, entry: Entry) -> None:
    row, me = entry.row, entry.uri
    if theme := entry.code("domain", row.domain_code):
        local = sheet.link(me, "dcat:theme", f"{entry.site}/datasets?theme={theme.value}", "skos:Concept")
        sheet.words(local, "skos:prefLabel", theme.text.zh, theme.text.en)
        if wide := theme.facts.get("eu_theme"):
            sheet.link(me, "dcat:theme", f"{EU}/data-theme/{wide}", "skos:Concept")
            sheet.words(f"{EU}/data-theme/{wide}", "skos:prefLabel", "", wide)
            sheet.link(f"{EU}/data-theme/{wide}", "skos:inScheme", f"{EU}/data-theme", "skos:ConceptScheme")
            sheet.words(f"{EU}/data-theme", "dct:title", "数据主题", "Data theme")
    if access := entry.code("open_type", row.open_type):
        right = f"{EU}/access-right/{access.facts['eu_access']}"
        sheet.link(me, "dct:accessRights", right, "dct:RightsStatement")
    for name in ("catalog_class", "data_class", "share_type", "open_type", "auth_op_scope", "data_level"):
        value = getattr(row, name)
        sheet.value(me, f"dg:{name}", value if value is None else str(value))
    if row.open_condition:
        sheet.words(me, "dg:open_condition", row.open_condition, row.open_condition_en)
    if row.registration_code:
        held = sheet.link(me, "adms:identifier", f"{me}#registration", "adms:Identifier")
        sheet.value(held, "skos:notation", row.registration_code)


def _coverage(sheet: Sheet, entry: Entry) -> None:
    row, me = entry.row, entry.uri
    if often := entry.code("update_freq", row.update_freq):
        sheet.link(me, "dct:accrualPeriodicity", f"{EU}/frequency/{often.facts['eu']}", "dct:Frequency")
    sheet.value(me, "dcat:temporalResolution", entry.interval, "xsd:duration")
    if row.temporal_start or row.temporal_end:
        period = sheet.link(me, "dct:temporal", f"{me}#period", "dct:PeriodOfTime")
        sheet.value(period, "dcat:startDate", _day(row.temporal_start), "xsd:date")
        sheet.value(period, "dcat:endDate", _day(row.temporal_end), "xsd:date")
    if row.spatial or row.spatial_en or entry.box:
        place = sheet.link(me, "dct:spatial", f"{me}#area", "dct:Location")
        sheet.words(place, "skos:prefLabel", row.spatial, row.spatial_en)
        if box := entry.box:
            around = (
                (box.west, box.south),
                (box.east, box.south),
                (box.east, box.north),
                (box.west, box.north),
                (box.west, box.south),
            )
            wkt = ", ".join(f"{lon:.10g} {lat:.10g}" for lon, lat in around)
            sheet.value(place, "dcat:bbox", f"POLYGON(({wkt}))", "geo:wktLiteral")
    for code in row.spatial_codes:
        place = sheet.link(me, "dct:spatial", entry.region(code), "dct:Location")
        sheet.words(place, "skos:prefLabel", regions.full_name(code), "")
        sheet.value(place, "dct:identifier", code, "xsd:string")
    if crs := entry.code("crs", row.crs):
        epsg = crs.facts.get("epsg")
        address = f"http://www.opengis.net/def/crs/EPSG/0/{epsg}" if epsg else f"{me}#crs"
        sheet.link(me, "dct:conformsTo", address, "dct:Standard")
        sheet.words(address, "dct:title", crs.text.zh, crs.text.en)
    sheet.value(me, "dcat:spatialResolutionInMeters", row.spatial_resolution_m, "xsd:decimal")


def _origin(sheet: Sheet, entry: Entry) -> None:
    row, me = entry.row, entry.uri
    if row.lineage or row.lineage_en:
        told = sheet.link(me, "dct:provenance", f"{me}#provenance", "dct:ProvenanceStatement")
        sheet.words(told, "rdfs:label", row.lineage, row.lineage_en)
    if entry.foreign_from:
        # dct:source would have to lead to a dcat:Dataset that stands in the same graph
        sheet.link(me, "prov:wasDerivedFrom", entry.foreign_from)
    sheet.words(me, "dg:legal_basis", row.legal_basis, row.legal_basis_en)


def _quality(sheet: Sheet, entry: Entry) -> None:
    if entry.row.quality_score is None:
        return
    found = sheet.link(
        entry.uri, "dqv:hasQualityMeasurement", f"{entry.uri}#quality", "dqv:QualityMeasurement"
    )
    sheet.link(found, "dqv:isMeasurementOf", f"{PROFILE}gb-t-36344", "dqv:Metric")
    sheet.words(f"{PROFILE}gb-t-36344", "skos:prefLabel", "GB/T 36344-2018 评分", "Score by GB/T 36344-2018")
    sheet.value(found, "dqv:value", f"{entry.row.quality_score:.2f}", "xsd:decimal")


def _distribution(sheet: Sheet, entry: Entry, file: File) -> None:
    me, release = f"{entry.uri}#{file.form}", entry.release
    sheet.link(entry.uri, "dcat:distribution", me, "dcat:Distribution")
    name = file.form.upper()
    sheet.words(me, "dct:title", f"{entry.title.zh}（{name}）", f"{entry.title.en} ({name})")
    sheet.words(me, "dct:description", f"当前发布版本的 {name} 文件", f"The current release as a {name} file")
    sheet.link(me, "dcat:accessURL", entry.uri, "")
    sheet.link(me, "dcat:downloadURL", file.url, "rdfs:Resource")
    if known := _FILE_TYPES.get(file.form):
        sheet.link(me, "dct:format", f"{EU}/file-type/{known}", "dct:MediaTypeOrExtent")
    media = f"http://www.iana.org/assignments/media-types/{file.media_type}"
    sheet.link(me, "dcat:mediaType", media, "dct:MediaType")
    sheet.value(me, "dcat:byteSize", file.size_bytes, "xsd:nonNegativeInteger")
    checksum = sheet.link(me, "spdx:checksum", f"{me}-sha256", "spdx:Checksum")
    sheet.link(checksum, "spdx:algorithm", "spdx:checksumAlgorithm_sha256", "spdx:ChecksumAlgorithm")
    sheet.value(checksum, "spdx:checksumValue", file.sha256, "xsd:hexBinary")
    _terms(sheet, entry, me)
    if release:
        sheet.value(me, "dct:issued", instant(release.published_at), "xsd:dateTime")
        sheet.value(me, "dct:modified", instant(release.published_at), "xsd:dateTime")
    _languages(sheet, me, [lang for lang, _ in written_in(entry.row.title_zh, entry.row.title_en)])
    status = f"{EU}/distribution-status/COMPLETED"
    sheet.link(me, "adms:status", status, "skos:Concept")
    sheet.words(status, "skos:prefLabel", "已完成", "Completed")
    available = f"{EU}/planned-availability/STABLE"
    sheet.link(me, "dcatap:availability", available, "skos:Concept")
    sheet.words(available, "skos:prefLabel", "长期可用", "Stable")


def _sample(sheet: Sheet, entry: Entry) -> None:
    """Synthetic rows, made from the dictionary of the current release: what everybody may look at before there is a grant."""
    if not entry.release:
        return
    me = f"{entry.uri}#sample"
    sheet.link(entry.uri, "adms:sample", me, "dcat:Distribution")
    sheet.words(me, "dct:title", f"{entry.title.zh}：合成样例", f"{entry.title.en}: synthetic sample")
    sheet.link(me, "dcat:accessURL", f"{entry.site}/previews/{entry.row.id}", "")


def _way_to_apply(sheet: Sheet, entry: Entry) -> None:
    """Data that need a grant, or have no release yet: the page that says how to get them."""
    if not entry.release:
        return
    me = f"{entry.uri}#apply"
    sheet.link(entry.uri, "dcat:distribution", me, "dcat:Distribution")
    sheet.words(me, "dct:title", f"{entry.title.zh}：申请使用", f"{entry.title.en}: apply for use")
    sheet.link(me, "dcat:accessURL", entry.apply_url if entry.row.open_type == "C" else entry.uri, "")
    _terms(sheet, entry, me)


def _terms(sheet: Sheet, entry: Entry, distribution: str) -> None:
    licence = entry.code("license", entry.row.license_id)
    if licence:
        address = sheet.link(distribution, "dct:license", entry.licence_url, "dct:LicenseDocument")
        sheet.words(address, "dct:title", licence.text.zh, licence.text.en)


def _languages(sheet: Sheet, subject: str, langs: Iterable[str]) -> None:
    for lang in langs:
        sheet.link(subject, "dct:language", f"{EU}/language/{_LANGUAGES[lang]}", "dct:LinguisticSystem")


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None
