"""What is stored of anomalies: findings, how each rule is set and by whom, and how far the ledger was looked through."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class AnomalyRow(CaseFields, table=True):
    """One finding. `action`: what followed; `set_by_person`: who had set the rule so, nobody for the shipped default."""

    __tablename__ = "auth_anomaly"
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    org_id: str = Field(index=True)
    dataset_id: str
    department_id: str = Field(index=True)
    rule: str = Field(index=True, max_length=40)
    action: str = Field(max_length=20)
    seen: int = Field(sa_type=BigInteger)
    threshold: int = Field(sa_type=BigInteger)
    text_zh: str
    text_en: str
    setting_id: str = ""
    set_by_person: str = ""
    is_suspended_by: bool = False


class AnomalySettingRow(SQLModel, table=True):
    """How a rule is set from an instant on. Rows are only added; the newest of a rule counts. `numbers` is JSON."""

    __tablename__ = "auth_anomaly_setting"
    id: str = Field(primary_key=True, max_length=40)
    rule: str = Field(index=True, max_length=40)
    action: str = Field(max_length=20)
    numbers: str
    reason: str = Field(max_length=2000)
    set_by: str
    set_by_person: str
    set_at: datetime = Field(sa_type=UtcDateTime)


class AnomalySweepRow(SQLModel, table=True):
    """The instant of the newest line that was looked at; one row."""

    __tablename__ = "auth_anomaly_sweep"
    id: int = Field(primary_key=True)
    seen_until: datetime = Field(sa_type=UtcDateTime)
