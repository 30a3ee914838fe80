"""A table or a query in PostgreSQL, read in one read-only transaction and written as Parquet with its types.

The only door to the driver for sources. The query goes through the extended protocol, where the server itself refuses
more than one command; the transaction is read-only and always rolled back; a cursor on the server keeps memory small.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from core.errors import InputRefused, Unavailable
from core.files import FileStore
from core.text import Text, number_of
from datasets.batches import scanning
from datasets.sources.addresses import PostgresConfig
from datasets.sources.asking import Ask, Catch, Found, Probe, too_large
from datasets.sources.guard import vetted

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

_CONNECT_S: Final = 10
_ROWS: Final = 1_000
_GROUP_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the answer. text: whether the server writes its values as text, for want of a type of ours."""

    name: str
    type: pa.DataType
    text: bool = False


_TYPES: Final[dict[int, pa.DataType]] = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 25: pa.string(), 700: pa.float32(),
    701: pa.float64(), 1042: pa.string(), 1043: pa.string(), 1082: pa.date32(), 1083: pa.time64("us"),
    1114: pa.timestamp("us"), 1184: pa.timestamp("us", tz="UTC"),
}  # fmt: skip
_NUMERIC: Final = 1700


@contextmanager
def _connected(ask: Ask, config: PostgresConfig) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection to an address that the guard let through; TLS still checks the name."""
    addresses = vetted(config.host, config.port, ask.allowed, ask.resolve)
    limit_ms = ask.settings.source_seconds * 1000
    options = (
        f"-c default_transaction_read_only=on -c statement_timeout={limit_ms} -c lock_timeout=10000 "
        f"-c idle_in_transaction_session_timeout={limit_ms} -c TimeZone=UTC -c DateStyle=ISO"
    )
    try:
        opened = psycopg.connect(
            host=",".join([config.host] * len(addresses)), hostaddr=",".join(addresses), port=config.port,
            dbname=config.database, user=config.user, password=ask.secret or "", options=options,
            connect_timeout=_CONNECT_S, sslmode=config.tls, gssencmode="disable", passfile="/nonexistent",
            sslrootcert="system" if config.tls == "verify-full" else "", application_name="datagrant",
            require_auth="!password" if config.tls == "prefer" else "", tcp_user_timeout=60_000,
        )  # fmt: skip
    except psycopg.OperationalError as fault:
        raise _not_connected(config, fault, ask.secret) from None
    line = _Cut(opened, ask.settings.source_seconds)
    try:
        opened.read_only = True
        opened.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield opened
    except psycopg.errors.QueryCanceled:
        raise _out_of_time() from None
    except psycopg.DataError as fault:
        said = _first_line(fault, ask.secret)
        raise InputRefused(
            Text(
                f"数据库中有无法转换的值（{said}）；请在查询中把该列转换为文本（列名::text）。",
                f"The database holds a value that cannot be taken over ({said}); cast its column in the query (name::text).",
            )
        ) from None
    except psycopg.OperationalError:
        if line.is_cut:
            raise _out_of_time() from None
        raise Unavailable(
            Text(
                "与数据库的连接中断；稍后会再试。",
                "The connection to the database broke; it is tried again later.",
            )
        ) from None
    except psycopg.Error as fault:
        said = _first_line(fault, ask.secret)
        raise InputRefused(
            Text(
                f"数据库拒绝了查询：{said}。请更正后重试。",
                f"The database refused the query: {said}. Correct it and try again.",
            )
        ) from None
    finally:
        line.spare()
        opened.close()


class _Cut:
    """Cuts a connection at its deadline: the server's own limit counts for each statement, and a server may be silent."""

    def __init__(self, connection: psycopg.Connection[TupleRow], seconds: float) -> None:
        self.is_cut = False
        self._line = socket.socket(fileno=os.dup(connection.fileno()))
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        self.is_cut = True
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def spare(self) -> None:
        self._timer.cancel()
        self._timer.join()
        self._line.close()


def _out_of_time() -> Unavailable:
    return Unavailable(
        Text(
            "数据库没有在时限内完成查询；请缩小范围，或请管理员放宽 DATAGRANT_SOURCE_SECONDS。",
            "The database did not finish in time; ask for less, or have DATAGRANT_SOURCE_SECONDS raised.",
        )
    )


def _first_line(fault: Exception, secret: str | None) -> str:
    """The server's own words, one line, never with the credential."""
    line = (str(fault).splitlines() or [""])[0][:300]
    return line.replace(secret, "…") if secret else line


def _not_connected(config: PostgresConfig, fault: Exception, secret: str | None) -> Unavailable:
    line = _first_line(fault, secret)
    hint = line.partition("FATAL:")[2].strip() or ("TLS" if "SSL" in line else "")
    told = Text(f"（{hint}）", f" ({hint})") if hint else Text("", "")
    return Unavailable(
        Text(
            f"无法登录 {config.host}:{config.port} 的数据库 {config.database}{told.zh}；请核对地址、账号与凭据。",
            f"Cannot sign in to database {config.database} at {config.host}:{config.port}{told.en}; check address, user and credential.",
        )
    )


def _statement(connection: psycopg.Connection[TupleRow], config: PostgresConfig) -> sql.Composed:
    """What is read: the query as given, or the table in the order of its key."""
    if config.query is not None:
        body = config.query.rstrip().rstrip(";")
        return sql.SQL("(\n{}\n)").format(sql.SQL(body))  # the steward's own words; one command only
    table = sql.Identifier(*str(config.table).split("."))
    keys = connection.execute(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
        "WHERE i.indisprimary AND i.indrelid = to_regclass(%s) ORDER BY array_position(i.indkey::int2[], a.attnum)",
        [table.as_string(connection)],
    ).fetchall()
    order = sql.SQL(", ").join(sql.Identifier(str(name)) for (name,) in keys)
    tail = sql.SQL(" ORDER BY {}").format(order) if keys else sql.SQL("")
    return sql.SQL("(SELECT * FROM {}{})").format(table, tail)


def _columns(connection: psycopg.Connection[TupleRow], statement: sql.Composed) -> list[_Column]:
    """Names and types, without a row. Extended protocol: a second command is refused by the server."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {} AS source LIMIT 0").format(statement), prepare=True)
        described = cursor.description or []
    names = [column.name for column in described]
    if not names or len(set(names)) < len(names):
        raise InputRefused(
            Text(
                "查询没有列，或有同名的列；请为每列起不同的名字（AS）。",
                "The query has no columns, or two of one name; name each column (AS).",
            )
        )
    return [_column(each.name, each.type_code, each.precision, each.scale) for each in described]


def _column(name: str, code: int, precision: int | None, scale: int | None) -> _Column:
    if code == _NUMERIC and precision and precision <= 38 and scale is not None and 0 <= scale <= precision:
        return _Column(name, pa.decimal128(precision, scale))
    if code in _TYPES:
        return _Column(name, _TYPES[code])
    return _Column(name, pa.string(), text=True)


def fetch(ask: Ask, config: PostgresConfig, files: FileStore) -> Catch:
    """Read all rows into a Parquet file; the same rows in the same order make the same bytes."""
    name = f"{(config.table or 'query').rsplit('.', 1)[-1]}.parquet"
    out = files.stage_path(".parquet")
    try:
        rows = _write(ask, config, name, out)
        seen = scanning.of_source(
            ask.settings, name, out
        )  # the file is ours, what stands in its cells is not
        stored = replace(files.put_file(out), seen=seen)
    finally:
        out.unlink(missing_ok=True)
    provenance = {"address": shown(config), "rows": rows, "fetched_at": ask.now.isoformat()}
    if config.query:
        provenance["query"] = config.query
    said = Text(f"读取 {rows} 行。", f"{number_of(rows, 'rows')} read.")
    return Catch((Found(name, stored, provenance),), {}, said)


def _write(ask: Ask, config: PostgresConfig, name: str, out: Path) -> int:
    limit, most = ask.settings.upload_max_bytes, ask.settings.source_max_rows
    rows = 0
    with _connected(ask, config) as connection:
        statement = _statement(connection, config)
        columns = _columns(connection, statement)
        schema = pa.schema([(column.name, column.type) for column in columns])
        picked = sql.SQL(", ").join(
            sql.SQL("{}::text" if column.text else "{}").format(sql.Identifier(column.name))
            for column in columns
        )
        with (
            connection.cursor("datagrant", binary=True) as cursor,
            pq.ParquetWriter(out, schema, compression="zstd") as writer,
        ):
            cursor.itersize = _ROWS
            cursor.execute(sql.SQL("SELECT {} FROM {} AS source").format(picked, statement), binary=True)
            waiting: list[pa.Table] = []
            while part := cursor.fetchmany(_ROWS):
                if (rows := rows + len(part)) > most:
                    raise _too_many(most)
                waiting.append(_table(part, schema))
                ask.progress(rows / most, Text(f"已读取 {rows} 行", f"{number_of(rows, 'rows')} read"))
                if sum(each.nbytes for each in waiting) > _GROUP_BYTES:
                    writer.write_table(pa.concat_tables(waiting).combine_chunks())
                    waiting.clear()
                if out.stat().st_size > limit:
                    raise too_large(name, limit)
            if waiting:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
        if out.stat().st_size > limit:
            raise too_large(name, limit)
        connection.rollback()
    return rows


def _table(part: list[Any], schema: pa.Schema) -> pa.Table:
    try:
        arrays = [pa.array([row[place] for row in part], type=kind.type) for place, kind in enumerate(schema)]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as fault:
        said = str(fault).splitlines()[0][:200]
        raise InputRefused(
            Text(
                f"有无法转换的值（{said}）；请在查询中把该列转换为文本（列名::text）。",
                f"A value cannot be taken over ({said}); cast its column in the query (name::text).",
            )
        ) from None
    return pa.Table.from_arrays(arrays, schema=schema)


def _too_many(most: int) -> InputRefused:
    return InputRefused(
        Text(
            f"来源超过 {most} 行的上限（DATAGRANT_SOURCE_MAX_ROWS）；没有接收任何行，请用查询缩小范围。",
            f"The source has more than {number_of(most, 'rows')} (DATAGRANT_SOURCE_MAX_ROWS); nothing was taken. Narrow it by a query.",
        )
    )


def probe(ask: Ask, config: PostgresConfig) -> Probe:
    """Sign in and ask for the columns; no row is read."""
    with _connected(ask, config) as connection:
        columns = _columns(connection, _statement(connection, config))
        connection.rollback()
    facts = [{"name": each.name, "value": "text" if each.text else str(each.type)} for each in columns]
    return Probe(
        Text(f"登录成功，共 {len(columns)} 列。", f"Signed in; {number_of(len(columns), 'columns')}."), facts
    )


def shown(config: PostgresConfig) -> str:
    """Where it is, without user and credential."""
    what = config.table or "query"
    return f"postgresql://{config.host}:{config.port}/{config.database}#{what}"
