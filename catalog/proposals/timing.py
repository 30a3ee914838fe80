"""Accepted for a later moment: nothing of it is seen before, and the worker carries the decision out when its moment has come.

The record must then be what was accepted. Where it is not, where it is incomplete by then, withdrawn, or frozen after an
incident, nothing takes effect: the proposal goes back to its author with the reason, and both persons are told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.incidents import freezes
from auth.messages.service import tell
from auth.stamps import acting_for, stamp
from catalog import conditions
from catalog import queries as records
from catalog.proposals.models import ProposalRead, ProposalTiming
from catalog.proposals.service import against, decided, demand_unchanged, for_step, let_stand, read
from catalog.proposals.tables import ProposalRow
from catalog.proposals.workflow import ProposalState, ProposalStep, advance
from catalog.tables import DatasetRow
from catalog.workflow import State, Step
from catalog.workflow import advance as advance_record
from core.errors import AccessRefused, AppError, InputRefused
from core.text import Text
from core.work import Work

LONGEST: Final = timedelta(days=366)


def accept_at(work: Work, actor: Actor, proposal_id: str, body: ProposalTiming) -> ProposalRead:
    """Accept it for a later moment, or name another moment. Raises what accepting at once would raise, and InputRefused."""
    made, row = for_step(work, actor, proposal_id, ProposalStep.TIME, body.version)
    if not work.now < body.at <= work.now + LONGEST:
        raise InputRefused(
            Text(
                "生效时间须晚于现在，且不超过一年；要立即生效请直接通过。",
                "The moment lies ahead, within a year; to let it stand at once, accept it.",
            ),
            field="at",
        )
    demand_unchanged(work, made, row)
    conditions.demand_complete(row.id, against(work, made, row))
    if made.kind == "publish":
        advance_record(State(row.state), Step.PUBLISH)
    former = made.takes_effect_at
    made.state = advance(ProposalState(made.state), ProposalStep.TIME)
    made.takes_effect_at, made.decided, made.decided_at = body.at, stamp(actor), work.now
    made.version += 1
    work.db.add(made)
    work.db.flush()
    audit.record(
        work, actor, "dataset.proposal_timed", subject=made.id, dataset_id=row.id,
        payload={
            "kind": made.kind, "proposed_by": made.proposed["account_id"], "takes_effect_at": body.at.isoformat(),
            "instead_of": former.isoformat() if former else None,
        },
    )  # fmt: skip
    return read(made, row)


def due(work: Work) -> list[str]:
    """The proposals whose moment has come, in its order."""
    wanted = select(ProposalRow.id).where(
        ProposalRow.state == ProposalState.TIMED, col(ProposalRow.takes_effect_at) <= work.now
    )
    return list(work.db.exec(wanted.order_by(col(ProposalRow.takes_effect_at), col(ProposalRow.id))))


def carry_out(work: Work, proposal_id: str) -> ProposalRead | None:
    """Let it stand as the decision of the person who accepted it; None where it is due no more.

    Raises what `accept` raises, and AccessRefused while the record or its department is frozen.
    """
    if (found := _locked(work, proposal_id)) is None:
        return None
    made, row = found
    if frozen := freezes.reasons(work, orgs=[row.publisher], dataset_id=row.id):
        raise AccessRefused(frozen[0].text, reasons=frozen)
    who, when = acting_for(made.decided or {}), made.decided_at
    let_stand(work, who, made, row)
    done = decided(work, who, made, row, ProposalStep.ACCEPT, "")
    made.decided_at = when
    work.db.add(made)
    _tell(work, made, row, "proposal.took_effect")
    return done.model_copy(update={"decided_at": when})


def lapse(work: Work, proposal_id: str, refusal: AppError) -> ProposalRead | None:
    """Return what could not take effect to its author, with the reason."""
    if (found := _locked(work, proposal_id)) is None:
        return None
    made, row = found
    _tell(work, made, row, "proposal.lapsed")
    reason = f"{refusal.detail.zh} · {refusal.detail.en}"[:2000]
    return decided(work, SYSTEM, made, row, ProposalStep.RETURN, reason)


def _locked(work: Work, proposal_id: str) -> tuple[ProposalRow, DatasetRow] | None:
    made = work.db.get(ProposalRow, proposal_id)
    if made is None:
        return None
    row = records.writable(work, SYSTEM, made.dataset_id)
    work.db.refresh(made)
    if made.state != ProposalState.TIMED or made.takes_effect_at is None or made.takes_effect_at > work.now:
        return None
    return made, row


def _tell(work: Work, made: ProposalRow, row: DatasetRow, kind: str) -> None:
    both = [who["account_id"] for who in (made.proposed, made.decided) if who]
    tell(
        work, both, kind, subject=made.id, href=f"/record-proposals/{made.id}", once=f"{made.id}|{made.version}",
        facts={"dataset": row.id, "title_zh": row.title_zh, "title_en": row.title_en or row.title_zh},
    )  # fmt: skip
