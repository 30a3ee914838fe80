"""The public register: every grant in force, nothing of people and quotas, and gone with its period."""

from __future__ import annotations

from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.grants import reading, register, service
from auth.grants.steps import GrantStep
from catalog import service as catalog
from catalog.models import DatasetUpdate
from catalog.queries import public_ids
from core.ids import GrantId
from tests.catalog.records import a_dataset
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant
from tests.people import actor_of


def _desk(house: House) -> Desk:
    """A desk whose dataset stands in the catalogue too."""
    desk = a_desk(house)
    with house.write() as work:
        a_dataset(work, PARKS.dataset_id, "parks", auth_op_scope="yes")
    return desk


def _known(desk: Desk, **only: str) -> list[register.RegisteredGrant]:
    with desk.house.read() as work:
        found, total = register.register(work, public_ids(), **only)  # type: ignore[arg-type]
        for dataset_id in {one.dataset_id for one in found} - {""}:
            told = catalog.show(work, ANYONE, dataset_id).active_grants_count
            assert told == register.register(work, public_ids(), dataset_id=dataset_id)[1]
    assert total == len(found)
    return found


def test_a_grant_stands_in_the_register_from_its_activation_to_its_end(
    house: House, clock: TestClock
) -> None:
    desk = _desk(house)
    assert _known(desk) == []
    a_grant(desk, at="PENDING")
    assert _known(desk) == []
    grant = a_grant(desk, scenario_id="parking")
    (known,) = _known(desk)
    assert (known.grant_id, known.org_id, known.scenario_id) == (grant.id, "insurer", "parking")
    assert not {"used_rows", "quota_rows", "approved_by", "note"} & set(known.model_dump())
    clock.now = known.ends_at
    assert _known(desk) == []
    with desk.house.read() as work:
        assert catalog.show(work, ANYONE, grant.dataset_id).active_grants_count == 0


def test_it_is_filtered_by_dataset_organisation_and_scenario(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    grant = a_grant(desk, scenario_id="safety")
    for only in ({"dataset_id": grant.dataset_id}, {"org_id": "insurer"}, {"scenario_id": "safety"}):
        assert len(_known(desk, **only)) == 1
    for only in (
        {"dataset_id": "DP-NO"},
        {"org_id": "mapper"},
        {"scenario_id": "parking"},
        {"scenario_id": "%"},
    ):
        assert _known(desk, **only) == []


def test_a_suspended_grant_stays_and_says_so_and_a_revoked_one_goes(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    grant = a_grant(desk)
    for step, shown in ((service.suspend, [True]), (service.revoke, [])):
        with desk.write("watch") as (work, actor):
            seen = reading.grant(work, actor, GrantId(grant.id)).version
            step(work, actor, GrantId(grant.id), GrantStep(note="用途与约定不符，先行停止。", version=seen))
        assert [known.is_suspended for known in _known(desk)] == shown


def test_a_record_that_is_hidden_takes_its_grants_out_of_the_register(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    grant = a_grant(desk)
    assert len(_known(desk)) == 1
    change = DatasetUpdate(data_level=5, open_type="N", open_condition="重要数据，不予开放")
    with sqlite_house.write() as work:
        catalog.update(work, SYSTEM, grant.dataset_id, change)
    assert _known(desk) == []
    with sqlite_house.read() as work:
        assert catalog.show(work, SYSTEM, grant.dataset_id).active_grants_count is None


def test_whose_grant_waits_is_known_to_those_who_may_read_it(sqlite_house: House) -> None:
    desk = _desk(sqlite_house)
    grant = a_grant(desk, at="PENDING")

    def waiting(username: str) -> int:
        with sqlite_house.read() as work:
            actor = actor_of(work, username) if username else ANYONE
            return len(register.live(work, actor, [grant.dataset_id]))

    assert (waiting(""), waiting("applicant2"), waiting("officer"), waiting("approver")) == (0, 0, 1, 1)
