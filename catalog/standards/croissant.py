"""Croissant 1.1: a dataset with the record set that lies in the released Parquet. Names are ASCII, as its readers demand."""

from __future__ import annotations

import re
from typing import Any, Final

from catalog.standards.entry import Entry, instant, without_gaps
from catalog.standards.schema_org import described
from catalog.tables import ColumnRow

MEDIA_TYPE: Final = "application/ld+json"
CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
CONTEXT: Final[dict[str, Any]] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
_TYPES: Final = {
    "string": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean", "date": "sc:Date",
    "datetime": "sc:DateTime", "time": "sc:Time", "geometry": "sc:Text",
}  # fmt: skip


def document(entry: Entry) -> dict[str, Any]:
    """The record; with a record set when the Parquet may be taken by anybody."""
    row = entry.row
    parquet = next((file for file in entry.files if file.form == "parquet"), None)
    files = [
        {
            "@type": "cr:FileObject",
            "@id": f"file-{file.form}",
            "name": f"{slug(row.id)}-{file.form}",
            "contentUrl": file.url,
            "contentSize": f"{file.size_bytes} B",
            "encodingFormat": "application/x-parquet" if file.form == "parquet" else file.media_type,
            "sha256": file.sha256,
        }
        for file in entry.files
    ]
    head = {"@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS_TO, "name": slug(row.id)}
    return head | without_gaps(
        {
            "alternateName": [entry.title.zh, entry.title.en],
            "description": described(entry),
            "url": entry.uri,
            "identifier": row.id,
            "keywords": [*row.keywords, *row.keywords_en],
            "license": entry.licence_url,
            "isBasedOn": entry.foreign_from,
            "creator": {"@type": "Organization", "name": entry.publisher.name.zh},
            "publisher": {"@type": "Organization", "name": entry.publisher.name.zh},
            "datePublished": instant(row.issued or row.created_at),
            "dateModified": instant(entry.changed_at),
            "version": entry.release.version if entry.release else None,
            "citeAs": f"{entry.publisher.name.zh}：{entry.title.zh}，{entry.uri}",
            "isLiveDataset": False,
            "distribution": files,
            "recordSet": [_records(entry)] if parquet else None,
        }
    )


def _records(entry: Entry) -> dict[str, Any]:
    keys = [{"@id": f"records/{field_name(column)}"} for column in entry.columns if column.primary]
    return without_gaps(
        {
            "@type": "cr:RecordSet",
            "@id": "records",
            "name": "records",
            "description": entry.title.zh,
            "key": keys,
            "field": [_field(column) for column in entry.columns],
        }
    )


def _field(column: ColumnRow) -> dict[str, Any]:
    return without_gaps(
        {
            "@type": "cr:Field",
            "@id": f"records/{field_name(column)}",
            "name": field_name(column),
            "description": column.definition_zh or column.title_zh or column.name,
            "dataType": _TYPES.get(column.type or "string", "sc:Text"),
            "source": {"fileObject": {"@id": "file-parquet"}, "extract": {"column": column.name}},
        }
    )


def field_name(column: ColumnRow) -> str:
    """The column's name where it is ASCII, else its place."""
    return column.name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", column.name) else f"c{column.position}"


def slug(dataset_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", dataset_id)
