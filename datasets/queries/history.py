"""What was told before, and whether a new answer can be told beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pyroaring import BitMap
from sqlmodel import col, select

from core.work import Work
from datasets.queries import overlap
from datasets.queries.overlap import Atoms, Labels
from datasets.queries.rules import ASKED
from datasets.queries.tables import AnswerRow, CellRow, RowSetRow


class Scope(NamedTuple):
    """Whose figures are held against each other: of one organisation, or of all (`org_id` empty), on one release."""

    dataset_id: str
    release_id: str
    org_id: str


Told = Mapping[str, tuple[str, ...]]  # by chain: the partitions told, oldest first


def digest_of(rows: BitMap) -> tuple[str, bytes]:
    rows.run_optimize()
    data = bytes(rows.serialize())
    return hashlib.sha256(data).hexdigest(), data


class Digests:
    """`digest_of`, worked out once for each object: the same sets of rows stand under several measures."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[BitMap, tuple[str, bytes]]] = {}

    def of(self, rows: BitMap) -> tuple[str, bytes]:
        if id(rows) not in self._found:
            self._found[id(rows)] = rows, digest_of(rows)
        return self._found[id(rows)][1]


def partition_of(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def told(work: Work, scope: Scope) -> Told:
    """The partitions told within the scope, by measure, in the order they were told."""
    wanted = select(CellRow.measure, CellRow.partition).where(
        CellRow.dataset_id == scope.dataset_id, CellRow.release_id == scope.release_id
    )
    if scope.org_id:
        wanted = wanted.where(CellRow.org_id == scope.org_id)
    found: dict[str, dict[str, None]] = {}
    for measure, partition in work.db.exec(wanted.order_by(col(CellRow.id))):
        found.setdefault(measure, {})[partition] = None
    return {measure: tuple(names) for measure, names in found.items()}


def sets_of(work: Work, partitions: Sequence[str]) -> dict[str, list[BitMap]]:
    """The sets of rows of these partitions."""
    found: dict[str, list[BitMap]] = {}
    for start in range(0, len(partitions), 200):
        wanted = (
            select(CellRow.partition, RowSetRow.places, RowSetRow.digest)
            .join(RowSetRow, col(RowSetRow.digest) == col(CellRow.digest))
            .where(col(CellRow.partition).in_(partitions[start : start + 200]))
            .distinct()
        )
        for partition, places, _ in work.db.exec(wanted):
            found.setdefault(partition, []).append(BitMap.deserialize(places))
    return found


class Weighing(NamedTuple):
    """What the guard reads besides the history."""

    who: Labels | None
    rows_in_release: int
    min_group: int
    most_figures: int
    cache: Path


def may_tell(
    work: Work, scope: Scope, before: Told, new: Mapping[str, list[list[BitMap]]], by: Weighing
) -> bool:
    """Whether the new figures, beside all that was told before, give no combination about too few contributors."""
    digests = Digests()
    named = {
        chain: {partition_of([digests.of(rows)[0] for rows in sets]): sets for sets in partitions}
        for chain, partitions in new.items()
    }
    asked = {*before.get(ASKED, ()), *named.get(ASKED, ())}
    return all(
        _chain(work, scope, chain, before.get(chain, ()), sets, by)
        for chain, sets in named.items()
        if chain == ASKED or not {*before.get(chain, ()), *sets} <= asked  # what holds of all holds of some
    )


def _chain(
    work: Work,
    scope: Scope,
    named: str,
    before: tuple[str, ...],
    new: Mapping[str, list[BitMap]],
    by: Weighing,
) -> bool:
    fresh = {name: partition for name, partition in new.items() if name not in before}
    if not fresh:
        return True  # told before, to the same readers

    def replayed() -> Atoms | None:
        atoms: Atoms | None = overlap.no_atoms(by.rows_in_release)
        held = sets_of(work, before)
        for name in before:
            atoms = atoms and overlap.refined(atoms, held[name])
        return atoms

    chain = (*scope, named)
    atoms = overlap.kept(by.cache, overlap.named(*chain, *before), replayed) if before else replayed()
    for partition in fresh.values():
        atoms = atoms and overlap.refined(atoms, partition)
    if atoms is None or len(atoms.parts) > by.most_figures or overlap.betrays(atoms, by.who, by.min_group):
        return False
    overlap.kept(by.cache, overlap.named(*chain, *before, *fresh), lambda: atoms)
    overlap.forget(by.cache, overlap.named(*chain, *before))
    return True


def keep(work: Work, answer: AnswerRow, new: Mapping[str, list[list[BitMap]]]) -> None:
    """Write down which rows each figure was made of."""
    digests = Digests()
    for measure, partitions in new.items():
        for sets in partitions:
            made = [digests.of(rows) for rows in sets]
            partition = partition_of([digest for digest, _ in made])
            for digest, data in made:
                if work.db.get(RowSetRow, digest) is None:
                    work.db.add(RowSetRow(digest=digest, places=data))
                    work.db.flush()
                work.db.add(
                    CellRow(
                        id=work.new_id(), answer_id=answer.id, org_id=answer.org_id, dataset_id=answer.dataset_id,
                        release_id=answer.release_id, measure=measure, partition=partition, digest=digest,
                    )
                )  # fmt: skip
    work.db.flush()
