"""Our records in the shapes that CKAN 2.12 answers: package, resource, organization, group, tag, license."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from catalog import queries
from catalog.codes import Code, load
from catalog.relations import kinds
from catalog.relations.service import RelationRead
from catalog.tables import DatasetRow, DescriptionRow
from catalog.workflow import State
from core.text import Text

Json = dict[str, Any]
EXTRAS: Final = (
    "title_en", "description_en", "data_level", "data_class", "data_range", "catalog_class", "open_type", "open_condition",
    "share_type", "share_mode", "auth_op_scope", "update_freq", "update_interval", "temporal_start", "temporal_end", "spatial", "spatial_codes",
    "bbox", "crs", "record_type", "legal_basis", "registration_code", "release_no", "row_count", "column_count", "quality_score", "quality_grade",
    "data_updated",
)  # fmt: skip


def moment(value: datetime | None) -> str | None:
    """CKAN's dates: UTC without saying so."""
    if value is None:
        return None
    here = value if value.tzinfo is UTC else value.astimezone(UTC)
    return here.isoformat(timespec="microseconds").removesuffix("+00:00")


def package_name(dataset_id: str) -> str:
    """CKAN's names are lower-case."""
    return dataset_id.lower()


def package(
    row: DatasetRow, resources: Sequence[Json], site: str, related: Sequence[RelationRead] = ()
) -> Json:
    """One dataset. `resources` as the rooms above know them, in order; `related`: its relations to others in sight."""
    tags = [tag(word) for word in dict.fromkeys((*row.keywords, *row.keywords_en))]
    licence = _code("license", row.license_id)
    theme = _code("domain", row.domain_code)
    return {
        "id": row.id,
        "name": package_name(row.id),
        "title": row.title_zh or row.title_en or row.id,
        "notes": row.description_zh or row.description_en,
        "url": f"{site}/datasets/{row.id}",
        "version": str(row.release_no) if row.release_no else None,
        "author": row.publisher_zh,
        "author_email": None,
        "maintainer": row.contact or None,
        "maintainer_email": None,
        "license_id": row.license_id or None,
        "license_title": licence.text.zh if licence else row.license_id or None,
        "license_url": licence.facts.get("url") if licence else None,
        "isopen": row.open_type == "U",
        "owner_org": row.publisher,
        "organization": organization(row.publisher, Text(row.publisher_zh, row.publisher_en), row.created_at),
        "private": row.state != State.PUBLISHED,
        "state": "active" if row.state == State.PUBLISHED else str(row.state),
        "type": "dataset",
        "creator_user_id": None,
        "metadata_created": moment(row.created_at),
        "metadata_modified": moment(queries.changed_at(row)),
        "num_resources": len(resources),
        "num_tags": len(tags),
        "extras": _extras(row, site),
        "groups": [group(theme)] if theme else [],
        "tags": tags,
        "resources": [each | {"package_id": row.id, "position": n} for n, each in enumerate(resources)],
        "relationships_as_subject": [
            _relationship(row, each) for each in related if kinds.KINDS[each.kind].is_subject
        ],
        "relationships_as_object": [
            _relationship(row, each) for each in related if not kinds.KINDS[each.kind].is_subject
        ],
    }


def relationship_type(kind: str) -> str:
    """CKAN's word for a relation, as this end says it."""
    known = kinds.KINDS[kind]
    return known.ckan if known.is_subject else kinds.CKAN_INVERSE[known.ckan]


def _relationship(row: DatasetRow, one: RelationRead) -> Json:
    """As CKAN keeps them: in one direction, whichever end is shown. Our own kind is the comment."""
    known = kinds.KINDS[one.kind]
    subject, target = (row.id, one.dataset_id) if known.is_subject else (one.dataset_id, row.id)
    kind = one.kind if known.is_subject else known.inverse
    ends = {"subject_package_id": subject, "object_package_id": target}
    return {
        "id": f"{subject}-{kind}-{target}", "type": known.ckan, "comment": kind,
        "subject": package_name(subject), "object": package_name(target), "__extras": ends | {"state": "active"},
    }  # fmt: skip


_SAID: Final = ("name", "url", "author", "author_email", "maintainer", "maintainer_email")
_LINK: Final[Json] = {
    "name": None, "description": None, "format": "", "url": "", "url_type": None, "mimetype": None, "mimetype_inner": None,
    "size": None, "hash": "", "resource_type": None, "created": None, "last_modified": None, "metadata_modified": None,
    "cache_url": None, "cache_last_updated": None, "state": "active",
}  # fmt: skip


def offered(dataset_id: str, files: Sequence[Json], kept: DescriptionRow | None, version: int) -> list[Json]:
    """All resources of a record: the links that a client keeps beside it, then our own files."""
    own = [each | {"package_id": dataset_id, "position": n} for n, each in enumerate(files)]
    if kept is None:
        return own
    said = kept.document.get("resources") or []
    if kept.is_import and kept.version == version:
        return [*said, *own]
    links = [_LINK | each | {"package_id": dataset_id, "datastore_active": False} for each in said]
    return [each | {"position": n} for n, each in enumerate([*links, *own])]


def described(made: Json, kept: DescriptionRow, version: int) -> Json:
    """A package with what a client said of it. An import stands word for word until the record itself is changed; our own files
    come after its links. Otherwise our fields count, and what they do not hold is kept beside them."""
    said = kept.document
    if kept.is_import and kept.version == version:
        whole = dict(said) | {"id": made["id"], "name": kept.name}
        if made["resources"]:
            whole["resources"] = offered(made["id"], made["resources"], kept, version)
            whole["num_resources"] = len(whole["resources"])
        return whole
    resources = offered(made["id"], made["resources"], kept, version)
    ours = {each["key"] for each in made["extras"]} | set(EXTRAS)
    more = [
        {"key": each["key"], "value": each["value"]}
        for each in said.get("extras") or []
        if each.get("key") not in ours
    ]
    return (
        made | {key: said[key] for key in _SAID if said.get(key)} | {"name": kept.name}
        | {"resources": resources, "num_resources": len(resources)}
        | {"extras": sorted([*made["extras"], *more], key=lambda each: str(each["key"]))}
        | {key: value for key, value in said.items() if key not in made}
    )  # fmt: skip


_MORE: Final = ("apply_url", "resource_code")
_KEYS: Final = sorted((*EXTRAS, *_MORE))


def _extras(row: DatasetRow, site: str) -> list[Json]:
    more: dict[str, str] = {"resource_code": row.id}
    if row.open_type != "U":
        more["apply_url"] = f"{site}/applications/new?dataset={row.id}"
    found = []
    for key in _KEYS:
        value = more.get(key) if key in _MORE else getattr(row, key)
        if isinstance(value, list):
            value = " ".join(value)
        if value is not None and value != "":
            found.append({"key": key, "value": moment(value) if isinstance(value, datetime) else str(value)})
    return found


def resource(
    resource_id: str,
    *,
    name: str,
    form: str,
    url: str,
    created: datetime | None,
    **facts: Any,  # noqa: ANN401
) -> Json:
    """One file or address. `facts`: mimetype, size (bytes), hash, description, datastore_active, and what else is known."""
    return {
        "id": resource_id, "name": name, "description": "", "format": form, "url": url, "url_type": None, "mimetype": None,
        "mimetype_inner": None, "size": None, "hash": "", "resource_type": "file", "created": moment(created),
        "last_modified": moment(created), "metadata_modified": moment(created), "cache_url": None,
        "cache_last_updated": None, "state": "active", "datastore_active": False,
    } | facts  # fmt: skip


def organization(org_id: str, name: Text, created: datetime | None, **more: Any) -> Json:  # noqa: ANN401
    return {
        "id": org_id, "name": org_id.lower(), "title": name.zh, "display_name": name.zh, "description": name.en, "image_url": "",
        "image_display_url": "", "type": "organization", "is_organization": True, "approval_status": "approved",
        "state": "active", "created": moment(created),
    } | more  # fmt: skip


def group(theme: Code, **more: Any) -> Json:  # noqa: ANN401
    """A theme, as CKAN knows groups."""
    return {
        "id": theme.value, "name": theme.value.lower(), "title": theme.text.zh, "display_name": theme.text.zh,
        "description": theme.text.en, "image_url": "", "image_display_url": "", "type": "group", "is_organization": False,
        "approval_status": "approved", "state": "active",
    } | more  # fmt: skip


def tag(word: str) -> Json:
    return {"id": word, "name": word, "display_name": word, "state": "active", "vocabulary_id": None}


def licences() -> list[Json]:
    return [
        {
            "id": code.value, "title": code.text.zh, "url": code.facts.get("url", ""), "status": "active", "family": "",
            "maintainer": "", "is_generic": False, "domain_content": False, "domain_data": True, "domain_software": False,
            "od_conformance": "not reviewed", "osd_conformance": "not reviewed",
        }
        for code in load("license").codes.values()
    ]  # fmt: skip


def themes() -> Mapping[str, Code]:
    return load("domain").codes


def _code(list_name: str, value: str | None) -> Code | None:
    return load(list_name).codes.get(value) if value else None
