"""Who may take what, when, and how much: every refusal, with all its reasons."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from api.house import House
from api.routes.extracts import ask
from auth.grants import usage
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from catalog import service as catalog
from catalog.tables import DatasetRow
from core.errors import AccessRefused, Conflict, NotFound, QuotaExceeded
from core.ids import ExtractId
from datasets.extracts import downloading, planning, service
from tests.conftest import TestClock
from tests.datasets.extracts.scene import VENUES, Scene, a_record, a_release, a_scene, a_table
from tests.desk import a_grant
from tests.people import actor_of


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def refused(scene: Scene, who: str = "analyst", **changes: Any) -> list[str]:
    """The codes of every reason against a request."""
    with pytest.raises(AccessRefused) as refusal:
        scene.asks(who, **changes)
    assert all(reason.basis and reason.text.zh and reason.text.en for reason in refusal.value.reasons)
    return [reason.code for reason in refusal.value.reasons]


def test_a_refusal_names_every_reason_at_once(house: House) -> None:
    scene = a_scene(house, quotas={"extracts": 1}, forms=["extract_parquet"])
    scene.delivered()
    scene.withdraws()
    scene.suspends()
    codes = refused(
        scene, columns=["venue_id", "secret_note", "nowhere"], purpose="research", scenario_id="parking",
        filter={"op": "eq", "column": "secret_note", "value": "x"}, form="extract_csv",
    )  # fmt: skip
    assert set(codes) == {
        "grant-not-active", "column-not-granted", "filter-column-denied", "scenario-mismatch", "purpose-mismatch",
        "form-not-granted", "release-not-published", "quota-exhausted",
    }  # fmt: skip
    assert codes.count("column-not-granted") == 2


def test_a_refusal_is_written_down_and_takes_nothing(house: House) -> None:
    scene = a_scene(house)
    with house.read() as work:
        analyst = actor_of(work, "analyst")
    with pytest.raises(AccessRefused):
        ask(house, analyst, scene.body(purpose="research"))
    assert scene.events("extract.refused") == [
        ("extract.refused", {"reasons": ["purpose-mismatch"], "release": None})
    ]
    assert scene.view().used.extracts == 0


def test_a_filter_may_not_probe_a_column_that_is_not_plain(scene: Scene) -> None:
    for column in ("contact_phone", "secret_note", "VENUE_ID", "venue_id ", "datasets_release.venue_id", "*"):
        codes = refused(scene, filter={"op": "eq", "column": column, "value": "13800000001"})
        assert "filter-column-denied" in codes, column


def test_a_filter_column_that_must_not_leave_stays(sqlite_house: House) -> None:
    columns = [
        {"name": "venue_id", "reason": "主键用于核对"},
        {"name": "district", "reason": "限定范围", "use": "filter_only"},
    ]
    scene = a_scene(sqlite_house, columns=columns)
    assert refused(scene, columns=["venue_id", "district"]) == ["column-filter-only"]
    made = scene.delivered(filter={"op": "eq", "column": "district", "value": "南澳"})
    assert scene.table(made.id).to_pydict() == {"venue_id": ["V2"]}
    assert "南澳".encode() not in scene.file(made.id).read_bytes()


def test_a_request_that_does_not_fit_is_refused(scene: Scene) -> None:
    assert refused(scene, columns=["venue_id", "venue_id"]) == ["column-twice"]
    for op, name, value, code in (
        ("eq", "rooms", "12", "filter-value"),
        ("eq", "rooms", True, "filter-value"),
        ("eq", "opened_on", "1 May 2019", "filter-value"),
        ("lt", "is_open", True, "filter-type"),
    ):
        assert refused(scene, filter={"op": op, "column": name, "value": value}) == [code], (op, name, value)


def test_a_filter_too_complex_together_with_the_grants_own_is_one_more_reason(sqlite_house: House) -> None:
    leaf = {"op": "eq", "column": "district", "value": "大鹏"}
    many = {"op": "or", "args": [leaf] * 40}
    scene = a_scene(sqlite_house, row_filter=many)
    assert refused(scene, filter=many, purpose="research") == ["purpose-mismatch", "filter-too-complex"]


@pytest.mark.parametrize("who", ["officer", "applicant"])
def test_only_an_analyst_takes_data_out(scene: Scene, who: str) -> None:
    assert refused(scene, who) == ["not-an-analyst-of-the-grantee"]


@pytest.mark.parametrize("who", ["officer2", "roads_screener"])
def test_the_grant_of_others_does_not_exist(scene: Scene, who: str) -> None:
    with pytest.raises(NotFound):
        scene.asks(who)


def test_an_extract_of_others_does_not_exist(scene: Scene) -> None:
    made = scene.delivered()
    for who in ("officer2", "screener", "steward_a", "approver"):
        with pytest.raises(NotFound), scene.desk.read(who) as (work, actor):
            service.extract(work, actor, made.id)


def test_grants_are_never_added_together(scene: Scene) -> None:
    other = a_grant(
        scene.desk,
        asset=scene.desk.known[VENUES],
        columns=["secret_note", "venue_id"],
        scenario_id="tourism-traffic",
    )
    assert refused(scene, columns=["venue_id", "secret_note"]) == ["column-not-granted"]
    codes = refused(scene, grant_id=other.id, scenario_id="tourism-traffic", columns=["venue_id", "district"])
    assert codes == ["column-not-granted"]


@pytest.mark.parametrize(("seconds", "works"), [(-1, True), (0, False), (1, False)])
def test_a_grant_ends_at_its_second(house: House, clock: TestClock, seconds: int, works: bool) -> None:
    scene = a_scene(house)
    made = scene.delivered()
    clock.now = scene.view().ends_at + timedelta(seconds=seconds)
    if works:
        _downloads(scene, made.id)
        scene.asks()
        return
    assert refused(scene) == ["grant-ended"]
    with pytest.raises(AccessRefused):
        _downloads(scene, made.id)


def test_a_clock_that_steps_back_before_the_start_stops_use(scene: Scene, clock: TestClock) -> None:
    with scene.desk.read("analyst") as (_, actor):
        pass
    clock.now = scene.view().starts_at - timedelta(microseconds=1)
    with pytest.raises(AccessRefused) as refusal, scene.house.write() as work:
        service.request(work, actor, scene.body())
    assert [reason.code for reason in refusal.value.reasons] == ["grant-not-started"]


def test_the_last_day_of_a_period_counts_to_its_local_midnight(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, ends_on=date(2028, 2, 29))
    assert scene.view().ends_at == datetime(2028, 3, 1, tzinfo=LOCAL)
    assert scene.view().starts_at == datetime(2026, 3, 2, tzinfo=LOCAL)


def test_a_lapsed_licence_stops_requests_and_downloads(scene: Scene, clock: TestClock) -> None:
    made = scene.delivered()
    with scene.house.write() as work:
        row = work.db.get_one(OrganisationRow, "insurer")
        row.licence_state = "SUSPENDED"
    assert refused(scene) == ["licence-lapsed"]
    with pytest.raises(AccessRefused):
        _downloads(scene, made.id)


@pytest.mark.parametrize("end", ["suspends", "revokes", "withdraws"])
def test_what_ends_stops_downloads_at_once(house: House, end: str) -> None:
    scene = a_scene(house)
    made = scene.delivered()
    _downloads(scene, made.id)
    getattr(scene, end)()
    with pytest.raises(AccessRefused):
        _downloads(scene, made.id)
    assert len(scene.events("extract.downloaded")) == 1


def test_a_resumed_grant_delivers_again(scene: Scene) -> None:
    made = scene.delivered()
    scene.suspends()
    scene.resumes()
    _downloads(scene, made.id)


def test_a_dataset_that_becomes_more_sensitive_is_not_delivered_any_more(scene: Scene) -> None:
    made = scene.delivered()
    _change_levels(scene, 4)
    assert "level-forbids-form" in refused(scene)
    with pytest.raises(AccessRefused):
        _downloads(scene, made.id)


def test_a_dataset_taken_out_of_the_catalogue_is_not_delivered_any_more(scene: Scene) -> None:
    made = scene.delivered()
    with scene.desk.write("steward_a") as (work, actor):
        catalog.withdraw(work, actor, VENUES, "目录下架整改")
    assert "dataset-not-published" in refused(scene)
    with pytest.raises(AccessRefused):
        _downloads(scene, made.id)


def test_a_new_column_in_the_data_is_not_in_an_old_grant(scene: Scene) -> None:
    wider = a_table().append_column("id_card", pa.array(["440300199001011234"] * 5))
    scene.releases(wider, 2)
    made = scene.delivered()
    assert made.release_number == 2
    assert "id_card" not in made.columns
    assert b"440300199001011234" not in scene.file(made.id).read_bytes()


def test_a_release_without_a_granted_column_is_refused_by_name(scene: Scene) -> None:
    scene.releases(a_table().drop_columns(["district", "contact_phone"]), 2)
    assert refused(scene) == ["column-not-in-release", "column-not-in-release"]
    assert refused(scene, columns=["venue_id"], filter={"op": "eq", "column": "district", "value": "x"}) == [
        "column-not-in-release"
    ]
    scene.delivered(release_id=scene.release_id)  # the former release still has them


def test_a_column_whose_type_changed_delivers_nothing_rather_than_a_guess(scene: Scene) -> None:
    table = a_table()
    rooms = table.column("rooms").cast(pa.string())
    scene.releases(table.set_column(table.column_names.index("rooms"), "rooms", rooms), 2)
    made = scene.asks(filter={"op": "gt", "column": "rooms", "value": 10})
    scene.works()
    found = scene.extract(made.id)
    assert found.state == "failed"
    assert "does not fit" in found.failed_en
    assert scene.view().used.extracts == 0


def test_a_release_of_another_dataset_is_not_found(scene: Scene) -> None:
    with scene.house.write() as work:
        a_record(work, "DP-BC-003")
        other = a_release(work, scene.house.files, scene.room, a_table(), number=7, code="DP-BC-003")
    with pytest.raises(NotFound):
        scene.asks(release_id=other.id)


def test_the_plan_is_what_is_built(house: House) -> None:
    scene = a_scene(
        house, row_filter={"op": "ge", "column": "rooms", "value": 10}, quotas={"rows": 100, "extracts": 3}
    )
    wanted = {
        "columns": ["rooms", "contact_phone"],
        "filter": {"op": "eq", "column": "is_open", "value": True},
    }
    with scene.desk.read("analyst") as (work, actor):
        plan = planning.plan(work, actor, scene.body(**wanted), house.files, house.settings, "en")
    made = scene.delivered(**wanted)
    table = scene.table(made.id)
    assert plan.permitted
    assert (table.num_rows, plan.rows_in_release, plan.rows_within) == (2, 5, 10)
    assert plan.rows in (0, 5)  # a checker stands between: in steps
    assert [column.name for column in plan.columns] == table.column_names
    assert plan.quota_left == {
        "extracts": 3,
        "rows": 100,
        "bytes": None,
        "per_day": None,
        "per_month": None,
        "outputs_per_month": None,
    }


def test_a_plan_of_what_is_refused_says_why_and_counts_nothing(scene: Scene) -> None:
    with scene.desk.read("analyst") as (work, actor):
        body = scene.body(columns=["secret_note"], purpose="research")
        plan = planning.plan(work, actor, body, scene.house.files, scene.house.settings, "zh")
    assert [reason["code"] for reason in plan.reasons] == ["column-not-granted", "purpose-mismatch"]
    assert (plan.permitted, plan.rows) == (False, None)


def test_sixteen_people_racing_for_what_is_left_get_exactly_that(house: House) -> None:
    scene = a_scene(house, quotas={"extracts": 3})
    scene.asks()
    outcomes = _race(16, scene.asks)
    assert sorted(outcomes) == ["refused"] * 14 + ["taken"] * 2
    assert scene.view().used.extracts == 3
    with house.read() as work:
        assert sum(event.extracts for event in usage.events(work, scene.grant_id)) == 3
    scene.works()
    assert len(scene.events("extract.delivered")) == 3


def _race(many: int, act: Callable[[], Any]) -> list[str]:
    gate, outcomes = threading.Barrier(many), []

    def one() -> None:
        gate.wait()
        try:
            act()
        except (QuotaExceeded, AccessRefused):
            outcomes.append("refused")
        else:
            outcomes.append("taken")

    threads = [threading.Thread(target=one) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _downloads(scene: Scene, extract_id: ExtractId) -> None:
    with scene.desk.write("analyst") as (work, actor):
        downloading.open_download(work, actor, extract_id)
        downloading.note_download(work, actor, extract_id, "")


def _change_levels(scene: Scene, level: int) -> None:
    with scene.house.write() as work:
        work.db.get_one(DatasetRow, VENUES).data_level = level


def test_nothing_is_downloaded_before_it_is_made(scene: Scene) -> None:
    made = scene.asks()
    with pytest.raises(Conflict):
        _downloads(scene, made.id)


def test_unknown_columns_are_refused_like_ungranted_ones(scene: Scene) -> None:
    """The answer does not tell which columns the dataset has."""
    assert (
        refused(scene, columns=["secret_note"])
        == refused(scene, columns=["no_such"])
        == ["column-not-granted"]
    )
