"""Which live grants hang on a consent: on it alone, so that they stop with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlmodel import col, select

from auth.consents import cover
from auth.consents.tables import ConsentRow
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.policy.model import GrantPolicy
from core.errors import Unavailable
from core.work import Work


def live(work: Work, dataset_id: str, org_id: str = "") -> Iterator[tuple[GrantRow, GrantPolicy]]:
    """Grants on the dataset that have not ended, with their policies; what cannot be read is out of use already."""
    wanted = select(GrantRow).where(
        GrantRow.dataset_id == dataset_id, GrantRow.ends_at > work.now,
        col(GrantRow.state).in_([State.PENDING, State.ACTIVE, State.SUSPENDED]),
    )  # fmt: skip
    if org_id:
        wanted = wanted.where(GrantRow.org_id == org_id)
    for grant in work.db.exec(wanted.order_by(col(GrantRow.id))):
        try:
            policy = policy_of(grant)
        except Unavailable:
            continue
        yield grant, policy


def stopped(work: Work, row: ConsentRow, org_id: str = "") -> list[GrantRow]:
    """Live grants that no consent covers today and that this one would, if it had not been withdrawn or were not over."""
    left = cover.confirmed(work, row.dataset_id, without=row.id)
    held = cover.consent_of(row)
    held = replace(held, ends_on=max(held.ends_on, cover.day_of(work)))
    return [
        grant
        for grant, policy in live(work, row.dataset_id, org_id)
        if cover.today(work, policy, left) and not cover.today(work, policy, [held])
    ]


def has_stopped(work: Work, row: ConsentRow, org_id: str) -> bool:
    """Whether a grant of this organisation stopped with the consent."""
    return bool(stopped(work, row, org_id))
