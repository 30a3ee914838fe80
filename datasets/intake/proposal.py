"""A dictionary proposed from a table that was read without one, to be confirmed by a person.

Reading without a dictionary gives a type only where nothing is lost; a proposal goes further: 12.5% in every cell may be
a number with the unit %, 是 and 否 a yes/no column. How sure it is, and how many cells would not fit, is said.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
from pydantic import BaseModel

from core.text import Text, number_of, verb_of
from datasets.intake import null_marks, units
from datasets.intake.casts import NO, TYPE_NAMES, YES, one_of, plain, quoted, text_literal, typed
from datasets.intake.degrees import axis_of
from datasets.intake.dictionary import Column, ColumnType, Dictionary
from datasets.intake.facts import ROW_COLUMN, ColumnFacts, Intake
from datasets.intake.scan import Aggregate, aggregates
from datasets.intake.survey import survey

MOST_ROWS: Final = 200_000
SHARE: Final = 0.95
MOST_CODES: Final = 30
FEWEST_CELLS: Final = 50
USES_OF_A_CODE: Final = 10
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_TIME_NAME: Final = re.compile(r"(?i)(^|_|\b)(ts|time|timestamp|datetime)($|_|\b)|time$|时间|時間")
_SIGNS: Final = "|".join(
    sorted({re.escape(each) for signs in units.CURRENCIES.values() for each in signs}, key=len, reverse=True)
)
_EPOCHS: Final = {"epoch_s": (946_684_800, 2_051_222_400), "epoch_ms": (946_684_800_000, 2_051_222_400_000)}


class ProposedColumn(BaseModel):
    """One column: what it may be declared as, how sure that is (0-1), how many cells looked at would not fit, and why.

    empty: cells that hold nothing, or a word that stands for nothing.
    """

    column: Column
    confidence: float
    misfits: int = 0
    empty: int = 0
    why: Text


class Proposal(BaseModel):
    """`rows`: how many records were looked at."""

    columns: list[ProposedColumn]
    null_values: list[str]
    rows: int

    def dictionary(self) -> Dictionary:
        """The proposal as a dictionary, ready to be saved."""
        return Dictionary(columns=[each.column for each in self.columns], null_values=self.null_values)


class _Seen(BaseModel):
    """What the cells of a text column look like."""

    filled: int
    unit: str | None
    sign: str | None
    zeros: int
    yes: int
    no: int
    distinct: int


def propose_dictionary(table: Path, intake: Intake, *, memory_limit_mb: int = 400) -> Proposal:
    """What the typed `table` and the facts of its reading suggest. Columns that were declared are proposed as they are typed."""
    with duckdb.connect(config={"memory_limit": f"{memory_limit_mb}MB"}) as db:
        db.execute("SET enable_progress_bar = false")
        source = f"(SELECT * FROM read_parquet({text_literal(str(table))}) LIMIT {MOST_ROWS})"
        facts = [column for column in intake.columns if column.name != ROW_COLUMN]
        texts = {c.name: _text(c.name) for c in facts if c.type == "string"}
        seen = _look(db, source, texts)
        found = _readable(db, source, texts, seen)
        stamps = _stamps(db, source, [column for column in facts if column.type == "integer"])
        columns = []
        for column in facts:
            if column.name in found:
                columns.append(found[column.name])
            elif column.name in stamps:
                columns.append(stamps[column.name])
            elif column.name in seen:
                columns.append(_words(db, source, column, seen[column.name]))
            else:
                columns.append(_as_read(column))
        marks = _marks(db, source, list(found), intake)
        rows = min(intake.rows, MOST_ROWS)
        for each, column in zip(columns, facts, strict=True):
            each.empty = rows - seen[column.name].filled if column.name in found else column.nulls
        return Proposal(columns=columns, null_values=marks, rows=rows)


def _marks(db: duckdb.DuckDBPyConnection, source: str, names: Sequence[str], intake: Intake) -> list[str]:
    """The words for "empty" that this reading met, or that stand in columns proposed as something else than text."""
    told = (finding.value or "" for finding in intake.findings if finding.code == "null-mark")
    met = {mark for value in told for mark in value.split()}
    asked: list[Aggregate] = [(quoted(name), _marks_in) for name in names]
    for found in aggregates(db, source, asked) if asked else []:
        met |= set(found or [])
    return [mark for mark in null_marks.MARKS if mark in met]


def _marks_in(name: str) -> str:
    return f"list(DISTINCT {name}) FILTER ({one_of(name, null_marks.MARKS)})"


def _text(name: str) -> str:
    """SQL of a cell's text, NULL where it is blank or a mark of emptiness."""
    return f"nullif({null_marks.without(quoted(name), null_marks.MARKS)}, '')"


def _column(name: str, kind: ColumnType, *, unit: str | None = None, **more: object) -> Column:
    title = {"title_zh": name} if _HAN.search(name) else {"title_en": name}
    return Column.model_validate({"name": name, "type": kind, "unit": unit, **title, **more})


def _as_read(column: ColumnFacts) -> ProposedColumn:
    kind: ColumnType = column.type if column.type in TYPE_NAMES else "string"  # type: ignore[assignment]
    unit = "°" if kind == "number" and axis_of(None, column.name) else None
    said = TYPE_NAMES[kind]
    return ProposedColumn(
        column=_column(column.name, kind, unit=unit),
        confidence=1.0,
        why=Text(f"全部值都是{said.zh}", f"every value is {said.en}"),
    )


def _look(db: duckdb.DuckDBPyConnection, source: str, texts: Mapping[str, str]) -> dict[str, _Seen]:
    """Counts over every text column, in one scan."""
    asked: list[Aggregate] = []
    for text in texts.values():
        asked += [
            (text, lambda v: f"count(nullif({plain(v)}, ''))"),
            (text, lambda v: f"mode(nullif(regexp_extract({plain(v)}, '[0-9.] ?([^-+0-9., ]+)$', 1), ''))"),
            (
                text,
                lambda v: (
                    f"mode(nullif(regexp_extract({plain(v)}, '^[-+]? ?({_SIGNS}) ?[-+]?[0-9]', 1), ''))"
                ),
            ),
            (text, lambda v: f"count(*) FILTER (regexp_matches({plain(v)}, '^[-+]?0[0-9]'))"),
            (text, lambda v: f"count(*) FILTER ({one_of(f'lower({plain(v)})', YES)})"),
            (text, lambda v: f"count(*) FILTER ({one_of(f'lower({plain(v)})', NO)})"),
            (text, lambda v: f"approx_count_distinct({v})"),
        ]
    found = aggregates(db, source, asked) if asked else []
    names = tuple(_Seen.model_fields)
    return {
        name: _Seen.model_validate(dict(zip(names, found[i * len(names) :], strict=False)))
        for i, name in enumerate(texts)
    }


def _candidates(name: str, seen: _Seen) -> list[Column]:
    """What a text column may be declared as, the likeliest first."""
    options: list[Column] = []
    if seen.yes and seen.no and seen.yes + seen.no == seen.filled:
        options.append(_column(name, "boolean"))
    options += [
        _column(name, "geometry"),
        _column(name, "date"),
        _column(name, "datetime"),
        _column(name, "time"),
    ]
    if not seen.zeros:
        written = _whole_unit(seen.unit)
        unit = written if written and (written in "%％‰" or units.known(written)) else None
        unit = unit or _currency_of(seen.sign)
        unit = "°" if axis_of(None, name) else unit
        own = written if unit is None and written and _HAN.fullmatch(written) else unit
        options += [_column(name, "integer", unit=own), _column(name, "number", unit=own)]
    return options


def _whole_unit(written: str | None) -> str | None:
    """The unit behind a number, without the 万 or 亿 that belongs to the number: 3.5万元 is an amount in 元."""
    return (written or "").lstrip("万亿萬億 ") or None


def _currency_of(sign: str | None) -> str | None:
    return next((name for name, signs in units.CURRENCIES.items() if sign in signs), None)


def _readable(
    db: duckdb.DuckDBPyConnection, source: str, texts: Mapping[str, str], seen: Mapping[str, _Seen]
) -> dict[str, ProposedColumn]:
    """Text columns that nearly all read as something else, by the same readings that a dictionary would use."""
    asked = {
        f"{place}/{name}": (texts[name], option)
        for name, facts in seen.items()
        if facts.filled
        for place, option in enumerate(_candidates(name, facts))
    }
    hints = survey(db, source, asked)
    counted: list[Aggregate] = []
    for key, (text, option) in asked.items():
        value = typed(text, option.type or "string", hints[key].hints)
        counted.append((value, lambda v: f"count({v})"))
    counts = dict(zip(asked, aggregates(db, source, counted) if counted else [], strict=True))
    best: dict[str, ProposedColumn] = {}
    for key, (_, option) in asked.items():
        filled = seen[option.name].filled
        share = counts[key] / filled
        if share >= SHARE and (option.name not in best or best[option.name].misfits > filled - counts[key]):
            best[option.name] = _proposed(option, filled, filled - counts[key], hints[key].readings)
    return best


def _proposed(column: Column, filled: int, misfits: int, readings: Mapping[str, int]) -> ProposedColumn:
    kind = TYPE_NAMES[column.type or "string"]
    forms = ", ".join(f"{form} × {number}" for form, number in readings.items())
    unit = f"，单位 {column.unit}" if column.unit else ""
    unit_en = f", unit {column.unit}" if column.unit else ""
    rest = f"；{misfits} 格不合" if misfits else ""
    rest_en = f"; {number_of(misfits, 'cells do')} not fit" if misfits else ""
    return ProposedColumn(
        column=column,
        confidence=round(0.9 * (1 - misfits / filled), 2),
        misfits=misfits,
        why=Text(
            f"{filled - misfits} 格可读作{kind.zh}{unit}{f'（{forms}）' if forms else ''}{rest}",
            f"{number_of(filled - misfits, 'cells')} {verb_of(filled - misfits, 'read')} as {kind.en}{unit_en}{f' ({forms})' if forms else ''}{rest_en}",
        ),
    )


def _stamps(
    db: duckdb.DuckDBPyConnection, source: str, columns: Sequence[ColumnFacts]
) -> dict[str, ProposedColumn]:
    """Whole numbers under a name of time that all fall into 2000-2034 as seconds or milliseconds since 1970."""
    named = [column.name for column in columns if _TIME_NAME.search(column.name)]
    if not named:
        return {}
    asked: list[Aggregate] = [(quoted(name), each) for name in named for each in (_least, _most)]
    found = aggregates(db, source, asked)
    proposed = {}
    for i, name in enumerate(named):
        low, high = found[2 * i : 2 * i + 2]
        form = next((f for f, (a, b) in _EPOCHS.items() if low is not None and a <= low <= high <= b), None)
        if form is not None:
            proposed[name] = ProposedColumn(
                column=_column(name, "datetime", format=form),
                confidence=0.8,
                why=Text(
                    f"列名是时间，值都落在 2000–2034 年的时间戳范围（{form}）",
                    f"named like a time, and every value is a stamp of the years 2000-2034 ({form})",
                ),
            )
    return proposed


def _least(name: str) -> str:
    return f"min({name})"


def _most(name: str) -> str:
    return f"max({name})"


def _words(db: duckdb.DuckDBPyConnection, source: str, column: ColumnFacts, seen: _Seen) -> ProposedColumn:
    """Text, with its values as code list where a few come again and again."""
    codes: list[str] = []
    if seen.filled >= FEWEST_CELLS and seen.distinct <= MOST_CODES * 2:
        rows = db.execute(
            f"SELECT trim(v) AS w, count(*) AS n FROM (SELECT {_text(column.name)} AS v FROM {source}) "
            f"WHERE trim(v) <> '' GROUP BY w ORDER BY n DESC, w LIMIT {MOST_CODES + 1}"
        ).fetchall()
        if 1 < len(rows) <= MOST_CODES and seen.filled >= USES_OF_A_CODE * len(rows):
            codes = [word for word, _ in rows if len(word) <= 200]
    if not codes:
        return _as_read(column)
    return ProposedColumn(
        column=_column(column.name, "string", code_list=codes),
        confidence=0.6,
        why=Text(
            f"只有 {len(codes)} 个不同的值，反复出现",
            f"only {number_of(len(codes), 'different values')}, each again and again",
        ),
    )
