"""The key ring turns without a gap, and its file is nobody else's to read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth.identity import keyring, tokens
from core.errors import Conflict, NotSignedIn

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _token(ring: keyring.Ring, now: datetime) -> str:
    return tokens.issue_access(
        ring, account_id="a", session_id="s", epoch=0, issuer="us", token_id="t", now=now, ttl_s=300
    )


def test_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    keyring.ring(tmp_path, NOW)
    assert (tmp_path / keyring.FILE).stat().st_mode & 0o777 == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name not in (keyring.FILE, "lock")]


def test_token_signed_before_a_turn_is_still_good(tmp_path: Path) -> None:
    token = _token(keyring.ring(tmp_path, NOW), NOW)
    keyring.turn(tmp_path, NOW, at_once=True)
    turned = keyring.ring(tmp_path, NOW)
    tokens.verify(token, turned.verifiers(NOW), issuer="us", now=NOW)


def test_next_key_is_published_a_day_before_it_signs(tmp_path: Path) -> None:
    before = keyring.ring(tmp_path, NOW)
    assert before.next.kid in {key["kid"] for key in before.jwks()["keys"]}
    with pytest.raises(Conflict):
        keyring.turn(tmp_path, NOW + DAY - timedelta(seconds=1))
    after = keyring.turn(tmp_path, NOW + DAY)
    assert after.current.kid == before.next.kid
    assert after.previous is not None
    assert after.previous.kid == before.current.kid


def test_retired_key_stops_counting_a_day_later(tmp_path: Path) -> None:
    old = keyring.ring(tmp_path, NOW)
    turned = keyring.turn(tmp_path, NOW + DAY)
    assert old.current.kid in turned.verifiers(NOW + 2 * DAY - timedelta(seconds=1))
    assert old.current.kid not in turned.verifiers(NOW + 2 * DAY)
    forged = _token(old, NOW + 2 * DAY)
    with pytest.raises(NotSignedIn):
        tokens.verify(forged, turned.verifiers(NOW + 2 * DAY), issuer="us", now=NOW + 2 * DAY)


def test_processes_that_start_together_share_one_ring(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(keyring.ring(tmp_path, NOW).current.kid))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_key_id_is_the_thumbprint_of_rfc_8037() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert keyring.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_of_two_processes_at_first_use_the_second_takes_the_ring_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, other = keyring._alone, keyring.Ring(keyring.new_key(NOW), keyring.new_key(NOW), None, b"s" * 32)

    @contextmanager
    def late(keys_dir: Path) -> Iterator[None]:
        with alone(keys_dir):
            keyring._write(keys_dir / keyring.FILE, other)
            yield

    monkeypatch.setattr(keyring, "_alone", late)
    assert keyring.ring(tmp_path, NOW).current.kid == other.current.kid


def test_a_ring_is_begun_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    keys_dir = tmp_path / "not" / "yet"
    made = keyring.ring(keys_dir, NOW)
    assert keyring.ring(keys_dir, NOW) == made
    assert keys_dir.stat().st_mode & 0o777 == 0o700


def test_a_public_key_says_what_it_is_for_and_nothing_private(tmp_path: Path) -> None:
    ring = keyring.ring(tmp_path, NOW)
    for key, said in zip(ring.keys(), ring.jwks()["keys"], strict=True):
        assert said == {"kty": "OKP", "crv": "Ed25519", "x": said["x"], "kid": key.kid, "use": "sig", "alg": "EdDSA"}  # fmt: skip
        assert keyring.thumbprint(said) == key.kid


def test_the_ring_is_read_back_as_it_was_written_and_its_lock_is_its_owners(tmp_path: Path) -> None:
    made = keyring.ring(tmp_path, NOW)
    turned = keyring.turn(tmp_path, NOW + DAY)
    keyring._known.clear()
    read = keyring.ring(tmp_path, NOW + DAY)
    read_keys, turned_keys = read.keys(), turned.keys()
    assert [key.as_json() for key in read_keys] == [key.as_json() for key in turned_keys]
    assert [key.kid for key in read_keys][1:] == [made.next.kid, made.current.kid]
    assert read.secret == turned.secret == made.secret
    assert len(made.secret) == 32
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_key_on_a_curve_of_two_coordinates_is_known_by_both() -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "kid": "k"}
    assert keyring.thumbprint(jwk) == keyring.thumbprint(jwk | {"use": "sig"})
    assert keyring.thumbprint(jwk) != keyring.thumbprint(jwk | {"y": "c"})
