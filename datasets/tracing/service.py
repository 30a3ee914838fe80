"""Naming the source of a leak: who could have had it, made again under each grant's key, and what is written down of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.grants.ledger import DELIVERY, DOWNLOAD
from auth.grants.tables import UsageEventRow
from auth.policy.model import DeliveryForm, Use
from core.files import FileStore
from core.ids import GrantId
from core.work import Work
from datasets.enclave.tables import EnclaveRow
from datasets.extracts.keys import grant_key, mark_key, master_key, person_mark_key
from datasets.extracts.models import ExtractState
from datasets.extracts.tables import ExtractRow
from datasets.releases.tables import ReleaseRow
from datasets.sharing.tables import ViewRow, was_read
from datasets.tracing.rules import NAMED_BELOW, decimals_of

if TYPE_CHECKING:  # reading a leak loads pyarrow: only once somebody hands one in
    import numpy as np
    from numpy.typing import NDArray

    from datasets.tracing.leak import Leak

MOST_MADE: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that was handed out under a grant. `enclave_id`: of a result of the enclave, the request that it answers."""

    kind: str
    id: str
    grant_id: str
    dataset_id: str
    org_id: str
    release_id: str
    release_number: int
    columns: tuple[str, ...]
    who: str
    at: datetime | None
    last_taken_at: datetime | None
    enclave_id: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One grant under which pseudonyms of one release left."""

    grant_id: str
    dataset_id: str
    release_sha256: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """One file that bears hidden marks: the tolerance of each column, as its receipt says, or the row of the view.

    extract_id: the extract's, or the view's. person_id, who: whose half of the mark is in it; none in views and files made before.
    """

    extract_id: str
    grant_id: str
    columns: dict[str, float]
    person_id: str = ""
    who: str = ""


class TracedMark(SQLModel):
    """A hidden mark in the leak: at `agree` of `places` it is there. `chance`: all comparisons counted.

    extract_id: the extract's, or the view's, as `deliveries` name it; empty where it is the mark that all copies of one person bear.
    who: that person's account.
    """

    extract_id: str
    who: str
    column: str
    places: int
    agree: int
    chance: float


class TracedDelivery(SQLModel):
    """A file that the leak may be, or be a part of. `is_marked`: its own hidden mark is in the leak.

    A view has one for each time that the ledger has somebody reading it. kind: extract, enclave, view or preview; a result of the enclave
    that was released is had as an extract is (`id`), and `enclave_id` names the request.
    """

    kind: str
    id: str
    enclave_id: str
    release_number: int
    who: str
    at: datetime | None
    last_taken_at: datetime | None
    has_all_columns: bool
    is_marked: bool


class Traced(SQLModel):
    """A grant that is named, by its pseudonyms in the file (`hits`), by hidden marks, or both.

    `chance`: an upper bound for naming anybody by accident, by what names it best.
    """

    grant_id: str
    dataset_id: str
    org_id: str
    hits: int
    chance: float
    marks: list[TracedMark]
    deliveries: list[TracedDelivery]


class TraceRead(SQLModel):
    """What a trace found. `claims` is what the file says of itself: easily forged, so it names nobody alone.

    is_cut: not all was compared, as there was too much, or a release's file is here no more.
    """

    sha256: str
    tokens: int
    columns: list[str]
    claims: dict[str, str]
    claimed_is_known: bool
    grants_looked_at: int
    pseudonyms_made: int
    marks_compared: int
    is_cut: bool
    named: list[Traced]


def deliveries(work: Work) -> list[Delivery]:
    """Everything that was ever handed out, oldest first."""
    made = work.db.exec(
        select(ExtractRow).where(ExtractRow.state == ExtractState.READY).order_by(col(ExtractRow.id))
    )
    inside = dict(
        work.db.exec(
            select(EnclaveRow.extract_id, EnclaveRow.id).where(col(EnclaveRow.extract_id).is_not(None))
        ).all()
    )
    found = [
        Delivery(
            "enclave" if row.id in inside else "extract", row.id, row.grant_id, row.dataset_id, row.org_id, row.release_id, row.release_number,
            tuple(json.loads(row.columns)), row.requested_name, row.ready_at, row.last_download_at,
            inside.get(row.id, ""),
        )
        for row in made
    ]  # fmt: skip
    return [*found, *_readings(work), *_previews(work)]


def _readings(work: Work) -> Iterator[Delivery]:
    """Views, once for each person and day of reading, as the ledger has them; one that it has no line of, by itself."""
    views = work.db.exec(select(ViewRow).where(was_read()).order_by(col(ViewRow.ready_at))).all()
    lines: dict[str, list[UsageEventRow]] = {}
    wanted = select(UsageEventRow).where(
        UsageEventRow.kind == DOWNLOAD, col(UsageEventRow.subject).in_(select(ViewRow.id))
    )
    for line in work.db.exec(wanted.order_by(col(UsageEventRow.id))):
        lines.setdefault(line.subject, []).append(line)
    for view in views:
        policy = grant_queries.view(work, GrantId(view.grant_id)).policy
        columns = tuple(term.name for term in policy.leaving)
        read: list[tuple[str, datetime | None, datetime | None]] = [
            (line.account, line.at, line.at) for line in lines.get(view.id, [])
        ]
        for who, at, last in read or [("", view.ready_at, view.last_read_at)]:
            yield Delivery(
                "view", view.id, view.grant_id, view.dataset_id, view.org_id, view.release_id, view.release_number,
                columns, who, at, last,
            )  # fmt: skip


def _previews(work: Work) -> Iterator[Delivery]:
    """Rows that were looked at under a grant, which may have been copied from a screen; the ledger has them."""
    wanted = select(UsageEventRow).where(
        UsageEventRow.kind == DELIVERY, UsageEventRow.form == DeliveryForm.PREVIEW
    )
    for line in work.db.exec(wanted.order_by(col(UsageEventRow.id))):
        yield Delivery(
            "preview", line.subject, line.grant_id, line.dataset_id, line.org_id, line.release_id, line.release_number or 0,
            tuple(json.loads(line.columns)), line.account, line.at, line.at,
        )  # fmt: skip


def suspects(work: Work, handed_out: Sequence[Delivery]) -> list[Suspect]:
    """Grants whose deliveries held pseudonyms, once for each release."""
    found: dict[tuple[str, str], Suspect] = {}
    for each in handed_out:
        release = work.db.get(ReleaseRow, each.release_id)
        if (each.grant_id, each.release_id) in found or release is None or not release.sha256:
            continue
        policy = grant_queries.view(work, GrantId(each.grant_id)).policy
        columns = tuple(term.name for term in policy.leaving if term.use is Use.PSEUDONYMISED)
        if columns:
            key = (each.grant_id, each.release_id)
            found[key] = Suspect(each.grant_id, each.dataset_id, release.sha256, columns)
    return list(found.values())


def marked(work: Work) -> list[Marked]:
    """Files that bear hidden marks: extracts, whose receipts say so, and views that were read; oldest first of each."""
    wanted = select(ExtractRow).where(
        ExtractRow.state == ExtractState.READY, col(ExtractRow.receipt).contains('"marks":')
    )
    found = []
    for row in work.db.exec(wanted.order_by(col(ExtractRow.id))):
        said = json.loads(row.receipt or "{}").get("marks") or {}
        if columns := said.get("columns"):
            whose = (row.person_id, row.requested_name) if said.get("halves") else ("", "")
            found.append(Marked(row.id, row.grant_id, columns, *whose))
    read = select(ViewRow).where(was_read()).order_by(col(ViewRow.ready_at))
    return found + [Marked(view.id, view.grant_id, view.marks) for view in work.db.exec(read) if view.marks]


def look(
    leak: Leak,
    sha256: str,
    handed_out: Sequence[Delivery],
    who: Sequence[Suspect],
    files: FileStore,
    keys_dir: Path,
    bearing: Sequence[Marked] = (),
) -> TraceRead:
    """Make every suspect's pseudonyms and marks again and compare. Reads files and keys, writes nothing."""
    from datasets.tracing.leak import Match, count_hits, named

    master = master_key(keys_dir)
    hits: dict[str, int] = {}
    made, is_cut = 0, leak.is_cut
    for each in who if leak.tokens else ():
        hits.setdefault(each.grant_id, 0)
        if not files.has(each.release_sha256):
            is_cut = True
            continue
        if made > MOST_MADE:
            is_cut = True
            break
        values = _values(files.path(each.release_sha256), each.columns)
        found, count = count_hits(leak.tokens, values, grant_key(master, each.dataset_id, each.grant_id))
        hits[each.grant_id] = max(hits[each.grant_id], found)
        made += count
    seen, compared = _marks_in(leak, bearing, master)
    by_hits = named(len(leak.tokens), hits, made)
    more = {
        each.grant_id: min(found.chance for found in seen[each.grant_id])
        for each in bearing
        if each.grant_id in seen
    }
    known_by_hits = {match.grant_id for match in by_hits}
    out = []
    for match in (
        *by_hits,
        *(Match(grant, 0, chance) for grant, chance in more.items() if grant not in known_by_hits),
    ):
        by_mark = {found.extract_id for found in seen.get(match.grant_id, ())} - {""}
        persons = {found.who for found in seen.get(match.grant_id, ())} - {""}
        own = [each for each in handed_out if each.grant_id == match.grant_id]
        known = set(leak.columns) & {name for each in own for name in each.columns}
        listed = [
            TracedDelivery(
                kind=each.kind, id=each.id, enclave_id=each.enclave_id, release_number=each.release_number, who=each.who, at=each.at,
                last_taken_at=each.last_taken_at, has_all_columns=known <= set(each.columns), is_marked=each.id in by_mark,
            )
            for each in own
        ]  # fmt: skip
        listed.sort(key=lambda each: (not each.is_marked, each.who not in persons, not each.has_all_columns))
        out.append(
            Traced(
                grant_id=match.grant_id, dataset_id=own[0].dataset_id, org_id=own[0].org_id, hits=match.hits,
                chance=match.chance, marks=seen.get(match.grant_id, []), deliveries=listed,
            )
        )  # fmt: skip
    claims = [(each, leak.claims[each]) for each in ("extract", "view", "enclave") if each in leak.claims]
    return TraceRead(
        sha256=sha256, tokens=len(leak.tokens), columns=list(leak.columns)[:200], claims=dict(leak.claims),
        claimed_is_known=any(
            said == (each.enclave_id if kind == "enclave" else each.id) for kind, said in claims[:1] for each in handed_out
        ), grants_looked_at=len(hits),
        pseudonyms_made=made, marks_compared=compared, is_cut=is_cut, named=out,
    )  # fmt: skip


def _marks_in(
    leak: Leak, bearing: Sequence[Marked], master: bytes
) -> tuple[dict[str, list[TracedMark]], int]:
    """By grant: whose marks, and those of which files, are in the leak beyond chance, all comparisons counted; and how many those were.

    A file is named by its own half alone: the other half is in every copy of that person. He is named by his half, or by all of it.
    """
    from datasets.tracing.marks import FILES, PERSONS, Ballot, Found, Mark

    ballot, compared = Ballot(leak.numbers), 0
    best: dict[tuple[str, str, str], Found] = {}
    tried: set[tuple[str, str, str]] = set()

    def look(
        each: Marked, marks: Sequence[Mark], among: NDArray[np.bool_] | None, extract_id: str, who: str
    ) -> None:
        nonlocal compared
        found, tests = ballot.look(marks, among)
        compared += tests
        at = each.grant_id, extract_id, who
        if found is not None and (at not in best or found.chance < best[at].chance):
            best[at] = found

    for each in bearing if leak.numbers else ():
        person = person_mark_key(master, each.grant_id, each.person_id) if each.person_id else b""
        marks = [
            Mark(name, decimals_of(far), mark_key(master, each.extract_id), person=person)
            for name, far in each.columns.items()
        ]
        look(each, marks, FILES if person else None, each.extract_id, "")
        if not person:
            continue
        look(each, marks, None, "", each.who)
        whose = each.grant_id, each.person_id, json.dumps(each.columns, sort_keys=True)
        if whose not in tried:
            tried.add(whose)
            look(each, marks, PERSONS, "", each.who)
    seen: dict[str, list[TracedMark]] = {}
    for (grant_id, extract_id, who), found in best.items():
        if (chance := min(1.0, found.chance * compared)) < NAMED_BELOW:
            said = TracedMark(
                extract_id=extract_id, who=who, column=found.column, places=found.places, agree=found.agree, chance=chance
            )  # fmt: skip
            seen.setdefault(grant_id, []).append(said)
    return seen, compared


def note(work: Work, actor: Actor, found: TraceRead) -> None:
    """Write down who traced what, and who was named."""
    payload: dict[str, Any] = {
        "sha256": found.sha256, "tokens": found.tokens, "grants": found.grants_looked_at,
        "named": [
            {"grant": each.grant_id, "hits": each.hits} | ({"marks": [mark.extract_id or mark.who for mark in each.marks]} if each.marks else {})
            for each in found.named
        ],
    }  # fmt: skip
    audit.record(work, actor, "leak.traced", subject=found.sha256, payload=payload)


def _values(release: Path, columns: Sequence[str]) -> Iterator[str]:
    """The distinct values of these columns, as the text that a pseudonym is made of."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "512MB"}) as connection:
        source = connection.read_parquet(str(release))
        for name in columns:
            if name not in source.columns:
                continue
            at = source.columns.index(name)
            texts = source.select(duckdb.SQLExpression(f"#{at + 1}").cast(duckdb.sqltypes.VARCHAR).alias("v"))
            reader = texts.distinct().to_arrow_reader(100_000)
            for batch in reader:
                yield from (value for value in batch.column(0).to_pylist() if value is not None)
