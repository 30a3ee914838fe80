"""Segregation of duties: who may not take a step because of what the same person, or organisation, did before.

Judged on the person and the organisation recorded with the earlier event, never on present roles: changing role, account
or employer in between helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from core.errors import Reason
from core.text import Text

BASIS: Final = "职责分离 · segregation of duties"
APPLICANT_SIDE: Final = frozenset(
    {"create", "save", "confirm", "submit", "withdraw", "accept_terms", "decline", "counter", "relinquish"}
)
RETURNED_IN_REVIEW: Final = "return_in_review"
REVIEWS: Final = frozenset({"screen_ok", "screen_return", "screen_reject", "review", RETURNED_IN_REVIEW})
SIGNS: Final = frozenset({"propose", "concur", "offer"})
SUSPENSIONS: Final = frozenset({"suspend", "suspend_by_rule", "suspend-dormant"})
DECISIONS: Final = SIGNS | {"dissent", "reject", "return"}


@dataclass(frozen=True, slots=True)
class Past:
    """Something that somebody did to this case before. `for_…`: the decider for whom a deputy did it, as of then."""

    step: str
    person_id: str
    org_id: str | None
    for_person: str = ""
    for_org: str | None = None


@dataclass(frozen=True, slots=True)
class Doer:
    """Who wants to act now. `orgs`: of all accounts of that person, so that a second account changes nothing.

    `pair`: who counts as one person with him, as deputy or principal; their organisations stand in `orgs` too.
    """

    person_id: str
    orgs: frozenset[str]
    pair: frozenset[str] = frozenset()

    @property
    def persons(self) -> frozenset[str]:
        return self.pair | {self.person_id}

    def did(self, event: Past) -> bool:
        """Whether that was this person, somebody who counts as him, or a deputy of either."""
        return event.person_id in self.persons or event.for_person in self.persons


def _reason(rule: int, zh: str, en: str) -> Reason:
    return Reason(f"separation-of-duties-{rule}", Text(zh, en), f"{BASIS} ({rule})")


def not_of_the_applicant(doer: Doer, applicant_org: str, past: Iterable[Past]) -> Iterator[Reason]:
    """Rule 1: whoever belongs, or belonged, to the applicant's side neither reviews nor decides."""
    own = applicant_org in doer.orgs or any(
        doer.did(event) and (event.step in APPLICANT_SIDE or event.org_id == applicant_org) for event in past
    )
    if own:
        yield _reason(
            1,
            "您属于或曾代表申请方，不得审核或审批本方的申请；请由其他人员办理。",
            "You belong to the applicant's side, or acted for it; somebody else must review and decide this case.",
        )


def reviewer_does_not_decide(doer: Doer, past: Iterable[Past]) -> Iterator[Reason]:
    """Rule 2, seen by the approver: whoever screened or reviewed does not decide."""
    if any(doer.did(event) and event.step in REVIEWS for event in past):
        yield _reason(
            2,
            "您已审核过本申请，不得再作审批；请由另一位审批人决定。",
            "You reviewed this application; another approver must decide it.",
        )


def decider_does_not_review(doer: Doer, past: Iterable[Past]) -> Iterator[Reason]:
    """Rule 2, seen by the reviewer: whoever decided in an earlier round does not review."""
    if any(doer.did(event) and event.step in DECISIONS for event in past):
        yield _reason(
            2,
            "您已对本申请作过决定，不得再作审核；请由另一位审核人办理。",
            "You decided on this application before; another reviewer must take it.",
        )


def approvers_are_distinct(
    doer: Doer, signed: Iterable[Past], *, distinct_departments: bool
) -> Iterator[Reason]:
    """Rule 3. `signed`: what the approvers before did to this proposal, with their organisation of that moment."""
    earlier = tuple(signed)
    if any(doer.did(event) for event in earlier):
        yield _reason(
            3,
            "您已在本决定上签字；须由另一人签字。",
            "You have signed this decision; another person must sign it.",
        )
        return
    if not distinct_departments:
        return
    if not doer.orgs:
        yield _no_department()
    if any(not (event.org_id or event.for_org) for event in earlier):
        yield _reason(
            3,
            "在先的签字未记明所属部门，无法认定两位审批人来自不同部门；请提出异议，由有部门的审批人重新拟定。",
            "The signature before yours names no department, so that nobody can tell the two apart; object, and let an approver of a department propose anew.",
        )
    elif any({event.org_id, event.for_org} & doer.orgs for event in earlier):
        yield _reason(
            3,
            "敏感数据的两位审批人须来自不同部门；请由另一部门的审批人签字。",
            "Two approvers of sensitive data come from different departments; an approver of another one must sign.",
        )


def signs_for_a_department(orgs: Iterable[str | None], *, distinct_departments: bool) -> Iterator[Reason]:
    """Rule 3, at the first signature. `orgs`: of the account that signs, and of whom it signs for."""
    if distinct_departments and not any(orgs):
        yield _no_department()


def _no_department() -> Reason:
    return _reason(
        3,
        "敏感数据的两位审批人须来自不同部门，而您的账号不属于任何部门；请由有部门的审批人签字，或由一名系统管理员为您新建所属部门的账号，其角色由另一名确认。",
        "Two approvers of sensitive data come from different departments, and your account belongs to none; let an approver of a department sign, or have a system administrator make you a new account of your department, its role confirmed by a second one.",
    )


def approver_does_not_activate(doer: Doer, approvers: Iterable[str]) -> Iterator[Reason]:
    """Rule 4. `approvers`: persons who decided the application."""
    if doer.persons & set(approvers):
        yield _reason(
            4,
            "您审批了该授权，不得由您使其生效；请由另一位数据专员办理。",
            "You approved this grant; another steward must activate it.",
        )


def suspender_does_not_resume(doer: Doer, past: Iterable[Past]) -> Iterator[Reason]:
    """Rule 5, judged on the latest suspension."""
    suspensions = [event for event in past if event.step in SUSPENSIONS]
    if suspensions and doer.did(suspensions[-1]):
        yield _reason(
            5,
            "您暂停了该授权，不得由您恢复；请由另一位安全管理员办理。",
            "You suspended this grant; another security officer must resume it.",
        )
