"""Whether a grant allows a request. Pure: every value is handed in; the answer is every reason to refuse, () permits.

What the rules do not know is refused: an unknown level, scenario, column, form or licence state never permits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth.asset import Asset, AssetColumn
from auth.grants.view import GrantView
from auth.grants.workflow import STATE_NAMES, State
from auth.identity.labels import licence_named
from auth.identity.rules import is_within, local_moment
from auth.policy.filters import rules as filters
from auth.policy.limits import Limits
from auth.policy.model import (
    AGGREGABLE,
    FILTERABLE,
    FORMS_SERVING,
    LEAVING,
    MASK_TYPES,
    Ask,
    ColumnTerm,
    DeliveryForm,
    GrantPolicy,
    Licence,
    Use,
)
from auth.policy.wording import USE_NAMES, coded_named, form_named, forms_named, identifier_named
from core.errors import Reason
from core.text import Text

HOME: Final = "CN"
ABROAD: Final = "数据出境规则（R44）· rules on data leaving the country (R44)"
GRANT: Final = "授权生命周期规则 · life of a grant"
POLICY: Final = "授权条款 · policy of the grant"
PERSONAL: Final = frozenset({"DI", "SI"})


@dataclass(frozen=True, slots=True)
class Case:
    """All that one decision looks at."""

    ask: Ask
    grant: GrantView
    asset: Asset
    licence: Licence
    limits: Limits


Rule = Callable[[Case], Iterator[Reason]]
_STAYS: Final[Mapping[Use, tuple[str, str, str]]] = {
    Use.AGGREGATE_ONLY: (
        "column-aggregate-only",
        "列 {} 只能参与统计，不能逐行导出。",
        "Column {} may only enter statistics; its values do not leave row by row.",
    ),
    Use.FILTER_ONLY: (
        "column-filter-only",
        "列 {} 只能用于筛选，不能导出。",
        "Column {} may only be used in a filter; it does not leave.",
    ),
    Use.JOIN_ONLY: (
        "column-join-only",
        "列 {} 只能用于关联，不能导出。",
        "Column {} may only be joined on; it does not leave.",
    ),
    Use.DENIED: ("column-not-granted", "授权不包含列 {}。", "The grant does not include column {}."),
}


def objections(
    ask: Ask, grant: GrantView, asset: Asset, licence: Licence, limits: Limits
) -> tuple[Reason, ...]:
    """Every reason to refuse `ask` at the instant `ask.at`, in rule order; () means permitted."""
    case = Case(ask, grant, asset, licence, limits)
    table = FORM_RULES.get(ask.delivery_form, RULES)
    return tuple(reason for rule in table for reason in rule(case))


def effective(grant: GrantView, now: datetime) -> tuple[Reason, ...]:
    """Why the grant itself does not count at `now`: its state, its period, and what blocks it. () when it does."""
    return tuple(_grant_counts(grant, now))


def refused(code: str, zh: str, en: str, basis: str, **facts: object) -> Reason:
    return Reason(code, Text(zh, en), basis, facts)


def _grant_counts(grant: GrantView, now: datetime) -> Iterator[Reason]:
    if grant.state is not State.ACTIVE:
        name = STATE_NAMES[grant.state]
        yield refused(
            "grant-not-active",
            f"授权当前为“{name.zh}”，不能使用。",
            f"The grant is {name.en.lower()} and cannot be used.",
            GRANT,
            state=grant.state.value,
        )
    if now < grant.starts_at:
        said = local_moment(grant.starts_at)
        yield refused("grant-not-started", f"授权自 {said} 起有效。", f"The grant starts at {said}.", GRANT)
    if now >= grant.ends_at:
        said = local_moment(grant.ends_at)
        yield refused("grant-ended", f"授权已于 {said} 到期。", f"The grant ended at {said}.", GRANT)
    yield from grant.blocks


def _grant_is_effective(case: Case) -> Iterator[Reason]:
    yield from _grant_counts(case.grant, case.ask.at)


def _same_grant_and_dataset(case: Case) -> Iterator[Reason]:
    named = {case.ask.dataset_id, case.grant.dataset_id, case.grant.policy.dataset_id, case.asset.dataset_id}
    if case.ask.grant_id != case.grant.id or len(named) != 1:
        yield refused(
            "grant-for-another-dataset",
            "所引用的授权不是针对该数据集的。",
            "The grant named is not for this dataset.",
            POLICY,
        )


def _organisation_is_qualified(case: Case) -> Iterator[Reason]:
    yield from licence_objections(case.licence, case.ask.at)


def licence_objections(licence: Licence, at: datetime) -> Iterator[Reason]:
    """Why an organisation may not apply for or use grants at that instant."""
    if licence.state != "QUALIFIED" or licence.valid_to is None or at >= licence.valid_to:
        until = licence.valid_to.date().isoformat() if licence.valid_to else "—"
        yield refused(
            "licence-lapsed",
            f"贵机构的资质当前无效（状态：{licence_named(licence.state).zh}，有效期至 {until}）；请先办理资质。",
            f"Your organisation's licence does not count (state: {licence_named(licence.state).en.lower()}, valid to {until}); renew it first.",
            GRANT,
        )
    if licence.country != HOME:
        yield refused(
            "recipient-abroad",
            f"接收方登记地为 {licence.country}；数据不得向境外提供，不予授权。",
            f"The recipient is registered in {licence.country}; nothing is provided abroad, so no grant counts.",
            ABROAD,
            country=licence.country,
        )


def _dataset_is_grantable(case: Case) -> Iterator[Reason]:
    yield from asset_objections(case.asset)
    if case.asset.is_shared:
        yield from case.grant.if_shared


def asset_objections(asset: Asset) -> Iterator[Reason]:
    """Why no grant may cover this dataset."""
    if asset.open_type not in ("U", "C"):
        yield refused(
            "dataset-not-openable",
            f"{asset.dataset_id} 属于不予开放数据，不得纳入授权。",
            f"{asset.dataset_id} is not to be opened and may enter no grant.",
            "不予开放的数据不得授权 · data not to be opened enter no grant",
            dataset=asset.dataset_id,
        )
    if asset.auth_op_scope not in ("yes", "negotiable"):
        yield refused(
            "dataset-out-of-scope",
            f"{asset.dataset_id} 不在授权运营范围内。",
            f"{asset.dataset_id} lies outside the scope of authorised operation.",
            "目录“授权运营属性” · scope of authorised operation in the catalogue",
            dataset=asset.dataset_id,
        )
    if not asset.is_published:
        yield refused(
            "dataset-not-published",
            f"{asset.dataset_id} 尚未在目录中发布或已撤回。",
            f"{asset.dataset_id} is not published in the catalogue, or was withdrawn.",
            GRANT,
            dataset=asset.dataset_id,
        )


def _policy_is_enforceable(case: Case) -> Iterator[Reason]:
    yield from unenforceable(case.grant.policy, case.asset)


def unenforceable(policy: GrantPolicy, asset: Asset) -> Iterator[Reason]:
    """Terms that cannot be carried out on the dataset as it is now: nothing is delivered on a guess."""
    for term in policy.columns:
        if (column := asset.column(term.name)) is None:
            yield _unenforceable(
                term.name, "数据集现已没有该列", "the dataset no longer has it", "column-unknown"
            )
        elif term.mask is not None and column.type not in MASK_TYPES[term.mask.kind]:
            yield _unenforceable(
                term.name,
                f"脱敏方式 {term.mask.kind} 不适用于 {column.type}",
                f"mask {term.mask.kind} does not fit {column.type}",
                "mask-type",
            )
    for fault in filters.check(policy.row_filter, asset):
        yield refused("policy-unenforceable", fault.text.zh, fault.text.en, POLICY, **fault.facts)


def _unenforceable(column: str, zh: str, en: str, why: str) -> Reason:
    return refused(
        "policy-unenforceable",
        f"授权条款无法执行：列 {column}，{zh}。",
        f"A term cannot be enforced: column {column}, {en}.",
        POLICY,
        column=column,
        why=why,
    )


def _columns_are_granted(case: Case) -> Iterator[Reason]:
    if not case.ask.columns:
        yield refused("no-columns", "没有选择任何列。", "No column was chosen.", POLICY)
    if len(set(case.ask.columns)) != len(case.ask.columns):
        yield refused("column-twice", "同一列被选择了两次。", "A column was chosen twice.", POLICY)
    for name in dict.fromkeys(case.ask.columns):
        if (use := case.grant.policy.use_of(name)) not in LEAVING:
            yield _stays(name, use)


def _stays(name: str, use: Use) -> Reason:
    """Why a column does not leave."""
    code, zh, en = _STAYS.get(use, _STAYS[Use.DENIED])
    return refused(code, zh.format(name), en.format(name), POLICY, column=name)


def _filter_is_allowed(case: Case) -> Iterator[Reason]:
    for name in sorted(filters.columns_of(case.ask.filter)):
        if case.grant.policy.use_of(name) not in FILTERABLE:
            yield refused(
                "filter-column-denied",
                f"不能按列 {name} 筛选：筛选会泄露其取值。",
                f"Column {name} may not be filtered on: the answer would give its values away.",
                POLICY,
                column=name,
            )
    yield from filters.check(case.ask.filter, case.asset)


def _form_is_granted(case: Case) -> Iterator[Reason]:
    if case.ask.delivery_form not in case.grant.policy.delivery_forms:
        yield refused(
            "form-not-granted",
            f"授权不包含交付方式“{form_named(case.ask.delivery_form).zh}”。",
            f"The grant does not include the delivery form “{form_named(case.ask.delivery_form).en}”.",
            POLICY,
        )


def _level_allows(case: Case) -> Iterator[Reason]:
    used = {name: case.grant.policy.use_of(name) for name in case.ask.columns}
    for name in filters.columns_of(case.ask.filter):
        if used.get(name) is not Use.PLAIN:
            used[name] = Use.FILTER_ONLY
    yield from form_objections((case.ask.delivery_form,), case.asset, case.limits)
    yield from _shown(used.items(), case.asset, case.limits)


def form_objections(forms: tuple[str, ...], asset: Asset, limits: Limits) -> Iterator[Reason]:
    """Delivery forms that the dataset's level does not allow; an unknown level allows none."""
    rule = limits.levels.get(asset.level)
    for form in forms:
        if rule is None or form not in rule.forms:
            yield refused(
                "level-forbids-form",
                f"{asset.dataset_id} 为 {asset.level} 级数据，不允许以“{form_named(form).zh}”交付。",
                f"{asset.dataset_id} is level {asset.level}; it may not be delivered as “{form_named(form).en}”.",
                limits.levels_source,
                dataset=asset.dataset_id,
                level=asset.level,
                form=str(form),
            )


def column_objections(terms: Iterable[ColumnTerm], asset: Asset, limits: Limits) -> Iterator[Reason]:
    """Columns whose values would show, as they are or by filtering, although their level or kind forbids it."""
    yield from _shown(((term.name, term.use) for term in terms), asset, limits)


def use_objections(
    terms: Iterable[ColumnTerm], forms: Iterable[DeliveryForm], asset: Asset
) -> Iterator[Reason]:
    """Uses that none of the delivery forms can serve: such a term would allow nothing, or be read as more than it says."""
    held = frozenset(forms)
    for term in terms:
        if (serving := FORMS_SERVING.get(term.use)) is not None and not held & serving:
            named, use = forms_named(sorted(serving)), USE_NAMES[term.use]
            yield refused(
                "use-without-form",
                f"{asset.dataset_id}：列 {term.name} 的使用方式“{use.zh}”需要相应的交付方式（{named.zh}）；请补选，或改用其他使用方式。",
                f"{asset.dataset_id}: the use “{use.en}” of column {term.name} needs a delivery form that serves it ({named.en}); add one, or choose another use.",
                POLICY,
                dataset=asset.dataset_id,
                column=term.name,
            )


def _shown(uses: Iterable[tuple[str, Use]], asset: Asset, limits: Limits) -> Iterator[Reason]:
    rule = limits.levels.get(asset.level)
    for name, use in uses:
        if use not in FILTERABLE or (column := asset.column(name)) is None:
            continue
        if rule is None or _too_open(column, rule.plain_up_to, rule.personal_plain):
            yield refused(
                "level-forbids-plain",
                f"列 {name}（{column.level} 级，{identifier_named(column.identifier_kind).zh}）不得以原值交付或用于筛选，须脱敏、假名化或去除。",
                f"Column {name} (level {column.level}, {identifier_named(column.identifier_kind).en}) may neither leave as it is nor be filtered on; mask, pseudonymise or leave it out.",
                limits.levels_source,
                dataset=asset.dataset_id,
                column=name,
            )


def _too_open(column: AssetColumn, plain_up_to: int, personal_plain: bool) -> bool:
    return column.level > plain_up_to or (column.identifier_kind in PERSONAL and not personal_plain)


def _purpose_is_granted(case: Case) -> Iterator[Reason]:
    policy = case.grant.policy
    if case.ask.scenario_id != policy.scenario_id or case.ask.scenario_id not in case.limits.scenarios:
        granted, known = policy.scenario_id, case.limits.scenarios
        named = coded_named(known, granted), coded_named(known, case.ask.scenario_id)
        yield refused(
            "scenario-mismatch",
            f"授权的场景是“{named[0].zh}”，不是“{named[1].zh}”。",
            f"The grant is for the scenario “{named[0].en}”, not “{named[1].en}”.",
            "无场景不授权 · no grant without a scenario",
        )
    if case.ask.purpose not in policy.purposes or case.ask.purpose not in case.limits.purposes:
        purpose = coded_named(case.limits.purposes, case.ask.purpose)
        yield refused(
            "purpose-mismatch",
            f"授权不包含用途“{purpose.zh}”。",
            f"The grant does not include the purpose “{purpose.en}”.",
            POLICY,
        )


_UNIT_NAMES: Final = {
    "per_day": "uses of today",
    "per_month": "uses of this month",
    "outputs_per_month": "enclave outputs of this month",
}


def _quota_is_left(case: Case) -> Iterator[Reason]:
    quotas, used = case.grant.policy.quotas, case.grant.used
    rows = 1 if case.ask.rows is None else max(case.ask.rows, 1)
    outputs = quotas.outputs_per_month if case.ask.delivery_form == DeliveryForm.ENCLAVE else None
    for unit, zh, limit, would_be in (
        ("extracts", "提取次数", quotas.extracts, used.extracts + 1),
        ("rows", "行数", quotas.rows, used.rows + rows),
        ("bytes", "字节数", quotas.bytes, used.bytes + 1),
        ("per_day", "当日次数", quotas.per_day, used.per_day + 1),
        ("per_month", "当月次数", quotas.per_month, used.per_month + 1),
        ("outputs_per_month", "当月出域次数", outputs, used.outputs_per_month + 1),
    ):
        if limit is not None and would_be > limit:
            left = max(limit - getattr(used, unit), 0)
            yield refused(
                "quota-exhausted",
                f"{zh}额度不足：上限 {limit}，剩余 {left}。",
                f"Not enough {_UNIT_NAMES.get(unit, unit)} left: {left} of {limit}.",
                POLICY,
                unit=unit,
                limit=limit,
                left=left,
            )


def _release_is_granted(case: Case) -> Iterator[Reason]:
    pinned = case.grant.policy.pinned_release
    if pinned is not None and case.ask.release_id not in (None, pinned):
        yield refused(
            "release-not-granted",
            f"授权只限于版本 {pinned}；请改用该版本。",
            f"The grant covers release {pinned} alone; ask for that one.",
            POLICY,
            release=pinned,
        )


def place_objections(policy: GrantPolicy, address: str) -> tuple[Reason, ...]:
    """Why nothing is given at this address; an address that is not known lies in no network."""
    if not policy.networks or is_within(address, policy.networks):
        return ()
    said = ", ".join(policy.networks)
    return (
        refused(
            "network-not-granted",
            f"授权只允许从约定的网络使用：{said}；请在该网络内操作。",
            f"The grant may be used from its agreed networks alone: {said}; come from there.",
            POLICY,
            networks=list(policy.networks),
        ),
    )


def member_objections(policy: GrantPolicy, account_id: str) -> tuple[Reason, ...]:
    """Why this member of the holder's does not use the grant: it names who may, and he is not among them."""
    if not policy.members or account_id in policy.members:
        return ()
    return (
        refused(
            "member-not-named",
            "该授权只供约定的人员使用，您不在其中；如有需要，请本机构申请人办理授权变更。",
            "The grant is for the members named in it, and you are not one of them; an applicant of your organisation can have it amended.",
            POLICY,
        ),
    )


RULES: Final[tuple[Rule, ...]] = (
    _same_grant_and_dataset,
    _grant_is_effective,
    _organisation_is_qualified,
    _dataset_is_grantable,
    _policy_is_enforceable,
    _columns_are_granted,
    _filter_is_allowed,
    _form_is_granted,
    _level_allows,
    _purpose_is_granted,
    _release_is_granted,
    _quota_is_left,
)


def _columns_are_countable(case: Case) -> Iterator[Reason]:
    """Columns measured or grouped by: in the grant for statistics, and no direct identifier of people."""
    for name in dict.fromkeys(case.ask.columns):
        column = case.asset.column(name)
        if case.grant.policy.use_of(name) not in AGGREGABLE:
            yield refused(
                "column-not-for-statistics",
                f"列 {name} 未获准参与统计。",
                f"Column {name} may not enter statistics under this grant.",
                POLICY,
                column=name,
            )
        elif column is not None and column.identifier_kind == "DI":
            yield _identifier(name)


def _identifier(name: str) -> Reason:
    return refused(
        "identifier-in-statistics",
        f"列 {name} 直接标识个人，不能统计或分组。",
        f"Column {name} identifies people directly; it can neither be measured nor grouped by.",
        POLICY,
        column=name,
    )


def _columns_may_enter(case: Case) -> Iterator[Reason]:
    """Columns that a computation inside measures or groups by: seen under their mask, or for statistics; no identifier as it is."""
    for name in dict.fromkeys(case.ask.columns):
        use, column = case.grant.policy.use_of(name), case.asset.column(name)
        if use not in AGGREGABLE | LEAVING:
            yield refused(
                "column-not-for-statistics",
                f"列 {name} 未获准参与统计。",
                f"Column {name} may not enter statistics under this grant.",
                POLICY,
                column=name,
            )
        elif use in AGGREGABLE and column is not None and column.identifier_kind == "DI":
            yield _identifier(name)


def _keys_are_joined_on(case: Case) -> Iterator[Reason]:
    """Columns that name the record to be verified: such as the grant joins on."""
    for name in dict.fromkeys(case.ask.columns):
        if case.grant.policy.use_of(name) is not Use.JOIN_ONLY:
            yield refused(
                "column-not-joined-on",
                f"列 {name} 未获准用于关联核验。",
                f"Column {name} may not name a record to be verified under this grant.",
                POLICY,
                column=name,
            )


_VERIFICATION: Final = tuple(_keys_are_joined_on if rule is _columns_are_granted else rule for rule in RULES)
_STATISTICS: Final = tuple(_columns_are_countable if rule is _columns_are_granted else rule for rule in RULES)
_ENCLAVE: Final = tuple(_columns_may_enter if rule is _columns_are_granted else rule for rule in RULES)
FORM_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    DeliveryForm.QUERY_AGG: _STATISTICS,
    DeliveryForm.QUERY_DP: _STATISTICS,
    DeliveryForm.VERIFY: _VERIFICATION,
    DeliveryForm.ENCLAVE: _ENCLAVE,
}
