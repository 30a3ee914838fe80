"""What an application must satisfy before it may be submitted, and a decision before it counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from auth.applications.models import ApplicationAsk, LineAsk, LineDecision, Vote
from auth.asset import Asset
from auth.policy import serving
from auth.policy.extent import SCENARIO, extent_objections, latest_end, purpose_objections
from auth.policy.filters import rules as filters
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import Limits
from auth.policy.model import FORMS_SERVING, MASK_TYPES, ColumnTerm, GrantPolicy, Licence, Use
from auth.policy.narrowing import narrowed, widenings
from auth.policy.rules import (
    PERSONAL,
    asset_objections,
    column_objections,
    form_objections,
    licence_objections,
    refused,
    unenforceable,
    use_objections,
)
from auth.policy.safeguards import objections as safeguard_objections
from auth.policy.serving import Holding, Mend, Moment
from auth.policy.stages import BUSINESS, StagePlans
from auth.roles import Role
from core.errors import Reason
from core.text import Text, number_of

BASIS: Final = "申请办理规则 · rules of applications"
MINIMAL: Final = "最小够用 · data minimisation"
MIN_PURPOSE: Final = 10

_FIRST_INSTANT: Final = datetime(1, 1, 2, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a check looks at besides the application itself. `today` is the local day; `twins` are open applications
    of the same organisation on the same dataset and scenario, by dataset; `gates`: what stands against it from outside;
    `holdings`: what the datasets have for the forms asked for, where that matters."""

    assets: Mapping[str, Asset]
    licence: Licence
    limits: Limits
    now: datetime
    today: date
    twins: Mapping[str, str]
    gates: tuple[Reason, ...] = ()
    holdings: Mapping[str, Holding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One review before the decision: whose role, for which lines, of which department (None: all), how many votes."""

    name: str
    role: Role
    department_id: str | None
    line_ids: tuple[str, ...]
    quorum: int = 1


@dataclass(frozen=True, slots=True)
class Approval:
    """How many persons decide together, and whether they must come from different departments."""

    count: int = 1
    distinct_departments: bool = False


@dataclass(frozen=True, slots=True)
class PlanLine:
    """What the stage plan must know of a line."""

    id: str
    department_id: str
    level: int
    needs_security_review: bool


def stages(lines: Sequence[PlanLine], plans: StagePlans) -> tuple[Stage, ...]:
    """Each department reviews its own lines; security reviews those of high level or with personal columns.

    Where lines of several levels meet in a stage, the highest quorum counts.
    """
    found: dict[str, Stage] = {}
    for line in lines:
        for rule in (*plans.of(line.level).stages, *(plans.personal if line.needs_security_review else ())):
            department = line.department_id if rule.stage == BUSINESS else None
            name = f"{BUSINESS}:{department}" if department else rule.stage
            known = found.get(name, Stage(name, rule.role, department, (), rule.quorum))
            ids = tuple(dict.fromkeys((*known.line_ids, line.id)))
            found[name] = replace(known, line_ids=ids, quorum=max(known.quorum, rule.quorum))
    return tuple(sorted(found.values(), key=lambda stage: stage.department_id is None))


def approval(lines: Sequence[PlanLine], plans: StagePlans) -> Approval:
    """The strictest of what the levels of the lines ask for."""
    known = [plans.of(line.level) for line in lines]
    return Approval(
        max((plan.approvers for plan in known), default=1), any(plan.distinct_departments for plan in known)
    )


def outgrown(now: PlanLine, fixed: Sequence[Stage], last: Approval, plans: StagePlans) -> bool:
    """Whether the line, as its dataset is graded now, needs a review or a signature that the plan of the turn has not."""
    votes = {stage.name: stage.quorum for stage in fixed if now.id in stage.line_ids}
    needed, decides = stages((now,), plans), approval((now,), plans)
    return (
        any(votes.get(stage.name, 0) < stage.quorum for stage in needed)
        or last.count < decides.count
        or (decides.distinct_departments and not last.distinct_departments)
    )


def graded_higher(dataset_id: str) -> Reason:
    """Why a line whose plan is outgrown is not granted."""
    return refused(
        "level-raised-since",
        f"{dataset_id} 提交后提高了数据级别或标注了个人信息，须经现行级别的审核与审批人数；请退回申请，由申请单位重新提交。",
        f"{dataset_id} was graded higher, or has columns about persons, since it was submitted: it needs the reviews and signatures of"
        " that level. Return the application; handed in again it gets them.",
        "数据分级与审批人数 · levels of data and who decides",
        dataset=dataset_id,
    )


PRINCIPLES: Final[Mapping[str, Text]] = {
    "public_interest": Text("公益优先", "Public interest"),
    "fairness": Text("公平公正", "Fairness"),
}


def principles_objections(
    outcomes: Iterable[Vote], said: Mapping[str, str], *, least: int, required: bool
) -> Iterator[Reason]:
    """Where the profile asks for it, whoever grants a line says what that does for the public interest and for fair treatment (R11)."""
    if not required or all(outcome == "reject" for outcome in outcomes):
        return
    for name, label in PRINCIPLES.items():
        if len(said.get(name, "").strip()) < least:
            yield refused(
                "principle-not-stated",
                f"准予须说明“{label.zh}”方面的考虑（至少 {least} 个字）。",
                f"A decision that grants says something of “{label.en.lower()}”, in {least} characters or more.",
                "R11 公益优先、公平公正 · public interest and fairness",
                principle=name,
            )


def needs_security_review(line: LineAsk, asset: Asset, limits: Limits) -> bool:
    """Whether the line touches a high level or a column about persons, in a delivery or in its filter."""
    touched = {column.name for column in line.columns} | filters.columns_of(line.row_filter)
    personal = any(column.identifier_kind in PERSONAL for column in asset.columns if column.name in touched)
    return asset.level >= limits["security_review_from_level"] or personal


def period(starts_on: date, ends_on: date) -> tuple[datetime, datetime]:
    """The instants of a period given in local days: start belongs to it, end does not. The first and last days of the calendar are cut to what has an instant."""
    try:
        starts = datetime.combine(starts_on, time(), LOCAL).astimezone(UTC)
    except OverflowError:
        starts = _FIRST_INSTANT
    try:
        ends = datetime.combine(ends_on + timedelta(days=1), time(), LOCAL).astimezone(UTC)
    except OverflowError:
        ends = _LAST_INSTANT
    return starts, ends


def policy_asked(ask: ApplicationAsk, line: LineAsk) -> GrantPolicy:
    """The policy of a complete line. Raises pydantic's ValidationError while something is missing."""
    if ask.starts_on is None or ask.ends_on is None:
        raise ValueError("the period is missing")
    starts_at, ends_at = period(ask.starts_on, ask.ends_on)
    return GrantPolicy.model_validate(
        {
            "dataset_id": line.dataset_id,
            "columns": tuple(
                ColumnTerm(name=asked.name, use=asked.use, mask=asked.mask) for asked in line.columns
            ),
            "row_filter": line.row_filter,
            "scenario_id": ask.scenario_id,
            "purposes": ask.purposes,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "delivery_forms": line.delivery_forms,
            "quotas": line.quotas,
            "networks": line.networks,
            "pinned_release": line.pinned_release,
            "members": line.members,
            "fee_reference": line.fee_reference,
            "safeguards": line.safeguards,
            "retention_days": ask.retention_days,
        }
    )


def hard_blocks(ask: ApplicationAsk, assets: Mapping[str, Asset]) -> tuple[Reason, ...]:
    """What may not even stand in a draft: datasets that no grant may ever cover."""
    return tuple(
        reason
        for line in ask.lines
        for reason in asset_objections(assets[line.dataset_id])
        if reason.code in ("dataset-not-openable", "dataset-out-of-scope")
    )


def submission_objections(ask: ApplicationAsk, desk: Desk) -> tuple[Reason, ...]:
    """Everything for which the application would be sent back or refused; () when it may be submitted."""
    found = [
        *licence_objections(desk.licence, desk.now),
        *desk.gates,
        *_purpose(ask, desk),
        *_period(ask, desk),
    ]
    if not ask.lines:
        found.append(refused("no-datasets", "没有选择数据集。", "No dataset was chosen.", BASIS))
    named = [line.dataset_id for line in ask.lines]
    if len(set(named)) != len(named):
        found.append(
            refused("dataset-twice", "同一数据集被选择了两次。", "A dataset was chosen twice.", BASIS)
        )
    for line in ask.lines:
        found.extend(_line(line, desk.assets[line.dataset_id], desk))
    return tuple(found)


def advice(ask: ApplicationAsk, desk: Desk) -> tuple[Reason, ...]:
    """What does not hinder submitting but will be narrowed, asked about, or is not needed."""
    return tuple(_advice(ask, desk))


def _advice(ask: ApplicationAsk, desk: Desk) -> Iterator[Reason]:
    for line in ask.lines:
        asset = desk.assets[line.dataset_id]
        terms = tuple(ColumnTerm(name=c.name, use=c.use, mask=c.mask) for c in line.columns if _mask_fits(c))
        yield from column_objections(terms, asset, desk.limits)
        yield from _served(line, asset, desk, Mend.DATASET)
        if asset.open_type == "U" and asset.level == 1:
            yield refused(
                "open-anyway",
                f"{line.dataset_id} 无条件开放，无需申请即可下载。",
                f"{line.dataset_id} is open without condition; it can be downloaded without a grant.",
                "无条件开放 · open without condition",
                dataset=line.dataset_id,
            )
        if asset.auth_op_scope == "negotiable":
            yield refused(
                "scope-negotiable",
                f"{line.dataset_id} 是否纳入授权运营需协商，办理时间可能延长。",
                f"Whether {line.dataset_id} enters authorised operation is to be negotiated; it may take longer.",
                "目录“授权运营属性” · scope of authorised operation in the catalogue",
                dataset=line.dataset_id,
            )
    ends = desk.licence.valid_to
    if ask.ends_on and ends and period(ask.ends_on, ask.ends_on)[1] > ends:
        yield refused(
            "licence-ends-first",
            f"贵机构资质将于 {ends.astimezone(LOCAL).date()} 前到期，早于申请期限；到期后授权不可使用，请及时续期。",
            f"Your licence ends by {ends.astimezone(LOCAL).date()}, before the period asked for; renew it in time.",
            BASIS,
        )


def _served(line: LineAsk, asset: Asset, desk: Desk, mend: Mend) -> tuple[Reason, ...]:
    """Forms that cannot be had; of a line without columns nothing is said yet."""
    terms = tuple(ColumnTerm(name=c.name, use=c.use, mask=c.mask) for c in line.columns if _mask_fits(c))
    if not terms:
        return ()
    held = desk.holdings.get(line.dataset_id, Holding())
    case = serving.Case(line.dataset_id, terms, line.safeguards, asset, desk.limits, held)
    return serving.objections(case, line.delivery_forms, Moment.CHECK, mend=mend)


def _mask_fits(asked: object) -> bool:
    return (getattr(asked, "use", None) is Use.MASKED) == (getattr(asked, "mask", None) is not None)


def _purpose(ask: ApplicationAsk, desk: Desk) -> Iterator[Reason]:
    if ask.scenario_id not in desk.limits.scenarios:
        yield refused("scenario-unknown", "请选择应用场景。", "Choose the scenario.", SCENARIO)
    unknown = [code for code in ask.purposes if code not in desk.limits.purposes]
    if not ask.purposes or unknown or len(set(ask.purposes)) != len(ask.purposes):
        listed = "、".join(unknown)
        yield refused(
            "purpose-unknown",
            f"请从目录中选择用途{f'（未知：{listed}）' if listed else ''}。",
            f"Choose the purpose from the list{f' (unknown: {listed})' if listed else ''}.",
            SCENARIO,
        )
    if len(ask.purpose_text.strip()) < MIN_PURPOSE:
        yield refused(
            "purpose-too-short",
            f"请用至少 {MIN_PURPOSE} 个字说明用途、方式和范围。",
            f"State purpose, manner and extent in at least {MIN_PURPOSE} characters.",
            MINIMAL,
        )
    longest = desk.limits["max_retention_days"]
    if ask.retention_days is None or ask.retention_days > longest:
        yield refused(
            "retention-missing",
            f"请填写数据留存天数（1 至 {longest}）。",
            f"Say for how many days copies are kept (1 to {longest}).",
            desk.limits.numbers["max_retention_days"].source,
        )


def _period(ask: ApplicationAsk, desk: Desk) -> Iterator[Reason]:
    if ask.starts_on is None or ask.ends_on is None:
        yield refused("period-missing", "请填写起止日期。", "Give the first and the last day.", BASIS)
        return
    if ask.starts_on < desk.today:
        yield refused(
            "period-past", "起始日期不能早于今天。", "The period may not start before today.", BASIS
        )
    if ask.ends_on < ask.starts_on:
        yield refused(
            "period-reversed",
            "结束日期早于起始日期。",
            "The last day lies before the first.",
            BASIS,
        )
    years = desk.limits["max_grant_years"]
    if ask.ends_on > (last := latest_end(ask.starts_on, years)):
        yield refused(
            "period-too-long",
            f"期限不得超过 {years} 年（最晚至 {last}）。",
            f"The period may not exceed {number_of(years, 'years')} (to {last} at the latest).",
            desk.limits.numbers["max_grant_years"].source,
        )


def _line(line: LineAsk, asset: Asset, desk: Desk) -> Iterator[Reason]:
    yield from asset_objections(asset)
    if not line.columns:
        yield _about(line, "no-columns", "没有选择任何列", "no column was chosen")
    if not line.delivery_forms:
        yield _about(line, "no-delivery-form", "没有选择交付方式", "no delivery form was chosen")
    yield from form_objections(line.delivery_forms, asset, desk.limits)
    yield from filters.check(line.row_filter, asset)
    terms = tuple(ColumnTerm(name=c.name, use=c.use) for c in line.columns if c.use in FORMS_SERVING)
    yield from use_objections(terms, line.delivery_forms, asset)
    yield from _served(line, asset, desk, Mend.TERMS)
    yield from safeguard_objections(line.dataset_id, line.safeguards, desk.limits)
    yield from _columns(line, asset, desk.limits["min_reason_characters"])
    if (twin := desk.twins.get(line.dataset_id)) is not None:
        yield _about(
            line,
            "open-twin",
            f"同一场景已有在办申请 {twin}",
            f"an application for the same scenario is under way: {twin}",
        )


def _columns(line: LineAsk, asset: Asset, min_reason: int) -> Iterator[Reason]:
    names = [asked.name for asked in line.columns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _about(line, "column-twice", f"列 {name} 出现两次", f"column {name} stands twice", column=name)
    for asked in line.columns:
        column = asset.column(asked.name)
        if column is None:
            yield _about(
                line,
                "column-unknown",
                f"没有列 {asked.name}",
                f"there is no column {asked.name}",
                column=asked.name,
            )
            continue
        if len(asked.reason.strip()) < min_reason:
            yield refused(
                "column-without-reason",
                f"{line.dataset_id}：请说明为什么需要列 {asked.name}（{column.title.zh}）。",
                f"{line.dataset_id}: say why column {asked.name} ({column.title.en}) is needed.",
                MINIMAL,
                dataset=line.dataset_id,
                column=asked.name,
            )
        fits = asked.mask is None or column.type in MASK_TYPES[asked.mask.kind]
        if not _mask_fits(asked) or not fits:
            yield _about(
                line,
                "mask-wrong",
                f"列 {asked.name} 的脱敏方式缺失或不适用",
                f"the mask of column {asked.name} is missing or does not fit",
                column=asked.name,
            )


def _about(line: LineAsk, code: str, zh: str, en: str, **facts: object) -> Reason:
    text = Text(f"{line.dataset_id}：{zh}。", f"{line.dataset_id}: {en}.")
    return Reason(code, text, BASIS, {"dataset": line.dataset_id, **facts})


def decided_policy(asked: GrantPolicy, decision: LineDecision) -> GrantPolicy | None:
    """The policy that a decision offers; None for a refusal. Raises ValueError when the narrowing does not fit together."""
    if decision.outcome == "reject":
        return None
    if decision.outcome == "narrow" and decision.narrowing is not None:
        return narrowed(asked, decision.narrowing)
    return asked


def decision_objections(
    decision: LineDecision,
    asked: GrantPolicy,
    offered: GrantPolicy | None,
    votes: Sequence[Vote],
    asset: Asset,
    limits: Limits,
    holding: Holding,
) -> tuple[Reason, ...]:
    """Why this decision on one line cannot stand; () when it can. `votes`: of the stages that saw the line; `holding`: what its
    dataset has for the forms offered."""
    found = tuple(_decision(decision, asked, offered, votes, asset, limits))
    if offered is None:
        return found
    case = serving.case_of(offered, asset, limits, holding)
    unserved = serving.objections(case, offered.delivery_forms, Moment.DECISION, awaited=decision.awaits)
    return (*found, *unserved)


def _decision(
    decision: LineDecision,
    asked: GrantPolicy,
    offered: GrantPolicy | None,
    votes: Sequence[Vote],
    asset: Asset,
    limits: Limits,
) -> Iterator[Reason]:
    wordless = len(decision.note.strip()) < limits["min_reason_characters"]
    if offered is None:
        if decision.reason_code not in limits.refusals or wordless:
            yield refused(
                "refusal-needs-reason",
                f"{asked.dataset_id}：不予授权须选择理由代码并写明理由。",
                f"{asked.dataset_id}: a refusal needs a code of the list and a reason in words.",
                "不予授权须说明理由 · refusals are reasoned",
                dataset=asked.dataset_id,
            )
        return
    if decision.outcome == "narrow" and (decision.narrowing is None or offered == asked):
        yield refused(
            "nothing-narrowed",
            f"{asked.dataset_id}：选择了收窄，但没有任何改变。",
            f"{asked.dataset_id}: the decision narrows, but nothing changes.",
            BASIS,
            dataset=asked.dataset_id,
        )
    against = "reject" in votes or ("narrow" in votes and decision.outcome == "approve")
    if against and wordless:
        yield refused(
            "override-needs-reason",
            f"{asked.dataset_id}：与审核意见不一致，须写明理由。",
            f"{asked.dataset_id}: the decision departs from the reviews; say why.",
            BASIS,
            dataset=asked.dataset_id,
        )
    yield from widenings(offered, asked)
    yield from extent_objections(offered, limits)
    yield from purpose_objections(offered, limits)
    yield from asset_objections(asset)
    yield from unenforceable(offered, asset)
    yield from form_objections(offered.delivery_forms, asset, limits)
    yield from use_objections(offered.columns, offered.delivery_forms, asset)
    yield from column_objections(offered.columns, asset, limits)
    yield from safeguard_objections(offered.dataset_id, offered.safeguards, limits)
