"""Reuses: every step of the table, who sees what, products of one's own."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE
from auth.audit import AuditEventRow
from auth.grants.tables import GrantRow
from auth.products.tables import ProductRow, ProductSourceRow
from catalog import service as catalogue
from catalog.reuses import service
from catalog.reuses.models import ReuseCreate, ReuseDecision
from catalog.reuses.workflow import MOVES, ReuseState, ReuseStep, advance, steps_of
from core.errors import Conflict, InputRefused, NotFound, TooMany, TransitionRefused
from core.work import Work
from tests.catalog.records import a_dataset, a_department
from tests.desk import a_desk, a_grant
from tests.people import a_person, actor_of, an_org

CODE, DRAFT = "DP-PK-001", "DP-PK-002"
NO = ReuseDecision()


@pytest.mark.parametrize(("state", "step"), list(product(ReuseState, ReuseStep)))
def test_every_step_leads_where_the_table_says_or_is_refused(state: ReuseState, step: ReuseStep) -> None:
    for department, author in product((True, False), repeat=2):
        to, side = MOVES.get((state, step), (None, ""))
        open_ = to is not None and (department if side == "department" else author)
        if step is ReuseStep.SHOW and author:
            open_ = False  # nobody shows his own
        assert (step in steps_of(state, is_department=department, is_author=author)) is open_
        if open_:
            assert advance(state, step, is_department=department, is_author=author) is to
        else:
            with pytest.raises(TransitionRefused):
                advance(state, step, is_department=department, is_author=author)


@pytest.fixture
def traffic(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        an_org(work, "insurer")
        a_person(work, "wang", org="insurer", roles=["applicant"])
        a_dataset(work, CODE, "traffic")
        a_dataset(work, DRAFT, "traffic", draft=True)
    return house


def _told(**changes: Any) -> ReuseCreate:
    said = {
        "title": "停车地图",
        "summary": "实时显示余位",
        "made_by": "某公司",
        "url": "https://example.org/map",
    }
    return ReuseCreate.model_validate(said | changes)


def _seen(work: Work, username: str = "") -> list[str]:
    found, total = service.listed(work, actor_of(work, username) if username else ANYONE)
    assert total == len(found)
    return [each.title for each in found]


def test_a_reuse_is_shown_once_another_person_of_the_department_agrees(traffic: House) -> None:
    with traffic.write() as work:
        wang, steward = actor_of(work, "wang"), actor_of(work, "traffic-steward")
        made = service.suggest(work, wang, CODE, _told())
        assert (_seen(work), _seen(work, "wang"), _seen(work, "traffic-steward"), _seen(work, "culture-steward")) == ([], ["停车地图"], ["停车地图"], [])  # fmt: skip
        with pytest.raises(Conflict, match="title already"):
            service.suggest(work, wang, CODE, _told())
        with pytest.raises(NotFound):
            service.step(work, actor_of(work, "culture-steward"), made.id, ReuseStep.SHOW, NO)
        with pytest.raises(TransitionRefused):
            service.step(work, wang, made.id, ReuseStep.SHOW, NO)
        shown = service.step(work, steward, made.id, ReuseStep.SHOW, NO)
        assert (shown.state, shown.steps, _seen(work)) == ("shown", [ReuseStep.REMOVE], ["停车地图"])
        with pytest.raises(InputRefused, match="Say why"):
            service.step(work, steward, made.id, ReuseStep.REMOVE, NO)
        service.step(work, steward, made.id, ReuseStep.REMOVE, ReuseDecision(reason="链接失效"))
        assert (_seen(work), service.reuse(work, wang, made.id).reason) == ([], "链接失效")
        own = service.suggest(work, steward, CODE, _told(title="部门自己的"))
        with pytest.raises(TransitionRefused):
            service.step(work, steward, own.id, ReuseStep.SHOW, NO)
        service.step(work, actor_of(work, "traffic-reviewer"), own.id, ReuseStep.SHOW, NO)
        assert service.reuse(work, ANYONE, own.id).reason == ""
        service.step(work, steward, own.id, ReuseStep.TAKE_BACK, NO)
        assert _seen(work) == []
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
        assert (kinds.count("reuse.suggested"), kinds.count("reuse.moved")) == (2, 4)


def test_what_is_hidden_or_too_much_takes_no_reuse(traffic: House) -> None:
    with traffic.write() as work:
        wang = actor_of(work, "wang")
        with pytest.raises(NotFound):
            service.suggest(work, wang, DRAFT, _told())
        with pytest.raises(Conflict, match="published datasets"):
            service.suggest(work, actor_of(work, "traffic-steward"), DRAFT, _told())
        made = service.suggest(work, wang, CODE, _told())
        service.step(work, actor_of(work, "traffic-steward"), made.id, ReuseStep.SHOW, NO)
        for number in range(service.AN_HOUR - 1):
            service.suggest(work, wang, CODE, _told(title=f"第{number}个"))
        with pytest.raises(TooMany):
            service.suggest(work, wang, CODE, _told(title="再一个"))
        catalogue.withdraw(work, actor_of(work, "traffic-steward"), CODE, "不再更新了")
        assert _seen(work) == []
        with pytest.raises(NotFound):
            service.reuse(work, ANYONE, made.id)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://x/y", "https://", "https://a:b@c/", "http://a b", "//x"]
)
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(ValidationError):
        _told(url=url)


def test_a_product_is_named_by_its_own_organisation_alone(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    with sqlite_house.write() as work:
        a_dataset(work, grant.dataset_id, "parks")
        a_dataset(work, "DP-TR-009", "parks")
        held = {"kind": "report", "summary": "s", "scenario_id": "safety", "purpose": "risk-pricing", "unit": "times", "price_fen": 0, "entered_by": "o", "entered_at": work.now}  # fmt: skip
        work.db.add(ProductRow(id="P-1", org_id="insurer", name_zh="指数", name_en="Index", **held))
        work.db.add(ProductRow(id="P-2", org_id="insurer", name_zh="旧", name_en="Old", **(held | {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)})))  # fmt: skip
        work.db.flush()
        work.db.add_all([ProductSourceRow(id=f"S-{n}", product_id=f"P-{n}", grant_id=grant.id) for n in (1, 2)])  # fmt: skip
        work.db.flush()
        assert work.db.get_one(GrantRow, grant.id).dataset_id == grant.dataset_id
        officer = actor_of(work, "officer")
        assert [each[0] for each in service.own_products(work, officer, grant.dataset_id)] == ["P-1"]
        made = service.suggest(work, officer, grant.dataset_id, _told(product_id="P-1"))
        assert made.product is not None
        assert (made.product.org_zh, made.product.is_offered) == ("insurer机构", True)
        for dataset_id, product_id, who in (("DP-TR-009", "P-1", "officer"), (grant.dataset_id, "P-2", "officer"), (grant.dataset_id, "P-1", "steward_a"), (grant.dataset_id, "nothing", "officer")):  # fmt: skip
            with pytest.raises(InputRefused, match="no such product"):
                service.suggest(work, actor_of(work, who), dataset_id, _told(title="另一个", product_id=product_id))  # fmt: skip
