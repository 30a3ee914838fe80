"""A folder on this machine that others drop files into.

A folder lies under the installation's root for folders, in the sub-folder of its own department: no source can name any
other path. Each step of the way is opened without following links, so that a link put there later leads nowhere. A file
is taken when its size and time were the same at two looks, so that nothing half-written is handed in.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, field_validator

from core.errors import InputRefused, Unavailable
from core.files import CHUNK, FileStore
from core.text import Text, number_of
from datasets.sources.asking import Ask, Catch, Found, Probe, bounded, too_large

APART_S: Final = 30
_AGAIN_S: Final = 60
_MOST_AT_ONCE: Final = 20
_MOST_NAMES: Final = 2_000

Mark = list[int]
"""Size, modification time in nanoseconds, inode: what must not change between two looks."""


class FolderConfig(BaseModel):
    """A folder by its path inside the department's own, and which of its files count."""

    model_config = {"extra": "forbid"}

    kind: Literal["folder"]
    path: str = Field(default="", max_length=500)
    pattern: str = Field(default="*", min_length=1, max_length=100)

    @field_validator("path")
    @classmethod
    def _inside(cls, value: str) -> str:
        parts = value.strip().strip("/").split("/") if value.strip("/ ") else []
        bad = value.startswith("/") or any(
            part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts
        )
        if bad:
            raise ValueError(
                "须为本部门文件夹内的相对路径，不含 .. / must be a path inside the department's own folder, without .."
            )
        return "/".join(parts)

    @field_validator("pattern")
    @classmethod
    def _name_only(cls, value: str) -> str:
        if "/" in value or not value.isprintable():
            raise ValueError("只匹配文件名，如 *.csv / matches names alone, such as *.csv")
        return value

    def wants_secret(self) -> bool:
        return False


@contextmanager
def _opened(ask: Ask, config: FolderConfig) -> Iterator[int]:
    """The folder as an open directory."""
    handle = _descend(ask, config)
    try:
        yield handle
    finally:
        os.close(handle)


def _descend(ask: Ask, config: FolderConfig) -> int:
    """Open the folder step by step from the root; every step is a real directory, no link."""
    root = ask.settings.source_root
    if root is None:
        raise Unavailable(
            Text(
                "本系统未启用文件夹来源；请管理员设置 DATAGRANT_SOURCE_ROOT。",
                "Folders are not in use here; the administrator names their root in DATAGRANT_SOURCE_ROOT.",
            )
        )
    how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    parts = [ask.org_id, *filter(None, config.path.split("/"))]
    if any(part in (".", "..") or "/" in part for part in parts):
        raise _no_folder(parts)
    handle = -1
    try:
        handle = os.open(root, how)
        for part in parts:
            inner = os.open(part, how | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
    except OSError:
        if handle >= 0:
            os.close(handle)
        raise _no_folder(parts) from None
    return handle


def _no_folder(parts: list[str]) -> InputRefused:
    where = "/".join(parts) or "DATAGRANT_SOURCE_ROOT"
    return InputRefused(
        Text(
            f"文件夹 {where} 不存在、无权读取，或是符号链接；请建立真实的文件夹并授予读取权限。",
            f"The folder {where} does not exist, may not be read, or is a symbolic link; make a real folder that may be read.",
        )
    )


def _marks(folder: int, config: FolderConfig) -> tuple[dict[str, Mark], int]:
    """Regular files that match, with their marks; and the number of links that were passed over."""
    found: dict[str, Mark] = {}
    links = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "~$")) or not fnmatch.fnmatchcase(entry.name, config.pattern):
                continue
            try:
                told = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            links += stat.S_ISLNK(told.st_mode)
            if stat.S_ISREG(told.st_mode):
                found[entry.name] = _mark(told)
            if len(found) > _MOST_NAMES:
                raise InputRefused(
                    Text(
                        f"文件夹中符合条件的文件超过 {_MOST_NAMES} 个；请清理或缩小匹配范围。",
                        f"More than {_MOST_NAMES} files match in the folder; clear it, or match fewer.",
                    )
                )
    return found, links


def _mark(told: os.stat_result) -> Mark:
    return [told.st_size, told.st_mtime_ns, told.st_ino]


def fetch(ask: Ask, config: FolderConfig, files: FileStore) -> Catch:
    """Take the files that are the same as at the former look and were not taken before, oldest first."""
    seen: dict[str, Any] = dict(ask.memory.get("seen", {}))
    taken: dict[str, Any] = dict(ask.memory.get("taken", {}))
    looked = ask.memory.get("looked_at")
    apart = looked is None or (ask.now - datetime.fromisoformat(looked)).total_seconds() >= APART_S
    caught: list[Found] = []
    problems: list[Text] = []
    with _opened(ask, config) as folder:
        there, links = _marks(folder, config)
        new = {name: mark for name, mark in there.items() if taken.get(name) != mark}
        ripe = sorted(
            (name for name, mark in new.items() if apart and seen.get(name) == mark),
            key=lambda name: (there[name][1], name),
        )
        for place, name in enumerate(ripe[:_MOST_AT_ONCE]):
            ask.progress(place / len(ripe), Text(f"正在读取 {name}", f"Reading {name}"))
            try:
                one = _take(ask, config, files, folder, name, there[name])
            except InputRefused as refused:
                problems.append(refused.detail)
                taken[name] = there[name]
                continue
            if one is not None:
                caught.append(one)
                taken[name] = there[name]
    waiting = len([name for name in new if taken.get(name) != there[name]])
    memory = {
        "seen": there if apart else {name: mark for name, mark in seen.items() if name in there},
        "taken": {name: mark for name, mark in taken.items() if name in there},
        "looked_at": ask.now.isoformat() if apart else looked,
    }
    return Catch(
        tuple(caught),
        memory,
        _said(len(caught), waiting, links),
        tuple(problems),
        _AGAIN_S if waiting else None,
    )


def _said(caught: int, waiting: int, links: int) -> Text:
    zh, en = [f"取得 {caught} 个文件"], [f"{number_of(caught, 'files')} fetched"]
    if waiting:
        zh.append(f"{waiting} 个文件等待写完（两次查看大小与时间不变才接收）")
        en.append(f"{waiting} wait until size and time are the same at two looks")
    if links:
        zh.append(f"忽略 {links} 个符号链接")
        en.append(f"{number_of(links, 'symbolic links')} passed over")
    return Text("；".join(zh) + "。", "; ".join(en) + ".")


def _take(
    ask: Ask, config: FolderConfig, files: FileStore, folder: int, name: str, mark: Mark
) -> Found | None:
    """The file in the store; None when it changed while it was read."""
    limit = ask.settings.upload_max_bytes
    if mark[0] > limit:
        raise too_large(name, limit)
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        raise InputRefused(
            Text(f"{name} 无法读取；请检查文件权限。", f"{name} cannot be read; check its permissions.")
        ) from None
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(handle).st_mode) or _mark(os.fstat(handle)) != mark:
            return None
        stored = bounded(ask.settings, files, name, iter(lambda: source.read(CHUNK), b""))
        if _mark(os.fstat(handle)) != mark:
            return None
    modified = datetime.fromtimestamp(mark[1] / 1e9, ask.now.tzinfo).isoformat()
    provenance = {
        "address": f"{shown(config)}/{name}",
        "modified": modified,
        "fetched_at": ask.now.isoformat(),
    }
    return Found(name, stored, provenance)


def probe(ask: Ask, config: FolderConfig) -> Probe:
    """What lies in the folder now."""
    with _opened(ask, config) as folder:
        there, links = _marks(folder, config)
    newest = sorted(there, key=lambda name: there[name][1], reverse=True)[:10]
    facts = [{"name": name, "value": f"{there[name][0]} B"} for name in newest]
    return Probe(
        Text(
            f"文件夹可读，{len(there)} 个文件符合条件，{links} 个符号链接被忽略。",
            f"The folder can be read; {number_of(len(there), 'files match')}, {number_of(links, 'symbolic links are')} passed over.",
        ),
        facts,
    )


def shown(config: FolderConfig) -> str:
    """Where it is, as people of the department know it."""
    return f"folder:{config.path}" if config.path else "folder:"
