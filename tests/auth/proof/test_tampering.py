"""Whatever is done to an evidence pack is found without a database, and said where."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from auth.proof import offline
from auth.proof.checkpoint import Place
from auth.proof.note import NoteRefused, Signer, Verifier
from auth.proof.offline import CHECKPOINTS, EVENTS, KEY, PERSONAL, Findings, verify_pack
from auth.proof.tiles_offline import CHECKPOINT, TILES
from tests.auth.proof.packs import a_pack, a_record, events_of, lines_of, rehashed

SIZE = 12


@pytest.fixture
def pack(sqlite_house: House, tmp_path: Path) -> Path:
    """Twelve events, signed after 5, 8 and 12."""
    a_record(sqlite_house, 5, 3, 4)
    return a_pack(sqlite_house, tmp_path / "pack")


def said(found: Findings) -> str:
    return "\n".join(f"{flaw.where}: {flaw.what.en}" for flaw in found.flaws)


def test_an_untouched_pack_is_sound(pack: Path, sqlite_house: House) -> None:
    known = Place.of(sqlite_house.settings).signer().verifier.text()
    found = verify_pack(pack, known)
    assert found.flaws == []
    assert (found.events, found.checkpoints, found.key) == (SIZE, 3, known)
    assert found.newest is not None
    assert found.newest.size == SIZE
    held = ["README.txt", CHECKPOINT, CHECKPOINTS, EVENTS, KEY, PERSONAL, TILES]
    assert sorted(path.name for path in pack.iterdir()) == held


def put(lines: list[bytes]) -> Callable[[Path], object]:
    return lambda pack: (pack / EVENTS).write_bytes(b"".join(lines))


def drop(pack: Path) -> None:
    lines = lines_of(pack)
    put(lines[:3] + lines[4:])(pack)


def reorder(pack: Path) -> None:
    lines = lines_of(pack)
    lines[3], lines[6] = lines[6], lines[3]
    put(lines)(pack)


def repeat(pack: Path) -> None:
    lines = lines_of(pack)
    put([*lines[:4], lines[2], *lines[4:]])(pack)


def truncate(pack: Path) -> None:
    put(lines_of(pack)[:9])(pack)


def empty(pack: Path) -> None:
    put([])(pack)


def append(pack: Path) -> None:
    events = events_of(pack)
    (pack / EVENTS).write_bytes(rehashed([*events, events[-1] | {"id": "forged"}]))


def insert_rehashed(pack: Path) -> None:
    events = events_of(pack)
    (pack / EVENTS).write_bytes(rehashed([*events[:6], events[2] | {"id": "forged"}, *events[6:]]))


def drop_rehashed(pack: Path) -> None:
    events = events_of(pack)
    (pack / EVENTS).write_bytes(rehashed(events[:6] + events[7:]))


def rewrite_rehashed(pack: Path) -> None:
    events = events_of(pack)
    events[6]["actor_name"] = "somebody-else"
    (pack / EVENTS).write_bytes(rehashed(events))


def alter(pack: Path) -> None:
    lines = lines_of(pack)
    lines[4] = lines[4].replace(b"thing-4", b"thing-5")
    put(lines)(pack)


def respell(pack: Path) -> None:
    lines = lines_of(pack)
    lines[4] = lines[4].replace(b'"seq":5', b'"seq": 5')
    put(lines)(pack)


def cut_last_line(pack: Path) -> None:
    (pack / EVENTS).write_bytes((pack / EVENTS).read_bytes()[:-1])


def no_events(pack: Path) -> None:
    (pack / EVENTS).unlink()


def no_checkpoints(pack: Path) -> None:
    shutil.rmtree(pack / CHECKPOINTS)


def other_key(pack: Path) -> None:
    (pack / KEY).write_text(Signer("127.0.0.1:8000/audit", Ed25519PrivateKey.generate()).verifier.text())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (drop, "events.jsonl:4: event 4 is missing"),
        (reorder, "events.jsonl:4: event 4 was moved to line 7"),
        (repeat, "events.jsonl:5: event 3 is there twice, or was inserted"),
        (truncate, "events.jsonl: 9 events where a checkpoint signs 12: the end was cut off"),
        (empty, "events.jsonl: 0 events where a checkpoint signs 12: the end was cut off"),
        (append, "events.jsonl:13: no checkpoint signs what stands after event 12: it was added"),
        (insert_rehashed, "events.jsonl:6-8: events 6 to 8 are not what the checkpoint of size 8 signed"),
        (drop_rehashed, "events.jsonl:6-8: events 6 to 8 are not what the checkpoint of size 8 signed"),
        (rewrite_rehashed, "events.jsonl:6-8: events 6 to 8 are not what the checkpoint of size 8 signed"),
        (alter, "events.jsonl:5: event 5 was altered"),
        (respell, "events.jsonl:5: event 5 was altered: not canonical JSON"),
        (cut_last_line, "events.jsonl: cannot be read: the last line is broken off"),
        (no_events, "events.jsonl: cannot be read"),
        (no_checkpoints, "checkpoints: there is no checkpoint that holds"),
        (other_key, "checkpoints/000000000005.txt: the checkpoint does not hold: the signature is of another key"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_tampering_is_found_and_its_place_named(
    pack: Path, change: Callable[[Path], object], found: str
) -> None:
    change(pack)
    assert found in said(verify_pack(pack))


def test_a_fork_is_found(pack: Path, sqlite_house: House) -> None:
    """Two checkpoints of one size, both truly signed: the log showed two faces."""
    signer = Place.of(sqlite_house.settings).signer()
    (pack / CHECKPOINTS / "other.txt").write_text(signer.sign(8, bytes(32)).note)
    assert "checkpoints/other.txt: fork: two checkpoints sign 8 events, yet differ" in said(verify_pack(pack))


def test_a_copy_kept_elsewhere_shows_a_pack_that_was_replaced_as_a_whole(
    pack: Path, sqlite_house: House, tmp_path: Path
) -> None:
    """Log and checkpoints cut back together are sound in themselves; a witness with a later checkpoint is not deceived."""
    kept = tmp_path / "kept.txt"
    shutil.copy(pack / CHECKPOINTS / "000000000012.txt", kept)
    (pack / CHECKPOINTS / "000000000012.txt").unlink()
    put(lines_of(pack)[:8])(pack)
    assert [flaw.where for flaw in verify_pack(pack).flaws] == [TILES], "the tiles still tell of twelve"
    (pack / TILES / "0" / "000.p" / "8").write_bytes(
        (pack / TILES / "0" / "000.p" / "12").read_bytes()[: 8 * 32]
    )
    shutil.copy(pack / CHECKPOINTS / "000000000008.txt", pack / CHECKPOINT)
    assert verify_pack(pack).flaws == []
    assert "8 events where a checkpoint signs 12" in said(verify_pack(pack, copies=[kept]))
    stranger = Signer("127.0.0.1:8000/audit", Ed25519PrivateKey.generate()).verifier.text()
    assert "not the one that is known" in said(verify_pack(pack, stranger))


def flipped(raw: bytes, at: int, bit: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def test_every_flipped_bit_of_key_and_checkpoint_is_found(pack: Path) -> None:
    key, note = (pack / KEY).read_bytes(), (pack / CHECKPOINTS / "000000000012.txt").read_bytes()
    verifier = Verifier.parse(key.decode())
    assert verifier.opens(note.decode()).size == SIZE
    for bit in range(8):
        for at in range(len(key)):
            with pytest.raises((NoteRefused, UnicodeDecodeError)):
                Verifier.parse(flipped(key, at, bit).decode())
        for at in range(len(note)):
            with pytest.raises((NoteRefused, UnicodeDecodeError)):
                verifier.opens(flipped(note, at, bit).decode())


def test_flipped_bits_anywhere_in_the_pack_are_found(pack: Path) -> None:
    drawn = random.Random(6962)  # noqa: S311 - a fixed draw for a test
    for path in (pack / KEY, pack / CHECKPOINTS / "000000000008.txt", pack / EVENTS):
        sound = path.read_bytes()
        for _ in range(120):
            at, bit = drawn.randrange(len(sound)), drawn.randrange(8)
            path.write_bytes(flipped(sound, at, bit))
            assert verify_pack(pack).flaws, (path.name, at, bit)
        path.write_bytes(sound)
    assert verify_pack(pack).flaws == []


def test_a_note_is_the_published_form(sqlite_house: House) -> None:
    made = a_record(sqlite_house, 3)[0]
    origin, size, root, blank, signature, end = made.note.split("\n")
    assert (origin, size, base64.b64decode(root), blank, end) == (
        "127.0.0.1:8000/audit",
        "3",
        made.root,
        "",
        "",
    )
    assert signature.startswith(f"— {origin} ")
    assert len(base64.b64decode(signature.split(" ")[2])) == 4 + 64


_FLAT = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.text(max_size=30) | st.integers(-(2**53), 2**53) | st.booleans(),
    max_size=6,
)


@given(_FLAT)
def test_the_quick_spelling_writes_what_rfc8785_writes(event: dict[str, Any]) -> None:
    try:
        expected = rfc8785.dumps(event)
    except (ValueError, rfc8785.CanonicalizationError):
        with pytest.raises((ValueError, rfc8785.CanonicalizationError)):
            offline.canonical(event)
    else:
        assert offline.canonical(event) == expected
