"""Checking a downloaded file against its manifest with nothing but the two: no database, no service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.text import Text
from datasets.releases.hashes import Digests, digests_of
from datasets.releases.signing import SignatureRefused, demand_signature

_LARGEST: Final = 64 * 1024 * 1024  # bytes of a manifest: far above any real one


@dataclass(slots=True)
class Finding:
    """Sound when there is no flaw. `matched`: which of the release's files it is. `key`: who signed, or empty.
    `notes`: what a sound manifest cannot prove."""

    matched: str = ""
    key: str = ""
    is_signed: bool = False
    release: dict[str, Any] = field(default_factory=dict)
    flaws: list[Text] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)


def verify(
    file: Path, manifest: Path, key: str = "", *, allow_unsigned: bool = False, verdict: Path | None = None
) -> Finding:
    """Is `file` one of the files that `manifest` names, and did the release key sign it? `key`: as known from elsewhere.
    verdict: the verdict, or its counts, which must be the ones by which this very content was published."""
    found = Finding()
    try:
        document = _read(manifest)
    except (OSError, ValueError) as fault:
        found.flaws.append(
            Text(
                f"清单 {manifest.name} 无法读取：{fault}",
                f"The manifest {manifest.name} cannot be read: {fault}",
            )
        )
        return found
    found.release = document["release"]
    _signature(document, key, found, allow_unsigned)
    _file(document, file, found)
    _documents(document, verdict, found)
    return found


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST:
        raise ValueError("too large for a manifest")
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict) or not all(
        isinstance(document.get(name), dict) for name in ("release", "files")
    ):
        raise ValueError("not a release manifest")
    return document


def _signature(document: dict[str, Any], key: str, found: Finding, allow_unsigned: bool) -> None:
    if "signature" not in document:
        if not allow_unsigned or key or document.get("manifest_version") != 1:
            found.flaws.append(
                Text(
                    "清单没有签名：该版本发布于启用签名之前，只能核对哈希；确认来源可靠时可加 --allow-unsigned。",
                    "The manifest is not signed: the release was made before manifests were, so only its hashes can be compared. "
                    "If you trust where it came from, add --allow-unsigned.",
                )
            )
        return
    try:
        found.key = demand_signature(document, key).text()
        found.is_signed = True
    except SignatureRefused as refused:
        found.flaws.append(
            Text(f"清单签名不成立：{refused}", f"The manifest's signature does not hold: {refused}")
        )


def named_files(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file of the release with its name: `parquet`, `csv`, `partition 2026-03`; then its documents: `counts`, `verdict`, `suite`."""
    for name, entry in document["files"].items():
        if name == "partitions":
            for part in entry["files"]:
                yield f"partition {part['value']}", part
        else:
            yield name, entry
    yield from named_documents(document).items()


def named_documents(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Digests of verdict, counts and suite; none in manifests below version 3."""
    found = (document.get("gate") or {}).get("documents") if isinstance(document.get("gate"), dict) else None
    return found if isinstance(found, dict) else {}


def _documents(document: dict[str, Any], verdict: Path | None, found: Finding) -> None:
    """The verdict is held against its digest; a manifest from before them says that it cannot prove one."""
    named = named_documents(document)
    if not named:
        said = Text(
            "该清单早于第 3 版，不含校验结论与规则集的摘要：只能证明文件，不能证明结论。",
            "The manifest is older than version 3 and names no digest of verdict and suite: it proves the files, not the verdict.",
        )
        (found.flaws if verdict is not None else found.notes).append(said)
        return
    if verdict is None:
        return
    try:
        held = digests_of(verdict)
    except OSError as fault:
        found.flaws.append(
            Text(
                f"文件 {verdict.name} 无法读取：{fault.strerror}",
                f"The file {verdict.name} cannot be read: {fault.strerror}",
            )
        )
        return
    for name in ("verdict", "counts"):
        if named.get(name, {}).get("sha256") == held.sha256:
            _agree(named[name], held, found)
            return
    found.flaws.append(
        Text(
            f"{verdict.name}（SHA-256 {held.sha256}）不是该版本据以发布的校验结论：已被改动，或属于另一版本。",
            f"{verdict.name} (SHA-256 {held.sha256}) is not the verdict by which the release was published: it was altered, or belongs to another release.",
        )
    )


def _file(document: dict[str, Any], file: Path, found: Finding) -> None:
    try:
        held = digests_of(file)
    except OSError as fault:
        found.flaws.append(
            Text(
                f"文件 {file.name} 无法读取：{fault.strerror}",
                f"The file {file.name} cannot be read: {fault.strerror}",
            )
        )
        return
    for name, entry in named_files(document):
        if entry.get("sha256") == held.sha256:
            found.matched = name
            _agree(entry, held, found)
            return
    found.flaws.append(
        Text(
            f"文件 {file.name}（SHA-256 {held.sha256}）不是该版本的任何文件：内容已被改动，或属于另一版本。",
            f"{file.name} (SHA-256 {held.sha256}) is none of the release's files: it was altered, or belongs to another release.",
        )
    )


def _agree(entry: dict[str, Any], held: Digests, found: Finding) -> None:
    for name in ("sm3", "size_bytes"):
        if name in entry and entry[name] != getattr(held, name):
            found.flaws.append(
                Text(
                    f"{name} 与清单不符：清单 {entry[name]}，文件 {getattr(held, name)}。",
                    f"{name} differs: {entry[name]} in the manifest, {getattr(held, name)} of the file.",
                )
            )
