"""A whole file is hashed beside its sending: the sending runs ahead by a bounded stretch, and the end waits for the digest."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import Any

import pytest

from api import delivery
from api.delivery import DeliveryStopped, Hashing, _Guard

CHUNKS = [bytes([place]) * 64 for place in range(23)]
SHA256 = hashlib.sha256(b"".join(CHUNKS)).hexdigest()
SIZE = sum(map(len, CHUNKS))


def _sent(chunks: list[bytes], hashing: Hashing, may_go_on: Any = None) -> tuple[list[bytes], bool]:
    """What leaves of these chunks, and whether it was cut off."""
    left: list[bytes] = []

    async def send(message: Any) -> None:
        left.append(message.get("body", b""))

    async def flow() -> bool:
        guard = _Guard(send, may_go_on, None, hashing)
        try:
            await guard({"type": "http.response.start", "status": 200})
            for chunk in chunks:
                await guard({"type": "http.response.body", "body": chunk, "more_body": True})
        except DeliveryStopped:
            pass
        return guard.was_cut

    was_cut = asyncio.run(flow())
    return left[1:], was_cut


@pytest.mark.parametrize("count", [1, 2, 4, 5, 8, 9, 23])
def test_a_right_file_leaves_whole_and_in_order(count: int) -> None:
    chunks = CHUNKS[:count]
    body = b"".join(chunks)
    hashing = Hashing(hashlib.sha256(body).hexdigest(), len(body))
    assert _sent(chunks, hashing) == (chunks, False)
    assert hashing.is_right


@pytest.mark.parametrize("place", range(len(CHUNKS)))
def test_the_last_chunk_of_a_damaged_file_never_leaves_wherever_the_damage_is(place: int) -> None:
    chunks, told = [*CHUNKS], []
    chunks[place] = b"?" + chunks[place][1:]
    hashing = Hashing(SHA256, SIZE, lambda: told.append(place))
    assert _sent(chunks, hashing) == (chunks[:-1], True)
    assert (hashing.is_right, told) == (False, [place])


def test_the_sending_runs_ahead_of_the_hashing_but_not_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing, gate, seen = Hashing(SHA256, SIZE), threading.Event(), list[int]()
    update = Hashing._update

    def slow(self: Hashing, lot: list[bytes]) -> None:
        gate.wait(30)
        update(self, lot)

    monkeypatch.setattr(Hashing, "_update", slow)

    async def flow() -> None:
        async def send() -> None:
            for chunk in CHUNKS:
                await hashing.take(chunk)
                seen.append(len(seen))

        sending = asyncio.create_task(send())
        await asyncio.sleep(0.2)
        assert delivery._LOT <= len(seen) <= 2 * delivery._LOT
        gate.set()
        await sending

    asyncio.run(flow())
    assert (len(seen), hashing.is_right) == (len(CHUNKS), True)


def test_a_right_that_ends_while_a_chunk_waits_for_the_hashing_keeps_the_chunk_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashing, is_revoked = Hashing(SHA256, SIZE), threading.Event()
    update = Hashing._update

    def revoked_meanwhile(self: Hashing, lot: list[bytes]) -> None:
        update(self, lot)
        if CHUNKS[-1] in lot:
            is_revoked.set()

    monkeypatch.setattr(Hashing, "_update", revoked_meanwhile)
    monkeypatch.setattr(delivery, "RECHECK_BYTES", 0)
    left, was_cut = _sent(CHUNKS, hashing, lambda: not is_revoked.is_set())
    assert CHUNKS[-1] not in left
    assert was_cut
