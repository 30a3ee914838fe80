"""Rules that keep failing become proposals to mend the source (举一反三): counted over deliveries, corrections aside."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.applications.steps import local_day
from core import bases, outbox
from core.errors import AccessRefused, Conflict, Reason, Stale, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.batches.tables import BatchRow
from datasets.people import stamp
from datasets.tickets import queries, rules
from datasets.tickets.models import FixDecision, FixRead, TrendPoint
from datasets.tickets.policy import policy
from datasets.tickets.tables import RuleFailureRow, TicketRow, UpstreamFixRow

DECIDE: Final = "datasets:ticket:work"
LIVE: Final = ("proposed", "accepted")
_TREND: Final = 12
FIX_STATES: Final = {
    "proposed": Text("待部门答复", "Waits for the department"),
    "accepted": Text("已采纳", "Accepted"),
    "rejected": Text("未采纳", "Rejected"),
    "settled": Text("已见效", "Took effect"),
}


def look(work: Work, batch: BatchRow) -> None:
    """After a check: propose where a rule failed often enough, settle proposals whose rule fails no more."""
    held = policy(local_day(work.now))
    window = _deliveries(work, batch.dataset_id, held.of)
    failed = _failed(work, batch.dataset_id, [each.id for each in window])
    fixes = _latest_fixes(work, batch.dataset_id)
    for key, batches in failed.items():
        before = fixes.get(key)
        if before is not None and before.state in LIVE:
            before.failed, before.of = len(batches), len(window)
            work.db.add(before)
            continue
        since = before.seen_number if before else 0
        fresh = [each for each in window if each.id in batches and each.number > since]
        if rules.keeps_failing(len(fresh), len(window), held.failed, held.of):
            _propose(work, batch, key, len(fresh), len(window))
    for key, fix in fixes.items():
        since_then = [each for each in window if each.number > fix.seen_number]
        if fix.state in LIVE and key not in failed and len(since_then) >= held.failed:
            fix.state, fix.settled_at, fix.seen_number = "settled", work.now, batch.number
            fix.version += 1
            work.db.add(fix)
            audit.record(work, SYSTEM, "fix.settled", subject=fix.id, dataset_id=fix.dataset_id)


def _deliveries(work: Work, dataset_id: str, most: int) -> list[BatchRow]:
    """The last deliveries that were judged, newest first; corrections belong to what they correct."""
    wanted = select(BatchRow).where(
        BatchRow.dataset_id == dataset_id,
        col(BatchRow.corrects).is_(None),
        col(BatchRow.verdict).is_not(None),
    )
    return list(work.db.exec(wanted.order_by(col(BatchRow.number).desc()).limit(most)))


def _failed(work: Work, dataset_id: str, batch_ids: list[str]) -> dict[str, set[str]]:
    """The deliveries that failed, by rule; a failure under a waiver is a failure."""
    wanted = select(RuleFailureRow.rule_key, RuleFailureRow.batch_id).where(
        RuleFailureRow.dataset_id == dataset_id, col(RuleFailureRow.batch_id).in_(batch_ids), _counts()
    )
    found: dict[str, set[str]] = {}
    for key, batch_id in work.db.exec(wanted):
        found.setdefault(key, set()).add(batch_id)
    return found


def _counts() -> ColumnElement[bool]:
    """Failures of the data: one that went away when the same bytes were read or judged differently was none."""
    return or_(
        col(RuleFailureRow.followed_by).is_(None),
        col(RuleFailureRow.followed_by) != col(RuleFailureRow.batch_id),
        col(RuleFailureRow.is_mended).is_(False),
    )


def _latest_fixes(work: Work, dataset_id: str) -> dict[str, UpstreamFixRow]:
    wanted = select(UpstreamFixRow).where(UpstreamFixRow.dataset_id == dataset_id)
    return {row.rule_key: row for row in work.db.exec(wanted.order_by(col(UpstreamFixRow.id)))}


def _propose(work: Work, batch: BatchRow, key: str, failed: int, of: int) -> None:
    ticket = queries.latest_of_rule(work, batch.dataset_id, key)
    row = UpstreamFixRow(
        id=work.new_id(), dataset_id=batch.dataset_id, org_id=batch.org_id, rule_key=key,
        rule_zh=ticket.rule_zh if ticket else key, rule_en=ticket.rule_en if ticket else key, failed=failed, of=of,
        seen_number=batch.number, proposed_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {"rule": key, "failed": failed, "of": of}
    audit.record(work, SYSTEM, "fix.proposed", subject=row.id, payload=payload, dataset_id=row.dataset_id)
    outbox.post(work, "fix.proposed", row.id, {"dataset_id": row.dataset_id, "org_id": row.org_id} | payload)


def decide(work: Work, actor: Actor, fix_id: str, body: FixDecision, *, accepts: bool) -> FixRead:
    """The department accepts the proposal with a date, or rejects it with a reason; an accepted one may be planned anew."""
    row = queries.fix(work, actor, fix_id)
    hold(work, f"fix/{row.id}")
    work.db.refresh(row)
    if not actor.may_in(DECIDE, row.org_id):
        text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])
    if body.version is not None and body.version != row.version:
        raise Stale(
            Text("建议已被他人更新；请刷新。", "Somebody changed the proposal meanwhile; reload it."),
            version=row.version,
        )
    if row.state not in LIVE:
        name = FIX_STATES[row.state]
        raise Conflict(
            Text(f"该建议为“{name.zh}”，不再答复。", f"The proposal is “{name.en}”; it is answered no more.")
        )
    refuse_if(rules.planned_objections(body.note, body.planned_on is not None, accepts=accepts))
    row.state = "accepted" if accepts else "rejected"
    row.planned_on = body.planned_on if accepts else None
    row.note, row.decided, row.decided_at = body.note.strip(), stamp(actor), work.now
    row.seen_number = max([each.number for each in _deliveries(work, row.dataset_id, 1)] or [row.seen_number])
    row.version += 1
    work.db.add(row)
    payload = {"note": row.note, "planned_on": row.planned_on.isoformat() if row.planned_on else None}
    kind = "fix.accepted" if accepts else "fix.rejected"
    audit.record(work, actor, kind, subject=row.id, payload=payload, dataset_id=row.dataset_id)
    return read(work, actor, row)


def read(work: Work, actor: Actor, row: UpstreamFixRow) -> FixRead:
    """A proposal with its trend and the tickets that the rule ever had."""
    may = row.state in LIVE and actor.may_in(DECIDE, row.org_id)
    is_late = row.state == "accepted" and row.planned_on is not None and row.planned_on < local_day(work.now)
    return FixRead.model_validate(
        row,
        update={
            "trend": trend(work, row.dataset_id, row.rule_key), "is_late": is_late, "may_decide": may,
            "tickets": [_brief(each) for each in queries.of_rule(work, row.dataset_id, row.rule_key)],
        },
    )  # fmt: skip


def trend(work: Work, dataset_id: str, rule_key: str) -> list[TrendPoint]:
    """The last deliveries and whether they failed the rule, oldest first."""
    window = list(reversed(_deliveries(work, dataset_id, _TREND)))
    wanted = select(RuleFailureRow).where(
        RuleFailureRow.rule_key == rule_key,
        col(RuleFailureRow.batch_id).in_([each.id for each in window]),
        _counts(),
    )
    rows = {row.batch_id: row for row in work.db.exec(wanted.order_by(col(RuleFailureRow.id)))}
    return [
        TrendPoint.model_validate(
            {
                "batch_id": each.id, "number": each.number, "at": each.submitted_at, "has_failed": each.id in rows,
                "failing_rows": rows[each.id].failing_rows if each.id in rows else 0,
            }
        )
        for each in window
    ]  # fmt: skip


def _brief(row: TicketRow) -> dict[str, object]:
    return {
        "id": row.id, "number": row.number, "state": row.state, "opened_at": row.opened_at.isoformat(),
        "times": row.times, "answer": row.answer, "closed_at": row.closed_at.isoformat() if row.closed_at else None,
    }  # fmt: skip


def listed(work: Work, actor: Actor, *, states: tuple[str, ...] = (), dataset_id: str = "") -> list[FixRead]:
    """Proposals within the actor's sight."""
    titled = queries.fixes(work, actor, states=states, dataset_id=dataset_id)
    return [read(work, actor, row) for row in titled]
