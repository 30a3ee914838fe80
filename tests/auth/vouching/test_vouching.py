"""A member uses his organisation's grants while he belongs to it and it stands behind him: asked at each use, on page, command and route."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import partial

import pytest
from sqlmodel import col, update
from typer.testing import CliRunner

from api.cli.vouch import app as vouch_command
from api.house import House, open_house
from auth.casework.book import CaseStep
from auth.grants import queries as grants
from auth.identity.tables import AccountRow
from auth.policy.model import DeliveryForm
from auth.profile.model import shipped
from auth.vouching import service
from auth.vouching.cover import at_use
from auth.vouching.service import Standing, VouchGive, VouchRead
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Reason
from core.ids import GrantId
from datasets.extracts import deciding as extract_deciding
from datasets.queries import deciding
from datasets.sharing import service as sharing
from tests.auth.agreements.scene import in_force
from tests.auth.policy.test_decisions import a_policy
from tests.desk import Desk, a_desk, a_grant
from tests.people import a_person, actor_of, browser_as, client_as

ASKING = shipped()["generic-open-data"].model_copy(update={"key": "generic-vouching", "vouching": True})
UNTIL = date(2026, 12, 31)


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def _codes(found: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in found]


def _uses(desk: Desk, grant_id: str, who: str = "analyst") -> list[list[str]]:
    """What each way of using a grant says of the person: extracts, queries and compute, shared tables."""
    with desk.read(who) as (work, actor):
        view = grants.view(work, GrantId(grant_id))
        reading = sharing.Reading(actor, view, view.policy.purposes[0])
        return [
            _codes(extract_deciding.acting_for(work, actor, view.org_id, view.policy)),
            _codes(deciding.acting_for(work, actor, view)),
            _codes(sharing._may_read(work, reading)),
        ]


def _given(desk: Desk, username: str = "analyst", until: date = UNTIL, who: str = "officer") -> VouchRead:
    with desk.write(who) as (work, actor):
        return service.give(work, actor, VouchGive(username=username, until=until))


def test_where_the_policy_asks_for_it_nobody_takes_anything_without_the_officers_word(desk: Desk) -> None:
    grant = a_grant(desk)
    assert _uses(desk, grant.id) == [[], [], []]
    in_force(desk, ASKING)
    assert _uses(desk, grant.id) == [["member-not-vouched"]] * 3
    made = _given(desk)
    assert _uses(desk, grant.id) == [[], [], []]
    with desk.write("officer") as (work, actor):
        assert service.end(work, actor, made.id, CaseStep(version=1)).standing is Standing.ENDED
    assert _uses(desk, grant.id) == [["member-not-vouched"]] * 3


def test_a_word_holds_through_its_last_day_and_no_longer(desk: Desk) -> None:
    in_force(desk, ASKING)
    with desk.house.read() as work:
        today = service._today(work)
    made = _given(desk, until=today)
    with desk.read("analyst") as (work, actor):
        assert at_use(work, actor, "insurer", a_policy()) == ()
    desk.house.clock.forward(days=1)  # type: ignore[attr-defined]
    with desk.read("analyst") as (work, actor):
        assert _codes(at_use(work, actor, "insurer", a_policy())) == ["member-not-vouched"]
        assert service.vouch(work, actor, made.id).standing is Standing.LAPSED
    assert _given(desk).standing is Standing.COUNTS, "one that lapsed bars no other"


def test_who_left_takes_nothing_though_his_role_is_still_there(desk: Desk) -> None:
    """Whatever the policy asks: were the account to move to another enterprise, its role assignment staying behind."""
    grant, made = a_grant(desk), _given(desk)
    with desk.house.write() as work:
        moved = update(AccountRow).where(col(AccountRow.username) == "analyst").values(org_id="mapper")
        work.db.exec(moved)  # type: ignore[call-overload]
    assert _uses(desk, grant.id) == [["member-left"]] * 3
    with desk.read("officer") as (work, actor):
        assert service.vouch(work, actor, made.id).standing is Standing.LEFT


def test_whoever_is_told_that_the_organisation_is_not_his_can_do_what_he_is_told(desk: Desk) -> None:
    """No account's organisation is ever changed; the reason names the way there is, and two administrators walk it."""
    grant = a_grant(desk)
    with desk.house.write() as work:
        stray = a_person(work, "stray", "mapper", ["analyst"])
        for name in ("zhao", "qian"):
            a_person(work, name, "bureau", ["sysadmin"])
    with desk.read("stray") as (work, actor):
        (reason,) = at_use(work, actor, "insurer", a_policy())
    assert "makes you a new account of it and asks for its role, and a second one confirms" in reason.text.en
    assert "新建该机构的账号" in reason.text.zh
    zhao, qian = client_as(desk.house, "zhao"), client_as(desk.house, "qian")
    body = {"username": "stray2", "name_zh": "施", "name_en": "Shi", "org_id": "insurer", "person_id": stray.person_id, "roles": ["analyst"]}  # fmt: skip
    assert zhao.post("/api/v1/users", json=body).status_code == 201
    (waiting,) = qian.get("/api/v1/role-changes?waiting=true").json()["items"]
    assert zhao.post(f"/api/v1/role-changes/{waiting['id']}/confirm").status_code == 403
    assert qian.post(f"/api/v1/role-changes/{waiting['id']}/confirm").status_code == 200
    assert _uses(desk, grant.id, "stray2") == [[]] * 3


def test_the_reason_is_told_over_http_and_by_explain(desk: Desk) -> None:
    grant = a_grant(desk)
    in_force(desk, ASKING)
    ask = {
        "grant_id": grant.id,
        "purpose": "risk-pricing",
        "scenario_id": "safety",
        "form": DeliveryForm.EXTRACT_PARQUET,
    }
    refused = client_as(desk.house, "analyst").post("/api/v1/extracts", json=ask)
    assert refused.status_code == 403, refused.text
    said = {reason["code"]: reason for reason in refused.json()["reasons"]}
    assert said["member-not-vouched"]["basis"] == "人员担保"
    told = client_as(desk.house, "approver").post(
        f"/api/v1/grants/{grant.id}/explain", json={"form": "extract_parquet", "person": "analyst"}
    )
    assert told.status_code == 200, told.text
    assert "member-not-vouched" in told.text


def test_nobody_vouches_for_himself_for_strangers_twice_or_for_ever(desk: Desk) -> None:
    with desk.house.write() as work:
        mine = actor_of(work, "officer").person_id
        a_person(work, "officers-second", "insurer", ["analyst"], person_id=mine)
    for own in ("officer", "officers-second"):
        with pytest.raises(AccessRefused) as refused:
            _given(desk, own)
        assert _codes(tuple(refused.value.reasons)) == ["vouch-for-oneself"]
    for name in ("nobody", "officer2", "approver"):
        with pytest.raises(NotFound):
            _given(desk, name)
    with desk.house.read() as work:
        today = service._today(work)
    for day in (today - timedelta(days=1), today + timedelta(days=367)):
        with pytest.raises(InputRefused):
            _given(desk, until=day)
    _given(desk, until=today + timedelta(days=366))
    with pytest.raises(Conflict):
        _given(desk)
    for who in ("applicant", "analyst", "approver"):
        with pytest.raises(AccessRefused):
            _given(desk, "analyst", who=who)


def test_another_enterprise_does_not_see_it_and_a_security_officer_may_end_it(desk: Desk) -> None:
    made = _given(desk)
    with desk.read("officer2") as (work, actor), pytest.raises(NotFound):
        service.vouch(work, actor, made.id)
    with desk.read("officer2") as (work, actor):
        assert service.vouches(work, actor) == ([], 0)
    with desk.write("watch") as (work, actor):
        assert service.end(work, actor, made.id, CaseStep(version=1)).standing is Standing.ENDED


def test_route_command_and_page_do_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = client_as(desk.house, "officer")
    assert officer.get("/api/v1/vouches").json()["unvouched"] == ["analyst"]
    made = officer.post("/api/v1/vouches", json={"username": "analyst", "until": str(UNTIL)}).json()
    assert officer.get("/api/v1/vouches").json()["unvouched"] == []
    stale = officer.post(f"/api/v1/vouches/{made['id']}/end", json={"version": 9})
    assert (stale.status_code, stale.json()["state"]) == (412, "VOUCHED")
    assert (
        officer.post(f"/api/v1/vouches/{made['id']}/end", json={"version": 1}).json()["standing"] == "ended"
    )

    page = browser_as(desk.house, "officer", "en")
    assert "Analysts without one: analyst." in page.get("/vouches").text
    bad = page.submit("/vouches", username="nobody", until=str(UNTIL), note="kept")
    assert (bad.status_code, "kept" in bad.text) == (404, True)
    done = page.submit("/vouches", username="analyst", until=str(UNTIL))
    assert done.status_code == 303, done.text
    shown = page.get(done.headers["location"]).text
    assert "End the vouching" in shown
    assert page.submit(f"{done.headers['location']}/end", version="1", note="").status_code == 303

    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=desk.house.clock))
    if desk.house.settings.database_url is not None:
        return

    def said(*words: str) -> dict[str, object]:
        where = ["--data-dir", str(desk.house.settings.data_dir), "--as", "officer", "--json"]
        result = CliRunner().invoke(vouch_command, [*words, *where])
        assert result.exit_code == 0, result.output + result.stderr
        found: dict[str, object] = json.loads(result.stdout)
        return found

    third = said("give", "analyst", "--until", str(UNTIL))
    assert said("show", str(third["id"]))["standing"] == "counts"
    assert said("end", str(third["id"]), "--note", "已离职")["standing"] == "ended"
    assert said("list")["total"] == 3
