"""`datagrant doctor`: is every stored file, and the audit record, what it was?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show


def command(
    collect: Annotated[bool, typer.Option("--collect", help="Then remove files that nothing cites")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done")] = True,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Read every stored file and the whole audit record again and hold them against their digests and signatures. Exit code 1 when one is damaged or missing, or the
    record is not what was signed."""
    with connect(data_dir, server, token, user) as api:
        for route in ("/store/checks", "/store/record-checks", *(("/store/collections",) if collect else ())):
            asked = api.post(route, {})
            if wait:
                api.wait(asked["job_id"], quiet=as_json)
        found = api.get("/store")
        show(found, as_json)
    check = (found["check"] or {}).get("result") or {}
    record = (found["record"] or {}).get("result") or {}
    for each in record.get("told", ()):
        print(f"{each['zh']} · {each['en']}", file=sys.stderr)
    if rights := found.get("rights"):
        may, role = ", ".join(rights["may"]), rights["role"]
        print(
            f"数据库角色 {role} 可更改审计记录（{may}）；另设角色：datagrant database roles · Database role {role} may change the audit record ({may}); set one apart: datagrant database roles"
            if may
            else f"数据库角色 {role} 对审计记录只能追加和读取 · Database role {role} may add to the audit record and read it, no more",
            file=sys.stderr,
        )
    if check.get("damaged") or check.get("missing") or not record.get("holds", True):
        raise typer.Exit(1)
