"""What a caller may send of a dataset record and what we promise to answer.

A draft may be incomplete, so every field has an empty default here; `rules.objections` says what is missing before a
record may be published. Coded fields take values of their code list only (`catalog.codes`), or stay empty.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime
from typing import Any, Final, Literal, Self

from pydantic import field_validator, model_validator
from sqlalchemy import JSON, String
from sqlmodel import Field, SQLModel

from catalog import codes, regions
from catalog.boxes import box_of
from catalog.fields import FIELDS
from catalog.relations import kinds
from core.ids import DatasetId, OrgId

RESOURCE_CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,79}$"
RESERVED: Final = frozenset({"new", "search", "import"})
DURATION: Final = re.compile(r"P(?=\d|T\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")
LONG: Final = 20_000
MAX_COLUMNS: Final = 4096

ColumnType = Literal["string", "integer", "number", "boolean", "date", "datetime", "time", "geometry"]
CellFormat = Literal[
    "roc", "month", "day_first", "month_first", "epoch_s", "epoch_ms", "epoch_us", "degrees", "code", "label"
]
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""The categories Cc and Cs of Unicode, but for line breaks and tabs."""
_CODED: Final = {spec.name: spec.codes for spec in FIELDS if spec.codes}


def clean_text(value: object) -> object:
    """Trim text; refuse control characters, which some databases and every reader choke on."""
    if not isinstance(value, str):
        return value
    stripped = value.replace("\r\n", "\n").strip()
    if _CONTROL.search(stripped):
        raise ValueError("含有控制字符，请删去 / holds a control character; remove it")
    return stripped


class DatasetFields(SQLModel):
    """The descriptive fields of a record, named as in the field table (`catalog.fields`)."""

    title_zh: str = Field(default="", max_length=200)
    title_en: str = Field(default="", max_length=300)
    description_zh: str = Field(default="", max_length=LONG)
    description_en: str = Field(default="", max_length=LONG)
    keywords: list[str] = Field(default_factory=list, sa_type=JSON)
    keywords_en: list[str] = Field(default_factory=list, sa_type=JSON)
    contact: str = Field(default="", max_length=300)
    license_id: str = Field(default="", max_length=60)
    version_notes: str = Field(default="", max_length=LONG)
    version_notes_en: str = Field(default="", max_length=LONG)
    related_codes: list[str] = Field(default_factory=list, sa_type=JSON)
    record_type: str = Field(default="", max_length=20)
    relations: list[str] = Field(default_factory=list, sa_type=JSON)
    catalog_class: str = Field(default="", max_length=20)
    domain_code: str = Field(default="", max_length=20, index=True)
    data_class: str = Field(default="", max_length=20)
    data_level: int | None = Field(default=None, ge=1, le=6)
    data_kind: list[str] = Field(default_factory=list, sa_type=JSON)
    data_range: str = Field(default="", max_length=20)
    share_type: str = Field(default="", max_length=20)
    share_condition: str = Field(default="", max_length=LONG)
    share_condition_en: str = Field(default="", max_length=LONG)
    share_mode: str = Field(default="", max_length=20)
    open_type: str = Field(default="", max_length=20)
    open_condition: str = Field(default="", max_length=LONG)
    open_condition_en: str = Field(default="", max_length=LONG)
    auth_op_scope: str = Field(default="", max_length=20)
    scenarios: list[str] = Field(default_factory=list, sa_type=JSON)
    formats: list[str] = Field(default_factory=list, sa_type=JSON)
    update_freq: str = Field(default="", max_length=20)
    update_interval: str | None = Field(default=None, max_length=40)
    temporal_start: date | None = None
    temporal_end: date | None = None
    spatial: str = Field(default="", max_length=1000)
    spatial_en: str = Field(default="", max_length=1000)
    spatial_codes: list[str] = Field(default_factory=list, sa_type=JSON)
    bbox: str = Field(default="", max_length=80)
    crs: str | None = Field(default=None, max_length=20)
    spatial_resolution_m: float | None = Field(default=None, gt=0, le=1_000_000)
    origin: str = Field(default="", max_length=20)
    shared_from: str = Field(default="", max_length=200)
    source_system: str = Field(default="", max_length=500)
    source_system_en: str = Field(default="", max_length=500)
    source_system_level: str = Field(default="", max_length=20)
    legal_basis: str = Field(default="", max_length=LONG)
    legal_basis_en: str = Field(default="", max_length=LONG)
    lineage: str = Field(default="", max_length=LONG)
    lineage_en: str = Field(default="", max_length=LONG)
    registration_code: str = Field(default="", max_length=100)
    registration_state: str = Field(default="", max_length=20)
    registration_valid_to: date | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: object) -> object:
        if isinstance(value, list):
            return [clean_text(entry) for entry in value]
        return clean_text(value)

    @field_validator("keywords", "keywords_en", "related_codes", "relations", "formats")
    @classmethod
    def _words(cls, value: list[str]) -> list[str]:
        if len(value) > 100 or any(len(word) > 100 for word in value):
            raise ValueError(
                "至多 100 个词，每个至多 100 个字符 / at most 100 words of at most 100 characters"
            )
        return list(dict.fromkeys(word for word in value if word))

    @field_validator("spatial_codes", mode="before")
    @classmethod
    def _regions_apart(cls, value: object) -> object:
        return (
            [word for word in re.split(r"[\s,，、;；]+", value) if word] if isinstance(value, str) else value
        )

    @field_validator("spatial_codes")
    @classmethod
    def _regions(cls, value: list[str]) -> list[str]:
        found = list(dict.fromkeys(regions.code_of(word) for word in value if word))
        if len(found) > regions.MOST:
            raise ValueError(
                f"最多 {regions.MOST} 个行政区划，范围更大请写上级区划。 At most {regions.MOST} divisions; where the data cover more, name those above."
            )
        return found

    @field_validator("relations")
    @classmethod
    def _relations(cls, value: list[str]) -> list[str]:
        if wrong := [word for word in value if kinds.parse(word) is None]:
            known = ", ".join(kinds.STATED)
            raise ValueError(f"{wrong[0]!r} is not KIND:CODE; kinds are {known}")
        return [kinds.written(*pair) for pair in kinds.pairs(value)]

    @field_validator("bbox")
    @classmethod
    def _bbox(cls, value: str) -> str:
        return str(box_of(value)) if value else value

    @field_validator("formats")
    @classmethod
    def _formats(cls, value: list[str]) -> list[str]:
        return [_known("file_format", word.lower()) for word in value]

    @field_validator("data_kind", "scenarios")
    @classmethod
    def _kinds(cls, value: list[str], info: Any) -> list[str]:  # noqa: ANN401 - pydantic's own
        listed = str(_CODED[info.field_name])
        known = list(codes.load(listed).codes)
        return sorted({_known(listed, each) for each in value}, key=known.index)

    @field_validator(
        *(name for name in _CODED if name not in ("formats", "data_kind", "scenarios", "data_level"))
    )
    @classmethod
    def _coded(cls, value: str | None, info: Any) -> str | None:  # noqa: ANN401 - pydantic's own
        return _known(str(_CODED[info.field_name]), value) if value else value

    @field_validator("update_interval", "crs", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("update_interval")
    @classmethod
    def _interval(cls, value: str | None) -> str | None:
        if value is not None and not DURATION.fullmatch(value):
            raise ValueError(
                "不是 ISO 8601 时长，应如 PT5M、PT1H、P1D / is not an ISO 8601 duration such as PT5M, PT1H or P1D"
            )
        return value


def _known(list_name: str, value: str) -> str:
    known = codes.load(list_name).codes
    if value not in known:
        raise ValueError(f"{value!r} is not in code list {list_name}: {', '.join(known)}")
    return value


class ColumnFields(SQLModel):
    """One information item (信息项) of the data dictionary.

    `required`: the column must be in every batch. `nullable`: its cells may be empty. `identifier_kind`: DI direct,
    QI quasi, SI sensitive. `level` is never above the dataset's. `code_list`: a name, or the allowed values. `codes`: each
    code with its label or labels. `timestamp`: says when the row was true. `classified` 涉密, `sensitive` 敏感. `share_type`,
    `open_type`, `condition_…`: of this column, where they differ from the dataset's. `standard_code`: of the data element that
    it follows (DB33/T 2426-2022). `format`: how cells are written where one alone cannot tell (docs/intake.md).
    """

    name: str = Field(min_length=1, max_length=255)
    title_zh: str = Field(default="", max_length=300)
    title_en: str = Field(default="", max_length=300)
    definition_zh: str = Field(default="", max_length=2000)
    definition_en: str = Field(default="", max_length=2000)
    type: ColumnType | None = Field(default=None, sa_type=String)
    length: int | None = Field(default=None, ge=1)
    precision: int | None = Field(default=None, ge=0)
    unit: str | None = Field(default=None, max_length=60)
    level: int | None = Field(default=None, ge=1, le=6)
    identifier_kind: str = Field(default="none", max_length=10)
    code_list: str | list[str] | None = Field(default=None, sa_type=JSON)
    codes: dict[str, str | list[str]] | None = Field(default=None, sa_type=JSON)
    format: CellFormat | None = Field(default=None, sa_type=String)
    required: bool = False
    primary: bool = False
    nullable: bool = True
    mask_method: str = Field(default="none", max_length=20)
    timestamp: bool = False
    classified: bool = False
    sensitive: bool = False
    share_type: str = Field(default="", max_length=20)
    open_type: str = Field(default="", max_length=20)
    condition_zh: str = Field(default="", max_length=2000)
    condition_en: str = Field(default="", max_length=2000)
    standard_code: str = Field(default="", max_length=100)

    @field_validator("share_type", "open_type")
    @classmethod
    def _sharing(cls, value: str, info: Any) -> str:  # noqa: ANN401 - pydantic's own
        return _known(str(info.field_name), value) if value else value

    @field_validator(
        "name", "title_zh", "title_en", "definition_zh", "definition_en", "unit", "condition_zh", "condition_en",
        "standard_code", mode="before",
    )  # fmt: skip
    @classmethod
    def _clean(cls, value: object) -> object:
        return clean_text(value)

    @field_validator("code_list")
    @classmethod
    def _codes(cls, value: str | list[str] | None) -> str | list[str] | None:
        words = [value] if isinstance(value, str) else value or []
        if len(words) > 5000 or any(len(word) > 200 or clean_text(word) != word for word in words):
            raise ValueError(
                "至多 5000 个值，每个至多 200 个字符，不含控制字符 / at most 5000 values of at most 200 characters, without control characters"
            )
        return value or None

    @field_validator("codes")
    @classmethod
    def _labels(cls, value: dict[str, str | list[str]] | None) -> dict[str, str | list[str]] | None:
        said = [
            label for each in (value or {}).values() for label in ([each] if isinstance(each, str) else each)
        ]
        words = [*(value or {}), *said]
        if len(words) > 10_000 or any(
            not word or len(word) > 200 or clean_text(word) != word for word in words
        ):
            raise ValueError(
                "at most 10000 codes and labels of 1 to 200 characters, without control characters"
            )
        return value or None

    @field_validator("identifier_kind")
    @classmethod
    def _identifier(cls, value: str) -> str:
        return _known("identifier_kind", value or "none")

    @field_validator("mask_method")
    @classmethod
    def _mask(cls, value: str) -> str:
        return _known("mask_method", value or "none")


class ColumnCreate(ColumnFields):
    model_config = {"extra": "forbid"}


class ColumnRead(ColumnFields):
    """One column as stored, in its place (counted from 1)."""

    position: int


def _distinct(columns: list[ColumnCreate]) -> list[ColumnCreate]:
    doubles = [name for name, n in Counter(column.name for column in columns).items() if n > 1]
    if doubles:
        raise ValueError(f"column names occur more than once: {', '.join(doubles[:20])}")
    return columns


def _sound_points(points: Points | None, columns: list[ColumnCreate]) -> None:
    if points is None:
        return
    types = {column.name: column.type for column in columns}
    if wrong := [name for name in (points.lon, points.lat) if types.get(name) not in ("number", "integer")]:
        raise ValueError(f"points: {', '.join(wrong)} is not a number column of the dictionary")
    if points.name in types:
        raise ValueError(f"points: there is a column {points.name} already; choose another name")


class Points(SQLModel):
    """Two number columns, longitude and latitude in degrees, that releases show as points in the column `name`."""

    model_config = {"extra": "forbid"}

    lon: str = Field(min_length=1, max_length=255)
    lat: str = Field(min_length=1, max_length=255)
    name: str = Field(default="geometry", min_length=1, max_length=255)


class Layout(SQLModel):
    """How the department's files are laid out; every key may be left out, intake then detects it.

    `sort_by`: columns by which the rows of releases are sorted. `partition_by`: a column of dates by which releases are
    offered in parts too, one file per `partition_period`.
    `points`: the columns that releases show as a geometry too. `zone`: of times without an offset where others carry one.
    """

    model_config = {"extra": "forbid"}

    null_values: list[str] = []
    header_line: int | None = Field(default=None, ge=0)
    header_rows: int | None = Field(default=None, ge=1, le=10)
    sheet: str | int | None = None
    member: str | None = None
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    zone: str | None = Field(default=None, regex=r"^(written|[-+](0[0-9]|1[0-4]):[0-5][0-9])$")
    sort_by: list[str] = Field(default=[], max_length=20)
    partition_by: str | None = Field(default=None, min_length=1, max_length=255)
    partition_period: Literal["year", "month", "day"] | None = None
    points: Points | None = None


class Dictionary(Layout):
    """A data dictionary: the columns in order, and how files are laid out."""

    columns: list[ColumnCreate] = Field(max_length=MAX_COLUMNS)

    @field_validator("columns")
    @classmethod
    def _names_differ(cls, value: list[ColumnCreate]) -> list[ColumnCreate]:
        return _distinct(value)

    @model_validator(mode="after")
    def _points_are_columns(self) -> Self:
        _sound_points(self.points, self.columns)
        return self


class DictionaryRead(Layout):
    dataset_id: DatasetId
    version: int
    columns: list[ColumnRead]


class DatasetCreate(DatasetFields):
    """A new record; it may bring its dictionary and its files' layout along."""

    model_config = {"extra": "forbid"}

    resource_code: str = Field(max_length=80, schema_extra={"pattern": RESOURCE_CODE})
    publisher: OrgId = Field(max_length=60, schema_extra={"pattern": r"^[A-Za-z0-9._-]+$"})
    columns: list[ColumnCreate] = Field(default_factory=list, max_length=MAX_COLUMNS)
    layout: Layout = Field(default_factory=Layout)

    @model_validator(mode="after")
    def _points_are_columns(self) -> Self:
        _sound_points(self.layout.points, self.columns)
        return self

    @field_validator("resource_code")
    @classmethod
    def _free_code(cls, value: str) -> str:
        if value.lower() in RESERVED:
            raise ValueError(f"{value!r} is a word of the service's own addresses; choose another code")
        return value

    @field_validator("columns")
    @classmethod
    def _names_differ(cls, value: list[ColumnCreate]) -> list[ColumnCreate]:
        return _distinct(value)


class DatasetUpdate(DatasetFields):
    """Changes to a record: only the fields that are sent. Code and publisher may be repeated but not changed."""

    model_config = {"extra": "forbid"}

    resource_code: str | None = None
    publisher: OrgId | None = None


class DatasetRead(DatasetFields):
    """A record as the catalogue shows it."""

    id: DatasetId
    resource_code: str
    publisher: OrgId
    publisher_zh: str
    publisher_en: str
    state: str
    version: int
    created_at: datetime
    issued: datetime | None
    modified: datetime
    withdrawn_at: datetime | None
    withdrawn_reason: str
    replaced_by: str
    foreign_from: str
    data_updated: datetime | None
    release_no: int | None
    released_at: datetime | None
    row_count: int | None
    column_count: int
    size_bytes: int | None
    quality_score: float | None
    quality_grade: str | None
    staleness: Literal["fresh", "stale", "unknown"]
    active_grants_count: int | None = Field(
        default=None,
        description="Grants on it in the public register; told of a published record shown by itself",
    )


class DatasetExport(DatasetFields):
    """A record as a file: what `DatasetCreate` takes, so that an export can be handed in elsewhere."""

    resource_code: str
    publisher: OrgId
    columns: list[ColumnFields]
    layout: Layout


class MissingRead(SQLModel):
    """One thing that keeps a record from being published."""

    field: str
    code: str
    zh: str
    en: str
    basis: str
