"""A database that is removed or replaced under a living engine is refused in words, and none is made in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from core.db import make_engine
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
