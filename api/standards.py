"""Records as outside forms, wired from catalogue and releases; and how such a document is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import Request, Response
from sqlmodel import col, select

from auth.actor import ANYONE, Actor
from auth.identity.tables import OrganisationRow
from catalog import queries
from catalog.relations import service as relations
from catalog.reuses import service as reuses
from catalog.standards.entry import Entry, File, Publisher, Release, Reuse
from catalog.tables import DatasetRow
from core.text import Text
from core.work import Work
from datasets.releases import access
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState

_AT_ONCE: Final = 500
_CURRENT: Final = select(ReleaseRow).where(col(ReleaseRow.state) == ReleaseState.PUBLISHED)


def entry(work: Work, actor: Actor, dataset_id: str, site: str) -> Entry:
    """One record within the actor's sight. Raises NotFound, or Gone with its tombstone."""
    return entries(work, [queries.dataset(work, actor, dataset_id)], site)[0]


def entries(work: Work, rows: Sequence[DatasetRow], site: str) -> list[Entry]:
    """Several records at once, in their order."""
    ids = [row.id for row in rows]
    columns = queries.columns_of(work, ids)
    releases = {
        release.dataset_id: release
        for at in range(0, len(ids), _AT_ONCE)
        for release in work.db.exec(_CURRENT.where(col(ReleaseRow.dataset_id).in_(ids[at : at + _AT_ONCE])))
    }
    departments = select(OrganisationRow).where(col(OrganisationRow.id).in_({row.publisher for row in rows}))
    codes = {org.id: org.credit_code for org in work.db.exec(departments)}
    related = relations.of(work, ANYONE, ids)
    named = relations.in_sight(work, ANYONE, rows)
    made_of = reuses.shown(work, ids)
    return [
        Entry(
            row=row, relations=related.get(row.id, ()), named=named[row.id], columns=tuple(columns.get(row.id, ())), release=_release(releases.get(row.id)),
            publisher=Publisher(row.publisher, Text(row.publisher_zh, row.publisher_en), codes.get(row.publisher)),
            files=_files(work, row, releases.get(row.id), site), site=site,
            reuses=tuple(
                Reuse(each.id, each.kind, each.title, each.summary, each.made_by, each.url) for each in made_of.get(row.id, ())
            ),
        )
        for row in rows
    ]  # fmt: skip


def _release(row: ReleaseRow | None) -> Release | None:
    if row is None or row.published_at is None:
        return None
    return Release(row.id, row.number, row.semver or f"1.0.{row.number - 1}", row.published_at, row.rows or 0)


def _files(work: Work, row: DatasetRow, release: ReleaseRow | None, site: str) -> tuple[File, ...]:
    """What the open download would give now; nothing that it would refuse."""
    if release is None or row.state != "published" or access.open_refusals(work, release):
        return ()
    found = {
        "parquet": (release.sha256, release.size_bytes),
        "csv": (release.csv_sha256, release.csv_bytes),
    }
    return tuple(
        File(f"{release.id}-{form}", form, f"{site}/api/v1/releases/{release.id}/file?format={form}", size or 0, sha256)
        for form, (sha256, size) in found.items()
        if sha256
    )  # fmt: skip


def public_rows(work: Work, *, offset: int, limit: int) -> tuple[list[DatasetRow], int]:
    """Published records that everybody may know of, in a settled order, and how many there are."""
    from sqlalchemy import func

    condition = (col(DatasetRow.state) == "published", queries.visible(ANYONE))
    total = work.db.exec(select(func.count()).select_from(DatasetRow).where(*condition)).one()
    wanted = select(DatasetRow).where(*condition).order_by(col(DatasetRow.id)).offset(offset).limit(limit)
    return list(work.db.exec(wanted)), total


def public_pages(work: Work, size: int) -> Iterator[list[DatasetRow]]:
    """All of them, some at a time, so that a catalogue of any size takes the memory of one page."""
    condition = (col(DatasetRow.state) == "published", queries.visible(ANYONE))
    wanted = select(DatasetRow).where(*condition).order_by(col(DatasetRow.id)).limit(size)
    rows = list(work.db.exec(wanted))
    while rows:
        last = rows[-1].id
        yield rows
        rows = list(work.db.exec(wanted.where(col(DatasetRow.id) > last))) if len(rows) == size else []


def answer(
    request: Request, body: bytes, media_type: str, *, filename: str | None = None, is_public: bool = True
) -> Response:
    """A document with its digest as ETag, 304 where the reader has it, open to pages of other sites when public."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = headers_of(tag, is_public=is_public)
    if filename:
        headers["Content-Disposition"] = f'inline; filename="{filename}"'
    if holds(request, tag):
        return Response(status_code=304, headers=headers)
    text = media_type.startswith("text/") or media_type.endswith(("xml", "json"))
    return Response(body, headers=headers, media_type=f"{media_type}; charset=utf-8" if text else media_type)


def headers_of(tag: str, *, is_public: bool = True) -> dict[str, str]:
    """What stands above a document with this entity tag."""
    headers = {"ETag": tag, "Cache-Control": "public, no-cache" if is_public else "private, no-cache"}
    headers["Vary"] = "Accept, Cookie, Authorization"
    if is_public:
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = "ETag, Content-Disposition"
    return headers


def holds(request: Request, tag: str) -> bool:
    """Whether the reader says that he has what bears this tag."""
    seen = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in seen or "*" in seen
