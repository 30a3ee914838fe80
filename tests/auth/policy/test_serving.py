"""The table of what delivery forms need: every form under every combination of facts, against what is written down here by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from auth.applications import rules as applications
from auth.applications.models import ApplicationAsk, LineDecision
from auth.grants.refusals import NAMES
from auth.policy import serving
from auth.policy.limits import limits
from auth.policy.model import EXTRACT_FORMS, ColumnTerm, DeliveryForm, GridMask, Safeguards, Use
from auth.policy.serving import NEEDS, Case, Holding, Mend, Moment
from core import bases
from tests.auth.applications.test_rules import ASK, LINE, a_desk
from tests.auth.policy.test_decisions import a_policy
from tests.desk import PARKS

Form = DeliveryForm
ALL: Final = tuple(Form)
OPEN: Final = replace(PARKS, level=1)  # of which files and previews leave unseen
EVERYTHING: Final = Holding(True, 2, True, frozenset({"area_m2"}))
AREA, PHONE = (
    ColumnTerm(name="area_m2", use=Use.PLAIN),
    ColumnTerm(name="contact_phone", use=Use.PSEUDONYMISED),
)
KEY, SHAPE = ColumnTerm(name="venue_id", use=Use.JOIN_ONLY), ColumnTerm(name="shape", use=Use.PLAIN)
WHOLE: Final = (AREA, PHONE, KEY, SHAPE)


def a_case(**changes: Any) -> Case:
    """Under which every form can be had."""
    return replace(Case(PARKS.dataset_id, WHOLE, Safeguards(), OPEN, limits(), EVERYTHING), **changes)


def wanting(case: Case, forms: Any = ALL) -> dict[str, set[str]]:
    """By code, the forms that cannot be had."""
    found: dict[str, set[str]] = {}
    for need, hit in serving.unmet(case, forms):
        found.setdefault(need.code, set()).update(hit)
    return found


@pytest.mark.parametrize(
    ("has_terms", "bound", "has_budget", "may_mark", "wants_marks", "form"),
    list(product([True, False], [0, 1, 7], [True, False], [True, False], [True, False], ALL)),
)
def test_what_the_dataset_has_decides_each_form(
    has_terms: bool, bound: int, has_budget: bool, may_mark: bool, wants_marks: bool, form: Form
) -> None:
    held = Holding(
        has_terms, bound if has_terms else 0, has_budget, frozenset({"area_m2"} if may_mark else ())
    )
    expected = set()
    if form in ("query_agg", "query_dp", "enclave") and not has_terms:
        expected.add("query-terms-missing")
    if form == "query_dp" and has_terms and bound == 0:
        expected.add("contribution-bound-missing")
    if form == "query_dp" and not has_budget:
        expected.add("budget-not-set")
    if wants_marks and (form == "preview" or (form.startswith("extract_") and not may_mark)):
        expected.add("watermark-impossible")
    case = a_case(holding=held, safeguards=Safeguards(watermark=wants_marks))
    assert set(wanting(case, (form,))) == expected
    assert {reason.code for reason in serving.objections(case, (form,), Moment.ACTIVATION)} == expected
    by_bureau = expected - ({"watermark-impossible"} if form == "preview" else set())
    assert serving.waiting(case, (form,)) == ((form,) if by_bureau else ())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"terms": (KEY, ColumnTerm(name="rooms", use=Use.AGGREGATE_ONLY))},
         {"no-columns": {*EXTRACT_FORMS, "preview"}, "no-geometry-for-form": {"extract_geojson"}}),
        ({"terms": (AREA, KEY)}, {"no-geometry-for-form": {"extract_geojson"}}),
        ({"terms": (AREA, KEY, ColumnTerm(name="shape", use=Use.PSEUDONYMISED))}, {"no-geometry-for-form": {"extract_geojson"}}),
        ({"terms": (AREA, KEY, ColumnTerm(name="shape", use=Use.MASKED, mask=GridMask(step=0.01)))}, {}),
        ({"terms": (AREA, KEY, ColumnTerm(name="gone", use=Use.PLAIN))}, {}),
        ({"terms": (AREA, SHAPE)}, {"verify-key": {"verify"}}),
        ({"terms": (SHAPE, *(ColumnTerm(name=f"c{n}", use=Use.JOIN_ONLY) for n in range(6)))}, {"verify-key": {"verify"}}),
        ({"terms": (SHAPE, *(ColumnTerm(name=f"c{n}", use=Use.JOIN_ONLY) for n in range(5)))}, {}),
        ({"terms": (SHAPE, ColumnTerm(name="rooms", use=Use.JOIN_ONLY))}, {}),
        *(({"terms": (SHAPE, KEY, ColumnTerm(name=name, use=Use.JOIN_ONLY))}, {"verify-key-type": {"verify"}})
          for name in ("area_m2", "opened_on", "seen_at", "is_open")),
        ({"asset": replace(OPEN, level=2)}, {"preview-needs-review": {"preview"}}),
        ({"safeguards": Safeguards(checkers=1)}, {"preview-needs-review": {"preview"}}),
        ({"asset": replace(OPEN, level=9)}, {"preview-needs-review": {"preview"}}),
        ({"asset": None}, {"preview-needs-review": {"preview"}}),
        ({"safeguards": Safeguards(watermark=True), "terms": (SHAPE, KEY, ColumnTerm(name="area_m2", use=Use.PSEUDONYMISED))},
         {"watermark-impossible": {*EXTRACT_FORMS, "preview"}}),
        ({"holding": Holding()}, {"query-terms-missing": {"query_agg", "query_dp", "enclave"}, "budget-not-set": {"query_dp"}}),
    ],
)  # fmt: skip
def test_the_terms_decide_the_rest(changes: dict[str, Any], expected: dict[str, set[str]]) -> None:
    assert wanting(a_case(**changes)) == expected


def test_too_many_keys_are_told_with_how_many_there_may_be() -> None:
    six = (SHAPE, *(ColumnTerm(name=f"c{n}", use=Use.JOIN_ONLY) for n in range(6)))
    for terms, words in ((six, ("5", "6")), ((SHAPE,), ("none is",))):
        (reason,) = serving.objections(a_case(terms=terms), (Form.VERIFY,), Moment.CHECK)
        assert all(word in reason.text.en for word in words), reason.text.en


def test_every_form_has_a_row_and_every_row_a_name_a_source_and_words() -> None:
    assert {form for need in NEEDS for form in need.forms} == set(ALL)
    assert len({need.key for need in NEEDS}) == len(NEEDS)
    bare = a_case(terms=(), holding=Holding(), asset=None, safeguards=Safeguards(watermark=True))
    for need in NEEDS:
        assert need.name.zh
        assert need.name.en
        assert bases.said(need.basis, "en") != bases.said(need.basis, "zh")
        assert need.code in NAMES, "what is refused at use has a name in lists"
        said = need.reason(bare)
        assert said.text.zh.endswith("。")
        assert said.text.en.endswith(".")


@pytest.mark.parametrize(
    ("changes", "forms"),
    [({}, ALL), ({"safeguards": Safeguards(watermark=True)}, ALL), ({"terms": (KEY,)}, ALL)],
)
def test_what_is_not_looked_up_decides_nothing(changes: dict[str, Any], forms: Any) -> None:
    for form in forms:
        case = a_case(**changes)
        if not serving.looks_at_holding((form,), case.safeguards):
            assert wanting(replace(case, holding=Holding()), (form,)) == wanting(case, (form,))


@pytest.mark.parametrize("moment", list(Moment))
def test_each_moment_says_what_is_wanting_where_from_and_what_to_do_next(moment: Moment) -> None:
    case = a_case(holding=Holding())
    terms, budget = serving.objections(case, ("query_agg", "query_dp", "enclave"), moment)
    assert (terms.code, terms.facts["forms"]) == ("query-terms-missing", ["query_agg", "query_dp", "enclave"])
    assert (terms.facts["dataset"], terms.basis) == (PARKS.dataset_id, bases.STATISTICS)
    assert serving.TERMS_SET.reason(case).text.zh in terms.text.zh
    assert serving.TERMS_SET.reason(case).text.en in terms.text.en
    endings = {"check": "before that", "decision": "no sooner", "activation": "once it is there"}
    assert endings[moment] in terms.text.en
    assert endings[moment] in budget.text.en
    assert "  " not in terms.text.en


def test_only_what_the_bureau_can_mend_may_be_awaited() -> None:
    case = a_case(holding=Holding(), terms=(AREA,))

    def codes(*awaited: str) -> list[str]:
        forms = ("query_agg", "enclave", "verify")
        return [each.code for each in serving.objections(case, forms, Moment.DECISION, awaited=awaited)]

    assert codes() == ["query-terms-missing", "verify-key"]
    assert codes("query_agg") == ["query-terms-missing", "verify-key"]
    assert codes("query_agg", "enclave", "verify") == ["verify-key"]
    assert {need.mend for need in NEEDS} == {Mend.TERMS, Mend.DATASET}


def _checked(line: dict[str, Any], held: Holding) -> tuple[list[str], list[str]]:
    ask = ApplicationAsk.model_validate(ASK | {"lines": [LINE | line]})
    desk = a_desk(holdings={PARKS.dataset_id: held})
    return (
        [each.code for each in applications.submission_objections(ask, desk)],
        [each.code for each in applications.advice(ask, desk)],
    )


@pytest.mark.parametrize(
    ("line", "blocking", "advice"),
    [
        ({"delivery_forms": ["query_agg"]}, [], ["query-terms-missing"]),
        ({"delivery_forms": ["query_dp"]}, [], ["query-terms-missing", "budget-not-set"]),
        ({"delivery_forms": ["verify"]}, ["verify-key"], []),
        ({"delivery_forms": ["extract_geojson"]}, ["no-geometry-for-form"], []),
        (
            {"delivery_forms": ["extract_csv"], "safeguards": {"watermark": True}},
            [],
            ["watermark-impossible"],
        ),
        ({"delivery_forms": ["extract_csv"]}, [], []),
        ({"delivery_forms": ["verify"], "columns": []}, ["no-columns"], []),
    ],
)
def test_the_check_blocks_what_the_applicant_can_mend_and_tells_the_rest(
    line: dict[str, Any], blocking: list[str], advice: list[str]
) -> None:
    assert _checked(line, Holding()) == (blocking, advice)


def test_a_decision_names_each_form_that_has_to_wait() -> None:
    offered = a_policy(delivery_forms=["extract_csv", "query_agg"])
    for awaits, held, expected in (
        ((), Holding(), ["query-terms-missing"]), (("enclave",), Holding(), ["query-terms-missing"]),
        (("query_agg",), Holding(), []), ((), EVERYTHING, []),
    ):  # fmt: skip
        decision = LineDecision(line_id="l", outcome="approve", awaits=awaits)
        said = applications.decision_objections(decision, offered, offered, (), PARKS, limits(), held)
        assert [each.code for each in said] == expected


def test_the_printed_table_is_the_one_that_decides() -> None:
    page = (Path(__file__).parents[3] / "docs" / "grants.md").read_text("utf-8")
    part = page.partition("## What a delivery form needs")[2].partition("| When |")[0]
    printed = []
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and "`" in cells[2]:
            files = EXTRACT_FORMS if "every file of rows" in cells[1] else frozenset()
            named = frozenset(form for form in Form if f"`{form}`" in cells[1])
            who = Mend.DATASET if cells[3].startswith("the bureau") else Mend.TERMS
            printed.append((cells[2].strip("`"), files | named, who))
    assert Counter(printed) == Counter((need.code, need.forms, need.mend) for need in NEEDS)
