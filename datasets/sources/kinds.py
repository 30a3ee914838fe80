"""The kinds of sources there are, and how each is asked. A kind is a module with `fetch`, `probe` and `shown`.

S3 prefixes are not among them: no client for them is part of this installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from core.files import FileStore
from core.text import Text
from datasets.sources import folder, http, postgres
from datasets.sources.asking import Ask, Catch, Probe
from datasets.sources.folder import FolderConfig
from datasets.sources.http import HttpConfig
from datasets.sources.postgres import PostgresConfig

Config = Annotated[HttpConfig | FolderConfig | PostgresConfig, Field(discriminator="kind")]

KIND_NAMES: Final[Mapping[str, Text]] = {
    "folder": Text("监视文件夹", "Watched folder"),
    "http": Text("HTTP(S) 地址", "HTTP(S) address"),
    "postgres": Text("PostgreSQL 表或查询", "PostgreSQL table or query"),
}
MODELS: Final[Mapping[str, type[HttpConfig | FolderConfig | PostgresConfig]]] = {
    "folder": FolderConfig,
    "http": HttpConfig,
    "postgres": PostgresConfig,
}
_CONFIG: Final[TypeAdapter[HttpConfig | FolderConfig | PostgresConfig]] = TypeAdapter(Config)


def config_of(data: Mapping[str, Any]) -> HttpConfig | FolderConfig | PostgresConfig:
    """A stored or typed configuration; raises pydantic's ValidationError."""
    return _CONFIG.validate_python(dict(data))


def fetch(ask: Ask, config: HttpConfig | FolderConfig | PostgresConfig, files: FileStore) -> Catch:
    """Look into the source and store what is new."""
    match config:
        case HttpConfig():
            return http.fetch(ask, config, files)
        case FolderConfig():
            return folder.fetch(ask, config, files)
        case PostgresConfig():
            return postgres.fetch(ask, config, files)


def probe(ask: Ask, config: HttpConfig | FolderConfig | PostgresConfig) -> Probe:
    """Look into the source and take nothing."""
    match config:
        case HttpConfig():
            return http.probe(ask, config)
        case FolderConfig():
            return folder.probe(ask, config)
        case PostgresConfig():
            return postgres.probe(ask, config)


def shown(config: HttpConfig | FolderConfig | PostgresConfig) -> str:
    """The source's address, without any credential."""
    match config:
        case HttpConfig():
            return http.shown(config)
        case FolderConfig():
            return folder.shown(config)
        case PostgresConfig():
            return postgres.shown(config)
