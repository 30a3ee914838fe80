"""Plays the whole demo into one directory and prints each step with who did it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from rich.console import Console

from api.house import House, open_house
from api.sample import agreements, journeys, registers, stories
from api.sample.actors import PEOPLE
from api.sample.people import DONE, PASSWORD, seed_people
from api.sample.stage import Stage, stage
from api.worker import ensure_worker
from core.settings import Settings
from core.text import Text

_console: Final = Console(highlight=False, soft_wrap=True)


def play(data_dir: Path) -> None:
    """Seed, play, verify; names the files that came out. A half-played directory is refused with what to do."""
    if data_dir.exists() and any(data_dir.iterdir()):
        _console.print(f"{data_dir} is not empty and holds no finished demo; remove it or choose --data-dir")
        _console.print(f"{data_dir} 非空且不是完整的演示目录；请删除后重试，或用 --data-dir 指定其他目录")
        raise SystemExit(2)
    begun = time.monotonic()
    house = open_house(Settings(data_dir=data_dir, demo=True, worker=False))
    try:
        seed_people(house)
        ensure_worker(data_dir)
        with stage(house, _tell) as scene:
            _play(scene)
        (data_dir / DONE).touch()
    finally:
        house.engine.dispose()
    _console.print(f"\n{time.monotonic() - begun:.0f} s")
    _accounts(house)


def _play(scene: Stage) -> None:
    _head("目录", "The catalogue")
    journeys.enter_records(scene)
    source = stories.set_up_source(scene)
    _head("首个版本", "First releases")
    journeys.first_releases(scene)
    _head("旅程一：停车余位", "Journey A: parking vacancy")
    opened = journeys.journey_a(scene)
    journeys.later_releases(scene)
    _head("第一级授权：方案、协议与政策", "The first tier: plan, agreement, policy")
    agreements.conclude(scene)
    _head("旅程二：保险公司申请旅游安全事件", "Journey B: the insurer and the safety events")
    extract = journeys.journey_b(scene)
    _head("各类登记", "The registers")
    registers.fill(scene)
    _head(
        "后续版本：来源、更正表、差异、豁免",
        "Later releases: a source, a correction sheet, a difference, a waiver",
    )
    stories.crowded_bus(scene)
    stories.fetched_corrected_released(scene, source)
    _head("记录", "The record")
    journeys.check_record(scene)
    _show(opened, extract)


def _show(opened: Path, extract: Path) -> None:
    import pyarrow.parquet as pq

    _head("结果", "What came out")
    for name, path in (("open data", opened), ("extract", extract)):
        facts = pq.read_metadata(path)
        _console.print(f"  {name}: {path}  {facts.num_rows} rows × {facts.num_columns} columns")
    _console.print(f"  receipt: {extract.with_suffix('.receipt.json')}")


def _head(zh: str, en: str) -> None:
    _console.print(f"\n[bold]{zh} · {en}[/bold]")


def _tell(who: Text, what: Text) -> None:
    _console.print(f"  {who.zh} {what.zh}\n    [dim]{who.en} {what.en}[/dim]")


def _accounts(house: House) -> None:
    _console.print(f"\n[bold]账户 · Accounts[/bold]  口令 password: {PASSWORD}  ({house.settings.data_dir})")
    for person in PEOPLE:
        _console.print(
            f"  {person.username:18} {person.name_zh} {person.org:14} {person.does.zh} · {person.does.en}"
        )
