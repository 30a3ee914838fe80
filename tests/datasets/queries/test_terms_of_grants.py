"""Terms of a grant (uses of a month, networks, one release) at the ways out that show no file: verification, previews, questions, the enclave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlmodel import col, select

from api.house import House
from api.lookups import has_release
from auth.grants import activating
from auth.grants.steps import GrantStep
from core.errors import AccessRefused, QuotaExceeded
from core.ids import GrantId
from datasets import carrying
from datasets.queries.verifying import service as verifying
from datasets.releases.service import withdraw
from datasets.releases.tables import ReleaseRow
from tests.conftest import TestClock
from tests.datasets.enclave.scene import EnclaveScene
from tests.datasets.queries.scene import CONSENT, FORMS, GRANTED, STAYS, QueryScene, a_query_scene, stays
from tests.datasets.queries.test_masked import _shown, a_preview_scene
from tests.desk import a_grant, codes
from tests.people import client_as

OFFICE, HOME = ("203.0.113.7", 50_000), ("198.51.100.9", 50_000)
NETWORKS = ["203.0.113.0/24"]
OLD, NEW = "粤B00007", "粤B00900"  # in the first release alone, in the second alone
ALL_FORMS = [*FORMS, "enclave"]


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifying, "STEP", 0.0)
        yield


def _next() -> list[tuple[Any, ...]]:
    """Without the owner 7, and with forty others in lot B."""
    kept = [row for row in stays() if row[1] != OLD]
    return kept + [
        (f"S{at}-{n}", f"粤B{at:05}", "B", 5, 9.0, 40, "新") for at in range(900, 940) for n in range(2)
    ]


def _release_id(scene: QueryScene, number: int) -> str:
    with scene.house.read() as work:
        wanted = select(ReleaseRow.id).where(ReleaseRow.dataset_id == STAYS, col(ReleaseRow.number) == number)
        return work.db.exec(wanted).one()


def _withdraws(scene: QueryScene, number: int) -> None:
    with scene.desk.write("steward_b") as (work, actor):
        withdraw(work, actor, _release_id(scene, number), "数据有误，重新核对")


def _pending(scene: QueryScene, release_id: str) -> str:
    """A further grant that is agreed with a release, not in force yet."""
    return a_grant(
        scene.desk, asset=scene.desk.known[STAYS], columns=list(GRANTED), forms=ALL_FORMS, scenario_id="parking",
        purposes=["risk-pricing"], pinned_release=release_id, at="PENDING",
    ).id  # fmt: skip


def _activates(scene: QueryScene, grant_id: str) -> None:
    with scene.desk.write("steward_b") as (work, actor):
        activating.activate(
            work,
            actor,
            GrantId(grant_id),
            GrantStep(),
            assets=scene.desk.assets,
            has_release=has_release(work),
            holds=scene.desk.holds,
            go_on=carrying.go_on,
        )


def _pinned(scene: QueryScene, number: int) -> EnclaveScene:
    """The same under a grant of another scenario, agreed with this release by the whole way."""
    grant_id = _pending(scene, _release_id(scene, number))
    _activates(scene, grant_id)
    return EnclaveScene(scene.house, scene.desk, GrantId(grant_id))


def _known(scene: QueryScene, **changes: Any) -> list[bool]:
    """Whether there is a record of the old plate, and of the new one."""
    return [
        scene.verify(plate=plate, consent=CONSENT | {"reference": plate}, **changes).verified
        for plate in (OLD, NEW)
    ]


ASKS: dict[str, Callable[[EnclaveScene], Any]] = {
    "statistics": lambda scene: scene.query(scenario_id="parking"),
    "private": lambda scene: scene.private(scenario_id="parking"),
    "verification": lambda scene: scene.verify(scenario_id="parking"),
    "enclave": lambda scene: scene.submits(scenario_id="parking"),
}


def test_questions_are_answered_from_the_pinned_release_while_a_newer_one_is_current(house: House) -> None:
    scene = a_query_scene(house, forms=ALL_FORMS)
    scene.caps()
    scene.releases(_next(), 2)
    assert _known(scene) == [False, True]
    assert scene.query().release_number == scene.private().release_number == 2
    pinned = _pinned(scene, 1)
    assert _known(pinned, scenario_id="parking") == [True, False]
    assert pinned.private(scenario_id="parking").release_number == 1
    assert (
        pinned.query(scenario_id="parking", where={"op": "le", "column": "day", "value": 3}).release_number
        == 1
    )
    made = pinned.submits(scenario_id="parking", where={"op": "ge", "column": "day", "value": 4})
    pinned.decides(made.id)
    pinned.works()
    shown = pinned.shown(made.id)
    assert (shown.state, shown.release_number) == ("in_review", 1), shown.why_en


@pytest.mark.parametrize("asks", ASKS)
def test_nothing_takes_the_place_of_a_pinned_release_that_was_withdrawn(house: House, asks: str) -> None:
    scene = a_query_scene(house, forms=ALL_FORMS)
    scene.caps()
    pinned = _pinned(scene, 1)
    scene.releases(_next(), 2)
    _withdraws(scene, 1)
    with pytest.raises(AccessRefused) as refused:
        ASKS[asks](pinned)
    assert "release-not-published" in codes(refused)


def test_an_approved_specification_does_not_move_to_another_release(house: House) -> None:
    scene = a_query_scene(house, forms=ALL_FORMS)
    pinned = _pinned(scene, 1)
    made = pinned.submits(scenario_id="parking")
    pinned.decides(made.id)
    scene.releases(_next(), 2)
    _withdraws(scene, 1)
    pinned.works()
    shown = pinned.shown(made.id)
    assert shown.state == "stopped", shown.state
    assert shown.review_id is None


def test_a_grant_is_not_activated_with_a_release_that_is_not_there(house: House) -> None:
    scene = a_query_scene(house, forms=ALL_FORMS)
    first = _release_id(scene, 1)
    scene.releases(_next(), 2)
    gone = _pending(scene, first)
    _withdraws(scene, 1)
    with pytest.raises(AccessRefused) as refused:
        _activates(scene, gone)
    assert codes(refused) == ["no-release"]


def test_a_grant_is_activated_with_an_earlier_release_that_is_there(house: House) -> None:
    scene = a_query_scene(house, forms=ALL_FORMS)
    scene.caps()
    first = _release_id(scene, 1)
    grant_id = _pending(scene, first)
    scene.releases(_next(), 2)
    _activates(scene, grant_id)
    found = EnclaveScene(house, scene.desk, GrantId(grant_id)).private(scenario_id="parking")
    assert found.release_number == 1


def test_verification_and_preview_answer_in_the_agreed_networks_alone(house: House) -> None:
    scene = a_query_scene(house, networks=NETWORKS)
    body = scene.body() | {"key": {"plate": OLD}, "claim": None, "consent": CONSENT}
    del body["select"]
    outside, inside = (client_as(house, "analyst", client=place) for place in (HOME, OFFICE))
    refused = outside.post("/api/v1/verifications", json=body)
    assert (refused.status_code, _codes(refused.json())) == (403, ["network-not-granted"])
    told = inside.post("/api/v1/verifications", json=body)
    assert (told.status_code, told.json().get("verified")) in ((200, True), (201, True)), told.text


def test_a_preview_is_shown_in_the_agreed_networks_alone(house: House) -> None:
    scene = a_preview_scene(house, networks=NETWORKS)
    outside, inside = (client_as(house, "analyst", client=place) for place in (HOME, OFFICE))
    for where, given in (("/api/v1/previews", {"grant_id": scene.grant_id}),):
        refused = outside.post(where, json=given)
        assert (refused.status_code, _codes(refused.json())) == (403, ["network-not-granted"])
        assert inside.post(where, json=given).json()["rows"]
    page = f"/previews/grants/{scene.grant_id}"
    assert "V10" not in outside.get(page, headers={"accept": "text/html"}).text


def test_uses_of_a_month_are_counted_together_whatever_is_asked(house: House) -> None:
    """One question of each kind is let through and the next is not, until the month is over."""
    scene = a_query_scene(house, quotas={"per_month": 3}, forms=ALL_FORMS)
    scene.caps()
    here = EnclaveScene(house, scene.desk, scene.grant_id)
    here.query()
    here.private()
    here.verify()
    for ask in (here.query, here.private, here.verify, here.submits):
        with pytest.raises((AccessRefused, QuotaExceeded)) as refused:
            ask()
        facts = [dict(each.facts) for each in refused.value.reasons] or [refused.value.facts]
        assert "per_month" in str(facts) or "month" in refused.value.detail.en, (ask, facts)
    clock = house.clock
    assert isinstance(clock, TestClock)
    clock.forward(days=31)
    here.query(where={"op": "le", "column": "day", "value": 4})


def test_uses_of_a_month_bound_previews(house: House) -> None:
    scene = a_preview_scene(house, quotas={"per_month": 1})
    assert _shown(scene).rows
    with pytest.raises((AccessRefused, QuotaExceeded)) as refused:
        _shown(scene)
    facts = [dict(each.facts) for each in refused.value.reasons] or [refused.value.facts]
    assert "per_month" in str(facts) or "month" in refused.value.detail.en


def _codes(said: dict[str, Any]) -> list[str]:
    return [each if isinstance(each, str) else each["code"] for each in said.get("reasons", [])]
