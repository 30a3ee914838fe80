"""Checking a part of the record with nothing but its files: signature, inclusion of every event, digests of what events cite."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from auth.proof import merkle
from auth.proof.note import Checkpoint, NoteRefused, Verifier
from auth.proof.offline import PERSONAL, Findings, check_personal, hash_of, parsed
from core.text import number_of

EVENTS: Final = "events.jsonl"
PROOFS: Final = "proofs.jsonl"
CHECKPOINT: Final = "checkpoint.txt"
KEY: Final = "key.txt"
MANIFEST: Final = "manifest.json"
DOCUMENTS: Final = "documents"
# which member of an event's payload names the digest of which documents
CITED: Final = {
    "extract.delivered": ("receipt_hash", "receipts"),
    "grant.issued": ("policy_hash", "policies"),
}


def is_dossier(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and (folder / PROOFS).is_file()


def verify_dossier(folder: Path, key: str = "") -> Findings:
    """Check a pack of one grant or period. `key`: the log's public key as known from elsewhere."""
    found = Findings()
    try:
        verifier = Verifier.parse((folder / KEY).read_text())
        found.key = verifier.text()
        if key and key.strip() != found.key:
            found.flaw(KEY, "公钥与已知公钥不同", "the public key is not the one that is known")
            return found
        found.newest = verifier.opens((folder / CHECKPOINT).read_bytes().decode())
        found.checkpoints = 1
        _files(folder, found)
        events = list(_events(folder, found.newest, found))
        _documents(folder, events, found)
        check_personal(folder / PERSONAL, events, found)
    except (OSError, NoteRefused, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        found.flaw(
            str(folder.name), f"无法读取或签名无效：{fault}", f"cannot be read, or is not signed: {fault}"
        )
    return found


def _files(folder: Path, found: Findings) -> None:
    """The manifest names every file and no other."""
    named: dict[str, str] = json.loads((folder / MANIFEST).read_bytes())["files"]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    for name in sorted(set(named) - there):
        found.flaw(name, "缺少文件", "the file is missing")
    for name in sorted(there - set(named)):
        found.flaw(name, "清单中没有该文件", "the manifest does not name this file")
    for name in sorted(there & set(named)):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != named[name]:
            found.flaw(name, "与清单的摘要不符", "differs from the digest in the manifest")


def _events(folder: Path, checkpoint: Checkpoint, found: Findings) -> Iterator[dict[str, Any]]:
    """Each line with its proof: canonical, its own hash right, and under the checkpoint at its number."""
    lines = (folder / EVENTS).read_bytes().splitlines()
    proofs = (folder / PROOFS).read_bytes().splitlines()
    if len(lines) != len(proofs):
        found.flaw(
            PROOFS,
            f"{len(lines)} 条记录而有 {len(proofs)} 个证明",
            f"{number_of(len(lines), 'events')}, {number_of(len(proofs), 'proofs')}",
        )
    last = 0
    for number, (line, words) in enumerate(zip(lines, proofs, strict=False), 1):
        where, event, proof = f"{EVENTS}:{number}", parsed(line), json.loads(words)
        path = [base64.b64decode(each, validate=True) for each in proof["hashes"]]
        holds = proof["seq"] == event["seq"] > last and merkle.holds_leaf(
            merkle.leaf_hash(line), event["seq"] - 1, checkpoint.size, path, checkpoint.root
        )
        if not holds:
            found.flaw(where, "该事件不在检查点之下", "the event does not stand under the checkpoint")
        elif hash_of(event) != event["hash"]:
            found.flaw(where, "该事件被改动", "the event was altered")
        last = event["seq"]
        found.events += 1
        yield event


def _documents(folder: Path, events: list[dict[str, Any]], found: Findings) -> None:
    """Every receipt and policy in the pack is one that an event cites by its digest."""
    cited: dict[str, set[str]] = {part: set() for _, part in CITED.values()}
    for event in events:
        if event["kind"] in CITED:
            member, part = CITED[event["kind"]]
            cited[part].add(str(json.loads(event["payload"]).get(member)))
    for part, digests in cited.items():
        for path in sorted((folder / DOCUMENTS / part).glob("*")):
            if hashlib.sha256(path.read_bytes()).hexdigest() not in digests:
                where = path.relative_to(folder).as_posix()
                found.flaw(where, "没有事件以此摘要引用该文件", "no event cites a file of this digest")
    _others(folder, events, found)


def _others(folder: Path, events: list[dict[str, Any]], found: Findings) -> None:
    """Terms are those that an event cites; the ledger's lines are cited by none, which is told; nothing else belongs here."""
    terms = {str(json.loads(each["payload"]).get("agreement_hash")) for each in events}
    for path in sorted(each for each in (folder / DOCUMENTS).rglob("*") if each.is_file()):
        where = path.relative_to(folder).as_posix()
        if path.parent.name in {part for _, part in CITED.values()}:
            continue
        if path.suffix == ".csv" and path.name.startswith("ledger"):
            found.unproven.append(where)
        elif hashlib.sha256(path.read_bytes()).hexdigest() not in terms:
            found.flaw(where, "没有事件以此摘要引用该文件", "no event cites a file of this digest")
