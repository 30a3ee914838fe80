"""Data Package v2: the record as `datapackage.json`, with a table schema for each file."""

from __future__ import annotations

from typing import Any, Final

from catalog.standards.croissant import slug
from catalog.standards.entry import Entry, File, instant, without_gaps
from catalog.tables import ColumnRow

MEDIA_TYPE: Final = "application/json"
PROFILE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"
_TYPES: Final = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "date": "date",
    "datetime": "datetime", "time": "time", "geometry": "string",
}  # fmt: skip


def document(entry: Entry) -> dict[str, Any]:
    """The package. A record without a file that anybody may take names the page where one applies."""
    row = entry.row
    resources = [_resource(entry, file) for file in entry.files] or [_page(entry)]
    return {"$schema": PROFILE, "name": slug(row.id).lower(), "id": entry.uri, "resources": resources} | without_gaps(
        {
            "title": entry.title.zh,
            "description": entry.description.zh,
            "homepage": entry.uri,
            "version": entry.release.version if entry.release else None,
            "created": instant(row.issued or row.created_at),
            "keywords": [*row.keywords, *row.keywords_en],
            "licenses": [_licence(entry)] if row.license_id else None,
            "contributors": [without_gaps({"title": entry.publisher.name.zh, "roles": ["publisher"], "email": entry.mail})],
            "sources": _sources(entry),
        }
    )  # fmt: skip


def _sources(entry: Entry) -> list[dict[str, str]] | None:
    if entry.foreign_from:
        return [{"title": "外来记录 / Foreign record", "path": entry.foreign_from}]
    system = [{"title": entry.row.source_system}] if entry.row.source_system and entry.is_open else []
    others = [one for one in entry.relations if one.kind == "source"]
    return [
        *system,
        *({"title": one.title_zh, "path": entry.address(one.dataset_id)} for one in others),
    ] or None


def _licence(entry: Entry) -> dict[str, str]:
    told = entry.code("license", entry.row.license_id)
    return {"path": entry.licence_url, "title": told.text.zh if told else entry.row.license_id}


def _resource(entry: Entry, file: File) -> dict[str, Any]:
    form = {"format": file.form, "mediatype": file.media_type}
    if file.form == "csv":
        form |= {"encoding": "utf-8"}
    return {
        "name": file.form,
        "path": file.url,
        "type": "table",
        **form,
        "bytes": file.size_bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": table_schema(entry),
    }


def _page(entry: Entry) -> dict[str, Any]:
    told = "申请使用 / Apply for use" if entry.row.open_type == "C" else "数据集页面 / Dataset page"
    address = entry.apply_url if entry.row.open_type == "C" else entry.uri
    return {"name": "page", "path": address, "title": told, "format": "html", "mediatype": "text/html"}


def table_schema(entry: Entry) -> dict[str, Any]:
    """The dictionary as a table schema, in its order."""
    keys = [column.name for column in entry.columns if column.primary]
    schema: dict[str, Any] = {"fields": [_field(column) for column in entry.columns]}
    return schema | ({"primaryKey": keys} if keys else {})


def _field(column: ColumnRow) -> dict[str, Any]:
    limits = {
        "required": True if column.primary or not column.nullable else None,
        "enum": column.code_list if isinstance(column.code_list, list) else None,
        "maxLength": column.length if column.type == "string" else None,
    }
    return {"name": column.name, "type": _TYPES.get(column.type or "", "any")} | without_gaps(
        {
            "title": column.title_zh,
            "description": column.definition_zh or column.definition_en,
            "constraints": without_gaps(limits),
            "dg:unit": column.unit,
            "dg:titleEn": column.title_en,
        }
    )
