"""A dataset as grants see it."""

from __future__ import annotations

from typing import Literal, cast

from auth.asset import Asset, AssetColumn, IdentifierKind, OpenType
from catalog import queries
from catalog.rules import SERIES
from catalog.tables import ColumnRow
from catalog.workflow import State
from core.ids import DatasetId
from core.text import Text
from core.work import Work

AuthOpScope = Literal["yes", "no", "negotiable"]
_UNGRADED = 6  # what nobody has graded is treated as the most sensitive


def asset(work: Work, dataset_id: DatasetId | str) -> Asset:
    """The frozen value that policies are judged on; raises NotFound. Ungraded means the highest level, unsaid means closed."""
    row = queries.by_id(work, dataset_id)
    level = row.data_level or _UNGRADED
    is_series = row.record_type == SERIES  # it holds no data, so there is nothing to grant
    return Asset(
        dataset_id=row.id,
        title=Text(row.title_zh, row.title_en or row.title_zh),
        org_id=row.publisher,
        level=level,
        open_type=cast(OpenType, "N" if is_series else row.open_type or "N"),
        auth_op_scope=cast(AuthOpScope, "no" if is_series else row.auth_op_scope or "no"),
        is_published=row.state == State.PUBLISHED,
        is_shared=row.origin == "shared",
        columns=tuple(_column(column, level) for column in queries.columns(work, row.id)),
    )


def _column(row: ColumnRow, level: int) -> AssetColumn:
    return AssetColumn(
        name=row.name,
        title=Text(row.title_zh or row.name, row.title_en or row.title_zh or row.name),
        type=row.type or "string",
        level=row.level or level,
        identifier_kind=cast(IdentifierKind, row.identifier_kind),
    )
