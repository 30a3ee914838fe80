"""What the edge wires once and hands to every request: settings, engine, files, clock, ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from core import ids
from core.db import BUSY_SECONDS, make_engine
from core.errors import Conflict
from core.files import FileStore
from core.files_s3 import files_of
from core.ground import Ground
from core.settings import RESTORING, Settings
from core.text import Text
from core.turns import Turns
from core.work import Clock, IdSource, Work, glance, system_clock, unit_of_work

_DECISIONS: Final = Turns(4)


@dataclass(frozen=True, slots=True)
class House:
    """The running installation."""

    settings: Settings
    engine: Engine
    files: FileStore
    clock: Clock = system_clock
    new_id: IdSource = ids.new_id
    ground: Ground = field(default_factory=Ground)

    @contextmanager
    def write(self) -> Iterator[Work]:
        with unit_of_work(self.engine, self.clock, self.new_id) as work:
            yield work

    @contextmanager
    def deciding(self) -> Iterator[Work]:
        """A short read transaction for one decision. A few at a time, in the order in which they came: more only hinder each other."""
        with _DECISIONS.turn(BUSY_SECONDS), self.read() as work:
            yield work

    @contextmanager
    def glance(self) -> Iterator[Work]:
        """To ask one or two things that need no common picture."""
        with glance(self.engine, self.clock, self.new_id) as work:
            yield work

    @contextmanager
    def read(self) -> Iterator[Work]:
        with unit_of_work(self.engine, self.clock, self.new_id, write=False) as work:
            yield work


def demand_whole(settings: Settings) -> None:
    """Raises Conflict in a data directory whose restore was broken off."""
    if (settings.data_dir / RESTORING).exists():
        raise Conflict(
            Text(
                f"{settings.data_dir} 的恢复尚未完成；请再次运行 datagrant restore，或等它结束。",
                f"The restore of {settings.data_dir} is not done; run datagrant restore again, or wait until it ends.",
            )
        )


def open_house(settings: Settings, clock: Clock = system_clock) -> House:
    """Make the data directory and bring the database to the present schema."""
    from api.schema import bring_up_to_date  # all tables: commands that need no database skip it

    demand_whole(settings)
    for directory in (settings.data_dir, settings.scratch_dir, settings.keys_dir):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # nobody else of this machine reads it
    settings.keys_dir.chmod(0o700)
    engine = make_engine(settings.database)
    bring_up_to_date(engine)
    return House(
        settings, engine, files_of(settings), clock, ground=Ground.of(settings.data_dir, settings.database)
    )
