"""What a scanner's word is worth: clean, found, or no word at all, which is a refusal. Against a process that speaks the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Unavailable
from core.scanning import CHUNK, Scanner
from tests.clamd import EICAR, SIGNATURE, a_clamd


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_clean_bytes_of_every_length_are_clean(size: int, clamd: str) -> None:
    assert Scanner(clamd).found(b"x" * size) == ""


def test_what_is_found_is_named_wherever_it_stands(clamd: str) -> None:
    scanner = Scanner(clamd)
    assert scanner.found(EICAR) == SIGNATURE
    assert scanner.found(b"%PDF-1.7 " + b"y" * (CHUNK - 20) + EICAR + b"z" * CHUNK) == SIGNATURE


@pytest.fixture(scope="module")
def clamd() -> object:
    with a_clamd() as address:
        yield address


def test_a_unix_socket_is_as_good(tmp_path: Path) -> None:
    with a_clamd(unix=tmp_path / "clamd.sock") as address:
        assert address.startswith("unix:/")
        assert Scanner(address).found(EICAR) == SIGNATURE
        assert Scanner(address).found(b"") == ""
    with pytest.raises(Unavailable):
        Scanner(f"unix:{tmp_path}/nothing.sock").found(b"x")


@pytest.mark.parametrize("way", ["silent", "closes", "limit", "babble"])
def test_without_a_clear_word_nothing_is_clean(way: str) -> None:
    with a_clamd(way) as address, pytest.raises(Unavailable) as refused:
        Scanner(address, seconds=1).found(b"x" * 5 * CHUNK)
    assert "try again in a few minutes" in refused.value.detail.en
    if way == "limit":
        assert "size limit exceeded" in refused.value.detail.en


def test_bytes_that_the_scanner_did_not_wait_for_are_not_clean() -> None:
    """It hung up before the end: whatever it said was not said of the whole."""
    with a_clamd("hasty") as address:
        for _ in range(5):
            with pytest.raises(Unavailable):
                Scanner(address, seconds=5).found(b"x" * 64 * 1024 * 1024)


def test_nobody_at_home_is_no_clean_word() -> None:
    with a_clamd() as address:
        pass
    with pytest.raises(Unavailable):
        Scanner(address, seconds=1).found(b"x")


@pytest.mark.parametrize(
    "address", ["", "clamd", "clamd:x", "unix:relative", "http://clamd:3310", "a b:3310", ":3310"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Scanner(address)


@pytest.mark.parametrize(
    "address", ["clamd:3310", "127.0.0.1:3310", "[::1]:3310", "unix:/run/clamav/clamd.ctl"]
)
def test_addresses(address: str) -> None:
    assert Scanner(address).address == address
