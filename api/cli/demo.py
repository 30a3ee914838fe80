"""`datagrant demo`: the synthetic sample, the journeys, then the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.serve import Host, Port, serve

DemoDir = Annotated[Path, typer.Option("--data-dir", help="Where the demo's installation goes")]
NoServe = Annotated[bool, typer.Option("--no-serve", help="Stop after the journeys")]


def command(
    data_dir: DemoDir = Path("demo-data"),
    no_serve: NoServe = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Make the tourism sample, play the journeys through the real services, then serve them."""
    import os

    from api.sample.people import already_played
    from api.sample.stories import INBOX

    os.environ.setdefault("DATAGRANT_SOURCE_ROOT", str((data_dir / INBOX).absolute()))  # also for its worker

    if already_played(data_dir):
        print(f"{data_dir} holds the demo already 演示数据已存在; remove the directory to play it anew")
    else:
        from api.sample.play import play

        play(data_dir)
    if not no_serve:
        serve(data_dir, host, port, demo=True)
