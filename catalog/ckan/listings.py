"""Organisations, groups (our themes), tags, licences and the site itself, read; and the table of all read actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy
from sqlalchemy import func
from sqlmodel import col, select

from auth.identity import organisations
from catalog.ckan import shape
from catalog.ckan.actions import PACKAGES, SEARCH_MOST, Action, Call, packages, seen
from catalog.ckan.errors import invalid, not_found
from catalog.ckan.language import Term
from catalog.ckan.names import EMPTY
from catalog.ckan.people import PEOPLE, lately
from catalog.ckan.searching import package_search
from catalog.ckan.shape import Json
from catalog.ckan.values import loads
from catalog.ckan.where import where
from catalog.imports import kept_orgs
from catalog.search.tokens import fold
from catalog.tables import DatasetRow
from core.text import Text

LIST_MOST: Final = 1000
FULL_MOST: Final = 25


def _counts(call: Call, column: Any) -> dict[str, int]:  # noqa: ANN401 - a column
    rows = call.work.db.connection().execute(
        sqlalchemy.select(column, func.count()).where(*seen(call)).group_by(column)
    )
    return {value: n for value, n in rows if value}


def _listed(call: Call, found: Sequence[Json]) -> list[Any]:
    """`all_fields` gives objects, otherwise names; `limit`, `offset`, `sort`, and a choice of names."""
    chosen = call.params.get("organizations") or call.params.get("groups")
    if chosen:
        try:
            names = loads(chosen) if isinstance(chosen, str) and chosen.startswith("[") else chosen
        except ValueError:
            raise invalid(organizations="Could not parse as valid JSON") from None
        names = names if isinstance(names, list) else [names]
        found = [each for each in found if each["name"] in names or each["id"] in names]
    found = _sorted(call, found)
    full = call.yes("all_fields")
    limit = call.number("limit", FULL_MOST if full else LIST_MOST, FULL_MOST if full else LIST_MOST)
    at = call.number("offset", 0)
    page = found[at : at + limit]
    return list(page) if full else [each["name"] for each in page]


_SORTS: Final[Mapping[str, str]] = {
    "title": "title", "name": "name", "package_count": "package_count", "packages": "package_count"
}  # fmt: skip


def _sorted(call: Call, found: Sequence[Json]) -> list[Json]:
    """In the order that `sort` names (`package_count desc`), equal ones by name."""
    if not (said := call.text("sort") or call.text("order_by")):
        return list(found)
    name, _, way = said.strip().lower().partition(" ")
    if name not in _SORTS or way.strip() not in ("", "asc", "desc"):
        raise invalid(sort=f"Cannot sort by {said!r}: {', '.join(_SORTS)}, each with asc or desc")
    down = way.strip() == "desc" or (not way and _SORTS[name] == "package_count")
    in_order = sorted(found, key=lambda each: str(each["name"]))
    return sorted(in_order, key=lambda each: each[_SORTS[name]], reverse=down)


def organizations_seen(call: Call) -> list[Json]:
    counts = _counts(call, col(DatasetRow.publisher))
    kept = kept_orgs(call.work)
    found = []
    for each in organisations.organisations(call.work):
        if each.id in counts or each.id in kept:
            made = shape.organization(
                each.id, Text(each.name_zh, each.name_en), each.created_at, num_followers=0
            )
            said = (
                dict(kept[each.id].document) | {"id": each.id, "name": kept[each.id].name}
                if each.id in kept
                else {}
            )
            said.pop("packages", None)
            found.append(made | said | {"package_count": counts.get(each.id, 0)})
    return sorted(found, key=lambda each: str(each["title"]))


def organization_list(call: Call) -> list[Any]:
    return _listed(call, organizations_seen(call))


def groups_seen(call: Call) -> list[Json]:
    counts = _counts(call, col(DatasetRow.domain_code))
    return [
        shape.group(code, package_count=counts.get(code.value, 0), num_followers=0)
        for code in shape.themes().values()
    ]


def group_list(call: Call) -> list[Any]:
    return _listed(call, groups_seen(call))


def _shown(call: Call, found: Sequence[Json], column: Any, kind: str) -> Json:  # noqa: ANN401
    wanted = call.wanted()
    for each in found:
        if wanted in (each["id"], each["name"]):
            more: Json = {"extras": [], "groups": [], "users": [], "tags": []}
            if call.yes("include_datasets"):
                rows = call.work.db.exec(
                    select(DatasetRow)
                    .where(*seen(call), column == each["id"])
                    .order_by(col(DatasetRow.id))
                    .limit(SEARCH_MOST)
                ).all()
                more["packages"] = packages(call, rows)
            return {
                **({} if each["id"] in kept_orgs(call.work) else more),
                **each,
                **{key: more[key] for key in ("packages",) if key in more},
            }
    raise not_found(f"{kind} was not found")


def organization_show(call: Call) -> Json:
    return _shown(call, organizations_seen(call), col(DatasetRow.publisher), "Organization")


def group_show(call: Call) -> Json:
    return _shown(call, groups_seen(call), col(DatasetRow.domain_code), "Group")


def _autocompleted(call: Call, found: Sequence[Json]) -> list[Json]:
    q, folded = call.text("q").lower(), fold(call.text("q"))
    hits = [each for each in found if q in each["name"] or folded in fold(str(each["title"]))]
    return [
        {"id": each["id"], "name": each["name"], "title": each["title"]}
        for each in hits[: call.number("limit", 20, 100)]
    ]


def organization_autocomplete(call: Call) -> list[Json]:
    return _autocompleted(call, organizations_seen(call))


def group_autocomplete(call: Call) -> list[Json]:
    return _autocompleted(call, groups_seen(call))


def _tags(call: Call) -> list[str]:
    rows = call.work.db.connection().execute(
        sqlalchemy.select(col(DatasetRow.keywords), col(DatasetRow.keywords_en)).where(*seen(call))
    )
    return sorted({word for zh, en in rows for word in (*zh, *en)})


def tag_list(call: Call) -> list[Any]:
    if call.text("vocabulary_id"):
        vocabulary_show(call)
    q = fold(call.text("query"))
    found = [word for word in _tags(call) if q in fold(word)]
    return [shape.tag(word) for word in found] if call.yes("all_fields") else found


def tag_show(call: Call) -> Json:
    wanted = call.wanted()
    if wanted not in _tags(call):
        raise not_found("Tag was not found")
    if not call.yes("include_datasets"):
        return shape.tag(wanted)
    held = where(call.work, Term("tags", wanted, is_phrase=True))
    rows = select(DatasetRow).where(*seen(call), held).order_by(col(DatasetRow.id)).limit(SEARCH_MOST)
    return shape.tag(wanted) | {"packages": packages(call, call.work.db.exec(rows).all())}


def tag_autocomplete(call: Call) -> list[str]:
    q = fold(call.text("query") or call.text("q"))
    return [word for word in _tags(call) if q in fold(word)][: call.number("limit", 10, 100)]


def format_autocomplete(call: Call) -> list[str]:
    """Formats of the visible records that begin so."""
    q = call.text("q").lower()
    rows = call.work.db.connection().execute(sqlalchemy.select(col(DatasetRow.formats)).where(*seen(call)))
    found = sorted({each.lower() for (formats,) in rows for each in formats})
    return [each for each in found if q in each][: call.number("limit", 5, 100)]


def group_package_show(call: Call) -> list[Json]:
    """The datasets of one theme."""
    return _packages_of(call, col(DatasetRow.domain_code), group_show(call)["id"])


def organization_package_show(call: Call) -> list[Json]:
    """The datasets of one organisation."""
    return _packages_of(call, col(DatasetRow.publisher), organization_show(call)["id"])


def _packages_of(call: Call, column: Any, value: str) -> list[Json]:  # noqa: ANN401 - a column
    wanted = select(DatasetRow).where(*seen(call), column == value).order_by(col(DatasetRow.id))
    return packages(
        call, call.work.db.exec(wanted.limit(call.number("limit", SEARCH_MOST, SEARCH_MOST))).all()
    )


def member_list(call: Call) -> list[list[str]]:
    """What belongs to an organisation or a theme: its datasets (`object_type` package). Who works there is not told."""
    wanted = call.wanted()
    known = [(organizations_seen, col(DatasetRow.publisher)), (groups_seen, col(DatasetRow.domain_code))]
    for listed, column in known:
        for each in listed(call):
            if wanted in (each["id"], each["name"]):
                if call.text("object_type") not in ("", "package"):
                    return []
                ids = sqlalchemy.select(col(DatasetRow.id)).where(*seen(call), column == each["id"])
                found = call.work.db.connection().execute(ids.order_by(col(DatasetRow.id))).scalars()
                return [[dataset_id, "package", "public"] for dataset_id in found]
    raise not_found("Group was not found")


def _activity_of(call: Call, found: Sequence[Json], column: Any) -> list[Json]:  # noqa: ANN401 - a column
    wanted = call.wanted()
    for each in found:
        if wanted in (each["id"], each["name"]):
            return lately(call, column == each["id"])
    raise not_found("Group was not found")


def organization_activity_list(call: Call) -> list[Json]:
    """What happened lately with one organisation's datasets."""
    return _activity_of(call, organizations_seen(call), col(DatasetRow.publisher))


def group_activity_list(call: Call) -> list[Json]:
    """The same of one theme's datasets."""
    return _activity_of(call, groups_seen(call), col(DatasetRow.domain_code))


def vocabulary_show(_call: Call) -> Json:
    raise not_found("Could not find vocabulary; keywords are free")


def resource_view_show(_call: Call) -> Json:
    raise not_found("Resource view was not found; charts and maps stand on the dataset's page")


def license_list(_call: Call) -> list[Json]:
    return shape.licences()


# -- the site itself


def status_show(call: Call) -> Json:
    return {
        "ckan_version": "2.12.0", "site_url": call.site, "site_title": "数授 Datagrant",
        "site_description": "公共数据目录与授权 / Public data: catalogue and grants", "error_emails_to": None,
        "locale_default": "zh_Hans_CN", "extensions": ["datagrant"],
    }  # fmt: skip


def site_read(_call: Call) -> bool:
    return True


def nothing(_call: Call) -> list[Any]:
    """There are none of these here, and clients ask for them."""
    return []


READS: Final[Mapping[str, Action]] = {
    each.__name__: each
    for each in (
        *PACKAGES, package_search, organization_list, organization_show, organization_autocomplete, group_list, group_show,
        group_autocomplete, tag_list, tag_show, tag_autocomplete, license_list, status_show, site_read, format_autocomplete,
        group_package_show, organization_package_show, vocabulary_show, resource_view_show, member_list,
        organization_activity_list, group_activity_list, *PEOPLE,
    )
} | dict.fromkeys(EMPTY, nothing)  # fmt: skip
