"""A kept year many times over, on PostgreSQL: `python -m tests.campaigns.multiplied --database URI [--applications 100000] [--events 2000000]`.

The rows of applications, of the audit record and of the usage ledger are copied inside the database, each copy under ids of its own (the
first four hex digits tell them apart, and put them before what was there), until there are so many. It makes a database of the size that the design aims at
(authorization.md §4.10) in minutes instead of a day. What such a database is good for is to measure how long a decision takes in it
(`python -m tests.campaigns.deciding --year …`): copied events are in no chain of hashes, and copied lines of the ledger in no quota.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

from sqlalchemy import Connection, create_engine, text

UUID: Final = "[0-9a-f]{4}([0-9a-f]{4}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
CASES: Final[dict[str, tuple[str, ...]]] = {  # what belongs to an application, with its columns that hold ids
    "auth_application": ("id",),
    "auth_application_line": ("id", "application_id"),
    "auth_application_event": ("id", "application_id", "line_ids"),
    "auth_application_stage": ("application_id", "line_ids"),
    "auth_application_review": ("id", "application_id", "lines"),
}
NUMBER: Final = "lpad(to_hex(k), 4, '0')"
RECORD: Final = {"auth_audit_event": ("id", "subject", "application_id", "grant_id")}
LEDGER: Final = {"auth_usage_event": ("id",)}


def columns(base: Connection, table: str) -> list[str]:
    asked = text(
        "SELECT column_name FROM information_schema.columns WHERE table_name = :table ORDER BY ordinal_position"
    )
    return list(base.execute(asked, {"table": table}).scalars())


def copying(table: str, names: list[str], ids: tuple[str, ...]) -> str:
    """The statement that adds so many copies (its one parameter) of what the table holds; ids begin with the number of the copy."""
    into, taken = ", ".join(names), ", ".join(_copied(table, name, ids) for name in names)
    return f"INSERT INTO {table} ({into}) SELECT {taken} FROM {table}, generate_series(1, %s) AS k"


def _copied(table: str, name: str, ids: tuple[str, ...]) -> str:
    if name == "seq":
        return f"seq + k * (SELECT max(seq) FROM {table})"
    if name == "hash" and table in RECORD:
        return f"encode(sha256((hash || {NUMBER})::bytea), 'hex')"
    return f"regexp_replace({name}, '{UUID}', {NUMBER} || '\\1', 'g')" if name in ids else name


def multiply(base: Connection, tables: dict[str, tuple[str, ...]], wanted: int) -> None:
    """Copy the tables until the first holds about `wanted` rows; what holds more already stays as it is."""
    held = base.execute(text(f"SELECT count(*) FROM {next(iter(tables))}")).scalar_one()
    copies = round(wanted / held) - 1 if held else 0
    for table, ids in tables.items() if copies > 0 else ():
        begun = time.monotonic()
        made = base.exec_driver_sql(copying(table, columns(base, table), ids), (copies,)).rowcount
        base.commit()
        print(f"{table}: {made:,} rows more in {time.monotonic() - begun:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--applications", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    asked = parser.parse_args()
    engine = create_engine(asked.database)
    with engine.connect() as base:
        multiply(base, CASES, asked.applications)
        multiply(base, RECORD, asked.events)
        multiply(base, LEDGER, asked.events)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as base:
        base.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
