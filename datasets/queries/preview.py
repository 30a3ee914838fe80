"""A preview: rows that look like a dataset's and are none of them.

They are made from the dictionary and the published terms of queries alone, seeded by the release, so that everybody sees the same ones.
No row of the data is read, here or at any time before: nothing can be learnt of anybody from them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlmodel import SQLModel

from auth.actor import Actor
from auth.asset import AssetColumn, out_of_reach
from catalog.assets import asset
from core.text import Text
from core.work import Work
from datasets.queries import terms
from datasets.queries.model import TermsRead
from datasets.releases import queries as releases

ROWS: Final = 20
_HIDDEN: Final = "***"
_FIRST: Final = date(2026, 1, 1)


class PreviewRead(SQLModel):
    """Synthetic rows by column name. `made_from` says so in words, for whoever copies them somewhere."""

    dataset_id: str
    release_number: int
    columns: list[str]
    rows: list[dict[str, Any]]
    synthetic: bool
    made_from: str


def shown(work: Work, actor: Actor, dataset_id: str) -> PreviewRead:
    """The preview of a dataset's current release; NotFound where there is none, or the dataset is not the reader's to see."""
    held, release = asset(work, dataset_id), releases.current(work, dataset_id)
    if not (held.is_listed or actor.may_in(terms.PERMISSION, held.org_id)) or release is None:
        raise out_of_reach(
            held,
            Text(
                "没有这个数据集，或尚无已发布的版本。",
                "There is no such dataset, or it has no published release.",
            ),
        )
    there = {str(column["name"]) for column in release.columns}
    columns = [column for column in held.columns if column.name in there]
    return PreviewRead(
        dataset_id=dataset_id, release_number=release.number, columns=[column.name for column in columns], synthetic=True,
        rows=synthetic(columns, terms.in_force(work, dataset_id), f"{dataset_id} {release.number}"),
        made_from="合成数据，仅依据数据字典，不含真实记录 · synthetic, from the dictionary alone, no record of the data",
    )  # fmt: skip


def synthetic(columns: Iterable[AssetColumn], known: TermsRead | None, seed: str) -> list[dict[str, Any]]:
    """Rows from names, types, published lists and bounds. Direct identifiers are not even imitated."""
    chance = random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311 - not a secret
    listed = list(columns)
    return [{column.name: _value(column, known, at, chance) for column in listed} for at in range(ROWS)]


def _value(column: AssetColumn, known: TermsRead | None, at: int, chance: random.Random) -> Any:  # noqa: ANN401 - JSON
    if column.identifier_kind == "DI":
        return _HIDDEN
    if known is not None and column.name in known.lists:
        return chance.choice(known.lists[column.name])
    low, high = known.bounds.get(column.name, (0.0, 100.0)) if known is not None else (0.0, 100.0)
    moment = datetime.combine(_FIRST, time()) + timedelta(minutes=chance.randrange(365 * 24 * 60))
    match column.type:
        case "integer":
            return chance.randint(round(low), max(round(high), round(low)))
        case "number":
            return round(chance.uniform(low, high), 2)
        case "boolean":
            return chance.random() < 0.5
        case "date":
            return moment.date().isoformat()
        case "datetime":
            return moment.isoformat()
        case "time":
            return moment.time().isoformat()
        case "string":
            return f"样例{at + 1}"
    return None
