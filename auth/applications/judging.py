"""What a decision on each line would allow, and every reason for which it cannot stand. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from auth.actor import Actor
from auth.applications import plans, queries, references, rules
from auth.applications.gates import gates, of_policy
from auth.applications.models import LineDecision, Vote
from auth.applications.steps import Assets
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.applications.workflow import Step
from auth.policy import serving
from auth.policy.model import DeliveryForm, GrantPolicy
from auth.policy.serving import Holding, Holds, holds_nothing
from auth.profile.now import limits_now, profile
from auth.proof import standstill
from core.errors import InputRefused, Reason
from core.faults import together
from core.ids import ApplicationId, DatasetId, OrgId
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision on one line, the policy it offers, and what stands against it. `awaits`: the forms that it grants although they cannot
    be had yet."""

    line: ApplicationLineRow
    decision: LineDecision
    offered: GrantPolicy | None
    against: tuple[Reason, ...]
    awaits: tuple[DeliveryForm, ...] = ()


class Statement(BaseModel):
    """What one line's decision will allow: the whole policy, or nothing; and every reason for which it cannot stand."""

    line_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    outcome: str
    note: str
    policy: GrantPolicy | None
    policy_hash: str | None
    against: list[Reason]
    awaits: list[DeliveryForm]


def statement(
    work: Work, actor: Actor, application_id: ApplicationId, lines: Sequence[LineDecision], *, assets: Assets,
    holds: Holds = holds_nothing,
) -> list[Statement]:  # fmt: skip
    """What a decision will allow, before it is made. Writes nothing. NotFound outside the actor's sight."""
    row = queries.row(work, application_id, actor)
    return [
        Statement(
            line_id=each.line.id, dataset_id=each.line.dataset_id, title_zh=each.line.title_zh,
            title_en=each.line.title_en, outcome=each.decision.outcome, note=each.decision.note,
            policy=each.offered, policy_hash=each.offered.hash if each.offered else None, against=list(each.against),
            awaits=list(each.awaits),
        )
        for each in judge(work, row, lines, assets, holds)
    ]  # fmt: skip


def outcome_of(lines: Iterable[LineDecision]) -> Step:
    return Step.REJECT if all(line.outcome == "reject" for line in lines) else Step.OFFER


def judge(
    work: Work, row: ApplicationRow, decisions: Sequence[LineDecision], assets: Assets, holds: Holds
) -> list[Judged]:
    """Each line that is decided on, with its decision; nothing is written. InputRefused for a line that is not there, or twice."""
    lines = queries.lines(work, row.id)
    named = [decision.line_id for decision in decisions]
    if len(set(named)) != len(named) or not set(named) <= {line.id for line in lines}:
        raise InputRefused(Text("须对每一行作出且仅作出一次决定。", "Decide on each line, once."))
    ask, votes = queries.ask_of(work, row), _votes(work, row)
    by_line = {decision.line_id: decision for decision in decisions}
    found = []
    for line, asked_line in zip(lines, ask.lines, strict=True):
        if line.id not in by_line:
            continue
        asked = rules.policy_asked(ask, asked_line)
        decision = _by_account(work, row, by_line[line.id])
        offered = _offered(line, decision, asked)
        asset = assets(DatasetId(line.dataset_id))
        held = held_for(offered, holds)
        against = (
            *rules.decision_objections(
                decision, asked, offered, votes.get(line.id, []), asset, limits_now(work), held
            ),
            *(plans.outgrown(work, row, line, asked_line, asset) if offered is not None else ()),
            *(of_policy(work, asset, offered) if offered is not None else ()),
            *(references.of_policy(work, OrgId(row.org_id), offered) if offered is not None else ()),
        )
        awaits: tuple[DeliveryForm, ...] = ()
        if offered is not None:
            case = serving.case_of(offered, asset, limits_now(work), held)
            awaits = tuple(f for f in serving.waiting(case, offered.delivery_forms) if f in decision.awaits)
        found.append(Judged(line, decision, offered, against, awaits))
    return found


def held_for(policy: GrantPolicy | None, holds: Holds) -> Holding:
    """What the dataset has, looked up only where the policy's forms ask for it."""
    if policy is None or not serving.looks_at_holding(policy.delivery_forms, policy.safeguards):
        return Holding()
    return holds(policy.dataset_id)


def _by_account(work: Work, row: ApplicationRow, decision: LineDecision) -> LineDecision:
    """The decision with the members that it leaves by their accounts, where it names them by user name. InputRefused for an unknown one."""
    narrowing = decision.narrowing
    if narrowing is None or not narrowing.members:
        return decision
    members = references.members_of(work, OrgId(row.org_id), narrowing.members)
    return decision.model_copy(update={"narrowing": narrowing.model_copy(update={"members": members})})


def against_decision(work: Work, row: ApplicationRow, judged: list[Judged]) -> list[Reason]:
    """What stands against the decision as a whole, and what against each line."""
    found = list(gates(work, row)) if outcome_of(each.decision for each in judged) is Step.OFFER else []
    return [
        *standstill.against(work, profile(work)),
        *found,
        *(reason for each in judged for reason in each.against),
    ]


def _offered(line: ApplicationLineRow, decision: LineDecision, asked: GrantPolicy) -> GrantPolicy | None:
    try:
        return rules.decided_policy(asked, decision)
    except (ValidationError, ValueError) as wrong:
        said = together(wrong, 1) if isinstance(wrong, ValidationError) else Text(str(wrong), str(wrong))
        raise InputRefused(
            Text(
                f"{line.dataset_id} 的收窄内容不成立：{said.zh}",
                f"The narrowing of {line.dataset_id} does not hold together: {said.en}",
            )
        ) from wrong


def _votes(work: Work, row: ApplicationRow) -> dict[str, list[Vote]]:
    found: dict[str, list[Vote]] = {}
    for review in queries.reviews(work, row):
        for line_id, vote in json.loads(review.lines).items():
            found.setdefault(line_id, []).append(vote["vote"])
    return found
