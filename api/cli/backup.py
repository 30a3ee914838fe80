"""`datagrant backup`: a copy of the whole installation, taken while it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, DataDir, Json, say_refused

Out = Annotated[
    str,
    typer.Argument(
        help="Folder of the backups, best on another disk, made if need be; or s3://bucket/prefix"
    ),
]
Keep = Annotated[
    int | None, typer.Option("--keep", min=1, help="Then leave so many snapshots alone, the newest")
]
Check = Annotated[bool, typer.Option("--check", help="Take none; read a snapshot and its files again")]
Snapshot = Annotated[str, typer.Option("--snapshot", help="Name of the snapshot; empty: the newest")]


def command(
    out: Out, check: Check = False, snapshot: Snapshot = "", keep: Keep = None,
    data_dir: DataDir = DEFAULT_DIR, as_json: Json = False,
) -> None:  # fmt: skip
    """Add a snapshot of database, files, keys and checkpoints; only new files are copied. Exit code 1 when a file is missing or damaged."""
    from api.backups import back_up, note_check
    from api.backups import check as read_again
    from api.house import open_house
    from core.errors import AppError, NotFound
    from core.settings import Settings

    try:
        if check:
            found = read_again(Settings(data_dir=data_dir), out, snapshot, progress(as_json))
            with suppress(NotFound):
                demand_installation(data_dir)
                house = open_house(Settings(data_dir=data_dir, worker=False))
                try:
                    note_check(house, out, found)
                finally:
                    house.engine.dispose()
        else:
            demand_installation(data_dir)
            house = open_house(Settings(data_dir=data_dir, worker=False))
            try:
                found = back_up(house, out, keep, progress(as_json))
            finally:
                house.engine.dispose()
    except AppError as refused:
        say_refused({"title": refused.title.en, "detail": f"{refused.detail.zh} {refused.detail.en}"})
        raise typer.Exit(1) from None
    tell(found, as_json)
    if found["absent"] or found.get("damaged"):
        raise typer.Exit(1)


def demand_installation(data_dir: Path) -> None:
    """A backup of nothing would make an installation first."""
    from core.errors import NotFound
    from core.settings import Settings
    from core.text import Text

    if Settings(data_dir=data_dir).database.startswith("sqlite") and not (data_dir / "datagrant.db").exists():
        raise NotFound(
            Text(f"{data_dir} 中没有安装；请检查 --data-dir。", f"There is no installation in {data_dir}; look at --data-dir.")
        )  # fmt: skip


def progress(as_json: bool) -> Callable[[int, int], None]:
    """Says on a terminal how far it is; nothing under `--json` or into a file."""
    speaks = not as_json and sys.stderr.isatty()

    def say(done: int, of: int) -> None:
        if speaks and (done == of or done % 20 == 0):
            print(f"\r{done} / {of} 文件 files", end="\n" if done == of else "", file=sys.stderr, flush=True)

    return say


def tell(found: dict[str, Any], as_json: bool) -> None:
    """The result, a line for each fact."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name}: {', '.join(value) or '-' if isinstance(value, list) else value}")
