"""The twelve cells of an assessment before listing: three stages by four dimensions, each judged on what is on record. Pure.

`listing.json` holds the names and the types under which an exchange lists; they are data, for exchanges differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from auth.identity.labels import licence_named
from auth.products.rules import Grading, Source, grading_objections, yuan
from core.errors import InputRefused, Reason
from core.text import Text

Standing = Literal["met", "open", "not_yet"]
STANDINGS: Final[Mapping[Standing, Text]] = {
    "met": Text("符合", "met"),
    "open": Text("不符合", "not met"),
    "not_yet": Text("尚无可查事项", "nothing to judge yet"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is on record of a product and its maker.

    `licence`, `licence_until`: of the maker; `frozen`: freezes that meet the maker, a grant or a dataset; `sources`, `traced`: as of the ticks;
    `stands_against`: what stands against the price and the registration now; `overdue_reports`, `overdue_certificates`: days and grants of what is owed;
    `ended_grants`: source grants whose end is past; `lines`: fee lines, `above_cap`: those above the cap of their day.
    """

    licence: str
    licence_until: str
    frozen: Sequence[Reason]
    sources: Sequence[Source]
    traced: Sequence[bool]
    unaffirmed: Sequence[Text]
    given: Grading
    stands_against: Sequence[Reason]
    overdue_reports: Sequence[str]
    overdue_certificates: Sequence[str]
    ended_grants: Sequence[str]
    lines: int
    above_cap: int
    corrections: int
    taken_fen: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the twelve, and why it stands so."""

    stage: str
    dimension: str
    standing: Standing
    why: Text


@cache
def frame() -> dict[str, Any]:
    """The names of stages, dimensions and types, with their source."""
    found: dict[str, Any] = json.loads(
        files(__package__).joinpath("listing.json").read_text(encoding="utf-8")
    )
    return found


def names(part: str) -> dict[str, Text]:
    """Codes of `stages`, `dimensions` or `types` with their names, in the frame's order."""
    return {each["code"]: Text(each["zh"], each["en"]) for each in frame()[part]}


def type_of(kind: str, wanted: str = "") -> str:
    """Under which type an exchange lists a product; of a model or an application its maker says it ("" while he has not)."""
    known = names("types")
    if wanted and wanted not in known:
        raise InputRefused(
            Text(f"没有这个上架类型；可选：{'、'.join(known)}。", f"There is no such type; choose one of {', '.join(known)}."), field="listing_type"
        )  # fmt: skip
    return wanted or next((each["code"] for each in frame()["types"] if kind in each["kinds"]), "")


def cells(facts: Facts) -> tuple[Cell, ...]:
    """All twelve, stage by stage, in the frame's order."""
    judged = {
        ("before", "subject"): _licensed(facts), ("before", "source"): _granted(facts), ("before", "content"): _graded(facts),
        ("before", "circulation"): _offered(facts), ("during", "subject"): _unfrozen(facts), ("during", "source"): _traced(facts),
        ("during", "content"): _affirmed(facts), ("during", "circulation"): _priced(facts), ("after", "subject"): _reported(facts),
        ("after", "source"): _ended(facts), ("after", "content"): _deleted(facts), ("after", "circulation"): _accounted(facts),
    }  # fmt: skip
    return tuple(
        Cell(stage, dimension, *judged[stage, dimension])
        for stage in names("stages")
        for dimension in names("dimensions")
    )


_Judged = tuple[Standing, Text]


def _said(is_met: bool, met: Text, otherwise: Text) -> _Judged:
    return ("met", met) if is_met else ("open", otherwise)


def _licensed(facts: Facts) -> _Judged:
    until, name = facts.licence_until or "—", licence_named(facts.licence)
    said = Text(f"机构资格：{name.zh}，有效期至 {until}", f"licence: {name.en.lower()}, valid until {until}")
    return _said(facts.licence == "QUALIFIED", said, said)


def _granted(facts: Facts) -> _Judged:
    held = sum(each.is_effective for each in facts.sources)
    said = Text(
        f"{len(facts.sources)} 项授权中 {held} 项此刻有效",
        f"grants that count now: {held} of {len(facts.sources)}",
    )
    return _said(bool(facts.sources) and held == len(facts.sources), said, said)


def _graded(facts: Facts) -> _Judged:
    found = list(grading_objections(facts.given, facts.sources))
    return _said(
        not found,
        Text(f"已定为 {facts.given.level} 级", f"graded level {facts.given.level}"),
        _together(found),
    )


def _offered(facts: Facts) -> _Judged:
    return _said(
        not facts.stands_against,
        Text(
            "价格不超过上限，登记符合本地要求", "the price keeps to its cap, registration to the local rule"
        ),
        _together(facts.stands_against),
    )


def _unfrozen(facts: Facts) -> _Judged:
    return _said(not facts.frozen, Text("没有冻结", "nothing is frozen"), _together(facts.frozen))


def _traced(facts: Facts) -> _Judged:
    led = sum(facts.traced)
    said = Text(
        f"{led}/{len(facts.traced)} 个来源可追到已签收的文件",
        f"sources that lead to a delivered file: {led} of {len(facts.traced)}",
    )
    return _said(bool(facts.traced) and all(facts.traced), said, said)


def _affirmed(facts: Facts) -> _Judged:
    left = Text(
        "；".join(each.zh for each in facts.unaffirmed), "; ".join(each.en for each in facts.unaffirmed)
    )
    return _said(
        not facts.unaffirmed, Text("自查项均已确认", "every point of the self-check is affirmed"), left
    )


def _priced(facts: Facts) -> _Judged:
    if not facts.lines:
        return "not_yet", Text("没有收费", "no fee was entered")
    keeps = Text(
        f"{facts.lines} 笔收费均不超过当日上限", f"fee lines within the cap of their day: {facts.lines}"
    )
    return _said(
        not facts.above_cap,
        keeps,
        Text(
            f"{facts.above_cap} 笔收费高于当日上限",
            f"fee lines above the cap of their day: {facts.above_cap}",
        ),
    )


def _reported(facts: Facts) -> _Judged:
    late = list(facts.overdue_reports)
    return _said(
        not late,
        Text("没有逾期的使用报告", "no use report is overdue"),
        Text(f"使用报告逾期：{'、'.join(late)}", f"use reports overdue: {', '.join(late)}"),
    )


def _ended(facts: Facts) -> _Judged:
    if not facts.ended_grants:
        return "not_yet", Text("来源授权均未终止", "no grant it is built on has ended")
    over = list(facts.ended_grants)
    return "open", Text(
        f"来源授权已终止，产品须更换来源或下架：{'、'.join(over)}",
        f"built on ended grants, so replace them or end the product: {', '.join(over)}",
    )


def _deleted(facts: Facts) -> _Judged:
    late = list(facts.overdue_certificates)
    if late:
        return "open", Text(
            f"销毁证明逾期：{'、'.join(late)}", f"deletion certificates overdue: {', '.join(late)}"
        )
    if not facts.ended_grants:
        return "not_yet", Text("尚无须销毁的数据", "nothing has to be deleted yet")
    return "met", Text("没有逾期的销毁证明", "no deletion certificate is overdue")


def _accounted(facts: Facts) -> _Judged:
    if not facts.lines:
        return "not_yet", Text("没有收费", "no fee was entered")
    return "met", Text(
        f"已入账 {yuan(facts.taken_fen)} 元，冲正 {facts.corrections} 笔，列入年度披露",
        f"{yuan(facts.taken_fen)} yuan on the ledger, corrections: {facts.corrections}; part of the yearly disclosure",
    )


def _together(found: Sequence[Reason]) -> Text:
    return Text("；".join(each.text.zh for each in found), "; ".join(each.text.en for each in found))
