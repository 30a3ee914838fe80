"""How sure each conclusion about a file is, from what was really seen in it, and what else it might be.

Nothing here decides how a file is read; it weighs what the readers decided. A header that carries the names of
the dictionary settles both itself and the encoding: wrongly decoded bytes do not spell known names.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

from core.text import Text, number_of
from datasets.intake.container import Opened
from datasets.intake.dictionary import Dictionary
from datasets.intake.encodings import Utf8Text
from datasets.intake.facts import InputFacts
from datasets.intake.guesses import ASPECT_NAMES, UNSPLIT, Alternative, Aspect, Guess, certain, spoken, told
from datasets.intake.layout import (
    HALF,
    HEADERS_LOOKED_AT,
    Record,
    clean_name,
    column_kind,
    is_series,
    kind_of,
    known_share,
)
from datasets.intake.null_marks import MARKS
from datasets.intake.staging import Staged

STRONG: Final = (",", "\t", ";", "|")
WEAK: Final = ("\x01", "^", "~", ":", " ")
SAMPLE_CHARS: Final = 256 << 10
SAMPLE_LINES: Final = 1000
COLUMNS_LOOKED_AT: Final = 200
ALTERNATIVES: Final = 5
WORDS_ONLY: Final = 0.75  # a first line of distinct words above nothing but words


class Split(NamedTuple):
    """What one delimiter makes of the sample: share of the split lines with the usual number of cells, that number,
    share of all lines that are split, and whether the first line that any delimiter splits is split too."""

    share: float
    cells: int
    reach: float
    top: bool


def of_encoding(text: Utf8Text) -> Guess:
    """The encoding with the share of ordinary characters that it gives, and the families that also could be."""
    others = [Alternative(value=name, confidence=score) for name, score in text.alternatives]
    shown = "；".join(f"{each.value} {each.confidence:.0%}" for each in others)
    if text.confidence == 1.0 and not others:
        why = Text("全部字节符合该编码", "all bytes are valid in it")
    else:
        why = Text(
            f"按常用字比例判断{f'；其他可能：{shown}' if shown else ''}",
            f"by the share of ordinary characters{f'; others: {shown}' if shown else ''}",
        )
    return Guess(
        aspect="encoding", value=text.encoding, confidence=text.confidence, alternatives=others, why=why
    )


def of_delimiter(path: Path, chosen: str | None) -> Guess:
    """The delimiter with how evenly it splits the lines, less where another one splits them as well."""
    lines = _sample_lines(path)
    splits = {each: _split(lines, each) for each in (*STRONG, *WEAK) if any(each in line for line in lines)}
    if chosen is None:
        return _unsplit(splits)
    own = splits.get(chosen) or Split(0.0, 1, 0.0, False)
    field = STRONG if chosen in STRONG else (*STRONG, *WEAK[:-1])
    rivals = {each: _strength(splits[each], own) for each in field if each != chosen and each in splits}
    best = max(rivals.values(), default=0.0)
    confidence = own.share * min(1.0, 2 * own.reach) * (1.0 if own.top else 0.5) * (1 - max(0.0, best - 0.5))
    why = Text(
        f"{own.share:.0%} 的行拆成 {own.cells} 格",
        f"{own.share:.0%} of the split lines have {number_of(own.cells, 'cells')}",
    )
    return Guess(
        aspect="delimiter",
        value=chosen,
        confidence=round(confidence, 2),
        alternatives=_ranked(rivals),
        why=why,
    )


def _sample_lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="", errors="ignore") as file:
        lines = file.read(SAMPLE_CHARS).splitlines(keepends=True)
    return [line for line in (lines[:-1] or lines)[:SAMPLE_LINES] if line.strip()]


def _split(lines: Sequence[str], delimiter: str) -> Split:
    try:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return Split(0.0, 1, 0.0, False)
    several = Counter(number for number in counts if number > 1)
    if not several:
        return Split(0.0, 1, 0.0, False)
    cells, number = several.most_common(1)[0]
    split = [i for i, line in enumerate(lines) if any(each in line for each in STRONG)]
    first = lines[split[0]] if split else lines[0]
    return Split(number / several.total(), cells, several.total() / len(counts), delimiter in first)


def _strength(rival: Split, own: Split) -> float:
    """How well a rival splits the same lines, up to 1; one that gives fewer cells counts for less."""
    breadth = min(1.0, (rival.cells - 1) / max(1, own.cells - 1))
    return rival.share * rival.reach * breadth * (1.0 if rival.top else 0.5)


def _unsplit(splits: Mapping[str, Split]) -> Guess:
    rivals = {each: split.share * split.reach for each, split in splits.items() if split.top}
    best = max(rivals.values(), default=0.0)
    why = Text(
        "没有字符能均匀拆分各行，按每行一格读取",
        "no character splits the lines evenly; each line is one cell",
    )
    confidence = 1.0 if best < 0.5 else 1.0 - best * 0.6
    return Guess(
        aspect="delimiter",
        value=UNSPLIT,
        confidence=round(confidence, 2),
        alternatives=_ranked(rivals),
        why=why,
    )


def _ranked(scores: Mapping[str, float]) -> list[Alternative]:
    kept = sorted(((score, each) for each, score in scores.items() if score >= 0.1), reverse=True)
    return [Alternative(value=each, confidence=round(score, 2)) for score, each in kept[:ALTERNATIVES]]


def of_header(sample: Sequence[Record], chosen: int, known: Collection[str]) -> Guess:
    """The header's line (0: none). sample: the first records; known: the dictionary's names and titles, casefolded."""
    at = next((i for i, record in enumerate(sample) if record.line == chosen), None) if chosen else None
    top = list(sample[:HEADERS_LOOKED_AT])
    named = {record.line: score for record in top if known and (score := known_share(record, known)) > 0}
    own, best = named.get(chosen, 0.0), max(named, key=lambda line: named[line], default=0)
    if own >= HALF and own >= named[best]:
        return certain(
            "header_line", chosen, Text("该行有数据字典的列名", "it has the names of the dictionary")
        )
    if best and named[best] > max(own, 0.25):
        why = Text(f"数据字典的列名在第 {best} 行", f"the names of the dictionary stand in line {best}")
        other = [Alternative(value=best, confidence=round(named[best], 2))]
        return Guess(aspect="header_line", value=chosen, confidence=0.2, alternatives=other, why=why)
    found = _no_header(top) if at is None else _header(sample, at)
    if known and chosen and not named:
        why = Text(
            f"表头中没有一个数据字典的列名；{found.why.zh}",
            f"none of the dictionary's names is in it; {found.why.en}",
        )
        found = found.model_copy(update={"confidence": min(found.confidence, 0.4), "why": why})
    return found


def _no_header(top: Sequence[Record]) -> Guess:
    """The first record is made of the same numbers and dates as what follows."""
    width = min(COLUMNS_LOOKED_AT, max((len(record.cells) for record in top), default=1))
    below = [column_kind(top[1:], i) for i in range(width)]
    typed = [i for i, kind in enumerate(below) if kind in ("number", "date")]
    same = [i for i in typed if i < len(top[0].cells) and kind_of(top[0].cells[i]) == below[i]]
    confidence = 0.95 * len(same) / len(typed) if typed else 0.4
    why = Text(
        f"首行有 {len(same)} 列与下方同为数值或日期", f"the first line has {number_of(len(same), 'columns')} of numbers or dates like those below"
    )  # fmt: skip
    other = [Alternative(value=top[0].line, confidence=round(1 - confidence, 2))] if top else []
    return Guess(aspect="header_line", value=0, confidence=round(confidence, 2), alternatives=other, why=why)


def _header(sample: Sequence[Record], at: int) -> Guess:
    """A header is believed for standing in words above columns of numbers or dates, or for its distinct words."""
    record, body = sample[at], sample[at + 1 :]
    cells = [(cell or "").strip() for cell in record.cells[:COLUMNS_LOOKED_AT]]
    given = [cell for cell in cells if cell]
    distinct = len(set(given)) / max(1, len(cells))
    rest = body[1:] if len(body) > 2 else body  # the line below may be a second header
    below = [column_kind(rest, i) for i in range(len(cells))]
    typed = [i for i, kind in enumerate(below) if kind in ("number", "date")]
    apart = [i for i in typed if kind_of(cells[i]) == "text"]
    others: list[Alternative] = []
    if not typed:
        repeated = sum(_recurs(cells[i], body, i) for i in range(len(cells)) if cells[i])
        confidence = WORDS_ONLY * distinct * (1 - repeated / max(1, len(given)))
        why = Text(
            f"{len(set(given))} 个互不相同的词；各列均为文本，无从对照",
            f"{number_of(len(set(given)), 'distinct words')}; every column is text, so nothing stands against them",
        )
    elif is_series([cells[i] for i in typed]):
        confidence = 0.85
        why = Text("列名是连续的年份或序号", "the names are years or numbers in order")
    else:
        confidence = (0.6 + 0.4 * len(apart) / len(typed)) * (0.5 + 0.5 * min(1.0, distinct))
        why = Text(
            f"数值或日期列 {len(typed)} 个，其中 {len(apart)} 个的列名是词",
            f"{number_of(len(typed), 'columns hold')} numbers or dates; {len(apart)} of them are headed by words",
        )
        if second := _second_header(body, typed):
            others.append(Alternative(value=second, confidence=0.5))
            confidence = min(confidence, 0.5)
            why = Text(
                f"第 {second} 行也像表头；{why.zh}", f"line {second} looks like a header too; {why.en}"
            )
    others.append(Alternative(value=0, confidence=round(max(0.0, 0.9 - confidence), 2)))
    return Guess(
        aspect="header_line",
        value=record.line,
        confidence=round(confidence, 2),
        alternatives=others,
        why=why,
    )


def _recurs(cell: str, body: Sequence[Record], index: int) -> bool:
    return any(
        index < len(record.cells) and (record.cells[index] or "").strip() == cell for record in body[:200]
    )


def _second_header(body: Sequence[Record], typed: Sequence[int]) -> int | None:
    """The line below the header when it stands in words where the columns hold numbers: units, or a second level."""
    if len(body) < 3 or len(typed) < 2:
        return None
    first = body[0]
    words = [
        i
        for i in typed
        if i < len(first.cells)
        and kind_of(first.cells[i]) == "text"
        and (first.cells[i] or "").strip() not in MARKS
    ]
    return first.line if len(words) > 0.6 * len(typed) else None


def of_sheet(name: str, sizes: Mapping[str, int]) -> Guess:
    """The sheet with its share of what the visible sheets hold."""
    own, largest = sizes.get(name, 0), max((s for n, s in sizes.items() if n != name), default=0)
    if not largest:
        return certain(
            "sheet", name, Text("唯一有内容的可见工作表", "the only visible sheet that holds anything")
        )
    total = max(1, sum(sizes.values()))
    others = sorted(((size, each) for each, size in sizes.items() if each != name and size), reverse=True)
    return Guess(
        aspect="sheet",
        value=name,
        confidence=round(own / max(1, own + largest), 2),
        alternatives=[
            Alternative(value=each, confidence=round(size / total, 2)) for size, each in others[:50]
        ],
        why=Text(
            f"第一个有内容的可见工作表，占全部内容的 {own / total:.0%}",
            f"the first visible sheet that holds anything, {own / total:.0%} of what the sheets hold",
        ),
    )


def with_header(
    guesses: Sequence[Guess], sample: Sequence[Record], chosen: int, dictionary: Dictionary
) -> list[Guess]:
    """The guesses so far and the header's; an encoding whose text spells the dictionary's names is the right one."""
    known = known_names(dictionary)
    header = next((record for record in sample if record.line == chosen), None)
    spelt = header is not None and any(
        not name.isascii() and name in known for cell in header.cells if (name := clean_name(cell).casefold())
    )
    why = Text("解码后的表头与数据字典一致", "the decoded header spells the names of the dictionary")
    kept = [
        guess.model_copy(update={"confidence": 1.0, "why": why})
        if spelt and guess.aspect == "encoding"
        else guess
        for guess in guesses
    ]
    return [*kept, of_header(sample, chosen, known)]


def known_names(dictionary: Dictionary) -> frozenset[str]:
    """Every name and title of the dictionary, casefolded."""
    columns = dictionary.columns
    words = [word for c in columns for word in (c.name, c.title_zh, c.title_en) if word]
    return frozenset(clean_name(word).casefold() for word in words)


def of_quote(path: Path, delimiter: str | None, used: str) -> Guess:
    """Which mark stands around cells; single ones are text unless somebody says otherwise."""
    lines = _sample_lines(path)
    wrapped = {mark: sum(_is_wrapped(line, delimiter, mark) for line in lines) for mark in ('"', "'")}
    if used == '"' and not wrapped['"'] and wrapped["'"] > max(2, len(lines) // 2):
        why = Text(
            f"{wrapped[chr(39)]} 行的单元格由单引号括起，按原文保留",
            f"cells stand in single quotes in {number_of(wrapped[chr(39)], 'lines')}; they were kept as text",
        )
        other = Alternative(value="'", confidence=round(wrapped["'"] / len(lines), 2))
        return Guess(aspect="quote", value=used, confidence=0.4, alternatives=[other], why=why)
    number = wrapped.get(used, 0)
    why = Text(f"样本中 {number} 行用到", f"used in {number_of(number, 'lines')} of the sample")
    return certain("quote", used, why)


def _is_wrapped(line: str, delimiter: str | None, mark: str) -> bool:
    if mark not in line:
        return False
    cells = line.strip("\r\n").split(delimiter) if delimiter else [line.strip("\r\n")]
    return any(len(cell) > 1 and cell[0] == cell[-1] == mark for cell in map(str.strip, cells))


def completed(facts: InputFacts, dictionary: Dictionary, opened: Opened, staged: Staged) -> list[Guess]:
    """Every conclusion about the file in a fixed order; what somebody fixed beforehand is marked as told."""
    found = {guess.aspect: guess for guess in facts.detection}
    signed = opened.format not in ("text", "json")
    why = (
        Text("由文件内容的签名识别", "by the signature in its content")
        if signed
        else Text("没有签名，内容是可读文本", "readable text without a signature")
    )
    if opened.parts:
        why = Text("逐个成员按内容识别", "member by member, by its content")
    found["format"] = certain("format", facts.format, why)
    if facts.member is not None:
        found["member"] = _of_member(facts.member, staged)
    given = dictionary.model_dump(include=set(ASPECT_NAMES), exclude_none=True)
    return [
        told(aspect, found[aspect].value) if aspect in given else found[aspect]
        for aspect in get_args(Aspect)
        if aspect in found
    ]


def _of_member(name: str, staged: Staged) -> Guess:
    """An archive with several members is refused, so what was read is certain unless a document holds more tables."""
    others = {place: number for place, number in staged.places.items() if place != name}
    if not others:
        return certain(
            "member", name, Text("唯一的数据文件或记录", "the only file, or the only place with records")
        )
    own, total = staged.places.get(name, 0), max(1, sum(staged.places.values()))
    return Guess(
        aspect="member",
        value=name,
        confidence=round(own / max(1, own + max(others.values())), 2),
        alternatives=_ranked({place: number / total for place, number in others.items()}),
        why=Text(
            f"记录最多的一处，占 {own / total:.0%}", f"the place with most records, {own / total:.0%} of them"
        ),
    )


def described(guess: Guess) -> Text:
    """A doubt in one sentence: what was taken, how sure that is, why, and what else it may be."""
    own = spoken(guess.aspect, guess.value)
    others = [spoken(guess.aspect, each.value) for each in guess.alternatives[:3]]
    zh = f"；也可能是：{'、'.join(each.zh for each in others)}" if others else ""
    en = f"; it may also be: {', '.join(each.en for each in others)}" if others else ""
    return Text(
        f"{own.zh}（把握 {guess.confidence:.0%}：{guess.why.zh}{zh}）",
        f"{own.en} ({guess.confidence:.0%} sure: {guess.why.en}{en})",
    )
