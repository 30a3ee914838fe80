"""Whether one more question about one record may be asked: pure functions over what was asked before, never over data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.asset import Asset
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy, Use
from core import bases
from core.errors import Reason
from core.text import Text, number_of
from datasets.queries.verifying.model import SubjectConsent, VerifyAsk

BASIS: Final = bases.VERIFYING


@dataclass(frozen=True, slots=True)
class Before:
    """What the organisation asked of the dataset before this question.

    today, subjects_today: questions, and different subjects other than this one. claims: different claims about this subject, other
    than this one. consent_elsewhere: the reference was given for another subject. other_keys: by which other columns subjects of
    this dataset were named before.
    """

    today: int
    subjects_today: int
    claims: int
    consent_elsewhere: bool
    other_keys: tuple[str, ...] = ()


def key_columns(policy: GrantPolicy) -> tuple[str, ...]:
    """The columns that name a record under this grant: all that it joins on, so that one record has one name."""
    return tuple(term.name for term in policy.columns if term.use is Use.JOIN_ONLY)


def misfits(ask: VerifyAsk, policy: GrantPolicy, asset: Asset | None) -> Iterator[Reason]:
    """A key that is not the grant's, or not of its columns' types."""
    wanted = key_columns(policy)
    if {*ask.key} != {*wanted}:
        named = ", ".join(wanted) or "—"
        text = Text(
            f"核验须给出授权的全部关联列：{named}。",
            f"Give a value for each column that the grant joins on: {named}.",
        )
        yield Reason("verify-key", text, BASIS, {"columns": list(wanted)})
    for name, value in ask.key.items():
        column = asset.column(name) if asset else None
        if column is not None and column.type != ("string" if isinstance(value, str) else "integer"):
            text = Text(
                f"列 {name} 的值类型应为 {column.type}。",
                f"The value of column {name} must be of type {column.type}.",
            )
            yield Reason("verify-key-type", text, BASIS, {"column": name})


def consent_reasons(consent: SubjectConsent, today: date, limits: Limits) -> Iterator[Reason]:
    """Whether the consent holds today, and not for longer than consents may."""
    if not consent.given_on <= today <= consent.until:
        text = Text(
            f"主体同意自 {consent.given_on} 至 {consent.until}，今日不在期内。",
            f"The subject's consent runs {consent.given_on} to {consent.until} and does not hold today.",
        )
        yield Reason("consent-not-in-force", text, BASIS)
    most = limits["verify_consent_days"]
    if (consent.until - consent.given_on).days > most:
        text = Text(
            f"主体同意的期限不得超过 {most} 天。",
            f"A subject's consent may run {number_of(most, 'days')} at most.",
        )
        yield Reason("consent-too-long", text, BASIS, {"days": most})


def cap_reasons(before: Before, limits: Limits) -> Iterator[Reason]:
    """Caps on questions and on different subjects a day, and on different claims about one subject: claims narrow a value down."""
    for code, so_far, limit, zh, en in (
        ("verify-rate", before.today, limits["verify_per_day"], "今日核验次数已达上限（{}）。", "No more than {} verifications a day."),
        ("verify-subjects", before.subjects_today, limits["verify_subjects_per_day"], "今日核验的不同主体已达上限（{}）。", "No more than {} different subjects a day."),
        ("verify-claims", before.claims, limits["verify_claims_per_subject"], "对同一主体的不同核验事项已达上限（{}）。", "No more than {} different claims about one subject."),
    ):  # fmt: skip
        if so_far >= limit:
            yield Reason(code, Text(zh.format(limit), en.format(limit)), BASIS, {"limit": limit})
    if before.consent_elsewhere:
        text = Text(
            "该同意编号已用于另一主体；每个主体须有各自的同意。",
            "This consent reference was given for another subject; every subject has a consent of their own.",
        )
        yield Reason("consent-for-another-subject", text, BASIS)
    if (
        before.other_keys
    ):  # by other columns the same record would be another subject, with caps and consents of its own
        named = before.other_keys[0].replace(",", ", ")
        text = Text(
            f"贵机构此前以 {named} 列核验该数据集的主体；同一数据集只能以同样的列核验，请使用含这些关联列的授权。",
            f"Your organisation named subjects of this dataset by {named} before; use a grant that joins on the same columns.",
        )
        yield Reason("verify-other-key", text, BASIS, {"columns": before.other_keys[0].split(",")})
