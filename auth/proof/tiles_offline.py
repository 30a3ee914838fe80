"""Checking the tiles of a pack, or a copy of a published log's, with nothing but the files."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from auth.proof import merkle, tiles
from auth.proof.note import Checkpoint, NoteRefused, Verifier
from auth.proof.tiles import HASH_SIZE, Tile

CHECKPOINT: Final = "checkpoint"
TILES: Final = "tile"


class Found(Protocol):
    """Where flaws are told."""

    def flaw(self, where: str, zh: str, en: str) -> None: ...


def check_tiles(folder: Path, verifier: Verifier, found: Found) -> None:
    """Every tile must be there, whole, and lead to the root that its checkpoint signs. Packs written before there were tiles have neither."""
    path = folder / CHECKPOINT
    if not path.exists() and not (folder / TILES).exists():
        return
    try:
        signed = verifier.opens(path.read_bytes().decode())
        if (folder / "checkpoints" / f"{signed.size:012d}.txt").read_bytes() != signed.note.encode():
            found.flaw(CHECKPOINT, "不在包内的检查点之中", "it is none of the pack's checkpoints")
        read = {tile: (folder / TILES / tile.name).read_bytes() for tile in tiles.all_of(signed.size)}
    except (OSError, ValueError, NoteRefused) as fault:
        found.flaw(TILES, f"检查点或树片无法读取：{fault}", f"a checkpoint or tile cannot be read: {fault}")
        return
    odd = _odd(read, signed)
    for tile in odd:
        where = f"{TILES}/{tile.name}"
        found.flaw(
            where, "树片与检查点所签署的树不符", "the tile is not of the tree that the checkpoint signs"
        )


def _odd(read: dict[Tile, bytes], signed: Checkpoint) -> list[Tile]:
    """Tiles that are not of the tree that was signed: of another length, or whose own hash is not what stands above."""
    odd = [tile for tile, held in read.items() if len(held) != tile.width * HASH_SIZE]
    if odd or not signed.size:
        return odd
    whole = [tile for tile in read if tile.width == tiles.WIDTH]
    by_place = {(tile.level, tile.number): held for tile, held in read.items()}
    odd = [tile for tile in whole if _top(read[tile]) != _above(by_place, tile)]
    node = tiles.nodes_of(read.__getitem__, signed.size)
    return odd or ([] if merkle.root(node, signed.size) == signed.root else list(read)[:1])


def _top(held: bytes) -> bytes:
    """The hash over a whole tile."""
    row = [held[at : at + HASH_SIZE] for at in range(0, len(held), HASH_SIZE)]
    while len(row) > 1:
        row = [merkle.node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _above(by_place: dict[tuple[int, int], bytes], tile: Tile) -> bytes:
    """What the next level says of it."""
    held, at = by_place[tile.level + 1, tile.number // tiles.WIDTH], tile.number % tiles.WIDTH * HASH_SIZE
    return held[at : at + HASH_SIZE]
