"""Whereupon a rule stands: its source in both languages, as one text ("中文 · English") that stays as it was when it was recorded."""

from __future__ import annotations

import re
from typing import Final

from core.text import Lang

ROLES: Final = "角色与权限 · roles and permissions"
TERMS: Final = "授权条款 · terms of the grant"
UNVALIDATED: Final = "承诺 1：未经校验的数据不出门 · promise 1: nothing leaves unvalidated"
TWO_PEOPLE: Final = "承诺 3：应由两人办理的由两人办理 · promise 3: two people where the rules say two"
PROVED: Final = "承诺 5：一切皆可证明 · promise 5: everything can be proved"
STATISTICS: Final = "统计披露控制 · statistical disclosure control (docs/queries.md)"
BUDGET: Final = "差分隐私预算 · differential privacy budget (docs/queries.md)"
VERIFYING: Final = "核验规则：须主体同意，限次 · verification with consent, within caps (docs/queries.md)"
MARKS: Final = "隐藏标记 · hidden marks (docs/tracing.md)"
OUTPUT_REVIEW: Final = "出域审核 · review of outputs before they leave (docs/outputs.md)"
FILE_FORMS: Final = "提取的文件形式（docs/extracts.md）· forms of an extract (docs/extracts.md)"

_PARTED: Final = re.compile(r"\s*·\s*(?=[^\u3400-\u9fff]*$)")
_QUOTING: Final = re.compile(r"\s·\s(?=[A-Za-z])")  # the English part names something by its Chinese word
# A source that a setting names, put behind both parts: it is told to every reader as it was given.
_SOURCED: Final = re.compile(
    r"(?P<both>.*[\u3400-\u9fff].*·\s*[A-Za-z][^\u3400-\u9fff：;]*)(?P<by>：|; )(?P<source>.*[\u3400-\u9fff].*)"
)
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


def said(basis: str, lang: Lang) -> str:
    """The part in the reader's language; the whole where there is but one."""
    if found := _SOURCED.fullmatch(basis):
        by = "：" if lang == "zh" else ": "
        return f"{said(found['both'], lang)}{by}{said(found['source'], lang)}"
    chinese, *english = _PARTED.split(basis, maxsplit=1)
    if not english:
        chinese, *english = _QUOTING.split(basis, maxsplit=1)
        if english and len(_HAN.findall(english[0])) * 2 > len(_LATIN.findall(english[0])):
            return basis
    if not english or not _HAN.search(chinese):
        return basis
    return chinese if lang == "zh" else english[0]
