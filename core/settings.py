"""Every setting, in one place. Read from `DATAGRANT_*` variables; built once by the edge and handed down."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.scanning import Scanner

RESTORING: Final = "restoring.json"  # stands in a data directory while a backup is put back into it


class Settings(BaseSettings):
    """What an installation may choose. Defaults serve one district on one machine with no service to install."""

    model_config = SettingsConfigDict(env_prefix="DATAGRANT_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Directory that holds database, files, keys and audit")
    database_url: str | None = Field(
        None,
        description="SQLAlchemy address; empty means SQLite inside data_dir. PostgreSQL: postgresql+psycopg://…",
    )
    store: str = Field(
        "", description="Where files lie: s3://bucket/prefix; empty means files/ inside data_dir"
    )
    store_endpoint: str | None = Field(
        None, description="Address of the S3-compatible store; empty: that of the region"
    )
    store_region: str = Field("us-east-1", description="Its region")
    store_access_key: str | None = Field(
        None, repr=False, description="Access key; empty: what the environment of the machine gives"
    )
    store_secret_key: str | None = Field(None, repr=False, description="Its secret key; never shown")
    store_cache_bytes: int = Field(
        50 * 1024**3,
        ge=0,
        description="Room for copies of the bucket's files on this machine, bytes; beyond it the longest unused go",
    )
    store_presign_seconds: int = Field(
        0,
        ge=0,
        le=900,
        description="Downloads of open data are sent on to the bucket with an address good for so many seconds; 0 streams them. See docs/store.md",
    )
    backup_endpoint: str | None = Field(
        None,
        description="Address of the S3-compatible store that `datagrant backup s3://bucket/prefix` writes to; empty: that of the region",
    )
    backup_region: str = Field("us-east-1", description="Its region")
    backup_access_key: str | None = Field(
        None, repr=False, description="Its access key; empty: what the environment of the machine gives"
    )
    backup_secret_key: str | None = Field(None, repr=False, description="Its secret key; never shown")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address under which people reach the service"
    )
    demo: bool = Field(
        False, description="Demo accounts are allowed to exist and are listed on the sign-in page"
    )
    worker: bool = Field(True, description="The server starts and watches its own worker process")
    session_idle_minutes: int = Field(30, ge=1, description="A session unused for so long ends")
    session_hours: int = Field(12, ge=1, description="A session ends at the latest after so long")
    access_token_seconds: int = Field(300, ge=30, le=900, description="Life of an access token")
    refresh_hours: int = Field(12, ge=1, description="Absolute life of a refresh family")
    tokens_need_key: bool = Field(
        False,
        description="Programs that sign in with a password get and renew tokens only with a proof of a key of their own (DPoP, RFC 9449)",
    )
    lockout_failures: int = Field(5, ge=2, description="Wrong passwords before an account is locked")
    lockout_minutes: int = Field(15, ge=1, description="How long a locked account stays locked")
    password_workers: int = Field(2, ge=1, description="Passwords hashed at the same time (64 MiB each)")
    second_factor_roles: str | None = Field(
        None,
        description="Roles that must have a second factor, by comma, or `none`; empty: all that decide, review, check, prepare releases, accept terms or keep keys, but nobody in a demo",
    )
    second_factor_minutes: int = Field(
        5, ge=1, le=60, description="How long a second factor counts as fresh, minutes"
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer of the OpenID Connect provider with which people may sign in; empty: none"
    )
    oidc_client_id: str | None = Field(None, description="Our client id at that provider")
    oidc_client_secret: str | None = Field(
        None,
        repr=False,
        description="Our secret at that provider; empty for a public client (PKCE is always used)",
    )
    oidc_name: str = Field(
        "统一身份认证 SSO", description="What the button on the sign-in page calls the provider"
    )
    oidc_allow: str = Field(
        "",
        description="In-house hosts and networks where the provider may live, by comma, as DATAGRANT_SOURCE_ALLOW",
    )
    upload_max_bytes: int = Field(20 * 1024**3, ge=1, description="Largest file taken in, bytes")
    clamd: str = Field(
        "",
        description="Malware scanner (clamd) that papers are shown to before they are taken in: host:port or unix:/path; empty: none, and papers say so",
    )
    clamd_seconds: int = Field(
        30,
        ge=1,
        le=300,
        description="How long it may take for one file; without its word nothing is taken in",
    )
    clamd_batches: bool = Field(
        True,
        description="The scanner is shown what departments hand in as data, too; a file that it finds too large is then not taken in",
    )
    memory_limit_mb: int = Field(800, ge=128, description="Memory for one tabular query, MiB")
    view_cache_bytes: int = Field(
        20 * 1024**3,
        ge=0,
        description="Room for grants' views read in place, bytes; beyond it the longest unread go",
    )
    query_seconds: int = Field(
        120,
        ge=1,
        description="Longest time for a query that a suite brings, seconds; its rule is then an error",
    )
    events_url: str | None = Field(
        None,
        description="Where events (release.published, grant.revoked, …) are posted as JSON; empty keeps them",
    )
    webhook_allow: str = Field(
        "",
        description="In-house hosts and networks that webhooks may reach, by comma; also allows http:// addresses",
    )
    mail_host: str = Field(
        "", description="SMTP server for e-mail to people; empty: no e-mail, the inbox alone"
    )
    mail_port: int = Field(587, ge=1, le=65535, description="Its port")
    mail_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the line to the SMTP server is secured; none is for a server on this machine",
    )
    mail_user: str = Field("", description="User of the SMTP server; empty: without signing in")
    mail_password: str = Field("", description="Its password")
    mail_from: str = Field("datagrant@localhost", description="Sender of e-mail")
    source_root: Path | None = Field(
        None,
        description="Directory whose sub-folders, one for each department by its id, sources may watch; empty: no folders",
    )
    source_allow: str = Field(
        "",
        description="In-house hosts and networks that sources may reach, by comma: files.bureau.local, 10.20.0.0/16",
    )
    source_s3: str = Field(
        "",
        description="S3-compatible stores that sources may name, by comma: lake=https://s3.bureau.local, or with @region after it",
    )
    source_seconds: int = Field(
        1800, ge=5, description="Longest time for fetching from a source once, seconds"
    )
    source_max_rows: int = Field(
        5_000_000, ge=1, description="Most rows that one look into a database table may bring"
    )
    link_looks: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Links of records that the worker looks at in a day, politely; 0: none by itself. See docs/links.md",
    )
    tsa_url: str = Field(
        "",
        description="Time-stamp authority (RFC 3161) that stamps checkpoints of the audit record; empty: none. See docs/proof.md",
    )
    tsa_certificate: str = Field(
        "",
        description="Its certificate, pinned: a PEM file with the authority's own first, then its issuers up to the root",
    )
    tsa_hours: int = Field(
        24, ge=1, le=8760, description="How often the worker has the newest checkpoint stamped, hours"
    )
    tsa_allow: str = Field(
        "",
        description="In-house hosts and networks where the authority may live, by comma, as DATAGRANT_SOURCE_ALLOW",
    )
    checkpoint_seconds: int = Field(
        5, ge=1, le=3600, description="How often the worker signs the audit record when it has grown, seconds"
    )
    checkpoint_leaves: int = Field(
        1000,
        ge=1,
        description="Unsigned events at which the worker signs the audit record without waiting for the seconds",
    )
    secure_cookies: bool = Field(False, description="Set the Secure mark on cookies (behind HTTPS)")

    @field_validator("clamd")
    @classmethod
    def _listens_somewhere(cls, address: str) -> str:
        if address:
            Scanner(address)
        return address

    @property
    def database(self) -> str:
        """Address of the database that is in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'datagrant.db'}"

    @property
    def files_dir(self) -> Path:
        return self.data_dir / "files"

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def audit_dir(self) -> Path:
        """Signed checkpoints of the audit record, and the tree they are made from."""
        return self.data_dir / "audit"

    @property
    def scratch_dir(self) -> Path:
        """Room for half-made files; anything in it may vanish at a restart."""
        return self.data_dir / "scratch"
