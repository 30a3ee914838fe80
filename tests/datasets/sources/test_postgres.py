"""Tables and queries of a real PostgreSQL: types kept, nothing changed, nothing beyond the limits."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy.engine import make_url

from api.house import House
from core.errors import AppError, InputRefused, Unavailable
from datasets.sources import postgres
from datasets.sources.asking import Ask, Catch
from datasets.sources.postgres import PostgresConfig
from tests.clamd import EICAR, a_clamd
from tests.datasets.parking import a_parking_dataset
from tests.datasets.sources.places import a_source, allow, batches_of, look

pytestmark = pytest.mark.postgres
PASSWORD = "r3ader"
TYPES = """
CREATE TABLE every_type (
  id int PRIMARY KEY, small smallint, big bigint, price numeric(12,2), share numeric, real4 real, real8 double precision,
  yes boolean, name text, code varchar(10), fixed char(3), day date, at timestamp, seen timestamptz, hour time,
  doc jsonb, key uuid, many int[]
);
INSERT INTO every_type VALUES
 (2, -5, 9007199254740993, 12.30, 0.1234567890123456789, 1.5, 2.25, true, '西门', 'P02', 'ab', '2026-03-01',
  '2026-03-01 08:00:00.123456', '2026-03-01 08:00:00+08', '08:30', '{"a": 1}', '00000000-0000-7000-8000-000000000001', '{1,2}'),
 (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '东门', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE no_key (n int);
INSERT INTO no_key SELECT generate_series(1, 20);
CREATE TABLE odd_days (day date);
INSERT INTO odd_days VALUES ('infinity');
"""


def _forward(line: socket.socket, where: str) -> None:
    """Carry bytes between a TCP line and a local socket until one side ends."""
    with line, socket.socket(socket.AF_UNIX) as inner, suppress(OSError):
        inner.connect(where)
        while True:
            for ready in select.select([line, inner], [], [])[0]:
                if not (data := ready.recv(65536)):
                    return
                (inner if ready is line else line).sendall(data)


@pytest.fixture(scope="module")
def server(postgres_server: str) -> Iterator[int]:
    """The test server, which listens on a local socket alone, under a TCP port with a database of its own."""
    url = make_url(postgres_server.format(name="postgres"))
    folder = str(url.query["host"])
    where = f"{folder}/.s.PGSQL.5432"
    plain = f"host={folder} user={url.username} dbname=postgres"
    with psycopg.connect(plain, autocommit=True) as admin:
        admin.execute("CREATE DATABASE outside")
        admin.execute("CREATE ROLE reader LOGIN PASSWORD 'r3ader'")
    with psycopg.connect(plain.replace("dbname=postgres", "dbname=outside"), autocommit=True) as owner:
        owner.execute(TYPES)
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                threading.Thread(target=_forward, args=(line, where), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def home(sqlite_house: House) -> House:
    allow(sqlite_house)
    return sqlite_house


def fetch(house: House, port: int, table: str | None = None, query: str | None = None, **how: Any) -> Catch:
    return postgres.fetch(ask(house), config(port, table, query, **how), house.files)


def ask(house: House, secret: str = PASSWORD) -> Ask:
    return Ask("traffic", secret, {}, house.settings, house.clock())


def config(port: int, table: str | None = None, query: str | None = None, **how: Any) -> PostgresConfig:
    given = {"kind": "postgres", "host": "127.0.0.1", "port": port, "database": "outside", "user": "reader"}
    return PostgresConfig.model_validate(given | {"table": table, "query": query} | how)


def table_of(house: House, caught: Catch) -> pa.Table:
    return pq.read_table(house.files.path(caught.files[0].stored.sha256))


def test_a_table_comes_with_its_types_in_the_order_of_its_key(home: House, server: int) -> None:
    caught = fetch(home, server, "public.every_type")
    found = table_of(home, caught)
    assert {field.name: str(field.type) for field in found.schema} == {
        "id": "int32", "small": "int16", "big": "int64", "price": "decimal128(12, 2)", "share": "string",
        "real4": "float", "real8": "double", "yes": "bool", "name": "string", "code": "string", "fixed": "string",
        "day": "date32[day]", "at": "timestamp[us]", "seen": "timestamp[us, tz=UTC]", "hour": "time64[us]",
        "doc": "string", "key": "string", "many": "string",
    }  # fmt: skip
    assert found["id"].to_pylist() == [1, 2]
    row = found.to_pylist()[1]
    assert row["big"] == 9007199254740993
    assert row["price"] == Decimal("12.30")
    assert row["share"] == "0.1234567890123456789"
    assert row["day"] == date(2026, 3, 1)
    assert row["seen"] == datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    assert (row["name"], row["many"], row["doc"]) == ("西门", "{1,2}", '{"a": 1}')
    assert (
        caught.files[0].provenance["address"] == f"postgresql://127.0.0.1:{server}/outside#public.every_type"
    )
    assert "r3ader" not in str(caught)


def test_the_same_rows_are_the_same_bytes(home: House, server: int) -> None:
    first, second = (fetch(home, server, "every_type").files[0].stored for _ in range(2))
    assert first == second


def test_a_query_is_read_as_it_stands(home: House, server: int) -> None:
    caught = fetch(
        home, server, query="SELECT n, '{x}%s' AS t FROM no_key WHERE n % 2 = 0 ORDER BY n DESC -- all"
    )
    assert table_of(home, caught)["n"].to_pylist() == list(range(20, 0, -2))
    assert fetch(home, server, query="WITH a AS (SELECT 1 AS one) SELECT * FROM a;").files


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM no_key", "WITH gone AS (DELETE FROM no_key RETURNING n) SELECT * FROM gone", "SELECT 1 AS a; DELETE FROM no_key",
     "SELECT 1 AS a) AS x; DELETE FROM no_key; SELECT * FROM (SELECT 1", "SELECT 1 AS a) AS x; COMMIT; DELETE FROM no_key; --",
     "SELECT set_config('transaction_read_only', 'off', false) AS a, (SELECT count(*) FROM no_key) AS b",
     "SELECT * FROM no_key FOR UPDATE", "CREATE TABLE more (n int)", "COPY no_key TO '/tmp/x'", "SELECT nextval('s')",
     "SELECT * FROM nowhere", "SELECT n, n FROM no_key", "SELECT", "nonsense",
     "EXPLAIN SELECT 1", "SET ROLE postgres", "SELECT pg_read_file('/etc/passwd') AS a"],
)  # fmt: skip
def test_a_query_that_would_do_more_than_read_is_refused_by_the_server(
    home: House, server: int, query: str
) -> None:
    with pytest.raises(InputRefused):
        fetch(home, server, query=query)
    assert table_of(home, fetch(home, server, "no_key")).num_rows == 20


def test_more_rows_than_allowed_are_refused_and_none_is_kept(home: House, server: int) -> None:
    allow(home, source_max_rows=19)
    with pytest.raises(InputRefused, match="19 rows"):
        fetch(home, server, "no_key")
    assert not list(home.files.digests())
    allow(home, source_max_rows=20)
    assert fetch(home, server, "no_key").files[0].provenance["rows"] == 20


def test_a_query_without_end_is_ended(home: House, server: int) -> None:
    allow(home, source_seconds=1)
    with pytest.raises(Unavailable, match="in time"):
        fetch(home, server, query="SELECT pg_sleep(60)::text AS a")


def test_a_server_that_goes_on_slowly_is_cut_at_the_deadline(
    home: House, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement stays below the server's limit; all of them together do not."""
    monkeypatch.setattr(postgres, "_ROWS", 1)
    allow(home, source_seconds=1)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        fetch(home, server, query="SELECT pg_sleep(0.3)::text AS a, n FROM no_key")
    assert time.monotonic() - began < 4


def test_many_groups_of_rows_make_one_table(
    home: House, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = table_of(home, fetch(home, server, "no_key"))
    monkeypatch.setattr(postgres, "_ROWS", 3)
    monkeypatch.setattr(postgres, "_GROUP_BYTES", 20)
    assert table_of(home, fetch(home, server, "no_key")).equals(whole)


def test_the_name_is_resolved_once_and_the_driver_is_given_the_address(home: House, server: int) -> None:
    asked: list[str] = []

    def turning(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    seen = Ask("traffic", PASSWORD, {}, home.settings, home.clock(), resolve=turning)
    wanted = config(server, "no_key", host="turning.example.org")
    assert postgres.fetch(seen, wanted, home.files).files
    with pytest.raises(InputRefused, match=r"10\.0\.0\.1"):
        postgres.fetch(seen, wanted, home.files)
    assert asked == ["turning.example.org"] * 2


def test_a_value_that_has_no_counterpart_says_how_to_go_on(home: House, server: int) -> None:
    with pytest.raises(InputRefused, match="::text"):
        fetch(home, server, "odd_days")
    assert fetch(home, server, query="SELECT day::text AS day FROM odd_days").files


def test_who_cannot_sign_in_is_told_without_the_credential(home: House, server: int) -> None:
    for how in ({"database": "nowhere"}, {"user": "nobody"}, {"tls": "verify-full"}, {"tls": "require"}):
        with pytest.raises(Unavailable, match="Cannot sign in") as refused:
            postgres.fetch(ask(home, "wr0ng"), config(server, "no_key", **how), home.files)
        assert "wr0ng" not in refused.value.detail.en


def test_a_private_server_is_reached_only_when_it_is_listed(sqlite_house: House, server: int) -> None:
    for host in ("127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "2130706433", "10.0.0.1"):
        with pytest.raises(AppError) as refused:
            fetch(sqlite_house, server, "no_key", host=host)
        assert "sources may not reach" in refused.value.detail.en or "no address" in refused.value.detail.en


@pytest.mark.parametrize(
    "bad",
    [{"host": "/run/postgresql"}, {"host": "a,b"}, {"host": ""}, {"host": "a b"}, {"host": "@x"}, {"database": "dbname=x host=y"},
     {"database": "postgresql://x"}, {"table": "a.b.c"}, {"table": 'a"b'}, {"table": None}, {"query": "SELECT 1"}, {"table": None, "query": "SELECT \0"}, {"tls": "disable"},
     {"table": "t", "port": 0}, {"options": "-c x"}],
)  # fmt: skip
def test_what_would_lead_elsewhere_cannot_be_configured(bad: dict[str, Any]) -> None:
    given = {"kind": "postgres", "host": "h", "database": "d", "user": "u", "table": "t"}
    with pytest.raises(ValueError, match="validation error"):
        PostgresConfig.model_validate(given | bad)


def test_a_trial_tells_the_columns_and_reads_no_row(home: House, server: int) -> None:
    found = postgres.probe(ask(home), config(server, "no_key"))
    assert found.facts == [{"name": "n", "value": "int32"}]


def test_a_table_becomes_a_batch_that_is_read_with_its_types(home: House, server: int) -> None:
    with home.write() as work:
        a_parking_dataset(work, suite=False)  # how it is read is asked here, not how it is judged
    query = "SELECT 'P' || n AS lot, '东门' AS name, 10 AS total, n AS free, date '2026-03-01' AS day FROM no_key ORDER BY n"
    source = a_source(home, config(server, query=query).model_dump(), secret=PASSWORD)
    assert look(home, source.id).outcome == "delivered"
    (batch,) = batches_of(home)
    assert (batch.rows, batch.untyped_cells) == (20, 0)
    assert batch.typed_sha256 is not None
    assert look(home, source.id).outcome == "recognised"


def test_its_rows_are_shown_to_the_malware_scanner_as_files_are(home: House, server: int) -> None:
    assert fetch(home, server, "no_key").files[0].stored.seen == "not_scanned"
    with a_clamd() as address:
        allow(home, clamd=address)
        assert fetch(home, server, "no_key").files[0].stored.seen == "clean"
        with pytest.raises(InputRefused, match=r"Malware|恶意软件"):
            fetch(home, server, query=f"SELECT $${EICAR.decode()}$$::text AS word")
    assert not [path for path in (home.settings.files_dir / "stage").iterdir() if path.is_file()]
