"""Download tickets: one download each, whoever asks and however many at once, and never past the end of the right."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.extract import app
from api.house import House
from auth.actor import SYSTEM
from auth.identity import accounts, api_keys
from auth.identity.api_keys import ApiKeyCreate
from datasets.extracts import tickets
from datasets.extracts.tables import DownloadTicketRow, ExtractRow
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, app_of, browser_as, client_as


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.fixture
def anybody(scene: Scene) -> TestClient:
    """Somebody who has not signed in: a download manager."""
    return TestClient(app_of(scene.house))


def _ticket(scene: Scene, extract_id: str) -> str:
    """The path of a fresh ticket's address."""
    answer = client_as(scene.house, "analyst").post(f"/api/v1/extracts/{extract_id}/tickets", json={})
    assert answer.status_code == 201, answer.text
    return urlsplit(answer.json()["url"]).path


def test_a_ticket_downloads_once_without_signing_in(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    path = _ticket(scene, made.id)
    first = anybody.get(path)
    assert (first.status_code, first.content) == (200, scene.file(made.id).read_bytes())
    assert first.headers["etag"] == f'"{made.sha256}"'
    again = anybody.get(path, headers={"accept-language": "en"})
    assert (again.status_code, "it serves once" in again.json()["detail"]) == (410, True)
    assert anybody.head(path).status_code == 410
    (_, issued), (_, used) = scene.events("extract.ticket_issued") + scene.events("extract.downloaded")
    assert issued["ticket"] == used["ticket"]
    with scene.house.read() as work:
        row = work.db.get_one(ExtractRow, made.id)
        assert (row.downloads, row.bytes_sent) == (1, made.size_bytes)


def test_asking_about_a_file_leaves_the_ticket_as_it_is(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    path, tag = _ticket(scene, made.id), f'"{made.sha256}"'
    assert anybody.head(path).headers["content-length"] == str(made.size_bytes)
    for headers, status in (
        ({"if-none-match": tag}, 304), ({"range": "bytes=99999999-"}, 416),
        ({"range": "bytes=99999999-", "if-range": tag}, 416),
    ):  # fmt: skip
        assert anybody.get(path, headers=headers).status_code == status
    assert anybody.get(path, headers={"range": "bytes=99999999-", "if-range": '"other"'}).status_code == 200


def test_a_range_in_another_unit_takes_the_whole_file_and_the_ticket(
    scene: Scene, anybody: TestClient
) -> None:
    made = scene.delivered()
    path = _ticket(scene, made.id)
    whole = anybody.get(path, headers={"range": "lines=1"})
    assert (whole.status_code, whole.content) == (200, scene.file(made.id).read_bytes())
    assert anybody.get(path).status_code == 410


def test_a_broken_download_goes_on_with_another_ticket(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    part = anybody.get(_ticket(scene, made.id), headers={"range": "bytes=0-99"})
    rest = anybody.get(
        _ticket(scene, made.id), headers={"range": "bytes=100-", "if-range": part.headers["etag"]}
    )
    assert (part.status_code, rest.status_code) == (206, 206)
    assert part.content + rest.content == scene.file(made.id).read_bytes()


def test_of_sixteen_takers_at_once_one_gets_the_file(house: House) -> None:
    scene = a_scene(house)
    made = scene.delivered()
    path, takers = _ticket(scene, made.id), TestClient(app_of(house))
    with ThreadPoolExecutor(16) as pool:
        said = sorted(pool.map(lambda _: takers.get(path).status_code, range(16)))
    assert said == [200] + [410] * 15
    assert len(scene.events("extract.downloaded")) == 1


def test_a_ticket_is_good_for_five_minutes(scene: Scene, anybody: TestClient, clock: TestClock) -> None:
    made = scene.delivered()
    path, later = _ticket(scene, made.id), _ticket(scene, made.id)
    clock.forward(seconds=299)
    assert anybody.get(path).status_code == 200
    clock.forward(seconds=1)
    assert anybody.get(later).status_code == 410


def _loses_role(scene: Scene) -> None:
    with scene.house.write() as work:
        account = accounts.account(work, accounts.account_row(work, "analyst").id)
        for role in account.roles:
            accounts.take_role(work, SYSTEM, account.id, role.id)


@pytest.mark.parametrize(
    "end",
    [Scene.revokes, Scene.suspends, Scene.withdraws, Scene.freezes, _loses_role],
    ids=lambda each: each.__name__,
)
def test_a_ticket_ends_with_the_right(scene: Scene, anybody: TestClient, end: Callable[[Scene], Any]) -> None:
    made = scene.delivered()
    path = _ticket(scene, made.id)
    end(scene)
    for ask in (anybody.head, anybody.get):
        answer = ask(path)
        assert (answer.status_code in (403, 404), b"PAR1" in answer.content) == (True, False)
    assert (
        scene.events("extract.download_refused") or end is _loses_role
    )  # who may not see it is told nothing
    assert not scene.events("extract.downloaded")
    assert (
        client_as(scene.house, "analyst").post(f"/api/v1/extracts/{made.id}/tickets", json={}).status_code
        == 403
    )


def test_signing_out_ends_the_tickets_of_that_session(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    browser = browser_as(scene.house, "analyst")
    page = browser.submit(f"/extracts/{made.id}/ticket")
    assert page.status_code == 200, page.text
    path = urlsplit(page.text.split('id="ticket-url"')[1].split("http", 1)[1].split("<")[0]).path
    assert anybody.head(path).status_code == 200
    with scene.house.read() as work:
        assert work.db.exec(select(DownloadTicketRow)).one().via == "session"
    assert browser.submit("/sign-out").status_code == 303
    for ask in (anybody.head, anybody.get):
        assert ask(path).status_code == 410
    assert not scene.events("extract.downloaded")


def test_a_ticket_whose_session_is_not_there_is_worth_nothing(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    page = browser_as(scene.house, "analyst").submit(f"/extracts/{made.id}/ticket")
    path = urlsplit(page.text.split('id="ticket-url"')[1].split("http", 1)[1].split("<")[0]).path
    with scene.house.write() as work:
        work.db.exec(select(DownloadTicketRow)).one().session_id = "nobody's"
    assert anybody.get(path).status_code == 410


def test_a_key_that_ends_takes_its_tickets_along(scene: Scene, anybody: TestClient) -> None:
    made = scene.delivered()
    with scene.desk.write("analyst") as (work, actor):
        key = api_keys.create(work, actor, ApiKeyCreate(name="nightly"))
    client = TestClient(app_of(scene.house), headers={"authorization": f"Bearer {key.key}"})
    path = urlsplit(client.post(f"/api/v1/extracts/{made.id}/tickets", json={}).json()["url"]).path
    assert anybody.head(path).status_code == 200
    with scene.desk.write("analyst") as (work, actor):
        api_keys.revoke(work, actor, key.id)
    assert anybody.get(path).status_code == 410


def test_what_is_no_ticket_is_not_found(anybody: TestClient) -> None:
    for token in ("x", "x" * 43, "../../etc/passwd", "%00"):
        assert anybody.get(f"/take/{token}/f.parquet").status_code in (404, 422)


def test_the_secret_is_stored_nowhere(scene: Scene) -> None:
    token = _ticket(scene, scene.delivered().id).split("/")[2]
    with scene.house.read() as work:
        assert token not in str(work.db.exec(select(DownloadTicketRow)).one().model_dump())
    assert token not in json.dumps(scene.events(""))


def test_others_take_no_tickets(scene: Scene) -> None:
    made = scene.delivered()
    with scene.house.write() as work:
        a_person(work, "stranger", "insurer", [])
    for who, status in (("auditor", 403), ("stranger", 403)):
        answer = client_as(scene.house, who).post(f"/api/v1/extracts/{made.id}/tickets", json={})
        assert answer.status_code == status, (who, answer.text)


def test_unused_tickets_are_few(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "MOST_OPEN", 2)
    made = scene.delivered()
    for _ in range(2):
        _ticket(scene, made.id)
    answer = client_as(scene.house, "analyst").post(f"/api/v1/extracts/{made.id}/tickets", json={})
    assert answer.status_code == 409


def test_an_idempotency_key_is_not_taken_where_the_answer_is_a_secret(scene: Scene) -> None:
    made = scene.delivered()
    client = client_as(scene.house, "analyst")
    answer = client.post(f"/api/v1/extracts/{made.id}/tickets", json={}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, "Idempotency-Key" in answer.json()["detail"]) == (422, True)


def test_the_command_prints_an_address(
    scene: Scene, anybody: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.delivered()
    monkeypatch.setattr("api.house.open_house", lambda *_, **__: scene.house)
    where = ["--data-dir", str(Path(scene.house.settings.data_dir)), "--as", "analyst", "--json"]
    done = CliRunner().invoke(app, ["ticket", made.id, *where])
    assert done.exit_code == 0, done.output
    assert anybody.get(urlsplit(json.loads(done.stdout)["url"]).path).status_code == 200
