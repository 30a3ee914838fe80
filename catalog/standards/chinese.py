"""The Chinese core metadata (政务信息资源目录编制指南) as JSON and XML, by the code names of the field table.

One list of fields serves both; the XML schema beside this module (`core_metadata.xsd`) says what may stand where.
"""

from __future__ import annotations

from typing import Any, Final

from catalog.fields import FIELDS
from catalog.standards.entry import Entry, instant, without_gaps
from catalog.tables import ColumnRow

NAMESPACE: Final = "urn:datagrant:core-metadata:1"
MEDIA_TYPE: Final = "application/json"
XML: Final = "application/xml"
_HIDDEN: Final = frozenset(
    {"source_system", "source_system_en"}
)  # the names of systems are told of open data alone
_COLUMN: Final = (
    "name", "title_zh", "title_en", "definition_zh", "definition_en", "type", "length", "precision", "unit", "level",
    "identifier_kind", "code_list", "primary", "nullable", "mask_method", "timestamp", "classified", "sensitive",
    "share_type", "open_type", "condition_zh", "condition_en", "standard_code",
)  # fmt: skip

_FLAGS: Final = frozenset({"timestamp", "classified", "sensitive"})  # told where they hold


def document(entry: Entry) -> dict[str, Any]:
    """All fields that hold something, with labels beside coded values; information items; files."""
    return without_gaps(
        {
            "profile": NAMESPACE,
            "resource_code": entry.row.id,
            "publisher": without_gaps(
                {
                    "id": entry.publisher.id,
                    "name_zh": entry.publisher.name.zh,
                    "name_en": entry.publisher.name.en,
                    "credit_code": entry.publisher.credit_code,
                }
            ),
            "fields": _fields(entry),
            "issued": instant(entry.row.issued) if entry.row.issued else None,
            "modified": instant(entry.changed_at),
            "release": _release(entry),
            "items": [_item(column) for column in entry.columns],
            "files": [
                {"format": file.form, "url": file.url, "size_bytes": file.size_bytes, "sha256": file.sha256}
                for file in entry.files
            ],
        }
    )


def xml(entry: Entry) -> bytes:
    """The same as XML."""
    from lxml import etree

    told = document(entry)
    root = etree.Element(_tag("resource"), {"code": told["resource_code"]}, nsmap={None: NAMESPACE})
    _child(root, "publisher", told["publisher"])
    fields = etree.SubElement(root, _tag("fields"))
    for field in told["fields"]:
        attributes = {key: str(field[key]) for key in ("name", "label", "code") if key in field}
        made = etree.SubElement(fields, _tag("field"), attributes)
        for value in field["value"] if isinstance(field["value"], list) else [field["value"]]:
            etree.SubElement(made, _tag("value")).text = str(value)
    for name in ("issued", "modified"):
        if name in told:
            etree.SubElement(root, _tag(name)).text = told[name]
    if "release" in told:
        _child(root, "release", told["release"])
    items = etree.SubElement(root, _tag("items"))
    for item in told.get("items", []):
        _child(items, "item", item)
    files = etree.SubElement(root, _tag("files"))
    for file in told.get("files", []):
        _child(files, "file", file)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: Any, name: str, facts: dict[str, Any]) -> None:  # noqa: ANN401 - an element
    from lxml import etree

    def written(value: object) -> str:
        if isinstance(value, list):
            return " ".join(str(each) for each in value)
        return str(value).lower() if isinstance(value, bool) else str(value)

    etree.SubElement(parent, _tag(name), {key: written(value) for key, value in facts.items()})


def _fields(entry: Entry) -> list[dict[str, Any]]:
    found = []
    for spec in FIELDS:
        value = entry.said(spec.name)
        if value in (None, "", []) or (spec.name in _HIDDEN and not entry.is_open):
            continue
        field: dict[str, Any] = {"name": spec.name, "label": spec.label.zh, "value": _plain(value)}
        if spec.kind == "code" and (known := entry.code(str(spec.codes), value)):
            field |= {"code": str(value), "value": known.text.zh}
        found.append(field)
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value if isinstance(value, (str, int, float, list)) else value.isoformat()


def _release(entry: Entry) -> dict[str, Any] | None:
    if entry.release is None:
        return None
    one = entry.release
    facts = {"number": one.number, "version": one.version, "published": instant(one.published_at)}
    return facts | without_gaps(
        {
            "rows": one.rows,
            "quality_score": entry.row.quality_score,
            "quality_grade": entry.row.quality_grade,
        }
    )


def _item(column: ColumnRow) -> dict[str, Any]:
    told = {name: getattr(column, name) for name in _COLUMN}
    return without_gaps({name: value or None if name in _FLAGS else value for name, value in told.items()})
