"""Private answers: decide, take the budget and write that down, and only then count, draw noise, and tell.

What was answered once is told again at no cost, noise and all: asking the same often averages nothing. Budget that was taken
stays taken, also when the machine stops before the answer is written: the question then stands as reserved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from auth.actor import Actor
from auth.grants import succession, usage
from auth.grants.view import GrantView
from auth.policy.model import DeliveryForm
from catalog.assets import asset
from core.errors import AccessRefused, NotFound, QuotaExceeded, Reason, TooMany, refuse_if
from core.work import Work, hold
from datasets.queries import deciding
from datasets.queries.deciding import Case, Question
from datasets.queries.lane import lane, rows_of
from datasets.queries.model import QueryRead, query_hash
from datasets.queries.private import budget
from datasets.queries.private.model import PrivateAsk, PrivateHistogram, PrivateMean, PrivateSum, normalised
from datasets.queries.private.rules import (
    Part,
    agreed_budget_reasons,
    budget_reasons,
    grid_of,
    misfits,
    parts_of,
    per_contributor,
)
from datasets.queries.queries import read
from datasets.queries.room import demand_room, told_when_short
from datasets.queries.rules import measured_misfits
from datasets.queries.service import ANSWERED, RESERVED, Desk, answer_row, moved, note
from datasets.queries.tables import AnswerRow
from datasets.releases.whole import whole


@dataclass(frozen=True, slots=True)
class Plan:
    """What a question would take. `told_before`: it has an answer already and takes nothing."""

    case: Case
    reasons: tuple[Reason, ...]
    told_before: str | None
    takes_micro: int
    parts: tuple[Part, ...]


def question_of(ask: PrivateAsk) -> Question:
    return Question(
        DeliveryForm.QUERY_DP,
        ask.grant_id,
        ask.dataset_id,
        ask.columns,
        ask.where,
        ask.purpose,
        ask.scenario_id,
    )


def plan(work: Work, actor: Actor, ask: PrivateAsk) -> Plan:
    """Every reason to refuse, and the cost. Reads terms, budgets and earlier answers, never data."""
    more: list[Reason] = []
    try:
        held = asset(work, ask.dataset_id)
        if isinstance(ask.measure, PrivateSum | PrivateMean):
            more += measured_misfits(ask.measure.column, ask.measure.kind, held)
    except NotFound:
        pass  # a reason already
    case = deciding.consider(work, actor, question_of(ask), more)
    reasons = [*case.reasons, *misfits(ask, case.terms, case.limits)]
    if reasons:
        return Plan(case, tuple(reasons), None, ask.epsilon_micro, ())
    assert case.terms is not None  # noqa: S101 - a reason otherwise
    parts = parts_of(ask, case.terms)
    if (known := _told_before(work, ask, case)) is not None:
        return Plan(case, (), known.id, 0, parts)
    held_by = budget.holders(case.grant.org_id, case.grant.id, actor.account_id)
    cap, spent = budget.cap_in_force(work, ask.dataset_id), budget.spent(work, ask.dataset_id, held_by)
    reasons += budget_reasons(ask.epsilon_micro, cap, spent)
    reasons += _agreed_budget(work, case.grant, ask.epsilon_micro)
    return Plan(case, tuple(reasons), None, ask.epsilon_micro, parts)


def _agreed_budget(work: Work, grant: GrantView, epsilon_micro: int) -> Iterator[Reason]:
    """What the grant itself was given for its whole life, which amendments go on with; nothing where it was given none."""
    most = grant.policy.safeguards.epsilon_micro
    if most is not None:
        line = (grant.id, *succession.carries_of(work, grant.id))
        yield from agreed_budget_reasons(epsilon_micro, most, budget.spent_of(work, line))


def _hash(ask: PrivateAsk, case: Case) -> str:
    """A name for the question by what it asks of which rows: equal ones have one answer, whoever asks."""
    assert case.release is not None and case.terms is not None  # noqa: S101, PT018 - reasons otherwise
    return query_hash(
        dataset=ask.dataset_id, release=case.release.id, terms=case.terms.version, measure=ask.measure,
        where=normalised(case.row_filter), epsilon_micro=ask.epsilon_micro,
    )  # fmt: skip


def _told_before(work: Work, ask: PrivateAsk, case: Case) -> AnswerRow | None:
    wanted = select(AnswerRow).where(
        AnswerRow.query_hash == _hash(ask, case), AnswerRow.form == DeliveryForm.QUERY_DP, AnswerRow.state == ANSWERED
    )  # fmt: skip
    return work.db.exec(wanted.order_by(col(AnswerRow.id))).first()


def ask_for(desk: Desk, actor: Actor, ask: PrivateAsk) -> QueryRead:
    """The answer. AccessRefused lists every reason; what is refused before the budget is taken costs nothing, and all is on record."""
    try:
        release = _whole(desk, actor, ask)
        with lane(release):  # before the budget is taken, which is never given back
            if release is not None:
                demand_room(rows_of(release), 1, desk.settings.memory_limit_mb)
            row_id, planned, told = _reserved(desk, actor, ask, release)
            if told is not None:
                return told
            assert release is not None  # noqa: S101 - nothing was reserved otherwise
            with told_when_short(is_charged=True):
                said = _drawn(desk, ask, planned, release)
        with desk.write() as work:
            hold(
                work, f"privacy:{ask.dataset_id}"
            )  # first in every step: else two of them wait for each other
            return _told(work, actor, ask, planned, row_id, said)
    except (AccessRefused, QuotaExceeded, TooMany) as refusal:
        with desk.write() as work:
            hold(work, f"privacy:{ask.dataset_id}")
            deciding.note_refusal(work, actor, question_of(ask), refusal)
        raise


def _told(
    work: Work, actor: Actor, ask: PrivateAsk, planned: Plan, row_id: str, said: dict[str, Any]
) -> QueryRead:
    """Write the answer down and tell it, unless something was revoked or replaced meanwhile."""
    now, case = deciding.consider(work, actor, question_of(ask)), planned.case
    refuse_if(tuple(reason for reason in now.reasons if reason.code != "quota-exhausted"))  # taken already
    if now.release is None or case.release is None or now.release.id != case.release.id:
        raise moved()
    row = work.db.get(AnswerRow, row_id)
    assert row is not None  # noqa: S101 - written above, never deleted
    row.state, row.answer = ANSWERED, json.dumps(said, ensure_ascii=False)
    usage.charge(
        work, case.grant.id, subject=row.id, taking=case.question.taking(actor, case.release), delivers=True
    )
    work.db.add(row)
    note(work, actor, "query.answered", row, {"epsilon_micro": row.epsilon_micro})
    work.db.flush()
    return read(row)


def _whole(desk: Desk, actor: Actor, ask: PrivateAsk) -> Path | None:
    """The release's file, its digest right, before budget is taken for it; None for what was told before, which reads nothing."""
    with desk.read() as work:
        planned = plan(work, actor, ask)
    refuse_if(planned.reasons)
    assert planned.case.release is not None  # noqa: S101 - a reason otherwise
    return None if planned.told_before else whole(desk.files, str(planned.case.release.sha256))


def _reserved(
    desk: Desk, actor: Actor, ask: PrivateAsk, release: Path | None
) -> tuple[str, Plan, QueryRead | None]:
    """In one transaction: the question as reserved with its budget and quota taken, or the answer that it had already."""
    with desk.write() as work:
        hold(work, f"privacy:{ask.dataset_id}")
        planned = plan(work, actor, ask)
        refuse_if(planned.reasons)
        case = planned.case
        row = answer_row(work, actor, case, ask.model_dump(mode="json"), RESERVED, {})
        row.query_hash, row.epsilon_micro = _hash(ask, case), planned.takes_micro
        taking = case.question.taking(actor, case.release)
        if planned.told_before is not None:
            before = work.db.get(AnswerRow, planned.told_before)
            assert before is not None  # noqa: S101 - just found
            row.state, row.answer = ANSWERED, before.answer
            usage.charge(work, case.grant.id, subject=row.id, taking=taking, delivers=True)
            work.db.add(row)
            note(work, actor, "query.answered", row, {"epsilon_micro": 0, "told_before": before.id})
            work.db.flush()
            return row.id, planned, read(row)
        if release is None or case.release is None or case.release.sha256 != release.name:
            raise moved()
        work.db.add(row)
        work.db.flush()
        budget.reserve(work, actor, row, ask.epsilon_micro)
        usage.charge(
            work, case.grant.id, extracts=1, rows=_rows(ask, case), subject=row.id, taking=taking, epsilon_micro=ask.epsilon_micro
        )  # fmt: skip
        note(work, actor, "query.reserved", row, {"epsilon_micro": ask.epsilon_micro})
        return row.id, planned, None


def _rows(ask: PrivateAsk, case: Case) -> int:
    """How many rows the answer will have, whatever the data."""
    if case.terms is None or not isinstance(ask.measure, PrivateHistogram):
        return 1
    return len(case.terms.lists[ask.measure.column])


def _drawn(desk: Desk, ask: PrivateAsk, planned: Plan, release: Path) -> dict[str, Any]:
    """Count, and add noise. The exact figures leave this function for nowhere."""
    from datasets.queries.engine import contributors
    from datasets.queries.private.counting import exact
    from datasets.queries.private.noise import noisy

    case = planned.case
    assert case.terms is not None  # noqa: S101 - a reason otherwise
    memory = desk.settings.memory_limit_mb
    who = contributors(
        release, case.terms.contributor, desk.settings.scratch_dir / "queries", memory_limit_mb=memory
    )
    codes = case.terms.lists[ask.measure.column] if isinstance(ask.measure, PrivateHistogram) else []
    found = exact(
        release, case.row_filter, ask.measure, who, per_contributor(case.terms),
        grid=grid_of(*case.terms.bounds[ask.measure.column]) if isinstance(ask.measure, PrivateSum | PrivateMean) else None, codes=codes, memory_limit_mb=memory,
        scratch=desk.settings.scratch_dir,
    )  # fmt: skip
    drawn = {part.name: noisy(found.of(part.name), part) for part in planned.parts}
    return said_of(ask, planned.parts, drawn, codes, case)


def said_of(
    ask: PrivateAsk, parts: Iterable[Part], drawn: dict[str, list[int]], codes: list[str], case: Case
) -> dict[str, Any]:
    """The answer as it is stored: from noisy numbers alone."""
    by_name = {part.name: part for part in parts}
    assert case.terms is not None  # noqa: S101 - a reason otherwise
    match ask.measure:
        case PrivateHistogram(column=column):
            name, groups = "count", [column]
            rows = [
                {"group": {column: code}, "figures": {"count": value}}
                for code, value in zip(codes, drawn["count"], strict=True)
            ]
        case PrivateSum(column=column):
            name, groups = f"sum({column})", []
            rows = [{"group": {}, "figures": {name: _in_unit(drawn["sum"][0], by_name["sum"])}}]
        case PrivateMean(column=column):
            name, groups = f"mean({column})", []
            rows = [{"group": {}, "figures": {name: _mean(drawn, by_name, case.terms.bounds[column])}}]
        case _:
            name, groups = "count", []
            rows = [{"group": {}, "figures": {"count": drawn["count"][0]}}]
    return {
        "groups": groups, "measures": [name], "rows": rows,
        "notes": {
            "epsilon_micro": ask.epsilon_micro, "per_contributor": per_contributor(case.terms),
            "within95": {part.name: float(f"{part.within95:.3g}") for part in by_name.values()},
            "bounds": list(case.terms.bounds[column]) if isinstance(ask.measure, PrivateSum | PrivateMean) else None,
        },
    }  # fmt: skip


def _in_unit(steps: int, part: Part) -> float:
    return round(steps * part.step, 9)


def _mean(drawn: dict[str, list[int]], parts: dict[str, Part], bounds: tuple[float, float]) -> float | None:
    """Noisy sum by noisy count, within the bounds; None where the count is not clear of its own noise."""
    count = drawn["count"][0]
    if count <= parts["count"].within95:
        return None
    return round(min(max(drawn["sum"][0] * parts["sum"].step / count, bounds[0]), bounds[1]), 9)
