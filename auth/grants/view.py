"""A grant as rules and enforcement see it: frozen, with its policy and what has been used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from auth.grants.workflow import State
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy
from core.errors import Reason
from core.ids import ApplicationId, DatasetId, GrantId, OrgId


def day_of(at: datetime) -> str:
    """The local day of an instant: `2026-03-14`."""
    return str(at.astimezone(LOCAL).date())


@dataclass(frozen=True, slots=True)
class Used:
    """What the grant has delivered so far: totals, how often it was asked today and in this month, and for how many results of the enclave."""

    extracts: int = 0
    rows: int = 0
    bytes: int = 0
    per_day: int = 0
    per_month: int = 0
    outputs_per_month: int = 0


@dataclass(frozen=True, slots=True)
class GrantView:
    """One grant at one instant. `policy_hash` is what was agreed; it must equal `policy.hash`.

    `blocks`: what stands against it from outside its own terms at this instant, such as a freeze. `if_shared`: what besides,
    if its dataset turns out to have come by sharing.
    """

    id: GrantId
    state: State
    org_id: OrgId
    dataset_id: DatasetId
    policy: GrantPolicy
    policy_hash: str
    used: Used
    application_id: ApplicationId
    blocks: tuple[Reason, ...] = ()
    if_shared: tuple[Reason, ...] = ()

    @property
    def starts_at(self) -> datetime:
        return self.policy.starts_at

    @property
    def ends_at(self) -> datetime:
        return self.policy.ends_at
