"""Revocation under many downloads at once: no chunk that begins after the commit leaves, on either database."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.delivery import DeliveryStopped, GuardedFile
from api.house import House
from api.watching import HARMLESS, Watch, watch_of
from auth import audit
from auth.actor import SYSTEM
from auth.audit_kinds import KIND_NAMES
from auth.identity import accounts, api_keys, sessions
from auth.identity.api_keys import ApiKeyCreate
from core.work import Work
from datasets.extracts import downloading
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import actor_of

READERS = 50
CHUNKS = 4000


class Reader:
    """One download without a network; knows when each chunk was handed over."""

    def __init__(self, scene: Scene, path: Path, extract_id: Any) -> None:
        self.chunks: list[float] = []
        self.was_cut = False
        with scene.house.read() as work:
            actor = actor_of(work, "analyst")

        def may_go_on() -> bool:
            with scene.house.read() as work:
                return downloading.may_flow(work, actor, extract_id)

        self.answer = GuardedFile(
            path,
            sha256="0" * 64,
            filename="f",
            media_type="x/y",
            may_go_on=may_go_on,
            since=watch_of(scene.house).since_now(),
        )

    async def run(self) -> None:
        scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}

        async def send(message: Any) -> None:
            if message.get("body"):
                self.chunks.append(time.monotonic())
                await asyncio.sleep(0.003)

        try:
            await self.answer(scope, None, send)  # type: ignore[arg-type]
        except DeliveryStopped:
            self.was_cut = True


def test_no_chunk_that_begins_after_the_commit_leaves(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuardedFile, "chunk_size", 1024)
    monkeypatch.setattr("api.delivery.RECHECK_S", 3600.0)  # the clock does not help
    scene = a_scene(house)
    made = scene.delivered()
    path = house.settings.data_dir / "large"
    path.write_bytes(b"r" * 1024 * CHUNKS)
    readers = [Reader(scene, path, made.id) for _ in range(READERS)]

    async def all_of_them() -> None:
        await asyncio.gather(*(reader.run() for reader in readers))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, all_of_them())
        _until(lambda: all(len(reader.chunks) > 3 for reader in readers))
        scene.revokes()
        committed = time.monotonic()
        running.result(60)
    for reader in readers:
        assert reader.was_cut
        assert len([each for each in reader.chunks if each > committed]) <= 1  # the one that had begun
        assert len(reader.chunks) < CHUNKS


def _until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_notes_of_deliveries_do_not_make_every_download_ask_again(house: House) -> None:
    scene = a_scene(house)
    watch = Watch(house.engine)
    before = watch.newest()
    scene.delivered()
    with house.write() as work:
        audit.record(work, SYSTEM, "extract.downloaded", subject="x")
    after = watch.newest()
    with house.write() as work:
        audit.record(work, SYSTEM, "extract.downloaded", subject="x")
    assert watch.newest() == after
    scene.suspends()
    assert watch.newest() > after >= before
    assert set(KIND_NAMES) >= HARMLESS


def test_looking_costs_next_to_nothing(sqlite_house: House) -> None:
    watch = watch_of(sqlite_house)
    watch.newest()
    started = time.perf_counter()
    for _ in range(1000):
        watch.newest()
    assert time.perf_counter() - started < 0.5


def test_everything_that_ends_a_right_is_seen(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    watch = watch_of(sqlite_house)

    def ends_role(work: Work) -> None:
        account = accounts.account(work, accounts.account_row(work, "analyst").id)
        accounts.take_role(work, SYSTEM, account.id, account.roles[0].id)

    def ends_key(work: Work) -> None:
        analyst = actor_of(work, "analyst")
        key = api_keys.create(work, analyst, ApiKeyCreate(name="nightly"))
        api_keys.revoke(work, analyst, key.id)

    def ends_session(work: Work) -> None:
        analyst = actor_of(work, "analyst")
        sessions.end(work, analyst, sessions.open_session(work, analyst, ip="", agent="").session_id)

    def ends_account(work: Work) -> None:
        accounts.set_disabled(work, SYSTEM, accounts.account_row(work, "analyst").id, True)

    for end in (scene.suspends, scene.resumes, scene.freezes, scene.withdraws, scene.revokes):
        before = watch.newest()
        end()
        assert watch.newest() > before, end
    for step in (ends_key, ends_session, ends_role, ends_account):
        before = watch.newest()
        with sqlite_house.write() as work:
            step(work)
        assert watch.newest() > before, step
