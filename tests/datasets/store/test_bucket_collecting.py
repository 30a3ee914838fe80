"""Eight machines put and cite in one bucket while two collect there: what is cited is never taken out, whichever way it was written."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import files_s3
from core.files import FileStore
from datasets.store import citations, service
from tests.datasets.store.life import a_house, cites
from tests.lake import Lake

pytestmark = pytest.mark.slow
MANY = 10**12


@pytest.mark.parametrize(
    ("at_once", "copies_whole"),
    [pytest.param(MANY, MANY, id="at-once"), pytest.param(0, MANY, id="staged"), pytest.param(0, 0, id="parts")],
)  # fmt: skip
def test_what_eight_machines_cite_is_there(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch, at_once: int, copies_whole: int
) -> None:
    """The borders of the three ways of writing are drawn lower than in earnest."""
    monkeypatch.setattr(files_s3, "_AT_ONCE", at_once)
    monkeypatch.setattr(files_s3, "_COPIES_WHOLE", copies_whole)
    house, settings = a_house(tmp_path), lake.settings(tmp_path)

    def machine(name: str) -> FileStore:
        return files_s3.files_of(settings.model_copy(update={"data_dir": tmp_path / name}))

    first, contents = machine("first"), [f"old {n}".encode() * 99 for n in range(16)]
    old = [first.put([each]).sha256 for each in contents]
    time.sleep(2.2)  # the bucket counts whole seconds, and one is added
    before = float(int(time.time()))

    def writes(number: int) -> None:
        chance, files = random.Random(number), machine(f"writer-{number}")  # noqa: S311 - a choice of files
        for _ in range(6):
            sha256 = files.put([chance.choice(contents[:12])]).sha256
            with house.write() as work:
                cites(work, sha256)
            assert files.has(sha256)

    def collects(number: int) -> set[str]:
        files, gone = machine(f"collector-{number}"), set()
        for _ in range(2):
            gone |= {each for each in old if service.remove(files, house.read, each, before) is not None}
        return gone

    with ThreadPoolExecutor(10) as people:
        collecting = [people.submit(collects, number) for number in range(2)]
        for each in [people.submit(writes, number) for number in range(8)]:
            each.result()
        gone = {sha256 for each in collecting for sha256 in each.result()}
    with house.read() as work:
        cited = citations.cited(work)
    assert cited <= {*old[:12]}
    assert all(first.verify(each) for each in cited)
    assert {*old[12:]} <= gone, "what nobody cites goes"
    house.engine.dispose()
