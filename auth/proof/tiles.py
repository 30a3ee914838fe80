"""The record's tree as tiles of C2SP tlog-tiles: files of at most 256 hashes under fixed names, for witnesses and monitors that know nothing of ours.

Tile N of level L holds the hashes of subtrees of 256^L events, those from N·256 on; whole with 256 of them, else partial, named with how many it
holds. The stored tree keeps each level in one file, so a tile is a piece of it. Only what the newest checkpoint signs is told.
Bundles of entries (`tile/entries/`) are not published: an event names its actor by id and its object, and the first form of events by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from auth.proof.merkle import node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
HASH_SIZE: Final = 32
LEVELS: Final = 6  # of 256 each: 2^48 events
TYPE: Final = "application/octet-stream"
_NAME: Final = re.compile(
    r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


class Tile(NamedTuple):
    """`width`: how many hashes it holds, 1 to 256."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def name(self) -> str:
        """Its address below `tile/`: `0/x001/x234/067`, and for 5 hashes `….p/5`."""
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        return f"{self.level}/{'/'.join(groups)}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @property
    def node_level(self) -> int:
        """The level of its hashes in the tree of pairs."""
        return self.level * HEIGHT

    @property
    def start(self) -> int:
        """The place of its first hash on that level."""
        return self.number * WIDTH

    def lies_in(self, size: int) -> bool:
        """Whether a tree of so many events has all its hashes."""
        return self.start + self.width <= size >> self.node_level


def named(text: str) -> Tile | None:
    """The tile of that address; None for what is no address, or not the one way to write it."""
    if (found := _NAME.fullmatch(text)) is None:
        return None
    index = int(found[2].replace("x", "").replace("/", ""))
    made = Tile(int(found[1]), index, int(found[3] or WIDTH))
    return made if made.name == text and made.level < LEVELS else None


def all_of(size: int) -> Iterator[Tile]:
    """The tiles of a tree of so many events: the whole ones, and the partial one at the end of each level."""
    for level in range(LEVELS):
        held = size >> (level * HEIGHT)
        yield from (Tile(level, index) for index in range(held // WIDTH))
        if held % WIDTH:
            yield Tile(level, held // WIDTH, held % WIDTH)


def nodes_of(read: Callable[[Tile], bytes], size: int) -> Callable[[int, int], bytes]:
    """`merkle.Nodes` over tiles: what lies between two levels is computed from the hashes below."""

    def node(level: int, index: int) -> bytes:
        if level % HEIGHT:
            return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
        at = level // HEIGHT
        held = size >> level
        whole = index // WIDTH < held // WIDTH
        tile = Tile(at, index // WIDTH, WIDTH if whole else held % WIDTH)
        start = (index - tile.start) * HASH_SIZE
        return read(tile)[start : start + HASH_SIZE]

    return node
