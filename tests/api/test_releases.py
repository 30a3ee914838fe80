"""Releases over HTTP: the open download, its ranges and its record, tombstones, and what is not open."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from catalog import service as catalog
from catalog.models import DatasetUpdate
from datasets.releases import service as releases
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import actor_of, browser_as, client_as

LATER = CLEAN + "P04,南门,30,3,2026-03-02\n".encode()

pytestmark = pytest.mark.gx


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def downloads(house: House) -> list[AuditEventRow]:
    with house.read() as work:
        return list(work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "release.downloaded")))


def test_anybody_takes_open_data_and_it_is_written_down(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    visitor = client_as(stocked)
    whole = visitor.get(f"/api/v1/releases/{release.id}/file")
    assert hashlib.sha256(whole.content).hexdigest() == release.sha256
    assert whole.headers["etag"] == f'"{release.sha256}"'
    part = visitor.get(f"/api/v1/releases/{release.id}/file", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PAR1")
    known = visitor.get(
        f"/api/v1/releases/{release.id}/file", headers={"If-None-Match": whole.headers["etag"]}
    )
    assert known.status_code == 304
    head = visitor.head(f"/api/v1/releases/{release.id}/file")
    assert (head.status_code, head.headers["content-length"]) == (200, str(release.size_bytes))
    csv = visitor.get(f"/api/v1/releases/{release.id}/file?format=csv")
    assert csv.content.decode("utf-8-sig").splitlines()[0] == '"lot","name","total","free","day"'
    assert [json.loads(event.payload)["format"] for event in downloads(stocked)] == ["parquet"] * 3 + ["csv"]
    assert {event.actor_name for event in downloads(stocked)} == {"anonymous"}


def test_conditional_data_are_refused_with_the_way_to_apply(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, open_type="C", open_condition="签订协议", data_level=2)
    release = publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    assert release.csv_sha256 is None
    for who in (None, "lin", "eye"):
        answer = client_as(sqlite_house, who).get(f"/api/v1/releases/{release.id}/file")
        assert answer.status_code == 403
        reasons = answer.json()["reasons"]
        assert [reason["code"] for reason in reasons] == ["not-open-unconditionally", "level-too-high"]
        assert reasons[0]["apply_at"] == f"/applications/new?dataset={DATASET}"
    assert not downloads(sqlite_house)


def test_one_person_opens_nothing_that_was_released_before(sqlite_house: House) -> None:
    """What two people let out under conditions does not become open to all by an edit of the record."""
    with sqlite_house.write() as work:
        a_parking_dataset(work, open_type="C", open_condition="签署协议")
    release = publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    with sqlite_house.write() as work:
        catalog.update(work, actor_of(work, "lin"), DATASET, DatasetUpdate(open_type="U", open_condition=""))
    for form in ("parquet", "csv"):
        answer = client_as(sqlite_house).get(f"/api/v1/releases/{release.id}/file?format={form}")
        assert answer.status_code == 403
        assert [reason["code"] for reason in answer.json()["reasons"]] == ["released-before-opening"]
    again = publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", LATER).id)
    assert client_as(sqlite_house).get(f"/api/v1/releases/{again.id}/file").status_code == 200


def test_releases_of_an_unpublished_record_do_not_exist_for_others(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True)
    release = publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    for who in (None, "other"):
        client = client_as(sqlite_house, who)
        for path in ("", "/file", "/manifest"):
            assert client.get(f"/api/v1/releases/{release.id}{path}").status_code == 404
        assert client.get("/api/v1/releases").json()["total"] == 0
    assert client_as(sqlite_house, "lin").get(f"/api/v1/releases/{release.id}").status_code == 200


def test_a_withdrawn_release_answers_gone_with_its_reason(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    done = client_as(stocked, "guard").post(
        f"/api/v1/releases/{release.id}/withdraw", json={"reason": "坐标有误"}
    )
    assert done.json()["state"] == "withdrawn"
    for path in ("", "/file", "/manifest"):
        answer = client_as(stocked).get(f"/api/v1/releases/{release.id}{path}")
        assert answer.status_code == 410
        assert "坐标有误" in answer.json()["detail"]
    assert (
        client_as(stocked, "lin").get(f"/api/v1/releases/{release.id}").json()["withdrawn_reason"]
        == "坐标有误"
    )
    again = client_as(stocked, "guard").post(
        f"/api/v1/releases/{release.id}/withdraw", json={"reason": "twice over"}
    )
    assert again.status_code == 409
    listed = client_as(stocked).get("/api/v1/releases").json()["items"]
    assert [item["state"] for item in listed] == ["withdrawn"]


def test_the_manifest_names_no_person(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    answer = client_as(stocked).get(f"/api/v1/releases/{release.id}/manifest")
    assert hashlib.sha256(answer.content).hexdigest() == release.manifest_sha256
    assert "zhou" not in answer.text
    assert answer.json()["published_by"]["org_id"] == "traffic"


def test_the_release_page_speaks_to_each_reader(stocked: House) -> None:
    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    public = client_as(stocked).get(f"/releases/{release.id}", headers={"accept": "text/html"})
    assert public.status_code == 200
    assert "zhou" not in public.text.lower()
    inside = browser_as(stocked, "lin", lang="en").get(f"/releases/{release.id}")
    assert "Zhou" in inside.text
    guard = browser_as(stocked, "guard")
    assert guard.submit(f"/releases/{release.id}/withdraw", reason="").status_code == 403
    assert guard.submit(f"/releases/{release.id}/withdraw", reason="坐标有误").status_code == 303
    gone = client_as(stocked).get(f"/releases/{release.id}", headers={"accept": "text/html"})
    assert gone.status_code == 410
    assert "坐标有误" in gone.text


def test_publishing_needs_the_role_and_the_department(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    for who, status in ((None, 401), ("eye", 403), ("other", 404), ("lin", 403), ("zhou", 202)):
        answer = client_as(stocked, who).post(
            "/api/v1/releases", json={"batch_id": batch.id, "version": batch.version}
        )
        assert answer.status_code == status, who


def test_a_download_on_its_way_stops_when_the_release_is_withdrawn(stocked: House) -> None:
    from datasets.releases import access

    release = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    with stocked.write() as work:
        releases.withdraw(work, actor_of(work, "lin"), release.id, "wrong month")
    with stocked.read() as work:
        assert not access.may_flow(work, release.id)
