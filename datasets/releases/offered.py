"""What each record offers to whom we cannot see: the files of an open release, else the way to apply for it. In CKAN's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam
from sqlmodel import col, select

from auth.actor import Actor
from catalog.assets import asset
from catalog.ckan import shape
from catalog.ckan.shape import Json
from catalog.tables import DatasetRow
from core.work import Work
from datasets.releases import access
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState

_FORMS: Final = {
    "parquet": ("PARQUET", "application/vnd.apache.parquet"),
    "csv": ("CSV", "text/csv"),
}

_CURRENT: Final = select(ReleaseRow).where(
    col(ReleaseRow.dataset_id).in_(bindparam("ids", expanding=True)),
    col(ReleaseRow.state) == ReleaseState.PUBLISHED,
)


def resources_for(site: str) -> Callable[[Work, Actor, Sequence[DatasetRow]], Mapping[str, list[Json]]]:
    """What each record offers: the files of an open release, else the way to apply for it."""

    def resources(work: Work, _actor: Actor, rows: Sequence[DatasetRow]) -> dict[str, list[Json]]:
        found = work.db.exec(_CURRENT, params={"ids": [row.id for row in rows]})
        current = {release.dataset_id: release for release in found}
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
