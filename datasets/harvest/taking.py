"""What was read, taken into the catalogue as foreign records, or only told (dry run); and how a harvest ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from auth import audit
from catalog import codes, imports, regions, service
from catalog.harvest.records import Fault, Record
from catalog.models import DatasetCreate, DatasetFields
from catalog.relations import kinds
from catalog.rules import SERIES
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import AppError
from core.text import Text
from core.work import Work, hold
from datasets.harvest import partners, rules
from datasets.harvest.tables import HarvestedRow, HarvestItemRow, HarvestRunRow, HarvestSourceRow
from datasets.harvest.workflow import Result, RunState

GONE_REASON: Final = "来源目录已不再列出此记录 / its own catalogue lists this record no more"


def take(work: Work, run_id: str, start: int, found: Sequence[Record | Fault]) -> None:
    """Some records of a harvest, numbered from `start`. What an earlier try has written is left as it is; one bad record stops none."""
    run, source = _open(work, run_id)
    if run.state != RunState.RUNNING:
        return
    places = range(start, start + len(found))
    wanted = select(HarvestItemRow.place).where(
        HarvestItemRow.run_id == run_id, col(HarvestItemRow.place).in_(list(places))
    )
    done = set(work.db.exec(wanted))
    for place, each in zip(places, found, strict=True):
        if place in done:
            continue
        if isinstance(each, Fault):
            work.db.add(_item(run_id, place, each.where, "", Result.FAILED, why=each.why))
            continue
        try:
            with work.db.begin_nested():
                item = _one(work, run, source, place, each)
                work.db.add(item)
        except (AppError, ValidationError, DBAPIError, ValueError) as fault:
            why = (
                fault.detail
                if isinstance(fault, AppError)
                else Text(f"不能写入：{_said(fault)}", f"It cannot be stored: {_said(fault)}")
            )
            work.db.add(_item(run_id, place, each.identifier, each.title, Result.FAILED, why=why))
    work.db.flush()


def _one(
    work: Work, run: HarvestRunRow, source: HarvestSourceRow, place: int, record: Record
) -> HarvestItemRow:
    key = rules.key_of(record.identifier)
    twice = select(HarvestItemRow.place).where(HarvestItemRow.run_id == run.id, HarvestItemRow.key == key)
    if work.db.exec(twice).first() is not None:
        why = Text("同一标识在此次采集中已出现。", "The same identifier came before in this harvest.")
        return _item(run.id, place, record.identifier, record.title, Result.FAILED, why=why)
    lives = select(HarvestedRow).where(HarvestedRow.source_id == source.id, HarvestedRow.key == key)
    last = work.db.exec(lives.order_by(col(HarvestedRow.generation).desc())).first()
    known = last if last and not last.is_gone else None
    held = work.db.get(DatasetRow, known.dataset_id) if known else None
    is_withdrawn = held is not None and held.state == State.WITHDRAWN
    result = rules.result_of(known.digest if known else None, record.digest(), is_withdrawn=is_withdrawn)
    data = record.as_data()
    changes = rules.difference(known.record, data) if known and result is Result.CHANGED else None
    generation = known.generation if known else last.generation + 1 if last else 1
    dataset_id = rules.dataset_id_of(source.id, key, generation)
    if not run.is_dry and result in (Result.CREATED, Result.CHANGED):
        _write(work, source, dataset_id, record, is_new=known is None)
        row = known or HarvestedRow(
            dataset_id=dataset_id,
            source_id=source.id,
            key=key,
            identifier=record.identifier,
            generation=generation,
            digest="",
            record={},
        )
        row.digest, row.record = record.digest(), data
        work.db.add(row)
    held_back = (
        Text(
            "此记录已在本平台撤回，采集不会恢复它。",
            "The record was withdrawn here; a harvest does not bring it back.",
        )
        if result is Result.HELD
        else None
    )
    shown = dataset_id if known or not run.is_dry else None
    return _item(
        run.id,
        place,
        record.identifier,
        record.title,
        result,
        dataset_id=shown,
        why=held_back,
        changes=changes,
    )


def _write(work: Work, source: HarvestSourceRow, dataset_id: str, record: Record, *, is_new: bool) -> None:
    foreign_from = record.page or source.config["url"]
    actor, fields = partners.actor_of(source), _fields(record) | _said_of(source, record, foreign_from)
    stated = _relations(source, record)
    if is_new:
        body = DatasetCreate.model_validate(
            fields | {"resource_code": dataset_id, "publisher": source.org_id}
        )
        row = service.take_foreign(work, actor, body, foreign_from, stated)
    else:
        checked = DatasetFields.model_validate(fields)
        row = service.renew_foreign(
            work,
            actor,
            dataset_id,
            {name: getattr(checked, name) for name in fields} | {"relations": stated},
            foreign_from,
        )
    imports.keep(work, actor, row, dataset_id.lower(), _document(source, record, dataset_id), is_import=False)


def _fields(record: Record) -> dict[str, Any]:
    """Descriptive fields only: a foreign catalogue never says how open, how sensitive or how to be used our data are."""
    known = codes.load("file_format").codes
    forms = [each.form.lower() for each in record.links]
    return {
        "title_zh": record.title_zh, "title_en": record.title_en, "description_zh": record.description_zh,
        "description_en": record.description_en, "keywords": [word for word in record.keywords if not word.isascii()],
        "keywords_en": [word for word in record.keywords if word.isascii()], "spatial": record.spatial,
        "spatial_codes": regions.matched(record.spatial),
        "formats": [form for form in dict.fromkeys(forms) if form in known], "record_type": SERIES if record.is_series else "",
    }  # fmt: skip


def _relations(source: HarvestSourceRow, record: Record) -> list[str]:
    """What it states of others of the same catalogue, by the codes that they have here or will have. An address that is none of its
    records leads to nothing and is never shown."""
    own = rules.dataset_id_of(source.id, rules.key_of(record.identifier), 1)
    found = [
        kinds.written(kind, rules.dataset_id_of(source.id, rules.key_of(other), 1))
        for kind, other in record.relations
    ]
    return [each for each in dict.fromkeys(found) if not each.endswith(f":{own}")]


def _said_of(source: HarvestSourceRow, record: Record, foreign_from: str) -> dict[str, str]:
    """The mark that every outside form carries as provenance."""
    by, by_en = (
        (f"，原提供方：{record.publisher}", f"; published there by {record.publisher}")
        if record.publisher
        else ("", "")
    )
    return {
        "lineage": f"外来记录：采集自“{source.title}”（{foreign_from}）{by}。文件不由本平台提供。",
        "lineage_en": f"Foreign record: harvested from “{source.title}” ({foreign_from}){by_en}. Its files are not given here.",
    }


def _document(source: HarvestSourceRow, record: Record, dataset_id: str) -> dict[str, Any]:
    """What CKAN clients are told besides, under the keys that CKAN's own harvester uses. Links are named by the record here, since two
    sources may have records of the same identifier."""
    extras = {
        "guid": record.identifier, "harvest_source_id": source.id, "harvest_source_title": source.title,
        "harvest_source_url": source.config["url"], "harvest_publisher": record.publisher, "harvest_licence": record.licence,
        "harvest_modified": record.modified,
    }  # fmt: skip
    return {
        "url": record.page, "author": record.publisher,
        "extras": [{"key": key, "value": value} for key, value in extras.items() if value],
        "resources": [
            {"id": f"{dataset_id.lower()}-{n}", "name": each.title, "url": each.url, "format": each.form}
            for n, each in enumerate(record.links)
        ],
    }  # fmt: skip


def close(work: Work, run_id: str, pages: dict[str, Any], *, is_unchanged: bool) -> dict[str, Any]:
    """The end: records that the source lists no more become tombstones, the counts are written, the run is closed.

    pages: what each page of the source is asked with the next time. While something failed or was held, the same bytes are
    looked through again.
    """
    run, source = _open(work, run_id)
    if run.state == RunState.RUNNING:
        said = (
            Text("来源报告内容未变（304）。", "The source says that nothing has changed (304).")
            if is_unchanged
            else _let_go(work, run, source)
        )
        counted = (
            select(HarvestItemRow.result, func.count())
            .where(HarvestItemRow.run_id == run.id)
            .group_by(HarvestItemRow.result)
        )
        run.counts = {str(result): number for result, number in work.db.exec(counted)}
        run.state, run.said, run.ended_at = (
            RunState.UNCHANGED if is_unchanged else RunState.DONE,
            {"zh": said.zh, "en": said.en},
            work.now,
        )
        if not run.is_dry:
            is_settled = is_unchanged or not run.counts.keys() & {Result.FAILED, Result.HELD}
            source.memory, source.failures = {"pages": pages, "settled": is_settled}, 0
        source.open_run = None
        work.db.add_all([run, source])
        audit.record(
            work,
            partners.actor_of(source),
            "harvest.ended",
            subject=source.id,
            payload={"run": run.id, "dry": run.is_dry, "counts": run.counts},
        )
    return {"run_id": run.id, "state": run.state, "counts": run.counts}


def _let_go(work: Work, run: HarvestRunRow, source: HarvestSourceRow) -> Text:
    alive = list(
        work.db.exec(
            select(HarvestedRow).where(
                HarvestedRow.source_id == source.id, col(HarvestedRow.is_gone).is_(False)
            )
        )
    )
    seen = set(work.db.exec(select(HarvestItemRow.key).where(HarvestItemRow.run_id == run.id)))
    missing = [row for row in alive if row.key not in seen]
    may = run.lets_go or rules.may_let_go(len(alive), len(missing))
    held = Text(
        "一次消失的记录过多，未删除；确认属实后请以“允许删除”再次采集。",
        "Too many records vanished at once, so none was deleted; if it is true, harvest again and allow it.",
    )
    place = (
        work.db.exec(select(func.max(HarvestItemRow.place)).where(HarvestItemRow.run_id == run.id)).one() or 0
    )
    for row in missing:
        place += 1
        if may and not run.is_dry:
            kept = work.db.get(DatasetRow, row.dataset_id)
            if kept is not None and kept.state != State.WITHDRAWN:
                service.withdraw(work, partners.actor_of(source), row.dataset_id, GONE_REASON)
                audit.record(
                    work,
                    partners.actor_of(source),
                    "dataset.harvest_gone",
                    subject=row.dataset_id,
                    dataset_id=row.dataset_id,
                    payload={"run": run.id},
                )
            row.is_gone = True
            work.db.add(row)
        title = str(row.record.get("title_zh") or row.record.get("title_en") or "")
        result = Result.GONE if may else Result.HELD
        work.db.add(
            _item(
                run.id,
                place,
                row.identifier,
                title,
                result,
                dataset_id=row.dataset_id,
                why=None if may else held,
            )
        )
    work.db.flush()
    return held if missing and not may else Text("采集完成。", "The harvest is complete.")


def fail(work: Work, run_id: str, why: Text) -> None:
    """The harvest broke off: what was taken stays, nothing is deleted, and it is tried again later or paused."""
    run, source = _open(work, run_id)
    if run.state != RunState.RUNNING:
        return
    run.state, run.said, run.ended_at = RunState.FAILED, {"zh": why.zh, "en": why.en}, work.now
    counted = (
        select(HarvestItemRow.result, func.count())
        .where(HarvestItemRow.run_id == run.id)
        .group_by(HarvestItemRow.result)
    )
    run.counts = {str(result): number for result, number in work.db.exec(counted)}
    source.open_run = None
    if not run.is_dry:
        partners.failed(source, work.now, retries=source.due_at is not None)
    work.db.add_all([run, source])
    audit.record(
        work,
        partners.actor_of(source),
        "harvest.ended",
        subject=source.id,
        payload={"run": run.id, "dry": run.is_dry, "failed": why.en},
    )


def _open(work: Work, run_id: str) -> tuple[HarvestRunRow, HarvestSourceRow]:
    run = work.db.get_one(HarvestRunRow, run_id)
    hold(work, f"harvest/{run.source_id}")
    work.db.refresh(run)
    return run, work.db.get_one(HarvestSourceRow, run.source_id)


def _item(
    run_id: str, place: int, identifier: str, title: str, result: Result, *, dataset_id: str | None = None,
    why: Text | None = None, changes: dict[str, Any] | None = None,
) -> HarvestItemRow:  # fmt: skip
    return HarvestItemRow(
        run_id=run_id, place=place, key=rules.key_of(identifier), identifier=identifier[:1000], title=title[:300], result=result,
        dataset_id=dataset_id, why={"zh": why.zh, "en": why.en} if why else None, changes=changes,
    )  # fmt: skip


def _said(fault: Exception) -> str:
    return str(fault.errors()[0]["msg"]) if isinstance(fault, ValidationError) else type(fault).__name__
