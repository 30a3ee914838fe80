"""The evidence pack: every event up to the newest checkpoint, every checkpoint, the public key, and how to check them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlmodel import col, select

from auth import audit, audit_personal
from auth.audit import AuditEventRow
from auth.proof import tiles
from auth.proof.checkpoint import Place
from auth.proof.offline import CHECKPOINTS, ERASED, EVENTS, KEY, PERSONAL
from auth.proof.service import newest, read_tile
from auth.proof.stamps_offline import TSA
from auth.proof.tiles_offline import CHECKPOINT, TILES
from core.errors import Conflict
from core.text import Text
from core.work import Work

_EPOCH: Final = (2026, 1, 1, 0, 0, 0)  # the same record gives the same pack
README: Final = Text(
    """数授审计证据包

events.jsonl    全部审计事件，每行一条（RFC 8785 规范 JSON），含散列链
personal.jsonl  事件中以加盐承诺代替的个人信息，连同盐；已依法删除的不在其中
checkpoints/    已签署的检查点（C2SP tlog-checkpoint，Ed25519）
checkpoints/*.tsr、tsa.pem  外部时间戳机构（RFC 3161）对检查点的时间戳与其证书（如有）
checkpoint、tile/  最新检查点与其下之树（C2SP tlog-tiles，只有散列值）
key.txt         验证检查点的公钥

核验：datagrant audit verify 本目录 [--key 公钥] [--checkpoint 另行保存的检查点] [--tsa 时间戳机构证书]
请把 key.txt 与另行公布的公钥比对；把以前保存的检查点一并交给核验命令，可发现整包被替换。
""",
    """Datagrant audit evidence

events.jsonl    every audit event, one per line (RFC 8785 canonical JSON), with its chain hashes
personal.jsonl  personal data for which the events hold salted commitments, with the salts; without what was erased
checkpoints/    the signed checkpoints (C2SP tlog-checkpoint, Ed25519)
checkpoints/*.tsr, tsa.pem  time stamps of checkpoints by an outside authority (RFC 3161) and its certificates, where there are any
checkpoint, tile/  the newest checkpoint and the tree below it (C2SP tlog-tiles; hashes alone)
key.txt         the public key that checks them

To check: datagrant audit verify THIS-FOLDER [--key KEY] [--checkpoint COPY-KEPT-ELSEWHERE] [--tsa CERTIFICATES-OF-THE-AUTHORITY]
Compare key.txt with the key as published elsewhere; hand in checkpoints that you kept, so that a pack replaced as a whole is found.
""",
)


def pack(work: Work, place: Place, to: Path, tsa: Path | None = None) -> None:
    """Write the pack as a ZIP file. Raises NotFound while there is no checkpoint. `tsa`: the pinned certificates of the time-stamp authority."""
    last = newest(place)
    size = last.size
    with zipfile.ZipFile(to, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        out.writestr(_member("README.txt"), f"{README.zh}\n{README.en}")
        out.writestr(_member(KEY), place.signer().verifier.text() + "\n")
        for path in place.paths():
            out.writestr(_member(f"{CHECKPOINTS}/{path.name}"), path.read_bytes())
        for path in place.stamps():
            out.writestr(_member(f"{CHECKPOINTS}/{path.name}"), path.read_bytes())
        if tsa is not None and tsa.is_file():
            out.writestr(_member(TSA), tsa.read_bytes())
        out.writestr(_member(CHECKPOINT), last.note)
        for each in tiles.all_of(size):
            out.writestr(_member(f"{TILES}/{each.name}"), read_tile(place, each))
        with out.open(_member(EVENTS), "w", force_zip64=True) as events:
            for line in _lines(work, size):
                events.write(line)
        with out.open(_member(PERSONAL), "w", force_zip64=True) as personal:
            for line in audit_personal.all_lines(work, size):
                personal.write(line)
    _no_erasure_after(work, size)


def _no_erasure_after(work: Work, size: int) -> None:
    """Raises Conflict when an erasure that no checkpoint covers took something out of this pack: it would look like theft."""
    wanted = select(AuditEventRow.seq).where(AuditEventRow.seq > size, AuditEventRow.kind == ERASED)
    if work.db.exec(wanted.limit(1)).first() is not None:
        raise Conflict(
            Text("刚刚发生了一次删除，还没有检查点覆盖它；请约 30 秒后再试。", "Data were erased just now, and no checkpoint covers that yet; try again in 30 seconds.")
        )  # fmt: skip


def _member(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, _EPOCH)
    made.compress_type, made.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return made


def _lines(work: Work, size: int) -> Iterator[bytes]:
    wanted = select(AuditEventRow).where(AuditEventRow.seq <= size).order_by(col(AuditEventRow.seq))
    for row in work.db.exec(wanted.execution_options(yield_per=1000)):
        yield audit.entry(row) + b"\n"


def unpack(pack_file: Path, into: Path) -> None:
    """Lay a pack of ours out in a new folder."""
    with zipfile.ZipFile(pack_file) as source:
        source.extractall(into)
