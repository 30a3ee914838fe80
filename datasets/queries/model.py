"""What a statistical query is: a tree of values that names measures, conditions and groups. Nobody ever sends SQL."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import SQLModel

from auth.policy.filters.model import ColumnName, RowFilter
from core.ids import DatasetId, GrantId

MAX_MEASURES: Final = 8
MAX_GROUPS: Final = 3
Bound = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
Width = Annotated[float, Field(gt=0, allow_inf_nan=False, le=1e12)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Count(_Part):
    """How many rows."""

    kind: Literal["count"] = "count"


class Sum(_Part):
    kind: Literal["sum"]
    column: ColumnName


class Mean(_Part):
    kind: Literal["mean"]
    column: ColumnName


class Histogram(_Part):
    """Rows by classes of `width`: the class of x begins at floor(x / width) * width."""

    kind: Literal["histogram"]
    column: ColumnName
    width: Width


class Quantile(_Part):
    """The class in which the quantile lies; never the value itself."""

    kind: Literal["quantile"]
    column: ColumnName
    q: float = Field(ge=0.05, le=0.95)
    width: Width


class Extremes(_Part):
    """The lowest and highest class that hold enough contributors; never the lowest or highest value."""

    kind: Literal["min_max"]
    column: ColumnName
    width: Width


Measure = Annotated[Count | Sum | Mean | Histogram | Quantile | Extremes, Field(discriminator="kind")]
Classed = Histogram | Quantile | Extremes


class Group(_Part):
    """Rows that agree in the column: as it is, in classes of `width` (numbers), or by `unit` (dates and times, local)."""

    column: ColumnName
    width: Width | None = None
    unit: Literal["hour", "day", "month", "year"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.width is not None and self.unit is not None:
            raise ValueError("分组：宽度与单位只能填一项 / group: width or unit, not both")
        return self


class QueryAsk(_Part):
    """One statistical query under one grant, on the dataset's current release."""

    grant_id: GrantId
    dataset_id: DatasetId
    select: tuple[Measure, ...] = Field(min_length=1, max_length=MAX_MEASURES)
    where: RowFilter | None = None
    group_by: tuple[Group, ...] = Field(default=(), max_length=MAX_GROUPS)
    purpose: str = Field(min_length=1, max_length=80)
    scenario_id: str = Field(min_length=1, max_length=80)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len(set(self.select)) != len(self.select):
            raise ValueError("同一统计量列出了两次 / a measure is asked for twice")
        if len({group.column for group in self.group_by}) != len(self.group_by):
            raise ValueError("同一列分组了两次 / a column is grouped by twice")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns measured or grouped by, each once."""
        named = [part.column for part in (*self.select, *self.group_by) if not isinstance(part, Count)]
        return tuple(dict.fromkeys(named))


def query_hash(**parts: object) -> str:
    """A name for what is asked, by which equal questions are found."""
    return hashlib.sha256(rfc8785.dumps(_plain(parts))).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


class QueryRead(SQLModel):
    """An answer as its organisation and the watchers see it. `rows`: one object a group; a figure that stays in is null.

    `state`: answered, suppressed, or reserved (the budget was taken, and the answer never came about). `epsilon_micro`: what a
    private answer took from the budgets, in millionths of epsilon; 0 for one that was told before.
    """

    id: str
    form: str
    state: str
    grant_id: str
    dataset_id: str
    release_id: str
    release_number: int
    org_id: str
    asked_name: str
    asked_at: datetime
    query: dict[str, Any]
    groups: list[str]
    measures: list[str]
    rows: list[dict[str, Any]]
    notes: dict[str, Any]
    epsilon_micro: int


class TermsWrite(BaseModel):
    """What the steward says of a dataset before it may be queried.

    contributor: the column that tells contributors apart; null says that every row is a contributor of its own.
    lists: the published codes of columns that are grouped by: with them an empty group looks like one that is too small.
    guards_all: queries of all organisations are held against each other, not only those of one.
    bounds: for private answers, the lowest and highest value that counts, by column. They are public: take them from what the
    column means, never from its values.
    per_contributor: for private answers, how many rows of one contributor count.
    """

    model_config = ConfigDict(extra="forbid")
    contributor: ColumnName | None
    lists: dict[ColumnName, list[str]] = Field(default={}, max_length=50)
    guards_all: bool = False
    bounds: dict[ColumnName, tuple[Bound, Bound]] = Field(default={}, max_length=50)
    per_contributor: int | None = Field(default=None, ge=1, le=10_000)
    reason: str = Field(min_length=4, max_length=500)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name, codes in self.lists.items():
            if not 1 <= len(codes) <= 200 or len(set(codes)) != len(codes):
                raise ValueError(f"list of {name}: 1 to 200 codes, each once")
            if any(not code or len(code) > 200 for code in codes):
                raise ValueError(f"list of {name}: codes of 1 to 200 characters")
        for name, (low, high) in self.bounds.items():
            if low >= high:
                raise ValueError(f"bounds of {name}: the lower one first")
        return self


class TermsRead(SQLModel):
    """The terms in force."""

    dataset_id: str
    version: int
    contributor: str | None
    lists: dict[str, list[str]]
    guards_all: bool
    bounds: dict[str, tuple[float, float]]
    per_contributor: int | None
    reason: str
    set_by: str
    set_at: datetime
