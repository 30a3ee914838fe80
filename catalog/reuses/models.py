"""What reuses look like to people and programs."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from pydantic import field_validator
from sqlmodel import Field, SQLModel

from auth.policy.model import Prose
from catalog.reuses.workflow import Kind, ReuseState, ReuseStep
from core.ids import DatasetId


class ReuseCreate(SQLModel):
    """What somebody made of a dataset. Everybody reads it once the department has agreed; `product_id`: a product of one's own
    organisation that is built on a grant on this dataset."""

    model_config = {"extra": "forbid"}
    kind: Kind = "application"
    title: Prose = Field(min_length=2, max_length=200)
    summary: Prose = Field(min_length=4, max_length=2000)
    url: Prose = Field(default="", max_length=2000)
    made_by: Prose = Field(min_length=1, max_length=200)
    product_id: Prose = Field(default="", max_length=60)

    @field_validator("url")
    @classmethod
    def _web(cls, value: str) -> str:
        found = urlsplit(value)
        if value and (found.scheme not in ("http", "https") or not found.hostname or found.username is not None or not value.isprintable() or " " in value):  # fmt: skip
            raise ValueError(
                "a web address that begins with http:// or https://, without a name to sign in with"
            )
        return value


class ReuseDecision(SQLModel):
    """Why; readers of a decision see it."""

    model_config = {"extra": "forbid"}
    reason: Prose = Field(default="", max_length=500)


class ProductShown(SQLModel):
    """A product record as readers of the dataset see it: what its organisation chose to show."""

    id: str
    name_zh: str
    name_en: str
    kind: str
    kind_zh: str
    kind_en: str
    org_zh: str
    org_en: str
    is_offered: bool


class ReuseRead(SQLModel):
    """One reuse, and the steps open to this reader. `reason` is told to its author and the department."""

    id: str
    dataset_id: DatasetId
    title_zh: str
    title_en: str
    kind: str
    title: str
    summary: str
    url: str
    made_by: str
    state: ReuseState
    posted_at: datetime
    is_mine: bool
    reason: str
    product: ProductShown | None
    steps: list[ReuseStep]
