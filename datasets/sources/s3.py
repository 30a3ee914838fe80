"""Objects under a prefix of an S3-compatible store.

Stores are named by the administrator (`DATAGRANT_SOURCE_S3`); a source names one of them, a bucket and a prefix, and
never an address: addresses are path-style, so a bucket's name cannot become a host. The credential is `ACCESS_KEY:SECRET_KEY`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, Field, field_validator

from core.errors import AppError, InputRefused, Unavailable
from core.files import CHUNK, FileStore
from core.text import Text, number_of
from datasets.sources.asking import Ask, Catch, Found, Probe, bounded, too_large

if TYPE_CHECKING:
    from obstore.store import S3Store

_MOST_AT_ONCE: Final = 20
_MOST_NAMES: Final = 10_000
_CONNECT: Final = timedelta(seconds=10)
_WHOLE: Final = timedelta(minutes=30)


class S3Config(BaseModel):
    """A prefix of a bucket in one of the named stores. `pick`: each new object once, or only the newest."""

    model_config = {"extra": "forbid"}

    kind: Literal["s3"]
    store: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$")
    bucket: str = Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$")
    prefix: str = Field(default="", max_length=500)
    pattern: str = Field(default="*", min_length=1, max_length=100)
    pick: Literal["each", "newest"] = "each"

    @field_validator("prefix")
    @classmethod
    def _plain(cls, value: str) -> str:
        parts = value.strip("/").split("/") if value.strip("/ ") else []
        if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
            raise ValueError("前缀中不得有空段或 .. / a prefix has no empty parts and no ..")
        return "/".join(parts)

    def wants_secret(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: its key, and the mark that changes with its bytes."""

    key: str
    size: int
    mark: str
    modified: str

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


def stores(listed: str) -> dict[str, tuple[str, str]]:
    """Read `lake=https://s3.bureau.local@cn-south, …` to name → (endpoint, region). Raises Unavailable."""
    found = {}
    for word in filter(None, (part.strip() for part in listed.split(","))):
        name, _, rest = word.partition("=")
        endpoint, _, region = rest.partition("@")
        if not name or not endpoint.startswith(("http://", "https://")):
            raise Unavailable(
                Text(
                    f"设置 DATAGRANT_SOURCE_S3 中的“{word}”应写作 名称=地址@区域；请管理员更正。",
                    f"{word!r} in the setting DATAGRANT_SOURCE_S3 should read name=address@region; the administrator must correct it.",
                )
            )
        found[name.strip()] = (endpoint.strip().rstrip("/"), region.strip() or "us-east-1")
    return found


def _store(ask: Ask, config: S3Config) -> S3Store:
    from obstore.store import S3Store

    known = stores(ask.settings.source_s3)
    if config.store not in known:
        names = ", ".join(known) or "—"
        raise InputRefused(
            Text(
                f"没有名为 {config.store} 的对象存储；现有：{names}。由管理员在 DATAGRANT_SOURCE_S3 中列出。",
                f"There is no store {config.store}; there are: {names}. The administrator lists them in DATAGRANT_SOURCE_S3.",
            )
        )
    endpoint, region = known[config.store]
    key, _, secret = (ask.secret or "").partition(":")
    if not key or not secret:
        raise InputRefused(
            Text("凭据应写作 访问密钥:私有密钥。", "The credential reads ACCESS_KEY:SECRET_KEY.")
        )
    return S3Store(
        config.bucket, prefix=config.prefix or None, endpoint=endpoint, region=region, access_key_id=key,
        secret_access_key=secret, virtual_hosted_style_request=False,
        client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": _CONNECT, "timeout": _WHOLE},
        retry_config={"max_retries": 2, "retry_timeout": _CONNECT},
    )  # fmt: skip


_NO_BUCKET: Final = ("NoSuchBucket", "404 Not Found")
_NO_RIGHT: Final = (
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "AccessDenied",
    "403 Forbidden",
    "401 Unauthorized",
)


@contextmanager
def _told(config: S3Config) -> Iterator[None]:
    """The store's own faults in words, without what was signed. For listing, obstore tells the cause in its message alone."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as fault:
        said = f"{type(fault).__name__} {fault}"
        raise _fault(config, said) from None


def _fault(config: S3Config, said: str) -> AppError:
    where = shown(config)
    if any(mark in said for mark in _NO_BUCKET) or said.startswith("NotFoundError"):
        return InputRefused(
            Text(f"{where} 不存在；请核对桶名。", f"{where} does not exist; check the bucket.")
        )
    if any(mark in said for mark in _NO_RIGHT) or said.startswith(("PermissionDenied", "Unauthenticated")):
        return InputRefused(
            Text(
                f"{where} 拒绝了该凭据；请核对密钥与权限。",
                f"{where} refuses the credential; check the keys and what they may do.",
            )
        )
    kind = said.partition(" ")[0]
    return Unavailable(
        Text(
            f"{where} 没有正常应答（{kind}）；稍后会再试。",
            f"{where} does not answer as it should ({kind}); it is tried again later.",
        )
    )


def _things(store: S3Store, config: S3Config) -> list[Thing]:
    """What lies there and matches, the oldest first."""
    found: list[Thing] = []
    for page in store.list():
        for each in page:
            thing = Thing(
                each["path"], each["size"], each["e_tag"] or f"{each['size']}@{each['last_modified'].isoformat()}",
                each["last_modified"].isoformat(),
            )  # fmt: skip
            if thing.size and thing.name and fnmatch.fnmatchcase(thing.name, config.pattern):
                found.append(thing)
        if len(found) > _MOST_NAMES:
            raise InputRefused(
                Text(
                    f"符合条件的对象超过 {_MOST_NAMES} 个；请缩小前缀或匹配范围。",
                    f"More than {_MOST_NAMES} objects match; narrow the prefix or the pattern.",
                )
            )
    return sorted(found, key=lambda thing: (thing.modified, thing.key))


def fetch(ask: Ask, config: S3Config, files: FileStore) -> Catch:
    """Store each object that was not taken with these bytes before (or the newest alone)."""
    taken: dict[str, Any] = dict(ask.memory.get("taken", {}))
    caught: list[Found] = []
    problems: list[Text] = []
    with _told(config):
        store = _store(ask, config)
        there = _things(store, config)
        wanted = there[-1:] if config.pick == "newest" else there
        new = [thing for thing in wanted if taken.get(thing.key) != thing.mark]
        for place, thing in enumerate(new[:_MOST_AT_ONCE]):
            ask.progress(place / len(new), Text(f"正在读取 {thing.name}", f"Reading {thing.name}"))
            try:
                caught.append(_take(ask, config, files, store, thing))
            except InputRefused as refused:
                problems.append(refused.detail)
            taken[thing.key] = thing.mark
    left = max(0, len(new) - _MOST_AT_ONCE)
    keys = {thing.key for thing in there}
    return Catch(
        tuple(caught),
        {"taken": {key: mark for key, mark in taken.items() if key in keys}},
        Text(
            f"取得 {len(caught)} 个对象，另有 {left} 个待取。",
            f"{number_of(len(caught), 'objects')} fetched, {left} to come.",
        ),
        tuple(problems),
        60 if left else None,
    )


def _take(ask: Ask, config: S3Config, files: FileStore, store: S3Store, thing: Thing) -> Found:
    limit = ask.settings.upload_max_bytes
    if thing.size > limit:
        raise too_large(thing.name, limit)
    # The very bytes that were listed: an object replaced meanwhile answers "precondition failed" and is taken at the next look.
    tag = {"if_match": thing.mark} if "@" not in thing.mark else {}
    chunks = (bytes(chunk) for chunk in store.get(thing.key, options=tag).stream(min_chunk_size=CHUNK))  # type: ignore[arg-type]
    stored = bounded(ask.settings, files, thing.name, chunks)
    provenance = {
        "address": f"{shown(config)}/{thing.key}",
        "etag": thing.mark,
        "modified": thing.modified,
        "fetched_at": ask.now.isoformat(),
    }
    return Found(thing.name, stored, provenance)


def probe(ask: Ask, config: S3Config) -> Probe:
    """What lies under the prefix now."""
    with _told(config):
        there = _things(_store(ask, config), config)
    facts = [{"name": thing.key, "value": f"{thing.size} B"} for thing in there[:-11:-1]]
    return Probe(
        Text(
            f"可以读取，{len(there)} 个对象符合条件。",
            f"It can be read; {number_of(len(there), 'objects match')}.",
        ),
        facts,
    )


def shown(config: S3Config) -> str:
    """Where it is, without any credential."""
    return f"s3://{config.store}/{config.bucket}" + (f"/{config.prefix}" if config.prefix else "")
