"""Open data looked at: rows of the current release, its columns in numbers, its places. Never restricted data."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep
from api.house import House
from api.late import APIRouter
from auth.actor import Actor
from core.errors import InputRefused
from core.text import Text
from datasets.open_data import service
from datasets.open_data.conditions import OPERATORS, Condition
from datasets.open_data.models import PointsRead, RowsRead, StatisticsRead

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"])
Where = Annotated[
    list[str],
    Query(
        default_factory=list,
        max_length=20,
        description="column:operator:value; operators: has, eq, ne, gte, lte, empty",
    ),
]
Words = Annotated[str, Query(max_length=200, description="Words that must stand somewhere in the row")]


def opened(
    house: House, actor: Actor, dataset_id: str, looked_at: str, *, is_call: bool = True
) -> service.Opened:
    """The release, decided on and put on record; read afterwards, so that a long look holds nothing up."""
    with house.write() as work:
        return service.open_current(
            work, actor, dataset_id, house.files.path, looked_at=looked_at, is_call=is_call
        )


def conditions_of(where: list[str]) -> list[Condition]:
    """`column:operator:value`; a column's own colons stay. Raises InputRefused."""
    found = []
    for each in where:
        for operator in OPERATORS:
            column, sign, value = each.partition(f":{operator}:")
            if sign:
                found.append((column, operator, value))
                break
        else:
            raise InputRefused(
                Text(f"条件“{each[:80]}”应写作 列:条件:值。", f"“{each[:80]}” is not column:operator:value."),
                field="where",
            )
    return found


@router.get("/{dataset_id}/rows", **access("public"))
def list_rows(
    house: HouseDep,
    actor: ActorDep,
    dataset_id: str,
    where: Where,
    q: Words = "",
    sort: Annotated[
        str, Query(max_length=300, description="A column, with - in front for the other way")
    ] = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> RowsRead:
    """Rows of the current release. 403 with every reason where the data are not open to all."""
    conditions = conditions_of(where)
    held = opened(house, actor, dataset_id, f"rows {offset}+{limit}")
    return service.rows(held, conditions, q, sort, limit, offset, house.settings.memory_limit_mb)


@router.get("/{dataset_id}/statistics", **access("public"))
def show_statistics(house: HouseDep, actor: ActorDep, dataset_id: str) -> StatisticsRead:
    """The columns of the current release in numbers: how many are filled, extremes, mean, and how they spread."""
    return service.columns(opened(house, actor, dataset_id, "statistics"), house.settings.memory_limit_mb)


@router.get("/{dataset_id}/points", **access("public"))
def list_points(house: HouseDep, actor: ActorDep, dataset_id: str, where: Where, q: Words = "") -> PointsRead:
    """Where the rows are, the first 2,000 of them. 404 where no columns hold longitude and latitude."""
    conditions = conditions_of(where)
    held = opened(house, actor, dataset_id, "points")
    return service.points(held, conditions, q, house.settings.memory_limit_mb)
