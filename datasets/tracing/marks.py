"""Hidden marks in numbers: keyed by person and receipt, in the last decimal that the tolerance allows, found again without rows' order or keys.

Values are counted in steps of that decimal, and neighbouring steps form pairs. A keystream of the receipt chooses half of the pairs, and for
each of these which of its two steps a value takes: a value moves by one step or not at all, and never leaves its pair. To find the mark, each pair
in a leak votes with its values; under a key that has nothing to do with the file every vote is a fair coin, whatever the file is.

Half of the pairs go by a key of grant and person, the other half by one of the file. All copies that one person took agree in the first half, so that
their median still names him; the second half tells which of them it was.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

from datasets.tracing.rules import chance_of

PLACES: Final = 65_536
PERSONS: Final[NDArray[np.bool_]] = np.arange(PLACES) % 2 == 0  # the half that all copies of one person share
FILES: Final[NDArray[np.bool_]] = ~PERSONS
_EXACT: Final = 2.0**30  # beyond it a step is no longer far above what a float can tell
_NEAR: Final = 1e-6
Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of one column in one file. `low`, `high`: the released column's own bounds, which no mark passes.

    person: the key of the half that goes by grant and person; without one, as in views, all goes by `key`.
    """

    column: str
    decimals: int
    key: bytes
    low: float = -np.inf
    high: float = np.inf
    person: bytes = b""
    changed: list[int] = field(default_factory=lambda: [0], compare=False)


@dataclass(frozen=True, slots=True)
class Found:
    """One mark in a leak: `agree` of `places` votes; `chance`: at most that of so many by accident, before others are counted."""

    column: str
    places: int
    agree: int
    chance: float


def pattern(key: bytes, column: str) -> tuple[Bits, Bits]:
    """Which pairs are chosen, and which step of its pair a value takes there."""
    own = hmac.digest(key, f"column|{column}".encode(), "sha256")
    stream = Cipher(ChaCha20(own, bytes(16)), mode=None).encryptor().update(bytes(PLACES // 4))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8)).astype(np.bool_)
    return bits[:PLACES], bits[PLACES:]


def pattern_of(mark: Mark) -> tuple[Bits, Bits]:
    """The pattern of a whole mark, each half under its key."""
    own = pattern(mark.key, mark.column)
    if not mark.person:
        return own
    shared = pattern(mark.person, mark.column)
    return np.where(PERSONS, shared[0], own[0]), np.where(PERSONS, shared[1], own[1])


def _steps(values: Floats, decimals: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Bits]:
    """The step of each value, the place of its pair, and which values count: finite, not zero, not beyond exact numbers."""
    scaled = values * 10.0**decimals
    fit = np.isfinite(scaled) & (np.abs(scaled) < _EXACT) & (values != 0)
    step = np.floor(np.where(fit, scaled, 0.0) + _NEAR).astype(np.int64)
    pair = (step >> 1).astype(np.uint64)
    with np.errstate(over="ignore"):  # a mixing of the pair's number, public and fixed (splitmix64)
        pair = (pair ^ (pair >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        pair = (pair ^ (pair >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return step, ((pair ^ (pair >> np.uint64(31))) & np.uint64(PLACES - 1)).astype(np.int64), fit


def marked(values: Floats, mark: Mark, made: tuple[Bits, Bits] | None = None) -> Floats:
    """The values with the mark in them; each differs from its own by one step or not at all."""
    chosen, bit = made or pattern_of(mark)
    step, place, fit = _steps(values, mark.decimals)
    moves = fit & chosen[place] & ((step & 1).astype(np.bool_) != bit[place])
    to = np.where(step & 1, step - 1, step + 1)
    scale = 10.0**mark.decimals
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.abs(values * scale - np.round(values * scale)) < _NEAR
        moved = np.where(whole, to / scale, np.round(values + (to - step) / scale, max(mark.decimals, 0) + 8))
        moves &= (moved >= mark.low) & (moved <= mark.high) & (moved != 0)
    mark.changed[0] += int(moves.sum())
    return np.where(moves, moved, values)


def marked_array(array: pa.Array, mark: Mark, made: tuple[Bits, Bits]) -> pa.Array:
    """The same for a column of a batch; nulls stay null."""
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    missing = np.asarray(array.is_null())
    return pa.array(marked(values, mark, made), pa.float64(), mask=missing).cast(array.type)


def votes(values: Floats, decimals: int) -> tuple[NDArray[np.int64], Bits]:
    """The places at which the values of a leak have a majority, and for which step."""
    step, place, fit = _steps(values, decimals)
    odd = np.where(step[fit] & 1, 1.0, -1.0)
    said = np.bincount(place[fit], weights=odd, minlength=PLACES)
    there = np.flatnonzero(said)
    return there, said[there] > 0


def compared(
    there: NDArray[np.int64], majority: Bits, made: tuple[Bits, Bits], among: Bits | None = None
) -> tuple[int, int]:
    """How many chosen places the leak has, and at how many of them it agrees; `among`: of these places alone."""
    chosen, bit = made
    own = chosen[there] if among is None else chosen[there] & among[there]
    return int(own.sum()), int((bit[there][own] == majority[own]).sum())


class Ballot:
    """A leak's votes, counted once for each column and decimal."""

    def __init__(self, leak: Mapping[str, Floats]) -> None:
        self._leak, self._counted = leak, dict[tuple[str, int], tuple[NDArray[np.int64], Bits]]()

    def _votes(self, name: str, decimals: int) -> tuple[NDArray[np.int64], Bits]:
        key = name, decimals
        if key not in self._counted:
            self._counted[key] = votes(self._leak[name], decimals)
        return self._counted[key]

    def look(self, marks: Sequence[Mark], among: Bits | None = None) -> tuple[Found | None, int]:
        """The best of one receipt's marks in the leak, and how many comparisons were made for it; `among`: one half of the places.

        Each column of the leak is compared with each mark, since names may be gone; and all that go by their names together.
        """
        best: Found | None = None
        tests = together = agreed = 0
        for mark in marks:
            made = pattern_of(mark)
            for name in self._leak:
                places, agree = compared(*self._votes(name, mark.decimals), made, among)
                tests += 1
                best = _better(best, Found(mark.column, places, agree, chance_of(agree, places)))
                if name == mark.column:
                    together, agreed = together + places, agreed + agree
        if len(marks) > 1 and together:
            tests += 1
            names = ", ".join(mark.column for mark in marks)
            best = _better(best, Found(names, together, agreed, chance_of(agreed, together)))
        return best, tests


def _better(one: Found | None, other: Found) -> Found:
    return other if one is None or other.chance < one.chance else one
