"""On PostgreSQL the service comes as a role that adds to the audit record and reads it; rights refuse the rest before any trigger is asked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from api.cli import _assemble
from api.house import House, open_house
from api.schema import bring_up_to_date
from api.worker import Keeper
from auth import audit, audit_roles
from auth.actor import SYSTEM
from core.db import make_engine
from core.errors import Conflict
from core.jobs import FINAL, JobRow, JobState
from core.settings import Settings
from datasets.store import service as store
from tests.conftest import TestClock, _postgres_copy
from tests.datasets.extracts.scene import a_scene
from tests.people import a_person, actor_of, browser_as, client_as

pytestmark = pytest.mark.postgres
OWNER, SERVICE = f"dg_owner_{os.getpid()}", f"dg_service_{os.getpid()}"


@pytest.fixture
def superuser(postgres_server: str) -> Iterator[Engine]:
    made = _postgres_copy(postgres_server)
    yield made
    made.dispose()


def _as(engine: Engine, role: str) -> str:
    return make_url(engine.url.render_as_string(hide_password=False)).set(username=role).render_as_string(hide_password=False)  # fmt: skip


def _set_apart(engine: Engine) -> None:
    run = CliRunner().invoke(_assemble(), ["database", "roles", "--owner", OWNER, "--service", SERVICE])
    assert run.exit_code == 0, run.output
    raw = create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with raw.connect() as connection:
        for _ in range(2):  # again: harmless
            connection.connection.driver_connection.execute(run.stdout)  # type: ignore[union-attr]
    raw.dispose()


@pytest.fixture
def apart(superuser: Engine, tmp_path: Path, clock: TestClock) -> Iterator[House]:
    """A house whose service comes as the role that was set apart; no demo superuser behind it."""
    _set_apart(superuser)
    settings = Settings(
        data_dir=tmp_path / "data", database_url=_as(superuser, SERVICE), worker=False, demo=True, second_factor_roles=None,
    )  # fmt: skip
    house = open_house(settings, clock)
    yield house
    house.engine.dispose()


REFUSED = (
    "UPDATE auth_audit_event SET payload = '{}'", "DELETE FROM auth_audit_event", "TRUNCATE auth_audit_event",
    "DELETE FROM auth_audit_personal", "UPDATE auth_audit_personal SET about = 'other'", "TRUNCATE auth_audit_personal",
    "ALTER TABLE auth_audit_event DISABLE TRIGGER ALL", "DROP TRIGGER auth_audit_event_no_change ON auth_audit_event",
    "DROP TABLE auth_audit_personal", "CREATE TABLE public.other (a int)", "CREATE SCHEMA other", "UPDATE alembic_version SET version_num = 'x'",
    "CREATE OR REPLACE FUNCTION auth_audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
)  # fmt: skip


@pytest.mark.slow
def test_the_service_works_under_its_role_and_cannot_touch_the_record(
    apart: House, superuser: Engine
) -> None:
    scene = a_scene(apart)  # applications, grants, a release: through the real services
    scene.delivered(columns=["venue_id"])
    with apart.read() as work:
        assert audit.verify(work)[1] is None
        told = store.report(work).rights
    assert told is not None
    assert (told.role, told.owner, told.may) == (SERVICE, OWNER, [])
    for statement in REFUSED:
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), apart.engine.begin() as db:
            db.execute(text(statement))
    with pytest.raises(DBAPIError, match="permission denied"), apart.engine.begin() as db:
        db.execute(text(f"SET ROLE {OWNER}"))
    with apart.engine.begin() as db:
        emptied = "UPDATE auth_audit_personal SET value = '', salt = '', erased_at = CURRENT_TIMESTAMP"
        db.execute(text(f"{emptied} WHERE seq = (SELECT min(seq) FROM auth_audit_personal)"))
    owner = make_engine(_as(superuser, OWNER))
    for statement in REFUSED[:2]:
        with pytest.raises(DBAPIError, match="never changed"), owner.begin() as db:
            db.execute(text(statement))
    owner.dispose()
    page = browser_as(apart, "watch").get("/store")
    assert page.status_code != 200 or SERVICE in page.text


@pytest.mark.long
def test_the_worker_does_its_jobs_under_that_role(apart: House) -> None:
    """A process of its own, with its own book of jobs in the same database."""
    with apart.write() as work:
        a_person(work, "keeper", roles=["sysadmin"])
        asked = store.ask(work, actor_of(work, "keeper"), store.RECORD)
    keeper = Keeper(apart.settings)
    keeper.start()
    try:
        end = time.monotonic() + 120
        while True:
            with apart.read() as work:
                state = work.db.get_one(JobRow, asked.job_id).state
            if state in FINAL or time.monotonic() > end:
                break
            time.sleep(0.2)
    finally:
        keeper.stop()
    assert state == JobState.DONE


def test_whoever_owns_the_record_is_told_so(superuser: Engine, tmp_path: Path, clock: TestClock) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=superuser.url.render_as_string(hide_password=False), worker=False, demo=True,
        second_factor_roles=None,
    )  # fmt: skip
    house = open_house(settings, clock)
    with house.read() as work:
        told = store.report(work).rights
    assert told is not None
    assert {"OWN", "UPDATE", "DELETE"} <= set(told.may)
    with house.write() as work:
        a_person(work, "keeper", roles=["sysadmin"])
    assert client_as(house, "keeper").get("/api/v1/store").json()["rights"]["may"][0] == "OWN"
    for lang, words in (("zh", "可以更改审计记录"), ("en", "may change the audit record")):
        assert words in browser_as(house, "keeper", lang).get("/store").text
    house.engine.dispose()


@pytest.mark.long
def test_an_older_schema_waits_for_its_owner(
    apart: House, superuser: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with superuser.begin() as db:
        db.execute(text("ALTER TABLE auth_audit_event DISABLE TRIGGER auth_audit_event_no_change"))
    with pytest.raises(Conflict, match="upgrade"):
        bring_up_to_date(apart.engine)
    monkeypatch.setenv("DATAGRANT_DATABASE_URL", _as(superuser, SERVICE))
    done = CliRunner().invoke(_assemble(), ["database", "upgrade"])
    assert (done.exit_code, "database upgrade" in done.stderr) == (1, True)
    with superuser.begin() as db:
        db.execute(text("ALTER TABLE auth_audit_event ENABLE TRIGGER auth_audit_event_no_change"))
        db.execute(text("CREATE TABLE mark (a int)"))
    monkeypatch.setenv("DATAGRANT_DATABASE_URL", _as(superuser, OWNER))
    assert CliRunner().invoke(_assemble(), ["database", "upgrade"]).exit_code == 0
    owner = make_engine(_as(superuser, OWNER))
    with owner.begin() as db:
        db.execute(text("CREATE TABLE later (a int)"))
    owner.dispose()
    with apart.engine.begin() as db:
        db.execute(text("INSERT INTO later VALUES (1)"))
    with apart.write() as work:
        audit.record(work, SYSTEM, "thing.done", subject="thing")


@pytest.mark.long
def test_names_that_need_quoting_are_refused() -> None:
    for owner, service in (("a", "a"), ("a b", "c"), ("a", "c;"), ("A", "c"), ("a'", "c")):
        with pytest.raises(ValueError, match="two different names"):
            audit_roles.script(owner, service)
    run = CliRunner().invoke(_assemble(), ["database", "roles", "--owner", "x", "--service", "x"])
    assert run.exit_code == 2
