"""What tests of the store do to it, as a module of its own so that a process to be killed starts quickly."""

from __future__ import annotations

import os
import random
import sys
import threading
from contextlib import suppress
from pathlib import Path

from sqlmodel import SQLModel

from api import tables
from api.house import House
from core.db import make_engine
from core.errors import NotFound
from core.files import FileStore
from core.settings import Settings
from core.work import Work
from datasets.outputs.tables import OutputReviewRow
from datasets.store import service

CONTENTS = [f"file {n}".encode() for n in range(6)]


def cites(work: Work, sha256: str) -> str:
    """A row that cites the file; its id."""
    row = OutputReviewRow(
        id=work.new_id(), kind="extract", subject_id="x", dataset_id="d", department_id="d", org_id="o", grant_id="g",
        application_id="a", release_id="r", release_number=1, form="extract_csv", level=1, purpose="p", needed=0,
        sha256=sha256, rows=0, size_bytes=0, requested_by="a", person_id="p", opened_at=work.now, due_on=work.now.date(),
    )  # fmt: skip
    work.db.add(row)
    return row.id


def grows_old(files: FileStore, sha256: str) -> None:
    os.utime(files.path(sha256), (1, 1))


def collects(house: House) -> list[str]:
    """As the job does; the digests that went."""
    with house.read() as work:
        instant = service.before(work)
        digests = service.garbage(work, house.files, instant)
    return [each for each in digests if service.remove(house.files, house.read, each, instant) is not None]


def a_house(room: Path) -> House:
    room.mkdir(parents=True, exist_ok=True)
    tables.load()
    engine = make_engine(f"sqlite:///{room / 'store.db'}")
    SQLModel.metadata.create_all(engine)
    return House(Settings(data_dir=room), engine, FileStore(room / "files"))


def live(room: Path, seed: int) -> None:
    """Put, cite and let grow old, and collect meanwhile, until killed."""
    house, chance = a_house(room), random.Random(seed)  # noqa: S311 - a choice of files

    def collecting() -> None:
        while True:
            collects(house)

    threading.Thread(target=collecting, daemon=True).start()
    sys.stdout.write("on\n")
    sys.stdout.flush()
    while True:
        sha256 = house.files.put([chance.choice(CONTENTS) + str(chance.randrange(30)).encode()]).sha256
        if chance.random() < 0.5:
            with house.write() as work:
                cites(work, sha256)
        else:
            with suppress(NotFound, OSError):  # it may go at any instant
                grows_old(house.files, sha256)


if __name__ == "__main__":
    live(Path(sys.argv[1]), int(sys.argv[2]))
