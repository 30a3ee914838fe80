"""What departments hand in is shown to the malware scanner that is configured, by whatever way it comes. Against a process that speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from datasets.batches.tables import BatchRow
from datasets.sources import folder
from datasets.sources.asking import Ask, Catch
from datasets.sources.folder import FolderConfig
from tests.clamd import EICAR, SIGNATURE, a_clamd
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset
from tests.datasets.sources.places import allow, drop
from tests.people import browser_as, client_as

BAD = CLEAN + EICAR


@pytest.fixture(scope="module")
def clamd() -> Iterator[str]:
    with a_clamd() as address:
        yield address


@pytest.fixture
def stocked(house: House) -> House:
    with house.write() as work:
        a_parking_dataset(work)
    return house


def _with(house: House, address: str, **more: object) -> House:
    changed = {"clamd": address, "clamd_seconds": 2} | more
    return replace(house, settings=house.settings.model_copy(update=changed))


def _nothing_is_kept(house: House) -> bool:
    with house.read() as work:
        rows = work.db.exec(select(BatchRow)).all()
    staged = [path for path in (house.settings.files_dir / "stage").iterdir() if path.is_file()]
    return not rows and not staged and not list(house.files.digests())


def _noted(house: House) -> list[dict[str, object]]:
    with house.read() as work:
        rows = work.db.exec(select(audit.AuditEventRow).where(audit.AuditEventRow.kind == "batch.infected"))
        return [json.loads(row.payload) for row in rows]


def _sent(house: House, content: bytes) -> tuple[int, str, str]:
    answer = client_as(house, "lin").post(
        "/api/v1/batches", content=content, params={"dataset_id": DATASET, "name": "lots.csv"}
    )
    return answer.status_code, answer.json().get("reasons", [{"code": ""}])[0]["code"], answer.text


def test_infected_data_is_kept_nowhere_and_on_record_and_clean_data_is_taken(
    stocked: House, clamd: str
) -> None:
    there = _with(stocked, clamd)
    status, code, text = _sent(there, BAD)
    assert (status, code) == (403, "batch-infected")
    assert SIGNATURE in text
    assert _nothing_is_kept(stocked)
    (noted,) = _noted(stocked)
    assert noted["found"] == SIGNATURE
    assert _sent(there, CLEAN)[0] == 201


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_form_says_so_and_keeps_what_was_typed(stocked: House, clamd: str, lang: str) -> None:
    browser = browser_as(_with(stocked, clamd), "lin", lang)
    sent = {"csrf": browser.csrf, "dataset_id": DATASET}
    page = browser.post("/batches", data=sent, files={"file": ("lots.csv", BAD, "text/csv")})
    assert page.status_code == 403
    assert SIGNATURE in page.text
    assert ("Malware" if lang == "en" else "恶意软件") in page.text
    assert DATASET in page.text
    assert _nothing_is_kept(stocked)


@pytest.mark.parametrize("way", ["silent", "closes", "limit", "hasty"])
def test_without_the_scanners_word_no_data_is_taken(stocked: House, way: str) -> None:
    with a_clamd(way) as address:
        there = _with(stocked, address)
        content = CLEAN * 200_000 if way == "hasty" else CLEAN
        assert _sent(there, content)[0] == 503
    assert _nothing_is_kept(stocked)
    assert _sent(_with(stocked, address), CLEAN)[0] == 503, "nobody listens any more"
    assert _nothing_is_kept(stocked)
    assert _noted(stocked) == []


def test_a_client_of_ckans_interface_is_refused_alike(stocked: House, clamd: str) -> None:
    answer = client_as(_with(stocked, clamd), "lin").post(
        "/api/3/action/resource_create",
        data={"package_id": DATASET, "name": "lots"},
        files={"upload": ("lots.csv", BAD, "text/csv")},
    )
    assert answer.status_code == 403
    assert SIGNATURE in answer.text
    assert _nothing_is_kept(stocked)
    assert len(_noted(stocked)) == 1


def test_papers_may_be_scanned_and_data_not(stocked: House, clamd: str) -> None:
    assert _sent(_with(stocked, clamd, clamd_batches=False), BAD)[0] == 201
    assert _noted(stocked) == []


def test_an_infected_file_of_a_watched_folder_is_named_and_the_others_are_taken(
    sqlite_house: House, clock: TestClock, tmp_path: Path, clamd: str
) -> None:
    inbox = tmp_path / "watched" / "traffic" / "in"
    inbox.mkdir(parents=True)
    allow(sqlite_house, source_root=tmp_path / "watched", clamd=clamd)
    drop(inbox, "bad.csv", BAD)
    drop(inbox, "lots.csv", CLEAN)
    config = FolderConfig(kind="folder", path="in", pattern="*")
    found: list[Catch] = []
    for _ in range(2):
        ask = Ask("traffic", None, found[-1].memory if found else {}, sqlite_house.settings, clock.now)
        found.append(folder.fetch(ask, config, sqlite_house.files))
        clock.forward(minutes=1)
    assert [each.name for each in found[1].files] == ["lots.csv"]
    assert SIGNATURE in found[1].problems[0].en
    assert "bad.csv" in found[1].problems[0].zh


@pytest.mark.parametrize(
    ("settings", "scan", "words"),
    [
        ({}, "clean", ("Shown to the malware scanner: clean", "已扫描")),
        ({"clamd_batches": False}, "not_scanned", ("Not shown to a scanner", "未扫描")),
        ({"clamd": ""}, "not_scanned", ("Not shown to a scanner", "未扫描")),
    ],
)
def test_a_batch_says_whether_it_was_shown_and_what_came_of_it(
    stocked: House, clamd: str, settings: dict[str, object], scan: str, words: tuple[str, str]
) -> None:
    there = _with(stocked, clamd, **settings)
    lin = client_as(there, "lin")
    receipt = lin.post(
        "/api/v1/batches", content=CLEAN, params={"dataset_id": DATASET, "name": "lots.csv"}
    ).json()
    assert (receipt["scan"], receipt["scanned_at"] is not None) == (scan, scan == "clean")
    for lang, word in zip(("en", "zh"), words, strict=True):
        assert word in browser_as(there, "lin", lang).get(f"/batches/{receipt['id']}").text
    with stocked.read() as work:
        kept = work.db.exec(
            select(audit.AuditEventRow.payload).where(audit.AuditEventRow.kind == "batch.received")
        ).one()
    assert json.loads(kept)["scan"] == scan


def test_what_came_before_is_not_said_to_be_clean(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    receipt = client_as(sqlite_house, "lin").post("/api/v1/batches", content=CLEAN, params={"dataset_id": DATASET, "name": "lots.csv"}).json()  # fmt: skip
    with sqlite_house.write() as work:
        row = work.db.get_one(BatchRow, receipt["id"])
        row.scan = ""
        work.db.add(row)
    assert "Not on record" in browser_as(sqlite_house, "lin", "en").get(f"/batches/{receipt['id']}").text


def test_a_file_of_a_source_says_so_too(
    sqlite_house: House, clock: TestClock, tmp_path: Path, clamd: str
) -> None:
    inbox = tmp_path / "watched" / "traffic" / "in"
    inbox.mkdir(parents=True)
    allow(sqlite_house, source_root=tmp_path / "watched", clamd=clamd)
    drop(inbox, "lots.csv", CLEAN)
    config = FolderConfig(kind="folder", path="in", pattern="*")
    memory: object = {}
    for _ in range(2):
        ask = Ask("traffic", None, memory, sqlite_house.settings, clock.now)  # type: ignore[arg-type]
        caught = folder.fetch(ask, config, sqlite_house.files)
        memory = caught.memory
        clock.forward(minutes=1)
    assert [each.stored.seen for each in caught.files] == ["clean"]
