"""What CKAN's clients meet, wired from catalogue and releases: the resources of a dataset, DataStore reading, one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlmodel import col, select

from api.house import House
from auth.actor import Actor
from catalog.assets import asset
from catalog.ckan import listings, shape
from catalog.ckan.actions import Action, Call
from catalog.ckan.errors import CkanError, invalid, not_found
from catalog.ckan.shape import Json
from catalog.ckan.values import loads
from catalog.tables import DatasetRow
from core.errors import InputRefused, NotFound
from core.work import Work
from datasets import datastore
from datasets.releases import access
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState

_FORMS: Final = {
    "parquet": ("PARQUET", "application/vnd.apache.parquet"),
    "csv": ("CSV", "text/csv"),
}
POLICY: Final = "Access denied: datasets, releases and rows are written through review and the quality gate (/datasets, /batches), never through this API"


def actions(house: House) -> Mapping[str, Action]:
    """Every read action by name."""

    def datastore_search(call: Call) -> Rows:
        return _search(house, call)

    def datastore_info(call: Call) -> Json:
        path = _open_table(house, call.work, call, "")
        return {
            "fields": datastore.fields_of(path),
            "meta": {"id": call.wanted(), "size": path.stat().st_size},
        }

    def help_show(call: Call) -> str:
        name = call.wanted("name")
        if name not in known:
            raise not_found("Action name not found")
        return (known[name].__doc__ or name).strip()

    known = {
        **listings.READS,
        "datastore_search": datastore_search,
        "datastore_info": datastore_info,
        "help_show": help_show,
    }
    return known


def resources_for(site: str) -> Any:  # noqa: ANN401 - a function
    """What each record offers: the files of an open release, else the way to apply for it."""

    def resources(work: Work, _actor: Actor, rows: Sequence[DatasetRow]) -> dict[str, list[Json]]:
        wanted = select(ReleaseRow).where(
            col(ReleaseRow.dataset_id).in_([row.id for row in rows]),
            col(ReleaseRow.state) == ReleaseState.PUBLISHED,
        )
        current = {release.dataset_id: release for release in work.db.exec(wanted)}
        return {row.id: _resources(work, row, current.get(row.id), site) for row in rows}

    return resources


def _resources(work: Work, row: DatasetRow, release: ReleaseRow | None, site: str) -> list[Json]:
    if release is None:
        return []
    if access.open_objections(asset(work, row.id)) or release.csv_sha256 is None:
        return [
            shape.resource(
                f"{row.id}-apply", name="申请使用 / Apply for use", form="HTML", url=f"{site}/datasets/{row.id}",
                created=release.published_at, mimetype="text/html", resource_type="documentation",
            )
        ]  # fmt: skip
    facts = {
        "parquet": (release.size_bytes, release.sha256),
        "csv": (release.csv_bytes, release.csv_sha256),
    }
    return [
        shape.resource(
            f"{release.id}-{form}", name=f"{row.title_zh} v{release.number}.{form}", form=label,
            url=f"{site}/api/v1/releases/{release.id}/file?format={form}", created=release.published_at, mimetype=mimetype,
            size=facts[form][0], hash=facts[form][1], hash_algorithm="sha256", datastore_active=True, release=release.number,
        )
        for form, (label, mimetype) in _FORMS.items()
    ]  # fmt: skip


def dataset_of(work: Work, resource_id: str) -> str | None:
    """Whose a resource is."""
    if resource_id.endswith("-apply"):
        return resource_id.removesuffix("-apply")
    release = work.db.get(ReleaseRow, _release_id(resource_id))
    return release.dataset_id if release else None


def _release_id(resource_id: str) -> str:
    return resource_id.removesuffix("-parquet").removesuffix("-csv")


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer that is read once the transaction of the question has ended, so that a long look holds nothing up."""

    read: Callable[[], Json]

    def __call__(self) -> Json:
        return self.read()


def _open_table(house: House, work: Work, call: Call, rows: str) -> Path:
    """The Parquet of a release that anybody may download, refused with every reason otherwise; `rows`: what is put on record."""
    resource_id = call.wanted("resource_id" if call.params.get("resource_id") else "id")
    try:
        parcel = access.open_download(
            work, call.actor, _release_id(resource_id), "parquet", asked_range=rows, note=bool(rows)
        )
    except NotFound:
        raise not_found(f"Resource {resource_id!r} was not found.") from None
    return house.files.path(parcel.sha256)


def _search(house: House, call: Call) -> Rows:
    """Rows of an open release: filters, q, fields, sort, distinct, limit, offset; records_format objects, lists, csv or tsv."""
    _open_table(house, call.work, call, "")
    form = call.text("records_format", "objects")
    if form not in ("objects", "lists", "csv", "tsv"):
        raise invalid(records_format="must be one of: objects, lists, csv, tsv")
    filters = _json(call, "filters", {})
    ask = datastore.Ask(
        filters=filters if isinstance(filters, dict) else {}, words=_json(call, "q", "", plain=True),
        fields=_names(call.params.get("fields")), sort=call.text("sort"),
        distinct=call.yes("distinct"), limit=call.number("limit", 100, datastore.MOST), offset=call.number("offset", 0),
        total=call.text("include_total", "true").lower() != "false",
    )  # fmt: skip
    return Rows(partial(_read_rows, house, call, ask, form))


def _read_rows(house: House, call: Call, ask: datastore.Ask, form: str) -> Json:
    with house.write() as work:  # who read which rows stands on record before the first of them leaves
        path = _open_table(house, work, call, f"rows {ask.offset}+{ask.limit}")
    try:
        found = datastore.read(path, ask, house.settings.memory_limit_mb)
    except InputRefused as refused:
        raise CkanError(
            "Validation Error", fields={str(refused.facts.get("field", "query")): [refused.detail.en]}
        ) from None
    echo = {
        name: call.params[name]
        for name in ("filters", "q", "sort", "fields", "distinct")
        if name in call.params
    }
    return {
        **echo, "resource_id": call.text("resource_id") or call.text("id"), "fields": found.fields, "records_format": form,
        "records": _formed(found, form), "limit": ask.limit, "offset": ask.offset, "include_total": ask.total,
        **({"total": found.total, "total_was_estimated": False} if found.total is not None else {}),
    }  # fmt: skip


def _names(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    if not value:
        return []
    found = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    return [str(each) for each in found]


def _json(call: Call, name: str, default: Any, *, plain: bool = False) -> Any:  # noqa: ANN401 - JSON
    """A parameter that may be JSON text or JSON itself; `plain`: text that is no JSON object stays text."""
    value = call.params.get(name)
    if value in (None, ""):
        return default
    if not isinstance(value, str):
        return value
    try:
        found = loads(value)
    except ValueError:
        if plain:
            return value
        raise invalid(**{name: "Cannot parse JSON"}) from None
    return found if isinstance(found, dict) or not plain else value


def _formed(found: datastore.Rows, form: str) -> Any:  # noqa: ANN401 - JSON
    if form == "objects":
        return found.records
    names = [each["id"] for each in found.fields]
    rows = [[record[name] for name in names] for record in found.records]
    if form == "lists":
        return rows
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, delimiter="," if form == "csv" else "\t", lineterminator="\n").writerows(rows)
    return text.getvalue()
