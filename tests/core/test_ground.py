"""A database that is removed or replaced under a living engine is refused in words, and none is made in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError

from core.db import kept_to_its_file, make_engine
from core.errors import Unavailable
from core.ground import Ground


@pytest.mark.parametrize("how", ["removed", "replaced", "moved and put back"])
@pytest.mark.parametrize("is_new_connection", [False, True])
def test_an_engine_refuses_what_is_not_its_database(
    tmp_path: Path, how: str, is_new_connection: bool
) -> None:
    path = tmp_path / "some.db"
    engine = make_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE one (id INTEGER)"))
    if is_new_connection:
        engine.dispose()
    away = path.rename(tmp_path / "away.db")
    if how == "replaced":
        make_engine(f"sqlite:///{path}").connect().close()
    with pytest.raises(Unavailable, match="removed, moved or replaced"), engine.begin():
        pass
    assert path.exists() is (how == "replaced")
    if how == "moved and put back":
        away.rename(path)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM one")).scalar_one() == 0
    engine.dispose()


def test_an_engine_made_elsewhere_is_kept_to_its_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a book%20.db"  # a name that an address would read otherwise
    engine = kept_to_its_file(create_engine(URL.create("sqlite", database=str(path))))
    engine.connect().close()
    engine.dispose()
    engine.connect().close()
    engine.dispose()
    path.unlink()
    with pytest.raises(Unavailable, match="removed, moved or replaced"):
        engine.connect()
    monkeypatch.setattr(Ground, "demand", lambda _self: None)  # it went in the moment after the look
    with pytest.raises(OperationalError, match="unable to open"):
        engine.connect()
    assert list(tmp_path.iterdir()) == []


def test_ground_names_what_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "datagrant.db").touch()
    ground = Ground.of(folder, f"sqlite:///{folder / 'datagrant.db'}")
    elsewhere = Ground.of(folder, "postgresql+psycopg://nowhere/base")
    assert (ground.gone(), elsewhere.gone()) == (None, None)
    ground.demand()
    (folder / "datagrant.db").unlink()
    assert ground.gone() == folder / "datagrant.db"
    assert elsewhere.gone() is None
    folder.rmdir()
    assert elsewhere.gone() == folder
    folder.mkdir()
    assert Ground(folder / "none").gone() == folder / "none"
    with pytest.raises(Unavailable):
        ground.demand()
