"""Names, windows and versions of reading in place. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

from auth.policy.filters.rules import LOCAL
from core.errors import InputRefused
from core.text import Text

BUILD: Final = 2  # raise it when views made before must not be served any more
LINK_LIFE: Final = timedelta(hours=1)
RETRY_AFTER: Final = timedelta(minutes=10)


class ViewState(StrEnum):
    BUILDING = "building"
    IN_REVIEW = "in_review"
    READY = "ready"
    FAILED = "failed"
    DROPPED = "dropped"
    REFUSED = "refused"


TOLD: Final = frozenset({ViewState.READY, ViewState.DROPPED})
"""States of a view in which its readers may know its rows and bytes."""

VIEW_NAMES: Final[dict[ViewState, Text]] = {
    ViewState.BUILDING: Text("生成中", "Being made"),
    ViewState.IN_REVIEW: Text("待出域审核", "Waits for output review"),
    ViewState.READY: Text("可读取", "Ready"),
    ViewState.FAILED: Text("未生成", "Not made"),
    ViewState.DROPPED: Text("已清除", "Dropped"),
    ViewState.REFUSED: Text("不予出域", "Must not leave"),
}


def view_id(
    *,
    release_sha256: str,
    grant_id: str,
    policy_hash: str,
    suite_id: str,
    cells: str = "",
    checkers: int = 0,
    marks: Mapping[str, float] | None = None,
) -> str:
    """The name of a view: equal inputs, equal view. `suite_id`: the export suite in force, "" without one.

    cells: the rule about small groups that applies now, "" without one. checkers: how many people review it before it leaves.
    marks: the columns that may bear hidden marks now, by tolerance.
    """
    more: list[object] = [checkers] if checkers else []
    if marks:
        more.append(sorted(marks.items()))
    said = json.dumps([BUILD, release_sha256, grant_id, policy_hash, suite_id, cells, *more])
    return hashlib.sha256(said.encode()).hexdigest()


def day_of(at: datetime) -> str:
    """The local day of an instant: the window within which a file is charged once."""
    return at.astimezone(LOCAL).date().isoformat()


class Version(NamedTuple):
    """A release as Delta clients see it; its number is the version."""

    number: int
    release_id: str
    published_at: datetime


def version_at(versions: Sequence[Version], version: int | None, timestamp: datetime | None) -> Version:
    """The version asked for: that one, the last one published at `timestamp` or before, or the newest.

    `versions` ascend and are not empty. Raises InputRefused.
    """
    if version is not None and timestamp is not None:
        raise _bad("version 与 timestamp 只能给出一个。", "Give version or timestamp, not both.")
    if timestamp is not None:
        past = [each for each in versions if each.published_at <= timestamp]
        if not past:
            first = versions[0].published_at.isoformat()
            raise _bad(
                f"该时间之前没有版本，最早的发布于 {first}。",
                f"There was no version then; the first was published at {first}.",
            )
        return past[-1]
    if version is None:
        return versions[-1]
    return _numbered(versions, version)


def version_from(versions: Sequence[Version], timestamp: datetime | None) -> Version:
    """The first version published at `timestamp` or after; the newest without one. Raises InputRefused."""
    if timestamp is None:
        return versions[-1]
    later = [each for each in versions if each.published_at >= timestamp]
    if not later:
        raise _bad("该时间之后没有新版本。", "No version was published at that time or after it.")
    return later[0]


def changes_between(
    versions: Sequence[Version],
    start: int | None,
    start_at: datetime | None,
    end: int | None,
    end_at: datetime | None,
) -> tuple[Version | None, list[Version]]:
    """The version before the range (whose rows it removes), and the range, both ends in it. Raises InputRefused.

    A number in the range that cannot be delivered any more makes the range unreadable.
    """
    if (start is None) == (start_at is None):
        raise _bad(
            "须给出 startingVersion 或 startingTimestamp 之一。",
            "Give one of startingVersion and startingTimestamp.",
        )
    if end is not None and end_at is not None:
        raise _bad(
            "endingVersion 与 endingTimestamp 只能给出一个。",
            "Give endingVersion or endingTimestamp, not both.",
        )
    first = version_from(versions, start_at) if start is None else _numbered(versions, start)
    last = version_at(versions, end, end_at)
    if first.number > last.number:
        raise _bad("起始版本在结束版本之后。", "The range begins after its end.")
    chosen = [each for each in versions if first.number <= each.number <= last.number]
    before = [each for each in versions if each.number < first.number]
    whole = [*before[-1:], *chosen]
    if any(later.number != former.number + 1 for former, later in pairwise(whole)):
        raise _bad(
            "这段变更中有已撤回或退役的版本，无法给出；请从较新的版本开始。",
            "A version in this range was withdrawn or retired; begin at a newer one.",
        )
    return (before[-1] if before else None), chosen


def _numbered(versions: Sequence[Version], number: int) -> Version:
    found = next((each for each in versions if each.number == number), None)
    if found is None:
        there = ", ".join(str(each.number) for each in versions[-20:])
        raise _bad(
            f"没有版本 {number}；可读取的版本：{there}。",
            f"There is no version {number}; there are: {there}.",
        )
    return found


Named = TypeVar("Named")


def page_of(
    names: Sequence[tuple[str, Named]], most: int | None, token: str | None
) -> tuple[list[Named], str | None]:
    """One page of named things and the token of the next; `token` is the last name of the page before."""
    if most is not None and most < 0:
        raise _bad("maxResults 不能为负。", "maxResults must not be negative.")
    left = [each for each in sorted(names, key=lambda each: each[0]) if token is None or each[0] > token]
    cut = left[: most or 500]
    return [each[1] for each in cut], (cut[-1][0] if cut and len(left) > len(cut) else None)


def _bad(zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en))
