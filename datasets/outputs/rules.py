"""Who may review an output, what the machine's findings mean, and what the votes come to. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from auth.policy.separation import BASIS as SEPARATION
from core.errors import Reason
from core.text import Text
from datasets.outputs.workflow import OutputStep

BASIS: Final = "出域审核 · output review (R24, docs/outputs.md)"
NOTE_MIN: Final = 4
SEEN_FIRST: Final = frozenset({"enclave"})  # the kinds that nobody votes on unseen, and that are shown whole


class Weight(StrEnum):
    """What a finding does: `stops` keeps the file in, `asks` wants a written reason to let it go, `note` is only shown."""

    STOPS = "stops"
    ASKS = "asks"
    NOTE = "note"


WEIGHTS: Final[Mapping[str, Weight]] = {
    "columns-beyond-grant": Weight.STOPS,
    "rows-differ-from-plan": Weight.STOPS,
    "identity-number": Weight.STOPS,
    "pseudonym-broken": Weight.STOPS,
    "formula-cell": Weight.STOPS,
    "not-readable": Weight.STOPS,
    "figure-too-small": Weight.STOPS,
    "mobile-number": Weight.ASKS,
    "small-cells": Weight.ASKS,
    "formula-text": Weight.NOTE,
    "figures-left-out": Weight.NOTE,
}
WEIGHT_NAMES: Final[Mapping[Weight, Text]] = {
    Weight.STOPS: Text("不得出域", "Must not leave"),
    Weight.ASKS: Text("须说明理由", "Needs a reason"),
    Weight.NOTE: Text("提示", "Note"),
}
REFUSALS: Final[Mapping[str, Text]] = {
    "beyond-purpose": Text("超出用途或场景", "Beyond purpose or scenario"),
    "personal-data": Text("含可识别个人的信息", "Holds data by which people are known"),
    "small-groups": Text("分组过小，可能被识别", "Groups so small that somebody may be recognised"),
    "wrong-content": Text("行列与授权不符", "Rows or columns do not fit the grant"),
    "unsafe-content": Text("含不安全内容（公式、链接等）", "Holds unsafe content (formulas, links)"),
    "other": Text("其他（须说明）", "Other (say why)"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the machine saw in the file, with how many rows; no values."""

    code: str
    column: str
    rows: int
    text: Text

    @property
    def weight(self) -> Weight:
        """Unknown codes stop."""
        return WEIGHTS.get(self.code, Weight.STOPS)

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code, "column": self.column, "rows": self.rows, "weight": self.weight.value,
            "zh": self.text.zh, "en": self.text.en,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vote:
    """What one checker said."""

    person_id: str
    releases: bool


@dataclass(frozen=True, slots=True)
class Parties:
    """Who stands too near to a file to review it: its requester, whoever set its making going, and who decided the grant.

    `org_id`: the organisation that is to receive the file.
    """

    requester: str
    builders: frozenset[str]
    approvers: frozenset[str]
    org_id: str


def people_objections(
    persons: Collection[str], orgs: Collection[str], parties: Parties, votes: Sequence[Vote]
) -> tuple[Reason, ...]:
    """Why this person does not review this file. `persons`: with those who count as one person with him, as deputy or
    principal; `orgs`: of all accounts of them.
    """
    return tuple(_people(frozenset(persons), orgs, parties, votes))


def _people(
    persons: frozenset[str], orgs: Collection[str], parties: Parties, votes: Sequence[Vote]
) -> Iterator[Reason]:
    if persons & {parties.requester, *parties.builders}:
        text = Text(
            "文件由您申请或生成，不能由您审核；请由另一位出域审核人办理。",
            "You asked for this file or had it made; another output checker must review it.",
        )
        yield Reason("requester-may-not-check", text, f"{SEPARATION} (7)")
    if parties.org_id in orgs:
        text = Text(
            "您属于接收方机构，不能审核交给本机构的文件。",
            "You belong to the organisation that is to receive the file.",
        )
        yield Reason("receiver-may-not-check", text, f"{SEPARATION} (1)")
    if persons & parties.approvers:
        text = Text(
            "您审批了该授权，不能再审核其出域文件；请由另一位出域审核人办理。",
            "You decided on this grant; another output checker must review what leaves under it.",
        )
        yield Reason("approver-may-not-check", text, BASIS)
    if any(vote.person_id in persons for vote in votes):
        text = Text(
            "您已审核过该文件；还须另一人独立审核。",
            "You have reviewed this file; another person must do so as well.",
        )
        yield Reason("second-person-missing", text, BASIS)


def look_objections(kind: str, has_looked: bool) -> tuple[Reason, ...]:
    """Why a checker may not vote on a file that he has not seen: results of the enclave leave by two people's eyes alone."""
    if has_looked or kind not in SEEN_FIRST:
        return ()
    text = Text(
        "您还没有看过这份结果；请先查看全部内容，再作出意见。",
        "You have not looked at this result; see all of it first (on its page, or `datagrant output sample`), then vote.",
    )
    return (Reason("output-not-looked-at", text, BASIS),)


def release_objections(findings: Sequence[Mapping[str, Any]], note: str) -> tuple[Reason, ...]:
    """Why a checker may not vote for release: findings that stop, and findings that want a reason."""
    found = [
        Reason(f"output-{each['code']}", Text(each["zh"], each["en"]), BASIS, {"column": each["column"]})
        for each in findings
        if each["weight"] == Weight.STOPS
    ]
    asks = [each for each in findings if each["weight"] == Weight.ASKS]
    if asks and len(note.strip()) < NOTE_MIN:
        zh, en = "；".join(each["zh"] for each in asks), " ".join(each["en"] for each in asks)
        text = Text(
            f"自动检查有提示，放行须写明理由（至少 {NOTE_MIN} 个字）：{zh}",
            f"The automatic checks found something; say why it may leave all the same (at least {NOTE_MIN} characters): {en}",
        )
        found.append(Reason("note-missing", text, BASIS))
    return tuple(found)


def refusal_objections(code: str, note: str) -> tuple[Reason, ...]:
    """Why a refusal cannot be taken as it is."""
    if code not in REFUSALS:
        said = "、".join(REFUSALS)
        text = Text(
            f"请选择不予出域的理由：{said}。", f"Choose the reason of the refusal: {', '.join(REFUSALS)}."
        )
        return (Reason("reason-missing", text, BASIS),)
    if code == "other" and len(note.strip()) < NOTE_MIN:
        text = Text(f"请写明理由（至少 {NOTE_MIN} 个字）。", f"Say why (at least {NOTE_MIN} characters).")
        return (Reason("note-missing", text, BASIS),)
    return ()


def outcome(votes: Sequence[Vote], needed: int) -> OutputStep:
    """What the votes come to: VOTE while somebody is missing, then RELEASE only if all of them would release."""
    if len({vote.person_id for vote in votes}) < max(needed, 1):
        return OutputStep.VOTE
    return OutputStep.RELEASE if all(vote.releases for vote in votes) else OutputStep.REFUSE


def missing_review(checked_by: int, needed: int) -> tuple[Reason, ...]:
    """Why a file may not be had though it is made: fewer people reviewed it than its level asks for now."""
    if checked_by >= needed:
        return ()
    text = Text(
        f"该级别数据出域须经 {needed} 人审核，这份文件经 {checked_by} 人；请重新申请提取。",
        f"{needed} people must review data of this level before they leave; {checked_by} reviewed this file. Ask for it anew.",
    )
    return (Reason("output-review-missing", text, BASIS),)
