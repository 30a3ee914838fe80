"""A consistent copy of the database, taken while others write, and put back into an empty place.

SQLite is copied by its own online backup. PostgreSQL by `pg_dump` and `pg_restore` of the machine: whoever reads the session
that `copied` gives sees exactly what the dump holds. The engine of jobs keeps its book elsewhere; it is made anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import URL
from sqlmodel import Session

from core.db import make_engine
from core.errors import Conflict, Unavailable
from core.text import Text

SQLITE: Final = "datagrant.db"
DUMP: Final = "database.pgdump"
_JOBS_BOOK: Final = "dbos"


@contextmanager
def copied(engine: Engine, folder: Path) -> Iterator[Session]:
    """Put a copy into the folder; gives a session that reads what is in the copy. Raises Unavailable without the tools."""
    if engine.dialect.name == "sqlite":
        target = folder / SQLITE
        _copy_sqlite(engine, target)
        copy = make_engine(f"sqlite:///{target}")
        try:
            with Session(copy) as db:
                yield db
        finally:
            copy.dispose()
        _one_file(target)
    else:
        tool = _tool("pg_dump")
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            seen = connection.scalar(text("SELECT pg_export_snapshot()"))
            _run(
                engine.url, tool, "--format=custom", "--no-owner", "--no-privileges", f"--exclude-schema={_JOBS_BOOK}",
                f"--snapshot={seen}", f"--file={folder / DUMP}",
            )  # fmt: skip
            with Session(connection) as db:
                yield db


def demand_empty(engine: Engine) -> None:
    """Raises Conflict when the database holds tables."""
    if inspect(engine).get_table_names():
        raise Conflict(
            Text(
                "目标数据库不是空的；恢复只写入空库。请新建一个数据库，并以 DATAGRANT_DATABASE_URL 指向它。",
                "The database is not empty, and a restore only fills an empty one. Make a new database and name it in DATAGRANT_DATABASE_URL.",
            )
        )


def put_back_dump(engine: Engine, dump: Path) -> None:
    """Fill an empty PostgreSQL database, wholly or not at all."""
    _run(
        engine.url, _tool("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        f"--dbname={engine.url.database}", str(dump),
    )  # fmt: skip


def is_sound(path: Path) -> bool:
    """Whether SQLite finds its copy whole."""
    with closing(sqlite3.connect(path)) as raw:
        return bool(raw.execute("PRAGMA quick_check").fetchone() == ("ok",))


def _copy_sqlite(engine: Engine, target: Path) -> None:
    target.unlink(missing_ok=True)
    with engine.connect() as connection, closing(sqlite3.connect(target)) as copy:
        raw = cast("sqlite3.Connection", cast("Any", connection.connection).driver_connection)
        raw.backup(copy)


def _one_file(path: Path) -> None:
    """Without a log beside it, so that the file alone is the database."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(
            Text(
                f"本机没有 {name}；请安装 PostgreSQL 客户端工具（Debian：postgresql-client），版本不低于服务器。",
                f"There is no {name} on this machine. Install PostgreSQL's client programs (Debian: postgresql-client), not older than the server.",
            )
        )
    return found


def _run(url: URL, *command: str) -> None:
    """Run a tool of PostgreSQL; the password goes by the environment, which other users of the machine do not see."""
    given = {
        "PGHOST": url.host or url.query.get("host"), "PGPORT": url.port or url.query.get("port"), "PGUSER": url.username,
        "PGPASSWORD": url.password, "PGDATABASE": url.database, "PGSSLMODE": url.query.get("sslmode"),
        "PGSSLROOTCERT": url.query.get("sslrootcert"),
    }  # fmt: skip
    environment = os.environ | {name: str(value) for name, value in given.items() if value}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - found by name
    if done.returncode:
        said = " ".join(done.stderr.split())[:400]
        name = Path(command[0]).name
        raise Unavailable(Text(f"{name} 未完成：{said}", f"{name} did not finish: {said}"))
