"""The grant's own view: made once by the same query as extracts, charged once a day, dropped when the right ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.durable import drop_views
from api.house import House
from core.errors import AccessRefused, NotFound, QuotaExceeded
from core.jobs import JobRow
from datasets.sharing import dropping, service
from datasets.sharing.rules import ViewState
from datasets.sharing.spark import delta_schema, readable_type
from datasets.sharing.tables import ViewRow
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes, reader, works
from tests.people import actor_of

PLENTY = 10**12


def reads(scene: Scene, view: ViewRow) -> None:
    """The first byte leaves."""
    who = reader(scene)
    with scene.house.write() as work:
        assert service.decide(work, who, view.release_id).reasons == ()
        service.begin(work, who, view)


def test_the_view_is_the_grants_own(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, row_filter={"op": "gt", "column": "rooms", "value": 10})
    view = makes(scene)
    assert (view.state, view.rows) == (ViewState.READY, 3)
    path = scene.house.files.path(view.sha256 or "")
    table = pq.read_table(path).sort_by("venue_id")
    assert "secret_note" not in table.column_names
    assert not set(table["contact_phone"].to_pylist()) & {"13800000001", "13800000002", "13800000005"}
    assert table["seen_at"].to_pylist()[0] == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)  # 08:30 local
    held = path.read_bytes()
    for word in ("秘密", "13800000001", "整版元数据"):
        assert word.encode() not in held


def test_it_is_made_once_for_equal_inputs(house: House) -> None:
    scene = a_scene(house)
    first, second = makes(scene), makes(scene)
    assert (first.id, first.sha256) == (second.id, second.sha256)
    with house.read() as work:
        assert len([row for row in work.db.exec(service.select(JobRow)) if row.kind == service.JOB_KIND]) == 1
    assert len(scene.events("view.made")) == 1


def test_one_day_of_reading_is_charged_once(house: House, clock: TestClock) -> None:
    scene = a_scene(house, quotas={"extracts": 2, "rows": 10})
    view = makes(scene)
    assert scene.view().used.rows == 0
    for _ in range(3):
        reads(scene, view)
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (1, 5, view.size_bytes)
    clock.now += timedelta(days=1)
    reads(scene, view)
    reads(scene, view)  # the quota is full by then, and the day is paid for
    assert scene.view().used.rows == 10
    clock.now += timedelta(days=1)
    with house.read() as work:
        reasons = service.decide(work, reader(scene), view.release_id).reasons
    assert {reason.code for reason in reasons} == {"quota-exhausted"}


def test_more_than_is_left_charges_nothing(house: House) -> None:
    scene = a_scene(house, quotas={"rows": 4})
    view = makes(scene)
    who = reader(scene)
    with pytest.raises(QuotaExceeded), house.write() as work:
        service.begin(work, who, view)
    assert scene.view().used.rows == 0
    with house.read() as work:
        assert work.db.get(service.ViewUseRow, (view.id, service.day_of(work.now))) is None


@pytest.mark.parametrize("end", ["revokes", "withdraws"])
def test_what_ends_drops_the_view_and_its_file(house: House, end: str) -> None:
    scene = a_scene(house)
    view = makes(scene)
    path = house.files.path(view.sha256 or "")
    assert drop_views(house) == 0
    getattr(scene, end)()
    with house.read() as work:
        assert service.decide(work, reader(scene), view.release_id).reasons
    assert drop_views(house) == 1
    assert not path.exists()
    assert drop_views(house) == 0
    assert [kind for kind, _ in scene.events("view.dropped")] == ["view.dropped"]


def test_a_suspended_grant_keeps_its_view_and_reads_nothing(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    view = makes(scene)
    scene.suspends()
    assert drop_views(sqlite_house) == 0
    with pytest.raises(AccessRefused), sqlite_house.read() as work:
        service.ready(work, reader(scene), view.release_id)


def test_beyond_the_quota_the_longest_unread_goes_and_comes_again(
    sqlite_house: House, clock: TestClock
) -> None:
    scene = a_scene(sqlite_house)
    old = makes(scene)
    newer_release = scene.releases(a_table(), 2)
    clock.now += timedelta(minutes=50)
    new = makes(scene, newer_release)
    size = (new.size_bytes or 0) + 1
    with sqlite_house.write() as work:
        assert dropping.drop_ended(work, quota_bytes=size) == 0  # both were made within the hour
    clock.now += timedelta(minutes=30)
    with sqlite_house.write() as work:
        assert dropping.drop_ended(work, quota_bytes=size) == 1
        assert service.row(work, old.id).state == ViewState.DROPPED
        assert service.row(work, new.id).state == ViewState.READY
    drop_views(sqlite_house)
    again = makes(scene, scene.release_id)
    assert (again.id, again.sha256, again.state) == (old.id, old.sha256, ViewState.READY)


@pytest.mark.parametrize("before", ["build", "finish"])
def test_what_ends_while_it_is_made_makes_nothing(sqlite_house: House, before: str) -> None:
    scene = a_scene(sqlite_house)
    who = reader(scene)
    with sqlite_house.write() as work:
        asked = service.want(work, who, None)

    def steps(name: str, do: object) -> object:
        if name == before:
            scene.revokes()
        return do()  # type: ignore[operator]

    works(scene, steps)  # type: ignore[arg-type]
    with sqlite_house.read() as work:
        assert service.row(work, asked.id).state == ViewState.FAILED


def test_outside_the_organisation_there_is_no_grant(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    for who in ("officer2", "approver", "steward_a"):
        with pytest.raises(NotFound), sqlite_house.read() as work:
            service.reading(work, actor_of(work, who), scene.grant_id)


def test_types_are_those_that_every_reader_knows() -> None:
    for kind, wanted in (
        (pa.timestamp("ns"), pa.timestamp("us", tz="UTC")), (pa.time64("us"), pa.string()), (pa.uint32(), pa.int64()),
        (pa.null(), pa.string()), (pa.dictionary(pa.int32(), pa.string()), pa.string()), (pa.float64(), pa.float64()),
    ):  # fmt: skip
        assert readable_type(kind) == wanted
    said = delta_schema(
        pa.schema([("a", pa.decimal128(10, 2)), ("b", pa.list_(pa.int64())), ("c", pa.binary())])
    )
    assert '"decimal(10,2)"' in said
    assert '"elementType": "long"' in said
