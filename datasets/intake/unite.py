"""Several members of an archive as one table: each staged by itself, then joined by the names of their columns.

Members are taken in order of their names. Their columns must be the same, in whatever order; what a member lacks is refused, or left
empty where that was asked for. Every finding keeps its member, and its line counts within it.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake import archive
from datasets.intake.casts import quoted
from datasets.intake.container import Opened, open_input
from datasets.intake.desk import Desk, stage
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import MAX_COLUMNS, FindingLog, InputFacts, MemberFacts
from datasets.intake.guesses import Aspect, Guess, spoken
from datasets.intake.layout import clean_name
from datasets.intake.packed import bomb, room_for
from datasets.intake.parquet import kind_of
from datasets.intake.staging import BATCH_CELLS, LINE, Staged
from datasets.intake.table import native_text, table_of

MEMBER: Final = "member"
MIXED: Final = "mixed"


@dataclass(slots=True)
class _Part:
    """One member as staged: `columns` maps what a column is known by to its place."""

    name: str
    staged: Staged
    columns: dict[str, int]
    facts: InputFacts


def unite(desk: Desk, opened: Opened, facts: InputFacts, told: Callable[[float], None]) -> Staged:
    """Stage every member of `opened.parts` and write them as one; `facts` says what each was read as. Raises InputRefused."""
    parts: list[_Part] = []
    room = room_for(opened.path.stat().st_size)
    known = _known_by(desk.dictionary)
    with zipfile.ZipFile(opened.path) as packed:
        found = {each.name: each for each in archive.members(packed)}
        for at, name in enumerate(opened.parts):
            folder = desk.folder / f"member-{at}"
            folder.mkdir()
            part, size, log = _staged(desk, packed, found[name], folder, room, known)
            room -= size
            if parts and not desk.dictionary.fill_missing:
                _refuse_others(parts[0], part)
            before = sum(each.staged.rows for each in parts)
            parts.append(part)
            desk.log.take_of(name, before, log)
            facts.members.append(_said(part, before))
            told((at + 1) / len(opened.parts))
    _sum_up(facts, parts)
    order = _order(parts)
    staged = _written(desk, parts, order)
    staged.header_line = 0 if all(each.staged.header_line == 0 for each in parts) else facts.header_line
    desk.log.member_of = facts.member_of
    return staged


def _staged(
    desk: Desk,
    packed: zipfile.ZipFile,
    member: archive.Member,
    folder: Path,
    room: int,
    known: Mapping[str, str],
) -> tuple[_Part, int, FindingLog]:
    """One member, how many bytes came out of it, and what was noticed. Whatever is wrong is said with its name."""
    log = FindingLog()
    own = desk.beside(folder, log)
    said = InputFacts(path=member.name, sha256="", bytes=member.info.file_size, format="")
    try:
        with archive.in_words():
            size = archive.take(packed, member, folder / "taken", room)
        inner = open_input(folder / "taken", folder, None, desk.dictionary.format)
        if inner.path != folder / "taken" and (size := size + inner.path.stat().st_size) > room:
            raise bomb(size)
        said.format = inner.format
        staged = stage(own, replace(inner, member=member.name), said)
    except InputRefused as refused:
        text = refused.detail
        raise InputRefused(
            Text(f"成员 {member.name}：{text.zh}", f"Member {member.name}: {text.en}"), member=member.name
        ) from refused
    for path in folder.iterdir():
        if path != staged.path:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    names = [known.get(header.casefold(), header.casefold()) for header in staged.headers]
    columns = {name: at for at, name in enumerate(names)}
    if len(columns) < len(names):  # two headers stand for one column of the dictionary
        columns = {header.casefold(): at for at, header in enumerate(staged.headers)}
    return _Part(member.name, staged, columns, said), size, log


def _known_by(dictionary: Dictionary) -> dict[str, str]:
    """What a header stands for: a title of the dictionary for its column's name."""
    found: dict[str, str] = {}
    for column in dictionary.columns:
        for word in (column.name, column.title_zh, column.title_en):
            if word and clean_name(word):
                found.setdefault(clean_name(word).casefold(), column.name.casefold())
    return found


def _refuse_others(first: _Part, part: _Part) -> None:
    """The member must have the columns of the first one."""
    lacking = [first.staged.headers[at] for name, at in first.columns.items() if name not in part.columns]
    more = [part.staged.headers[at] for name, at in part.columns.items() if name not in first.columns]
    if not lacking and not more:
        return
    zh = [f"缺少列{_marked(lacking)}"] if lacking else []
    en = [f"lacks {_marked(lacking)}"] if lacking else []
    if more:
        zh.append(f"多出列{_marked(more)}")
        en.append(f"has besides {_marked(more)}")
    raise InputRefused(
        Text(
            f"成员 {part.name} 与 {first.name} 的列不同：{'，'.join(zh)}；请改正，或缩小成员范围，或指明缺列留空（fill_missing）。",
            f"Member {part.name} has other columns than {first.name}: it {' and '.join(en)}; correct it, "
            "name fewer members, or say that what is missing is left empty (fill_missing).",
        ),
        member=part.name,
        missing=lacking[:50],
        surplus=more[:50],
    )


def _marked(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names[:5]) + ("…" if len(names) > 5 else "")


def _said(part: _Part, before: int) -> MemberFacts:
    """What is told of a member."""
    facts = part.facts
    return MemberFacts(
        name=part.name, rows=part.staged.rows, first_row=before + 1, bytes=facts.bytes, format=facts.format,
        encoding=facts.encoding, delimiter=facts.delimiter, header_line=facts.header_line, sheet=facts.sheet,
    )  # fmt: skip


def _sum_up(facts: InputFacts, parts: Sequence[_Part]) -> None:
    """What all members have in common, and how sure the least sure of them is."""

    def common(name: str) -> Any:  # noqa: ANN401 - a field of InputFacts
        values = {getattr(each.facts, name) for each in parts}
        return values.pop() if len(values) == 1 else None

    facts.format = common("format") or MIXED
    for name in ("encoding", "delimiter", "header_line", "sheet"):
        setattr(facts, name, common(name))
    sure = [each.facts.encoding_confidence for each in parts if each.facts.encoding_confidence is not None]
    facts.encoding_confidence = min(sure, default=None)
    by_aspect: dict[Aspect, list[tuple[str, Guess]]] = {}
    for part in parts:
        for guess in part.facts.detection:
            if guess.aspect != "member":
                by_aspect.setdefault(guess.aspect, []).append((part.name, guess))
    facts.detection = [_merged(aspect, guesses) for aspect, guesses in by_aspect.items()]


def _merged(aspect: Aspect, guesses: Sequence[tuple[str, Guess]]) -> Guess:
    """One conclusion for all members; as sure as the least sure one."""
    name, least = min(guesses, key=lambda each: each[1].confidence)
    counts = Counter(guess.value for _, guess in guesses)
    if len(counts) == 1:
        if len(guesses) == 1 or least.confidence == 1.0:
            why = Text(f"{len(guesses)} 个成员一致", f"the same in all {number_of(len(guesses), 'members')}")
        else:
            why = Text(
                f"{len(guesses)} 个成员一致，把握最低的是 {name}：{least.why.zh}",
                f"the same in all {number_of(len(guesses), 'members')}, least sure in {name}: {least.why.en}",
            )
        return least.model_copy(update={"why": why})
    shown = [(spoken(aspect, value), number) for value, number in counts.most_common(4)]
    why = Text(
        f"各成员不同：{'、'.join(f'{value.zh} × {number}' for value, number in shown)}；把握最低的是 {name}：{least.why.zh}",
        f"members differ: {', '.join(f'{value.en} × {number}' for value, number in shown)}; least sure in {name}: {least.why.en}",
    )
    return Guess(aspect=aspect, value=None, confidence=least.confidence, why=why)


def _order(parts: Sequence[_Part]) -> dict[str, str]:
    """Every column in order of first appearance, with the header it first had."""
    order: dict[str, str] = {}
    for part in parts:
        for name, at in part.columns.items():
            order.setdefault(name, part.staged.headers[at])
    if len(order) > MAX_COLUMNS:
        raise InputRefused(
            Text(
                f"合并后有 {len(order)} 列，上限是 {MAX_COLUMNS} 列；请缩小成员范围。",
                f"Together the members have {number_of(len(order), 'columns')}, the limit is {MAX_COLUMNS}; name fewer members.",
            )
        )
    return order


def _written(desk: Desk, parts: Sequence[_Part], order: Mapping[str, str]) -> Staged:
    """One file of all members, streamed: the cells, the line within the member, the member."""
    kept = _native(parts, order)
    out, rows, schema = desk.folder / "staged.parquet", 0, None
    writer: pq.ParquetWriter | None = None
    try:
        for part in parts:
            reader = _records(desk.db, part, order, kept).to_arrow_reader(
                max(1, BATCH_CELLS // (len(order) + 2))
            )
            if writer is None:
                schema = reader.schema.with_metadata(_geo(parts))
                writer = pq.ParquetWriter(out, schema, compression="lz4")
            for batch in reader:
                rows += batch.num_rows
                writer.write_batch(pa.record_batch(batch.columns, schema=schema))
            part.staged.path.unlink()
    finally:
        if writer is not None:
            writer.close()
    fields = [f"c{at}" for at in range(len(order))]
    native = {field: kept[name] for field, name in zip(fields, order, strict=True) if name in kept}
    lined = any(each.staged.line for each in parts)
    return Staged(
        out, fields, list(order.values()), rows, LINE if lined else None, None, empty_is_null=False, native=native,
        crs=_crs(parts), member=MEMBER, ends=tuple(accumulate(each.staged.rows for each in parts)),
    )  # fmt: skip


def _native(parts: Sequence[_Part], order: Mapping[str, str]) -> dict[str, str]:
    """The columns that keep their type: all members are Parquet and agree on it, and it is one of the usual types."""
    if not all(each.staged.native for each in parts):
        return {}
    kept = {}
    for name in order:
        types = {each.staged.native[each.staged.fields[each.columns[name]]] for each in parts if name in each.columns}  # fmt: skip
        kind = types.pop() if len(types) == 1 else ""
        kept[name] = kind if kind == "BLOB" or kind_of(kind) != "string" else "VARCHAR"
    return kept


def _records(
    db: duckdb.DuckDBPyConnection, part: _Part, order: Mapping[str, str], kept: Mapping[str, str]
) -> duckdb.DuckDBPyRelation:
    """The member's records in the order of all columns."""
    staged, cells = part.staged, []
    for at, name in enumerate(order):
        place = part.columns.get(name)
        value = f"CAST(NULL AS {kept.get(name, 'VARCHAR')})"
        if place is not None:
            field = staged.fields[place]
            value = quoted(field)
            native = staged.native.get(field, "VARCHAR")
            if native != kept.get(name, "VARCHAR"):
                value = native_text(value, native)
            elif staged.empty_is_null:
                value = f"nullif({value}, '')"
        cells.append(f"{value} AS c{at}")
    member = "'" + part.name.replace("'", "''") + "'"
    line = f"CAST({staged.line or 'NULL'} AS BIGINT) AS {LINE}"
    return db.sql(f"SELECT {', '.join(cells)}, {line}, {member} AS {MEMBER} FROM {table_of(staged)}")


def _crs(parts: Sequence[_Part]) -> str | None:
    stated = {each.staged.crs for each in parts}
    if len(stated) > 1:
        names = ", ".join(sorted(each or "–" for each in stated))
        raise InputRefused(
            Text(
                f"各成员声明的坐标系不同（{names}）；请统一后提交，或分成多个表。",
                f"The members state different coordinate reference systems ({names}); bring them to one, or hand them in as tables of their own.",
            )
        )
    return stated.pop() if stated else None


def _geo(parts: Sequence[_Part]) -> dict[bytes, bytes] | None:
    """The shapes' metadata of Parquet members, which must be the same in all, boxes aside; None where there are none."""
    found: list[tuple[str, bytes]] = []
    for part in parts:
        if part.staged.native:
            said = (pq.read_schema(part.staged.path).metadata or {}).get(b"geo")
            found.append((_systems(said), said or b""))
    if len({systems for systems, _ in found}) > 1:
        raise InputRefused(
            Text(
                "各成员的几何元数据（坐标系或几何列）不同；请统一后提交，或分成多个表。",
                "The members' metadata about shapes (reference system or columns) differ; bring them to one, or hand them in as tables of their own.",
            )
        )
    return {b"geo": found[0][1]} if found and found[0][1] else None


def _systems(geo: bytes | None) -> str:
    try:
        columns = json.loads(geo or b"{}").get("columns", {})
        return json.dumps({name: each.get("crs", "") for name, each in columns.items()}, sort_keys=True)
    except (ValueError, AttributeError):
        return "?"
