"""`datagrant restore`: an installation from a backup, with all use stopped until somebody has settled it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.cli.backup import Snapshot, progress, tell
from api.client import DEFAULT_DIR, DataDir, Json, say_refused

Source = Annotated[str, typer.Argument(help="Folder of the backups, or s3://bucket/prefix")]


def command(source: Source, snapshot: Snapshot = "", data_dir: DataDir = DEFAULT_DIR, as_json: Json = False) -> None:  # fmt: skip
    """Fill an empty data directory (and bucket, and PostgreSQL database, where settings name them); the same again goes on where it was broken off."""
    from api.backups import put_back
    from api.worker import only_worker
    from core.errors import AppError, Conflict
    from core.settings import Settings
    from core.text import Text

    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with only_worker(data_dir) as lock:
            if lock is None:
                raise Conflict(
                    Text(
                        f"{data_dir} 上正有服务或另一次恢复在运行；请先停止。",
                        f"A service, or another restore, runs on {data_dir}; stop it first.",
                    )
                )
            found = put_back(Settings(data_dir=data_dir, worker=False), source, snapshot, progress(as_json))
    except AppError as refused:
        say_refused({"title": refused.title.en, "detail": f"{refused.detail.zh} {refused.detail.en}"})
        raise typer.Exit(1) from None
    tell(found, as_json)
    if not as_json:
        print(
            f"全平台已冻结：核对并补录后由安全管理员解除（/incidents）；并运行 datagrant doctor --data-dir {data_dir}\n"
            f"All use is frozen: a security officer lifts it (/incidents) once what was decided since is entered; then run datagrant doctor --data-dir {data_dir}",
            file=sys.stderr,
        )
    if found["absent"] or found["openings_at_odds"]:
        raise typer.Exit(1)
