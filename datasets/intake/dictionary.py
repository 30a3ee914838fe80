"""The data dictionary of a table, and what a person may fix about how its file is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputRefused
from core.text import Text
from datasets.intake.header_rows import MOST_TOLD
from datasets.intake.json_file import json_text

ColumnType = Literal["string", "integer", "number", "boolean", "date", "datetime", "time", "geometry"]
CellFormat = Literal[
    "roc", "month", "day_first", "month_first", "epoch_s", "epoch_ms", "epoch_us", "degrees", "code", "label"
]
FileFormat = Literal["csv", "tsv", "json", "jsonl", "geojson", "parquet", "xlsx", "xls", "ods"]
Quote = Literal['"', "'", "none"]
ZONE: Final = r"(written|[-+](0[0-9]|1[0-4]):[0-5][0-9])"
Zone = Annotated[str, Field(pattern=f"^{ZONE}$")]
Crs = Literal["CGCS2000", "WGS84", "GCJ02", "BD09"]


class Column(BaseModel):
    """One column as the source department describes it; a column without a type is typed from the data.

    A file's header may carry `name`, `title_zh` or `title_en`; the table always carries `name`.
    format: how cells are written where one cell alone cannot tell (docs/intake.md lists the words); `code` or `label`
    says which side of `codes` the table is to carry. codes: each code with its label or labels; a code that the list
    does not know is a finding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    type: ColumnType | None = None
    title_zh: str | None = None
    title_en: str | None = None
    unit: str | None = None
    required: bool = False
    level: int | None = None
    identifier_kind: str | None = None
    code_list: str | list[str] | None = None
    format: CellFormat | None = None
    codes: dict[str, str | list[str]] | None = None

    def labels(self) -> dict[str, list[str]]:
        """Each code with its labels, the first one being the label to show; a plain list of values has none."""
        if self.codes is not None:
            return {code: [said] if isinstance(said, str) else said for code, said in self.codes.items()}
        return {code: [] for code in self.code_list} if isinstance(self.code_list, list) else {}


class Points(BaseModel):
    """A pair of number columns (longitude, latitude in degrees) that a release shows as points in the column `name`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lon: str = Field(min_length=1)
    lat: str = Field(min_length=1)
    name: str = Field(default="geometry", min_length=1, max_length=255)


class Dictionary(BaseModel):
    """What is known beforehand about a file. Every key is optional; what is not said is detected.

    header_line: 1-based line (or sheet row) of the header, the last one of several; 0 says that there is none, and the
    columns then stand for the file's columns in order. header_rows: how many lines make up the header. member: the archive's member, a pattern
    (`*`, `*.csv`) for several as one table, or the key that holds the records of a JSON document, dots between the levels. fill_missing: of
    several members, a column that one lacks is empty there instead of refused. crs: the coordinate reference system of the record; a file
    that states another one is refused. points: the pair of columns to be released as a geometry. delimiter: a line
    feed says that lines are not split. quote: the mark around cells, `none` where marks are part of the text.
    zone: the offset (`+08:00`) of times that carry none in a column where others do; `written` leaves them as they stand.
    """

    model_config = ConfigDict(extra="forbid")

    null_values: list[str] = []
    header_line: int | None = Field(default=None, ge=0)
    header_rows: int | None = Field(default=None, ge=1, le=MOST_TOLD)
    sheet: str | int | None = None
    member: str | None = None
    fill_missing: bool = False
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    format: FileFormat | None = None
    quote: Quote | None = None
    zone: Zone | None = None
    crs: Crs | None = None
    points: Points | None = None
    columns: list[Column] = []

    @classmethod
    def load(cls, path: Path) -> Dictionary:
        """Read a dictionary file; raises InputRefused naming the key that is wrong."""
        text = json_text(path, Text("数据字典", "dictionary"))
        try:
            return cls.model_validate(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputRefused(
                Text(
                    f"数据字典 {path.name} 不是合法的 JSON（{error}）；请改正后重试。",
                    f"The dictionary {path.name} is not valid JSON ({error}); correct it and try again.",
                )
            ) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "(root)"
            raise InputRefused(
                Text(
                    f"数据字典 {path.name} 的 {where} 有误（{first['msg']}）；请改正后重试。",
                    f"The dictionary {path.name} is wrong at {where} ({first['msg']}); correct it and try again.",
                )
            ) from error
