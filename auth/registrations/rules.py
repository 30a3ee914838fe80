"""What an act of registration must hold, how long it is valid, and whether a dataset counts as registered: pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from auth.duties.rules import later
from auth.policy.model import Prose
from auth.registrations.workflow import OPEN, UNDER_WAY, Act, State
from core.errors import Reason
from core.text import Text

BASIS: Final = "R13、R15、R16 公共数据资源登记（26号）· registration of data resources"
MONTHS: Final = 12
COUNTED: Final = re.compile(r"REG-\d{4}-\d{6}", re.ASCII)
"""A code that is counted here, by year; the national platform's look otherwise."""
_Text = Annotated[Prose, Field(max_length=5000)]


class Paper(StrEnum):
    """What an attachment is."""

    COMMITMENT = "commitment"
    LEGALITY = "legality"
    RISK = "risk"
    MANDATE = "mandate"
    OTHER = "other"


PAPER_NAMES: Final[Mapping[Paper, Text]] = {
    Paper.COMMITMENT: Text("登记承诺书", "Commitment letter"),
    Paper.LEGALITY: Text("来源合法性证明", "Proof of the lawful source"),
    Paper.RISK: Text("安全风险评估报告", "Security risk assessment"),
    Paper.MANDATE: Text("委托代理书", "Mandate of an agent"),
    Paper.OTHER: Text("其他材料", "Other"),
}


class Attached(BaseModel):
    """A document kept by the department; its hash proves later which one it was."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    paper: Paper
    name: Annotated[Prose, Field(min_length=1, max_length=200)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Body(BaseModel):
    """What is handed in (R16). A draft may lack anything; `change`: what a change, correction or cancellation is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    legality: _Text = ""
    resource: _Text = ""
    storage: _Text = ""
    products: _Text = ""
    scenarios: _Text = ""
    risk: _Text = ""
    agent: _Text = ""
    change: _Text = ""
    attachments: Annotated[tuple[Attached, ...], Field(max_length=50)] = ()


PARTS: Final[Mapping[str, Text]] = {
    "legality": Text("来源合法性", "Lawful source"),
    "resource": Text("资源信息", "What the resource is"),
    "storage": Text("存储信息", "Where and how it is stored"),
    "products": Text("产品和服务", "Products and services"),
    "scenarios": Text("应用场景", "Scenarios"),
    "risk": Text("安全风险评估", "Security risks"),
    "agent": Text("委托代理", "Agent, if any"),
    "change": Text("变更、更正或注销事项", "What changes, or why it is cancelled"),
}
_WHOLE: Final = ("legality", "resource", "storage", "products", "scenarios", "risk")
NEEDED: Final[Mapping[Act, tuple[str, ...]]] = {
    Act.FIRST: _WHOLE,
    Act.RENEWAL: _WHOLE,
    Act.CHANGE: (*_WHOLE, "change"),
    Act.CORRECTION: ("change",),
    Act.CANCELLATION: ("change",),
}
PAPERS: Final[Mapping[Act, tuple[Paper, ...]]] = {
    Act.FIRST: (Paper.COMMITMENT, Paper.LEGALITY, Paper.RISK),
    Act.RENEWAL: (Paper.COMMITMENT, Paper.RISK),
    Act.CHANGE: (Paper.COMMITMENT,),
    Act.CORRECTION: (),
    Act.CANCELLATION: (),
}
NOTICED: Final = frozenset({Act.FIRST, Act.CHANGE, Act.CANCELLATION})


def gaps(act: Act, body: Body) -> Iterator[Reason]:
    """Everything that is missing before this act may be submitted, part by part."""
    for name in NEEDED[act]:
        if not getattr(body, name).strip():
            said = PARTS[name]
            yield Reason("registration-part-missing", Text(f"缺“{said.zh}”。", f"“{said.en}” is missing."), BASIS, {"part": name})  # fmt: skip
    there = {each.paper for each in body.attachments}
    for paper in PAPERS[act]:
        if paper not in there:
            said = PAPER_NAMES[paper]
            yield Reason("registration-paper-missing", Text(f"缺附件“{said.zh}”。", f"The attachment “{said.en}” is missing."), BASIS, {"paper": paper.value})  # fmt: skip
    if body.agent.strip() and Paper.MANDATE not in there:
        text = Text("委托代理须附委托书。", "An agent needs a mandate attached.")
        yield Reason("registration-paper-missing", text, BASIS, {"paper": Paper.MANDATE.value})


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as the standing depends on it."""

    act: Act
    state: State
    code: str
    valid_from: date | None
    valid_to: date | None


class Standing(StrEnum):
    """Where a dataset stands in the register on a day."""

    NONE = "none"
    UNDER_WAY = "applied"
    REGISTERED = "registered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


def newest(entries: Iterable[Entry]) -> Entry | None:
    """The act that counts; there is one at most."""
    return next((each for each in entries if each.state is State.REGISTERED), None)


def standing(entries: Iterable[Entry], today: date) -> tuple[Standing, date | None]:
    """The standing and the last valid day. A renewal or a new registration under way keeps nobody waiting."""
    known = list(entries)
    under_way = any(each.state in UNDER_WAY and each.act in (Act.FIRST, Act.RENEWAL) for each in known)
    found = newest(known)
    if found is None:
        return (Standing.UNDER_WAY if under_way else Standing.NONE), None
    if found.act is Act.CANCELLATION:
        return (Standing.UNDER_WAY if under_way else Standing.CANCELLED), None
    if found.valid_to is not None and found.valid_to >= today:
        return Standing.REGISTERED, found.valid_to
    return (Standing.UNDER_WAY if under_way else Standing.EXPIRED), found.valid_to


LACKING: Final = frozenset({Standing.NONE, Standing.EXPIRED, Standing.CANCELLED})


def act_objections(act: Act, entries: Iterable[Entry]) -> Iterator[Reason]:
    """Why this act cannot be begun: another is open, or there is nothing (or already something) to act on."""
    known = list(entries)
    if any(each.state in OPEN for each in known):
        text = Text(
            "该数据集已有在办的登记；请先办结。", "An act of this dataset is open already; finish it first."
        )
        yield Reason("registration-open", text, BASIS)
    found = newest(known)
    stands = found is not None and found.act is not Act.CANCELLATION
    if act is Act.FIRST and stands:
        text = Text("该数据集已登记；请办理变更、更正、续展或注销。", "The dataset is registered; ask for a change, correction, renewal or cancellation.")  # fmt: skip
        yield Reason("registered-already", text, BASIS)
    if act is not Act.FIRST and not stands:
        text = Text("该数据集尚未登记；请先办理首次登记。", "The dataset is not registered; ask for a first registration.")  # fmt: skip
        yield Reason("not-registered", text, BASIS)


def validity(act: Act, before: Entry | None, today: date, years: int) -> tuple[date | None, date | None]:
    """First and last valid day once the act is registered. A renewal in time goes on where the old one ends; a cancellation ends today."""
    if act is Act.FIRST or before is None or before.valid_to is None:
        return today, later(today, years * MONTHS) - timedelta(days=1)
    if act is Act.RENEWAL:
        starts = max(today, before.valid_to + timedelta(days=1))
        begins = before.valid_from if starts == before.valid_to + timedelta(days=1) else starts
        return begins, later(starts, years * MONTHS) - timedelta(days=1)
    if act is Act.CANCELLATION:
        return before.valid_from, today
    return before.valid_from, before.valid_to


def notice_objections(notice_to: date | None, today: date) -> Iterator[Reason]:
    """Why the act may not be registered yet: the public may still object."""
    if notice_to is not None and today <= notice_to:
        text = Text(f"公示至 {notice_to}（含），期满后方可登记。", f"Notice runs until {notice_to}, counted; register after it.")  # fmt: skip
        yield Reason("notice-running", text, BASIS, {"until": str(notice_to)})


def grant_objections(
    dataset_id: str, where: Standing, valid_to: date | None, ends_on: date, basis: str
) -> Iterator[Reason]:
    """Why a dataset may not enter a grant that ends on that day: not registered nor asked for in time, or not for so long (R06)."""
    if where in LACKING:
        said = STANDING_NAMES[where]
        text = Text(
            f"{dataset_id} {said.zh}；授权运营范围内的数据须先登记或已提交登记。",
            f"{dataset_id}: {said.en.lower()}. Data within authorised operation are registered, or registration is asked for, before they enter a grant.",
        )
        yield Reason("dataset-not-registered", text, basis, {"dataset": dataset_id, "standing": where.value})
    elif valid_to is not None and ends_on > valid_to and where is Standing.REGISTERED:
        text = Text(
            f"{dataset_id} 的登记有效期至 {valid_to}，早于授权期限；请缩短期限或先续展登记。",
            f"The registration of {dataset_id} is valid until {valid_to}, before the grant would end; shorten the period or renew first.",
        )
        yield Reason("outside-registration", text, basis, {"dataset": dataset_id, "valid_to": str(valid_to)})


def use_objections(dataset_id: str, where: Standing, basis: str) -> Iterator[Reason]:
    """Why a grant may not be used today: nothing is registered and valid, and nothing under way."""
    if where in LACKING:
        said = STANDING_NAMES[where]
        text = Text(
            f"{dataset_id} {said.zh}，授权停止使用。", f"{dataset_id}: {said.en.lower()}; use stopped."
        )
        yield Reason("registration-not-valid", text, basis, {"dataset": dataset_id, "standing": where.value})


STANDING_NAMES: Final[Mapping[Standing, Text]] = {
    Standing.NONE: Text("未登记", "Not registered"),
    Standing.UNDER_WAY: Text("登记办理中", "Registration under way"),
    Standing.REGISTERED: Text("已登记", "Registered"),
    Standing.EXPIRED: Text("登记已过期", "Registration expired"),
    Standing.CANCELLED: Text("登记已注销", "Registration cancelled"),
}
