"""A small dataset with its people, made through the real services, for tests of batches and releases.

    with house.write() as work:
        a_parking_dataset(work)                      # DP-PK-900 of department `traffic`, with dictionary and suite
    batch = hand_in(house, "lin", CLEAN)             # a real file through the real service; its check has run
    release = publish(house, "zhou", batch.id)       # by a second person; its files are made

People: `lin` and `zhou` are stewards of `traffic`, `other` is one of `weather`, `guard` security officer, `eye` auditor.
"""

from __future__ import annotations

from typing import Any, Final

from api.durable import drain
from api.house import House
from auth.actor import SYSTEM
from catalog.assets import asset
from core.work import Work
from datasets.batches import queries as batch_queries
from datasets.batches import service as batches
from datasets.batches.models import IntakeOptions
from datasets.batches.tables import BatchRow
from datasets.releases import service as releases
from datasets.releases.models import ReleaseCreate
from datasets.releases.tables import ReleaseRow
from quality import service as quality
from quality.suite import Suite
from tests.catalog.records import a_dataset
from tests.people import a_person, actor_of, an_org

DATASET: Final = "DP-PK-900"
COLUMNS: Final[list[dict[str, Any]]] = [
    {
        "name": "lot",
        "title_zh": "停车场编号",
        "title_en": "Lot",
        "type": "string",
        "required": True,
        "level": 1,
    },
    {"name": "name", "title_zh": "名称", "title_en": "Name", "type": "string", "level": 1},
    {"name": "total", "title_zh": "总泊位", "title_en": "Bays", "type": "integer", "unit": "个", "level": 1},
    {
        "name": "free",
        "title_zh": "空余泊位",
        "title_en": "Free bays",
        "type": "integer",
        "unit": "个",
        "level": 1,
    },
    {"name": "day", "title_zh": "日期", "title_en": "Day", "type": "date", "level": 1},
]
SUITE: Final[dict[str, Any]] = {
    "name": "parking",
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "lot"},
            "meta": {"rule_id": "K1"},
        },
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "lot"}, "meta": {"rule_id": "K2"}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "total", "min_value": 1, "max_value": 5000},
            "severity": "warning",
            "meta": {"rule_id": "W1"},
        },
    ],
}
CLEAN: Final = "lot,name,total,free,day\nP01,东门,120,13,2026-03-01\nP02,西门,80,0,2026-03-01\nP03,北门,,5,2026-03-01\n".encode()
WARNS: Final = "lot,name,total,free,day\nP01,东门,120,13,2026-03-01\nP02,西门,9000,0,2026-03-01\n".encode()
FAILS: Final = "lot,name,total,free,day\nP01,东门,120,13,2026-03-01\nP01,西门,80,0,2026-03-01\n,北门,5,1,2026-03-01\n".encode()
UNTYPED: Final = "lot,name,total,free,day\nP01,东门,很多,13,2026-03-01\n".encode()


def a_parking_dataset(work: Work, *, suite: bool = True, **changes: Any) -> None:
    """The dataset with its department and people; `changes` go over the record's fields."""
    for org, kind in (
        ("traffic", "source_department"),
        ("weather", "source_department"),
        ("bureau", "implementing_body"),
    ):
        an_org(work, org, kind)
    for username, org, role in (
        ("lin", "traffic", "steward"), ("zhou", "traffic", "steward"), ("other", "weather", "steward"),
        ("guard", "bureau", "security_officer"), ("eye", "bureau", "auditor"),
    ):  # fmt: skip
        a_person(work, username, org, [role])
    a_dataset(work, DATASET, "traffic", **{"columns": COLUMNS, "auth_op_scope": "yes"} | changes)
    if suite:
        save_suite(work)


def save_suite(work: Work, **changes: Any) -> None:
    """The next version of the dataset's suite."""
    quality.save_suite(work, SYSTEM, asset(work, DATASET), Suite.from_data(SUITE | changes))


def hand_in(
    house: House, username: str, data: bytes, name: str = "lots.csv", *, check: bool = True, **how: Any
) -> BatchRow:
    """The file's bytes as a batch; its check has run unless said otherwise."""
    stored = house.files.put([data])
    with house.write() as work:
        made = batches.receive(work, actor_of(work, username), DATASET, name, stored, **how)
    if check:
        drain(house)
    return the_batch(house, made.id)


def the_batch(house: House, batch_id: str) -> BatchRow:
    with house.read() as work:
        return batch_queries.batch(work, SYSTEM, batch_id)


def publish(house: House, username: str, batch_id: str) -> ReleaseRow:
    """The batch as a release, its job done."""
    with house.write() as work:
        asked = releases.request(work, actor_of(work, username), ReleaseCreate(batch_id=batch_id))
    drain(house)
    return the_release(house, asked.id)


def the_release(house: House, release_id: str) -> ReleaseRow:
    with house.read() as work:
        return work.db.get_one(ReleaseRow, release_id)


def recheck(house: House, username: str, batch_id: str, **options: Any) -> BatchRow:
    with house.write() as work:
        asked = IntakeOptions(**options) if options else None
        batches.recheck(work, actor_of(work, username), batch_id, asked)
    drain(house)
    return the_batch(house, batch_id)
