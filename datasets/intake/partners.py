"""Files that stand for the datasets a suite compares with, where there is no service to ask for their releases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catalog.codes import load
from catalog.rules import longest_age
from core.errors import InputRefused
from core.text import Text
from datasets.code_sets import code_sets
from datasets.content import content_digest
from datasets.intake.reader import read_table
from quality.own.ages import is_duration
from quality.references import Frequency, References, ReferenceTable, wanted_by
from quality.suite import Suite

LAST = "last"


def partners(
    suite: Suite, given: Mapping[str, Path], last: Path | None, folder: Path, often: str = ""
) -> References:
    """Each file read as any other, into `folder`. given: by dataset id; last: stands for the table's own last release.
    often: the update frequency, a code of `update_freq` or an ISO 8601 interval.

    Raises InputRefused for a file that cannot be read, and for one that no rule asks for.
    """
    wanted = wanted_by(suite.expectations)
    for name in given:
        if name not in wanted.datasets:
            named = ", ".join(wanted.datasets) or "-"
            raise InputRefused(
                Text(
                    f"规则集没有与 {name} 比较的规则（有：{named}）；请核对 --with 的编码。",
                    f"No rule of the suite compares with {name} (they name: {named}); check the code after --with.",
                )
            )
    tables = {
        name: _read(name, path, folder / f"with-{place}.parquet")
        for place, (name, path) in enumerate(given.items())
    }
    before = _read(LAST, last, folder / "last.parquet") if last is not None else None
    return References(tables, code_sets(wanted), before, frequency=frequency_of(often))


def frequency_of(often: str) -> Frequency | None:
    """A frequency as typed; None for an empty one. Raises InputRefused."""
    if not often:
        return None
    codes = list(load("update_freq").codes)
    if often not in codes and not is_duration(often):
        raise InputRefused(
            Text(
                f"更新周期应为代码（{'、'.join(codes)}）或 ISO 8601 时长（如 PT1H），实为 {often!r}。",
                f"An update frequency is a code ({', '.join(codes)}) or an ISO 8601 duration such as PT1H, not {often!r}.",
            )
        )
    age = longest_age(often, None) if often in codes else longest_age("", often)
    return Frequency(often, age)


def _read(name: str, source: Path, table: Path) -> ReferenceTable:
    if not source.is_file():
        raise InputRefused(
            Text(f"找不到文件 {source}；请检查路径。", f"There is no file {source}; check the path.")
        )
    read = read_table(source, table, numbered=False)
    return ReferenceTable(name, table, read.input.sha256, content_digest(table))
