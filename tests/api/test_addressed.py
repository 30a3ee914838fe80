"""Commands on a directory print the address under which its service is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.addressed import addressed, remember
from api.client import connect
from api.house import House
from core.settings import Settings


def test_what_was_served_is_what_commands_print(tmp_path: Path) -> None:
    remember(Settings(data_dir=tmp_path, public_url="http://127.0.0.1:8123"))
    assert addressed(Settings(data_dir=tmp_path)).public_url == "http://127.0.0.1:8123"
    said = Settings(data_dir=tmp_path, public_url="https://data.example")
    assert addressed(said).public_url == "https://data.example"
    assert addressed(Settings(data_dir=tmp_path / "other")).public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "words", ["", "javascript:1", "http://a b", "http://a\nhttp://b", "http://\x00", "http://" + "x" * 300]
)
def test_what_is_no_address_is_passed_over(tmp_path: Path, words: str) -> None:
    (tmp_path / "address").write_text(words)
    assert addressed(Settings(data_dir=tmp_path)).public_url == "http://127.0.0.1:8000"


def test_a_command_beside_a_server_on_another_port_names_that_port(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = sqlite_house.settings.data_dir
    remember(sqlite_house.settings.model_copy(update={"public_url": "http://127.0.0.1:8123"}))
    opened: list[Settings] = []

    def open_house(settings: Settings) -> House:
        opened.append(settings)
        return sqlite_house

    monkeypatch.setattr("api.house.open_house", open_house)
    with connect(data_dir, "", "", "") as api:
        api.text("/extracts/receipt-key")
    assert [each.public_url for each in opened] == ["http://127.0.0.1:8123"]
