"""A database from yesterday brings back rights that were taken since: use stops until somebody has settled it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from api.house import House
from api.witness import seal_record
from auth.casework.book import CaseStep
from auth.grants import service as grants
from auth.grants import usage
from auth.grants.steps import GrantStep
from auth.incidents import service as incidents
from auth.incidents.workflow import Target
from auth.proof.checkpoint import Place
from core.errors import AccessRefused
from core.ids import GrantId
from tests.auth.proof.packs import a_record, rewrite
from tests.desk import Desk, a_desk, a_grant, codes, kinds


def _copy(house: House, to: Path) -> Callable[[], None]:
    """Keep the database as it is; gives what puts it back."""
    house.engine.dispose()
    name = house.settings.data_dir / "datagrant.db"
    with house.engine.connect() as raw:
        raw.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    house.engine.dispose()
    shutil.copyfile(name, to)

    def back() -> None:
        house.engine.dispose()
        for each in ("-wal", "-shm"):
            name.with_name(name.name + each).unlink(missing_ok=True)
        shutil.copyfile(to, name)

    return back


def _use(desk: Desk, grant_id: str) -> None:
    with desk.house.write() as work:
        usage.charge(work, GrantId(grant_id), rows=1)


def _frozen(desk: Desk) -> list[tuple[str, str]]:
    with desk.read("watch") as (work, actor):
        return [(row.id, row.state) for row in incidents.incidents(work, actor)[0]]


def test_a_revocation_that_a_restored_backup_forgot_opens_nothing(
    sqlite_house: House, tmp_path: Path
) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    seal_record(sqlite_house)
    put_back = _copy(sqlite_house, tmp_path / "backup.db")
    with desk.write("watch") as (work, actor):
        grants.revoke(work, actor, grant.id, GrantStep(note="超范围使用"))
    seal_record(sqlite_house)
    put_back()
    _use(desk, grant.id)  # nobody has looked yet: the worker does so before anything else
    for _ in range(2):
        seal_record(sqlite_house)
        with pytest.raises(AccessRefused) as refused:
            _use(desk, grant.id)
        assert codes(refused) == ["frozen"]
    ((incident, _),) = _frozen(desk)
    assert kinds(desk)[-1] == "incident.frozen"
    with desk.write("watch") as (work, actor):
        incidents.lift(work, actor, incident, CaseStep(note="先行解除"))
    seal_record(sqlite_house)
    assert [state for _, state in _frozen(desk)] == ["FROZEN", "LIFTED"], "lifting alone settles nothing"
    place = Place.of(sqlite_house.settings)
    place.tree.parent.rename(tmp_path / "kept-as-evidence")
    with desk.write("watch2") as (work, actor):
        incidents.lift(work, actor, _frozen(desk)[0][0], CaseStep(note="已补录撤销，新日志开始"))
    seal_record(sqlite_house)
    _use(desk, grant.id)
    assert [state for _, state in _frozen(desk)] == ["LIFTED", "LIFTED"]


def test_a_record_that_was_rewritten_stops_all_use_and_names_the_platform(sqlite_house: House) -> None:
    a_record(sqlite_house, 3)
    rewrite(sqlite_house, 2)
    desk = a_desk_beside(sqlite_house)
    seal_record(sqlite_house)
    with desk.read("watch") as (work, actor):
        (found,) = incidents.incidents(work, actor)[0]
    assert (found.target_kind, found.title_zh) == (Target.PLATFORM, "全平台")
    assert "checkpoint" in found.reason


def a_desk_beside(house: House) -> Desk:
    """The desk's security officer alone: the whole desk would take the record's place."""
    from tests.people import a_person, an_org

    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "watch", "bureau", ["security_officer"])
    return Desk(house)
