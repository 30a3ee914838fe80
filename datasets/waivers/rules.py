"""Whether a waiver may be signed, and whether it covers this failure of this batch now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from core import bases
from core.errors import Reason
from core.text import Text, number_of

_BASIS: Final = "放行豁免规则（docs/tickets.md）· waivers (docs/tickets.md)"
_PROMISE_3: Final = bases.TWO_PEOPLE
_GATE: Final = bases.UNVALIDATED
BLOCKS: Final = frozenset({"critical", "warning"})


@dataclass(frozen=True, slots=True)
class Terms:
    """A waiver as far as it decides. `state` as stored; `second` empty where one person signed alone."""

    id: str
    state: str
    rule_digest: str
    valid_to: date
    signer: str
    second: str | None
    max_count: int | None
    max_share: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed rule of a batch. `is_personal`: it guards against leaks of personal data."""

    rule_digest: str
    severity: str
    failing_rows: int | None
    checked_rows: int | None
    is_personal: bool


def personal_objections(is_personal: bool, source: str) -> tuple[Reason, ...]:
    """A leak of personal data is never accepted, by whatever signature."""
    if not is_personal:
        return ()
    text = Text(
        "该规则防止泄露个人信息（手机号、身份证号，安全规范 0106），任何人不得豁免；请更正数据。",
        "This rule guards against leaks of personal data (phone or identity card numbers, 0106); nobody may waive it. Correct the data.",
    )
    return (Reason("personal-data-rule", text, source),)


def term_objections(
    *, severity: str, reason: str, valid_to: date, today: date, longest_days: int, reason_min: int
) -> tuple[Reason, ...]:
    """What is wrong with the terms that somebody wants to sign."""
    found = []
    if severity not in BLOCKS:
        text = Text(
            "提示类规则只作报告，不会阻断，无需豁免。",
            "A rule of severity info blocks nothing, so there is nothing to waive.",
        )
        found.append(Reason("nothing-to-waive", text, _BASIS))
    if len(reason.strip()) < reason_min:
        text = Text(
            f"请写明豁免理由（至少 {reason_min} 个字）；理由将随发布版本长期公示。",
            f"Give the reason (at least {number_of(reason_min, 'characters')}); it stays on the release for ever.",
        )
        found.append(Reason("note-missing", text, _BASIS))
    last = today + timedelta(days=longest_days)
    if not today <= valid_to <= last:
        text = Text(
            f"到期日应在 {today} 与 {last} 之间（最长 {longest_days} 天）。",
            f"The last day lies between {today} and {last} ({number_of(longest_days, 'days')} at most).",
        )
        found.append(Reason("bad-expiry", text, _BASIS))
    return tuple(found)


def people_objections(
    persons: Collection[str], preparers: Collection[str], signer: str | None = None
) -> tuple[Reason, ...]:
    """Who prepared a batch that the waiver would let pass does not sign it; two signatures are of two people.

    `persons`: whoever signs, with those who count as one person with him, as deputy or principal.
    """
    found = []
    if not set(persons).isdisjoint(preparers):
        text = Text(
            "您参与了未通过该规则的批次的提交或更正，不能由您签发豁免；请由另一位专员签发。",
            "You handed in or corrected a batch that fails this rule, so you cannot sign the waiver; ask another steward.",
        )
        found.append(Reason("preparer-may-not-waive", text, _PROMISE_3))
    if signer is not None and signer in persons:
        text = Text(
            "第一签字人与第二签字人须为两人；请由另一位审批人签字。",
            "The two signatures must be of two people; another approver must sign.",
        )
        found.append(Reason("second-person-missing", text, _PROMISE_3))
    return tuple(found)


def use_objections(
    terms: Terms, failure: Failure, preparers: Collection[str], today: date, never_source: str
) -> tuple[Reason, ...]:
    """Every reason why this waiver does not cover this failure now; () means that it does."""
    return (
        *personal_objections(failure.is_personal, never_source),
        *_standing(terms, failure, today),
        *_extent(terms, failure),
        *_people(terms, preparers),
    )


def ended_objections(valid_to: date, today: date) -> tuple[Reason, ...]:
    """A waiver whose last day is over covers nothing, and nobody signs it any more."""
    if today <= valid_to:
        return ()
    text = Text(
        f"豁免已于 {valid_to} 到期，不会自动续期。",
        f"The waiver ended on {valid_to}; it is not renewed by itself.",
    )
    return (Reason("waiver-ended", text, _GATE),)


def _standing(terms: Terms, failure: Failure, today: date) -> Iterator[Reason]:
    if terms.state != "signed":
        text = Text("豁免未签妥或已撤销。", "The waiver is not fully signed, or was revoked.")
        yield Reason("waiver-not-in-force", text, _GATE)
    yield from ended_objections(terms.valid_to, today)
    if terms.rule_digest != failure.rule_digest:
        text = Text(
            "签发豁免之后规则已修改，须重新签发。",
            "The rule has been changed since the waiver was signed; sign a new one.",
        )
        yield Reason("rule-changed", text, _GATE)
    if failure.severity == "critical" and terms.second is None:
        text = Text("关键规则的豁免须有第二人签字。", "A waiver of a critical rule needs a second signature.")
        yield Reason("second-person-missing", text, _PROMISE_3)


def _extent(terms: Terms, failure: Failure) -> Iterator[Reason]:
    """A limit that cannot be measured is not kept."""
    rows, of = failure.failing_rows, failure.checked_rows
    if terms.max_count is not None and (rows is None or rows > terms.max_count):
        text = Text(
            f"不符 {'无法计数' if rows is None else rows}，超出豁免的上限 {terms.max_count}。",
            f"{'An unknown number of' if rows is None else rows} failing rows; the waiver allows {terms.max_count}.",
        )
        yield Reason("beyond-waiver", text, _GATE)
    if terms.max_share is not None and (rows is None or not of or rows / of > terms.max_share):
        text = Text(
            f"不符比例超出豁免的上限 {terms.max_share:.2%}。",
            f"The share of failing rows goes beyond the {terms.max_share:.2%} that the waiver allows.",
        )
        yield Reason("beyond-waiver", text, _GATE)


def _people(terms: Terms, preparers: Collection[str]) -> Iterator[Reason]:
    if terms.signer in preparers or (terms.second is not None and terms.second in preparers):
        text = Text(
            "豁免的签字人参与了该批次的提交、更正或确认。",
            "Somebody who signed the waiver handed in, corrected or confirmed this batch.",
        )
        yield Reason("preparer-may-not-waive", text, _PROMISE_3)


def publisher_objections(lone_signers: Collection[str], publisher: str) -> tuple[Reason, ...]:
    """A waiver of a warning that one person signed alone is like the signed note: who signed does not publish."""
    if publisher not in lone_signers:
        return ()
    text = Text(
        "该批次凭您一人签发的豁免放行，不能再由您发布；请由另一位数据专员发布。",
        "This batch passes under a waiver that you alone signed, so you cannot publish it; ask another steward.",
    )
    return (Reason("signer-may-not-publish", text, _PROMISE_3),)
