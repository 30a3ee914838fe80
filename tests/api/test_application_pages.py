"""The pages of applications, grants and the audit record: the whole way by forms alone, nothing typed is lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from api.house import House
from auth.applications import queries
from auth.applications.tables import ApplicationRow
from auth.profile.model import DEFAULT, shipped
from tests.api.test_applications import ASK, _granted, _post, house
from tests.caps import confirmed, proposed
from tests.datasets.parking import DATASET
from tests.people import a_person, actor_of, browser_as, client_as

__all__ = ["house"]  # the fixture

COLUMNS: dict[str, Any] = {
    "pick-0": ["lot", "free", "name"],
    "reason-0-lot": "识别停车场",
    "use-0-lot": "plain",
    "reason-0-free": "计算空置率",
    "use-0-free": "plain",
    "reason-0-name": "展示名称",
    "use-0-name": "keep:3:4",
    "forms-0": ["extract_csv", "extract_parquet"],
    "extracts-0": "5",
    "fcol-0-0": "free",
    "fop-0-0": "ge",
    "fval-0-0": "1",
}
PURPOSE: dict[str, Any] = {
    "scenario_id": "parking",
    "purposes": ["service-operation", "research"],
    "purpose_text": "为游客提供景区周边停车空位提示。",
    "starts_on": "2026-03-02",
    "ends_on": "2026-12-31",
    "retention_days": "90",
}


def _version(text: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', text)
    assert found, "the form carries no version"
    return found.group(1)


def _filled_in(house: House) -> str:
    """The draft as made by the wizard; gives its address."""
    browser = browser_as(house, "applicant")
    made = browser.submit("/applications/new", dataset=DATASET)
    assert made.status_code == 303, made.text
    columns = made.headers["location"]
    for path, fields in ((columns, COLUMNS), (columns.replace("columns", "purpose"), PURPOSE)):
        form = browser.get(path)
        assert form.status_code == 200
        saved = browser.submit(path, version=_version(form.text), **fields)
        assert saved.status_code == 303, saved.text
    return columns.removesuffix("/columns")


def _row(house: House, at: str) -> ApplicationRow:
    with house.read() as work:
        return work.db.get_one(ApplicationRow, at.rsplit("/", 1)[1])


def test_whole_way_by_forms_alone(house: House) -> None:
    at = _filled_in(house)
    applicant = browser_as(house, "applicant")
    check = applicant.get(f"{at}/check")
    assert "可以提交" in check.text
    assert applicant.submit(f"{at}/submit", version=_version(check.text)).status_code == 303

    screener = browser_as(house, "screener", lang="en")
    shown = screener.get(at)
    assert "2 working days left" in shown.text
    done = screener.submit(f"{at}/screen", version=_version(shown.text), outcome="ok", has_no_conflict="yes")
    assert done.status_code == 303, done.text
    form = screener.get(f"{at}/review")
    (line,) = re.findall(r'name="line" value="([^"]+)"', form.text)
    vote = {
        "version": _version(form.text),
        "stage": "business:traffic",
        "line": line,
        f"vote-{line}": "narrow",
    }
    refused = screener.submit(f"{at}/review", **vote, note="名称列并非必要")
    assert refused.status_code == 422
    assert "Declare that you have no conflict of interest with the applicant." in refused.text
    assert "conflict-of-interest" not in refused.text
    assert "名称列并非必要" in refused.text
    done = screener.submit(f"{at}/review", **vote, note="名称列并非必要", has_no_conflict="yes")
    assert done.status_code == 303, done.text

    approver = browser_as(house, "approver")
    form = approver.get(f"{at}/decide")
    assert "名称列并非必要" in form.text
    decision = {
        "version": _version(form.text),
        "has_no_conflict": "yes",
        f"outcome-{line}": "narrow",
        f"use-{line}-lot": "plain",
        f"use-{line}-free": "round:5",
        f"use-{line}-name": "denied",
        f"ends-{line}": "2026-09-30",
        f"forms-{line}": ["extract_parquet"],
        f"extracts-{line}": "3",
        f"days-{line}": "30",
        f"fcol-{line}-0": "free",
        f"fop-{line}-0": "le",
        f"fval-{line}-0": "500",
    }
    wider = approver.submit(f"{at}/decide", **(decision | {f"extracts-{line}": "50"}))
    assert wider.status_code == 422
    assert "decision-widens" in wider.text
    assert 'value="50"' in wider.text
    for field, typed, said in (
        (f"extracts-{line}", "many", "上限应为正整数（留空表示不限），而填写的是“many”。"),
        (f"extracts-{line}", "0", "上限应为正整数（留空表示不限），而填写的是“0”。"),
        (f"days-{line}", "x", "留存天数应为整数，而填写的是“x”。"),
        (f"ends-{line}", "2026-02-30", "结束日期应写作 2026-01-31，而填写的是“2026-02-30”。"),
        (
            f"networks-{line}",
            "999.1.1.1",
            "网络写作 203.0.113.7 或 203.0.113.0/24，至多 20 个，而填写的是“999.1.1.1”。",
        ),
        (f"fval-{line}-0", "lots", "free：值应为 integer，而填写的是“lots”。"),
        (f"fval-{line}-0", "", "列 free 的条件没有填写值；请填写，或不选该列。"),
        (f"fcol-{line}-0", "", "条件没有选择列；请选择列，或清空这一条件。"),
    ):
        misread = approver.submit(f"{at}/decide", **(decision | {field: typed}))
        assert misread.status_code == 422
        assert said in misread.text
        assert "填写内容无法识别" not in misread.text
    careless = approver.submit(f"{at}/decide", **(decision | {f"outcome-{line}": "approve"}))
    assert careless.status_code == 422
    assert "您改动了条款" in careless.text
    assert 'value="2026-09-30"' in careless.text
    narrow = next(each for each in shipped()[DEFAULT].opinions if each.key == "narrow-minimal")
    assert narrow.zh in form.text
    typed = decision | {f"opinion-{line}": narrow.key, f"note-{line}": "另见附件。"}
    filled = approver.submit(f"{at}/decide", **typed, insert=line)
    assert filled.status_code == 200
    assert f"另见附件。\n{narrow.text_zh}" in filled.text
    assert f'name="used-{line}" value="{narrow.key}"' in filled.text
    assert 'value="2026-09-30"' in filled.text
    said = {f"note-{line}": narrow.text_zh, f"used-{line}": narrow.key}
    done = approver.submit(f"{at}/decide", **decision, **said)
    assert done.status_code == 303, done.text
    assert "来自意见模板 narrow-minimal" in approver.get(at).text
    told = applicant.get(at).text
    assert "决定与申请的差别" in told
    assert "free 不大于 500" in told
    assert "试算条款可见范围" not in told

    officer = browser_as(house, "officer")
    terms = officer.get(f"{at}/terms")
    digest = _row(house, at).agreement_hash
    assert digest in terms.text
    accept = {"version": _version(terms.text), "hash": digest}
    assert officer.submit(f"{at}/accept", **accept).status_code == 422  # not ticked as read
    assert officer.submit(f"{at}/accept", **accept, read="yes").status_code == 303

    (grant,) = client_as(house, "officer").get("/api/v1/grants").json()["items"]
    assert [(term["name"], term["use"]) for term in grant["policy"]["columns"]] == [
        ("lot", "plain"),
        ("free", "masked"),
    ]
    assert (grant["quota_extracts"], grant["policy"]["retention_days"]) == (3, 30)
    assert grant["ends_at"] == "2026-09-30T16:00:00Z"
    assert grant["policy"]["row_filter"] == {
        "op": "and",
        "args": [
            {"op": "ge", "column": "free", "value": 1},
            {"op": "le", "column": "free", "value": 500},
        ],
    }
    assert grant["policy"]["delivery_forms"] == ["extract_parquet"]


def test_members_outputs_and_price_rule_are_chosen_in_the_form_and_narrowed_by_the_approver(
    house: House,
) -> None:
    with house.write() as work:
        for name in ("analyst", "analyst9"):
            a_person(work, name, "insurer", ["analyst"])
        a_person(work, "second", "bureau", ["approver"])
        ids = {name: actor_of(work, name).account_id for name in ("analyst", "analyst9")}
    cap = {"scenario_id": "parking", "unit": "times", "cap_fen": 50, "source": "价格通知", "effective_from": "2026-01-01"}  # fmt: skip
    fee = confirmed(house, proposed(house, **cap), "second")["id"]
    at = _filled_in(house)
    applicant = browser_as(house, "applicant", lang="en")
    form = applicant.get(f"{at}/columns")
    assert "0.50 yuan per use at most" in form.text
    chosen = {"members-0": list(ids.values()), "outputs_per_month-0": "3", "fee-0": fee}
    saved = applicant.submit(f"{at}/columns", version=_version(form.text), **COLUMNS, **chosen)
    assert saved.status_code == 303, saved.text
    shown = applicant.get(at).text
    assert "analyst, analyst9" in shown
    _post(client_as(house, "applicant"), f"{at}/submit", version=_row(house, at).version)
    screener = client_as(house, "screener")
    body = {"outcome": "ok", "has_no_conflict": True}
    found = _post(screener, f"{at}/screen", body, _row(house, at).version)
    (line,) = [each["id"] for each in found["lines"]]
    vote = {"has_no_conflict": True, "lines": [{"line_id": line, "vote": "approve"}]}
    _post(screener, f"{at}/review", vote, found["version"])
    approver = browser_as(house, "approver", lang="en")
    fields: dict[str, Any] = dict(_Form(approver.get(f"{at}/decide").text).fields)
    assert sorted(fields[f"members-{line}"]) == sorted(ids.values())
    fields |= {
        f"outcome-{line}": "narrow", f"members-{line}": ids["analyst9"], f"outputs_per_month-{line}": "2",
        f"note-{line}": "只留一名使用人员", "has_no_conflict": "yes",
    }  # fmt: skip
    none = approver.submit(f"{at}/decide", **(fields | {f"members-{line}": []}))
    assert (none.status_code, "decision-widens" in none.text) == (422, True)
    done = approver.submit(f"{at}/decide", **fields)
    assert done.status_code == 303, done.text
    (decided,) = screener.get(f"/api/v1{at}").json()["lines"]
    offered = decided["offered"]
    assert (offered["members"], offered["fee_reference"]) == ([ids["analyst9"]], fee)
    assert offered["quotas"]["outputs_per_month"] == 2
    assert "analyst9" in browser_as(house, "officer", lang="en").get(f"{at}/terms").text


def test_safeguards_are_asked_for_and_made_stricter_in_the_forms(house: House) -> None:
    at = _filled_in(house)
    applicant = browser_as(house, "applicant", lang="en")
    form = applicant.get(f"{at}/columns")
    typed = {"min_group-0": "20", "epsilon-0": "2.5", "watermark-0": "yes"}
    wrong = applicant.submit(
        f"{at}/columns", version=_version(form.text), **COLUMNS, **(typed | {"epsilon-0": "much"})
    )
    assert (wrong.status_code, 'value="much"' in wrong.text) == (422, True)
    low = applicant.submit(
        f"{at}/columns", version=_version(form.text), **COLUMNS, **(typed | {"min_group-0": "1"})
    )
    assert (low.status_code, "in its range" in low.text) == (422, True)
    saved = applicant.submit(f"{at}/columns", version=_version(form.text), **COLUMNS, **typed)
    assert saved.status_code == 303, saved.text
    assert "epsilon 2.5" in applicant.get(at).text
    _post(client_as(house, "applicant"), f"{at}/submit", version=_row(house, at).version)
    screener = client_as(house, "screener")
    found = _post(
        screener, f"{at}/screen", {"outcome": "ok", "has_no_conflict": True}, _row(house, at).version
    )
    (line,) = found["lines"]
    asked = {"min_group": 20, "epsilon_micro": 2_500_000, "watermark": True}
    assert line["safeguards"] == asked
    vote = {"has_no_conflict": True, "lines": [{"line_id": line["id"], "vote": "approve"}]}
    _post(screener, f"{at}/review", vote, found["version"])
    approver = browser_as(house, "approver", lang="en")
    fields: dict[str, Any] = dict(_Form(approver.get(f"{at}/decide").text).fields)
    fields |= {
        f"outcome-{line['id']}": "narrow", f"epsilon-{line['id']}": "0.5", f"epsilon_each-{line['id']}": "0.25",
        f"checkers-{line['id']}": "2", f"note-{line['id']}": "收紧隐私预算", "has_no_conflict": "yes",
    }  # fmt: skip
    looser = approver.submit(f"{at}/decide", **(fields | {f"min_group-{line['id']}": "19"}))
    assert (looser.status_code, "decision-widens" in looser.text) == (422, True)
    none = approver.submit(f"{at}/decide", **(fields | {f"epsilon_each-{line['id']}": "0.001"}))
    assert (none.status_code, "safeguard-leaves-nothing" in none.text) == (422, True)
    unmarked = approver.submit(f"{at}/decide", **fields)
    assert (unmarked.status_code, "watermark-impossible" in unmarked.text) == (422, True)
    fields[f"awaits-{line['id']}"] = line["delivery_forms"]
    done = approver.submit(f"{at}/decide", **fields)
    assert done.status_code == 303, done.text
    (decided,) = screener.get(f"/api/v1{at}").json()["lines"]
    stricter = {"epsilon_micro": 500_000, "epsilon_each_micro": 250_000, "checkers": 2}
    assert {
        name: value for name, value in decided["offered"]["safeguards"].items() if value
    } == asked | stricter
    terms = browser_as(house, "officer", lang="en").get(f"{at}/terms").text
    assert all(words in terms for words in ("20 or more", "epsilon 0.25", "required, or nothing leaves"))
    letter = client_as(house, "officer").get(f"/api/v1{at}/letter").json()
    assert "Hidden marks" in str(letter)


class _Form(HTMLParser):
    """The fields of the page's form as a browser would send them untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "select":
            self.select = name
        elif tag == "option" and "selected" in given:
            self.fields[self.select] = [value]
        elif tag in ("input", "textarea") and name and ticked:
            self.fields.setdefault(name, []).append(value)


def test_approving_the_form_as_it_stands_offers_exactly_what_was_asked(house: House) -> None:
    at = _filled_in(house)
    _post(client_as(house, "applicant"), f"{at}/submit", version=_row(house, at).version)
    screener = client_as(house, "screener")
    found = _post(
        screener, f"{at}/screen", {"outcome": "ok", "has_no_conflict": True}, _row(house, at).version
    )
    lines = [{"line_id": line["id"], "vote": "approve"} for line in found["lines"]]
    found = _post(screener, f"{at}/review", {"has_no_conflict": True, "lines": lines}, found["version"])
    approver = browser_as(house, "approver")
    fields = _Form(approver.get(f"{at}/decide").text).fields
    fields[f"outcome-{lines[0]['line_id']}"], fields["has_no_conflict"] = ["approve"], ["yes"]
    done = approver.submit(
        f"{at}/decide", **{name: value for name, value in fields.items() if name != "csrf"}
    )
    assert done.status_code == 303, done.text
    offered = client_as(house, "officer").get(f"/api/v1{at}").json()["lines"][0]["offered"]
    masks = {term["name"]: term["mask"] for term in offered["columns"]}
    assert masks == {"lot": None, "name": {"kind": "keep", "head": 3, "tail": 4}, "free": None}
    assert (offered["ends_at"], offered["quotas"]["extracts"]) == ("2026-12-31T16:00:00Z", 5)


def test_form_that_fails_keeps_what_was_typed_and_says_where(house: House) -> None:
    browser = browser_as(house, "applicant", lang="en")
    columns = browser.submit("/applications/new", dataset=DATASET).headers["location"]
    bad = COLUMNS | {
        "version": "1",
        "extracts-0": "many",
        "fval-0-0": "lots",
        "networks-0": "999.1.1.1",
    }
    answer = browser.submit(columns, **bad)
    assert answer.status_code == 422
    assert "To correct: 3" in answer.text
    assert "These are no networks (999.1.1.1)" in answer.text
    half = browser.submit(columns, **(bad | {"fval-0-0": "", "fval-0-1": "5", "fcol-0-2": "lot"}))
    assert half.status_code == 422
    assert "To correct: 5" in half.text
    assert "The condition on column free has no value" in half.text
    assert "A condition names no column" in half.text
    assert ">Free spaces free<" in half.text or "free</option>" in half.text
    for typed in ('value="many"', 'value="lots"', 'value="展示名称"'):
        assert typed in answer.text
    purpose = columns.replace("columns", "purpose")
    answer = browser.submit(
        purpose, version="1", **(PURPOSE | {"starts_on": "2026-02-30", "retention_days": "x"})
    )
    assert answer.status_code == 422
    for typed in ('value="2026-02-30"', 'value="x"', "停车空位提示", 'value="parking" selected'):
        assert typed in answer.text


def test_check_page_lists_every_objection_and_shuts_the_button(house: House) -> None:
    made = _post(
        client_as(house, "applicant"), "/applications", ASK | {"purpose_text": "", "retention_days": None}
    )
    browser = browser_as(house, "applicant", lang="en")
    page = browser.get(f"/applications/{made['id']}/check")
    assert "To correct first: 2" in page.text
    assert re.search(r"<button[^>]*disabled[^>]*>\s*Submit", page.text)
    forced = browser.submit(f"/applications/{made['id']}/submit", version="1")
    assert forced.status_code == 422
    assert "purpose-too-short" in forced.text


def test_refused_step_on_the_page_keeps_the_note(house: House) -> None:
    at = _filled_in(house)
    found = _row(house, at)
    _post(client_as(house, "applicant"), f"{at}/submit", version=found.version)
    screener = browser_as(house, "screener")
    answer = screener.submit(f"{at}/screen", version="1", outcome="return", note="请补充说明材料")
    assert answer.status_code == 422
    assert "请补充说明材料" in answer.text
    assert "已被他人修改" in answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_opens_for_everybody_who_may_see_it(house: House, lang: str) -> None:
    found = _granted(house)
    at, grant = f"/applications/{found['id']}", f"/grants/{found['grants'][0]}"
    for who in ("applicant", "officer", "screener", "approver", "lin", "guard", "eye"):
        browser = browser_as(house, who, lang=lang)
        for path in ("/applications", "/applications?show=waiting", at, f"{at}/terms", "/grants", grant):
            answer = browser.get(path)
            assert answer.status_code == 200, (who, path, answer.text[:500])
    for path in ("/audit", "/audit?verify=yes", "/audit?kind=application&since=2026-03-01&until=nonsense"):
        answer = browser.get(path)
        assert answer.status_code == 200
    stranger = browser_as(house, "applicant2", lang=lang)
    for path in (at, f"{at}/terms", f"{at}/check", f"{at}/columns", grant):
        assert stranger.get(path).status_code == 404


def test_grant_page_follows_the_grant_and_lets_it_be_stopped(house: House) -> None:
    found = _granted(house)
    grant = f"/grants/{found['grants'][0]}"
    approver = browser_as(house, "approver", lang="en")
    page = approver.get(grant)
    order = [
        page.text.index(word)
        for word in ("Application drafted", "Application submitted", "Terms offered", "Grant issued")
    ]
    assert order == sorted(order)
    refused = approver.submit(f"{grant}/revoke", version=_version(page.text), note=" ")
    assert refused.status_code == 422
    done = approver.submit(f"{grant}/revoke", version=_version(page.text), note="超范围使用")
    assert done.status_code == 303
    assert "超范围使用" in browser_as(house, "officer").get(grant).text


def test_reviewers_names_and_votes_stay_inside_the_bureau(house: House) -> None:
    found = _granted(house)
    for path in (f"/applications/{found['id']}", f"/grants/{found['grants'][0]}"):
        outside, inside = (
            browser_as(house, who, lang="en").get(path).text for who in ("officer", "approver")
        )
        assert "名称列非必要" not in outside
        assert "Reviewed" not in outside
        assert "Reviewed" in inside


def test_form_without_the_sessions_token_changes_nothing(house: House) -> None:
    at = _filled_in(house)
    before = _row(house, at)
    browser = browser_as(house, "applicant")
    answer = browser.post(f"{at}/withdraw", data={"version": str(before.version)}, follow_redirects=False)
    assert answer.status_code == 403
    with house.read() as work:
        assert queries.events(work, before.id)[-1].step == "save"
