"""What stands against submitting, screening and deciding because of papers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.papers.workflow import HELD, State
from core.errors import Reason
from core.text import Text, number_of

BASIS: Final = "申请材料 · papers of an application"
LATER: Final = "容缺受理 · papers that may follow"
PROMISE: Final = "告知承诺 · commitments instead of papers"
SCANNED: Final = "附件查毒 · attachments scanned (authorisation §4.2)"
MOST_BYTES: Final = 5 * 1024 * 1024
_MAGIC: Final[Mapping[bytes, str]] = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper that an application needs, as the rules see it."""

    key: str
    title: Text
    state: State
    later_days: int | None
    may_promise: bool
    due_on: date | None = None
    source: str = ""

    @property
    def is_held(self) -> bool:
        return self.state in HELD


def media_type(content: bytes) -> str | None:
    """What the bytes are, by their first ones; None for what is not taken."""
    return next((kind for start, kind in _MAGIC.items() if content.startswith(start)), None)


def infected(title: Text, key: str, found: str) -> Reason:
    """Malware was found in a paper: it is neither taken nor handed on, and nothing is submitted with it."""
    text = Text(
        f"“{title.zh}”的文件中发现恶意软件（{found}）；请在本机清除后重新生成并提交该文件。",
        f"Malware ({found}) was found in the file of “{title.en}”; clean your machine, make the file anew and hand that in.",
    )
    return Reason("paper-infected", text, SCANNED, {"paper": key, "found": found})


def submission_objections(papers: Iterable[Paper]) -> Iterator[Reason]:
    """Papers without which an application may not be handed in: neither there, nor promised, nor of a kind that may follow."""
    for paper in papers:
        if paper.is_held or paper.later_days is not None:
            continue
        way = (
            ("提交该材料，或由机构负责人签署承诺", "hand it in, or let the organisation's officer sign the commitment")
            if paper.may_promise
            else ("提交该材料", "hand it in")
        )  # fmt: skip
        yield _missing(paper, way)


def advice(papers: Iterable[Paper]) -> Iterator[Reason]:
    """Papers that lack, and that the screener may let follow."""
    for paper in papers:
        if not paper.is_held and paper.later_days is not None:
            text = Text(
                f"缺“{paper.title.zh}”；受理人可容缺受理，须在 {paper.later_days} 个工作日内补交，否则不作决定。",
                f"“{paper.title.en}” is not there; the screener may let it follow within {number_of(paper.later_days, 'working days')}, and nothing is decided before.",
            )
            yield Reason("paper-may-follow", text, _basis(paper, LATER), {"paper": paper.key})


def screening_objections(papers: Iterable[Paper], named: Mapping[str, int]) -> Iterator[Reason]:
    """Why the application cannot be accepted with just these papers named as missing (key → working days)."""
    known = {paper.key: paper for paper in papers}
    for key in named:
        if key not in known or known[key].is_held:
            text = Text(
                f"“{key}”不是缺少的材料；请核对后重填。",
                f"“{key}” is not among the missing papers; check and name others.",
            )
            yield Reason("paper-not-missing", text, BASIS, {"paper": key})
    for paper in known.values():
        if paper.is_held:
            continue
        if paper.key not in named or paper.later_days is None:
            way = (
                ("请写明容缺受理的补交期限，或退回补正", "name the days in which it follows, or return the application")
                if paper.later_days
                else ("该材料不得容缺，请退回补正", "it may not follow later; return the application")
            )  # fmt: skip
            yield _missing(paper, way)
        elif not 1 <= named[paper.key] <= paper.later_days:
            text = Text(
                f"“{paper.title.zh}”最多可在 {paper.later_days} 个工作日内补交。",
                f"“{paper.title.en}” may follow within {number_of(paper.later_days, 'working days')} at most.",
            )
            yield Reason(
                "paper-too-late",
                text,
                _basis(paper, LATER),
                {"paper": paper.key, "working_days": paper.later_days},
            )


def decision_objections(papers: Iterable[Paper], today: date) -> Iterator[Reason]:
    """What must be there before anything is decided, signed or agreed."""
    for paper in papers:
        if paper.is_held:
            continue
        late = paper.due_on is not None and paper.due_on < today
        day = paper.due_on or "—"
        said = ("已过补交期限", "was due on") if late else ("补交期限", "is due on")
        text = Text(
            f"容缺材料“{paper.title.zh}”尚未补交，也没有承诺（{said[0]} {day}）；补齐后方可作出决定。",
            f"The paper “{paper.title.en}” is neither there nor promised ({said[1]} {day}); nothing is decided before.",
        )
        yield Reason("paper-owed", text, _basis(paper, LATER), {"paper": paper.key, "due_on": str(day)})


def overdue(title: Text, application_id: str, due_on: date) -> Reason:
    """A paper that was asked for again after its commitment broke, and did not come: nothing new is taken from that organisation."""
    text = Text(
        f"申请 {application_id} 的“{title.zh}”因违背承诺须在 {due_on} 前补交，至今未交；补交后方可提出新的申请。",
        f"“{title.en}” of application {application_id} was to be handed in by {due_on} after its commitment broke; hand it in before applying anew.",
    )
    return Reason("paper-overdue", text, PROMISE, {"application": application_id, "due_on": str(due_on)})


def supply_objections(paper: Paper, today: date, *, is_open: bool) -> Iterator[Reason]:
    """Why a paper cannot be handed in or promised now. `is_open`: the application is with the applicant, so that days do not count."""
    if paper.state is State.OWED and paper.due_on is not None and paper.due_on < today and not is_open:
        text = Text(
            f"“{paper.title.zh}”的补交期限 {paper.due_on} 已过；申请将退回或失效，退回后可随补正一并提交。",
            f"“{paper.title.en}” was due on {paper.due_on}; the application is being returned or lapses. Hand it in once it has come back.",
        )
        yield Reason("paper-overdue", text, LATER, {"paper": paper.key, "due_on": str(paper.due_on)})


def promise_objections(paper: Paper, barred_until: date | None, today: date) -> Iterator[Reason]:
    """Why nothing may be promised for this paper. `barred_until`: the last day on which an earlier breach counts."""
    if not paper.may_promise:
        text = Text(
            f"“{paper.title.zh}”不适用告知承诺；请提交材料。",
            f"No commitment may stand in for “{paper.title.en}”; hand in the paper.",
        )
        yield Reason("paper-not-promisable", text, _basis(paper, PROMISE), {"paper": paper.key})
    if barred_until is not None and today <= barred_until:
        text = Text(
            f"贵机构曾违背承诺，{barred_until} 前不适用告知承诺；请提交材料。",
            f"Your organisation broke a commitment; until {barred_until} none may stand in for a paper. Hand in the paper.",
        )
        yield Reason("commitment-broken-before", text, PROMISE, {"until": str(barred_until)})


def _missing(paper: Paper, way: tuple[str, str]) -> Reason:
    text = Text(
        f"缺材料“{paper.title.zh}”：{way[0]}。",
        f"The paper “{paper.title.en}” is missing: {way[1]}.",
    )
    return Reason("paper-missing", text, _basis(paper, BASIS), {"paper": paper.key})


def _basis(paper: Paper, rule: str) -> str:
    return f"{rule}：{paper.source}" if paper.source else rule
