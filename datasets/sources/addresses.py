"""What a source of each wired kind is told: HTTP addresses and PostgreSQL databases. Apart from what speaks to them, whose libraries are heavy."""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from core.text import Text

PLACE: Final = "{secret}"
_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "range",
     "accept-encoding", "if-none-match", "if-modified-since", "user-agent", "proxy-authorization"}
)  # fmt: skip
_NUMBERISH: Final = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}\.?", re.IGNORECASE)
_DOTTED: Final = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}")


class HttpConfig(BaseModel):
    """An address. The credential, if any, goes into `header`, or to the place `{secret}` in the address."""

    model_config = {"extra": "forbid"}

    kind: Literal["http"]
    url: str = Field(max_length=2000, examples=["https://data.example.org/lots.csv"])
    header: str | None = Field(default=None, max_length=60, pattern=r"^[A-Za-z0-9-]+$")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if fault := address_fault(value):
            raise ValueError(f"{fault.zh} / {fault.en}")
        return value

    @field_validator("header", mode="before")
    @classmethod
    def _own(cls, value: object) -> object:
        if isinstance(value, str) and value.lower() in _OURS:
            raise ValueError(f"请求头 {value} 由系统设置 / the header {value} is set by the service itself")
        return value or None

    @model_validator(mode="after")
    def _one_place(self) -> HttpConfig:
        if self.header and PLACE in self.url:
            raise ValueError(
                f"凭据写入请求头或 {PLACE}，二选一 / the credential goes into the header or to {PLACE}, not both"
            )
        return self

    def wants_secret(self) -> bool:
        return bool(self.header) or PLACE in self.url


def address_fault(url: str) -> Text | None:
    """What is wrong with an address as it is written; the guard judges what it stands for."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Text("不是网址", "is no address")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Text(
            "须以 http:// 或 https:// 开头并含主机名", "must begin with http:// or https:// and name a host"
        )
    if not url.isascii() or any(char <= " " or char in "\\\x7f" for char in url):
        return Text(
            "只能含 ASCII 字符且不得有空格（路径用百分号编码，主机名用 punycode）",
            "must be ASCII without blanks (percent-encode the path, use punycode for the host)",
        )
    if "@" in parts.netloc:
        return Text(
            "不得包含用户名或密码；请填入凭据一栏",
            "must not hold user name or password; give them as the credential",
        )
    if PLACE in parts.netloc or parts.fragment:
        return Text(
            "{secret} 只能写在路径或查询中，且不得有 # 片段",
            "may hold {secret} only in its path or query, and no #fragment",
        )
    if port == 0:
        return Text("端口不能为 0", "names port 0")
    if _NUMBERISH.fullmatch(parts.hostname) and not _DOTTED.fullmatch(parts.hostname):
        return Text(
            "主机写成了一个数；请写域名或四段十进制数",
            "writes its host as a number; write a name, or four decimal numbers with dots",
        )
    return None


_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9.:])?|::[0-9A-Fa-f:.]+")
_NAME: Final = r"^[^\x00-\x1f]{1,63}$"
_TABLE: Final = re.compile(r"[^\x00-\x1f.\"]{1,63}(\.[^\x00-\x1f.\"]{1,63})?")


class PostgresConfig(BaseModel):
    """A server, a database, and what to read: a table (`schema.table`) or one SELECT. The credential is the password."""

    model_config = {"extra": "forbid"}

    kind: Literal["postgres"]
    host: str = Field(max_length=255, examples=["db.example.org"])
    port: int = Field(default=5432, ge=1, le=65535)
    database: str = Field(pattern=r"^[^\x00-\x1f=:/]{1,63}$", examples=["parking"])
    user: str = Field(pattern=_NAME, examples=["reader"])
    table: str | None = Field(default=None, max_length=127)
    query: str | None = Field(default=None, max_length=20_000)
    tls: Literal["prefer", "require", "verify-full"] = "prefer"

    @field_validator("host")
    @classmethod
    def _machine(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("须为一个主机名或 IP 地址 / must be one host name or IP address")
        return value

    @field_validator("table", "query", mode="before")
    @classmethod
    def _filled(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_thing(self) -> PostgresConfig:
        if (self.table is None) == (self.query is None):
            raise ValueError("请给出表或查询，二选一 / give a table or a query, one of the two")
        if self.query is not None and any(
            not char.isprintable() and char not in "\r\n\t" for char in self.query
        ):
            raise ValueError("查询含控制字符 / the query holds control characters")
        if self.table is not None and not _TABLE.fullmatch(self.table):
            raise ValueError("表名应为 模式.表 / the table must be schema.table")
        return self

    def wants_secret(self) -> bool:
        return False
