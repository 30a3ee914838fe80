"""`datagrant serve`: the service on this machine, with its worker."""

from __future__ import annotations

import gc
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, DataDir
from api.starting import building

Host = Annotated[str, typer.Option("--host", help="Address to listen on")]
Port = Annotated[int, typer.Option("--port", help="Port to listen on", min=1, max=65535)]


def command(data_dir: DataDir = DEFAULT_DIR, host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve pages and routes; starts the worker by itself. Ctrl-C stops both."""
    serve(data_dir, host, port)


def serve(data_dir: Path, host: str, port: int, *, demo: bool = False) -> None:
    """Run until told to stop; exit code 2 with one sentence when the port is taken."""
    from api.addressed import remember
    from api.house import demand_whole
    from core.errors import AppError
    from core.settings import Settings

    if not _is_free(host, port):
        print(
            f"port {port} on {host} is taken 端口已被占用; stop the other program or choose --port",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    if (data_dir / "demo").exists() and not demo:
        print(
            f"{data_dir} is a demo installation, whose passwords everybody knows 演示安装，口令公开: "
            f"serve it with datagrant demo --data-dir {data_dir}",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    given = Settings(data_dir=data_dir)
    try:
        demand_whole(given)
    except AppError as refused:
        print(f"{refused.detail.zh} {refused.detail.en}", file=sys.stderr)
        raise typer.Exit(2) from None
    here = {} if "public_url" in given.model_fields_set else {"public_url": f"http://{host}:{port}"}
    settings = given.model_copy(update=here | ({"demo": True} if demo else {}))
    remember(settings)
    print(f"数授 Datagrant: http://{host}:{port}  (Ctrl-C stops)")
    with building():
        import uvicorn

        from api.app import create_app

        app = create_app(settings)
        gc.freeze()  # what is there now stays for the life of the process
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
