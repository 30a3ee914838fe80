"""Great Expectations' Data Docs: drawn on request, taken away as a file, never a page of ours."""

from __future__ import annotations

import io
import zipfile

import pytest
from sqlmodel import select

from api.durable import drain
from api.house import House
from auth.audit import AuditEventRow
from tests.datasets.parking import CLEAN, COLUMNS, FAILS, a_parking_dataset, hand_in, recheck, save_suite
from tests.people import browser_as, client_as

pytestmark = pytest.mark.gx


def test_data_docs_are_drawn_from_the_stored_verdict_and_leave_as_a_zip(sqlite_house: House) -> None:
    house = sqlite_house
    with house.write() as work:
        a_parking_dataset(work, columns=[*COLUMNS[:1], COLUMNS[1] | {"primary": True}, *COLUMNS[2:]])
    batch = hand_in(house, "lin", FAILS)
    at, client = f"/api/v1/batches/{batch.id}/verdict/docs", client_as(house, "lin")
    assert client.get(at).status_code == 404
    asked = browser_as(house, "lin").submit(f"/batches/{batch.id}/verdict/docs")
    assert asked.headers["location"] == f"/batches/{batch.id}/verdict#docs"
    assert "生成 Data Docs" in browser_as(house, "lin").get(f"/batches/{batch.id}/verdict").text
    drain(house)
    assert f'href="{at}"' in browser_as(house, "lin").get(f"/batches/{batch.id}/verdict").text
    taken = client.get(at)
    assert taken.headers["content-type"] == "application/zip"
    assert taken.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(taken.content)) as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(pages) == {
        "index.html",
        "expectations/DP-PK-900.html",
        "validations/DP-PK-900/run/20260302T010000Z/verdict.html",
    }
    (results,) = (text for name, text in pages.items() if name.startswith("validations"))
    assert "P01" in results  # the repeated value
    assert "东门, 西门" in results  # of which rows, by the key column
    assert all("script-src 'none'" in text for name, text in pages.items() if name != "index.html")
    assert 'href="../../../../expectations/DP-PK-900.html"' in results
    with house.read() as work:
        kinds = set(work.db.exec(select(AuditEventRow.kind)))
    assert {"verdict.docs_requested", "verdict.docs_downloaded"} <= kinds


def test_another_verdict_needs_docs_of_its_own_and_values_stay_with_who_may_see_them(
    sqlite_house: House,
) -> None:
    house = sqlite_house
    with house.write() as work:
        a_parking_dataset(work, open_type="C", open_condition="签订协议", data_level=3)
    batch = hand_in(house, "lin", CLEAN)
    at = f"/api/v1/batches/{batch.id}/verdict/docs"
    assert client_as(house, "lin").post(at).status_code == 202
    drain(house)
    assert client_as(house, "lin").get(at).status_code == 200
    refused = client_as(house, "eye").post(at)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (403, "values-withheld")
    assert client_as(house, "eye").get(at).status_code == 403
    assert client_as(house, "other").get(at).status_code == 404
    with house.write() as work:
        save_suite(work, name="next")
    recheck(house, "lin", batch.id)
    assert client_as(house, "lin").get(at).status_code == 404
