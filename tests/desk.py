"""A desk for tests of applications and grants: organisations, people, datasets, and factories that walk the real workflow.

    desk = a_desk(house)
    application = an_application(desk, at=State.OFFERED)                # submits, screens, reviews, decides
    grant = a_grant(desk)                                               # … accepts the terms and activates: ACTIVE
    grant = a_grant(desk, at="PENDING", quotas={"extracts": 2})         # `quotas`, `columns`, `forms`, `row_filter`, …
    with desk.write("steward_b") as (work, actor): ...                  # act as somebody

People: applicant, officer, analyst (insurer); applicant2, officer2 (mapper); screener, screener2 (department `parks`);
parks_approver (second signature of sensitive data); security, approver, approver2, watch, watch2 (security officers), auditor, checker, checker2 (bureau); parks_checker, steward_a, steward_b (parks); clerk, clerk2 (bureau: draft for enterprises).
Datasets (as `Asset` values, also for `assets=`): PARKS (level 2), RESCUES (level 3 with personal columns), RELICS (not to be opened).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlmodel import col, select

from api.house import House
from auth import audit
from auth.actor import Actor
from auth.applications import service as applications
from auth.applications.models import (
    AcceptBody,
    ApplicationAsk,
    ApplicationRead,
    ConcurBody,
    DecideBody,
    ReviewBody,
    ScreenBody,
    StepBody,
)
from auth.applications.workflow import State
from auth.asset import Asset, AssetColumn
from auth.grants import activating, reading
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from auth.papers import reading as paper_reading
from auth.papers import service as papers
from auth.policy.serving import Holding
from core.errors import NotFound
from core.ids import DatasetId, GrantId, OrgId
from core.text import Text
from core.work import Work
from datasets import carrying
from tests.people import a_person, actor_of, an_org
from tests.snapshots import restored


def _column(name: str, type_: str = "string", level: int = 1, kind: Any = "none") -> AssetColumn:
    return AssetColumn(name, Text(f"列{name}", name.capitalize()), type_, level, kind)


PARKS = Asset(
    DatasetId("DP-BC-002"), Text("旅游场所名录", "Venues"), OrgId("parks"), 2, "C", "yes", True,
    (
        _column("venue_id"), _column("venue_name"), _column("rooms", "integer"), _column("area_m2", "number"),
        _column("is_open", "boolean"), _column("opened_on", "date"), _column("seen_at", "datetime"),
        _column("contact_phone", "string", 2, "DI"), _column("shape", "geometry"),
    ),
)  # fmt: skip
RESCUES = Asset(
    DatasetId("DP-SF-002"), Text("旅游安全事件", "Safety events"), OrgId("parks"), 3, "C", "yes", True,
    (
        _column("event_id"), _column("event_time", "datetime", 2), _column("event_type"), _column("injured", "integer", 2),
        _column("grid_code", "string", 3, "QI"), _column("caller_phone", "string", 3, "DI"),
    ),
)  # fmt: skip
RELICS = replace(
    PARKS, dataset_id=DatasetId("DP-HR-002"), open_type="N", title=Text("文物巡查", "Inspections")
)

A_PDF = b"%PDF-1.7 a paper of the tests"
PEOPLE = (
    ("applicant", "insurer", ["applicant"]),
    ("officer", "insurer", ["org_officer"]),
    ("analyst", "insurer", ["analyst"]),
    ("applicant2", "mapper", ["applicant"]),
    ("officer2", "mapper", ["org_officer"]),
    ("screener", "parks", ["reviewer_business"]),
    ("screener2", "parks", ["reviewer_business"]),
    ("roads_screener", "roads", ["reviewer_business"]),
    ("steward_a", "parks", ["steward"]),
    ("steward_b", "parks", ["steward"]),
    ("security", "bureau", ["reviewer_security"]),
    ("approver", "bureau", ["approver"]),
    ("approver2", "bureau", ["approver"]),
    ("parks_approver", "parks", ["approver"]),
    ("watch", "bureau", ["security_officer"]),
    ("watch2", "bureau", ["security_officer"]),
    ("auditor", "bureau", ["auditor"]),
    ("checker", "bureau", ["output_checker"]),
    ("checker2", "bureau", ["output_checker"]),
    ("parks_checker", "parks", ["output_checker"]),
    ("clerk", "bureau", ["clerk"]),
    ("clerk2", "bureau", ["clerk"]),
)


@dataclass
class Desk:
    """One house with its people; `known` may be changed to let a dataset change under a grant; `lacking`: what datasets have instead."""

    house: House
    known: dict[str, Asset] = field(
        default_factory=lambda: {asset.dataset_id: asset for asset in (PARKS, RESCUES, RELICS)}
    )

    lacking: Holding | None = None

    def holds(self, dataset_id: DatasetId) -> Holding:
        """Every dataset has all that forms need, unless a test says what is there."""
        if self.lacking is not None:
            return self.lacking
        columns = frozenset(column.name for column in self.assets(dataset_id).columns)
        return Holding(has_terms=True, per_contributor=1, has_budget=True, marked=columns)

    def assets(self, dataset_id: DatasetId) -> Asset:
        if dataset_id not in self.known:
            raise NotFound(Text("没有这个数据集。", "There is no such dataset."))
        return self.known[dataset_id]

    @contextmanager
    def write(self, username: str) -> Iterator[tuple[Work, Actor]]:
        with self.house.write() as work:
            yield work, actor_of(work, username)

    @contextmanager
    def read(self, username: str) -> Iterator[tuple[Work, Actor]]:
        with self.house.read() as work:
            yield work, actor_of(work, username)


def a_desk(house: House) -> Desk:
    restored(house, "desk", lambda: _people(house))
    return Desk(house)


def _people(house: House) -> None:
    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "parks", kind="source_department")
        an_org(work, "roads", kind="source_department")
        an_org(work, "insurer")
        an_org(work, "mapper", kind="developer")
        for username, org, roles in PEOPLE:
            a_person(work, username, org, roles)


def an_ask(asset: Asset = PARKS, **changes: Any) -> ApplicationAsk:
    """A request that may be submitted; parts of its one line: columns, quotas, forms, row_filter, networks, pinned_release, members, fee_reference, safeguards."""
    columns = changes.pop(
        "columns", [c.name for c in asset.columns if c.level < 3 and c.identifier_kind == "none"]
    )
    line = {
        "dataset_id": asset.dataset_id,
        "columns": [
            column if isinstance(column, dict) else {"name": column, "reason": f"需要 {column} 计算风险"}
            for column in columns
        ],
        "delivery_forms": changes.pop("forms", ["extract_parquet", "extract_csv"]),
        "quotas": changes.pop("quotas", {}),
        "row_filter": changes.pop("row_filter", None),
        "networks": changes.pop("networks", ()),
        "pinned_release": changes.pop("pinned_release", None),
        "members": changes.pop("members", ()),
        "fee_reference": changes.pop("fee_reference", None),
        "safeguards": changes.pop("safeguards", {}),
    }
    body = {
        "lines": [line],
        "scenario_id": "safety",
        "purposes": ["risk-pricing"],
        "purpose_text": "用于旅游意外险的区域风险评估与定价。",
        "starts_on": date(2026, 3, 2),
        "ends_on": date(2027, 3, 1),
        "retention_days": 365,
    }
    return ApplicationAsk.model_validate(body | changes)


def an_application(
    desk: Desk, *, at: State = State.SUBMITTED, ask: ApplicationAsk | None = None, **changes: Any
) -> ApplicationRead:
    """An application of the insurer, walked to `at` by the people whose turn it is."""
    with desk.write("applicant") as (work, actor):
        found = applications.create(work, actor, ask or an_ask(**changes), assets=desk.assets)
    for state, step in (
        (State.SUBMITTED, submitted),
        (State.IN_REVIEW, screened),
        (State.DECIDING, reviewed),
        (State.OFFERED, offered),
        (State.AGREED, agreed),
    ):
        if found.state == at:
            return found
        found = step(desk, found)
        assert found.state == state
    assert found.state == at
    return found


def submitted(desk: Desk, found: ApplicationRead, who: str = "applicant") -> ApplicationRead:
    """Hand it in, with every paper that the profile in force asks for."""
    with_papers(desk, found, who)
    with desk.write(who) as (work, actor):
        return applications.submit(work, actor, found.id, StepBody(version=found.version), assets=desk.assets)


def with_papers(desk: Desk, found: ApplicationRead, who: str = "applicant") -> None:
    """Every paper that is asked for and not there."""
    with desk.write(who) as (work, actor):
        for paper in paper_reading.papers(work, actor, found.id):
            if paper.state == "MISSING":
                papers.hand_in(work, actor, found.id, paper.key, f"{paper.key}.pdf", A_PDF)


def screened(
    desk: Desk,
    found: ApplicationRead,
    who: str = "screener",
    outcome: Any = "ok",
    note: str = "",
    **more: Any,
) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        body = ScreenBody(
            version=found.version, outcome=outcome, note=note, **({"has_no_conflict": True} | more)
        )
        return applications.screen(work, actor, found.id, body)


def voted(
    desk: Desk, found: ApplicationRead, who: str, stage: str | None = None, vote: Any = "approve", **more: Any
) -> ApplicationRead:
    with desk.write(who) as (work, actor):
        open_ = [s for s in found.stages if not s.is_done and (stage is None or s.stage == stage)]
        lines = [{"line_id": line_id, "vote": vote} for line_id in open_[0].line_ids]
        body = ReviewBody.model_validate(
            {"version": found.version, "stage": stage, "has_no_conflict": True, "lines": lines} | more
        )
        return applications.review(work, actor, found.id, body)


def reviewed(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    """Every stage votes to approve."""
    for stage in found.stages:
        who = "security" if stage.stage == "security" else "screener"
        found = voted(desk, found, who, stage.stage)
    return found


def decided(desk: Desk, found: ApplicationRead, who: str = "approver", **decision: Any) -> ApplicationRead:
    """The same decision on every line; approval unless said otherwise. A second approver signs where one must."""
    made = proposed(desk, found, who, **decision)
    return concurred(desk, made) if made.proposal else made


def concurred(desk: Desk, found: ApplicationRead, who: str = "parks_approver") -> ApplicationRead:
    with desk.write(who) as (work, actor):
        body = ConcurBody(version=found.version, has_no_conflict=True)
        return applications.concur(work, actor, found.id, body, assets=desk.assets, holds=desk.holds)


def proposed(desk: Desk, found: ApplicationRead, who: str = "approver", **decision: Any) -> ApplicationRead:
    """The first approver's decision: it counts at once, or waits for the second signature."""
    lines = [{"line_id": line.id, "outcome": "approve"} | decision for line in found.lines]
    with desk.write(who) as (work, actor):
        body = DecideBody.model_validate(
            {"version": found.version, "has_no_conflict": True, "lines": lines}
            | {"public_interest": "游客更安全", "fairness": "同类申请同等对待"}
        )
        return applications.decide(work, actor, found.id, body, assets=desk.assets, holds=desk.holds)


def offered(desk: Desk, found: ApplicationRead) -> ApplicationRead:
    return decided(desk, found)


def agreed(desk: Desk, found: ApplicationRead, who: str = "officer") -> ApplicationRead:
    with desk.write(who) as (work, actor):
        body = AcceptBody(version=found.version, hash=found.agreement_hash)
        return applications.accept_terms(work, actor, found.id, body)


def activated(desk: Desk, grant_id: str, who: str = "steward_b", *, released: bool = True) -> GrantRead:
    with desk.write(who) as (work, actor):
        return activating.activate(
            work,
            actor,
            GrantId(grant_id),
            GrantStep(),
            assets=desk.assets,
            has_release=lambda *_: released,
            holds=desk.holds,
            go_on=carrying.go_on,
        )


def a_grant(desk: Desk, *, at: str = "ACTIVE", **changes: Any) -> GrantRead:
    """A grant of the insurer on PARKS (or `ask=`/`asset=`), made by the whole way; PENDING or ACTIVE."""
    if "asset" in changes:
        changes["ask"] = an_ask(changes.pop("asset"), **changes)
        changes = {"ask": changes["ask"]}
    found = an_application(desk, at=State.AGREED, **changes)
    grant_id = found.grants[0]
    if at == "ACTIVE":
        return activated(desk, grant_id)
    with desk.read("officer") as (work, actor):
        return reading.grant(work, actor, GrantId(grant_id))


def codes(refused: Any) -> list[str]:
    """The codes of the reasons that `pytest.raises(AccessRefused)` caught."""
    return [reason.code for reason in refused.value.reasons]


def kinds(desk: Desk) -> list[str]:
    """The kinds of all audit events, oldest first."""
    with desk.house.read() as work:
        return list(work.db.exec(select(audit.AuditEventRow.kind).order_by(col(audit.AuditEventRow.seq))))
