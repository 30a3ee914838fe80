"""What an enterprise holds and has asked for, for the start page of its people: grants with the ways to use them, applications under way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.agenda import title_of
from auth.actor import Actor
from auth.applications import listing
from auth.applications.workflow import STATE_NAMES, State
from auth.grants import reading
from auth.grants.reading import GrantRead
from auth.grants.workflow import State as GrantState
from auth.identity.rules import ENTERPRISE_ROLES
from auth.policy.model import EXTRACT_FORMS, STATISTIC_FORMS, DeliveryForm
from core.text import Text
from core.work import Work
from datasets.queries.deciding import ASK

SHOWN: Final = 6
WAYS: Final = (
    (EXTRACT_FORMS, "datasets:extract:request", "/extracts/new?grant={}", Text("提取", "Extract")),
    (STATISTIC_FORMS, ASK, "/queries/new?grant={}", Text("查询", "Query")),
    (frozenset({DeliveryForm.VERIFY}), ASK, "/verifications/new?grant={}", Text("核验", "Verify")),
    (frozenset({DeliveryForm.ENCLAVE}), ASK, "/enclave/new?grant={}", Text("域内计算", "Enclave")),
    (frozenset({DeliveryForm.PREVIEW}), ASK, "/previews/grants/{}", Text("脱敏预览", "Preview")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One use that the grant allows this person."""

    label: Text
    href: str


@dataclass(frozen=True, slots=True)
class Holding:
    """A grant in force; `days` until it ends, `ways` empty where it does not count at this moment."""

    grant: GrantRead
    days: int
    ways: list[Way]


@dataclass(frozen=True, slots=True)
class Asked:
    """An application that is not decided yet."""

    title: Text
    href: str
    state: State
    note: Text
    at: datetime


@dataclass(frozen=True, slots=True)
class Holdings:
    """The first of each, and how many there are."""

    grants: list[Holding]
    grants_total: int
    applications: list[Asked]
    applications_total: int


def holdings(work: Work, actor: Actor) -> Holdings | None:
    """The grants that end first and the newest applications of the actor's organisation; None for whoever is of no enterprise."""
    if not actor.role_kinds & ENTERPRISE_ROLES:
        return None
    held, held_total = reading.grants(work, actor, state=GrantState.ACTIVE, sort="ends", limit=SHOWN)
    rows, total = listing.listed(work, actor, under_way=True, limit=SHOWN)
    return Holdings(
        [Holding(each, max((each.ends_at - work.now).days, 0), list(_ways(actor, each))) for each in held],
        held_total,
        [
            Asked(title_of(work, row.id), f"/applications/{row.id}", state, STATE_NAMES[state], row.submitted_at or row.created_at)
            for row in rows
            for state in (State(row.state),)
        ],
        total,
    )  # fmt: skip


def _ways(actor: Actor, grant: GrantRead) -> Iterator[Way]:
    forms = frozenset(grant.policy["delivery_forms"])
    for wanted, permission, href, label in WAYS:
        if grant.is_effective and forms & wanted and actor.may_in(permission, grant.org_id):
            yield Way(label, href.format(grant.id))
