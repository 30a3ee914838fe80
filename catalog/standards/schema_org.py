"""schema.org Dataset, as search engines read it in a page; the rules are those that Google publishes for datasets."""

from __future__ import annotations

from typing import Any, Final

from catalog import regions
from catalog.standards.entry import Entry, instant, iri, without_gaps

MEDIA_TYPE: Final = "application/ld+json"
LONGEST: Final = 5000  # characters of a description


def document(entry: Entry) -> dict[str, Any]:
    """One record. Data that need a grant are described, with the page where one applies, and offer no file."""
    row = entry.row
    publisher = {
        "@type": "GovernmentOrganization",
        "name": entry.publisher.name.zh,
        "alternateName": entry.publisher.name.en,
    }
    return {"@context": "https://schema.org/", "@type": "Dataset", "@id": entry.uri} | without_gaps(
        {
            "name": entry.title.zh,
            "alternateName": entry.title.en if entry.title.en != entry.title.zh else None,
            "description": described(entry),
            "url": entry.uri,
            "identifier": row.id,
            "keywords": [*row.keywords, *row.keywords_en],
            "inLanguage": ["zh", "en"] if row.title_en else ["zh"],
            "creator": publisher,
            "publisher": publisher,
            "license": entry.licence_url,
            "isBasedOn": entry.foreign_from,
            "isAccessibleForFree": entry.is_open,
            "conditionsOfAccess": row.open_condition if not entry.is_open else None,
            "version": entry.release.version if entry.release else None,
            "dateCreated": instant(row.created_at),
            "datePublished": instant(row.issued) if row.issued else None,
            "dateModified": instant(entry.changed_at),
            "temporalCoverage": temporal(entry),
            "spatialCoverage": _places(entry),
            "isPartOf": [
                {"@type": "Dataset", "@id": entry.address(one.dataset_id), "name": one.title_zh}
                for one in entry.relations
                if one.kind in ("isPartOf", "inSeries")
            ],
            "hasPart": [
                {"@type": "Dataset", "@id": entry.address(one.dataset_id), "name": one.title_zh}
                for one in entry.relations
                if one.kind in ("hasPart", "seriesMember")
            ],
            "variableMeasured": [
                without_gaps(
                    {
                        "@type": "PropertyValue",
                        "name": column.name,
                        "description": column.definition_zh or column.title_zh,
                        "unitText": column.unit,
                    }
                )
                for column in entry.columns
            ],
            "distribution": [
                {
                    "@type": "DataDownload",
                    "name": file.form.upper(),
                    "encodingFormat": file.media_type,
                    "contentUrl": file.url,
                    "contentSize": f"{file.size_bytes} B",
                    "sha256": file.sha256,
                }
                for file in entry.files
            ],
            "@reverse": _made_of(entry),
            "includedInDataCatalog": {"@type": "DataCatalog", "url": f"{entry.site}/datasets"},
        }
    )


_KINDS: Final = {"application": "SoftwareApplication", "article": "Article", "research": "ScholarlyArticle"}


def _made_of(entry: Entry) -> dict[str, Any]:
    """What is based on the data: schema.org says it of the work, so it stands the other way round here."""
    works = [
        {
            "@type": _KINDS.get(reuse.kind, "CreativeWork"),
            "@id": entry.page_of(reuse),
            "name": reuse.title,
            "description": reuse.summary,
            "creditText": reuse.made_by,
            "url": iri(reuse.url) or entry.page_of(reuse),
        }
        for reuse in entry.reuses
    ]
    return {"isBasedOn": works} if works else {}


def _places(entry: Entry) -> list[dict[str, Any]] | dict[str, Any] | None:
    """The area in words and as a box, then each division by its code; one alone stands alone."""
    divisions = [
        {"@type": "AdministrativeArea", "@id": entry.region(code), "name": regions.full_name(code), "identifier": code}
        for code in entry.row.spatial_codes
    ]  # fmt: skip
    found = [place for place in (_place(entry), *divisions) if place]
    return found if len(found) > 1 else found[0] if found else None


def _place(entry: Entry) -> dict[str, Any] | None:
    """The area by its name and, as schema.org writes boxes, by south west and north east."""
    box = entry.box
    if not entry.row.spatial and box is None:
        return None
    shape = (
        {"@type": "GeoShape", "box": f"{box.south:.10g} {box.west:.10g} {box.north:.10g} {box.east:.10g}"}
        if box
        else None
    )
    return {"@type": "Place"} | without_gaps({"name": entry.row.spatial, "geo": shape})


def described(entry: Entry) -> str:
    """At least 50 characters, as search engines ask: a short summary is followed by publisher and columns."""
    row = entry.row
    said = entry.description.zh
    if row.description_en and row.description_en != said:
        said = f"{said}\n{row.description_en}"
    if len(said) < 50:
        titles = "、".join(column.title_zh or column.name for column in entry.columns)
        said = f"{said}（{entry.publisher.name.zh}发布；数据项：{titles}；{entry.title.en}, published by {entry.publisher.name.en}）"
    return said[:LONGEST]


def temporal(entry: Entry) -> str | None:
    """An ISO 8601 interval, open where one end is not known."""
    first, last = entry.row.temporal_start, entry.row.temporal_end
    if not first and not last:
        return None
    return f"{first.isoformat() if first else '..'}/{last.isoformat() if last else '..'}"
