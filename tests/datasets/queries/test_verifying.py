"""Verifications: yes or no with consent, within caps, and a no that never says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from auth.audit import AuditEventRow
from auth.grants.tables import UsageEventRow
from core.errors import AppError
from datasets.queries.verifying import service
from datasets.queries.verifying.rules import Before, cap_reasons
from datasets.queries.verifying.tables import VerificationRow
from tests.datasets.queries.scene import CONSENT, QueryScene, a_query_scene
from tests.people import a_person

DAY = {"op": "eq", "column": "day", "value": 1}  # owner 7 stays on day 1


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "STEP", 0.0)
        yield


@pytest.fixture
def scene(sqlite_house: House) -> QueryScene:
    return a_query_scene(sqlite_house)


def test_yes_no_and_the_same_no_for_nobody(house: House) -> None:
    scene = a_query_scene(house)
    assert scene.verify().verified is True  # it exists
    assert scene.verify(claim=DAY).verified is True
    no = scene.verify(claim=DAY | {"value": 2})
    nobody = scene.verify(
        plate="粤B99999", claim=DAY | {"value": 2}, consent=CONSENT | {"reference": "同意书-0099"}
    )
    assert (no.verified, nobody.verified) == (False, False)
    hidden = {"id", "subject", "asked_at", "consent_reference"}
    assert no.model_dump(exclude=hidden) == nobody.model_dump(exclude=hidden)


def test_what_is_kept_holds_no_value_of_the_key_or_the_claim(scene: QueryScene) -> None:
    scene.verify(claim=DAY)
    with scene.house.read() as work:
        row = work.db.exec(select(VerificationRow)).one()
        events = work.db.exec(
            select(AuditEventRow.payload).where(col(AuditEventRow.kind).startswith("query.verif"))
        )
        kept = json.dumps([row.model_dump(mode="json"), [str(each) for each in events]], ensure_ascii=False)
        lines = [(each.kind, each.extracts) for each in work.db.exec(select(UsageEventRow))]
    assert "00007" not in kept
    assert row.claim == "day eq"
    assert lines == [("charge", 1), ("delivery", 0)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": {"stay_id": "S7-0"}}, "verify-key"),
        ({"key": {"plate": "粤B00007", "stay_id": "S7-0"}}, "column-not-joined-on"),
        ({"key": {"plate": 7}}, "verify-key-type"),
        ({"claim": {"op": "ge", "column": "fee", "value": 3}}, "filter-column-denied"),
        ({"claim": DAY | {"value": "one"}}, "filter-value"),
        ({"consent": CONSENT | {"until": "2026-01-06"}}, "consent-not-in-force"),
        ({"consent": CONSENT | {"given_on": "2026-03-03"}}, "consent-not-in-force"),
        ({"consent": CONSENT | {"until": "2028-01-01"}}, "consent-too-long"),
        ({"purpose": "research"}, "purpose-mismatch"),
    ],
)
def test_what_may_not_be_verified_is_refused_before_anything_is_counted(
    scene: QueryScene, changes: dict[str, Any], code: str
) -> None:
    found = scene.verify_code(**changes)
    assert code in found or (code == "filter-value" and any(each.startswith("filter") for each in found))
    with scene.house.read() as work:
        assert list(work.db.exec(select(VerificationRow))) == []


def test_a_value_cannot_be_narrowed_down_by_many_claims(scene: QueryScene) -> None:
    """Thresholds would find any value by halving: three different claims about one subject, by all accounts together."""
    for least in (3, 5, 4):
        scene.verify(claim=DAY | {"op": "ge", "value": least})
    with scene.house.write() as work:
        a_person(work, "colleague", "insurer", ["analyst"])
    for who in ("analyst", "colleague"):
        assert scene.verify_code(who, claim=DAY | {"op": "ge", "value": 2}) == ["verify-claims"]
    assert (
        scene.verify(claim=DAY | {"op": "ge", "value": 4}).verified is False
    )  # asked before: nothing new in it


def test_one_consent_is_one_subjects(scene: QueryScene) -> None:
    scene.verify()
    assert scene.verify_code(plate="粤B00008") == ["consent-for-another-subject"]


def test_the_caps_count_what_was_asked_today() -> None:
    limits: Any = {"verify_per_day": 3, "verify_subjects_per_day": 2, "verify_claims_per_subject": 1}
    codes = [each.code for each in cap_reasons(Before(3, 2, 1, True), limits)]
    assert codes == ["verify-rate", "verify-subjects", "verify-claims", "consent-for-another-subject"]
    assert list(cap_reasons(Before(2, 1, 0, False), limits)) == []


def test_sixteen_at_once_ask_no_more_than_three_claims(house: House) -> None:
    scene = a_query_scene(house)

    def asked(n: int) -> str:
        try:
            return str(scene.verify(claim=DAY | {"value": n}).verified is not None)
        except AppError as refused:
            return refused.reasons[0].code if refused.reasons else refused.slug

    with ThreadPoolExecutor(16) as pool:
        found = sorted(pool.map(asked, range(16)))
    assert found == ["True"] * 3 + ["verify-claims"] * 13


def test_a_grant_without_the_form_or_a_joined_column_verifies_nothing(sqlite_house: House) -> None:
    scene = a_query_scene(
        sqlite_house,
        forms=["query_agg"],
        columns=[{"name": "fee", "reason": "停车统计", "use": "aggregate_only"}],
    )
    assert {"form-not-granted", "verify-key", "column-not-joined-on"} <= set(scene.verify_code())


def test_answers_come_at_full_steps_of_time(scene: QueryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(service, "STEP", 0.25)
    monkeypatch.setattr(service.time, "sleep", slept.append)
    scene.verify()
    assert 0 <= slept[0] < 0.25


def test_one_record_has_one_name_under_whatever_grant(scene: QueryScene) -> None:
    """A second grant that joins on other columns would name the same record anew, with three claims more."""
    columns = [
        {"name": "stay_id", "reason": "按停车编号核验", "use": "join_only"},
        {"name": "day", "reason": "按停车编号核验", "use": "filter_only"},
    ]
    other = scene.grants(columns=columns, forms=["verify"], scenario_id="parking", purposes=["risk-pricing"])
    scene.verify(claim=DAY)
    changed = {
        "grant_id": other,
        "scenario_id": "parking",
        "key": {"stay_id": "S7-0"},
        "claim": DAY,
        "consent": CONSENT | {"reference": "同意书-0008"},
    }
    assert scene.verify_code(**changed) == ["verify-other-key"]
