"""What is stored of applications: the request, its lines, its votes, its history."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.rows import EventfulRow


class ApplicationRow(SQLModel, table=True):
    """One application. `turn` counts submissions; `agreement` is the offered terms as canonical JSON, hashed in `agreement_hash`.

    `proposal`: the decision as far as it was made, as JSON, until every line has its signatures.
    `assisted_by`, `assisted_person`: the clerk who drafted it for the organisation, at the request of `assisted_for`; `confirmed_hash`: the
    digest of the content that its applicant has confirmed.
    """

    __tablename__ = "auth_application"
    id: str = Field(primary_key=True)
    org_id: str = Field(index=True)
    state: str = Field(index=True)
    version: int = 1
    turn: int = 0
    scenario_id: str = Field(default="", max_length=80)
    purposes: str = "[]"
    purpose_text: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    retention_days: int | None = None
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    assisted_by: str = ""
    assisted_person: str = Field(default="", index=True)
    assisted_for: str = Field(default="", max_length=200)
    confirmed_by: str = ""
    confirmed_hash: str = Field(default="", max_length=64)
    submitted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_on: date | None = Field(default=None, index=True)
    agreement: str = ""
    agreement_hash: str = Field(default="", max_length=64)
    accepted_by: str = ""
    proposal: str = ""
    public_interest: str = Field(default="", sa_column_kwargs={"server_default": ""})
    fairness: str = Field(default="", sa_column_kwargs={"server_default": ""})
    succession: str = Field(default="new", max_length=20)
    from_grant_id: str | None = Field(default=None, index=True)
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApplicationLineRow(SQLModel, table=True):
    """One dataset of an application: what is asked, and what was decided. Columns hold JSON text."""

    __tablename__ = "auth_application_line"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    position: int
    dataset_id: str = Field(index=True)
    department_id: str = Field(index=True)
    title_zh: str
    title_en: str
    level: int
    needs_security_review: bool = False
    columns: str = "[]"
    row_filter: str | None = None
    delivery_forms: str = "[]"
    quotas: str = "{}"
    networks: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    pinned_release: str | None = Field(default=None, max_length=80)
    members: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    fee_reference: str | None = Field(default=None, max_length=80)
    safeguards: str = Field(default="{}", sa_column_kwargs={"server_default": "{}"})
    decision: str = ""
    decision_code: str = ""
    decision_note: str = ""
    decision_opinion: str = Field(default="", sa_column_kwargs={"server_default": ""})
    offered: str | None = None


class ApplicationStageRow(SQLModel, table=True):
    """One stage of the plan as it stood when this turn was submitted; `decision` is the approvers'."""

    __tablename__ = "auth_application_stage"
    application_id: str = Field(foreign_key="auth_application.id", primary_key=True)
    turn: int = Field(primary_key=True)
    stage: str = Field(primary_key=True, max_length=160)
    position: int
    role: str = Field(max_length=40)
    department_id: str | None = None
    line_ids: str = "[]"
    quorum: int = 1
    distinct_departments: bool = False


class ApplicationReviewRow(SQLModel, table=True):
    """One vote: a stage of a turn, one person, one verdict per line (`lines`, JSON by line id). `for_…`: the reviewer whose deputy gave it."""

    __tablename__ = "auth_application_review"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    turn: int
    stage: str
    lines: str
    comment: str = ""
    person_id: str
    account_id: str
    reviewer_name: str
    org_id: str | None = None
    for_person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    for_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    for_org: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)


class ApplicationEventRow(EventfulRow, table=True):
    """One step, with the person and organisation as they were then; `version` is the one it led to, and the order.

    `line_ids`: the lines that a decision, signature or objection spoke of, as JSON; empty: all of them.
    `refused`: of a decision, how many lines were refused under each code, as JSON; it stays when the decision is made anew.
    `for_…`: the decider or reviewer for whom a deputy took it.
    """

    __tablename__ = "auth_application_event"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    turn: int
    version: int
    step: str
    from_state: str
    to_state: str
    person_id: str
    account_id: str
    org_id: str | None = None
    note: str = ""
    line_ids: str = ""
    refused: str = Field(default="{}", sa_column_kwargs={"server_default": "{}"})
    for_person: str = Field(default="", sa_column_kwargs={"server_default": ""})
    for_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    for_org: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)


class ApplicationLetterRow(SQLModel, table=True):
    """The letter of one decision, as it was first issued: `version` is that of the deciding event. Never written again."""

    __tablename__ = "auth_application_letter"
    application_id: str = Field(foreign_key="auth_application.id", primary_key=True)
    version: int = Field(primary_key=True)
    document: str
    pdf: bytes
    sha256: str = Field(max_length=64)
    issued_at: datetime = Field(sa_type=UtcDateTime)


class ApplicationCommentRow(SQLModel, table=True):
    """Something said beside the steps. `audience`: public (the applicant reads it too) or internal; `asked`: the account whose opinion is sought.

    `hidden_reason`: why the text was taken from sight.
    """

    __tablename__ = "auth_application_comment"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    turn: int
    audience: str = Field(max_length=10)
    body: str = Field(max_length=4000)
    by_bureau: bool
    person_id: str = Field(max_length=80, index=True)
    account_id: str
    author_name: str
    org_id: str | None = None
    asked: str = Field(default="", max_length=80)
    at: datetime = Field(sa_type=UtcDateTime)
    hidden_reason: str = Field(default="", max_length=500)


class ApplicationHandlerRow(SQLModel, table=True):
    """Who handles the application for one department (承办人): one account, until another is named."""

    __tablename__ = "auth_application_handler"
    application_id: str = Field(foreign_key="auth_application.id", primary_key=True)
    department_id: str = Field(primary_key=True, max_length=80)
    account_id: str = Field(index=True)
    assigned_by: str
    note: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UtcDateTime)


class ApplicationCoApplicantRow(SQLModel, table=True):
    """A person of the applying organisation who may fill in this application besides its applicants, until taken off it."""

    __tablename__ = "auth_application_co_applicant"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    account_id: str = Field(index=True)
    person_id: str = Field(index=True)
    username: str = Field(max_length=80)
    added_by: str
    added_by_name: str = Field(max_length=80)
    at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApplicationInvitationRow(SQLModel, table=True):
    """A further reviewer who votes at one stage of one turn, because those whose stage it is are absent or may not; until it is taken back."""

    __tablename__ = "auth_application_invitation"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    turn: int
    stage: str = Field(max_length=160)
    account_id: str
    person_id: str = Field(index=True)
    username: str = Field(max_length=80)
    invited_by: str
    invited_by_name: str = Field(max_length=80)
    note: str = Field(default="", max_length=500)
    at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
