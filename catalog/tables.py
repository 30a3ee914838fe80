"""What the catalogue stores. The search index beside these tables is made by `catalog.search.index`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String
from sqlmodel import Field, SQLModel

from catalog.models import ColumnFields, DatasetFields
from core.db import UtcDateTime
from core.ids import DatasetId, OrgId


class DatasetRow(DatasetFields, table=True):
    """A dataset record. `id` is the resource code; `version` counts changes of the record (not of the data).

    `number` is its place in the search index; `…_key`, `west` to `north` (of `bbox`), `fresh_at` (release, else change) and `stale_at` (when its data are overdue) are made from other fields for
    sorting and filtering. From `data_updated` on, columns repeat facts of the current release; `service.note_release` keeps them.
    """

    __tablename__ = "catalog_dataset"
    # All that searching reads of a record, so that it need not read the wide row.
    __table_args__ = (
        Index(
            "ix_catalog_dataset_search",
            *(
                "number",
                "state",
                "data_level",
                "publisher",
                "domain_code",
                "open_type",
                "format_key",
                "update_freq",
            ),
            *("release_no", "fresh_at", "id", "facet_key", "stale_at"),
        ),
    )
    id: DatasetId = Field(primary_key=True, sa_type=String, max_length=80)
    publisher: OrgId = Field(sa_type=String, max_length=60, index=True, foreign_key="auth_organisation.id")
    publisher_zh: str = Field(default="", max_length=120)
    publisher_en: str = Field(default="", max_length=200)
    layout: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    title_key_zh: str = Field(default="", max_length=400, index=True)
    title_key_en: str = Field(default="", max_length=400)
    format_key: str = Field(default="", max_length=400)
    scenario_key: str = Field(default="", max_length=200)
    region_key: str = Field(default="", max_length=300)
    facet_key: str = Field(default="", max_length=1000)
    number: int = Field(unique=True)
    fresh_at: datetime = Field(sa_type=UtcDateTime)
    west: float | None = None
    south: float | None = None
    east: float | None = None
    north: float | None = None
    state: str = Field(default="draft", max_length=20, index=True)
    version: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)
    created_by: str = Field(max_length=80)
    issued: datetime | None = Field(default=None, sa_type=UtcDateTime)
    modified: datetime = Field(sa_type=UtcDateTime, index=True)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_by: str = Field(default="", max_length=80)
    withdrawn_reason: str = ""
    replaced_by: str = Field(default="", max_length=80)
    foreign_from: str = Field(
        default="", max_length=2000
    )  # where a harvested record lives; its files are never ours
    column_count: int = 0
    data_updated: datetime | None = Field(default=None, sa_type=UtcDateTime)
    stale_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    release_no: int | None = None
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    row_count: int | None = Field(default=None, sa_type=BigInteger)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    quality_score: float | None = None
    quality_grade: str | None = Field(default=None, max_length=10)
    links_good: int | None = None  # of the outside links it holds, at the last look; None where it holds none
    links_broken: int | None = None


class ColumnRow(ColumnFields, table=True):
    """One column of a dataset's dictionary, in its place (counted from 1)."""

    __tablename__ = "catalog_column"
    dataset_id: DatasetId = Field(
        primary_key=True, sa_type=String, max_length=80, foreign_key="catalog_dataset.id"
    )
    name: str = Field(primary_key=True, min_length=1, max_length=255)
    position: int


class DescriptionRow(SQLModel, table=True):
    """What a client said of a dataset beyond our own fields. `version`: the record's when it was said; later edits outdate it."""

    __tablename__ = "catalog_description"
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    name: str = Field(max_length=100, unique=True)
    document: dict[str, Any] = Field(sa_type=JSON)
    is_import: bool = False
    version: int


class LinkRow(SQLModel, table=True):
    """Beside which record a link stands, by the link's id; what the descriptions hold, to be looked up. Kept by `catalog.imports`."""

    __tablename__ = "catalog_link"
    resource_id: str = Field(primary_key=True, max_length=200)
    dataset_id: str = Field(primary_key=True, max_length=80, index=True, foreign_key="catalog_dataset.id")


class OrgDescriptionRow(SQLModel, table=True):
    """The same of an organisation."""

    __tablename__ = "catalog_org_description"
    org_id: str = Field(primary_key=True, max_length=60, foreign_key="auth_organisation.id")
    name: str = Field(max_length=100, index=True)
    document: dict[str, Any] = Field(sa_type=JSON)


class ImportRow(SQLModel, table=True):
    """One opening of the import mode."""

    __tablename__ = "catalog_import"
    id: str = Field(primary_key=True)
    reason: str = Field(max_length=500)
    opened_by: str = Field(max_length=80)
    opened_name: dict[str, str] = Field(sa_type=JSON)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    records: int = 0
