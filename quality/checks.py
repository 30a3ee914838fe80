"""What GB/T 36344 asks of a table's metadata and of how it can be had, as a table of own checks over facts. Pure.

No rule of a suite can look at these: 0103 metadata, 0601 accessible, 0602 usable. A check scores its share of yes, and stands beside
the rules in the mean of its sub-indicator. What cannot be said of a table (a batch that is no release cannot be fetched) is not applicable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from core.text import Text


@dataclass(frozen=True, slots=True)
class Standing:
    """How a release stands. stored: its file is there in the size that it names, None where nobody looked; sound: the last
    reading of the whole store did not find it damaged; offered: the record is published and says how the data are had."""

    stored: bool | None
    sound: bool
    offered: bool
    current: bool
    licence: bool
    contact: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """columns: of the table; dictionary: its columns, each with whether it has title and type; release: None for a batch that is none."""

    columns: Sequence[str]
    dictionary: Mapping[str, bool]
    release: Standing | None = None


class Checked(BaseModel):
    """One check. score: 100 × good / of, None where it is not applicable; missing: names of columns that keep it from being whole."""

    key: str
    indicator: str
    zh: str
    en: str
    good: int | None
    of: int | None
    score: float | None
    missing: list[str]
    advice_zh: str
    advice_en: str


Found = tuple[int, int, list[str]]


@dataclass(frozen=True, slots=True)
class Check:
    key: str
    indicator: str
    label: Text
    advice: Text
    look: Callable[[Facts], Found | None]


def _described(facts: Facts) -> Found | None:
    lacking = [name for name in facts.columns if not facts.dictionary.get(name)]
    return (len(facts.columns) - len(lacking), len(facts.columns), lacking) if facts.columns else None


def _there(facts: Facts) -> Found | None:
    lacking = [name for name in facts.dictionary if name not in facts.columns]
    return (
        (len(facts.dictionary) - len(lacking), len(facts.dictionary), lacking) if facts.dictionary else None
    )


def _of_release(test: Callable[[Facts, Standing], bool | None]) -> Callable[[Facts], Found | None]:
    def look(facts: Facts) -> Found | None:
        said = test(facts, facts.release) if facts.release else None
        return None if said is None else (int(said), 1, [])

    return look


CHECKS: Final[tuple[Check, ...]] = (
    Check("columns-described", "0103", Text("表中各列在数据字典中有名称和类型", "Each column of the table has a title and a type in the dictionary"),
          Text("在数据字典中补写所列各列的名称和类型。", "Give the listed columns a title and a type in the dictionary."), _described),
    Check("columns-there", "0103", Text("数据字典的各列在表中", "Each column of the dictionary is in the table"),
          Text("在下一批次中补上所列各列，或从数据字典中删去。", "Hand in the listed columns with the next batch, or take them out of the dictionary."), _there),
    Check("file-stored", "0601", Text("文件在库，大小与清单一致", "The file is in the store, in the size that was signed"),
          Text("请系统管理员从备份恢复文件。", "Have the system administrator restore the file."), _of_release(lambda _f, r: r.stored)),
    Check("file-sound", "0601", Text("最近一次核对文件库未发现损坏", "The last check of the file store found it undamaged"),
          Text("请系统管理员从备份恢复文件，再核对文件库。", "Have the system administrator restore the file and check the store again."), _of_release(lambda _f, r: r.sound)),
    Check("address", "0601", Text("有权者有获取途径", "Whoever may have the data has a way to them"),
          Text("发布记录，并写明开放、共享或授权运营的方式。", "Publish the record, and say by which of opening, sharing or authorised operation the data are had."), _of_release(lambda _f, r: r.offered)),
    Check("current", "0602", Text("为当前版本（未被取代、退役或撤回）", "It is the current release: not superseded, retired or withdrawn"),
          Text("请使用或发布新的版本。", "Use, or publish, a newer release."), _of_release(lambda _f, r: r.current)),
    Check("dictionary", "0602", Text("有数据字典", "There is a dictionary"),
          Text("填写数据字典。", "Write the dictionary."), _of_release(lambda f, _r: bool(f.dictionary))),
    Check("licence", "0602", Text("有使用许可", "There is a licence"),
          Text("在记录中选择使用许可。", "Choose a licence in the record."), _of_release(lambda _f, r: r.licence)),
    Check("contact", "0602", Text("有联系方式", "There is a contact"),
          Text("在记录中填写联系方式。", "Give a contact in the record."), _of_release(lambda _f, r: r.contact)),
)  # fmt: skip


def checked(facts: Facts) -> list[Checked]:
    """Every check, in order."""
    return [_checked(each, each.look(facts)) for each in CHECKS]


def _checked(each: Check, found: Found | None) -> Checked:
    good, of, missing = found or (None, None, [])
    return Checked(
        key=each.key, indicator=each.indicator, zh=each.label.zh, en=each.label.en, good=good, of=of,
        score=round(100 * good / of, 4) if good is not None and of else None, missing=missing,
        advice_zh=each.advice.zh, advice_en=each.advice.en,
    )  # fmt: skip
