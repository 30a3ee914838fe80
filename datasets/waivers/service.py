"""Signing, seconding, refusing and revoking waivers, and letting through the batches that they cover. Nothing renews one."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.applications.steps import local_day
from auth.delegations.standing import persons
from catalog.assets import asset
from core import bases, outbox
from core.errors import AccessRefused, Conflict, NotFound, Reason, Stale, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.batches.models import Command
from datasets.batches.service import move as move_batch
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState, BatchStep
from datasets.people import stamp
from datasets.releases.tables import ReleaseRow
from datasets.rule_keys import digest_of, keys_of
from datasets.tickets import following
from datasets.tickets.policy import policy
from datasets.tickets.queries import ticket as ticket_of
from datasets.tickets.rules import NOTE_MIN, note_objections
from datasets.tickets.service import rule_of
from datasets.waivers import cover, queries, rules
from datasets.waivers.models import RuleToWaive, WaiverCreate, WaiverDetail, WaiverNote, WaiverRead
from datasets.waivers.tables import WaiverRow
from datasets.waivers.workflow import MOVES, WaiverState, WaiverStep, advance
from quality.service import current_suite
from quality.suite import Expectation, Suite
from quality.tables import VerdictRow
from quality.verdict import Verdict
from quality.wording import describe

SIGN = "datasets:waiver:sign"
_STOPPED = (BatchState.FAILED, BatchState.NEEDS_CONFIRMATION)


def sign(work: Work, actor: Actor, body: WaiverCreate) -> WaiverRead:
    """Sign a waiver. For a warning that is enough; a critical rule waits for the second signature."""
    held = _dataset(work, actor, body.dataset_id)
    hold(work, f"waivers/{body.dataset_id}")
    rule = rule_of(work, body.dataset_id, body.rule_key)
    if rule is None:
        raise NotFound(
            Text(
                f"现行规则集中没有规则“{body.rule_key}”；请在规则集页面核对。",
                f"The suite in force has no rule “{body.rule_key}”; look at the suite's page.",
            )
        )
    if body.ticket_id is not None and ticket_of(work, actor, body.ticket_id).rule_key != body.rule_key:
        raise Conflict(
            Text("该工单说的是另一条规则。", "That ticket is about another rule."), ticket_id=body.ticket_id
        )
    refuse_if(_sign_objections(work, actor, rule, body))
    said = describe(rule)
    row = WaiverRow(
        id=work.new_id(), dataset_id=body.dataset_id, org_id=held, ticket_id=body.ticket_id, rule_key=body.rule_key,
        rule_digest=digest_of(rule), rule_type=rule.type, rule_zh=said.zh, rule_en=said.en, severity=rule.severity,
        reason=body.reason.strip(), max_count=body.max_count, max_share=body.max_share, valid_to=body.valid_to,
        signed=stamp(actor), signed_at=work.now,
        state=WaiverState.PROPOSED if rule.severity == "critical" else WaiverState.SIGNED,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    _record(work, actor, row, "waiver.signed", row.reason)
    if row.state == WaiverState.SIGNED:
        let_through(work, row.dataset_id)
    return queries.read(work, row)


def second(work: Work, actor: Actor, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """Sign as the second person; from now on the waiver counts."""
    row = _for_step(work, actor, waiver_id, WaiverStep.SECOND, body.version)
    refuse_if(_second_objections(work, actor, row))
    row.state = advance(WaiverState(row.state), WaiverStep.SECOND)
    row.seconded, row.seconded_at, row.second_note = stamp(actor), work.now, body.note.strip()
    _record(work, actor, row, "waiver.seconded", body.note)
    let_through(work, row.dataset_id)
    return queries.read(work, row)


def refuse(work: Work, actor: Actor, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """Refuse the second signature, with a reason."""
    return _end(work, actor, waiver_id, WaiverStep.REFUSE, body, "waiver.refused")


def revoke(work: Work, actor: Actor, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """End a waiver now; what was not yet published under it is published no more."""
    return _end(work, actor, waiver_id, WaiverStep.REVOKE, body, "waiver.revoked")


def detail(work: Work, actor: Actor, waiver_id: str) -> WaiverDetail:
    """A waiver with the batches that passed under it, and the steps open to this reader."""
    row = queries.waiver(work, actor, waiver_id)
    commands = [
        Command(
            step=step.value, allowed=not reasons,
            reasons=[{"code": r.code, "zh": r.text.zh, "en": r.text.en, "basis": r.basis} for r in reasons],
        )
        for (state, step) in MOVES
        if state == row.state
        for reasons in [_objections(work, actor, row, step)]
    ]  # fmt: skip
    return WaiverDetail.model_validate(
        queries.read(work, row).model_dump() | {"used_by": _used_by(work, row), "commands": commands}
    )


def rules_to_waive(work: Work, actor: Actor, dataset_id: str) -> list[RuleToWaive]:
    """The blocking rules of the suite in force, for the form."""
    _dataset(work, actor, dataset_id)
    version = current_suite(work, dataset_id)
    expectations = Suite.from_data(version.suite).expectations if version else []
    return [
        RuleToWaive(
            rule_key=key, rule_zh=describe(each).zh, rule_en=describe(each).en, severity=each.severity,
            may_be_waived=not cover.is_personal(work, each),
        )
        for key, each in zip(keys_of(expectations), expectations, strict=True)
        if each.severity in rules.BLOCKS
    ]  # fmt: skip


def let_through(work: Work, dataset_id: str) -> None:
    """Move on the stopped batches of a dataset whose failures are all covered now. The verdict stays what it is."""
    work.db.flush()
    wanted = select(BatchRow).where(
        BatchRow.dataset_id == dataset_id,
        col(BatchRow.state).in_(_STOPPED),
        col(BatchRow.verdict_id).is_not(None),
    )
    for batch in work.db.exec(wanted.order_by(col(BatchRow.number))).all():
        stored = work.db.get(VerdictRow, batch.verdict_id)
        if stored is None or stored.verdict == "error" or batch.untyped_cells:
            continue
        found = cover.standing(work, batch, Verdict.model_validate(stored.result))
        if found.blocking or not found.applied:
            continue
        if batch.state == BatchState.FAILED:
            step = BatchStep.ASK if found.unsigned else BatchStep.WAIVE
            move_batch(work, batch, step, waivers=list(found.applied))
        elif not found.unsigned:
            move_batch(work, batch, BatchStep.WAIVE, waivers=list(found.applied))
        else:
            continue
        following.after_waiver(work, batch)


def _used_by(work: Work, row: WaiverRow) -> list[dict[str, str | int | None]]:
    """Batches that name the waiver, newest first, with their releases."""
    wanted = (
        select(BatchRow, ReleaseRow)
        .join(ReleaseRow, col(ReleaseRow.batch_id) == BatchRow.id, isouter=True)
        .where(BatchRow.dataset_id == row.dataset_id, BatchRow.submitted_at <= work.now)
        .order_by(col(BatchRow.number).desc())
        .limit(500)
    )
    return [
        {
            "batch_id": batch.id, "batch_number": batch.number, "release_id": release.id if release else None,
            "release_number": release.number if release else None,
        }
        for batch, release in work.db.exec(wanted)
        if any(each["waiver_id"] == row.id for each in batch.waivers)
    ]  # fmt: skip


def _dataset(work: Work, actor: Actor, dataset_id: str) -> str:
    """The dataset's department, if the actor may sign for it; raises NotFound."""
    try:
        org_id = asset(work, dataset_id).org_id
    except NotFound:
        org_id = None
    if org_id is None or not actor.may_in(SIGN, org_id):
        raise NotFound(
            Text(
                f"没有可由您签发豁免的数据集 {dataset_id}；请核对资源代码。",
                f"There is no dataset {dataset_id} for which you may sign waivers; check the resource code.",
            )
        )
    return org_id


def _preparers(work: Work, dataset_id: str) -> set[str]:
    """Who prepared the batches that wait at the gate."""
    wanted = select(BatchRow).where(BatchRow.dataset_id == dataset_id, col(BatchRow.state).in_(_STOPPED))
    return {person for batch in work.db.exec(wanted) for person in batch.preparers}


def _sign_objections(work: Work, actor: Actor, rule: Expectation, body: WaiverCreate) -> tuple[Reason, ...]:
    today = local_day(work.now)
    held = policy(today)
    return (
        *rules.personal_objections(cover.is_personal(work, rule), held.never_waived_source),
        *rules.term_objections(
            severity=rule.severity, reason=body.reason, valid_to=body.valid_to, today=today,
            longest_days=held.longest_waiver_days, reason_min=NOTE_MIN,
        ),
        *rules.people_objections(persons(work, actor), _preparers(work, body.dataset_id)),
    )  # fmt: skip


def _second_objections(work: Work, actor: Actor, row: WaiverRow) -> tuple[Reason, ...]:
    rule = rule_of(work, row.dataset_id, row.rule_key)
    preparers = _preparers(work, row.dataset_id)
    found = rules.people_objections(persons(work, actor), preparers, row.signed["person_id"])
    found += rules.ended_objections(row.valid_to, local_day(work.now))
    if rule is None or digest_of(rule) != row.rule_digest:
        text = Text(
            "签发之后规则已修改或删除；请重新签发豁免。",
            "The rule was changed or removed since; a new waiver must be signed.",
        )
        return (*found, Reason("rule-changed", text, "waivers (docs/tickets.md)"))
    source = policy(local_day(work.now)).never_waived_source
    return (*found, *rules.personal_objections(cover.is_personal(work, rule), source))


def _objections(work: Work, actor: Actor, row: WaiverRow, step: WaiverStep) -> tuple[Reason, ...]:
    found = _role_objections(actor, row, MOVES[WaiverState(row.state), step].needs)
    return (*found, *_second_objections(work, actor, row)) if step is WaiverStep.SECOND else found


def _role_objections(actor: Actor, row: WaiverRow, needs: str) -> tuple[Reason, ...]:
    if actor.may_in(needs, row.org_id):
        return ()
    text = Text("您的角色不含此项操作。", "Your roles do not include this step.")
    return (Reason("role-lacks-permission", text, bases.ROLES),)


def _for_step(work: Work, actor: Actor, waiver_id: str, step: WaiverStep, version: int | None) -> WaiverRow:
    row = queries.waiver(work, actor, waiver_id)
    hold(work, f"waivers/{row.dataset_id}")
    work.db.refresh(row)
    needs = next(move.needs for (_, each), move in MOVES.items() if each is step)
    if reasons := _role_objections(actor, row, needs):
        raise AccessRefused(reasons[0].text, reasons=reasons)
    if version is not None and version != row.version:
        raise Stale(
            Text(
                "豁免已被他人更新；请刷新后再操作。",
                "Somebody changed the waiver meanwhile; reload it and look again.",
            ),
            version=row.version,
        )
    advance(WaiverState(row.state), step)
    return row


def _end(
    work: Work, actor: Actor, waiver_id: str, step: WaiverStep, body: WaiverNote, kind: str
) -> WaiverRead:
    row = _for_step(work, actor, waiver_id, step, body.version)
    refuse_if(note_objections(body.note))
    row.state = advance(WaiverState(row.state), step)
    row.ended, row.ended_at, row.ended_note = stamp(actor), work.now, body.note.strip()
    _record(work, actor, row, kind, body.note)
    return queries.read(work, row)


def _record(work: Work, actor: Actor, row: WaiverRow, kind: str, note: str) -> None:
    if kind != "waiver.signed":
        row.version += 1
    work.db.add(row)
    work.db.flush()
    payload: dict[str, Any] = {
        "rule": row.rule_key, "severity": row.severity, "valid_to": row.valid_to.isoformat(), "state": row.state,
        "max_count": row.max_count, "max_share": str(row.max_share) if row.max_share is not None else None,
        "note": note.strip(),
    }  # fmt: skip
    audit.record(work, actor, kind, subject=row.id, payload=payload, dataset_id=row.dataset_id)
    outbox.post(
        work, kind, row.id, {"dataset_id": row.dataset_id, "org_id": row.org_id, "rule": row.rule_key}
    )
