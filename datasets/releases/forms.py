"""Open data in further forms: made in the worker the first time that somebody asks, kept while the release is, the same bytes for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlmodel import select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.policy.model import ColumnTerm, DeliveryForm, Use
from core import jobs
from core.errors import AccessRefused, Reason, TooMany
from core.text import Text
from core.work import Work, hold
from datasets.formats.kinds import KINDS, Kind
from datasets.releases.tables import OpenFileRow, ReleaseRow

JOB: Final = "release.form"
FORMS: Final[Mapping[str, DeliveryForm]] = {
    "csv-gb18030": DeliveryForm.EXTRACT_CSV_GB18030,
    "xlsx": DeliveryForm.EXTRACT_XLSX,
    "jsonl": DeliveryForm.EXTRACT_JSONL,
    "geojson": DeliveryForm.EXTRACT_GEOJSON,
}
MOST_ROWS: Final[Mapping[str, int]] = {
    "geojson": 5_000_000
}  # one document, which nobody reads line by line; a sheet has its own limit
BUILDING, READY, FAILED = "building", "ready", "failed"
_BASIS: Final = "开放数据的文件形式（docs/releases.md）· forms of open data (docs/releases.md)"


def kind(form: str) -> Kind:
    return KINDS[FORMS[form]]


def filename(row: ReleaseRow, form: str) -> str:
    mark = "-gb18030" if form == "csv-gb18030" else ""
    return f"{row.dataset_id}-v{row.number}{mark}.{kind(form).ending}"


def terms(row: ReleaseRow) -> tuple[ColumnTerm, ...]:
    """Every column as it is: what is open is open whole."""
    return tuple(ColumnTerm(name=str(column["name"]), use=Use.PLAIN) for column in row.columns)


def offered(row: ReleaseRow) -> list[str]:
    """The forms that its page offers: GeoJSON only where a column may hold shapes."""
    has_shapes = any(str(column.get("type", "")).endswith("binary") for column in row.columns)
    return [form for form in FORMS if form != "geojson" or has_shapes]


def objections(row: ReleaseRow, form: str, path: Path) -> tuple[Reason, ...]:
    """Why the release cannot be had in that form; () when it can. Reads the file's footer alone."""
    from datasets.formats.fitting import misfits

    rows = row.rows or 0
    if rows > (most := MOST_ROWS.get(form, rows)):
        text = Text(
            f"该形式至多 {most:,} 行，本版本有 {rows:,} 行；Parquet、CSV（含 GB18030）与 JSON Lines 没有行数上限，请下载其中之一。",
            f"This form is made of {most:,} rows at most, the release has {rows:,}; Parquet, CSV (GB18030 too) and JSON lines have no limit: take one of them.",
        )
        return (Reason("too-many-rows-for-form", text, _BASIS, {"rows": str(rows)}),)
    return misfits(FORMS[form], path, terms(row), lambda: rows)


def row_of(work: Work, release_id: str, form: str) -> OpenFileRow | None:
    return work.db.get(OpenFileRow, _id(release_id, form), populate_existing=True)


def of_release(work: Work, release_id: str) -> dict[str, OpenFileRow]:
    """What was asked for, by form."""
    found = work.db.exec(select(OpenFileRow).where(OpenFileRow.release_id == release_id))
    return {each.form: each for each in found}


def _id(release_id: str, form: str) -> str:
    return f"{release_id}.{form}"


def want(work: Work, actor: Actor, release: ReleaseRow, form: str) -> OpenFileRow:
    """The file in that form, asked for where it is not there; once, whoever asks. What may be taken is decided elsewhere."""
    hold(work, f"open-file:{_id(release.id, form)}")
    row = row_of(work, release.id, form)
    if row is not None:
        return row
    row = OpenFileRow(
        id=_id(release.id, form), release_id=release.id, form=form, state=BUILDING, requested_at=work.now
    )
    row.job_id = jobs.ask_for(
        work, JOB, row.id, requested_by=SYSTEM.account_id, org_id=release.org_id, payload={"open_file_id": row.id}
    )  # fmt: skip
    work.db.add(row)
    audit.record(
        work, actor, "release.form_asked", subject=release.id, payload={"format": form, "number": release.number}, dataset_id=release.dataset_id
    )  # fmt: skip
    work.db.flush()
    return row


def not_there(row: OpenFileRow) -> TooMany | AccessRefused:
    """What somebody hears who takes it before it is made, or where it cannot be made."""
    if row.state == FAILED:
        text = Text(row.failed_zh, row.failed_en)
        return AccessRefused(text, reasons=[Reason("form-cannot-hold-it", text, _BASIS)])
    return TooMany(
        Text(
            "正在生成该形式的文件，请稍后再下载。",
            "The file is being made in this form; download it shortly.",
        ),
        job_id=row.job_id,
    )


def making(work: Work, key: str) -> tuple[OpenFileRow, ReleaseRow] | None:
    """What the worker is to make; None when there is nothing to make."""
    row = work.db.get(OpenFileRow, key, populate_existing=True)
    if row is None or row.state != BUILDING:
        return None
    release = work.db.get(ReleaseRow, row.release_id)
    return (row, release) if release is not None and release.sha256 else None


def finish(work: Work, key: str, *, sha256: str, size_bytes: int) -> None:
    """The file is in the store. Twice is once."""
    found = making(work, key)
    if found is None:
        return
    row, release = found
    row.sha256, row.size_bytes, row.state, row.made_at = sha256, size_bytes, READY, work.now
    work.db.add(row)
    audit.record(
        work, SYSTEM, "release.form_made", subject=release.id, dataset_id=release.dataset_id,
        payload={"format": row.form, "sha256": sha256, "number": release.number},
    )  # fmt: skip


def give_up(work: Work, key: str, why: Text) -> None:
    """The file will not come in this form; say why."""
    row = work.db.get(OpenFileRow, key, populate_existing=True)
    if row is not None and row.state == BUILDING:
        row.state, row.failed_zh, row.failed_en = FAILED, why.zh, why.en
        work.db.add(row)


def forget(work: Work, release_id: str) -> list[str]:
    """Let go of the files of a release that is retired; their digests, which nothing else cites then."""
    found = work.db.exec(select(OpenFileRow).where(OpenFileRow.release_id == release_id)).all()
    for row in found:
        work.db.delete(row)
    return [row.sha256 for row in found if row.sha256]
