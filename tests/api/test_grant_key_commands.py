"""`datagrant grant keys|key-make|key-end` and `datagrant token pair|exchange`, against the routes that they call."""

from __future__ import annotations

import json
import stat
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli.grant import app as grant_commands
from api.cli.token import app as token_commands
from api.house import House, open_house
from tests.desk import a_desk, a_grant
from tests.people import app_of

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def _run(group: str, *words: object) -> Any:
    command = {"grant": grant_commands, "token": token_commands}[group]
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.fixture
def at(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """An active grant, and the words that let a command act as its analyst on the data directory."""
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    grant = a_grant(a_desk(sqlite_house))
    return grant.id, ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "analyst", "--json"]


def test_a_key_is_made_listed_and_ended(at: tuple[str, list[str]]) -> None:
    grant_id, where = at
    made = _run("grant", "key-make", grant_id, "--name", "nightly", "--network", "203.0.113.0/24", *where)
    assert made.exit_code == 0, made.output
    key = json.loads(made.stdout)
    listed = json.loads(_run("grant", "keys", grant_id, *where).stdout)["items"]
    assert [(each["id"], each["networks"], each["revoked_at"]) for each in listed] == [
        (key["id"], ["203.0.113.0/24"], None)
    ]
    assert _run("grant", "key-end", grant_id, key["id"], *where).exit_code == 0
    assert json.loads(_run("grant", "keys", grant_id, *where).stdout)["items"][0]["revoked_at"]


def test_bad_input_is_answered_in_words(at: tuple[str, list[str]], tmp_path: Path) -> None:
    grant_id, where = at
    (tmp_path / "no.pem").write_text("nothing", encoding="utf-8")
    _run("token", "pair", tmp_path / "pair")
    for words in (
        ("grant", "key-make", grant_id, "--network", "nowhere", *where),
        ("grant", "key-make", grant_id, "--days", "999", *where),
        ("grant", "key-end", grant_id, "no-such-key", *where),
        ("grant", "key-make", grant_id, "--jwks", tmp_path / "missing.json", *where),
        ("token", "exchange", "id", "--key", tmp_path / "missing.pem", "--server", "http://127.0.0.1:9"),
        ("token", "exchange", "id", "--key", tmp_path / "no.pem", "--server", "http://127.0.0.1:9"),
        (
            "token",
            "exchange",
            "id",
            "--key",
            tmp_path / "pair" / "private.pem",
            "--server",
            "http://127.0.0.1:9",
        ),
    ):
        refused = _run(*words)
        assert refused.exit_code in (1, 2), words
        assert isinstance(refused.exception, SystemExit), words
        assert refused.stderr.strip(), words


def test_a_pair_is_kept_private_and_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "pair"
    assert _run("token", "pair", out).exit_code == 0
    assert stat.S_IMODE((out / "private.pem").stat().st_mode) == 0o600
    before = (out / "private.pem").read_bytes()
    again = _run("token", "pair", out)
    assert (again.exit_code, isinstance(again.exception, SystemExit)) == (2, True)
    assert (out / "private.pem").read_bytes() == before


def test_a_private_key_becomes_a_token_that_reads_the_grant(
    sqlite_house: House, at: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service stands at its public address: posts of the command reach its routes, wherever they are sent to."""
    grant_id, where = at
    public = sqlite_house.settings.public_url
    client = TestClient(app_of(sqlite_house), base_url=public)
    monkeypatch.setattr("core.work.system_clock", sqlite_house.clock)
    monkeypatch.setattr(httpx2, "post", lambda url, data: client.post(httpx2.URL(url).path, data=data))
    _run("token", "pair", tmp_path)
    made = _run("grant", "key-make", grant_id, "--jwks", tmp_path / "jwks.json", *where)
    assert made.exit_code == 0, made.output
    client_id, key = json.loads(made.stdout)["id"], ("--key", tmp_path / "private.pem")
    told = _run("token", "exchange", client_id, *key, "--server", public)
    assert told.exit_code == 0, told.output
    seen = client.get("/api/v1/grants", headers={"Authorization": f"Bearer {told.stdout.strip()}"}).json()
    assert [each["id"] for each in seen["items"]] == [grant_id]
    for who, address, word in (
        ("somebody-else", public, "no such client"),
        (client_id, "http://other.example", "public address"),
    ):
        refused = _run("token", "exchange", who, *key, "--server", address)
        assert refused.exit_code == 1
        assert word in refused.stderr
