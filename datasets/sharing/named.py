"""Granted tables as CKAN's clients name them: which grant a resource id means for the one who asks, and what records offer him.

    GRANT-vN        the grant's view of release N; such ids are listed, and never change what they mean
    GRANT           its view of the current release
    DATASET-apply, RELEASE, RELEASE-parquet, RELEASE-csv     the caller's only grant on that dataset

Grants are never added together, so where several fit, one must be named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants.tables import GrantRow
from auth.scope import sight
from catalog.ckan import shape
from catalog.ckan.shape import Json
from catalog.tables import DatasetRow
from core.errors import InputRefused, NotFound
from core.ids import GrantId
from core.text import Text, number_of
from core.work import Work
from datasets.releases import queries as releases
from datasets.releases.tables import ReleaseRow
from datasets.sharing import service

_GRANTED: Final = re.compile(r"([0-9a-f-]{36})(?:-v([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Named:
    """A granted table. `release_id`: None = the current release."""

    grant_id: GrantId
    release_id: str | None


def table_id(grant_id: str, number: int) -> str:
    """The resource id of a grant's view of one release."""
    return f"{grant_id}-v{number}"


def by_grant(work: Work, actor: Actor, resource_id: str) -> Named | None:
    """The table that the id names by its grant; None when it names none that the actor may read under."""
    if (found := _GRANTED.fullmatch(resource_id)) is None:
        return None
    try:
        row = service.of_own_organisation(work, actor, GrantId(found[1]))
    except NotFound:
        return None
    if found[2] is None:
        return Named(GrantId(row.id), None)
    numbered = (each for each in releases.releases_of(work, row.dataset_id) if each.number == int(found[2]))
    release = next(numbered, None)
    return None if release is None else Named(GrantId(row.id), release.id)


def by_dataset(work: Work, actor: Actor, dataset_id: str, release_id: str | None) -> Named | None:
    """The table of the actor's only grant on a dataset; None without one. InputRefused where one of several is to be named."""
    held = [row for row in _held(work, actor) if row.dataset_id == dataset_id]
    fits = [row for row in held if service.FORM in grant_queries.forms_of(row)] or held
    if len(fits) > 1:
        named = ", ".join(row.id for row in fits)
        raise InputRefused(
            Text(
                f"您对该数据集有 {len(fits)} 项授权，授权之间不合并；请以 resource_id 指明其一：{named}。",
                f"You hold {number_of(len(fits), 'grants')} on this dataset, and grants are never added together; name one as resource_id: {named}.",
            ),
            field="resource_id",
        )
    return Named(GrantId(fits[0].id), release_id) if fits else None


def owner_of(work: Work, resource_id: str) -> str | None:
    """The dataset of a resource id that begins with a grant, whoever asks."""
    found = _GRANTED.fullmatch(resource_id)
    row = work.db.get(GrantRow, found[1]) if found else None
    return row.dataset_id if row else None


def offered(work: Work, actor: Actor, rows: Sequence[DatasetRow], site: str) -> dict[str, list[Json]]:
    """By dataset: the tables that the actor's grants let him read, as CKAN shows resources. Nothing for visitors."""
    titles: dict[str, str] = {row.id: row.title_zh for row in rows}
    found: dict[str, list[Json]] = {}
    for grant in _held(work, actor):
        if grant.dataset_id not in titles or service.FORM not in grant_queries.forms_of(grant):
            continue
        if (release := _release(work, grant)) is not None:
            found.setdefault(grant.dataset_id, []).append(_resource(grant, release, titles[release.dataset_id], site))  # fmt: skip
    return found


def _release(work: Work, grant: GrantRow) -> ReleaseRow | None:
    """The release that the grant reads now."""
    pinned = grant_queries.view_of(work, grant).policy.pinned_release
    found = releases.under(work, grant.dataset_id, pinned)
    return None if found is None else work.db.get(ReleaseRow, found.id)


def _held(work: Work, actor: Actor) -> list[GrantRow]:
    if not actor.is_signed_in or not sight(actor, service.PERMISSION).orgs:
        return []
    return service.grants_of(work, actor)


def _resource(grant: GrantRow, release: ReleaseRow, title: str, site: str) -> Json:
    key = table_id(grant.id, release.number)
    return shape.resource(
        key, name=f"{title} v{release.number}（授权 / granted）", form="CSV", url=f"{site}/datastore/dump/{key}",
        created=release.published_at, mimetype="text/csv", datastore_active=True, release=release.number,
        description="授权视图的行，须随请求发送接口密钥 / Rows of the grant's own view; send an API key with the request",
    )  # fmt: skip
