"""The Merkle tree of RFC 6962 (proofs as in RFC 9162 §2.1.3 and §2.1.4). Pure: hashes in, hashes and verdicts out.

A tree is read through `Nodes`: a function from (level, index) to the hash of a *complete* subtree of 2^level leaves. Every
root and proof needs O(log² n) of them, wherever they are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

Nodes = Callable[[int, int], bytes]
EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that is needed to add leaves and to know the root."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def add(self, leaf: bytes) -> Iterator[tuple[int, bytes]]:
        """Append one leaf's hash; gives each subtree that it completes as (level, hash), the leaf itself first."""
        self._peaks.append(leaf)
        self.size += 1
        level, left_over = 0, self.size
        yield level, leaf
        while left_over % 2 == 0:
            right, left = self._peaks.pop(), self._peaks.pop()
            self._peaks.append(node_hash(left, right))
            level, left_over = level + 1, left_over // 2
            yield level, self._peaks[-1]

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY
        folded = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            folded = node_hash(peak, folded)
        return folded


def peaks(nodes: Nodes, size: int) -> list[bytes]:
    """The complete subtrees that make up a tree of `size` leaves, left to right."""
    found, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append(nodes(level, start >> level))
            start += 1 << level
    return found


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """The nodes of a tree that is held in memory."""
    levels: list[list[bytes]] = [[]]
    frontier = Frontier()
    for leaf in leaves:
        for level, value in frontier.add(leaf):
            if level == len(levels):
                levels.append([])
            levels[level].append(value)
    return lambda level, index: levels[level][index]


def root(nodes: Nodes, size: int) -> bytes:
    return Frontier(size, peaks(nodes, size)).root()


def _span(nodes: Nodes, start: int, end: int) -> bytes:
    """Hash of the leaves [start, end); `start` is where a subtree of that many leaves may begin."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(size)
    return node_hash(_span(nodes, start, middle), _span(nodes, middle, end))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The path from leaf `index` to the root of the first `size` leaves. Raises ValueError outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """What shows that the tree of `new` leaves begins with the tree of `old`. Raises ValueError unless 0 < old ≤ new."""
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    path, start, end, is_whole = [], 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start, is_whole = middle, False
    return ([] if is_whole else [_span(nodes, start, end)]) + path[::-1]


def holds_leaf(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof shows that leaf `index` of the tree of `size` leaves with root `expected` is this one."""
    if not 0 <= index < size or len(leaf) != len(EMPTY):
        return False
    at, last, folded = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            folded = node_hash(sibling, folded)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            folded = node_hash(folded, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and folded == expected


def is_subtree(start: int, end: int) -> bool:
    """Whether leaves [start, end) may form a subtree: `start` is a multiple of the power of two that holds them all."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def extends_subtree(
    start: int, end: int, size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that leaves [start, end) with root `old_root` stand so in the tree of `size` leaves.

    No leaves at all stand in every tree.
    """
    if 0 <= start == end <= size:
        return old_root == EMPTY and not proof
    if not is_subtree(start, end) or end > size:
        return False
    first, last_old, last = start, end - 1, size - 1
    is_edge = last_old == last
    while first != last_old and (is_edge or last_old & 1):
        first, last_old, last = first >> 1, last_old >> 1, last >> 1
    rest = list(proof)
    if first == last_old:
        old = new = old_root
    elif rest:
        old = new = rest.pop(0)
    else:
        return False
    for sibling in rest:
        if last == 0:
            return False
        if last_old & 1 or last_old == last:
            if first < last_old:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not last_old & 1 and last_old:
                first, last_old, last = first >> 1, last_old >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        first, last_old, last = first >> 1, last_old >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def extends(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `new` leaves begins with that of `old`.

    An empty tree shows nothing: with `old` = 0 the answer is False, also for 0 = 0 with equal roots and an empty proof.
    """
    return old > 0 and extends_subtree(0, old, new, old_root, new_root, proof)
