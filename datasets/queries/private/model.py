"""What a private question is, and what is read of it and of the budget. Epsilon is counted in whole millionths everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import SQLModel

from auth.policy.filters.model import All, Any_, ColumnName, In, Not, RowFilter
from core.ids import DatasetId, GrantId
from datasets.queries.model import query_hash

MILLION: Final = 1_000_000
Micro = Annotated[int, Field(ge=0, le=1_000 * MILLION)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrivateCount(_Part):
    """How many rows."""

    kind: Literal["count"] = "count"


class PrivateSum(_Part):
    """The sum of a column's values, each clamped to the bounds of the terms."""

    kind: Literal["sum"]
    column: ColumnName


class PrivateMean(_Part):
    """Such a sum by such a count, half the epsilon for each; not told when the count is lost in the noise."""

    kind: Literal["mean"]
    column: ColumnName


class PrivateHistogram(_Part):
    """How many rows hold each code of the column's published list; codes that nobody has get noise as well."""

    kind: Literal["histogram"]
    column: ColumnName


PrivateMeasure = Annotated[
    PrivateCount | PrivateSum | PrivateMean | PrivateHistogram, Field(discriminator="kind")
]


class PrivateAsk(_Part):
    """One private question under one grant, on the dataset's current release. There is no way to choose the noise."""

    grant_id: GrantId
    dataset_id: DatasetId
    measure: PrivateMeasure
    where: RowFilter | None = None
    epsilon_micro: int = Field(ge=1, le=1_000 * MILLION)
    purpose: str = Field(min_length=1, max_length=80)
    scenario_id: str = Field(min_length=1, max_length=80)

    @property
    def columns(self) -> tuple[str, ...]:
        return () if isinstance(self.measure, PrivateCount) else (self.measure.column,)


def normalised(row_filter: RowFilter | None) -> dict[str, Any] | None:
    """One form for filters that say the same in another order: parts and values sorted, each once, double negation gone."""
    match row_filter:
        case None:
            return None
        case All() | Any_():
            parts = {query_hash(part=part): part for part in map(normalised, row_filter.args)}
            if len(parts) == 1:
                return next(iter(parts.values()))
            return {"op": row_filter.op, "args": [parts[key] for key in sorted(parts)]}
        case Not(arg=Not(arg=inner)):
            return normalised(inner)
        case Not():
            return {"op": "not", "arg": normalised(row_filter.arg)}
        case In():
            values = {query_hash(value=value): value for value in row_filter.values}
            return {
                "op": "in",
                "column": row_filter.column,
                "values": [values[key] for key in sorted(values)],
            }
    return row_filter.model_dump(mode="json")


class CapWrite(BaseModel):
    """How much of a dataset may be told in a calendar year, in millionths of epsilon: by all together, and by each part."""

    model_config = ConfigDict(extra="forbid")
    dataset_micro: Micro
    org_micro: Micro
    grant_micro: Micro
    user_micro: Micro
    reason: str = Field(min_length=4, max_length=500)

    @model_validator(mode="after")
    def _nested(self) -> CapWrite:
        if max(self.org_micro, self.grant_micro, self.user_micro) > self.dataset_micro:
            raise ValueError(
                "任何一方的上限不得高于整个数据集 / no part may have more than the dataset as a whole"
            )
        return self


class CapRead(SQLModel):
    """The caps in force."""

    version: int
    dataset_micro: int
    org_micro: int
    grant_micro: int
    user_micro: int
    reason: str
    set_by: str
    set_at: datetime


class Account(SQLModel):
    """One account of the budget. `kind`: dataset, org, grant or user; `holder` is empty for the dataset."""

    kind: str
    holder: str
    name: str = ""
    spent_micro: int
    cap_micro: int
    left_micro: int


class BudgetRead(SQLModel):
    """What has been told of a dataset in this calendar year. `accounts` beyond the dataset's own: those that the reader may see."""

    dataset_id: str
    period: str
    cap: CapRead | None
    spent_micro: int
    left_micro: int
    accounts: list[Account]
    earlier: list[dict[str, Any]]
