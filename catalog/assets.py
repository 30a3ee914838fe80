"""A dataset as grants see it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, cast

from sqlalchemy import Row

from auth.asset import Asset, AssetColumn, IdentifierKind, OpenType
from catalog import queries
from catalog.rules import SERIES
from catalog.workflow import State
from core.ids import DatasetId, OrgId
from core.text import Text
from core.work import Work

AuthOpScope = Literal["yes", "no", "negotiable"]
_UNGRADED = 6  # what nobody has graded is treated as the most sensitive


def asset(work: Work, dataset_id: DatasetId | str) -> Asset:
    """The frozen value that policies are judged on; raises NotFound. Ungraded means the highest level, unsaid means closed."""
    return _made_of(queries.with_columns(work, dataset_id))


@lru_cache(maxsize=1024)
def _made_of(found: tuple[Row[Any], ...]) -> Asset:
    """Made once of the same words: the rows themselves are the key, so that a changed record is another."""
    row = found[0]
    level = row.data_level or _UNGRADED
    is_series = row.record_type == SERIES  # it holds no data, so there is nothing to grant
    return Asset(
        dataset_id=DatasetId(row.id),
        title=Text(row.title_zh, row.title_en or row.title_zh),
        org_id=OrgId(row.publisher),
        level=level,
        open_type=cast(OpenType, "N" if is_series else row.open_type or "N"),
        auth_op_scope=cast(AuthOpScope, "no" if is_series else row.auth_op_scope or "no"),
        is_published=row.state == State.PUBLISHED,
        is_shared=row.origin == "shared",
        is_hidden=(row.data_level or 0) > queries.OPEN_LEVELS,
        columns=tuple(_column(each, level) for each in found if each.name is not None),
    )


def _column(row: Row[Any], level: int) -> AssetColumn:
    return AssetColumn(
        name=row.name,
        title=Text(row.column_zh or row.name, row.column_en or row.column_zh or row.name),
        type=row.type or "string",
        level=row.level or level,
        identifier_kind=cast(IdentifierKind, row.identifier_kind),
    )
