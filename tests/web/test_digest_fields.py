"""Fields that take a SHA-256: a file is chosen and its digest computed on this machine, in the browser and by command. Nothing is uploaded."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from api.cli.agreement import app as agreement_commands
from api.cli.grant import app as grant_commands
from api.cli.plan import app as plan_commands
from api.cli.registration import app as registration_commands
from api.cli.revocation import app as revocation_commands
from api.house import House, open_house
from tests.auth.agreements.scene import agreement_body, plan_body, with_planner
from tests.datasets.extracts.scene import a_scene
from tests.desk import a_desk
from tests.people import browser_as
from tests.web.browser import OpenPage, axe, overflow, shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

BYTES = "会议纪要".encode() * 700_000  # 8.4 MB: many pieces
EMPTY = hashlib.sha256().hexdigest()


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    place = tmp_path / "minutes of $& 28.pdf"
    place.write_bytes(BYTES)
    return place


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _chosen(page: Page, field: str, *files: Path) -> str:
    page.set_input_files(f"#{field}-file", [str(each) for each in files])
    page.wait_for_function(
        "id => document.querySelector(`[data-digest='${id}'] output`).value && !document.getElementById(`${id}-file`).value",
        arg=field,
    )
    return page.input_value(f"#{field}")


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_computes_what_it_asks_for(
    sqlite_house: House, open_page: OpenPage, minutes: Path, tmp_path: Path
) -> None:
    with_planner(a_desk(sqlite_house))
    (tmp_path / "empty.txt").write_bytes(b"")
    sent: list[int] = []
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page("/consents/new", user="steward_a", lang=lang, width=width)
        page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
        assert _chosen(page, "f-evidence_sha256", minutes) == _digest(minutes)
        assert page.input_value("#f-evidence_name") == minutes.name
        assert _chosen(page, "f-evidence_sha256", tmp_path / "empty.txt") == EMPTY
        assert page.input_value("#f-evidence_name") == minutes.name, (
            "a name that stands there is the person's"
        )
        shot(page, f"digests-consent-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0)
        page.goto("/registrations/new")
        lines = _chosen(page, "f-attachments", minutes, tmp_path / "empty.txt").splitlines()
        assert lines == [f"? {minutes.name} {_digest(minutes)}", f"? empty.txt {EMPTY}"]
        assert _chosen(page, "f-attachments", minutes).splitlines() == lines, "once is enough"
        assert (axe(page), overflow(page)) == ([], 0)
    assert sum(sent) == 0


@pytest.mark.browser
@pytest.mark.slow
def test_without_scripts_the_digest_is_typed_as_before(sqlite_house: House, open_page: OpenPage) -> None:
    with_planner(a_desk(sqlite_house))
    page = open_page("/consents/new", user="steward_a", scripts=False)
    assert page.is_visible("#f-evidence_sha256")
    assert not page.is_visible("#f-evidence_sha256-file")


def test_the_fields_of_files_are_never_sent(sqlite_house: House) -> None:
    with_planner(a_desk(sqlite_house))
    html = browser_as(sqlite_house, "steward_a").get("/consents/new").text
    chooser = html[html.index('id="f-evidence_sha256-file"') - 60 :]
    assert 'name="' not in chooser[: chooser.index(">")]


@pytest.fixture
def ran(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`ran(command, *words, user)`: its JSON, or the exit code and what it said where it refused."""
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    scene = a_scene(sqlite_house)
    with_planner(scene.desk)

    def run(command: Any, *words: object, user: str) -> Any:
        where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", user, "--json"]
        done = CliRunner().invoke(command, [*map(str, words), *where])
        return json.loads(done.stdout) if done.exit_code == 0 else (done.exit_code, done.output)

    run.scene = scene  # type: ignore[attr-defined]
    return run


def test_the_command_enters_the_digests_of_files(ran: Any, minutes: Path, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    meeting = plan_body().meeting.model_dump(mode="json") | {"minutes_sha256": ""}
    body.write_text(json.dumps(plan_body().model_dump(mode="json") | {"meeting": meeting}), encoding="utf-8")
    plan = ran(plan_commands, "draft", body, "--minutes", minutes, user="planner")
    assert plan["body"]["meeting"] == meeting | {"minutes_sha256": _digest(minutes)}
    kept = ran(plan_commands, "save", plan["id"], body, user="planner")
    assert kept["body"]["meeting"]["minutes_sha256"] == "", "without the option the file's word counts"
    body.write_text(json.dumps(agreement_body().model_dump(mode="json")), encoding="utf-8")
    made = ran(agreement_commands, "draft", body, "--minutes", minutes, "--selection", body, user="planner")
    assert (made["body"]["meeting"]["minutes_sha256"], made["body"]["selection_sha256"]) == (
        _digest(minutes),
        _digest(body),
    )
    body.write_text("[]", encoding="utf-8")
    code, said = ran(plan_commands, "draft", body, "--minutes", minutes, user="planner")
    assert code == 1, said
    code, said = ran(plan_commands, "draft", body, "--minutes", tmp_path / "none.pdf", user="planner")
    assert code == 2, said


def test_a_revocation_and_a_registration_name_their_files(
    ran: Any, sqlite_house: House, minutes: Path
) -> None:
    scene = ran.scene
    file = ("--evidence-file", minutes)
    ran(grant_commands, "revoke", scene.grant_id, "--note", "用于未经许可的用途", *file, user="watch")
    [row] = ran(revocation_commands, "list", user="watch")["items"]
    assert row["evidence_sha256"] == _digest(minutes)
    more = ran(revocation_commands, "evidence", row["id"], "--text", "监控记录", *file, user="watch")
    assert more["evidence_sha256"] == _digest(minutes)
    begun = (registration_commands, "draft", "DP-BC-002")
    made = ran(*begun, "--paper", f"legality={minutes}", user="steward_a")
    assert made["body"]["attachments"] == [
        {"paper": "legality", "name": minutes.name, "sha256": _digest(minutes)}
    ]
    code, said = ran(*begun, "--paper", "legality", user="steward_a")
    assert (code, "KIND=FILE" in said) == (2, True)
