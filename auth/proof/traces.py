"""What a finding was made of, so that the same finding is known again and another with the same sentences is not taken for it.

Why this exists: a look tells the first break of the chain, and that a value is not what was committed to. Whoever changes the same place
again, or a later one, changes no sentence. So a look remembers the whole record up to its end as one root, which grows with nothing
that is added, and the values at odds beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import col, select

from auth import audit
from auth.audit import AuditEventRow
from auth.audit_personal import rows_of
from auth.proof import merkle
from core.work import Work


@dataclass(frozen=True, slots=True)
class Traces:
    """`size`, `root`: of all events as they stand; `values`: of what stands beside them and is at odds. `root_before`, `whole_since`: what an
    earlier look would find of its events now, and whether the chain holds from there to the end."""

    size: int
    root: str
    values: str
    root_before: str = ""
    whole_since: bool = False


def of(work: Work, places: Collection[tuple[int, str]], before: int) -> Traces:
    """The traces of the record as it stands. `places`: the values at odds, by event and field; `before`: how many events an earlier look read."""
    frontier, root_before, last = merkle.Frontier(), "", ""
    whole = True
    wanted = select(AuditEventRow).order_by(col(AuditEventRow.seq))
    for row in work.db.exec(wanted.execution_options(yield_per=1000)):
        if frontier.size >= before:
            whole &= row.prev_hash == last and audit.digest(row) == row.hash
        for _ in frontier.add(merkle.leaf_hash(audit.entry(row))):
            pass
        last = row.hash
        if frontier.size == before:
            root_before = frontier.root().hex()
    return Traces(frontier.size, frontier.root().hex(), _values(work, places), root_before, whole)


def _values(work: Work, places: Collection[tuple[int, str]]) -> str:
    wanted = set(places)
    said = sorted(
        [row.seq, row.field, row.salt, row.value]
        for row in rows_of(work, sorted({seq for seq, _ in wanted}))
        if (row.seq, row.field) in wanted
    )
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
