"""What changes of many records look like to people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from sqlmodel import Field, SQLModel

from core.ids import DatasetId

MOST: Final = 500  # records of one change

Op = Literal["set", "add", "remove"]


class Operation(SQLModel):
    """`set` puts the value in place; `add` and `remove` take words or codes into a list and out of it. An empty value empties."""

    model_config = {"extra": "forbid"}
    field: str = Field(max_length=60)
    op: Op = "set"
    value: str = Field(default="", max_length=20_000)


class EditAsk(SQLModel):
    """Which records, and what to do with them. `query`: as in the address of `/datasets`; `ids`: of its hits only these, or these alone."""

    model_config = {"extra": "forbid"}
    query: str = Field(default="", max_length=4000)
    ids: list[str] = Field(default=[], max_length=MOST)
    operations: list[Operation] = Field(min_length=1, max_length=50)


class Wish(SQLModel):
    """One record's wished fields. `version`: the record's, as it was seen. `line`: where a file says so."""

    model_config = {"extra": "forbid"}
    dataset_id: str = Field(max_length=80)
    version: int | None = None
    line: int | None = None
    fields: dict[str, Any]


class Wishes(SQLModel):
    """Changes as a preview gave them."""

    model_config = {"extra": "forbid"}
    changes: list[Wish] = Field(max_length=MOST)
    source: Literal["edit", "file"] = "edit"
    note: str = Field(default="", max_length=2000)


class Difference(SQLModel):
    """One cell: how it stands, and how it would stand."""

    name: str
    label_zh: str
    label_en: str
    before: Any
    after: Any


class Problem(SQLModel):
    """Why something cannot be done; `line` and `column` where a file says it."""

    dataset_id: str = ""
    field: str = ""
    line: int | None = None
    column: str = ""
    code: str
    zh: str
    en: str


class PreviewItem(SQLModel):
    """One record. `waits`: the change would wait for a second person."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    waits: bool
    fields: list[Difference]


class Preview(SQLModel):
    """What would change; with a problem nothing can be carried out. `changes`: what to send to carry it out."""

    items: list[PreviewItem]
    unchanged: int
    problems: list[Problem]
    changes: list[Wish]
    source: str


class ChangeSetRead(SQLModel):
    """A change of many records in a list."""

    id: str
    source: str
    note: str
    records: int
    made_zh: str
    made_en: str
    made_at: datetime
    undoes: str
    undone_by: str


class ChangeSetItem(SQLModel):
    """`state`: what undoing would meet: stands, waiting (for review), back (as it was before already), changed (by somebody since)."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    state: Literal["stands", "waiting", "back", "changed"]
    proposal_id: str
    fields: list[Difference]
    changed_fields: list[str]


class ChangeSetDetail(ChangeSetRead):
    """With each record's difference, and `conflicts`: what an undoing left as it is."""

    items: list[ChangeSetItem]
    conflicts: list[Problem] = []
