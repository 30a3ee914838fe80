"""Rows of the identity part: organisations, people, accounts, roles, and every kind of proof. No secret is stored as it is."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class OrgKind(StrEnum):
    """What an organisation is in the authorised-operation scheme."""

    IMPLEMENTING_BODY = "implementing_body"
    SOURCE_DEPARTMENT = "source_department"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    SUPERVISOR = "supervisor"


class LicenceState(StrEnum):
    """Standing of an enterprise. LAPSED is also what a QUALIFIED licence reads as once its last day is over."""

    PENDING = "PENDING"
    QUALIFIED = "QUALIFIED"
    SUSPENDED = "SUSPENDED"
    LAPSED = "LAPSED"
    DISQUALIFIED = "DISQUALIFIED"


class OrganisationRow(SQLModel, table=True):
    """A legal entity. `licence_valid_to` is its last valid day, in China's time. `controlled_by`: the organisation that controls it."""

    __tablename__ = "auth_organisation"
    id: str = Field(primary_key=True, max_length=60)
    name_zh: str = Field(max_length=120)
    name_en: str = Field(max_length=200)
    kind: str = Field(index=True, max_length=30)
    credit_code: str | None = Field(default=None, unique=True, max_length=18)
    country: str = Field(default="CN", max_length=2, sa_column_kwargs={"server_default": "CN"})
    controlled_by: str | None = Field(default=None, max_length=60)
    licence_state: str = Field(default=LicenceState.PENDING, max_length=20)
    licence_valid_to: date | None = None
    licence_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    licence_documents: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    created_at: datetime = Field(sa_type=UtcDateTime)


class PersonRow(SQLModel, table=True):
    """A human being. Several accounts may belong to one person; two-person rules count people."""

    __tablename__ = "auth_person"
    id: str = Field(primary_key=True)
    name_zh: str = Field(max_length=60)
    name_en: str = Field(max_length=120)


class AccountRow(SQLModel, table=True):
    """A way to sign in. Raising `epoch` ends every session and token at once. No password hash: no sign-in by password."""

    __tablename__ = "auth_account"
    id: str = Field(primary_key=True)
    username: str = Field(unique=True, max_length=40)
    person_id: str = Field(foreign_key="auth_person.id", index=True)
    org_id: str | None = Field(default=None, foreign_key="auth_organisation.id", index=True)
    password_hash: str | None = None
    epoch: int = 0
    failures: int = 0
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RoleAssignmentRow(SQLModel, table=True):
    """A role from `valid_from` (inclusive) to `valid_to` (exclusive; empty = open). Ended, never deleted."""

    __tablename__ = "auth_role_assignment"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    role: str = Field(max_length=40)
    scope: str = Field(max_length=60)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_to: datetime | None = Field(default=None, sa_type=UtcDateTime)
    granted_by: str


class SessionRow(SQLModel, table=True):
    """A signed-in browser. `token_hash` is the SHA-256 of the cookie. `awaits_factor`: the password is proven, the code is not yet."""

    __tablename__ = "auth_session"
    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True, max_length=64)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    epoch: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ip: str = Field(default="", max_length=60)
    agent: str = Field(default="", max_length=200)
    awaits_factor: bool = False


class RefreshRow(SQLModel, table=True):
    """One refresh token of a family. Used once; used again later, its whole family is revoked.

    `client` is the name that the program gave at its start, `bound_key` the thumbprint of the key that it proved (RFC 7638); "" = none.
    Every token of the family has the same two.
    """

    __tablename__ = "auth_refresh"
    id: str = Field(primary_key=True)
    family_id: str = Field(index=True)
    token_hash: str = Field(unique=True, max_length=64)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    epoch: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    client: str = Field(default="", max_length=100)
    bound_key: str = Field(default="", max_length=43)


class RefreshProofRow(SQLModel, table=True):
    """A proof of possession that was taken once. `key` is the thumbprint, `jti` a digest; kept until it would have ended by itself."""

    __tablename__ = "auth_refresh_proof"
    key: str = Field(primary_key=True, max_length=43)
    jti: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ApiKeyRow(SQLModel, table=True):
    """A key for programs. `scopes`: JSON list of permissions it is limited to; empty list = all that its owner may do.

    `grant_id`: the one grant it is bound to, or "". `networks`: JSON list of the networks it may come from; empty = any.
    `jwks`: public keys of a client that proves itself by private_key_jwt; such a key has no secret, and `secret_hash` is "".
    `refused_at`: when it last came from elsewhere.
    """

    __tablename__ = "auth_api_key"
    id: str = Field(primary_key=True, max_length=20)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    name: str = Field(max_length=80)
    secret_hash: str = Field(max_length=64)
    scopes: str = "[]"
    grant_id: str = Field(default="", index=True, max_length=40, sa_column_kwargs={"server_default": ""})
    networks: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    jwks: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AssertionRow(SQLModel, table=True):
    """A client assertion that was taken once. Kept until it would have ended by itself."""

    __tablename__ = "auth_assertion"
    key_id: str = Field(primary_key=True, foreign_key="auth_api_key.id", max_length=20)
    jti: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class FactorRow(SQLModel, table=True):
    """The authenticator app of an account (TOTP, RFC 6238). `sealed` opens with a key outside the database only.

    `last_step` is the newest time step whose code was taken: a code counts once. Not confirmed: begun, and worth nothing yet.
    """

    __tablename__ = "auth_factor"
    account_id: str = Field(primary_key=True, foreign_key="auth_account.id")
    sealed: str
    begun_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_step: int = 0
    failures: int = 0
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RecoveryCodeRow(SQLModel, table=True):
    """A recovery code, used once instead of the app. Kept as a hash."""

    __tablename__ = "auth_recovery_code"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    code_hash: str = Field(max_length=64)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FactorProofRow(SQLModel, table=True):
    """When a second factor was last given within one session, token family or key."""

    __tablename__ = "auth_factor_proof"
    account_id: str = Field(primary_key=True, foreign_key="auth_account.id")
    session_id: str = Field(primary_key=True, max_length=80)
    at: datetime = Field(sa_type=UtcDateTime)


class ChangeRow(SQLModel, table=True):
    """A change of roles or of what proves somebody, which one administrator asked for and another must confirm; break-glass too.

    Settled, never deleted. `role` is empty where no role is changed; `detail` is JSON and holds no hash once it is settled.
    """

    __tablename__ = "auth_role_change"
    id: str = Field(primary_key=True)
    kind: str = Field(max_length=20)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    role: str = Field(max_length=40)
    scope: str = Field(max_length=60)
    valid_to: datetime | None = Field(default=None, sa_type=UtcDateTime)
    assignment_id: str | None = None
    hours: int = 0
    detail: str = ""
    reason: str = Field(default="", max_length=500)
    asked_by: str
    asked_person: str
    asked_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(index=True, max_length=20)
    settled_by: str | None = None
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LinkRow(SQLModel, table=True):
    """An identity at an OpenID Connect provider, and the account it signs in as."""

    __tablename__ = "auth_link"
    issuer: str = Field(primary_key=True, max_length=300)
    subject: str = Field(primary_key=True, max_length=255)
    account_id: str = Field(foreign_key="auth_account.id", index=True)
    linked_by: str
    linked_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
