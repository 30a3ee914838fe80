"""What is stored of products, fee caps and fees. Money is in fen, whole numbers."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class ProductRow(SQLModel, table=True):
    """A product or service built on grants. It is never deleted: `ended_at` says since when it is not offered.

    `level`: given anew by its maker (None: entered before products were graded); `surveying`: the number of the surveying approval.
    """

    __tablename__ = "auth_product"
    id: str = Field(primary_key=True)
    org_id: str = Field(index=True)
    name_zh: str
    name_en: str
    kind: str = Field(max_length=20)
    summary: str
    scenario_id: str = Field(index=True)
    purpose: str
    unit: str = Field(max_length=20)
    price_fen: int = Field(sa_type=BigInteger)
    checks: str = "{}"
    entered_by: str
    entered_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    level: int | None = None
    level_reason: str = Field(default="", sa_column_kwargs={"server_default": ""})
    surveying: str = Field(default="", sa_column_kwargs={"server_default": ""})
    registration_code: str = Field(default="", sa_column_kwargs={"server_default": ""})
    registered_on: date | None = None


class ProductSourceRow(SQLModel, table=True):
    """One grant that a product is built on; `sha256` names a file delivered under it, or is empty."""

    __tablename__ = "auth_product_source"
    id: str = Field(primary_key=True)
    product_id: str = Field(foreign_key="auth_product.id", index=True)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    sha256: str = Field(default="", index=True, max_length=64)


class FeeCapRow(SQLModel, table=True):
    """The highest price of one unit in a scenario (`*`: any), from a day on until a later cap takes its place."""

    __tablename__ = "auth_fee_cap"
    id: str = Field(primary_key=True)
    scenario_id: str = Field(index=True)
    unit: str = Field(max_length=20)
    cap_fen: int = Field(sa_type=BigInteger)
    source: str
    effective_from: date
    set_by: str
    set_at: datetime = Field(sa_type=UtcDateTime)


class FeeRow(SQLModel, table=True):
    """Money that an operator took for a product. A correction is a line with a negative quantity.

    `counts_in`: the year whose disclosure tells of it: that of `charged_on`, or the next that is not disclosed yet.
    """

    __tablename__ = "auth_fee"
    id: str = Field(primary_key=True)
    product_id: str = Field(foreign_key="auth_product.id", index=True)
    org_id: str = Field(index=True)
    charged_on: date = Field(index=True)
    counts_in: int = Field(index=True)
    quantity: int = Field(sa_type=BigInteger)
    price_fen: int = Field(sa_type=BigInteger)
    amount_fen: int = Field(sa_type=BigInteger)
    note: str = ""
    entered_by: str
    entered_at: datetime = Field(sa_type=UtcDateTime)
