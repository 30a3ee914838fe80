"""Why a record was found: where the words stand in it, and what stands for those that it does not hold as written."""

from __future__ import annotations

from typing import Final

from catalog import codes, regions
from catalog.search.query import Alternative, Ask, Run
from catalog.search.tokens import fold
from catalog.tables import DatasetRow
from core.text import Text

_SOUND: Final = Text("读音相同（拼音）", "the same sound (pinyin)")
_LETTERS: Final = Text("拼音首字母", "first letters of pinyin")


def of(row: DatasetRow, ask: Ask) -> tuple[list[Text], list[Text]]:
    """Places with words in them, the weightiest first, and what stands instead of words."""
    places = [(label, fold(text)) for label, text in _places(row)]
    whole = "\n".join(text for _, text in places)
    instead: dict[Text, None] = {}
    used: list[Alternative] = []
    for term in ask.terms:
        word = term[0]
        if _holds(whole, word):
            used.append(word)
        elif other := next((each for each in term if each.kind == "synonym" and _holds(whole, each)), None):
            used.append(other)
            instead[Text(f"同义词 {_said(other.runs)}", f"synonym {_said(other.runs)}")] = None
        elif kinds := {each.kind for each in term} & {"sound", "letters"}:
            instead[_LETTERS if "letters" in kinds else _SOUND] = None
    return [label for label, text in places if any(_shows(text, each) for each in used)], list(instead)


def _places(row: DatasetRow) -> list[tuple[Text, str]]:
    theme = codes.load("domain").text(row.domain_code)
    return [
        (Text("代码", "code"), row.id),
        (Text("名称", "title"), f"{row.title_zh}\n{row.title_en}"),
        (Text("关键词", "keywords"), "\n".join((*row.keywords, *row.keywords_en))),
        (Text("提供方", "publisher"), f"{row.publisher_zh}\n{row.publisher_en}"),
        (Text("主题", "theme"), f"{theme.zh}\n{theme.en}"),
        (Text("摘要", "summary"), f"{row.description_zh}\n{row.description_en}"),
        (Text("空间范围", "area"), f"{row.spatial}\n{row.spatial_en}\n{regions.names(row.spatial_codes)}"),
    ]


def _holds(text: str, way: Alternative) -> bool:
    return bool(way.tokens) and all(token in text for token, _ in way.tokens)


def _shows(text: str, way: Alternative) -> bool:
    return any(token in text for token, _ in way.tokens)


def _said(runs: tuple[Run, ...]) -> str:
    return " ".join(run for run, _ in runs)
