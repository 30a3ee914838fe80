"""What a plan and an agreement must satisfy before they count. Pure; each reason names its requirement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from auth.agreements.model import PLAN_SECTIONS, AgreementBody, Meeting, Mode, Party, PlanBody
from auth.identity.control import top_of
from auth.policy.extent import latest_end
from auth.policy.limits import Limits
from auth.profile.model import Profile
from core.errors import Reason
from core.text import Text, number_of

APART: Final = "R01 运商分离 · operator and developer apart"
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def _reason(code: str, zh: str, en: str, basis: str) -> Reason:
    return Reason(code, Text(zh, en), basis)


def plan_objections(body: PlanBody) -> tuple[Reason, ...]:
    """Chapters that are missing, and the meeting."""
    return (*_sections(body), *_meeting(body.meeting))


def _sections(body: PlanBody) -> Iterator[Reason]:
    for key, name in PLAN_SECTIONS.items():
        if not body.sections.get(key, "").strip():
            yield _reason(
                "plan-incomplete",
                f"实施方案缺少“{name.zh}”。",
                f"The plan lacks “{name.en}”.",
                "R02 发改数据规〔2025〕27号 方案编制",
            )


def _meeting(meeting: Meeting) -> Iterator[Reason]:
    if not (meeting.name.strip() and meeting.held_on and meeting.minutes_sha256):
        yield _reason(
            "no-collective-decision", "缺少“三重一大”集体决策记录（会议、日期、纪要摘要）。",
            "The collective decision is missing: meeting, day and the hash of its minutes.", "R03 三重一大集体决策 · collective decision",
        )  # fmt: skip


def missing_clauses(body: AgreementBody, profile: Profile) -> list[Text]:
    """Required clauses without words, in the profile's order."""
    return [Text(c.zh, c.en) for c in profile.clauses if not body.clauses.get(c.key, "").strip()]


def agreement_objections(
    body: AgreementBody, *, plan_approved: bool, profile: Profile, controllers: Mapping[str, str] = _NOBODY
) -> tuple[Reason, ...]:
    """Everything for which the agreement may not be put in force; () when it may. `controllers`: by organisation, who controls it."""
    limits = profile.limits()
    return (
        *_plan(plan_approved), *_meeting(body.meeting), *_period(body, limits), *_scope(body, limits), *_selected(body),
        *_clauses(body, profile), *_parties(body, controllers), *_price(body, limits, profile),
    )  # fmt: skip


def _plan(approved: bool) -> Iterator[Reason]:
    if not approved:
        yield _reason(
            "no-approved-plan",
            "协议须依据已批准的实施方案。",
            "The agreement needs an approved implementation plan.",
            "R02 发改数据规〔2025〕27号",
        )


def _period(body: AgreementBody, limits: Limits) -> Iterator[Reason]:
    years = limits.numbers["max_agreement_years"]
    if body.ends_on < body.starts_on:
        yield _reason(
            "period-reversed", "结束日期早于起始日期。", "The last day lies before the first.", "R05"
        )
    elif body.ends_on > (last := latest_end(body.starts_on, years.value)):
        yield _reason(
            "agreement-too-long", f"协议期限不得超过 {years.value} 年（最晚至 {last}）。",
            f"An agreement lasts {number_of(years.value, 'years')} at most (to {last}).", f"R05 {years.source}",
        )  # fmt: skip


def _scope(body: AgreementBody, limits: Limits) -> Iterator[Reason]:
    if body.mode is Mode.BY_SCENARIO and not body.scenarios:
        yield _reason(
            "no-scenarios",
            "依场景授权须列出场景。",
            "An agreement by scenario lists its scenarios.",
            "R04 依场景授权、无场景不授权",
        )
    unknown = [code for code in body.scenarios if code not in limits.scenarios]
    unknown += [code for code in body.purposes if code not in limits.purposes]
    if unknown:
        said = "、".join(unknown)
        yield _reason(
            "code-unknown", f"未知的场景或用途：{said}。", f"Unknown scenarios or purposes: {said}.", "R04"
        )


def _selected(body: AgreementBody) -> Iterator[Reason]:
    if body.selection is None or not body.selection_sha256:
        yield _reason(
            "selection-missing",
            "须填写运营机构的选择方式并附证据摘要。",
            "Say how the operator was selected, with the hash of the evidence.",
            "R07 公平竞争选择 · fair selection",
        )


def _clauses(body: AgreementBody, profile: Profile) -> Iterator[Reason]:
    for name in missing_clauses(body, profile):
        yield _reason(
            "clause-missing",
            f"缺少必备条款“{name.zh}”。",
            f"The required clause “{name.en}” is missing.",
            "R08 协议必备内容 · required clauses",
        )


def _parties(body: AgreementBody, controllers: Mapping[str, str]) -> Iterator[Reason]:
    by_role: dict[Party, set[str]] = {
        role: {p.org_id for p in body.parties if p.role is role} for role in Party
    }
    if len(by_role[Party.IMPLEMENTING_BODY]) != 1 or by_role[Party.OPERATOR] != {body.operator_id}:
        yield _reason(
            "parties-wrong",
            "协议须有且仅有一个实施机构，运营机构须与所选机构一致。",
            "There is exactly one implementing body, and the operating body is the one chosen.",
            "R01 主体角色分离 · roles kept apart",
        )
    operators = {top_of(controllers, each) for each in by_role[Party.OPERATOR]}
    if operators & {top_of(controllers, each) for each in by_role[Party.DEVELOPER]}:
        yield _reason(
            "operator-develops",
            "运营机构及与其受同一控制的机构，不得同时作为同一范围内的开发主体。",
            "Neither the operator nor an organisation under the same control may also develop within the same scope.",
            APART,
        )


@dataclass(frozen=True, slots=True)
class Other:
    """Another agreement that stands or waits for approval: who does what within which scope, and when."""

    id: str
    title: str
    body: AgreementBody


def apart_from(
    body: AgreementBody, others: Iterable[Other], controllers: Mapping[str, str] = _NOBODY
) -> Iterator[Reason]:
    """R01 over all agreements: whoever operates a scope in one does not develop the same scope at the same time in another, himself or
    through an organisation under the same control."""
    own_operators, own_developers = _by(body, Party.OPERATOR) | {body.operator_id}, _by(body, Party.DEVELOPER)
    for other in others:
        if not (_at_once(body, other.body) and _meet(body, other.body)):
            continue
        operators = _by(other.body, Party.OPERATOR) | {other.body.operator_id}
        found = [
            *_together(own_operators, _by(other.body, Party.DEVELOPER), controllers),
            *_together(operators, own_developers, controllers),
        ]
        affiliated = sorted({pair for pair in found if pair[0] != pair[1]})
        for operator, developer in affiliated:
            text = Text(
                f"机构 {operator} 与 {developer} 受同一控制，在协议“{other.title}”与本协议的同一范围内分别作为运营机构和开发主体；请改换其中一方，或错开范围与期限。",
                f"Organisations {operator} and {developer} are under the same control and would operate in one and develop in the other of this agreement and “{other.title}”, within the same scope; name another party, or part their scopes or periods.",
            )
            about: dict[str, object] = {"agreement_id": other.id, "org_id": operator, "affiliate": developer}
            yield Reason("operator-affiliate-develops", text, APART, about)
        is_named = other.title != other.id  # who may not see it is told its number alone
        days = other.body.starts_on, other.body.ends_on
        zh, en = ("（{}—{}）".format(*days), " ({} to {})".format(*days)) if is_named else ("", "")
        for org_id in sorted({operator for operator, developer in found if operator == developer}):
            text = Text(
                f"机构 {org_id} 在协议“{other.title}”{zh}与本协议的同一范围内分别作为运营机构和开发主体；请改换其中一方，或错开范围与期限。",
                f"Organisation {org_id} would operate in one and develop in the other of this agreement and “{other.title}”{en}, within the same scope; name another party, or part their scopes or periods.",
            )
            facts: dict[str, object] = {"agreement_id": other.id, "org_id": org_id}
            yield Reason("operator-develops-elsewhere", text, APART, facts)


def _together(
    operators: set[str], developers: set[str], controllers: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Each operator and developer that are one organisation, or under one controller."""
    for operator in operators:
        top = top_of(controllers, operator)
        yield from ((operator, each) for each in developers if top_of(controllers, each) == top)


def _by(body: AgreementBody, role: Party) -> set[str]:
    return {party.org_id for party in body.parties if party.role is role}


def _at_once(one: AgreementBody, other: AgreementBody) -> bool:
    return one.starts_on <= other.ends_on and other.starts_on <= one.ends_on


def _meet(one: AgreementBody, other: AgreementBody) -> bool:
    """Whether two scopes have something in common: the whole holds every scenario; one that lists none is not bounded by them."""
    if Mode.WHOLE in (one.mode, other.mode) or not (one.scenarios and other.scenarios):
        return True
    return bool(set(one.scenarios) & set(other.scenarios))


def _price(body: AgreementBody, limits: Limits, profile: Profile) -> Iterator[Reason]:
    price, cap = body.price_fen or 0, body.price_cap_fen
    kinds = {limits.purposes[code].kind for code in body.purposes if code in limits.purposes}
    if profile.free_for_public and kinds == {"public"} and price:
        yield _reason(
            "public-is-free",
            "用于公共治理、公益事业的，不得收费。",
            "Use for public governance and public benefit is free of charge.",
            "R17 发改价格〔2025〕65号",
        )
    if price and cap is None:
        yield _reason(
            "no-price-cap", "收费须先有最高限价。", "A price needs a cap first.", "R17 发改价格〔2025〕65号"
        )
    if cap is not None and price > cap:
        yield _reason(
            "price-above-cap",
            "价格高于最高限价。",
            "The price lies above the cap.",
            "R17 发改价格〔2025〕65号",
        )


@dataclass(frozen=True, slots=True)
class Covering:
    """What a grant must find itself inside: one active agreement of its organisation."""

    id: str
    title: str
    mode: Mode
    scenarios: frozenset[str]
    starts_on: date
    ends_on: date


def covers(agreement: Covering, scenario_id: str, starts_on: date, ends_on: date) -> bool:
    """Whether a grant for this scenario and period lies inside."""
    inside = agreement.starts_on <= starts_on and ends_on <= agreement.ends_on
    return inside and (agreement.mode is Mode.WHOLE or scenario_id in agreement.scenarios)
