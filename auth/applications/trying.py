"""A line of an application as if it were a grant in force, so that the rules can be asked before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError
from sqlmodel import col, select

from auth.actor import Actor
from auth.applications import queries, rules
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.grants import queries as grants
from auth.grants.stored import policy_of, scenario_of
from auth.grants.succession import take_over
from auth.grants.tables import GrantRow
from auth.grants.view import GrantView
from auth.grants.workflow import State
from auth.policy.model import GrantPolicy
from auth.policy.narrowing import Narrowing, narrowed
from core.errors import Conflict, InputRefused, NotFound
from core.faults import together
from core.ids import ApplicationId, GrantId
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Tried:
    """`view`: the policy that is tried, as a grant in force. `asked`: what the application asks; `current`: what already counts."""

    view: GrantView
    asked: GrantPolicy | None
    current: GrantPolicy | None
    department_id: str


def of_line(
    work: Work, actor: Actor, application_id: ApplicationId, line_id: str, narrowing: Narrowing | None = None
) -> Tried:
    """The line as narrowed here; else as offered, as proposed, or as asked. NotFound outside the actor's sight.

    Conflict while the request is incomplete; InputRefused for a narrowing that does not hold together.
    """
    row = queries.row(work, application_id, actor)
    ask = queries.ask_of(work, row)
    lines = queries.lines(work, row.id)
    at = next((i for i, line in enumerate(lines) if line.id == line_id), None)
    if at is None:
        raise NotFound(Text("该申请没有这一行。", "The application has no such line."))
    try:
        asked = rules.policy_asked(ask, ask.lines[at])
    except (ValidationError, ValueError) as fault:
        raise Conflict(
            Text(
                "该申请尚未填写完整，无法试算。", "The application is not complete; there is nothing to try."
            )
        ) from fault
    policy = tried_policy(asked, narrowing) if narrowing is not None else _standing(row, lines[at], asked)
    current = _current(work, row, lines[at])
    view = grants.view_of(work, _as_grant(row, lines[at], policy, current))
    return Tried(view, asked, policy_of(current) if current else None, lines[at].department_id)


def of_grant(work: Work, actor: Actor, grant_id: GrantId, narrowing: Narrowing | None = None) -> Tried:
    """The grant itself, or as a narrowing would leave it. NotFound outside the actor's sight."""
    row = grants.row(work, grant_id, actor)
    view = grants.view_of(work, row)
    if narrowing is None:
        return Tried(view, None, None, row.department_id)
    policy = tried_policy(view.policy, narrowing)
    stored = {"policy": policy.canonical().decode(), "policy_hash": policy.hash}
    changed = GrantRow(
        **row.model_dump() | stored | {"starts_at": policy.starts_at, "ends_at": policy.ends_at}
    )
    return Tried(grants.view_of(work, changed), None, view.policy, row.department_id)


def tried_policy(policy: GrantPolicy, narrowing: Narrowing) -> GrantPolicy:
    """The policy as narrowed. InputRefused when it does not hold together."""
    try:
        return narrowed(policy, narrowing)
    except (ValidationError, ValueError) as wrong:
        said = together(wrong, 1) if isinstance(wrong, ValidationError) else Text(str(wrong), str(wrong))
        raise InputRefused(
            Text(f"收窄内容不成立：{said.zh}", f"The narrowing does not hold together: {said.en}")
        ) from wrong


def _standing(row: ApplicationRow, line: ApplicationLineRow, asked: GrantPolicy) -> GrantPolicy:
    if line.offered:
        return queries.offered_policy(line.offered)
    for decision in queries.proposal_of(row).lines:
        if decision.line_id == line.id and decision.narrowing is not None:
            return tried_policy(asked, decision.narrowing)
    return asked


def _current(work: Work, row: ApplicationRow, line: ApplicationLineRow) -> GrantRow | None:
    """The grant in force of the same organisation, dataset and scenario: the one that is followed, else the newest."""
    wanted = select(GrantRow).where(
        GrantRow.org_id == row.org_id, GrantRow.dataset_id == line.dataset_id, GrantRow.state == State.ACTIVE
    )
    held = list(work.db.exec(wanted.order_by(col(GrantRow.id).desc())))
    followed = [each for each in held if each.id == row.from_grant_id]
    same = [each for each in held if scenario_of(each) == row.scenario_id]
    return next(iter((*followed, *same)), None)


def _as_grant(
    row: ApplicationRow, line: ApplicationLineRow, policy: GrantPolicy, current: GrantRow | None
) -> GrantRow:
    """Never stored. An amendment carries over what was used, as activation would."""
    found = GrantRow(
        id=f"line-{line.id}", application_id=row.id, line_id=line.id, org_id=row.org_id, dataset_id=line.dataset_id,
        department_id=line.department_id, title_zh=line.title_zh, title_en=line.title_en, state=State.ACTIVE,
        policy=policy.canonical().decode(), policy_hash=policy.hash, agreement_hash="", approved_by="[]",
        starts_at=policy.starts_at, ends_at=policy.ends_at, created_at=row.created_at, succession=row.succession,
        succeeds_id=row.from_grant_id,
    )  # fmt: skip
    if current is not None and current.id == row.from_grant_id:
        take_over(found, current)
    return found
