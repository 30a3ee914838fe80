"""Checking an evidence pack, or one proof, with nothing but the files: no database, no service, no trust in who wrote them.

Written apart from the writer on purpose: it knows the published formats (RFC 8785 lines, SHA-256 chain, RFC 6962 tree,
C2SP checkpoints) and nothing else of ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import rfc8785

from auth.proof import merkle
from auth.proof.note import LARGEST, Checkpoint, NoteRefused, Verifier
from auth.proof.stamps_offline import STAMPED, check_stamps, named_by
from auth.proof.tiles_offline import check_tiles
from core.text import Text, number_of

EVENTS: Final = "events.jsonl"
PERSONAL: Final = "personal.jsonl"
KEY: Final = "key.txt"
CHECKPOINTS: Final = "checkpoints"
COMMITMENT: Final = b'\\"commitment\\":'  # as it stands in a payload, which is a text within the line
ERASED: Final = "erasure.done"
OPENINGS: Final = "openings"  # in its payload: numbers of events by the place of what was taken in them
MOST_TOLD: Final = 100
_WORDS: Final = frozenset({"note", "reason", "comment"})
_LONGEST_LINE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as it was signed: where, and what."""

    where: str
    what: Text


@dataclass(slots=True)
class Findings:
    """Sound when there is no flaw."""

    events: int = 0
    erased: int = 0  # commitments to personal data that nothing opens any more, as a recorded erasure says
    checkpoints: int = 0
    key: str = ""
    newest: Checkpoint | None = None
    stamps: int = 0  # time stamps of checkpoints that hold
    stamps_ended: int = 0  # and those of which a certificate has ended since, so that they were not checked
    authority: str = ""
    stamped_at: str = ""
    certificate: str = ""
    flaws: list[Flaw] = field(default_factory=list)
    unproven: list[str] = field(
        default_factory=list
    )  # files of the pack that no event cites: lines of the ledger

    def flaw(self, where: str, zh: str, en: str) -> None:
        self.flaws.append(Flaw(where, Text(zh, en)))


def verify_pack(
    folder: Path, key: str = "", copies: Sequence[Path] = (), tsa: Path | None = None
) -> Findings:
    """Check a pack. `key`: the log's public key as known from elsewhere; `copies`: checkpoints kept elsewhere; `tsa`: the certificates of the
    time-stamp authority, as known from elsewhere."""
    found = Findings()
    verifier = _verifier(folder / KEY, key, found)
    if verifier is not None:
        paths = sorted((folder / CHECKPOINTS).rglob("*.txt")) + list(copies)
        signed = _checkpoints(folder, paths, verifier, found)
        _events(folder / EVENTS, signed, found)
        stamps = _stamps_named(folder, found)
        check_tiles(folder, verifier, found)
        check_personal(folder / PERSONAL, _needed(folder, found), found)
        check_stamps(folder, tsa, found, named=stamps)
    return found


def _stamps_named(folder: Path, found: Findings) -> dict[str, str]:
    """The time stamps that a record which is sound tells of."""
    if found.flaws:
        return {}
    lines = (line for line in _lines(folder / EVENTS) if STAMPED.encode() in line)
    try:
        return named_by(map(parsed, lines))
    except (ValueError, KeyError, TypeError) as fault:
        found.flaw(
            EVENTS, f"时间戳的记录无法读取：{fault}", f"what is told of time stamps cannot be read: {fault}"
        )
        return {}


def _needed(folder: Path, found: Findings) -> Iterator[dict[str, Any]]:
    """The events of which something may stand open beside them. What cannot be read was told of above."""
    if not found.flaws:
        for line in _lines(folder / EVENTS):
            if COMMITMENT in line or ERASED.encode() in line:
                yield json.loads(line)


def check_personal(path: Path, events: Iterable[dict[str, Any]], found: Findings) -> None:
    """Each value beside the events must be the one that its event committed to; one that is not there, one that a recorded
    erasure took."""
    try:
        needed = list(events)
        lines = list(map(json.loads, _lines(path))) if path.is_file() else []
        given = {(each["seq"], each["field"]): each for each in lines}
        beside = Beside(Erasures.of(needed), PERSONAL, found)
        for event in needed:
            beside.compare(event, given)
        beside.close(len(given))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        found.flaw(PERSONAL, f"无法读取：{fault}", f"cannot be read: {fault}")


@dataclass(frozen=True, slots=True)
class Erasures:
    """What the record itself says was erased: each opening with the event that took it.

    Events written before erasures named their openings (`unnamed`) account for names in earlier events, never for other words.
    """

    taken: Mapping[tuple[int, str], int]
    unnamed: int = 0  # number of the last event that names none

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Erasures:
        taken: dict[tuple[int, str], int] = {}
        unnamed = 0
        for event in events:
            if event["kind"] == ERASED:
                named = json.loads(event["payload"]).get(OPENINGS)
                if named is None:
                    unnamed = max(unnamed, event["seq"])
                for place, seqs in (named or {}).items():
                    taken |= {(seq, place): event["seq"] for seq in seqs if seq < event["seq"]}
        return cls(taken, unnamed)

    def account_for(self, event: Mapping[str, Any], place: str) -> bool:
        if (event["seq"], place) in self.taken:
            return True
        return event["seq"] < self.unnamed and place.rpartition("/")[2] not in _WORDS


class Beside:
    """Compares what stands beside the events with what they committed to; names what differs, and what is gone with no decision.

    `places`: where each that is at odds stands, by event and field.
    """

    def __init__(self, erasures: Erasures, where: str, found: Findings) -> None:
        self._erasures, self._where, self._found = erasures, where, found
        self._told = 0
        self.places: list[tuple[int, str]] = []

    def compare(self, event: Mapping[str, Any], given: MutableMapping[tuple[int, str], Any]) -> None:
        """Take out of `given` what belongs to this event, by number and place."""
        seq, kind = event["seq"], event["kind"]
        for place, said in _commitments(json.loads(event["payload"]), ""):
            each = given.pop((seq, place), None)
            if each is None:
                self._found.erased += 1
                if not self._erasures.account_for(event, place):
                    self.places.append((seq, place))
                    self._tell(
                        f"第 {seq} 条（{kind}）的 {place} 已不在，而没有记录在案的删除决定",
                        f"{place} of event {seq} ({kind}) is gone, and no recorded erasure took it",
                    )
            elif said != _committed(each["salt"], each["value"]):
                self.places.append((seq, place))
                self._tell(
                    f"第 {seq} 条（{kind}）的 {place} 不是当时承诺的内容",
                    f"{place} of event {seq} ({kind}) is not what was committed to",
                )
            elif by := self._erasures.taken.get((seq, place)):
                self.places.append((seq, place))
                self._tell(
                    f"第 {seq} 条（{kind}）的 {place} 已由第 {by} 条删除，却仍可读",
                    f"{place} of event {seq} ({kind}) was erased by event {by}, yet stands there",
                )

    def close(self, left: int) -> None:
        """`left`: how many values no event committed to."""
        if left and not self._found.flaws:
            self._tell(f"有 {left} 项没有事件承诺", f"no event committed to {left} of the values")
        if (more := self._told - MOST_TOLD) > 0:
            self._found.flaw(self._where, f"另有 {more} 处", f"and {more} more")

    def _tell(self, zh: str, en: str) -> None:
        self._told += 1
        if self._told <= MOST_TOLD:
            self._found.flaw(self._where, zh, en)


def _committed(salt: str, value: str) -> str:
    return "sha256:" + hashlib.sha256(bytes.fromhex(salt) + value.encode()).hexdigest()


def _commitments(value: object, where: str) -> Iterator[tuple[str, str]]:
    """The commitments in a payload, each with its place."""
    if isinstance(value, dict):
        if value.keys() == {"commitment"}:
            yield where, value["commitment"]
            return
        for name, each in value.items():
            yield from _commitments(each, f"{where}/{name}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _commitments(each, f"{where}/{at}")


def _verifier(path: Path, known: str, found: Findings) -> Verifier | None:
    try:
        given = Verifier.parse(_text(path))
    except (OSError, NoteRefused) as fault:
        found.flaw(
            KEY, f"公钥无法读取或已被改动：{fault}", f"the public key cannot be read or was altered: {fault}"
        )
        return None
    found.key = given.text()
    if known and known.strip() != found.key:
        found.flaw(KEY, "公钥与已知公钥不同", "the public key is not the one that is known")
        return None
    return given


def _text(path: Path) -> str:
    """A small file's text. Raises OSError, NoteRefused."""
    with path.open("rb") as source:
        raw = source.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise NoteRefused("too long")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise NoteRefused("not UTF-8") from None


def _checkpoints(
    folder: Path, paths: Iterable[Path], verifier: Verifier, found: Findings
) -> list[Checkpoint]:
    """The signed checkpoints by size; a second one of a size with another root is a fork."""
    by_size: dict[int, Checkpoint] = {}
    for path in paths:
        where = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
        try:
            read = verifier.opens(_text(path))
        except (OSError, NoteRefused) as fault:
            found.flaw(where, f"检查点无效：{fault}", f"the checkpoint does not hold: {fault}")
            continue
        first = by_size.setdefault(read.size, read)
        if first.root != read.root:
            found.flaw(
                where,
                f"分叉：两个检查点都签署 {read.size} 条记录，内容却不同",
                f"fork: two checkpoints sign {number_of(read.size, 'events')}, yet differ",
            )
    found.checkpoints = len(by_size)
    if not by_size:
        found.flaw(CHECKPOINTS, "没有有效的检查点", "there is no checkpoint that holds")
    signed = [by_size[size] for size in sorted(by_size)]
    found.newest = signed[-1] if signed else None
    return signed


def _events(path: Path, signed: list[Checkpoint], found: Findings) -> None:
    """Walk the lines once: the chain, and the root at the size of each checkpoint."""
    frontier, chain, waiting = merkle.Frontier(), _Chain(found), signed[::-1]
    agreed, differs = 0, False
    try:
        for line in _lines(path):
            chain.take(line)
            for _ in frontier.add(merkle.leaf_hash(line)):
                pass
            while waiting and waiting[-1].size <= frontier.size:
                checkpoint = waiting.pop()
                if differs:  # from there on none can agree
                    continue
                if checkpoint.size == frontier.size and checkpoint.root == frontier.root():
                    agreed = frontier.size
                elif checkpoint.size:
                    differs = True
                    _rewritten(agreed, checkpoint, found)
    except (OSError, ValueError) as fault:
        found.flaw(EVENTS, f"无法读取：{fault}", f"cannot be read: {fault}")
    found.events = frontier.size
    if signed and frontier.size != signed[-1].size:
        _other_length(frontier.size, signed[-1].size, chain.is_broken, found)
    chain.close()


def _other_length(events: int, signed: int, is_broken: bool, found: Findings) -> None:
    if is_broken:
        zh, en = (
            f"有 {events} 条，检查点签署了 {signed} 条",
            f"{number_of(events, 'events')} where a checkpoint signs {signed}",
        )
        found.flaw(EVENTS, zh, en)
    elif events < signed:
        found.flaw(
            EVENTS,
            f"只有 {events} 条，检查点签署了 {signed} 条：尾部被截去",
            f"{number_of(events, 'events')} where a checkpoint signs {signed}: the end was cut off",
        )
    else:
        found.flaw(
            f"{EVENTS}:{signed + 1}",
            f"第 {signed} 条之后的记录没有检查点签署：被添加",
            f"no checkpoint signs what stands after event {signed}: it was added",
        )


def _rewritten(agreed: int, checkpoint: Checkpoint, found: Findings) -> None:
    found.flaw(
        f"{EVENTS}:{agreed + 1}-{checkpoint.size}",
        f"第 {agreed + 1} 至 {checkpoint.size} 条不是检查点（{checkpoint.size} 条）所签署的内容",
        f"events {agreed + 1} to {checkpoint.size} are not what the checkpoint of size {checkpoint.size} signed",
    )


def _lines(path: Path) -> Iterator[bytes]:
    """Lines without their end. Raises ValueError for a last line that has none, and for one beyond all measure."""
    with path.open("rb") as source:
        while line := source.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                raise ValueError("the last line is broken off")
            yield line[:-1]


class _Chain:
    """The chain over the lines. Names its first break; what follows would only repeat it."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._line = 0
        self._previous = "0" * 64
        self._gap = 0  # the number that was missing at the break
        self._broken_at = ""

    @property
    def is_broken(self) -> bool:
        return bool(self._broken_at)

    def take(self, line: bytes) -> None:
        self._line += 1
        if self._broken_at:
            self._look_for_gap(line)
            return
        try:
            event = parsed(line)
        except ValueError as fault:
            self._break(f"第 {self._line} 条被改动：{fault}", f"event {self._line} was altered: {fault}")
            return
        seq = event["seq"]
        if seq > self._line:
            self._gap, self._broken_at = self._line, f"{EVENTS}:{self._line}"
        elif seq < self._line:
            self._break(f"第 {seq} 条重复或被插入", f"event {seq} is there twice, or was inserted")
        elif event["prev_hash"] != self._previous:
            self._break(f"第 {seq} 条与前一条不相连", f"event {seq} does not link to the one before")
        elif hash_of(event) != event["hash"]:
            self._break(f"第 {seq} 条被改动", f"event {seq} was altered")
        else:
            self._previous = event["hash"]

    def _look_for_gap(self, line: bytes) -> None:
        if self._gap:
            try:
                seq = parsed(line)["seq"]
            except ValueError:
                return
            if seq == self._gap:
                zh, en = f"第 {seq} 条被移到第 {self._line} 行", f"event {seq} was moved to line {self._line}"
                self._gap = 0
                self._found.flaw(self._broken_at, zh, en)

    def close(self) -> None:
        if self._gap:
            self._found.flaw(self._broken_at, f"缺少第 {self._gap} 条", f"event {self._gap} is missing")

    def _break(self, zh: str, en: str) -> None:
        self._broken_at = f"{EVENTS}:{self._line}"
        self._found.flaw(self._broken_at, zh, en)


_SAFE: Final = 2**53 - 1
_write: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(event: dict[str, Any]) -> bytes:
    """RFC 8785. Events are flat: texts, whole numbers, nothing. For these the library of Python writes the same bytes, ten times
    faster; everything else goes the long way. Raises ValueError for what has no canonical form."""
    for name, value in event.items():
        if not name.isascii() or not (
            value is None or type(value) is str or (type(value) is int and abs(value) <= _SAFE)
        ):
            return rfc8785.dumps(cast(Any, event))
    return _write(event).encode()  # a lone surrogate cannot be encoded: UnicodeEncodeError is a ValueError


def parsed(line: bytes) -> dict[str, Any]:
    """The event in a line that is written in the one canonical way. Raises ValueError."""
    try:
        event: dict[str, Any] = json.loads(line)
        written = canonical(event) if isinstance(event, dict) else b""
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise ValueError("not canonical JSON") from None
    if written != line:
        raise ValueError("not canonical JSON")
    if type(event.get("seq")) is not int or not all(
        isinstance(event.get(name), str) for name in ("hash", "prev_hash")
    ):
        raise ValueError("not an event")
    return event


def hash_of(event: dict[str, Any]) -> str:
    body = {name: value for name, value in event.items() if name not in {"hash", "prev_hash"}}
    previous = bytes.fromhex(event["prev_hash"])
    return hashlib.sha256(previous + canonical(body)).hexdigest()


def verify_proof(path: Path, key: str = "") -> Findings:
    """Check one event's proof, as the proof route answers it. `key` as in `verify_pack`."""
    found = Findings()
    try:
        proof = json.loads(path.read_bytes())
        verifier = Verifier.parse(key.strip() or proof["key"])
        checkpoint = verifier.opens(proof["checkpoint"])
        leaf = merkle.leaf_hash(proof["entry"].encode())
        path_up = [base64.b64decode(each, validate=True) for each in proof["hashes"]]
        is_sound = proof["size"] == checkpoint.size and merkle.holds_leaf(
            leaf, proof["index"], checkpoint.size, path_up, checkpoint.root
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        found.flaw(
            path.name,
            f"证明无法读取或签名无效：{fault}",
            f"the proof cannot be read or is not signed: {fault}",
        )
        return found
    found.events, found.checkpoints, found.key, found.newest = 1, 1, verifier.text(), checkpoint
    if not is_sound:
        found.flaw(path.name, "该事件不在检查点之下", "the event does not stand under the checkpoint")
    return found
