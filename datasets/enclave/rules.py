"""Who may review a specification, and which columns fit it under their masks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from auth.asset import Asset
from auth.policy.model import ClampMask, GrantPolicy, RoundMask, TruncateMask, Use
from auth.policy.separation import BASIS as SEPARATION
from core.errors import Reason
from core.text import Text
from datasets.enclave.model import EnclaveSpec
from datasets.queries import rules as queries
from datasets.queries.model import Count, Group

BASIS: Final = "域内计算 · enclave (docs/enclave.md)"
NOTE_MIN: Final = 4


@dataclass(frozen=True, slots=True)
class Near:
    """Who stands too near to a request to review its specification. `org_id`: the receiving organisation."""

    requester: str
    org_id: str


def reviewer_objections(person: str, orgs: Collection[str], near: Near) -> tuple[Reason, ...]:
    """Why this person does not review this specification. `orgs`: of all accounts of that person."""
    return tuple(_reviewer(person, orgs, near))


def _reviewer(person: str, orgs: Collection[str], near: Near) -> Iterator[Reason]:
    if person == near.requester:
        text = Text(
            "方案由您提交，须由另一位数据专员审查。",
            "You handed this specification in; another steward must review it.",
        )
        yield Reason("requester-may-not-review", text, f"{SEPARATION} (7)")
    if near.org_id in orgs:
        text = Text(
            "您属于接收方机构，不能审查交给本机构的方案。",
            "You belong to the organisation that is to receive the result.",
        )
        yield Reason("receiver-may-not-review", text, f"{SEPARATION} (1)")


def decision_objections(
    decision: str, note: str, seen_hash: str, spec_hash: str, reasons: tuple[Reason, ...]
) -> tuple[Reason, ...]:
    """Why a decision cannot be taken as it is. `reasons`: what stands against the specification under its grant now."""
    found = []
    if seen_hash != spec_hash:
        text = Text(
            "方案已与您看到的不同；请重新阅读后再决定。",
            "The specification is not the one that you read; read it again before you decide.",
        )
        found.append(Reason("spec-changed", text, BASIS))
    if decision != "approve" and len(note.strip()) < NOTE_MIN:
        text = Text(
            f"退回或不批准须写明理由（至少 {NOTE_MIN} 个字）。",
            f"Say why it is returned or declined (at least {NOTE_MIN} characters).",
        )
        found.append(Reason("note-missing", text, BASIS))
    return (*found, *(reasons if decision == "approve" else ()))


def approval_stands(spec: EnclaveSpec, before: GrantPolicy, after: GrantPolicy) -> bool:
    """Whether a steward who approved the specification under the terms before approved the same as under those after.

    What it reads is shown alike, on the same rows, under the same safeguards.
    """
    return (
        before.row_filter == after.row_filter
        and before.safeguards == after.safeguards
        and before.pinned_release == after.pinned_release
        and all(before.term(name) == after.term(name) for name in spec.columns)
    )


def misfits(spec: EnclaveSpec, asset: Asset, policy: GrantPolicy) -> tuple[Reason, ...]:
    """Measures and groups that do not fit their columns as the grant shows them."""
    whole = {group.column for group in spec.group_by if _is_shown_whole(group, asset, policy)}
    plain = [each for each in queries.misfits(spec, asset) if each.facts.get("column") not in whole]
    return (*plain, *_unfit_masks(spec, policy))


def _is_shown_whole(group: Group, asset: Asset, policy: GrantPolicy) -> bool:
    """A masked value names a group by itself; shapes never do."""
    column = asset.column(group.column)
    masked = policy.use_of(group.column) in (Use.MASKED, Use.PSEUDONYMISED)
    return (
        masked
        and group.width is None
        and group.unit is None
        and column is not None
        and column.type != "geometry"
    )


def _unfit_masks(spec: EnclaveSpec, policy: GrantPolicy) -> Iterator[Reason]:
    measured = [each.column for each in spec.select if not isinstance(each, Count)]
    parted = [each.column for each in spec.group_by if each.width is not None or each.unit is not None]
    for name in dict.fromkeys((*measured, *parted)):
        term = policy.term(name)
        if term is None or term.use not in (Use.MASKED, Use.PSEUDONYMISED):
            continue
        kinds = (RoundMask, ClampMask) if name in measured else (RoundMask, ClampMask, TruncateMask)
        if not isinstance(term.mask, kinds):
            text = Text(
                f"列 {name} 经脱敏或假名化后不是数值，只能原样分组。",
                f"Column {name} is no number under its mask; it can be grouped by as it is, and nothing else.",
            )
            yield Reason("mask-unfit", text, BASIS, {"column": name})
