"""Which failures of a batch are covered by waivers at this moment. Asked when a batch is judged, and again when it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.applications.steps import local_day
from core import bases
from core.errors import AccessRefused, Reason
from core.text import Text
from core.work import Work
from datasets.batches.tables import BatchRow
from datasets.rule_keys import Rule, digest_of, keys_of
from datasets.tickets.policy import policy
from datasets.tickets.tables import RuleFailureRow
from datasets.waivers import rules
from datasets.waivers.rules import Failure, Terms
from datasets.waivers.tables import WaiverRow
from datasets.waivers.workflow import WaiverState
from quality.scores import parts_of
from quality.tables import VerdictRow
from quality.verdict import Outcome, Verdict

_GATE: Final = bases.UNVALIDATED


@dataclass(frozen=True, slots=True)
class Standing:
    """How a verdict stands under the waivers in force. `applied` is the form that stays on the release for ever;
    `reasons`: why waivers of failed rules do not cover them; `unsigned_keys`: the rules of `unsigned`."""

    applied: tuple[dict[str, Any], ...]
    blocking: tuple[Outcome, ...]
    unsigned: tuple[Outcome, ...]
    reasons: tuple[Reason, ...]
    unsigned_keys: tuple[str, ...] = ()

    @property
    def waived(self) -> dict[str, str]:
        """Waiver by rule key."""
        return {each["rule_key"]: each["waiver_id"] for each in self.applied}


def is_personal(work: Work, rule: Rule) -> bool:
    """Whether a rule guards against leaks of personal data."""
    held = policy(local_day(work.now))
    named = Outcome(type=rule.type, kwargs=rule.kwargs, meta=rule.meta, outcome="failed")
    return rule.type in held.never_waived_types or not held.never_waived_parts.isdisjoint(parts_of(named))


def standing(work: Work, batch: BatchRow, verdict: Verdict) -> Standing:
    """Judge every failed rule of a batch against the waivers of its dataset. A rule that could not run is nobody's to waive."""
    held = _waivers(work, batch.dataset_id)
    applied: list[dict[str, Any]] = []
    blocking: list[Outcome] = []
    unsigned: list[Outcome] = []
    reasons: list[Reason] = []
    unsigned_keys: list[str] = []
    for key, outcome in zip(keys_of(verdict.expectations), verdict.expectations, strict=True):
        if outcome.outcome != "failed" or outcome.severity not in rules.BLOCKS:
            continue
        row, why = _covering(work, held.get(key, ()), batch, outcome)
        reasons += why
        if row is not None:
            applied.append(_lasting(row, outcome))
        else:
            (blocking if outcome.severity == "critical" else unsigned).append(outcome)
            unsigned_keys += [key] if outcome.severity != "critical" else []
    return Standing(tuple(applied), tuple(blocking), tuple(unsigned), tuple(reasons), tuple(unsigned_keys))


def is_covered(work: Work, batch: BatchRow, rule_digest: str, failure: RuleFailureRow) -> bool:
    """Whether a waiver in force covers a failure that stands in the book, though its batch may be stopped by others."""
    noted = Failure(rule_digest, failure.severity, failure.failing_rows, failure.checked_rows, False)
    today = local_day(work.now)
    return any(
        not rules.use_objections(terms(row), noted, batch.preparers, today, "")
        for row in _waivers(work, batch.dataset_id).get(failure.rule_key, ())
    )


def publish_objections(work: Work, batch: BatchRow, actor: Actor) -> tuple[Reason, ...]:
    """What keeps a batch that passed under waivers from being published now, by this person."""
    found = _of_batch(work, batch)
    if found is None:
        return ()
    text = Text(
        "该批次有关键规则未通过，且现在没有有效的豁免；请更正数据、重新签发豁免，或重新校验。",
        "A critical rule failed and no waiver covers it now; correct the data, sign a new waiver, or check the batch again.",
    )
    blocked = (Reason("waiver-not-in-force", text, _GATE), *found.reasons) if found.blocking else ()
    if open_keys := _unanswered(batch, found):
        said = Text(
            f"警告规则 {'、'.join(open_keys)} 未通过，现在既没有有效的豁免也没有人签字；请重新校验该批次，再签字确认。",
            f"Warnings failed ({', '.join(open_keys)}) that neither a waiver nor a signature covers now; check the batch again, then sign for them.",
        )
        why = () if found.blocking else found.reasons
        blocked = (*blocked, Reason("warning-not-signed", said, _GATE, {"rules": open_keys}), *why)
    lone = [row.signed["person_id"] for row in _applied_rows(work, found) if row.seconded is None]
    return (*blocked, *rules.publisher_objections(lone, actor.person_id))


def lasting(work: Work, batch: BatchRow) -> list[dict[str, Any]]:
    """The waivers under which the batch passes now, as a release keeps them; empty where it needs none."""
    found = _of_batch(work, batch)
    return list(found.applied) if found else []


def demand(work: Work, batch: BatchRow, recorded: Sequence[dict[str, Any]]) -> bool:
    """Whether the stored verdict lets the batch out at this instant: passed, or failed where waivers cover all of it.

    `recorded`: the waivers that the release names; every one of them must still be in force.
    """
    row = work.db.get(VerdictRow, batch.verdict_id) if batch.verdict_id else None
    if row is None or row.verdict == "error":
        return False
    found = standing(work, batch, Verdict.model_validate(row.result))
    now = {each["waiver_id"] for each in found.applied}
    return (
        not found.blocking
        and not _unanswered(batch, found)
        and now >= {each["waiver_id"] for each in recorded}
    )


def refuse_unless_covered(work: Work, batch: BatchRow, actor: Actor) -> None:
    """Raise AccessRefused with every reason of `publish_objections`."""
    if reasons := publish_objections(work, batch, actor):
        raise AccessRefused(
            Text("；".join(r.text.zh for r in reasons), " ".join(r.text.en for r in reasons)), reasons=reasons
        )


def _unanswered(batch: BatchRow, found: Standing) -> list[str]:
    """Failed warnings for which nobody stands in now. Who signed for the batch did not sign for what was waived then."""
    waived_then = {each["rule_key"] for each in batch.waivers}
    return [key for key in found.unsigned_keys if batch.confirmed is None or key in waived_then]


def _of_batch(work: Work, batch: BatchRow) -> Standing | None:
    row = work.db.get(VerdictRow, batch.verdict_id) if batch.verdict_id else None
    return standing(work, batch, Verdict.model_validate(row.result)) if row else None


def _waivers(work: Work, dataset_id: str) -> dict[str, list[WaiverRow]]:
    """Everything ever signed for the dataset, newest first, by rule; the rules say what still counts."""
    wanted = select(WaiverRow).where(
        WaiverRow.dataset_id == dataset_id,
        col(WaiverRow.state).in_([WaiverState.SIGNED, WaiverState.REVOKED]),
    )
    found: dict[str, list[WaiverRow]] = {}
    for row in work.db.exec(wanted.order_by(col(WaiverRow.id).desc())):
        found.setdefault(row.rule_key, []).append(row)
    return found


def _covering(
    work: Work, candidates: Sequence[WaiverRow], batch: BatchRow, outcome: Outcome
) -> tuple[WaiverRow | None, tuple[Reason, ...]]:
    """The newest waiver that covers the failure; else why the newest one does not."""
    today = local_day(work.now)
    failure = Failure(
        digest_of(outcome), outcome.severity, outcome.unexpected_count, outcome.element_count,
        is_personal(work, outcome),
    )  # fmt: skip
    source = policy(today).never_waived_source
    first: tuple[Reason, ...] = ()
    for row in candidates:
        why = rules.use_objections(terms(row), failure, batch.preparers, today, source)
        if not why:
            return row, ()
        first = first or why
    return None, first


def terms(row: WaiverRow) -> Terms:
    return Terms(
        row.id, row.state, row.rule_digest, row.valid_to, row.signed["person_id"],
        row.seconded["person_id"] if row.seconded else None, row.max_count, row.max_share,
    )  # fmt: skip


def _applied_rows(work: Work, found: Standing) -> list[WaiverRow]:
    return [work.db.get_one(WaiverRow, waiver_id) for waiver_id in found.waived.values()]


def _lasting(row: WaiverRow, outcome: Outcome) -> dict[str, Any]:
    """What a release says about it. People stand in it by opaque ids and their organisation, as in the manifest."""
    return {
        "waiver_id": row.id, "rule_key": row.rule_key, "rule_zh": row.rule_zh, "rule_en": row.rule_en,
        "type": outcome.type, "severity": outcome.severity, "reason": row.reason, "valid_to": row.valid_to.isoformat(),
        "failing_rows": outcome.unexpected_count, "checked_rows": outcome.element_count,
        "signed_by": _person(row.signed), "signed_at": row.signed_at.isoformat(),
        "seconded_by": _person(row.seconded) if row.seconded else None,
    }  # fmt: skip


def _person(who: dict[str, Any]) -> dict[str, Any]:
    return {"person_id": who["person_id"], "org_id": who["org_id"]}
