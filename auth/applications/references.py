"""Terms of a line that name something on record: the members who may use the grant, and the price rule that is agreed.

Members are kept and signed by the ids of their accounts: an agreement names nobody by himself, so that names can be erased and it still holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlmodel import col, or_, select

from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.policy.model import GrantPolicy
from auth.policy.rules import refused
from auth.products import rules as prices
from auth.products.tables import FeeCapRow
from auth.profile.now import profile
from auth.roles import Role
from auth.vouching import cover as vouching
from core.errors import InputRefused, Reason
from core.ids import OrgId
from core.text import Text
from core.work import Work

MEMBERS: Final = "授权使用人员 · members of a grant (authorisation §4.4)"
PRICES: Final = prices.PRICES


def members_of(work: Work, org_id: OrgId, words: Sequence[str]) -> tuple[str, ...]:
    """The accounts that these user names or ids name, by id. InputRefused for one that is not of the organisation.

    An id that stood there before stays, whatever became of the account: what stands against it is said before submitting.
    """
    if not words:
        return ()
    wanted = select(AccountRow).where(
        AccountRow.org_id == org_id, col(AccountRow.username).in_(words) | col(AccountRow.id).in_(words)
    )  # fmt: skip
    found: dict[str, str] = {}
    for account in work.db.exec(wanted):
        found[account.username] = found[account.id] = account.id
    known = {*work.db.exec(select(AccountRow.id).where(col(AccountRow.id).in_(words)))}
    unknown = [word for word in words if word not in found and word not in known]
    if unknown:
        listed = "、".join(unknown)
        raise InputRefused(
            Text(
                f"本机构没有账号：{listed}；请核对用户名。",
                f"Your organisation has no such account: {', '.join(unknown)}; check the user names.",
            ),
            field="members",
        )
    return tuple(sorted({found.get(word, word) for word in words}))


def names_of(work: Work, ids: Iterable[str]) -> Mapping[str, str]:
    """User names by account id."""
    held = sorted(set(ids))
    if not held:
        return {}
    wanted = select(AccountRow.id, AccountRow.username).where(col(AccountRow.id).in_(held))
    return dict(work.db.exec(wanted).all())


def able(work: Work, org_id: OrgId) -> list[tuple[str, str]]:
    """Id and user name of the analysts of an organisation: those who could be named."""
    analysts = _analysts(work, org_id)
    return sorted(analysts.items(), key=lambda each: each[1])


def _analysts(work: Work, org_id: OrgId) -> dict[str, str]:
    held = RoleAssignmentRow
    wanted = (
        select(AccountRow.id, AccountRow.username)
        .join(held, col(held.account_id) == col(AccountRow.id))
        .where(
            AccountRow.org_id == org_id, col(AccountRow.disabled).is_(False), held.role == Role.ANALYST, held.scope == org_id,
            col(held.valid_from) <= work.now, or_(col(held.valid_to).is_(None), col(held.valid_to) > work.now),
        )
    )  # fmt: skip
    return dict(work.db.exec(wanted).all())


def of_policy(work: Work, org_id: OrgId, policy: GrantPolicy) -> Iterator[Reason]:
    """The same for a policy on offer."""
    yield from objections(
        work, org_id, policy.dataset_id, policy.members, policy.fee_reference, policy.scenario_id
    )


def objections(
    work: Work,
    org_id: OrgId,
    dataset_id: str,
    members: Sequence[str],
    fee_reference: str | None,
    scenario_id: str,
) -> Iterator[Reason]:
    """Why these members or this price rule may not be agreed now; nothing where none is named."""
    if members:
        yield from _against_members(work, org_id, dataset_id, members)
    if fee_reference is not None:
        yield from _against_fee(work, dataset_id, fee_reference, scenario_id)


def _against_members(work: Work, org_id: OrgId, dataset_id: str, members: Sequence[str]) -> Iterator[Reason]:
    analysts, names, asks = _analysts(work, org_id), names_of(work, members), profile(work).vouching
    for each in members:
        name = names.get(each, each)
        if each not in analysts:
            yield refused(
                "member-not-analyst",
                f"{dataset_id}：{name} 不是申请机构现任分析员，不能列为授权使用人员。",
                f"{dataset_id}: {name} is no analyst of the applying organisation now and cannot be named as a member.",
                MEMBERS,
                dataset=dataset_id,
                member=name,
            )
        elif asks and not vouching.stands(work, each, org_id):
            yield refused(
                "member-not-vouched",
                f"{dataset_id}：机构负责人尚未为 {name} 担保。",
                f"{dataset_id}: the organisation's officer does not stand behind {name}.",
                vouching.BASIS,
                dataset=dataset_id,
                member=name,
            )


def _against_fee(work: Work, dataset_id: str, fee_reference: str, scenario_id: str) -> Iterator[Reason]:
    cap = work.db.get(FeeCapRow, fee_reference)
    if cap is None or cap.scenario_id not in (prices.ANY, scenario_id):
        yield refused(
            "fee-reference-unknown",
            f"{dataset_id}：没有适用于该场景的收费依据 {fee_reference}。",
            f"{dataset_id}: there is no price rule {fee_reference} for this scenario.",
            PRICES,
            dataset=dataset_id,
            fee=fee_reference,
        )


def fees(work: Work) -> list[tuple[str, Text]]:
    """Every price rule with its words, the newest first."""
    order = (col(FeeCapRow.effective_from).desc(), col(FeeCapRow.id).desc())
    return [(row.id, fee_words(row)) for row in work.db.exec(select(FeeCapRow).order_by(*order))]


def fee_named(work: Work, fee_reference: str | None) -> Text | None:
    """The price rule in words; its id where it is not there."""
    if fee_reference is None:
        return None
    row = work.db.get(FeeCapRow, fee_reference)
    return fee_words(row) if row else Text(fee_reference, fee_reference)


def fee_words(row: FeeCapRow) -> Text:
    unit, most = prices.UNITS[row.unit], f"{row.cap_fen / 100:.2f}"
    scenario = "" if row.scenario_id == prices.ANY else f" · {row.scenario_id}"
    return Text(
        f"{unit.zh}至多 {most} 元（自 {row.effective_from}{scenario}）",
        f"{most} yuan {unit.en} at most (since {row.effective_from}{scenario})",
    )
