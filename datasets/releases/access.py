"""Who may take a release without a grant: everybody, when the data are open without condition; nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from auth import audit
from auth.actor import Actor
from auth.asset import Asset
from auth.incidents import freezes
from catalog.assets import asset
from catalog.use import service as use
from catalog.use.rules import Kind
from core import bases
from core.errors import AccessRefused, InputRefused, NotFound, Reason
from core.text import Text
from core.work import Work
from datasets.releases import forms, queries
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC, ReleaseState

Form = Literal["parquet", "csv", "csv-gb18030", "xlsx", "jsonl", "geojson"]
OPEN_LEVEL: Final = 1
_OPEN: Final = "U"
_TYPES: Final[dict[str, str]] = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file that may be sent now."""

    sha256: str
    filename: str
    media_type: str


def open_objections(held: Asset) -> tuple[Reason, ...]:
    """Every reason why the dataset is not free for all; () when it is."""
    found = []
    if held.open_type != _OPEN:
        text = Text(
            f"{held.dataset_id} 不是无条件开放的数据；请在其数据集页面提交授权申请。",
            f"{held.dataset_id} is not open without condition; apply for a grant on its dataset page.",
        )
        found.append(
            Reason(
                "not-open-unconditionally", text, "open type of the record: only U is open to all", _way(held)
            )
        )
    if held.level > OPEN_LEVEL or any(column.level > OPEN_LEVEL for column in held.columns):
        text = Text(
            f"{held.dataset_id} 含分级高于 {OPEN_LEVEL} 级的数据；请提交授权申请。",
            f"{held.dataset_id} holds data above level {OPEN_LEVEL}; apply for a grant.",
        )
        found.append(
            Reason("level-too-high", text, "level × delivery form (auth/policy/delivery.json)", _way(held))
        )
    return tuple(found)


def _way(held: Asset) -> dict[str, object]:
    return {"apply_at": f"/applications/new?dataset={held.dataset_id}"}


def _values_of(row: ReleaseRow) -> list[str]:
    """The columns whose values a release holds; of points, the columns that they were made of."""
    return [name for each in row.columns for name in each.get("derived_from", [each["name"]])]


def open_refusals(work: Work, row: ReleaseRow) -> tuple[Reason, ...]:
    """Every reason why this release may not be taken by everybody at this instant; () when it may."""
    held = asset(work, row.dataset_id)
    found = list(open_objections(held))
    is_open_now = not found
    if strangers := [name for name in _values_of(row) if held.column(name) is None]:
        text = Text(
            f"该版本含数据字典已不再描述的列：{'、'.join(strangers[:20])}；未定级的列不开放。",
            f"This release holds columns that the dictionary no longer describes: {', '.join(strangers[:20])}; what has no level is not open.",
        )
        found.append(Reason("columns-not-in-dictionary", text, "R25 (GB/T 43697)", _way(held)))
    found += freezes.reasons(work, orgs=[held.org_id], dataset_id=held.dataset_id)
    if not held.is_published:
        text = Text(
            "该数据集的记录未发布或已撤回。", "The dataset's record is not published, or was withdrawn."
        )
        found.append(Reason("record-not-published", text, bases.UNVALIDATED))
    if is_open_now and row.sha256 is not None and row.csv_sha256 is None:
        text = Text(
            "该版本发布时数据集尚未无条件开放；须再发布一版（由第二人复核）后方可公开下载。",
            "The dataset was not open when this release was made; it takes a new release, looked at by a second person, to open it.",
        )
        found.append(Reason("released-before-opening", text, bases.TWO_PEOPLE, _way(held)))
    if not queries.is_deliverable(row):
        text = Text("该版本未发布或已撤回。", "This release is not published, or was withdrawn.")
        found.append(Reason("release-not-published", text, bases.UNVALIDATED))
    return tuple(found)


def open_download(
    work: Work,
    actor: Actor,
    release_id: str,
    form: Form,
    *,
    asked_range: str,
    note: bool,
    partition: str = "",
    counts_as: Callable[[str, int | None], Kind | None] = lambda _sha256, _size_bytes: None,
) -> Parcel:
    """Decide on one open download and write it down before the first byte leaves (`note`; not for a mere HEAD).

    counts_as: which number of use it adds to, by the file's digest and size where that is known; what people look at on a page is no download.
    partition: the value of one period (`2026-03`) instead of the whole; NotFound when the release has no such part.
    """
    row = open_to_all(work, actor, release_id)
    if partition and form != "parquet":
        raise InputRefused(
            Text("分区只有 Parquet 形式。", "Parts are Parquet alone; leave `format` out."), field="format"
        )
    made = forms.row_of(work, row.id, form) if form in forms.FORMS else None
    if form in forms.FORMS and (made is None or made.sha256 is None):
        raise forms.not_there(made) if made else _unasked(form)
    sha256 = (
        _part(row, partition)
        if partition
        else made.sha256
        if made
        else row.sha256
        if form == "parquet"
        else row.csv_sha256
    )
    assert sha256 is not None  # noqa: S101 - without both files it is refused above
    if note:
        payload = {"format": form, "sha256": sha256, "range": asked_range, "number": row.number}
        payload |= {"partition": partition} if partition else {}
        size_bytes = row.size_bytes if form == "parquet" and not partition else None
        counted = counts_as(sha256, size_bytes)
        payload |= {"use": counted} if counted else {}
        audit.record(
            work, actor, "release.downloaded", subject=row.id, payload=payload, dataset_id=row.dataset_id
        )
        if counted:
            use.count(work, row.dataset_id, counted, release_id=row.id)
    if partition:
        return Parcel(sha256, f"{row.dataset_id}-v{row.number}-{partition}.parquet", _TYPES["parquet"])
    if made:
        return Parcel(sha256, forms.filename(row, form), forms.kind(form).media_type)
    return Parcel(sha256, f"{row.dataset_id}-v{row.number}.{form}", _TYPES[form])


def open_to_all(work: Work, actor: Actor, release_id: str) -> ReleaseRow:
    """A release whose data everybody may take at this instant. AccessRefused with every reason; NotFound; Gone."""
    row = queries.seen(work, actor, release_id)
    if row.state in (ReleaseState.WITHDRAWN, ReleaseState.RETIRED):
        raise queries.tombstone(row)
    if reasons := open_refusals(work, row):
        text = Text("；".join(each.text.zh for each in reasons), " ".join(each.text.en for each in reasons))
        raise AccessRefused(text, reasons=reasons)
    return row


def _unasked(form: str) -> NotFound:
    return NotFound(
        Text(
            f"{form} 形式尚未生成；请先请求生成。", f"The file was not made as {form} yet; ask for it first."
        )
    )


def _part(row: ReleaseRow, value: str) -> str:
    """The digest of one part."""
    for part in (row.partitions or {"files": []})["files"]:
        if part["value"] == value:
            return str(part["sha256"])
    raise NotFound(
        Text(
            f"该版本没有分区 {value}；分区列表见版本页或清单。",
            f"The release has no part {value}; its page and manifest list them.",
        )
    )


def may_flow(work: Work, release_id: str) -> bool:
    """Whether bytes of an open download may begin, or go on, flowing at this instant."""
    row = work.db.get(ReleaseRow, release_id)
    return row is not None and not open_refusals(work, row)


def manifest(work: Work, actor: Actor, release_id: str) -> str:
    """The digest of the manifest, for whoever may see the release. Gone when withdrawn, for outsiders."""
    row = queries.shown(work, actor, release_id)
    if row.manifest_sha256 is None or row.state not in PUBLIC:
        raise NotFound(Text("该版本还没有清单。", "This release has no manifest yet."))
    return row.manifest_sha256
