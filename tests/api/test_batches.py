"""Batches over HTTP and in the browser: receipts, scope, pages in both languages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.durable import drain
from api.house import House
from auth import audit_reading
from tests.datasets.parking import (
    CLEAN,
    COLUMNS,
    DATASET,
    FAILS,
    WARNS,
    a_parking_dataset,
    hand_in,
    save_suite,
    the_batch,
)
from tests.people import a_person, browser_as, client_as

pytestmark = pytest.mark.gx


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def upload(client: TestClient, data: bytes | Iterator[bytes], **how: object) -> dict[str, object]:
    params = {"dataset_id": DATASET, "name": "lots.csv"} | how
    answer = client.post("/api/v1/batches", content=data, params=params)
    return {"status": answer.status_code, **answer.json()}


def test_the_answer_is_a_receipt_of_the_very_bytes(stocked: House) -> None:
    receipt = upload(client_as(stocked, "lin"), iter([CLEAN[:10], CLEAN[10:]]))
    assert receipt["status"] == 201
    assert receipt["sha256"] == hashlib.sha256(CLEAN).hexdigest()
    assert receipt["size_bytes"] == len(CLEAN)
    assert receipt["state"] == "received"
    drain(stocked)
    found = client_as(stocked, "lin").get(f"/api/v1/batches/{receipt['id']}").json()
    assert found["state"] == "passed"
    assert found["outcomes"][0]["rule_zh"]
    assert [step["step"] for step in found["commands"]] == ["publish", "recheck", "reject", "supersede"]
    assert not found["commands"][0]["allowed"]
    assert found["commands"][0]["reasons"][0]["code"] == "preparer-may-not-publish"
    held = client_as(stocked, "lin").get(f"/api/v1/batches/{receipt['id']}/original")
    assert held.content == CLEAN


def test_the_same_bytes_name_the_earlier_batch(stocked: House) -> None:
    client = client_as(stocked, "lin")
    first = upload(client, CLEAN)
    second = upload(client, CLEAN)
    assert (second["status"], second["batch_id"]) == (409, first["id"])
    assert upload(client, CLEAN, again=True)["status"] == 201


def test_too_much_is_refused_and_leaves_nothing_behind(
    stocked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(stocked.settings, "upload_max_bytes", 20)
    assert upload(client_as(stocked, "lin"), CLEAN)["status"] == 422
    assert not list(stocked.files.digests())
    assert not [path for path in (stocked.settings.files_dir / "stage").iterdir() if path.is_file()]


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("eye", 403), ("guard", 403), ("other", 404)])
def test_only_the_departments_stewards_hand_in(stocked: House, who: str | None, status: int) -> None:
    assert upload(client_as(stocked, who), CLEAN)["status"] == status
    assert not list(stocked.files.digests())


@pytest.mark.parametrize(
    ("who", "status"), [(None, 401), ("guard", 403), ("other", 404), ("eye", 200), ("zhou", 200)]
)
def test_a_batch_is_seen_by_its_department_and_the_auditor(
    stocked: House, who: str | None, status: int
) -> None:
    batch = hand_in(stocked, "lin", CLEAN, check=False)
    assert client_as(stocked, who).get(f"/api/v1/batches/{batch.id}").status_code == status
    listed = client_as(stocked, who).get("/api/v1/batches")
    if listed.status_code == 200:
        assert listed.json()["total"] == (1 if status == 200 else 0)


def test_a_steward_goes_the_whole_way_in_the_browser(stocked: House) -> None:
    lin, zhou = browser_as(stocked, "lin"), browser_as(stocked, "zhou", lang="en")
    assert lin.get("/batches/new").status_code == 200
    form = {"csrf": lin.csrf, "dataset_id": DATASET}
    sent = lin.post("/batches", data=form, files={"file": ("停车场.csv", WARNS)}, follow_redirects=False)
    assert sent.status_code == 303
    where = sent.headers["location"]
    assert "停车场.csv" in lin.get(where).text
    drain(stocked)
    shown = lin.get(where)
    assert "待确认" in shown.text
    assert "签字确认" in shown.text
    refused = lin.submit(f"{where}/confirm", note="x")
    assert refused.status_code == 403
    assert "签字须附说明" in refused.text
    assert lin.submit(f"{where}/confirm", note="已向停车场核实").status_code == 303
    preview = f"/datasets/{DATASET}/suite/edit?batch={where.rpartition('/')[2]}"
    assert f'href="{preview}"' in zhou.get(where).text
    assert f'value="{where.rpartition("/")[2]}" selected' in zhou.get(preview).text
    assert lin.submit(f"{where}/publish").status_code == 403
    assert "Publish this batch" in zhou.get(where).text
    published = zhou.submit(f"{where}/publish", note="March")
    assert published.status_code == 303
    drain(stocked)
    release = zhou.get(published.headers["location"])
    assert "Current" in release.text
    assert "Download Parquet" in release.text
    for browser in (lin, zhou):
        for path in (
            "/batches",
            "/batches?state=released&sort=name",
            "/releases",
            "/releases?q=PK",
            "/jobs",
            where,
        ):
            assert browser.get(path).status_code == 200, path


def test_the_same_file_from_the_form_is_told_on_the_form(stocked: House) -> None:
    earlier = hand_in(stocked, "lin", CLEAN, check=False)
    lin = browser_as(stocked, "lin")
    form = {"csrf": lin.csrf, "dataset_id": DATASET}
    answer = lin.post("/batches", data=form, files={"file": ("a.csv", CLEAN)})
    assert answer.status_code == 409
    assert f"/batches/{earlier.id}" in answer.text


def test_a_form_without_its_token_is_refused(stocked: House) -> None:
    lin = browser_as(stocked, "lin")
    answer = lin.post("/batches", data={"dataset_id": DATASET}, files={"file": ("a.csv", CLEAN)})
    assert answer.status_code == 403


def test_what_the_file_holds_stays_text_on_the_page(stocked: House) -> None:
    evil = b'lot,name,total,free,day\n<script>alert(1)</script>,a,"<b>",1,2026-03-01\n'
    batch = hand_in(stocked, "lin", evil, "<img src=x>.csv")
    text = browser_as(stocked, "lin").get(f"/batches/{batch.id}").text
    assert "<script>alert" not in text
    assert "<img src=x>" not in text


def test_reading_differently_and_rejecting_over_http(stocked: House) -> None:
    client = client_as(stocked, "lin")
    batch = hand_in(stocked, "lin", FAILS)
    changed = client.patch(f"/api/v1/batches/{batch.id}/options", json={"encoding": "gb18030"})
    assert changed.status_code == 200
    assert client.patch(f"/api/v1/batches/{batch.id}/options", json={"sheet": "a"}).status_code == 409
    drain(stocked)
    assert client.patch(f"/api/v1/batches/{batch.id}/options", json={"nonsense": 1}).status_code == 422
    rejected = client.post(f"/api/v1/batches/{batch.id}/reject", json={"note": "wrong month"})
    assert rejected.json()["state"] == "rejected"
    assert the_batch(stocked, batch.id).closed_note == "wrong month"


def test_a_new_suite_is_used_at_the_next_check(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    with stocked.write() as work:
        save_suite(work, expectations=[{"type": "expect_table_row_count_to_equal", "kwargs": {"value": 2}}])
    client = client_as(stocked, "lin")
    assert client.post(f"/api/v1/batches/{batch.id}/recheck").status_code == 200
    drain(stocked)
    found = client.get(f"/api/v1/batches/{batch.id}").json()
    assert (found["state"], found["suite_number"]) == ("failed", 2)


def test_rows_that_no_gate_has_passed_go_to_nobody_but_their_department(stocked: House) -> None:
    with stocked.write() as work:
        a_person(work, "librarian", "bureau", ["catalog_admin"])
    batch = hand_in(stocked, "lin", FAILS)
    for path in ("original", "rows"):
        address = f"/api/v1/batches/{batch.id}/{path}"
        for who, status in (("lin", 200), ("eye", 403), ("librarian", 403), ("other", 404), (None, 401)):
            assert client_as(stocked, who).get(address).status_code == status, (path, who)
    with stocked.read() as work:
        found, _ = audit_reading.events(work, subject=batch.id)
    assert [event.kind for event in found][:2] == ["batch.rows_downloaded", "batch.original_downloaded"]


def test_whoever_publishes_elsewhere_takes_no_rows_here(stocked: House) -> None:
    with stocked.write() as work:
        a_person(work, "both", "bureau", ["catalog_admin", ("steward", "bureau")])
    batch = hand_in(stocked, "lin", FAILS)
    for path in ("original", "rows"):
        assert client_as(stocked, "both").get(f"/api/v1/batches/{batch.id}/{path}").status_code == 403


def test_values_of_sensitive_data_are_shown_to_their_department_alone(sqlite_house: House) -> None:
    columns = [column | ({"level": 3} if column["name"] == "name" else {}) for column in COLUMNS]
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, data_level=3, columns=columns)
    batch = hand_in(sqlite_house, "lin", FAILS)
    address = f"/batches/{batch.id}"
    for client, sees in ((client_as(sqlite_house, "lin"), True), (client_as(sqlite_house, "eye"), False)):
        found = client.get(f"/api/v1{address}").json()
        assert any(each["examples"] for each in found["outcomes"]) is sees
        assert found["outcomes"][0]["unexpected_count"] == 1
        assert ("北门" in str(found)) is sees
        assert ("北门" in client.get(address, headers={"accept": "text/html"}).text) is sees
