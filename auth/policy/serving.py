"""Which delivery forms cannot be had of a dataset under a policy, and who can mend that: one table for every moment.

Asked before an application is submitted, when it is decided on, when the grant is put into force, and at use. Pure: what the dataset
has besides its dictionary is handed in as a `Holding`, gathered once; what is not known of is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auth.asset import Asset
from auth.policy.limits import Limits
from auth.policy.model import (
    EXTRACT_FORMS,
    LEAVING,
    ROW_FORMS,
    STATISTIC_FORMS,
    ColumnTerm,
    DeliveryForm,
    GrantPolicy,
    GridMask,
    Safeguards,
    Use,
)
from auth.policy.safeguards import within
from auth.policy.wording import forms_named
from core import bases
from core.errors import Reason
from core.ids import DatasetId
from core.text import Text, number_of

Form = DeliveryForm
MOST_KEYS: Final = 5  # columns that together name one record to be verified
KEY_TYPES: Final = frozenset({"string", "integer"})
NO_MARKS: Final = "watermark-impossible"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a dataset has for delivery forms besides its dictionary. Left out: it has none of it.

    has_terms: terms of statistics are set. per_contributor: how many rows of one contributor enter private statistics; 0: not said.
    has_budget: the cap of its privacy budget is set. marked: the columns that may bear hidden marks now.
    """

    has_terms: bool = False
    per_contributor: int = 0
    has_budget: bool = False
    marked: frozenset[str] = frozenset()


Holds = Callable[[DatasetId], Holding]


def holds_nothing(_: DatasetId) -> Holding:
    """For whoever was not told what datasets have: nothing is taken for granted."""
    return Holding()


class Mend(StrEnum):
    """Who can mend it: whoever writes the terms, by other terms; or the bureau, on the dataset, also after the decision."""

    TERMS = "terms"
    DATASET = "dataset"


class Moment(StrEnum):
    """When it is asked."""

    CHECK = "check"
    DECISION = "decision"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Case:
    """What the table looks at. `terms`: the columns as they are to leave; `asset` is None where the dataset is gone."""

    dataset_id: str
    terms: tuple[ColumnTerm, ...]
    safeguards: Safeguards
    asset: Asset | None
    limits: Limits
    holding: Holding

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name a record to be verified."""
        return tuple(term.name for term in self.terms if term.use is Use.JOIN_ONLY)

    @property
    def checkers(self) -> int:
        """How many people see a preview before it leaves; of a dataset that is gone, two."""
        if self.asset is None:
            return 2
        return within(self.limits, self.safeguards).checkers(self.asset.level, Form.PREVIEW)

    def type_of(self, name: str) -> str | None:
        column = self.asset.column(name) if self.asset else None
        return column.type if column else None


def case_of(policy: GrantPolicy, asset: Asset | None, limits: Limits, holding: Holding) -> Case:
    """The case of a whole policy. `limits`: of the policy profile."""
    return Case(policy.dataset_id, policy.columns, policy.safeguards, asset, limits, holding)


@dataclass(frozen=True, slots=True)
class Need:
    """One row: what these forms need. `key` and `name`: how explanations call it; `lacks`: whether it is wanting.

    `says` is the refusal at use: what is wanting and what to do. `facts` come with it. `by_profile`: whether the policy profile decides it.
    """

    key: str
    name: Text
    code: str
    forms: frozenset[DeliveryForm]
    mend: Mend
    basis: str
    lacks: Callable[[Case], bool]
    says: Callable[[Case], Text]
    facts: Callable[[Case], dict[str, object]] = lambda _: {}
    concerns: Callable[[Case], bool] = lambda _: True
    by_profile: bool = False

    def reason(self, case: Case) -> Reason:
        """Why the form is refused at use."""
        return Reason(self.code, self.says(case), self.basis, self.facts(case))


NO_BOUND: Final = Text(
    "查询条款未给出每个贡献者至多计多少行；请联系数据专员。",
    "The terms do not say how many rows of one contributor count; ask the data steward.",
)
NO_BUDGET: Final = Text(
    "该数据集尚未设定隐私预算上限；请联系审批人。",
    "No cap on the privacy budget of this dataset is set; ask the approver.",
)


def _said(zh: str, en: str) -> Callable[[Case], Text]:
    return lambda case: Text(zh.format(id=case.dataset_id), en.format(id=case.dataset_id))


def _wrong_keys(case: Case) -> list[str]:
    """Columns to join on whose values cannot be given; what the dictionary lacks, other rules name."""
    return [name for name in case.keys if (kind := case.type_of(name)) is not None and kind not in KEY_TYPES]


def _is_shape(case: Case, term: ColumnTerm) -> bool:
    """Whether the column leaves as a shape; what the dictionary lacks, other rules name."""
    leaves = term.use is Use.PLAIN or isinstance(term.mask, GridMask)
    return leaves and case.type_of(term.name) in ("geometry", None)


def _no_keys_said(case: Case) -> Text:
    if len(case.keys) > MOST_KEYS:
        return Text(
            f"核验至多以 {MOST_KEYS} 个关联列指明记录，而授权有 {len(case.keys)} 个；请减少“仅用于关联”的列，或去掉该交付方式。",
            f"A record to be verified is named by {number_of(MOST_KEYS, 'columns')} at most, and {len(case.keys)} are to be joined on; take fewer, or leave the form out.",
        )
    return Text(
        "核验须以关联列指明记录，而没有一列的使用方式是“仅用于关联”；请补选，或去掉该交付方式。",
        "A record to be verified is named by columns to join on, and none is; choose that use for one, or leave the form out.",
    )


def _wrong_keys_said(case: Case) -> Text:
    zh = "、".join(f"{name}（{case.type_of(name)}）" for name in _wrong_keys(case))
    en = ", ".join(f"{name} ({case.type_of(name)})" for name in _wrong_keys(case))
    return Text(
        f"只有文本列与整数列可以指明待核验的记录，{zh} 不可以；请改选关联列，或去掉该交付方式。",
        f"Only texts and whole numbers name a record to be verified, not {en}; join on other columns, or leave the form out.",
    )


def _reviewed_said(case: Case) -> Text:
    return Text(
        f"该级别的数据须经 {case.checkers} 人出域审核后才能交付，不能即时预览；请改为申请提取。",
        f"Data of this level leave only after {case.checkers} people reviewed them, so they cannot be shown at once; ask for an extract.",
    )


_ASK_MARKS: Final[Callable[[Case], bool]] = lambda case: case.safeguards.watermark  # noqa: E731 - a cell of the table

TERMS_SET: Final = Need(
    "terms-of-statistics-are-set", Text("已设定统计条款", "Terms of statistics are set"), "query-terms-missing",
    STATISTIC_FORMS | {Form.ENCLAVE}, Mend.DATASET, bases.STATISTICS,
    lambda case: not case.holding.has_terms,
    _said(
        "{id} 尚未设定查询条款（谁算一个贡献者），不能查询；请联系该数据集的数据专员。",
        "{id} has no terms for queries yet (what a contributor is) and cannot be queried; ask its data steward.",
    ),
)  # fmt: skip
CONTRIBUTIONS_BOUND: Final = Need(
    "contributions-are-bounded", Text("已设定每人贡献上限", "Contributions are bounded"), "contribution-bound-missing",
    frozenset({Form.QUERY_DP}), Mend.DATASET, bases.STATISTICS,
    lambda case: case.holding.has_terms and case.holding.per_contributor < 1,
    lambda _: NO_BOUND,
)  # fmt: skip
BUDGET_SET: Final = Need(
    "privacy-budget-is-set", Text("已设定隐私预算", "A privacy budget is set"), "budget-not-set",
    frozenset({Form.QUERY_DP}), Mend.DATASET, bases.BUDGET,
    lambda case: not case.holding.has_budget,
    lambda _: NO_BUDGET,
)  # fmt: skip
MARKS_IN_PREVIEW: Final = Need(
    "preview-needs-no-marks", Text("预览不要求隐藏标记", "Previews are not to bear marks"), NO_MARKS,
    frozenset({Form.PREVIEW}), Mend.TERMS, bases.MARKS,
    _ASK_MARKS,
    _said(
        "该授权要求交付的行带有隐藏标记，预览不带标记，因此不能预览；请申请提取。",
        "Rows under this grant bear hidden marks, and a preview bears none; ask for an extract instead.",
    ),
    concerns=_ASK_MARKS,
)  # fmt: skip
MARKS_IN_FILES: Final = Need(
    "marks-can-be-borne", Text("能带有授权要求的隐藏标记", "Hidden marks, which the grant asks for, can be borne"), NO_MARKS,
    EXTRACT_FORMS, Mend.DATASET, bases.MARKS,
    lambda case: case.safeguards.watermark
    and not any(term.use is Use.PLAIN and term.name in case.holding.marked for term in case.terms),
    _said(
        "该授权要求文件带有隐藏标记，但所取各列均不能标记；请加上以原值提供的测量值列，或请数据专员在“隐藏标记”中允许标记。",
        "Files under this grant bear hidden marks, and none of these columns may; add a measurement that leaves as it is, or ask the steward to allow marks in one.",
    ),
    concerns=_ASK_MARKS,
)  # fmt: skip
SHOWN_AT_ONCE: Final = Need(
    "preview-needs-no-review", Text("预览无须先经出域审核", "Previews need no review first"), "preview-needs-review",
    frozenset({Form.PREVIEW}), Mend.TERMS, bases.OUTPUT_REVIEW,
    lambda case: case.checkers > 0,
    _reviewed_said,
    lambda case: {"checkers": case.checkers},
    by_profile=True,
)  # fmt: skip
COLUMNS_LEAVE: Final = Need(
    "columns-leave", Text("有可以离开的列", "Some columns may leave"), "no-columns",
    ROW_FORMS, Mend.TERMS, bases.TERMS,
    lambda case: not any(term.use in LEAVING for term in case.terms),
    _said(
        "没有一列可以离开：请为至少一列选择原值、假名化或脱敏提供，或去掉该交付方式。",
        "No column may leave: let one leave as it is, pseudonymised or masked, or leave the form out.",
    ),
)  # fmt: skip
SHAPES_LEAVE: Final = Need(
    "a-shape-leaves", Text("有可原样提供的几何列", "A shape leaves as it is"), "no-geometry-for-form",
    frozenset({Form.EXTRACT_GEOJSON}), Mend.TERMS, bases.FILE_FORMS,
    lambda case: not any(_is_shape(case, term) for term in case.terms),
    _said(
        "GeoJSON 须有原样提供或归入格网的几何列，而没有一列如此；请加选几何列，或去掉该交付方式。",
        "GeoJSON needs a column of shapes that leaves as it is or as a cell of a grid, and none does; choose one, or leave the form out.",
    ),
)  # fmt: skip
KEYS_NAMED: Final = Need(
    "records-can-be-named", Text("有指明记录的关联列", "Columns to join on name the record"), "verify-key",
    frozenset({Form.VERIFY}), Mend.TERMS, bases.VERIFYING,
    lambda case: not 1 <= len(case.keys) <= MOST_KEYS,
    _no_keys_said,
    lambda case: {"columns": list(case.keys)},
)  # fmt: skip
KEYS_GIVEN: Final = Need(
    "keys-can-be-given", Text("关联列的取值可以给出", "Values to join on can be given"), "verify-key-type",
    frozenset({Form.VERIFY}), Mend.TERMS, bases.VERIFYING,
    lambda case: bool(_wrong_keys(case)),
    _wrong_keys_said,
    lambda case: {"columns": _wrong_keys(case)},
)  # fmt: skip
NEEDS: Final[tuple[Need, ...]] = (
    TERMS_SET, CONTRIBUTIONS_BOUND, BUDGET_SET, COLUMNS_LEAVE, MARKS_IN_PREVIEW, MARKS_IN_FILES, SHOWN_AT_ONCE, SHAPES_LEAVE,
    KEYS_NAMED, KEYS_GIVEN,
)  # fmt: skip
# What follows, by who can mend it and when it is asked; nothing where the refusal itself says all.
_THEN: Final = {
    (Mend.DATASET, Moment.CHECK): Text(
        "可以提交，但具备之前授权不能生效。", "You may submit; no grant comes into force before that."
    ),
    (Mend.DATASET, Moment.DECISION): Text(
        "请去掉该交付方式，或注明“待具备后生效”；具备之前授权不能生效。",
        "Leave the form out, or say that it is granted to wait; the grant comes into force no sooner.",
    ),
    (Mend.DATASET, Moment.ACTIVATION): Text(
        "具备之后才能生效；或由申请方另行申请，去掉该交付方式。",
        "The grant comes into force once it is there; or the applicant applies anew without the form.",
    ),
    (Mend.TERMS, Moment.ACTIVATION): Text(
        "已约定的条款不能更改，请由申请方另行申请。",
        "Agreed terms cannot be changed; the applicant has to apply anew.",
    ),
}


def looks_at_holding(forms: Iterable[str], safeguards: Safeguards) -> bool:
    """Whether the table asks what the dataset has besides its dictionary: nobody gathers it in vain."""
    held = set(forms)
    asked = STATISTIC_FORMS | {Form.ENCLAVE} | (EXTRACT_FORMS if safeguards.watermark else frozenset())
    return not held.isdisjoint(asked)


def of_form(case: Case, form: str) -> tuple[Need, ...]:
    """The rows that say something of this form under these terms, met or not."""
    return tuple(need for need in NEEDS if form in need.forms and need.concerns(case))


def unmet(case: Case, forms: Collection[str]) -> Iterator[tuple[Need, tuple[DeliveryForm, ...]]]:
    """What is wanting, in the table's order, each with those of the forms that it keeps from being had."""
    asked = tuple(form for form in Form if form in forms)
    for need in NEEDS:
        hit = tuple(form for form in asked if form in need.forms)
        if hit and need.lacks(case):
            yield need, hit


def objections(
    case: Case,
    forms: Collection[str],
    moment: Moment,
    *,
    mend: Mend | None = None,
    awaited: Collection[str] = (),
) -> tuple[Reason, ...]:
    """Why some of the forms cannot be had, with what to do at this moment; () when all can.

    mend: only what is mended so. awaited: forms that are granted to wait for what the bureau can still mend.
    """
    return tuple(
        _reason(case, need, left, moment)
        for need, hit in unmet(case, forms)
        if mend in (None, need.mend)
        and (left := hit if need.mend is Mend.TERMS else tuple(form for form in hit if form not in awaited))
    )


def refused_by_profile(case: Case, forms: Collection[str]) -> Iterator[Reason]:
    """Why the limits of the case let some forms of agreed terms be had no more; what the dataset lacks under every profile is left out."""
    for need, hit in unmet(case, forms):
        if need.by_profile:
            yield _reason(case, need, hit, Moment.ACTIVATION)


def waiting(case: Case, forms: Collection[str]) -> tuple[DeliveryForm, ...]:
    """The forms that have to wait for something that the bureau can still mend."""
    found = {form for need, hit in unmet(case, forms) if need.mend is Mend.DATASET for form in hit}
    return tuple(form for form in Form if form in found)


def _reason(case: Case, need: Need, forms: tuple[DeliveryForm, ...], moment: Moment) -> Reason:
    named, said = forms_named(forms), need.says(case)
    then = _THEN.get((need.mend, moment), Text("", ""))
    return Reason(
        need.code,
        Text(
            f"{case.dataset_id}：目前不能以“{named.zh}”交付。{said.zh}{then.zh}",
            f"{case.dataset_id}: cannot be delivered as “{named.en}” as things stand. {said.en} {then.en}".rstrip(),
        ),
        need.basis,
        need.facts(case) | {"dataset": case.dataset_id, "forms": [form.value for form in forms]},
    )
