"""Whose signature each line of a decision needs: only somebody whose scope covers the data of that line may decide on it.

An application over several departments is decided line by line, each by an approver of its department or of the whole
platform; it is decided when every line has as many signatures as its level wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auth.actor import PLATFORM, Actor
from auth.applications import deeds, plans, queries, steps
from auth.applications.tables import ApplicationLineRow, ApplicationRow
from auth.papers import cover as papers
from auth.policy import separation
from auth.policy.rules import refused
from auth.policy.separation import Past
from auth.roles import Role
from core.errors import Reason
from core.work import Work

SCOPE = "审批范围 · scope of the approver"


@dataclass(frozen=True, slots=True)
class Docket:
    """What one approver finds to do. `open`: lines in scope without a decision; `to_sign`: decided lines that lack this signature.

    `beyond`: departments of lines outside the scope; `held_back`: why decided lines in scope may not be signed by this person.
    """

    open: tuple[str, ...]
    to_sign: tuple[str, ...]
    beyond: frozenset[str]
    held_back: tuple[Reason, ...]


def covered(department_id: str, scopes: Iterable[str]) -> bool:
    """Whether an approver with these scopes may decide on data of the department."""
    return any(scope in (PLATFORM, department_id) for scope in scopes)


def docket(work: Work, actor: Actor, row: ApplicationRow) -> Docket:
    """What this actor may decide or sign now, judged by scope and by rule 3; the rest of the rules is asked elsewhere."""
    scopes = {held.scope for held in actor.roles if held.role is Role.APPROVER}
    lines = queries.lines(work, row.id)
    approval, signed = plans.approval_of(work, row), signatures(work, row)
    mine = [line for line in lines if covered(line.department_id, scopes)]
    doer = steps.doer(work, actor)
    to_sign: list[str] = []
    held_back: list[Reason] = []
    for line in mine:
        past = signed.get(line.id, ())
        if not past or len(past) >= approval.count:
            continue
        against = tuple(
            separation.approvers_are_distinct(doer, past, distinct_departments=approval.distinct_departments)
        )
        if against:
            held_back.extend(reason for reason in against if reason not in held_back)
        else:
            to_sign.append(line.id)
    return Docket(
        tuple(line.id for line in mine if line.id not in signed),
        tuple(to_sign),
        frozenset(line.department_id for line in lines if line not in mine),
        tuple(held_back),
    )


def signatures(work: Work, row: ApplicationRow) -> Mapping[str, tuple[Past, ...]]:
    """By line of the decision that stands proposed: who signed it, oldest first."""
    return {
        line_id: tuple(deeds.past_of(event) for event in signed)
        for line_id, signed in deeds.signing(work, row).items()
    }


def beyond(lines: Iterable[ApplicationLineRow], named: Iterable[str], actor: Actor) -> tuple[Reason, ...]:
    """Why these lines are not this approver's to decide; () when all lie within the scope."""
    scopes = {held.scope for held in actor.roles if held.role is Role.APPROVER}
    wanted = set(named)
    outside = sorted(
        {
            line.department_id
            for line in lines
            if line.id in wanted and not covered(line.department_id, scopes)
        }
    )
    if not outside:
        return ()
    return (
        refused(
            "beyond-your-departments",
            f"以下部门的数据不在您的审批范围内：{'、'.join(outside)}；请只对本范围内的行作出决定，其余由相应部门的审批人办理。",
            f"Data of these departments lie beyond your scope: {', '.join(outside)}; decide on your own lines, approvers of those decide on theirs.",
            SCOPE,
            departments=outside,
        ),
    )


def proposed_within(work: Work, actor: Actor, row: ApplicationRow) -> list[str]:
    """The lines of the decision that stands proposed that lie within this approver's scope, signed or not: what he may object to."""
    proposed = deeds.signing(work, row)
    return [
        line.id
        for line in queries.lines(work, row.id)
        if line.id in proposed and not beyond([line], [line.id], actor)
    ]


def decision_objections(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    """Why this person may not decide on any line now: rules 1 and 2, or nothing in scope that is still open."""
    found = (
        *separation_of_decider(work, actor, row),
        *_of_a_department(work, actor, row),
        *papers.blocking(work, row),
    )
    if found or docket(work, actor, row).open:
        return found
    return (
        refused(
            "nothing-left-to-decide",
            "您审批范围内的各行均已有决定。",
            "Every line within your scope has its decision already.",
            SCOPE,
        ),
    )


def _of_a_department(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    """Rule 3 at the first signature: it must name the department from which the second shall differ."""
    lender = steps.on_behalf(work, actor, row)
    orgs = (actor.org_id, lender.org_id if lender else None)
    apart = plans.approval_of(work, row).distinct_departments
    return tuple(separation.signs_for_a_department(orgs, distinct_departments=apart))


def concurrence_objections(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    """Why this person may not sign: rules 1 and 2, and 3 where no line is left that this signature would count on."""
    found = (
        *separation_of_decider(work, actor, row),
        *_of_a_department(work, actor, row),
        *papers.blocking(work, row),
    )
    mine = docket(work, actor, row)
    if mine.to_sign:
        return found
    return (
        *found,
        *(
            [reason for reason in mine.held_back if reason not in found]
            if mine.held_back
            else beyond(queries.lines(work, row.id), deeds.signing(work, row), actor) or _nothing()
        ),
    )


def _nothing() -> tuple[Reason, ...]:
    return (
        refused(
            "nothing-left-to-sign",
            "没有等待您签字的行。",
            "No line waits for your signature.",
            SCOPE,
        ),
    )


def separation_of_decider(work: Work, actor: Actor, row: ApplicationRow) -> tuple[Reason, ...]:
    """Rules 1 and 2."""
    past = deeds.past(work, row.id)
    return (
        *separation.not_of_the_applicant(steps.doer(work, actor), row.org_id, past),
        *separation.reviewer_does_not_decide(steps.doer(work, actor), past),
    )
