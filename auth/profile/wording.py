"""A policy profile in words: every value with its name, for people who compare versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from auth.duties.workflow import KIND_NAMES
from auth.policy.limits import LevelRule, Limit, Reminding, limits
from auth.policy.model import DeliveryForm
from auth.policy.stages import LevelPlan, StageRule
from auth.policy.wording import FORM_NAMES
from auth.profile.model import Profile, Reach
from auth.profile.opinions import STAGE_NAMES, Opinion
from auth.profile.papers import PaperRule
from core.text import Text

NOTHING: Final = Text("—", "—")
_YES: Final = {True: Text("是", "Yes"), False: Text("否", "No")}
REGISTRATION_NAMES: Final = {
    "off": Text("不要求", "Not asked for"),
    "encouraged": Text("鼓励", "Encouraged"),
    "required": Text("必须", "Required"),
}
REACH_NAMES: Final = {
    Reach.NONE: Text("不停止使用", "Stops nothing"),
    Reach.GRANT: Text("停止所属授权", "Stops the grant it belongs to"),
    Reach.DATASET: Text(
        "停止该机构在同一数据集上的授权", "Stops the organisation's grants on the same dataset"
    ),
    Reach.ORGANISATION: Text("停止该机构的全部授权", "Stops all grants of the organisation"),
}
_OVERDUE: Final = {
    "return": Text("退回补正", "Returned for correction"),
    "lapse": Text("申请失效", "The application lapses"),
}
_REVIEWS: Final = {
    "business": Text("业务审核", "business review"),
    "security": Text("安全审核", "security review"),
}
_UNITS: Final = {
    "characters": "字",
    "claims": "项",
    "contributors": "个贡献者",
    "days": "日",
    "demands": "条",
    "digits": "位",
    "figures": "个数值",
    "groups": "组",
    "hours": "小时",
    "level": "级",
    "micro-epsilon": "×10⁻⁶ ε",
    "minutes": "分钟",
    "months": "个月",
    "percent": "%",
    "plans": "次",
    "questions": "次",
    "rounds": "轮",
    "rows": "行",
    "seconds": "秒",
    "subjects": "个主体",
    "working days": "个工作日",
    "wrong passwords": "次",
    "years": "年",
}  # fmt: skip
_PLAIN: Final = {
    "key": Text("标识", "Key"),
    "zh": Text("中文名称", "Chinese name"),
    "en": Text("英文名称", "English name"),
    "effective_from": Text("生效日期", "Effective from"),
    "source": Text("来源", "Source"),
}
RULES: Final = {
    "agreement": Text("授权须有生效的协议", "Grants hang on an active agreement"),
    "consent": Text("来自其他部门的数据须经其同意", "Data of another department need its consent"),
    "free_for_public": Text("公益用途免费", "Free for public purposes"),
    "principles": Text("决定须说明公共利益与公平对待", "Decisions tell of the public interest and fair treatment"),
    "vouching": Text("使用人须有本机构负责人担保", "Whoever uses a grant is vouched for by his officer"),
    "stops_at_odds": Text("审计记录不符时停止决定与交付", "Decisions and deliveries stand still while the audit record is at odds"),
}  # fmt: skip
REGISTERED: Final = {
    "registration": Text("数据资源登记", "Registration of datasets"),
    "product_registration": Text("数据产品登记", "Registration of products"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a profile: its name in the data, its name for people, what it says."""

    key: str
    name: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that two profiles have otherwise."""

    key: str
    name: Text
    before: Text
    after: Text


def differences(old: Profile, new: Profile) -> list[Difference]:
    """Everything that changes, in a fixed order."""
    before, after = items(old), items(new)
    named = before | after
    pairs = (
        (key, before[key].value if key in before else NOTHING, after[key].value if key in after else NOTHING)
        for key in [*before, *(key for key in after if key not in before)]
    )
    return [Difference(key, named[key].name, was, now) for key, was, now in pairs if was != now]


def items(profile: Profile) -> dict[str, Item]:
    """Every value of a profile by its name in the data."""
    return {each.key: each for each in _items(profile)}


def _items(profile: Profile) -> Iterable[Item]:
    base, plans = profile.limits(), profile.stage_plans()
    for key, name in _PLAIN.items():
        said = str(getattr(profile, key))
        yield Item(key, name, Text.of_note(said) if key == "source" else Text(said, said))
    for key, name in RULES.items():
        yield Item(key, name, _YES[getattr(profile, key)])
    for key, name in REGISTERED.items():
        yield Item(key, name, REGISTRATION_NAMES[getattr(profile, key)])
    for kind, reach in sorted(profile.blocking_duties.items()):
        overdue = Text(f"逾期：{KIND_NAMES[kind].zh}", f"Overdue: {KIND_NAMES[kind].en}")
        yield Item(f"blocking_duties.{kind}", overdue, REACH_NAMES[reach])
    for key, limit in base.numbers.items():
        yield Item(f"numbers.{key}", limit.name, measured(limit))
    for key, number in profile.numbers.items():
        name = Text(f"{base.numbers[key].name.zh}：来源", f"{base.numbers[key].name.en}: source")
        yield Item(f"numbers.{key}.source", name, Text.of_note(number.source))
    for which, reminding in base.reminders.items():
        yield Item(f"reminders.{which}", reminding.name, days_in_words(reminding))
    for which, days in profile.reminders.items():
        called = base.reminders[which].name
        name = Text(f"{called.zh}：来源", f"{called.en}: source")
        yield Item(f"reminders.{which}.source", name, Text.of_note(days.source))
    for level, plan in sorted(plans.levels.items()):
        yield Item(
            f"stages.{level}",
            _of_level(level, Text("审核与审批", "reviews and approval")),
            plan_in_words(plan),
        )
    personal = Text("个人信息的附加审核", "Further reviews of personal data")
    yield Item("stages.personal", personal, _reviews(plans.personal))
    for level, rule in base.levels.items():
        forms = [FORM_NAMES[form] for form in DeliveryForm if form in rule.forms]
        yield Item(
            f"forms.{level}", _of_level(level, Text("可用的交付形式", "forms of delivery")), _listed(forms)
        )
    for level, rule in base.levels.items():
        yield Item(
            f"checkers.{level}",
            _of_level(level, Text("出域审核人数", "people who review a file")),
            _checkers(rule),
        )
    for paper in profile.papers.items:
        name = Text(f"材料：{paper.zh}", f"Paper: {paper.en}")
        yield Item(f"papers.{paper.key}", name, paper_in_words(paper))
        if paper.promise:
            wording = Text(f"承诺书：{paper.zh}", f"Commitment: {paper.en}")
            yield Item(f"papers.{paper.key}.promise", wording, Text(paper.promise.zh, paper.promise.en))
    yield Item(
        "papers.overdue",
        Text("材料逾期未补", "A paper did not follow in time"),
        _OVERDUE[profile.papers.overdue],
    )
    yield Item(
        "papers.reopened_working_days", Text("承诺不实后的补交期限", "Time to hand in after a broken commitment"),
        _counted(profile.papers.reopened_working_days, "working days"),
    )  # fmt: skip
    yield Item(
        "papers.broken_bars_months", Text("承诺不实后不得再承诺", "No further commitments after a broken one"),
        _counted(profile.papers.broken_bars_months, "months"),
    )  # fmt: skip
    for opinion in profile.opinions:
        name = Text(f"意见模板：{opinion.zh}", f"Template opinion: {opinion.en}")
        yield Item(f"opinions.{opinion.key}", name, opinion_in_words(opinion))
    for clause in profile.clauses:
        name = Text(f"必备条款：{clause.zh}", f"Required clause: {clause.en}")
        yield Item(f"clauses.{clause.key}", name, Text(clause.zh, clause.en))


def days_in_words(reminding: Reminding) -> Text:
    """On which days before the end people are reminded."""
    days = [str(day) for day in reminding.days]
    return Text(f"{'、'.join(days)} 日前", f"{', '.join(days)} {'day' if days == ['1'] else 'days'} before")


def plan_in_words(plan: LevelPlan) -> Text:
    """Who reviews data of a level, how many approve."""
    apart = (
        Text("，来自不同部门", ", of different departments") if plan.distinct_departments else Text("", "")
    )
    reviews = _reviews(plan.stages)
    return Text(
        f"{reviews.zh}；审批 {plan.approvers} 人{apart.zh}",
        f"{reviews.en}; approvers {plan.approvers}{apart.en}",
    )


def paper_in_words(rule: PaperRule) -> Text:
    """A paper, when it is asked for, and whether it may follow or be promised."""
    parts = [Text(f"{rule.zh}：{rule.from_level} 级起", f"{rule.en}: from level {rule.from_level}")]
    if rule.personal:
        parts.append(Text("涉及个人信息时", "where persons are concerned"))
    if rule.later_working_days:
        within = _counted(rule.later_working_days, "working days")
        parts.append(Text(f"可在 {within.zh}内补交", f"may follow within {within.en}"))
    if rule.promise:
        parts.append(Text("可承诺代替", "may be promised"))
    parts.append(Text(f"自 {rule.effective_from} 起", f"since {rule.effective_from}"))
    return _listed(parts, "；", "; ")


def opinion_in_words(opinion: Opinion) -> Text:
    """A template, what it says, at which stage and for which reason."""
    stage = STAGE_NAMES[opinion.stage]
    about = limits().refusals[opinion.reason_code].name if opinion.reason_code else None
    return Text(
        f"{opinion.zh}；{stage.zh}{f'（{about.zh}）' if about else ''}：{opinion.text_zh}（自 {opinion.effective_from} 起）",
        f"{opinion.en}; {stage.en}{f' ({about.en})' if about else ''}: {opinion.text_en} (since {opinion.effective_from})",
    )


def _reviews(rules: Iterable[StageRule]) -> Text:
    return _listed(
        [Text(f"{_REVIEWS[r.stage].zh} {r.quorum} 人", f"{_REVIEWS[r.stage].en} {r.quorum}") for r in rules]
    )


def _of_level(level: int, what: Text) -> Text:
    return Text(f"{level} 级数据：{what.zh}", f"Level {level}: {what.en}")


def _checkers(rule: LevelRule) -> Text:
    """How many people review a file of a level before it leaves: forms that ask for another number than most are named."""
    by_count: dict[int, list[DeliveryForm]] = {}
    for form in DeliveryForm:
        by_count.setdefault(rule.checkers_of(form), []).append(form)
    most = max(by_count, key=lambda count: len(by_count[count]))
    parts = [_people(most)]
    for count, forms in sorted(by_count.items()):
        if count != most:
            people, named = _people(count), _listed([FORM_NAMES[form] for form in forms])
            parts.append(Text(f"{named.zh}：{people.zh}", f"{named.en}: {people.en}"))
    return _listed(parts, "；", "; ")


def _people(count: int) -> Text:
    return Text(f"{count} 人", "{n} people").filled(n=count) if count != 1 else Text("1 人", "1 person")


def measured(limit: Limit) -> Text:
    return _YES[bool(limit.value)] if limit.unit == "0 or 1" else _counted(limit.value, limit.unit)


def _counted(number: int, unit: str) -> Text:
    en = f"level {number}" if unit == "level" else Text("", f"{{n}} {unit}").filled(n=number).en
    return Text(f"{number:,} {_UNITS[unit]}", en)


def _listed(parts: list[Text], zh: str = "、", en: str = ", ") -> Text:
    if not parts:
        return NOTHING
    return Text(zh.join(part.zh for part in parts), en.join(part.en for part in parts))
