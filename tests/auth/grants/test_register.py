"""The public register: every grant in force, nothing of people and quotas, and gone with its period."""

from __future__ import annotations

from datetime import timedelta

from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.agreements import service as agreements
from auth.agreements.workflow import Step
from auth.casework.book import CaseStep
from auth.grants import reading, register, service
from auth.grants.steps import GrantStep
from auth.identity import licence
from auth.identity.licence import LicenceStep
from auth.identity.tables import OrganisationRow
from catalog import service as catalog
from catalog.models import DatasetUpdate
from catalog.queries import public_ids
from core.ids import GrantId
from datasets import matrix
from tests.auth.agreements.scene import an_agreement, in_force, with_planner
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


def _licence(desk: Desk, step: str, who: str) -> None:
    with desk.write(who) as (work, actor):
        ask = LicenceStep.model_validate({"step": step, "note": "核查期间"})
        licence.take(work, actor, "insurer", ask)


def _stands(desk: Desk, dataset_id: str, username: str = "") -> list[str]:
    with desk.house.read() as work:
        actor = actor_of(work, username) if username else ANYONE
        return [str(found) for *_, found in register.live(work, actor, [dataset_id])]


def test_what_stops_a_grant_from_outside_is_told_by_register_and_matrix(
    house: House, clock: TestClock
) -> None:
    desk = _desk(house)
    grant = a_grant(desk)

    def told() -> tuple[list[bool], list[str], tuple[int, int, int]]:
        with house.read() as work:
            (row,), _ = matrix.matrix(work, ANYONE, ["safety"])
        (cell,) = row.cells
        return (
            [one.is_suspended for one in _known(desk)],
            _stands(desk, grant.dataset_id),
            (cell.in_force, cell.suspended, cell.pending),
        )

    in_use, stopped = ([False], ["in_force"], (1, 0, 0)), ([True], ["suspended"], (0, 1, 0))
    assert told() == in_use
    _licence(desk, "suspend", "watch")
    assert told() == stopped
    _licence(desk, "resume", "approver")
    assert told() == in_use
    clock.now += timedelta(days=300)
    with house.write() as work:
        row = work.db.get_one(OrganisationRow, "insurer")
        kept, row.licence_valid_to = row.licence_valid_to, clock.now.date() - timedelta(days=2)
    assert told() == stopped, "a licence that lapsed, without any sweep"
    with house.write() as work:
        work.db.get_one(OrganisationRow, "insurer").licence_valid_to = kept
    assert told() == in_use


def test_a_grant_whose_agreement_was_terminated_is_told_as_suspended(house: House) -> None:
    desk = with_planner(_desk(house))
    held = an_agreement(desk)
    in_force(desk)
    grant = a_grant(desk)
    assert ([one.is_suspended for one in _known(desk)], _stands(desk, grant.dataset_id)) == (
        [False],
        ["in_force"],
    )
    with desk.write("approver") as (work, actor):
        agreements.step(work, actor, held.id, Step.TERMINATE, CaseStep(note="运营机构违约，协议终止。"))
    assert ([one.is_suspended for one in _known(desk)], _stands(desk, grant.dataset_id)) == (
        [True],
        ["suspended"],
    )


def test_a_suspended_grant_is_not_called_one_that_waits(house: House) -> None:
    desk = _desk(house)
    grant = a_grant(desk)
    with desk.write("watch") as (work, actor):
        seen = reading.grant(work, actor, GrantId(grant.id)).version
        service.suspend(
            work, actor, GrantId(grant.id), GrantStep(note="用途与约定不符，先行停止。", version=seen)
        )
    assert (_stands(desk, grant.dataset_id), _stands(desk, grant.dataset_id, "officer")) == (
        [],
        ["suspended"],
    )
    with house.read() as work:
        (row,), _ = matrix.matrix(work, actor_of(work, "officer"), ["safety"])
    assert (row.cells[0].own, row.cells[0].suspended, row.cells[0].pending) == ("suspended", 1, 0)


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
