"""The catalogue's pages as people see them."""

from __future__ import annotations

import pytest

from api.house import House
from catalog import service
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
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
