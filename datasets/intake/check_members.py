"""The gate for each member of an archive by itself: one answer per member, in order of their names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.errors import InputRefused
from core.text import Text
from datasets.intake import archive
from datasets.intake.check import CheckReport, check_file
from datasets.intake.container import archive_in, demand_file
from datasets.intake.dictionary import Dictionary
from quality.suite import Suite


class MemberReport(BaseModel):
    """What became of one member: its report, or the sentence by which it was refused."""

    member: str
    refused: Text | None = None
    report: CheckReport | None = None

    @property
    def outcome(self) -> str:
        """`passed`, `failed`, `error` or `refused`."""
        return self.report.verdict if self.report else "refused"


class MembersReport(BaseModel):
    """The whole answer, member by member."""

    members: list[MemberReport]


def member_names(source: Path, pattern: str | None = None) -> list[str]:
    """The archive's members that fit the pattern, all of them unless one is given. Raises InputRefused."""
    demand_file(source)
    with tempfile.TemporaryDirectory(prefix="datagrant-members-") as folder:
        if (path := archive_in(source, Path(folder))) is None:
            raise InputRefused(
                Text(
                    f"{source.name} 不是压缩包，不能逐个成员检查；请去掉 --each。",
                    f"{source.name} is no archive, so there are no members to check one by one; leave out --each.",
                )
            )
        with archive.opened(path) as packed:
            found = archive.members(packed)
    return [
        each.name for each in (archive.chosen(found, pattern) if pattern else archive.matching(found, "*"))
    ]


def check_members(
    source: Path,
    suite: Suite | None,
    names: list[str],
    *,
    suites: Mapping[str, Suite],
    dictionary: Dictionary,
    out: Path | None = None,
    **how: Any,  # noqa: ANN401 - what check_file takes
) -> Iterator[MemberReport]:
    """Judge each member by the suite named for it, or by `suite`; tables that pass go to the folder `out`, called after their members."""
    targets = _targets(names, out)
    _demand_suites(names, suite, suites)
    for name in names:
        rules = suites.get(name, suite)
        assert rules is not None  # noqa: S101 - demanded above
        known = dictionary.model_copy(update={"member": name})
        try:
            found = check_file(source, rules, dictionary=known, out=targets.get(name), **how)
            yield MemberReport(member=name, report=found)
        except InputRefused as refused:
            yield MemberReport(member=name, refused=refused.detail)


def _demand_suites(names: list[str], suite: Suite | None, suites: Mapping[str, Suite]) -> None:
    lacking = [name for name in names if suite is None and name not in suites]
    strange = [name for name in suites if name not in names]
    if lacking:
        raise InputRefused(
            Text(
                f"成员 {lacking[0]} 没有规则集；请用 --suite 给出，或用 --member-suite 成员=文件 逐个给出。",
                f"There is no suite for member {lacking[0]}; give --suite, or --member-suite MEMBER=FILE for each.",
            )
        )
    if strange:
        raise InputRefused(
            Text(
                f"压缩包里没有成员 {strange[0]}；请核对 --member-suite。",
                f"The archive has no member {strange[0]}; check --member-suite.",
            )
        )


def _targets(names: list[str], out: Path | None) -> dict[str, Path]:
    if out is None:
        return {}
    if not out.is_dir():
        raise InputRefused(
            Text(f"{out} 须是已有的文件夹，每个成员在其中写一个文件。", f"{out} must be a folder that exists; each member becomes a file in it.")
        )  # fmt: skip
    found = {name: out / (name.replace("/", "_").replace("\\", "_") + ".parquet") for name in names}
    if len(set(found.values())) < len(found):
        raise InputRefused(
            Text(
                "有成员在不同文件夹里同名，写出的文件会互相覆盖；请用 --member 分批检查。",
                "Members of several folders would be written to one file name; check them in parts by --member.",
            )
        )
    return found
