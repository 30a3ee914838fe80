"""Handing in, confirming, rejecting, reading again. The bytes are in the store before any of this runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset
from catalog import queries as catalogue
from catalog.assets import asset
from catalog.rules import SERIES
from core import bases, jobs
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason, Stale, refuse_if
from core.files import StoredFile
from core.text import Text
from core.work import Work, hold
from datasets import gate
from datasets.batches import queries, rules, scanning
from datasets.batches.models import BatchRead, IntakeOptions
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import MOVES, BatchState, BatchStep, advance, open_steps
from datasets.intake.guesses import Guess, doubts
from datasets.people import stamp
from datasets.tickets import following as tickets
from datasets.waivers.cover import lasting, publish_objections

SUBMIT: Final = "datasets:batch:submit"
CHECK: Final = "batch.check"
_CLOSED: Final = frozenset({BatchState.RELEASED, BatchState.REJECTED, BatchState.SUPERSEDED})


def may_submit(work: Work, actor: Actor, dataset_id: str) -> Asset:
    """The dataset, if the actor may hand in for it; asked before a single byte is read. Raises NotFound."""
    try:
        found = asset(work, dataset_id)
    except NotFound:
        found = None  # the same words as for a dataset of others: a hidden draft must not show
    if found is None or not actor.may_in(SUBMIT, found.org_id):
        raise NotFound(
            Text(
                f"没有可由您提交数据的数据集 {dataset_id}；请核对资源代码。",
                f"There is no dataset {dataset_id} that you may hand in for; check the resource code.",
            )
        )
    if catalogue.by_id(work, dataset_id).foreign_from:
        raise Conflict(
            Text(
                f"记录 {dataset_id} 采集自外部目录，其文件不归本平台；不能为它提交数据。",
                f"Record {dataset_id} is harvested from another catalogue and its files are not ours; nothing is handed in for it.",
            )
        )
    if catalogue.by_id(work, dataset_id).record_type == SERIES:
        raise Conflict(
            Text(
                f"{dataset_id} 是数据集系列，本身没有数据；请为其成员提交。",
                f"{dataset_id} is a series and holds no data itself; hand in for its members.",
            )
        )
    return found


def receive(
    work: Work,
    actor: Actor,
    dataset_id: str,
    name: str,
    stored: StoredFile,
    *,
    corrects: str | None = None,
    rows_only: bool = False,
    again: bool = False,
    options: IntakeOptions | None = None,
    also_prepared: Iterable[str] = (),
    split_from: str | None = None,
) -> BatchRead:
    """Take a stored file in as a batch and ask for its check. The answer is the receipt.

    corrects: the batch that this one corrects; `rows_only` says that the file holds only its corrected rows.
    also_prepared: person ids of others who had a hand in it. split_from: the batch of the archive that this one is a member of.
    """
    found = may_submit(work, actor, dataset_id)
    hold(work, f"batches/{dataset_id}")
    if stored.size_bytes == 0:
        raise InputRefused(
            Text(
                "收到的文件是空的（0 字节）；请重新导出后提交。",
                "The file is empty (0 bytes); export it again and hand it in.",
            )
        )
    if corrects:
        hold(work, f"batch/{corrects}")
    former = _corrected(work, actor, dataset_id, corrects, rows_only=rows_only)
    if not again:
        _refuse_same_bytes(work, dataset_id, stored, options.member if options else None)
    row = BatchRow(
        id=work.new_id(), dataset_id=dataset_id, org_id=found.org_id, number=_next_number(work, dataset_id),
        name=clean_name(name), sha256=stored.sha256, size_bytes=stored.size_bytes, corrects=corrects,
        scan=stored.seen, scanned_at=work.now if stored.seen == scanning.CLEAN else None,
        is_row_correction=rows_only, split_from=split_from, options=_given(options), submitted=stamp(actor), submitted_at=work.now,
        preparers=sorted({actor.person_id, *also_prepared, *(former.preparers if former and rows_only else ())}),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    if former and former.state not in _CLOSED and former.state != BatchState.PUBLISHING:
        _move(work, former, BatchStep.SUPERSEDE)
    _ask_for_check(work, actor, row)
    payload = {
        "name": row.name, "sha256": row.sha256, "bytes": row.size_bytes, "number": row.number,
        "corrects": corrects, "options": row.options, "job": row.job_id, "scan": row.scan,
        **({"split_from": split_from} if split_from else {}),
    }  # fmt: skip
    audit.record(work, actor, "batch.received", subject=row.id, payload=payload, dataset_id=dataset_id)
    return BatchRead.model_validate(row)


def confirm(work: Work, actor: Actor, batch_id: str, note: str, *, version: int | None = None) -> BatchRead:
    """Sign for the warnings of a batch (确认): who, when and why are kept and audited.

    The waivers in force at this moment are kept beside it: the signature does not cover what they cover.
    """
    row = for_step(work, actor, batch_id, BatchStep.CONFIRM, version)
    _refuse_note(note)
    _move(work, row, BatchStep.CONFIRM)
    row.confirmed, row.confirmed_at, row.confirmed_note = stamp(actor), work.now, note.strip()
    row.preparers = sorted({*row.preparers, actor.person_id})
    row.waivers = lasting(work, row)
    payload = {"note": row.confirmed_note, "verdict": row.verdict_id, "content": row.content_sha256}
    audit.record(work, actor, "batch.confirmed", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    tickets.after_signature(work, actor, row)
    return BatchRead.model_validate(row)


def reject(work: Work, actor: Actor, batch_id: str, note: str, *, version: int | None = None) -> BatchRead:
    """Send a batch back for good; the department hands in a new one."""
    row = for_step(work, actor, batch_id, BatchStep.REJECT, version)
    _refuse_note(note)
    _move(work, row, BatchStep.REJECT)
    row.closed, row.closed_at, row.closed_note = stamp(actor), work.now, note.strip()
    audit.record(
        work,
        actor,
        "batch.rejected",
        subject=row.id,
        payload={"note": row.closed_note},
        dataset_id=row.dataset_id,
    )
    return BatchRead.model_validate(row)


def recheck(
    work: Work,
    actor: Actor,
    batch_id: str,
    options: IntakeOptions | None = None,
    *,
    version: int | None = None,
) -> BatchRead:
    """Check the same bytes again: read differently (`options`), or by a newer suite or dictionary. Drops a confirmation.

    A key of `options` that is None takes back what was said before: that aspect is detected again.
    """
    row = for_step(work, actor, batch_id, BatchStep.RECHECK, version)
    _move(work, row, BatchStep.RECHECK)
    if options is not None:
        changes = options.model_dump(exclude_unset=True)
        row.options = {name: value for name, value in (row.options | changes).items() if value is not None}
        row.preparers = sorted({*row.preparers, actor.person_id})
    for name in ("typed_sha256", "untyped_sha256", "untyped_csv_sha256", "content_sha256", "rows", "untyped_cells", "intake", "verdict_id", "verdict",
                 "suite_version_id", "suite_number", "problem", "confirmed", "confirmed_at"):  # fmt: skip
        setattr(row, name, None)
    row.confirmed_note, row.waivers = "", []
    _ask_for_check(work, actor, row)
    payload = {"options": row.options, "job": row.job_id}
    audit.record(
        work, actor, "batch.recheck_requested", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    return BatchRead.model_validate(row)


def accept(work: Work, actor: Actor, batch_id: str, *, version: int | None = None) -> BatchRead:
    """Say that a doubtful reading is right. What was doubted becomes part of the options, and the check goes on."""
    row = for_step(work, actor, batch_id, BatchStep.ACCEPT, version)
    settled = {guess.aspect: guess.value for guess in doubts_of(row) if guess.value is not None}
    _move(work, row, BatchStep.ACCEPT)
    row.options = row.options | settled
    row.preparers = sorted({*row.preparers, actor.person_id})
    _ask_for_check(work, actor, row)
    payload = {"settled": settled, "content": row.content_sha256, "job": row.job_id}
    audit.record(
        work, actor, "batch.reading_accepted", subject=row.id, payload=payload, dataset_id=row.dataset_id
    )
    return BatchRead.model_validate(row)


def changed(row: BatchRow, options: IntakeOptions) -> IntakeOptions | None:
    """What of the options differs from those in force; None when nothing does, so that only the check is repeated."""
    said = options.model_dump(exclude_unset=True)
    new = {name: value for name, value in said.items() if value != row.options.get(name)}
    return IntakeOptions.model_validate(new) if new else None


def doubts_of(row: BatchRow) -> list[Guess]:
    """What of the batch's reading a person should look at."""
    found = row.intake["input"].get("detection", []) if row.intake else []
    return doubts([Guess.model_validate(each) for each in found])


def commands(work: Work, actor: Actor, row: BatchRow) -> list[tuple[BatchStep, tuple[Reason, ...]]]:
    """The steps that the batch's state leaves open to people, each with what keeps this actor from it."""
    found = []
    for step in open_steps(BatchState(row.state)):
        move = MOVES[BatchState(row.state), step]
        reasons: list[Reason] = []
        if move.needs and not actor.may_in(move.needs, row.org_id):
            text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
            reasons.append(Reason("role-lacks-permission", text, bases.ROLES))
        if step is BatchStep.PUBLISH:
            authors = gate.rule_authors(work, row.dataset_id)
            reasons.extend(rules.second_person_objections(row.preparers, actor.person_id, authors))
            reasons.extend(publish_objections(work, row, actor))
        found.append((step, tuple(reasons)))
    return found


def clean_name(name: str) -> str:
    """A file's own name: no directories, no control characters, at most 255 characters, ending kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip() or "unnamed"
    if len(kept) <= 255:
        return kept
    stem, dot, ending = kept.rpartition(".")
    return f"{stem[: 254 - len(ending)]}{dot}{ending}" if dot and len(ending) < 20 else kept[:255]


def _given(options: IntakeOptions | None) -> dict[str, Any]:
    return options.model_dump(exclude_unset=True, exclude_none=True) if options else {}


def _next_number(work: Work, dataset_id: str) -> int:
    last = work.db.exec(select(func.max(BatchRow.number)).where(BatchRow.dataset_id == dataset_id)).one()
    return (last or 0) + 1


def _ask_for_check(work: Work, actor: Actor, row: BatchRow) -> None:
    row.job_id = jobs.ask_for(
        work,
        CHECK,
        f"batch/{row.id}",
        requested_by=actor.account_id,
        org_id=row.org_id,
        payload={"batch_id": row.id},
    )
    work.db.add(row)


def _corrected(
    work: Work, actor: Actor, dataset_id: str, corrects: str | None, *, rows_only: bool
) -> BatchRow | None:
    """The batch that is being corrected, if one is named."""
    if corrects is None:
        if rows_only:
            raise InputRefused(
                Text(
                    "只交更正行时须指明被更正的批次（corrects）。",
                    "Corrected rows alone need the batch that they correct (corrects).",
                )
            )
        return None
    former = queries.batch(work, actor, corrects)
    if former.dataset_id != dataset_id:
        raise Conflict(
            Text(
                f"批次 {corrects} 属于数据集 {former.dataset_id}，不能由 {dataset_id} 的文件更正。",
                f"Batch {corrects} belongs to dataset {former.dataset_id}; a file of {dataset_id} cannot correct it.",
            )
        )
    if rows_only and former.typed_sha256 is None:
        raise Conflict(
            Text(
                "被更正的批次没有读出表格，无法只更正部分行；请提交完整文件。",
                "The batch to be corrected was never read as a table, so rows cannot be merged; hand in the whole file.",
            )
        )
    return former


def _refuse_same_bytes(work: Work, dataset_id: str, stored: StoredFile, member: str | None) -> None:
    """Refuse bytes that the dataset has already; other members of the same archive are other tables."""
    same = select(BatchRow).where(BatchRow.dataset_id == dataset_id, BatchRow.sha256 == stored.sha256)
    rows = work.db.exec(same.order_by(col(BatchRow.id).desc())).all()
    earlier = next((row for row in rows if member is None or _may_be(row, member)), None)
    if earlier is not None:
        raise Conflict(
            Text(
                f"同样的文件已作为第 {earlier.number} 批（{earlier.name}）提交过；如确需再交，请选择“再次提交”（命令行：--again，接口：again=true）。",
                f"The same bytes were handed in before as batch {earlier.number} ({earlier.name}); to hand them in again, say so (in the form; `--again`; `again=true` over HTTP).",
            ),
            batch_id=earlier.id,
            sha256=stored.sha256,
        )


def _may_be(row: BatchRow, member: str) -> bool:
    """Whether a batch of the same bytes may hold this member; an archive that waits for a choice, or was split, holds none by itself."""
    return row.member == member or (row.member is None and not (row.problem or {}).get("members"))


def for_step(work: Work, actor: Actor, batch_id: str, step: BatchStep, version: int | None) -> BatchRow:
    """The batch, locked, if the actor may take this step within its organisation and has seen its present version."""
    hold(work, f"batch/{batch_id}")
    row = queries.batch(work, actor, batch_id)
    needs = next(move.needs for (_, each), move in MOVES.items() if each is step)
    if needs and not actor.may_in(needs, row.org_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])
    if version is not None and version != row.version:
        raise Stale(
            Text(
                "批次已被他人更新；请刷新后再操作。",
                "Somebody changed the batch meanwhile; reload it and look again.",
            ),
            version=row.version,
            state=row.state,
        )
    advance(BatchState(row.state), step)
    return row


def _refuse_note(note: str) -> None:
    refuse_if(rules.note_objections(note))


def _move(work: Work, row: BatchRow, step: BatchStep) -> None:
    row.state = advance(BatchState(row.state), step)
    row.version += 1
    work.db.add(row)


def move(work: Work, row: BatchRow, step: BatchStep, **facts: Any) -> None:  # noqa: ANN401 - columns of the row
    """A step of the service itself, with what became known by it."""
    for name, value in facts.items():
        setattr(row, name, value)
    _move(work, row, step)


def problem_of(text: Text, reasons: tuple[Reason, ...] = ()) -> Mapping[str, Any]:
    """The stored form of what went wrong."""
    listed = [{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons]
    return {"zh": text.zh, "en": text.en, "reasons": listed}
