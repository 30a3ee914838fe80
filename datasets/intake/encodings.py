"""Text of unknown encoding becomes UTF-8, strictly: no replacement character ever appears by itself.

Why this exists: GB18030 accepts most Big5 and Latin-1 files and gives wrong text without an error. So
"it decodes" proves nothing; candidates are scored by how ordinary the characters are that they give.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import InputRefused
from core.text import Text

CHUNK: Final = 1 << 20
MAX_LINE_BYTES: Final = 16 << 20
_NOTHING_LEFT: Final = (b"", 0)  # of a character begun in the chunk before
SAMPLE_BYTES: Final = 128 << 10
SURE: Final = 0.6
CLEAR_MARGIN: Final = 0.15  # a runner-up this far behind takes no confidence away
CODECS: Final = {"gbk": ("gbk", "gb18030"), "big5": ("cp950", "big5hkscs"), "latin": ("latin-1", "cp1252")}
PUBLIC_NAME: Final = {"cp950": "big5", "big5hkscs": "big5-hkscs"}


@dataclass(frozen=True, slots=True)
class Utf8Text:
    """A UTF-8 file ready to be split: where it is, how it was encoded, and the shape of its lines.

    alternatives: other encodings that decode the same bytes, with the share of ordinary characters they give.
    """

    path: Path
    encoding: str
    confidence: float
    newlines: int
    plain_newlines: bool
    ends_with_newline: bool
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class _Survey:
    newlines: int = 0
    returns: int = 0
    pairs: int = 0
    valid: bool = True
    bad_at: int = 0
    last: bytes = b""


def to_utf8(
    source: Path, folder: Path, wanted: str | None = None, *, line_limit: int | None = MAX_LINE_BYTES
) -> Utf8Text:
    """Give `source` as UTF-8, itself when it already is. `wanted` overrides the detection."""
    with source.open("rb") as file:
        head = file.read(8192)
    name = _canonical(wanted) if wanted else _by_mark(head)
    if name is None or name in ("utf-8", "utf-8-sig"):
        survey = _survey(source, line_limit)
        if survey.valid:
            label = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
            return _ready(source, label, 1.0, survey)
        if name is not None or _mostly_utf8(source):
            raise _bad_bytes(source, survey.bad_at, name or "utf-8")
    out = folder / "utf8.txt"
    if name is not None:
        _recode(source, out, name)
        marked = wanted or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE))
        return _ready(out, name, 1.0 if marked else 0.9, _survey(out, line_limit))
    return _guess(source, out, line_limit)


def _ready(
    path: Path,
    encoding: str,
    confidence: float,
    survey: _Survey,
    alternatives: tuple[tuple[str, float], ...] = (),
) -> Utf8Text:
    plain = survey.returns == 0 or survey.returns == survey.pairs == survey.newlines
    ends = survey.last in (b"\n", b"\r")
    return Utf8Text(path, encoding, confidence, survey.newlines, plain, ends, alternatives)


def _canonical(wanted: str) -> str:
    try:
        name = codecs.lookup(wanted).name
        return "gbk" if name == "gb2312" else name  # files that say GB 2312 mean GBK
    except LookupError as error:
        raise InputRefused(
            Text(
                f"不认识编码 {wanted}；常用的有 utf-8、gb18030、big5、latin-1。",
                f"Unknown encoding {wanted}; common ones are utf-8, gb18030, big5 and latin-1.",
            )
        ) from error


def _by_mark(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8) or b"\0" not in head:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.2 * half and even < 0.02 * half and _is_readable(head, "utf-16-le"):
        return "utf-16-le"
    if even > 0.2 * half and odd < 0.02 * half and _is_readable(head, "utf-16-be"):
        return "utf-16-be"
    return None


def _is_readable(head: bytes, encoding: str) -> bool:
    """Whether the bytes give text of that encoding and not control characters."""
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    return sum(char < " " and char not in "\t\r\n" for char in text) <= 0.01 * len(text)


def _survey(path: Path, line_limit: int | None) -> _Survey:
    """One pass: is it UTF-8, how do its lines end, is any line past the limit or any byte NUL."""
    found, decoder = _Survey(), codecs.getincrementaldecoder("utf-8")()
    offset = line_bytes = 0
    for chunk in _chunks(path):
        if b"\0" in chunk or (offset == 0 and _is_binary(chunk)):
            raise _binary(offset + max(0, chunk.find(b"\0")))
        if found.valid and not (chunk.isascii() and decoder.getstate() == _NOTHING_LEFT):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                found.valid, found.bad_at = False, max(0, offset + error.start)
        if b"\r" in chunk or found.last == b"\r":
            found.returns += chunk.count(b"\r")
            found.pairs += chunk.count(b"\r\n") + (found.last == b"\r" and chunk.startswith(b"\n"))
        found.newlines += chunk.count(b"\n")
        if line_limit is not None:
            line_bytes = _line_so_far(chunk, line_bytes, found.newlines, line_limit)
        found.last = chunk[-1:]
        offset += len(chunk)
    if found.valid:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            found.valid, found.bad_at = False, offset - 1
    return found


def _line_so_far(chunk: bytes, carried: int, lines_before: int, limit: int) -> int:
    first = min((at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0), default=-1)
    if carried + (len(chunk) if first < 0 else first) > limit:
        raise InputRefused(
            Text(
                f"第 {lines_before + 1} 行附近有一行超过 {limit >> 20} MiB；请检查换行符后重新导出。",
                f"A line near line {lines_before + 1} is longer than {limit >> 20} MiB; "
                "check the line breaks and export again.",
            )
        )
    if first < 0:
        return carried + len(chunk)
    return len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))


def _is_binary(chunk: bytes) -> bool:
    sample = chunk[:65536]
    odd = sum(sample.count(code) for code in (*range(2, 9), *range(14, 26), 28, 29, 30, 31))
    return odd > 0.01 * len(sample) and odd > 2


def _binary(offset: int) -> InputRefused:
    return InputRefused(
        Text(
            f"文件不是文本也不是已知的表格格式（第 {offset} 字节处有二进制内容）；请导出为 CSV、Excel、JSON 或 Parquet。",
            f"The file is neither text nor a known table format (binary content at byte {offset}); "
            "export it as CSV, Excel, JSON or Parquet.",
        )
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _recode(source: Path, out: Path, encoding: str) -> None:
    """Write `source` as UTF-8; raises InputRefused at the first byte that `encoding` cannot mean."""
    decoder, offset = codecs.getincrementaldecoder(encoding)(), 0
    with out.open("w", encoding="utf-8", newline="") as file:
        try:
            for chunk in _chunks(source):
                file.write(decoder.decode(chunk))
                offset += len(chunk)
            file.write(decoder.decode(b"", final=True))
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            raise _bad_bytes(
                source, max(0, min(offset + start, source.stat().st_size - 1)), encoding
            ) from error


def _bad_bytes(source: Path, offset: int, encoding: str) -> InputRefused:
    line, seen = 1, 0
    for chunk in _chunks(source):
        line += chunk[: max(0, offset - seen)].count(b"\n")
        seen += len(chunk)
        if seen > offset:
            break
    return InputRefused(
        Text(
            f"第 {line} 行（第 {offset} 字节）不是有效的 {encoding} 文本；请重新导出为 UTF-8，或在数据字典中指明 encoding。",
            f"Line {line} (byte {offset}) is not valid {encoding} text; "
            "export it again as UTF-8, or name the encoding in the dictionary.",
        ),
        line=line,
        offset=offset,
    )


def _sample(source: Path) -> bytes:
    """Lines that hold bytes above ASCII, from wherever they are, up to the sample's size."""
    kept, size, rest = [], 0, b""
    for chunk in _chunks(source):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()[-CHUNK:]
        for line in lines:
            if not line.isascii():
                kept.append(line)
                size += len(line)
                if size > SAMPLE_BYTES:
                    return b"\n".join(kept)[: SAMPLE_BYTES * 2]
    if not rest.isascii():
        kept.append(rest[: SAMPLE_BYTES * 2])
    return b"\n".join(kept)


def _mostly_utf8(source: Path) -> bool:
    """A UTF-8 file with a few damaged bytes must be refused, not read as something else."""
    sample = _sample(source)
    high = sum(byte >= 0x80 for byte in sample)
    broken = sample.decode("utf-8", errors="replace").count("�")
    return high > 8 and broken <= 0.05 * high


def _guess(source: Path, out: Path, line_limit: int | None) -> Utf8Text:
    sample = _sample(source)
    scores = {family: score(sample) for family, score in SCORES.items()}
    failures: list[InputRefused] = []
    for family in sorted(scores, key=lambda each: -scores[each]):
        for codec in _codecs(family, sample):
            try:
                _recode(source, out, codec)
            except InputRefused as refused:
                failures.append(refused)
                continue
            others = _others(family, scores, sample)
            sure = _sureness(scores[family], max((score for _, score in others), default=0.0), sample)
            return _ready(out, PUBLIC_NAME.get(codec, codec), sure, _survey(out, line_limit), others)
    raise failures[0]


def _others(chosen: str, scores: dict[str, float], sample: bytes) -> tuple[tuple[str, float], ...]:
    """The other families' usual encodings, where they also decode the sample and make some ordinary characters of it."""
    found = []
    for family in sorted(scores, key=lambda each: -scores[each]):
        codec = _codecs(family, sample)[0]
        if family != chosen and scores[family] >= 0.05 and _decodes(sample, codec):
            found.append((PUBLIC_NAME.get(codec, codec), round(scores[family], 3)))
    return tuple(found)


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _sureness(score: float, rival: float, sample: bytes) -> float:
    """Less than the share of ordinary characters where little was seen, or where another encoding does as well."""
    seen = sum(byte >= 0x80 for byte in sample)
    margin = min(1.0, max(0.0, score - rival) / CLEAR_MARGIN)
    return round(score * seen / (seen + 0.5) * (0.5 + 0.5 * margin), 3)


def _codecs(family: str, sample: bytes) -> tuple[str, ...]:
    if family != "latin":
        return CODECS[family]
    return ("cp1252",) if any(0x80 <= byte < 0xA0 for byte in sample) else ("latin-1",)


def _double_byte(sample: bytes, ordinary: Callable[[int, int], bool]) -> float:
    """Share of the double-byte characters that are ordinary ones in the encoding asked about."""
    good = total = at = 0
    while at < len(sample) - 1:
        lead, trail = sample[at], sample[at + 1]
        if lead < 0x80:
            at += 1
            continue
        total += 1
        good += ordinary(lead, trail)
        at += 2 if trail >= 0x40 else 1
    return good / total if total else 0.0


def _gb_score(sample: bytes) -> float:
    """First-level hanzi of GB 2312 and its punctuation."""
    return _double_byte(sample, lambda a, b: b >= 0xA1 and (0xB0 <= a <= 0xD7 or 0xA1 <= a <= 0xA3))


def _big5_score(sample: bytes) -> float:
    """Frequent hanzi of Big5 (levels of use, by stroke count) and its punctuation."""
    return _double_byte(
        sample, lambda a, b: 0xA1 <= a <= 0xC6 and (0x40 <= b <= 0x7E or b >= 0xA1) and not 0xC7 <= a <= 0xC8
    )


def _latin_score(sample: bytes) -> float:
    """High bytes that stand alone beside ASCII letters, as accents do; symbols such as ° count half."""
    good, total, length = 0.0, 0, len(sample)
    for at, byte in enumerate(sample):
        if byte < 0x80:
            continue
        total += 1
        before = sample[at - 1] if at else 0x20
        after = sample[at + 1] if at + 1 < length else 0x20
        if before >= 0x80 and after >= 0x80:
            continue
        beside = (chr(before).isalpha() and before < 0x80) or (chr(after).isalpha() and after < 0x80)
        good += 1.0 if beside and (byte >= 0xC0 or byte < 0xA0) else 0.5
    return good / total if total else 0.0


SCORES: Final[dict[str, Callable[[bytes], float]]] = {
    "gbk": _gb_score,
    "big5": _big5_score,
    "latin": _latin_score,
}
