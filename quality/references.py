"""What a suite may compare with beside the table it judges: releases of other datasets, the last release, code lists.

This room knows no catalogue: whoever runs a suite looks the named things up and hands them in. What was handed in is
named in the verdict with its digest, so that the verdict can be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from core.text import Text
from quality.kinds import KindMismatch
from quality.own.ages import BY_FREQUENCY

LAST_TYPES: Final = frozenset(
    {"expect_counters_to_grow_since_last_release", "expect_rows_to_agree_with_last_release"}
)
CODE_TYPE: Final = "expect_column_values_to_be_in_code_list"
ROWS_COUNTED: Final = "*"
"""Instead of a column's name: the rows of a group are counted."""


class Rule(Protocol):
    """An expectation."""

    type: str
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a suite names: datasets, code lists (name and, where said, version), and whether it asks for the last release.

    frequency: whether it asks for the update frequency of the record.
    """

    datasets: tuple[str, ...]
    code_lists: tuple[tuple[str, str | None], ...]
    last_release: bool
    frequency: bool = False

    def __bool__(self) -> bool:
        return bool(self.datasets or self.code_lists or self.last_release or self.frequency)


def wanted_by(rules: Iterable[Rule]) -> Wanted:
    """Everything that the rules compare with, each once, in the order named."""
    rules = list(rules)
    named = [str(rule.kwargs["dataset"]) for rule in rules if "dataset" in rule.kwargs]
    lists = [
        (str(rule.kwargs["code_list"]), rule.kwargs.get("version"))
        for rule in rules
        if rule.type == CODE_TYPE
    ]
    return Wanted(
        tuple(dict.fromkeys(named)),
        tuple(dict.fromkeys(lists)),
        any(rule.type in LAST_TYPES for rule in rules),
        any(rule.kwargs.get("max_age") == BY_FREQUENCY for rule in rules),
    )


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """One release of a dataset, or a file that stands for it. `sha256` is the file's digest, `content_sha256` its values'."""

    dataset_id: str
    path: Path
    sha256: str
    content_sha256: str = ""
    release_id: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class CodeSet:
    """The values of one code list in one version."""

    name: str
    version: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often data come (`name`, the code or interval of the record) and, an ISO 8601 duration, how old that lets them grow.

    max_age: None where the frequency sets no limit.
    """

    name: str
    max_age: str | None


@dataclass(frozen=True, slots=True)
class References:
    """What was looked up. `missing`: why a named thing (dataset id, code list name) cannot be had.

    last_release: None where it is known that there is none yet; `missing` says so where it is not known.
    """

    tables: Mapping[str, ReferenceTable] = field(default_factory=dict)
    code_lists: Mapping[str, CodeSet] = field(default_factory=dict)
    last_release: ReferenceTable | None = None
    missing: Mapping[str, Text] = field(default_factory=dict)
    knows_last: bool = False
    frequency: Frequency | None = None

    def table(self, dataset_id: str) -> ReferenceTable:
        """The release to compare with; raises ReferenceUnavailable."""
        if dataset_id not in self.tables:
            raise ReferenceUnavailable(self.missing.get(dataset_id) or _not_given(dataset_id))
        return self.tables[dataset_id]

    def last(self) -> ReferenceTable | None:
        """This dataset's last release, None before the first; raises ReferenceUnavailable where nobody said."""
        if self.last_release is None and not self.knows_last:
            raise ReferenceUnavailable(
                Text(
                    "没有提供本数据集的上一版本，无法与之比较；请一并给出。",
                    "The last release of this dataset was not handed in, so nothing can be compared with it; give it.",
                )
            )
        return self.last_release

    def allowed_age(self) -> str:
        """How old the update frequency lets data grow; raises ReferenceUnavailable."""
        if self.frequency is None:
            raise ReferenceUnavailable(
                Text(
                    "没有说明更新周期，无法据此判断新鲜；请一并给出（--update-frequency），或在规则中写明 max_age。",
                    "Nobody said how often the data are updated, so freshness cannot be judged by it; give it (--update-frequency), or write a max_age into the rule.",
                )
            )
        if self.frequency.max_age is None:
            raise ReferenceUnavailable(
                Text(
                    "该更新周期（不定时，或未填更新间隔）没有时限，无法据此判断新鲜；请补全更新周期，或在规则中写明 max_age。",
                    "This update frequency (irregular, or other without an interval) sets no limit, so freshness cannot be judged by it; complete it, or write a max_age into the rule.",
                )
            )
        return self.frequency.max_age

    def codes(self, name: str, version: str | None) -> CodeSet:
        """A code list in the version asked for; raises ReferenceUnavailable."""
        found = self.code_lists.get(name)
        if found is None:
            raise ReferenceUnavailable(self.missing.get(name) or _no_list(name))
        if version is not None and version != found.version:
            raise ReferenceUnavailable(
                Text(
                    f"代码表 {name} 现为 {found.version} 版，而规则要求 {version} 版；请核对差异后更新规则。",
                    f"The code list {name} is at version {found.version}, but the rule asks for {version}; compare them, then update the rule.",
                )
            )
        return found

    def used(self) -> list[ReferenceUsed]:
        """What a verdict says it was given."""
        tables = [_used(each, "dataset") for each in self.tables.values()]
        last = [_used(self.last_release, "last_release")] if self.last_release else []
        lists = [
            ReferenceUsed(kind="code_list", name=each.name, version=each.version)
            for each in self.code_lists.values()
        ]
        often = self.frequency
        limits = (
            [ReferenceUsed(kind="update_frequency", name=often.name, version=often.max_age or "")]
            if often
            else []
        )
        return [*tables, *last, *lists, *limits]


class ReferenceUsed(BaseModel):
    """What a rule was compared with, so exactly that the comparison can be repeated.

    Of an update frequency `version` is the age it allows.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["dataset", "last_release", "code_list", "update_frequency"]
    name: str
    release_id: str = ""
    number: int | None = None
    sha256: str = ""
    content_sha256: str = ""
    version: str = ""


class ReferenceUnavailable(KindMismatch):
    """Something that a rule compares with cannot be had: the rule could not run, it neither passed nor failed."""

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.zh} {text.en}")
        self.text = text


def _used(table: ReferenceTable, kind: Literal["dataset", "last_release"]) -> ReferenceUsed:
    return ReferenceUsed(
        kind=kind, name=table.dataset_id, release_id=table.release_id, number=table.number,
        sha256=table.sha256, content_sha256=table.content_sha256,
    )  # fmt: skip


def _not_given(dataset_id: str) -> Text:
    return Text(
        f"没有提供数据集 {dataset_id} 的数据，无法与之比较；请一并给出（--with {dataset_id}=文件）。",
        f"No data of {dataset_id} were handed in, so nothing can be compared with it; give them (--with {dataset_id}=FILE).",
    )


def _no_list(name: str) -> Text:
    return Text(f"没有代码表 {name}；请核对名称。", f"There is no code list {name}; check the name.")


NONE: Final = References()
