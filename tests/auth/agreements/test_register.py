"""The public register of agreements: those in force and ended, in words; no draft, no person, no clause, no price."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
import typer
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli.matrix import command as matrix
from api.cli.register import app
from api.house import House
from auth.agreements import register, service
from auth.agreements.service import AgreementRead
from auth.agreements.workflow import Step
from auth.casework.book import CaseStep
from tests.auth.agreements.scene import agreement_body, an_agreement, plan_body, with_planner
from tests.catalog.records import a_dataset
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant, an_ask
from tests.people import app_of

LATER = {"starts_on": date(2026, 4, 1), "ends_on": date(2026, 12, 31)}


@pytest.fixture
def desk(house: House) -> Desk:
    return with_planner(a_desk(house))


def _ids(desk: Desk, **only: Any) -> list[str]:
    with desk.house.read() as work:
        found, total = register.register(work, **only)
    assert total >= len(found)
    return [each.agreement_id for each in found]


def _ends(desk: Desk, agreement: AgreementRead) -> None:
    with desk.write("approver") as (work, actor):
        service.step(work, actor, agreement.id, Step.TERMINATE, CaseStep(note="运营机构退出，双方同意。"))


def test_agreement_is_public_from_its_first_day_on_and_stays_once_it_ended(
    desk: Desk, clock: TestClock
) -> None:
    an_agreement(desk, at="DRAFT", title="草案")
    an_agreement(desk, at="IN_APPROVAL", title="待批")
    assert _ids(desk) == []
    agreement = an_agreement(desk, **LATER)
    clock.now = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    assert _ids(desk) == []
    for moment, state in (
        (datetime(2026, 3, 31, 16, 0, tzinfo=UTC), "in_force"),
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "in_force"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "ended"),
    ):
        clock.now = moment
        assert {each: _ids(desk, state=each) for each in register.Standing} == {
            each: [agreement.id] if each == state else [] for each in register.Standing
        }
    with desk.house.write() as work:
        assert service.end_due(work) == 1
    with desk.house.read() as work:
        ((known,), total) = register.register(work)
    assert (known.state, known.ended_on, total) == ("ended", LATER["ends_on"], 1)


def test_one_terminated_says_so_and_on_which_day_unless_it_never_began(desk: Desk, clock: TestClock) -> None:
    began, waits = an_agreement(desk), an_agreement(desk, **LATER)
    _ends(desk, began)
    _ends(desk, waits)
    clock.now = datetime(2026, 5, 1, tzinfo=UTC)
    assert _ids(desk) == _ids(desk, state=register.Standing.TERMINATED) == [began.id]
    with desk.house.read() as work:
        ((known,), _) = register.register(work)
    assert (known.state_zh, known.state_en, known.ended_on) == ("终止", "Terminated", date(2026, 3, 2))


def test_nothing_of_persons_clauses_and_prices_is_told(desk: Desk) -> None:
    agreement = an_agreement(desk)
    answer = TestClient(app_of(desk.house)).get("/api/v1/register/agreements")
    (known,) = answer.json()["items"]
    assert (known["agreement_id"], known["title"]) == (agreement.id, "旅游安全授权运营协议")
    assert (known["implementing_body"], known["org_id"], known["mode"]) == (
        "bureau",
        "insurer",
        "by_scenario",
    )
    assert [each["code"] for each in known["scenarios"] + known["purposes"]] == ["safety", "risk-pricing"]
    assert all(each["zh"] != each["code"] != each["en"] for each in known["scenarios"] + known["purposes"])
    body = agreement_body()
    secrets = {
        "planner", "approver", "按附件执行", body.products, body.meeting.name, "a" * 64, "b" * 64, "100000", "80000", "open_tender",
        plan_body().title, agreement.plan_id,
    }  # fmt: skip
    page = TestClient(app_of(desk.house)).get("/register/agreements").text
    assert {each for each in secrets if each in answer.text or each in page} == set()


def test_it_is_filtered_sorted_and_paged(desk: Desk) -> None:
    first = an_agreement(desk, ends_on=date(2026, 12, 31))
    last = an_agreement(desk, title="场所 Venue 100%", starts_on=date(2026, 2, 1), ends_on=date(2027, 1, 31))
    middle = an_agreement(desk, title="场所 Hotel", starts_on=date(2026, 2, 15), ends_on=date(2027, 1, 15))
    assert _ids(desk) == [first.id, middle.id, last.id]
    assert _ids(desk, sort="starts") == [last.id, middle.id, first.id]
    assert _ids(desk, sort="ends") == [first.id, middle.id, last.id]
    assert _ids(desk, sort="-ends") == [last.id, middle.id, first.id]
    assert (
        _ids(desk, words="场所 venue") == _ids(desk, words=last.id) == _ids(desk, words="100%") == [last.id]
    )
    assert _ids(desk, words="%_") == _ids(desk, org_id="mapper") == []
    with desk.house.read() as work:
        named = register.register(work)[0][0].org_en
    assert len(_ids(desk, words=named.upper(), org_id="insurer")) == 3
    visitor, seen, after = TestClient(app_of(desk.house)), [], 0
    while after is not None:
        told = visitor.get(f"/api/v1/register/agreements?limit=2&offset={after}").json()
        seen += [each["agreement_id"] for each in told["items"]]
        assert told["total"] == 3
        after = told["next"]
    assert seen == [first.id, middle.id, last.id]
    assert visitor.get("/api/v1/register/agreements?state=DRAFT").status_code == 422


def test_a_grant_in_the_register_leads_to_the_agreement_that_holds_it(desk: Desk) -> None:
    with desk.house.write() as work:
        a_dataset(work, PARKS.dataset_id, "parks", auth_op_scope="yes")
    a_grant(desk, ask=an_ask(PARKS, scenario_id="safety"))
    visitor = TestClient(app_of(desk.house))

    def hung() -> list[str]:
        (known,) = visitor.get("/api/v1/register").json()["items"]
        return [each["agreement_id"] for each in known["agreements"]]

    an_agreement(desk, scenarios=["parking"])
    an_agreement(desk, **LATER)
    assert hung() == []
    agreement = an_agreement(desk)
    assert hung() == [agreement.id]
    where = f"/register/agreements?q={agreement.id}"
    assert f'href="{where}"' in visitor.get("/register").text
    assert agreement.id in visitor.get(where).text
    _ends(desk, agreement)
    assert hung() == []


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ("协议公示", "依场景授权", "有效", "没有符合条件的协议")),
        ("en", ("Register of agreements", "By scenario", "In force", "No such agreement")),
    ],
)
def test_the_page_tells_it_in_both_languages(sqlite_house: House, lang: str, words: tuple[str, ...]) -> None:
    desk = with_planner(a_desk(sqlite_house))
    agreement = an_agreement(desk)
    an_agreement(desk, mode="whole", scenarios=[], title="整体协议")
    visitor = TestClient(app_of(sqlite_house))
    page = visitor.get(f"/register/agreements?lang={lang}").text
    assert all(word in page for word in (agreement.id, *words[:3]))
    assert {"zh": "全部场景", "en": "All scenarios"}[lang] in page
    assert 'href="/register"' in page
    assert 'href="/register/agreements"' in visitor.get("/register").text
    empty = visitor.get(f"/register/agreements?lang={lang}&state=ended&page=1").text
    assert words[3] in empty
    assert agreement.id not in empty


def test_the_commands_tell_what_the_routes_tell(sqlite_house: House) -> None:
    desk = with_planner(a_desk(sqlite_house))
    with sqlite_house.write() as work:
        a_dataset(work, PARKS.dataset_id, "parks", auth_op_scope="yes")
    grant = a_grant(desk, ask=an_ask(PARKS, scenario_id="safety"))
    agreement = an_agreement(desk)
    where = ["--data-dir", str(sqlite_house.settings.data_dir)]

    def said(*words: str) -> Any:
        run = CliRunner().invoke(app, [*words, "--json", *where])
        assert run.exit_code == 0, run.output
        return json.loads(run.stdout)

    assert [each["grant_id"] for each in said("--org", "insurer")["items"]] == [grant.id]
    assert said("--org", "mapper")["total"] == 0
    assert [each["agreement_id"] for each in said("agreements", "--state", "in_force")["items"]] == [
        agreement.id
    ]
    assert said("agreements", "--words", "nowhere")["total"] == 0
    misplaced = CliRunner().invoke(app, [*where, "agreements"])
    assert misplaced.exit_code == 2
    assert "after `agreements`" in misplaced.output
    table = CliRunner().invoke(app, ["agreements", *where], env={"LANG": "en_GB.UTF-8"})
    assert table.exit_code == 0
    assert agreement.id in table.stdout
    for org, count in (("insurer", 1), ("mapper", 0)):
        (row,) = _run_of_matrix("--org", org, *where)["items"]
        assert sum(cell["in_force"] for cell in row["cells"]) == count


def _run_of_matrix(*words: str) -> Any:
    alone = typer.Typer()
    alone.command()(matrix)
    run = CliRunner().invoke(alone, [*words, "--json"])
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)
