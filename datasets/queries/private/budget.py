"""The privacy budget of a dataset: caps that an approver sets, accounts that only ever fill, reservations before any noise."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CursorResult, func, update
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.asset import out_of_reach
from auth.delegations.standing import persons
from auth.policy.filters.rules import LOCAL
from auth.profile.now import limits_now
from auth.scope import sight
from catalog.assets import asset
from core.errors import InputRefused, Reason, refuse_if
from core.text import Text
from core.work import Work, hold
from datasets.queries import terms
from datasets.queries.private.caps import last_cap
from datasets.queries.private.model import MILLION, Account, BudgetRead, CapRead, CapWrite
from datasets.queries.private.rules import BASIS, KINDS, budget_reasons, cap_of
from datasets.queries.private.tables import PrivacyAccountRow, PrivacyCapRow, PrivacySpendRow
from datasets.queries.tables import AnswerRow

CAP: Final = "datasets:query:cap"
READ: Final = "datasets:query:read"


def period_of(now: datetime) -> str:
    """The calendar year, local. What was told in earlier years stays told: losses add up over the years."""
    return str(now.astimezone(LOCAL).year)


def cap_in_force(work: Work, dataset_id: str) -> CapRead | None:
    row = last_cap(work, dataset_id)
    return CapRead.model_validate(row, update={"set_by": row.set_name}) if row else None


def set_cap(work: Work, actor: Actor, dataset_id: str, body: CapWrite) -> CapRead:
    """Set new caps; NotFound outside the actor's reach, AccessRefused for the person who set the terms, InputRefused beyond the limit."""
    held = asset(work, dataset_id)
    if not actor.may_in(CAP, held.org_id):
        raise out_of_reach(
            held,
            Text(
                "没有这个数据集，或不归您审批。", "There is no such dataset, or it is not yours to approve."
            ),
        )
    hold(work, f"query:{dataset_id}")
    hold(work, f"privacy:{dataset_id}")
    known = terms.last_row(work, dataset_id)
    if known is not None and known.set_person in persons(work, actor):
        text = Text(
            "查询条款由您设定，预算上限须由另一人设定。",
            "You set the terms for queries; another person must set the cap.",
        )
        refuse_if((Reason("terms-setter-sets-no-cap", text, "职责分离 · segregation of duties"),))
    most = limits_now(work)["query_dp_cap_most"]
    if body.dataset_micro > most:
        text = Text(
            f"上限不得超过 ε {most / MILLION:g}（每年）。",
            f"The cap may be epsilon {most / MILLION:g} a year at most.",
        )
        raise InputRefused(text, field="dataset_micro", reasons=[Reason("cap-too-high", text, BASIS)])
    last = cap_in_force(work, dataset_id)
    row = PrivacyCapRow(
        id=work.new_id(), dataset_id=dataset_id, version=(last.version if last else 0) + 1, set_by=actor.account_id, set_person=actor.person_id,
        set_name=actor.username, set_at=work.now, **body.model_dump(),
    )  # fmt: skip
    work.db.add(row)
    audit.record(
        work, actor, "query.cap_set", subject=dataset_id, dataset_id=dataset_id, payload={"version": row.version} | body.model_dump()
    )  # fmt: skip
    work.db.flush()
    return CapRead.model_validate(row, update={"set_by": row.set_name})


def holders(org_id: str, grant_id: str, account_id: str) -> dict[str, str]:
    """Whose account of each kind a question is charged to."""
    return {"dataset": "", "org": org_id, "grant": grant_id, "user": account_id}


def spent(work: Work, dataset_id: str, held_by: dict[str, str]) -> dict[str, int]:
    """What these accounts have spent in this period, by kind."""
    wanted = select(PrivacyAccountRow).where(
        PrivacyAccountRow.dataset_id == dataset_id, PrivacyAccountRow.period == period_of(work.now)
    )
    return {row.kind: row.spent_micro for row in work.db.exec(wanted) if held_by.get(row.kind) == row.holder}


def spent_of(work: Work, grant_ids: Collection[str]) -> int:
    """What these grants have spent since they began, whatever the period."""
    wanted = select(func.coalesce(func.sum(PrivacySpendRow.epsilon_micro), 0))
    return int(work.db.exec(wanted.where(col(PrivacySpendRow.grant_id).in_(grant_ids))).one())


def reserve(work: Work, actor: Actor, answer: AnswerRow, epsilon_micro: int) -> None:
    """Take epsilon from all four accounts, or AccessRefused with every account that is short, and nothing taken.

    Each is one conditional UPDATE: however many ask at once, no account passes its cap. There is no way to give back.
    """
    hold(work, f"privacy:{answer.dataset_id}")
    held_by, period = holders(answer.org_id, answer.grant_id, actor.account_id), period_of(work.now)
    cap = cap_in_force(work, answer.dataset_id)
    refuse_if(tuple(budget_reasons(epsilon_micro, cap, spent(work, answer.dataset_id, held_by))))
    assert cap is not None  # noqa: S101 - a reason otherwise
    for kind, holder in held_by.items():
        _open(work, answer, period, kind, holder)
        account = (
            col(PrivacyAccountRow.dataset_id) == answer.dataset_id, col(PrivacyAccountRow.period) == period,
            col(PrivacyAccountRow.kind) == kind, col(PrivacyAccountRow.holder) == holder,
        )  # fmt: skip
        now = col(PrivacyAccountRow.spent_micro)
        taken = work.db.execute(
            update(PrivacyAccountRow)
            .where(*account, now + epsilon_micro <= cap_of(cap, kind))
            .values(spent_micro=now + epsilon_micro),
            execution_options={"synchronize_session": False},
        )
        assert isinstance(taken, CursorResult)  # noqa: S101 - an UPDATE always gives one
        if taken.rowcount != 1:  # rolled back with the rest of the transaction
            refuse_if(tuple(budget_reasons(epsilon_micro, cap, {kind: cap_of(cap, kind)})))
    work.db.add(
        PrivacySpendRow(
            id=work.new_id(), answer_id=answer.id, dataset_id=answer.dataset_id, period=period, org_id=answer.org_id,
            grant_id=answer.grant_id, account_id=actor.account_id, epsilon_micro=epsilon_micro, at=work.now,
        )
    )  # fmt: skip
    work.db.flush()


def _open(work: Work, answer: AnswerRow, period: str, kind: str, holder: str) -> None:
    """Open the account at the first question of a period; the caller holds the dataset's budget."""
    wanted = select(PrivacyAccountRow.id).where(
        PrivacyAccountRow.dataset_id == answer.dataset_id, PrivacyAccountRow.period == period,
        PrivacyAccountRow.kind == kind, PrivacyAccountRow.holder == holder,
    )  # fmt: skip
    if work.db.exec(wanted).first() is None:
        work.db.add(
            PrivacyAccountRow(
                id=work.new_id(), dataset_id=answer.dataset_id, period=period, kind=kind, holder=holder,
                name=answer.asked_name if kind == "user" else holder,
            )
        )  # fmt: skip
        work.db.flush()


def shown(work: Work, actor: Actor, dataset_id: str) -> BudgetRead:
    """The budget as this reader may see it: its total is public, its parts are shown to whom they concern.

    An organisation sees its own account and its grants', an account itself; the department's steward, the approver and the
    watchers see every part. NotFound for datasets that are neither published nor the reader's to look after.
    """
    held = asset(work, dataset_id)
    looks_after = any(actor.may_in(each, held.org_id) for each in (CAP, terms.PERMISSION))
    if not (held.is_listed or looks_after):
        raise out_of_reach(held, Text("没有这个数据集。", "There is no such dataset."))
    seen = sight(actor, READ)
    everything = looks_after or seen.everything
    cap, period = cap_in_force(work, dataset_id), period_of(work.now)
    wanted = select(PrivacyAccountRow).where(
        PrivacyAccountRow.dataset_id == dataset_id, PrivacyAccountRow.period == period
    )
    rows = sorted(work.db.exec(wanted), key=lambda row: (KINDS.index(row.kind), row.name))
    own = _own(work, dataset_id, period, actor, seen.orgs)
    visible = [row for row in rows if row.kind != "dataset" and (everything or (row.kind, row.holder) in own)]
    total = sum(row.spent_micro for row in rows if row.kind == "dataset")
    return BudgetRead(
        dataset_id=dataset_id, period=period, cap=cap, spent_micro=total,
        left_micro=max((cap.dataset_micro if cap else 0) - total, 0),
        accounts=[_account(row, cap) for row in visible],
        earlier=_earlier(work, dataset_id, period),
    )  # fmt: skip


def _own(
    work: Work, dataset_id: str, period: str, actor: Actor, orgs: frozenset[str]
) -> set[tuple[str, str]]:
    grants = select(PrivacySpendRow.grant_id).where(
        PrivacySpendRow.dataset_id == dataset_id, PrivacySpendRow.period == period, col(PrivacySpendRow.org_id).in_(orgs)
    )  # fmt: skip
    found = {("org", org) for org in orgs} | {("grant", each) for each in work.db.exec(grants.distinct())}
    return found | ({("user", actor.account_id)} if actor.is_signed_in else set())


def _account(row: PrivacyAccountRow, cap: CapRead | None) -> Account:
    most = cap_of(cap, row.kind) if cap else 0
    return Account.model_validate(
        row, update={"cap_micro": most, "left_micro": max(most - row.spent_micro, 0)}
    )


def _earlier(work: Work, dataset_id: str, period: str) -> list[dict[str, Any]]:
    """What was spent of the dataset in earlier years: it adds up."""
    wanted = (
        select(PrivacyAccountRow.period, func.sum(PrivacyAccountRow.spent_micro))
        .where(
            PrivacyAccountRow.dataset_id == dataset_id, PrivacyAccountRow.kind == "dataset",
            PrivacyAccountRow.period != period,
        )
        .group_by(col(PrivacyAccountRow.period))
        .order_by(col(PrivacyAccountRow.period))
    )  # fmt: skip
    return [{"period": each, "spent_micro": int(used)} for each, used in work.db.exec(wanted)]
