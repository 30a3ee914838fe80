"""The kinds of sources there are, and how each is asked. A kind is a module with `fetch`, `probe` and `shown`.

Modules with heavy libraries are imported when they are asked: the service lists sources without speaking to any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from core.files import FileStore
from core.text import Text
from datasets.sources import folder, s3
from datasets.sources.addresses import HttpConfig, PostgresConfig
from datasets.sources.asking import Ask, Catch, Probe
from datasets.sources.folder import FolderConfig
from datasets.sources.s3 import S3Config

AnyConfig = HttpConfig | FolderConfig | PostgresConfig | S3Config
Config = Annotated[AnyConfig, Field(discriminator="kind")]

KIND_NAMES: Final[Mapping[str, Text]] = {
    "folder": Text("监视文件夹", "Watched folder"),
    "http": Text("HTTP(S) 地址", "HTTP(S) address"),
    "postgres": Text("PostgreSQL 表或查询", "PostgreSQL table or query"),
    "s3": Text("S3 对象存储前缀", "Prefix of an S3 store"),
}
MODELS: Final[Mapping[str, type[AnyConfig]]] = {
    "folder": FolderConfig,
    "http": HttpConfig,
    "postgres": PostgresConfig,
    "s3": S3Config,
}
_CONFIG: Final[TypeAdapter[AnyConfig]] = TypeAdapter(Config)


def config_of(data: Mapping[str, Any]) -> AnyConfig:
    """A stored or typed configuration; raises pydantic's ValidationError."""
    return _CONFIG.validate_python(dict(data))


def fetch(ask: Ask, config: AnyConfig, files: FileStore) -> Catch:
    """Look into the source and store what is new."""
    match config:
        case HttpConfig():
            from datasets.sources import http

            return http.fetch(ask, config, files)
        case FolderConfig():
            return folder.fetch(ask, config, files)
        case PostgresConfig():
            from datasets.sources import postgres

            return postgres.fetch(ask, config, files)
        case S3Config():
            return s3.fetch(ask, config, files)


def probe(ask: Ask, config: AnyConfig) -> Probe:
    """Look into the source and take nothing."""
    match config:
        case HttpConfig():
            from datasets.sources import http

            return http.probe(ask, config)
        case FolderConfig():
            return folder.probe(ask, config)
        case PostgresConfig():
            from datasets.sources import postgres

            return postgres.probe(ask, config)
        case S3Config():
            return s3.probe(ask, config)


def shown(config: AnyConfig) -> str:
    """The source's address, without any credential."""
    match config:
        case HttpConfig():
            from datasets.sources import http

            return http.shown(config)
        case FolderConfig():
            return folder.shown(config)
        case PostgresConfig():
            from datasets.sources import postgres

            return postgres.shown(config)
        case S3Config():
            return s3.shown(config)
