"""A release: second person, whole or not at all, never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlmodel import col, select

from api.durable import drain
from api.house import House
from auth.audit import AuditEventRow
from catalog import service as catalog
from catalog.assets import asset
from catalog.models import DatasetUpdate, Dictionary
from core.errors import AccessRefused, Conflict, Gone, NotFound
from core.outbox import OutboxRow
from datasets.batches import detail
from datasets.batches import service as batches
from datasets.batches.workflow import BatchState
from datasets.content import content_digest
from datasets.pipeline import kinds
from datasets.releases import access, queries
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import ReleaseState
from quality import service as quality
from quality.suite import Suite
from tests.datasets.parking import (
    CLEAN,
    COLUMNS,
    DATASET,
    FAILS,
    SUITE,
    WARNS,
    a_parking_dataset,
    hand_in,
    publish,
    recheck,
    save_suite,
    the_batch,
    the_release,
)
from tests.people import actor_of, client_as

pytestmark = pytest.mark.gx
LATER = CLEAN + "P04,南门,30,3,2026-03-02\n".encode()


@pytest.fixture
def stocked(house: House) -> House:
    with house.write() as work:
        a_parking_dataset(work)
        catalog.note_release(work, DATASET, release_no=None, released_at=None)
    return house


def ask(house: House, username: str, batch_id: str) -> ReleaseRow:
    with house.write() as work:
        asked = releases.request(work, actor_of(work, username), ReleaseCreate(batch_id=batch_id))
    return the_release(house, asked.id)


def kinds_of_events(house: House, subject: str) -> list[str]:
    with house.read() as work:
        found = (
            select(AuditEventRow.kind)
            .where(AuditEventRow.subject == subject)
            .order_by(col(AuditEventRow.seq))
        )
        return list(work.db.exec(found))


def test_a_second_person_publishes_and_the_file_holds_what_was_judged(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    release = publish(stocked, "zhou", batch.id)
    assert (release.state, release.number, release.rows) == (ReleaseState.PUBLISHED, 1, 3)
    assert release.sha256
    assert release.manifest_sha256
    assert release.csv_sha256
    path = stocked.files.path(release.sha256)
    assert content_digest(path) == batch.content_sha256
    schema = pq.read_schema(path)
    assert schema.names == ["lot", "name", "total", "free", "day"]
    assert schema.field("free").metadata[b"unit"].decode() == "个"
    assert schema.field("lot").metadata[b"title_zh"].decode() == "停车场编号"
    assert schema.metadata[b"datagrant:dataset_id"].decode() == DATASET
    manifest = json.loads(stocked.files.path(release.manifest_sha256).read_bytes())
    assert manifest["files"]["parquet"]["sha256"] == release.sha256
    assert manifest["gate"]["content_sha256"] == release.content_sha256
    assert manifest["prepared_by"][0]["person_id"] != manifest["published_by"]["person_id"]
    assert the_batch(stocked, batch.id).state == BatchState.RELEASED
    assert kinds_of_events(stocked, release.id) == ["release.requested", "release.published"]
    with stocked.read() as work:
        assert [row.topic for row in work.db.exec(select(OutboxRow))] == ["release.published"]
        assert catalog.show(work, actor_of(work, "lin"), DATASET).release_no == 1


def test_neither_uploader_nor_confirmer_may_publish(stocked: House) -> None:
    batch = hand_in(stocked, "lin", WARNS)
    with stocked.write() as work:
        batches.confirm(work, actor_of(work, "zhou"), batch.id, "looked at it, the lot is that big")
    for username in ("lin", "zhou"):
        with pytest.raises(AccessRefused) as refused:
            ask(stocked, username, batch.id)
        assert [reason.code for reason in refused.value.reasons] == ["preparer-may-not-publish"]


def test_who_changes_the_rules_does_not_publish_what_they_let_through(stocked: House) -> None:
    """Loosen a suite, check a colleague's batch again, publish: one person alone would have opened the gate."""
    batch = hand_in(stocked, "lin", FAILS)
    assert batch.state == BatchState.FAILED
    loose = Suite.from_data(SUITE | {"expectations": [SUITE["expectations"][2]]})
    with stocked.write() as work:
        quality.save_suite(work, actor_of(work, "zhou"), asset(work, DATASET), loose)
    assert recheck(stocked, "zhou", batch.id).state == BatchState.PASSED
    with pytest.raises(AccessRefused) as refused:
        ask(stocked, "zhou", batch.id)
    assert [reason.code for reason in refused.value.reasons] == ["rule-author-may-not-publish"]
    with stocked.read() as work:
        seen = detail.detail(work, actor_of(work, "zhou"), batch.id)
        publishing = next(command for command in seen.commands if command.step == "publish")
        assert (publishing.allowed, [each["code"] for each in publishing.reasons]) == (
            False,
            ["rule-author-may-not-publish"],
        )


def change_record(house: House, username: str, **changes: object) -> None:
    with house.write() as work:
        catalog.update(work, actor_of(work, username), DATASET, DatasetUpdate.model_validate(changes))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"open_type": "C", "open_condition": "签署协议"}, {"open_type": "U", "open_condition": ""}),
        ({"open_type": "C", "open_condition": "签署协议", "data_level": 2}, {"data_level": 1}),
    ],
)
def test_who_opens_the_record_does_not_publish_what_it_opens(
    sqlite_house: House, before: dict[str, object], after: dict[str, object]
) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, **before)
    batch = hand_in(sqlite_house, "lin", CLEAN)
    change_record(sqlite_house, "zhou", **after)
    with pytest.raises(AccessRefused) as refused:
        ask(sqlite_house, "zhou", batch.id)
    assert [reason.code for reason in refused.value.reasons] == ["rule-author-may-not-publish"]


def test_who_betters_the_words_of_the_record_may_publish(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    batch = hand_in(sqlite_house, "lin", CLEAN)
    change_record(sqlite_house, "zhou", title_zh="停车场泊位与余位")
    assert ask(sqlite_house, "zhou", batch.id).state == ReleaseState.PREPARING


def test_opening_the_record_while_a_release_is_being_made_opens_nothing(sqlite_house: House) -> None:
    """The second person looked at conditional data; what is opened after that waits for another look."""
    with sqlite_house.write() as work:
        a_parking_dataset(work, open_type="C", open_condition="签署协议")
    asked = ask(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    change_record(sqlite_house, "lin", open_type="U", open_condition="")
    drain(sqlite_house)
    made = the_release(sqlite_house, asked.id)
    assert (made.state, made.csv_sha256, made.partitions) == (ReleaseState.PUBLISHED, None, None)
    for form in ("csv", "parquet"):
        assert (
            client_as(sqlite_house).get(f"/api/v1/releases/{asked.id}/file?format={form}").status_code == 403
        )


def test_a_release_by_a_second_person_settles_the_change_of_rules(stocked: House) -> None:
    stricter = Suite.from_data(SUITE | {"name": "stricter"})
    with stocked.write() as work:
        quality.save_suite(work, actor_of(work, "lin"), asset(work, DATASET), stricter)
    first = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    assert len(first.preparers) == 1
    assert publish(stocked, "lin", hand_in(stocked, "zhou", LATER).id).number == 2
    with stocked.write() as work:
        words = catalog.show_dictionary(work, actor_of(work, "lin"), DATASET).model_dump()
        body = Dictionary.model_validate(
            {
                "columns": [c | {"definition_zh": "改"} for c in COLUMNS],
                "null_values": words.get("null_values", []),
            }
        )
        catalog.replace_dictionary(work, actor_of(work, "lin"), DATASET, body)
    third = hand_in(stocked, "zhou", LATER + "P05,中门,30,3,2026-03-02\n".encode())
    with pytest.raises(AccessRefused) as refused:
        ask(stocked, "lin", third.id)
    assert [reason.code for reason in refused.value.reasons] == ["rule-author-may-not-publish"]


@pytest.mark.parametrize("data", [FAILS, WARNS])
def test_what_did_not_pass_cannot_be_published(stocked: House, data: bytes) -> None:
    batch = hand_in(stocked, "lin", data)
    with pytest.raises(Conflict):
        ask(stocked, "zhou", batch.id)


def test_a_new_release_supersedes_the_old_one_and_both_stay(stocked: House, clock: object) -> None:
    first = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    second = publish(stocked, "lin", hand_in(stocked, "zhou", LATER).id)
    assert second.number == 2
    assert the_release(stocked, first.id).state == ReleaseState.SUPERSEDED
    with stocked.read() as work:
        found = queries.current(work, DATASET)
        assert found is not None
        assert found.id == second.id
        assert [row.number for row in queries.releases_of(work, DATASET)] == [2, 1]
        assert queries.is_deliverable(queries.release(work, first.id))


def test_a_changed_suite_asks_for_a_new_check(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    with stocked.write() as work:
        save_suite(work, name="stricter")
    with pytest.raises(Conflict) as refused:
        ask(stocked, "zhou", batch.id)
    assert [reason.code for reason in refused.value.reasons] == ["suite-changed"]


def test_a_column_that_nobody_has_graded_cannot_be_published(stocked: House) -> None:
    lines = CLEAN.decode().splitlines()
    data = "\n".join([f"{lines[0]},phone", *(f"{line},13900000000" for line in lines[1:])]).encode()
    batch = hand_in(stocked, "lin", data)
    with pytest.raises(Conflict) as refused:
        ask(stocked, "zhou", batch.id)
    assert [(each.code, each.facts["columns"]) for each in refused.value.reasons] == [
        ("columns-not-in-dictionary", ["phone"])
    ]


def test_two_releases_of_one_dataset_are_not_made_at_once(stocked: House) -> None:
    first, second = hand_in(stocked, "lin", CLEAN), hand_in(stocked, "lin", LATER)
    ask(stocked, "zhou", first.id)
    with pytest.raises(Conflict):
        ask(stocked, "zhou", second.id)
    with pytest.raises(Conflict):
        ask(stocked, "zhou", first.id)
    drain(stocked)
    assert publish(stocked, "zhou", second.id).number == 2


def test_other_content_than_the_verdict_names_is_never_published(
    stocked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    monkeypatch.setattr("datasets.pipeline.publish._prove", lambda *_: "0" * 64)
    release = publish(stocked, "zhou", batch.id)
    assert release.state == ReleaseState.FAILED
    assert the_batch(stocked, batch.id).state == BatchState.PASSED
    monkeypatch.undo()
    assert publish(stocked, "zhou", batch.id).state == ReleaseState.PUBLISHED


def test_a_disk_that_fails_leaves_nothing_half_published(
    stocked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = hand_in(stocked, "lin", CLEAN)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.files.os.fsync", full)
    release = publish(stocked, "zhou", batch.id)
    assert (release.state, release.sha256) == (ReleaseState.FAILED, None)
    with stocked.read() as work:
        assert queries.current(work, DATASET) is None


def test_finishing_twice_is_finishing_once(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    with stocked.write() as work:
        releases.finish(work, release.id, {"sha256": "0" * 64}, "0" * 64)
    assert the_release(stocked, release.id) == release
    assert kinds_of_events(stocked, release.id).count("release.published") == 1


def test_a_withdrawn_release_leaves_a_tombstone_and_stops_delivery(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    with stocked.write() as work:
        assert access.may_flow(work, release.id)
        releases.withdraw(work, actor_of(work, "guard"), release.id, "坐标有误")
    with stocked.read() as work:
        assert not access.may_flow(work, release.id)
        assert queries.current(work, DATASET) is None
        assert [row.state for row in queries.releases_of(work, DATASET)] == [ReleaseState.WITHDRAWN]
        with pytest.raises(Gone) as gone:
            queries.release(work, release.id)
    assert "坐标有误" in gone.value.detail.zh
    assert stocked.files.has(release.sha256 or "")


def test_only_the_department_or_security_withdraws(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    for username in ("other", "eye"):
        with stocked.write() as work, pytest.raises((AccessRefused, NotFound)):
            releases.withdraw(work, actor_of(work, username), release.id, "no business of mine")


def test_open_csv_defuses_formulas_and_keeps_numbers(stocked: House) -> None:
    data = 'lot,name,total,free,day\n=1+1,"@cmd",120,-3,2026-03-01\nP02,西门,80,0,\n'.encode()
    release = publish(stocked, "zhou", hand_in(stocked, "lin", data).id)
    text = stocked.files.path(release.csv_sha256 or "").read_bytes().decode("utf-8-sig")
    assert text.splitlines()[1].startswith('"\'=1+1","\'@cmd",120,-3,2026-03-01')


def test_making_the_files_twice_gives_the_same_bytes(stocked: House, tmp_path: Path) -> None:
    from datasets.releases.writer import write_parquet

    batch = hand_in(stocked, "lin", CLEAN)
    table = stocked.files.path(batch.typed_sha256 or "")
    for name in ("a", "b"):
        write_parquet(table, tmp_path / name, {"lot": {"title_zh": "编号"}}, {"k": "v"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_kind_of_job_is_found() -> None:
    assert {"batch.check", "release.publish", "store.scrub"} <= set(kinds())
