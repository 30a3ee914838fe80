"""The books of plans and agreements, and who sees them: whoever works for the whole bureau all, an operator its own agreements."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import col

from auth.actor import Actor
from auth.agreements import plan_workflow
from auth.agreements.tables import AgreementRow, PlanRow
from auth.agreements.workflow import FINAL, MACHINE, State, Step
from auth.casework.book import Book
from auth.roles import Role
from auth.scope import ENTERPRISE, sight

READ: Final = "auth:agreement:read"


def _bureau_roles(actor: Actor, _row: object) -> frozenset[Role]:
    """Roles held for the whole platform: a department's reviewer drafts no agreement of the district."""
    return frozenset(
        held.role
        for held in actor.roles
        if held.scope == "*" and held.lender is None and held.role not in ENTERPRISE
    )


def _sees_agreement(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(AgreementRow.operator_id).in_(seen.orgs))


def _sees_plan(actor: Actor) -> ColumnElement[bool]:
    return true() if sight(actor, READ).everything else false()


PLANS: Final = Book(
    kind="plan", table=PlanRow, machine=plan_workflow.MACHINE, states=plan_workflow.State, final=plan_workflow.FINAL,
    kinds={"open": "plan.drafted"} | {step.value: f"plan.{word}" for step, word in (
        (plan_workflow.Step.SAVE, "saved"), (plan_workflow.Step.SUBMIT, "submitted"), (plan_workflow.Step.RETURN, "returned"),
        (plan_workflow.Step.APPROVE, "approved"), (plan_workflow.Step.SUPERSEDE, "superseded"),
    )},
    seen_by=_sees_plan, roles=_bureau_roles,
)  # fmt: skip
AGREEMENTS: Final = Book(
    kind="agreement", table=AgreementRow, machine=MACHINE, states=State, final=FINAL,
    kinds={"open": "agreement.drafted"} | {step.value: f"agreement.{word}" for step, word in (
        (Step.SAVE, "saved"), (Step.SUBMIT, "submitted"), (Step.RETURN, "returned"), (Step.ACTIVATE, "activated"),
        (Step.TERMINATE, "terminated"), (Step.END, "ended"),
    )},
    seen_by=_sees_agreement, roles=_bureau_roles, says=lambda row: {"agreement_id": row.id, "operator_id": row.operator_id},
)  # fmt: skip
