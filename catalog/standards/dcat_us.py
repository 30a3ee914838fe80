"""DCAT-US 3.0 as JSON. Its schema wants plain strings where others take language tags: Chinese first, both in the maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from catalog import regions
from catalog.boxes import Box
from catalog.standards.dcat_ap import EU
from catalog.standards.entry import Entry, File, instant, iri, without_gaps
from core.text import Text

MEDIA_TYPE: Final = "application/json"
_RELATIONS: Final = frozenset({"inSeries", "hasPart", "hasVersion", "isReferencedBy", "replaces", "source"})
CONTEXT: Final = "https://raw.githubusercontent.com/DOI-DO/dcat-us/main/context/dcat-us-3.0.jsonld"


def catalogue(entries: Iterable[Entry], *, site: str, title: Text) -> dict[str, Any]:
    """The whole catalogue in one document, as harvesters of `data.json` read it."""
    return {
        "@context": CONTEXT,
        "@id": f"{site}/data.json",
        "@type": "dcat:Catalog",
        "title": title.zh,
        "titleMap": _both(title),
        "description": f"{title.zh}：公共数据目录 / {title.en}: catalogue of public data",
        "publisher": {"@type": "foaf:Agent", "@id": f"{site}/#publisher", "name": title.zh},
        "homepage": f"{site}/datasets",
        "dataset": [dataset(entry) for entry in entries],
    }


def document(entry: Entry) -> dict[str, Any]:
    """One record."""
    return {"@context": CONTEXT} | dataset(entry)


def dataset(entry: Entry) -> dict[str, Any]:
    row = entry.row
    often = entry.code("update_freq", row.update_freq)
    access = entry.code("open_type", row.open_type)
    fixed = {
        "@id": entry.uri,
        "@type": "dcat:Dataset",
        "title": entry.title.zh,
        "description": entry.description.zh,
        "publisher": _publisher(entry),
    }
    return fixed | without_gaps(
        {
            "titleMap": _both(entry.title),
            "descriptionMap": _both(entry.description),
            "identifier": [row.id],
            "keyword": ", ".join([*row.keywords, *row.keywords_en]),
            "issued": instant(row.issued) if row.issued else None,
            "modified": instant(entry.changed_at),
            "landingPage": {"@type": "foaf:Document", "@id": f"{entry.uri}#page", "title": entry.title.zh},
            "contactPoint": [_contact(entry)] if entry.mail else None,
            "theme": _themes(entry),
            "accessRights": f"{EU}/access-right/{access.facts['eu_access']}" if access else None,
            "accrualPeriodicity": f"{EU}/frequency/{often.facts['eu']}" if often else None,
            "temporalResolution": entry.interval,
            "temporal": [_period(entry)] if row.temporal_start or row.temporal_end else None,
            "spatial": _places(entry) or None,
            "geographicBoundingBox": [_box(entry.box)] if entry.box else None,
            "provenance": [{"@type": "dcterms:ProvenanceStatement", "label": row.lineage}]
            if row.lineage
            else None,
            "version": entry.release.version if entry.release else None,
            "versionNotes": row.version_notes,
            **_relations(entry),
            "distribution": [_distribution(entry, file) for file in entry.files] or _page(entry),
        }
    )


def _relations(entry: Entry) -> dict[str, list[str]]:
    """Addresses of other records by the schema's own words, what it has no word for as `relation`."""
    found: dict[str, list[str]] = {}
    for one in entry.relations:
        name = one.kind if one.kind in _RELATIONS else "relation"
        found.setdefault(name, []).append(entry.address(one.dataset_id))
    for code in entry.related_codes:  # those that are none of our records
        found.setdefault("relation", []).append(entry.address(code))
    for reuse in entry.reuses:
        found.setdefault("isReferencedBy", []).append(iri(reuse.url) or entry.page_of(reuse))
    return {name: list(dict.fromkeys(told)) for name, told in found.items()}


def _box(box: Box) -> dict[str, Any]:
    sides = {"west": "westBoundingLongitude", "south": "southBoundingLatitude", "east": "eastBoundingLongitude", "north": "northBoundingLatitude"}  # fmt: skip
    return {"@type": "GeographicBoundingBox"} | {
        name: str(getattr(box, side)) for side, name in sides.items()
    }


def _both(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _publisher(entry: Entry) -> dict[str, Any]:
    name = entry.publisher.name
    return {
        "@id": f"{entry.site}/api/v1/organisations/{entry.publisher.id}",
        "@type": "org:Organization",
        "name": name.zh,
        "prefLabel": name.zh,
        "prefLabelMap": _both(name),
    }


def _contact(entry: Entry) -> dict[str, Any]:
    return {"@type": "vcard:Kind", "fn": entry.publisher.name.zh, "hasEmail": f"mailto:{entry.mail}"}


def _themes(entry: Entry) -> list[dict[str, Any]]:
    theme = entry.code("domain", entry.row.domain_code)
    if theme is None:
        return []
    return [
        {
            "@id": f"{entry.site}/datasets?theme={theme.value}",
            "@type": "skos:Concept",
            "prefLabel": theme.text.zh,
            "prefLabelMap": _both(theme.text),
            "inScheme": f"{entry.site}/api/v1/codes/domain",
        }
    ]


def _places(entry: Entry) -> list[dict[str, Any]]:
    """The area in words, then each division of GB/T 2260."""
    named = [{"@type": "dcterms:Location", "prefLabel": entry.row.spatial}] if entry.row.spatial else []
    return named + [
        {"@type": "dcterms:Location", "@id": entry.region(code), "identifier": [code], "prefLabel": regions.full_name(code)}
        for code in entry.row.spatial_codes
    ]  # fmt: skip


def _period(entry: Entry) -> dict[str, Any]:
    first, last = entry.row.temporal_start, entry.row.temporal_end
    return {"@type": "dcterms:PeriodOfTime"} | without_gaps(
        {
            "startDate": first.isoformat() if first else None,
            "endDate": last.isoformat() if last else None,
        }
    )


def _distribution(entry: Entry, file: File) -> dict[str, Any]:
    return {"@id": f"{entry.uri}#{file.form}", "@type": "dcat:Distribution"} | without_gaps(
        {
            "title": f"{entry.title.zh}（{file.form.upper()}）",
            "accessURL": entry.uri,
            "downloadURL": file.url,
            "mediaType": f"http://www.iana.org/assignments/media-types/{file.media_type}",
            "byteSize": str(file.size_bytes),
            "license": entry.licence_url,
            "issued": instant(entry.release.published_at) if entry.release else None,
            "checksum": {
                "@type": "spdx:Checksum",
                "algorithm": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256",
                "checksumValue": file.sha256,
            },
        }
    )


def _page(entry: Entry) -> list[dict[str, Any]]:
    if not entry.release:
        return []
    address = entry.apply_url if entry.row.open_type == "C" else entry.uri
    return [
        {
            "@id": f"{entry.uri}#apply",
            "@type": "dcat:Distribution",
            "title": f"{entry.title.zh}：申请使用 / Apply for use",
            "accessURL": address,
            "license": entry.licence_url,
        }
    ]
