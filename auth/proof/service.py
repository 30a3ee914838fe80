"""Signing the audit record, and proving from it: one event's place, and that the log of today continues that of yesterday."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from sqlalchemy import func
from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.audit import AuditEventRow
from auth.proof import merkle, tiles
from auth.proof.checkpoint import Place
from auth.proof.note import Checkpoint, NoteRefused
from auth.proof.receipts import seen
from auth.proof.tree import Tree
from core.errors import Conflict, InputRefused, NotFound
from core.text import Text, number_of
from core.work import Work


class LogFault(Conflict):
    """The record is not the one that was signed before: nothing more is signed until somebody has looked."""

    slug = "audit-log-fault"
    title = Text("审计记录与已签署的检查点不符", "The audit record contradicts its checkpoints")


class InclusionRead(SQLModel):
    """All that shows, to somebody who has the public key and nothing else, that an event stands in the record.

    `entry` is the event as canonical JSON, the very text whose hash is the leaf; `hashes` is the path, base64.
    """

    index: int
    size: int
    entry: str
    hashes: list[str]
    checkpoint: str
    key: str


class ConsistencyRead(SQLModel):
    """That the first `new` events begin with the first `old`; roots and hashes in base64."""

    old: int
    new: int
    old_root: str
    new_root: str
    hashes: list[str]


def newest(place: Place) -> Checkpoint:
    """The newest checkpoint. NotFound while there is none; LogFault when the file is not what the key signed."""
    try:
        found = place.newest()
    except (NoteRefused, UnicodeDecodeError) as fault:
        raise _fault(
            f"最新检查点文件已损坏或被改动：{fault}。",
            f"The newest checkpoint file was damaged or altered: {fault}.",
        ) from fault
    if found is None:
        raise NotFound(
            Text(
                "还没有检查点；服务运行后几秒内写出第一个。",
                "There is no checkpoint yet; a running service writes the first within seconds.",
            )
        )
    return found


def size_signed(place: Place) -> int:
    """How many events the newest checkpoint covers; 0 while there is none."""
    try:
        return newest(place).size
    except NotFound:
        return 0


def length(work: Work) -> int:
    """Number of the newest event; 0 while there is none."""
    return work.db.exec(select(func.max(AuditEventRow.seq))).one() or 0


def seal(work: Work, place: Place) -> Checkpoint | None:
    """Sign the record as it stands; the newest checkpoint. Does nothing when it has not grown. None while it is empty.

    Raises LogFault, and signs nothing, when the record is shorter than what was signed, begins otherwise, or has a
    broken chain in its new part.
    """
    with place.alone():
        size = length(work)
        try:
            last = newest(place)
        except NotFound:
            last = None
        if last is not None and size < last.size:
            raise _fault(
                f"审计记录只有 {size} 条，而已签署的检查点有 {last.size} 条。",
                f"The record has {number_of(size, 'events')}; a checkpoint over {last.size} was signed.",
            )
        if size == 0 or (last is not None and size == last.size):
            return last
        tree = _grown(work, Tree(place.tree), last)
        made = place.signer().sign(size, merkle.root(tree.node, size))
        place.keep(made)
        return made


def _grown(work: Work, tree: Tree, last: Checkpoint | None) -> Tree:
    """The tree over all events, made from scratch when what is stored does not bear out the last checkpoint."""
    held = last.size if last else 0
    if not tree.cut_to(held) or (last and not tree.has_root(held, last.root)):
        tree.cut_to(0)
    try:
        tree.add(_leaves(work, tree))
    except LogFault:  # the stored tree may be to blame: the record itself decides
        tree.cut_to(0)
        tree.add(_leaves(work, tree))
    if last and not tree.has_root(held, last.root):
        tree.cut_to(0)
        raise _fault(
            f"前 {held} 条审计记录已不是检查点所签署的内容。",
            f"The first {number_of(held, 'events are')} no longer those that the checkpoint signed.",
        )
    return tree


def _leaves(work: Work, tree: Tree) -> Iterator[bytes]:
    """Hashes of the events after those the tree holds. Raises LogFault where the chain does not hold."""
    held, previous = tree.size(), audit.GENESIS
    if held:
        before = work.db.exec(select(AuditEventRow).where(AuditEventRow.seq == held)).first()
        if before is None or merkle.leaf_hash(audit.entry(before)) != tree.node(0, held - 1):
            raise _broken(held)
        previous = before.hash
    wanted = select(AuditEventRow).where(AuditEventRow.seq > held).order_by(col(AuditEventRow.seq))
    for row in work.db.exec(wanted.execution_options(yield_per=1000)):
        held += 1
        if row.seq != held or row.prev_hash != previous or audit.digest(row) != row.hash:
            raise _broken(held)
        previous = row.hash
        yield merkle.leaf_hash(audit.entry(row))


def _broken(seq: int) -> LogFault:
    return _fault(f"审计链在第 {seq} 条处断裂。", f"The chain does not hold at event {seq}.")


def _fault(zh: str, en: str) -> LogFault:
    return LogFault(
        Text(
            f"{zh}请停止使用并用已公布的检查点核对备份。",
            f"{en} Stop, and compare a backup with the checkpoints that were published.",
        )
    )


def checkpoints_at_odds(work: Work, place: Place) -> list[int]:
    """Sizes of the signed checkpoints that the record, read from its first event, does not bear out."""
    verifier, odd, signed = place.signer().verifier, [], {}
    for path in place.paths():
        try:
            found = verifier.opens(path.read_bytes().decode())
            signed[found.size] = found.root
        except (NoteRefused, UnicodeDecodeError):
            odd.append(int(path.stem))
    frontier = merkle.Frontier()
    rows = work.db.exec(
        select(AuditEventRow).order_by(col(AuditEventRow.seq)).execution_options(yield_per=1000)
    )
    for row in rows:
        for _ in frontier.add(merkle.leaf_hash(audit.entry(row))):
            pass
        if (expected := signed.pop(frontier.size, None)) is not None and expected != frontier.root():
            odd.append(frontier.size)
    return sorted({*odd, *signed})


def inclusion(work: Work, actor: Actor, event_id: str, place: Place) -> InclusionRead:
    """Proof that an event stands under the newest checkpoint. NotFound outside the actor's sight; Conflict while it is not covered."""
    return _covered(seen(work, actor, event_id), place)


def of_object(work: Work, kind: str, subject: str, place: Place) -> InclusionRead:
    """Proof of the newest event of this kind about an object that the caller may see. Conflict while there is none."""
    return _covered(event_of(work, kind, subject), place)


def _covered(row: AuditEventRow | None, place: Place) -> InclusionRead:
    found = covering(row, place) if row else None
    if found is None:
        raise Conflict(
            Text(
                "还没有检查点覆盖这条记录；请几秒后再试。",
                "No checkpoint covers this event yet; try again in a few seconds.",
            )
        )
    return found


def covering(row: AuditEventRow, place: Place) -> InclusionRead | None:
    """The proof of an event that the caller may show; None while no checkpoint covers it. Checked before it is given."""
    try:
        checkpoint = newest(place)
    except NotFound:
        return None
    if checkpoint.size < row.seq:
        return None
    entry, index = audit.entry(row), row.seq - 1
    try:
        path = merkle.inclusion_proof(Tree(place.tree).node, index, checkpoint.size)
    except LookupError:
        path = []
    if not merkle.holds_leaf(merkle.leaf_hash(entry), index, checkpoint.size, path, checkpoint.root):
        raise _fault(
            f"第 {row.seq} 条审计记录与检查点不符。", f"Event {row.seq} does not stand under the checkpoint."
        )
    return InclusionRead(
        index=index, size=checkpoint.size, entry=entry.decode(), hashes=[_b64(each) for each in path],
        checkpoint=checkpoint.note, key=place.signer().verifier.text(),
    )  # fmt: skip


def event_of(work: Work, kind: str, subject: str) -> AuditEventRow | None:
    """The newest event of this kind about this object; for callers who have checked that the reader may see it."""
    wanted = select(AuditEventRow).where(AuditEventRow.kind == kind, AuditEventRow.subject == subject)
    return work.db.exec(wanted.order_by(col(AuditEventRow.seq).desc())).first()


def consistency(place: Place, old: int, new: int | None) -> ConsistencyRead:
    """Proof between two sizes of the log that the newest checkpoint covers; `new` None means the newest checkpoint's."""
    checkpoint = newest(place)
    end = checkpoint.size if new is None else new
    if not 0 < old <= end <= checkpoint.size:
        raise InputRefused(
            Text(
                f"须有 0 < from ≤ to ≤ {checkpoint.size}（最新检查点的条数）。",
                f"It must hold that 0 < from ≤ to ≤ {checkpoint.size}, the size of the newest checkpoint.",
            )
        )
    node = Tree(place.tree).node
    try:
        path = merkle.consistency_proof(node, old, end)
        roots = merkle.root(node, old), merkle.root(node, end)
    except LookupError:
        raise _fault("检查点之树的存储不完整。", "The stored tree is not whole.") from None
    return ConsistencyRead(
        old=old,
        new=end,
        old_root=_b64(roots[0]),
        new_root=_b64(roots[1]),
        hashes=[_b64(each) for each in path],
    )


def tile(place: Place, address: str) -> bytes:
    """A tile of the tree by its C2SP address. NotFound for what is none, and for what no checkpoint signs yet."""
    found = tiles.named(address)
    if found is None or not found.lies_in(newest(place).size):
        raise NotFound(
            Text(
                "没有这块树片，或尚无检查点签署它；条目包不公布，因为事件写明何人办理何事。",
                "There is no such tile, or no checkpoint signs it yet; bundles of entries are not published, since events say who did what.",
            )
        )
    return read_tile(place, found)


def read_tile(place: Place, wanted: tiles.Tile) -> bytes:
    """Its hashes. LogFault where the store is not whole."""
    try:
        return Tree(place.tree).nodes(wanted.node_level, wanted.start, wanted.width)
    except LookupError:
        raise _fault("检查点之树的存储不完整。", "The stored tree is not whole.") from None


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
