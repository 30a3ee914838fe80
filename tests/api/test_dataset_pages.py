"""The catalogue's pages as people see them."""

from __future__ import annotations

import re

import pytest

from api.house import House
from auth.actor import ANYONE
from catalog import service
from core.work import Work
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as
from tests.snapshots import written


def _fill(work: Work) -> None:
    a_department(work, "traffic")
    a_department(work, "culture")
    an_org(work, "insurer")
    a_person(work, "applicant", org="insurer", roles=["applicant"])
    a_dataset(work, "DP-PK-001", "traffic")
    a_dataset(
        work, "DP-PK-003", "traffic", title_zh="停车行为聚合", title_en="Parking behaviour", open_type="C", data_level=2,
        open_condition="签署安全承诺", auth_op_scope="yes", related_codes=["DP-PK-001", "DP-PK-004", "<b>"],
    )  # fmt: skip
    a_dataset(work, "DP-PK-004", "traffic", draft=True, contact="", title_zh="<script>alert(1)</script>")


@pytest.fixture
def desk(sqlite_house: House) -> House:
    written(sqlite_house, _fill)
    return sqlite_house


def _visit(desk: House, path: str, lang: str = "zh") -> str:
    answer = client_as(desk).get(path, headers={"accept": "text/html"}, params={"lang": lang})
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_visitor_searches_and_reads(desk: House, lang: str) -> None:
    listed = (
        client_as(desk)
        .get("/datasets", params={"q": "停车", "theme": "PK", "lang": lang}, headers={"accept": "text/html"})
        .text
    )
    assert "/datasets/DP-PK-001" in listed
    assert "<mark>停车</mark>" in listed
    assert "DP-PK-004" not in listed
    shown = _visit(desk, "/datasets/DP-PK-001", lang)
    assert "free_spaces" in shown
    assert ("停车场基础信息" if lang == "zh" else "Parking lots") in shown
    assert "/applications/new" not in shown  # open to all: nothing to apply for


def test_condition_leads_to_an_application(desk: House) -> None:
    assert "/applications/new?dataset=DP-PK-003" in _visit(desk, "/datasets/DP-PK-003")
    steward = browser_as(desk, "culture-steward").get("/datasets/DP-PK-003").text
    assert "/applications/new" not in steward  # stewards do not apply
    applicant = browser_as(desk, "applicant").get("/datasets/DP-PK-003").text
    assert "/applications/new?dataset=DP-PK-003" in applicant


def test_related_records_are_linked_only_where_they_can_be_seen(desk: House) -> None:
    shown = _visit(desk, "/datasets/DP-PK-003")
    assert 'href="/datasets/DP-PK-001"' in shown
    assert 'href="/datasets/DP-PK-004"' not in shown
    assert "&lt;b&gt;" in shown


def test_facet_links_add_and_take_away_values(desk: House) -> None:
    listed = client_as(desk).get("/datasets?open_type=U", headers={"accept": "text/html"}).text
    assert 'href="/datasets?open_type=U&amp;open_type=C"' in listed
    assert 'href="/datasets" aria-current="true"' in listed


def test_empty_answer_says_what_to_do(desk: House) -> None:
    listed = client_as(desk).get(
        "/datasets", params={"q": "没有这个词", "lang": "zh"}, headers={"accept": "text/html"}
    )
    assert "没有找到数据集" in listed.text
    unheard = client_as(desk).get(
        "/datasets", params={"q": "!!!", "lang": "en"}, headers={"accept": "text/html"}
    )
    assert "no letter or digit" in unheard.text


def test_steward_sees_what_a_draft_lacks_and_other_people_see_nothing(desk: House) -> None:
    owner = browser_as(desk, "traffic-steward").get("/datasets/DP-PK-004").text
    assert "missing-contact" in owner
    assert "<script>alert(1)" not in owner
    assert "&lt;script&gt;" in owner
    assert browser_as(desk, "culture-steward").get("/datasets/DP-PK-004").status_code == 404
    assert browser_as(desk, "culture-steward").get("/datasets/DP-PK-004/edit").status_code == 404
    assert browser_as(desk, "applicant").get("/datasets/DP-PK-004/edit").status_code == 403


def test_record_is_entered_described_and_published_through_forms(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    form = steward.get("/datasets/new").text
    assert 'value="traffic"' in form
    assert 'value="culture"' not in form
    fields = {
        "title_zh": "实时余位", "title_en": "Vacancy", "description_zh": "每五分钟一次", "keywords": "停车，余位", "contact": "停车科",
        "license_id": "dapeng-open-terms", "version_notes": "初版", "catalog_class": "theme", "domain_code": "PK",
        "data_class": "public", "data_level": "1", "data_range": "03", "share_type": "1", "share_mode": "1", "open_type": "U",
        "auth_op_scope": "no", "formats": ["csv", "parquet"], "update_freq": "9", "update_interval": "PT5M",
        "temporal_start": "2026-01-01", "temporal_end": "2026-12-31", "source_system": "平台", "legal_basis": "职责", "lineage": "导出",
    }  # fmt: skip
    made = steward.submit("/datasets/new", resource_code="DP-PK-002", publisher="traffic", **fields)
    assert (made.status_code, made.headers["location"]) == (303, "/datasets/DP-PK-002/dictionary")
    cells = {
        "c-was": "", "c-name": "lot_id", "c-title_zh": "编码", "c-title_en": "Code", "c-type": "string", "c-unit": "", "c-level": "1",
        "c-identifier_kind": "none", "c-mask_method": "none", "c-required": "yes", "c-nullable": "no", "c-primary": "yes",
        "c-definition_zh": "唯一编码", "c-place": "1",
    }  # fmt: skip
    saved = steward.submit("/datasets/DP-PK-002/dictionary", version="1", **cells)
    assert saved.status_code == 303
    assert steward.submit("/datasets/DP-PK-002/publish").status_code == 303
    reviewer = browser_as(desk, "traffic-reviewer")
    listed = reviewer.get("/record-proposals").text
    where = re.findall(r'href="(/record-proposals/[^"]+)"', listed)[0]
    assert "请由本部门另一位数据专员" in steward.get(where).text
    assert reviewer.submit(f"{where}/accept", version="1").status_code == 303
    shown = _visit(desk, "/datasets/DP-PK-002")
    for expected in ("实时余位", "lot_id", "唯一编码", "PT5M", "停车、余位"):
        assert expected in shown


def test_failed_form_keeps_what_was_typed_and_lists_every_fault(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    answer = steward.submit(
        "/datasets/new", resource_code="new", publisher="traffic", title_zh="写到一半的名称", temporal_start="昨天", update_interval="五分钟"
    )  # fmt: skip
    assert answer.status_code == 422
    assert "写到一半的名称" in answer.text
    assert "昨天" in answer.text
    for field in ("resource_code", "temporal_start", "update_interval"):
        assert f'href="#f-{field}"' in answer.text


def test_published_record_cannot_lose_a_field_through_the_form(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    answer = steward.submit("/datasets/DP-PK-001/edit", version="2", title_zh="只剩名称")
    assert answer.status_code == 409
    assert "只剩名称" in answer.text
    assert "missing-contact" in answer.text
    with desk.read() as work:
        assert service.show(work, ANYONE, "DP-PK-001").title_zh == "停车场基础信息"


def test_stale_form_shows_the_other_change_and_can_be_saved_again(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    first = steward.submit("/datasets/DP-PK-004/edit", version="1", title_zh="甲的名称")
    assert first.status_code == 303
    second = steward.submit("/datasets/DP-PK-004/edit", version="1", title_zh="乙的名称")
    assert second.status_code == 409
    assert "甲的名称" in second.text
    assert "乙的名称" in second.text
    assert 'name="version" value="2"' in second.text


def test_table_keeps_what_it_does_not_show_and_json_replaces_all(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    pasted = '{"encoding": "gb18030", "columns": [{"name": "a", "title_zh": "甲", "type": "string", "level": 1, "code_list": ["x", "y"]}]}'
    assert (
        steward.submit("/datasets/DP-PK-004/dictionary", version="1", json=pasted, as_json="yes").status_code
        == 303
    )
    cells = {
        "c-was": "a", "c-name": "b", "c-title_zh": "乙", "c-title_en": "", "c-type": "string", "c-unit": "", "c-level": "1",
        "c-identifier_kind": "none", "c-mask_method": "none", "c-required": "yes", "c-nullable": "yes", "c-primary": "no",
        "c-definition_zh": "", "c-place": "1",
    }  # fmt: skip
    assert steward.submit("/datasets/DP-PK-004/dictionary", version="2", **cells).status_code == 303
    with desk.read() as work:
        (column,) = service.dictionary(work, "DP-PK-004")
        assert (column.name, column.title_zh, column.code_list) == ("b", "乙", ["x", "y"])
        assert service.layout(work, "DP-PK-004").encoding == "gb18030"
    broken = steward.submit(
        "/datasets/DP-PK-004/dictionary", version="3", json='{"columns": [', as_json="yes"
    )
    assert broken.status_code == 422
    assert "{&#34;columns&#34;: [" in broken.text
    more = steward.submit(
        "/datasets/DP-PK-004/dictionary", version="3", more="yes", **cells | {"c-name": "unsaved"}
    )
    assert more.status_code == 200
    assert "unsaved" in more.text


def test_withdrawal_needs_a_reason_and_leaves_a_tombstone_page(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    refused = steward.submit("/datasets/DP-PK-001/withdraw", reason="x")
    assert refused.status_code == 409
    assert steward.submit("/datasets/DP-PK-001/withdraw", reason="数据源停用").status_code == 303
    gone = client_as(desk).get("/datasets/DP-PK-001", headers={"accept": "text/html"})
    assert gone.status_code == 410
    assert "数据源停用" in gone.text
    assert "数据源停用" in steward.get("/datasets/DP-PK-001").text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_departments_and_themes_lead_to_what_a_visitor_may_see(desk: House, lang: str) -> None:
    listed = _visit(desk, "/publishers", lang)
    assert 'href="/publishers/traffic"' in listed
    assert "culture" not in listed  # it has published nothing
    for path in ("/publishers/traffic", "/themes/PK"):
        shown = _visit(desk, path, lang)
        assert 'href="/datasets/DP-PK-001"' in shown
        assert "DP-PK-004" not in shown  # a draft
        assert "application/atom+xml" in shown
    assert 'href="/themes/PK"' in _visit(desk, "/themes", lang)
    told = _visit(desk, "/developers", lang)
    for place in (
        "api/3/action",
        "api/v1/catalogue",
        "oai",
        "data.json",
        "feeds/datasets.atom",
        "sitemap.xml",
        "mcp",
        "delta-sharing",
    ):
        assert f"/{place}</code>" in told
    assert "load_as_arrow" in told  # what readers in place cannot do
    visitor = client_as(desk)
    for path in ("/publishers/culture", "/publishers/insurer", "/themes/ZZ"):
        assert visitor.get(path, headers={"accept": "text/html"}).status_code == 404


def test_forms_need_their_token(desk: House) -> None:
    steward = browser_as(desk, "traffic-steward")
    assert steward.post("/datasets/DP-PK-001/withdraw", data={"reason": "数据源停用"}).status_code == 403
