"""What another version stored as JSON and this one cannot read is refused in words, by name; lists show its row and the others. On both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api.house import House
from api.routes.selfchecks import around
from auth.applications.workflow import State
from auth.casework.book import CaseStep
from auth.grants import queries as grant_queries
from auth.grants.tables import GrantRow
from auth.products.tables import ProductRow
from auth.profile import service as profiles
from auth.profile.model import Profile, shipped
from auth.profile.service import ProfileProposal, ProfileRead
from auth.profile.tables import ProfileRow
from auth.registrations import service as registrations
from auth.registrations.service import RegistrationCreate, RegistrationRead
from auth.registrations.tables import RegistrationRow
from auth.registrations.workflow import Step as RegistrationStep
from auth.selfcheck import service as selfchecks
from auth.selfcheck.tables import SelfCheckRow
from auth.supervision.tables import DisclosureRow
from core.ids import DatasetId, GrantId
from datasets.enclave.tables import EnclaveRow
from quality.schemes.model import shipped as shipped_scheme
from quality.schemes.tables import SchemeRow
from tests.amending import amended
from tests.auth.agreements.scene import in_force
from tests.auth.registrations.test_registrations import BODY
from tests.auth.supervision.test_disclosed import a_product, published
from tests.conftest import TestClock
from tests.datasets.enclave.scene import EnclaveScene, an_enclave_scene
from tests.datasets.extracts.scene import a_scene
from tests.desk import PARKS, RESCUES, Desk, a_desk, a_grant, an_application
from tests.people import a_person, browser_as, client_as

API = "/api/v1"
GENERIC = shipped()["generic-open-data"]
SCHEME = shipped_scheme().model_dump(mode="json")
CANNOT = "Cannot be read by this version"


def _spoil(house: House, table: type[Any], key: object, column: str = "body", to: str = "") -> None:
    """Put a word that this version does not know at the head of what is stored, or `to` in its place."""
    with house.write() as work:
        row = work.db.get_one(table, key)
        setattr(row, column, to or '{"gathering":[],' + getattr(row, column).removeprefix("{"))
        work.db.add(row)


def _refused(answer: Any, *said: str) -> None:
    """503 in words with the rule's code."""
    assert answer.status_code == 503, answer.text
    for words in said:
        assert words in answer.text, answer.text
    if "json" in answer.headers["content-type"]:
        assert [each["code"] for each in answer.json()["reasons"]] == ["policy-unenforceable"]


# -- registrations


def _drafted(desk: Desk, dataset_id: DatasetId) -> RegistrationRead:
    with desk.write("steward_a") as (work, actor):
        body = RegistrationCreate(dataset_id=dataset_id, body=BODY)
        return registrations.draft(work, actor, body, assets=desk.assets)


def _submitted(desk: Desk, dataset_id: DatasetId) -> RegistrationRead:
    made = _drafted(desk, dataset_id)
    with desk.write("steward_a") as (work, actor):
        return registrations.step(work, actor, made.id, RegistrationStep.SUBMIT, CaseStep())


@pytest.fixture
def desk(house: House) -> Desk:
    desk = a_desk(house)
    with house.write() as work:
        a_person(work, "registrar", "bureau", ["reviewer_business"])
    return desk


def test_registrations_in_lists_and_by_themselves(desk: Desk) -> None:
    one, other = _submitted(desk, PARKS.dataset_id), _submitted(desk, RESCUES.dataset_id)
    _spoil(desk.house, RegistrationRow, one.id)
    registrar, place = client_as(desk.house, "registrar"), f"{API}/registrations"
    told = {each["id"]: each for each in registrar.get(place).json()["items"]}
    assert (told[one.id]["body"], told[one.id]["is_readable"]) == (None, False)
    assert told[other.id]["body"]["storage"] == BODY.storage
    assert told[other.id]["is_readable"] is True
    page = browser_as(desk.house, "registrar", "en")
    shown = page.get("/registrations")
    assert CANNOT in shown.text
    assert RESCUES.title.en in shown.text
    for answer in (registrar.get(f"{place}/{one.id}?lang=en"), page.get(f"/registrations/{one.id}")):
        _refused(answer, one.id, PARKS.title.en, "cannot read (gathering)")
    _refused(registrar.post(f"{place}/{one.id}/pass?lang=en", json={"version": one.version}), one.id)
    _refused(client_as(desk.house, "steward_a").post(f"{place}/{one.id}/pack?lang=en"), one.id)
    assert page.get("/").status_code == 200
    with desk.house.read() as work:
        assert work.db.get_one(RegistrationRow, one.id).state == "SUBMITTED"


def test_a_registration_that_cannot_be_read_is_returned_and_written_anew(desk: Desk) -> None:
    made = _submitted(desk, PARKS.dataset_id)
    _spoil(desk.house, RegistrationRow, made.id)
    place, steward = f"{API}/registrations/{made.id}", client_as(desk.house, "steward_a")
    back = client_as(desk.house, "registrar").post(
        f"{place}/return", json={"note": "请按现行版本重填", "version": made.version}
    )
    assert (back.status_code, back.json()["state"], back.json()["is_readable"]) == (200, "DRAFT", False)
    _refused(steward.post(f"{place}/submit?lang=en", json={"version": 3}), "cannot read (gathering)")
    saved = steward.put(place, json={"body": BODY.model_dump(mode="json"), "version": 3})
    assert saved.status_code == 200, saved.text
    assert saved.json()["is_readable"] is True
    assert steward.post(f"{place}/submit", json={}).json()["state"] == "SUBMITTED"


def test_the_public_reads_of_a_registration_what_it_may(desk: Desk) -> None:
    made = _submitted(desk, PARKS.dataset_id)
    with desk.write("registrar") as (work, actor):
        registrations.step(work, actor, made.id, RegistrationStep.PASS, CaseStep())
    _spoil(desk.house, RegistrationRow, made.id, to="not even JSON")
    seen = client_as(desk.house).get(f"{API}/registrations/{made.id}")
    assert (seen.status_code, seen.json()["body"], seen.json()["is_readable"]) == (200, None, True)
    _refused(client_as(desk.house, "registrar").get(f"{API}/registrations/{made.id}?lang=en"), "the whole")


@pytest.mark.parametrize("title", ["公园{0}", "{places.__class__}", "{unknown}", "{", "{places}"])
def test_braces_in_the_title_of_a_registration_are_words(sqlite_house: House, title: str) -> None:
    desk = a_desk(sqlite_house)
    made = _drafted(desk, PARKS.dataset_id)
    with desk.house.write() as work:
        work.db.get_one(RegistrationRow, made.id).title_en = title
    _spoil(desk.house, RegistrationRow, made.id)
    answer = client_as(desk.house, "steward_a").get(f"{API}/registrations/{made.id}?lang=en")
    _refused(answer)
    assert f"“{title}” ({made.id})" in answer.json()["detail"]


# -- versions of the profile


def _proposed(desk: Desk, **changes: Any) -> ProfileRead:
    with desk.write("watch") as (work, actor):
        body = Profile.model_validate(GENERIC.model_dump() | changes)
        return profiles.propose(work, actor, ProfileProposal(profile=body, reason="按上级文件执行"))


def test_a_version_of_the_profile_in_lists_and_by_itself(desk: Desk) -> None:
    one, other = _proposed(desk), _proposed(desk)
    _spoil(desk.house, ProfileRow, one.id)
    approver, place = client_as(desk.house, "approver"), f"{API}/profile/versions"
    told = {each["id"]: each["profile"] for each in approver.get(place).json()["items"]}
    assert told[one.id] is None
    assert told[other.id]["key"] == GENERIC.key
    page = browser_as(desk.house, "approver", "en")
    shown = page.get("/profile")
    assert (shown.status_code, CANNOT in shown.text) == (200, True)
    for answer in (approver.get(f"{place}/{one.id}?lang=en"), page.get(f"/profile/{one.id}")):
        _refused(answer, f"Version {one.number}", "cannot read (gathering)")
    _refused(approver.post(f"{place}/{one.id}/confirm?lang=en", json={}), f"Version {one.number}")
    assert page.get("/").status_code == 200
    gone = approver.post(f"{place}/{one.id}/reject", json={"note": "本版本读不了"})
    assert (gone.status_code, gone.json()["state"], gone.json()["profile"]) == (200, "REJECTED", None)


def test_a_profile_in_force_that_cannot_be_read_stops_what_hangs_on_it_until_another_counts(
    desk: Desk,
) -> None:
    grant = a_grant(desk)
    bad = in_force(desk, GENERIC)
    _spoil(desk.house, ProfileRow, bad.id)
    approver, watch = client_as(desk.house, "approver"), client_as(desk.house, "watch")
    said = f"Version {bad.number}"
    for path in ("profile", f"grants/{grant.id}", "self-checks/now"):
        _refused(watch.get(f"{API}/{path}?lang=en"), said, "cannot read (gathering)")
    page = browser_as(desk.house, "watch", "en")
    _refused(page.get("/profile/new"), said)
    shown = page.get("/profile")
    assert shown.status_code == 200
    assert said in shown.text
    assert CANNOT in shown.text
    body = {"profile": GENERIC.model_dump(mode="json"), "reason": "换上能读的版本"}
    told = approver.get(f"{API}/profile/versions").json()["items"]
    assert [(each["profile"], each["standing"]) for each in told] == [(None, "IN_FORCE")]
    made = approver.post(f"{API}/profile/versions", json=body)
    assert made.status_code == 201, made.text
    place = f"/profile/{made.json()['id']}"
    shown = page.get(place)
    assert shown.status_code == 200, shown.text
    assert said in shown.text
    done = page.submit(f"{place}/confirm", version=str(made.json()["version"]))
    assert done.status_code == 303, done.text
    for path in ("profile", f"grants/{grant.id}"):
        assert watch.get(f"{API}/{path}").status_code == 200


def test_the_form_of_a_shipped_profile_opens_beside_one_that_cannot_be_read(desk: Desk) -> None:
    bad = in_force(desk, GENERIC)
    _spoil(desk.house, ProfileRow, bad.id)
    page = browser_as(desk.house, "watch", "en")
    assert page.get(f"/profile/new?of={GENERIC.key}").status_code == 200


# -- versions of the scoring scheme


def test_a_version_of_the_scoring_scheme_in_lists_by_itself_and_in_force(desk: Desk) -> None:
    approver, watch = client_as(desk.house, "approver"), client_as(desk.house, "watch")
    place = f"{API}/scoring/versions"
    body = {"scheme": SCHEME | {"effective_from": "2026-01-01"}, "reason": "按区里要求"}
    one, other = (approver.post(place, json=body).json() for _ in range(2))
    _spoil(desk.house, SchemeRow, one["id"])
    told = {each["id"]: each["scheme"] for each in approver.get(place).json()["items"]}
    assert told[one["id"]] is None
    assert told[other["id"]]["grades"] == SCHEME["grades"]
    page = browser_as(desk.house, "approver", "en")
    shown = page.get("/scoring")
    assert (shown.status_code, CANNOT in shown.text) == (200, True)
    for answer in (approver.get(f"{place}/{one['id']}?lang=en"), page.get(f"/scoring/{one['id']}")):
        _refused(answer, "version 1 ", "cannot read (gathering)")
    _refused(watch.post(f"{place}/{one['id']}/confirm?lang=en", json={}), "version 1 ")
    assert (
        watch.post(f"{place}/{one['id']}/reject", json={"note": "本版本读不了"}).json()["state"] == "REJECTED"
    )
    assert watch.post(f"{place}/{other['id']}/confirm", json={}).json()["state"] == "ACTIVE"
    _spoil(desk.house, SchemeRow, other["id"])
    _refused(approver.get(f"{API}/scoring?lang=en"), "version 2 ", "cannot read (gathering)")
    for path in ("/scoring", f"/scoring/{other['id']}", "/scoring/new"):
        assert page.get(path).status_code == (503 if other["id"] in path else 200), path
    assert "version 2 holds what" in page.get("/scoring").text
    made = approver.post(place, json=body)
    assert made.status_code == 201, made.text
    assert watch.post(f"{place}/{made.json()['id']}/confirm", json={}).status_code == 200
    assert approver.get(f"{API}/scoring").json()["number"] == 3


# -- enclave


def _other(scene: EnclaveScene) -> str:
    return scene.submits(group_by=[{"column": "day"}]).id


def test_a_specification_in_lists_and_by_itself(house: House) -> None:
    scene = an_enclave_scene(house)
    one, other = scene.submits(), _other(scene)
    _spoil(house, EnclaveRow, one.id, "spec")
    steward, page = client_as(house, "steward_a"), browser_as(house, "steward_a", "en")
    told = {each["id"]: each["spec"] for each in steward.get(f"{API}/enclave").json()["items"]}
    assert told[one.id] is None
    assert told[other]["dataset_id"] == "DP-PK-009"
    shown = page.get("/enclave")
    assert (shown.status_code, CANNOT in shown.text) == (200, True)
    for answer in (steward.get(f"{API}/enclave/{one.id}?lang=en"), page.get(f"/enclave/{one.id}")):
        _refused(answer, one.id, "cannot read (gathering)")
    decided = {"decision": "approve", "spec_hash": one.spec_hash, "note": "核对过方案"}
    _refused(steward.post(f"{API}/enclave/{one.id}/decision?lang=en", json=decided), one.id)
    analyst = client_as(house, "analyst")
    gone = analyst.post(f"{API}/enclave/{one.id}/withdraw")
    assert (gone.status_code, gone.json()["state"]) == (200, "withdrawn"), gone.text
    assert _used(house, scene.grant_id) == 1, "what it took is given back"
    _refused(page.get(f"/enclave/{one.id}"), one.id)


def test_a_specification_that_cannot_be_read_ends_with_its_reason_when_its_grant_is_amended(
    house: House,
) -> None:
    scene = an_enclave_scene(house)
    one, other = scene.submits(), _other(scene)
    _spoil(house, EnclaveRow, one.id, "spec")
    after = amended(scene.desk, scene.grant_id, quotas={"extracts": 5})
    told = {each["id"]: each for each in client_as(house, "analyst").get(f"{API}/enclave").json()["items"]}
    assert told[one.id]["state"] == "stopped"
    assert "cannot read (gathering)" in told[one.id]["why_en"]
    assert (told[other]["state"], told[other]["grant_id"]) == ("submitted", after)


def test_a_specification_that_was_approved_is_not_computed_once_it_cannot_be_read(house: House) -> None:
    scene = an_enclave_scene(house)
    made = scene.submits()
    scene.decides(made.id)
    _spoil(house, EnclaveRow, made.id, "spec")
    scene.works()
    told = client_as(house, "analyst").get(f"{API}/enclave").json()["items"][0]
    assert (told["extract_id"], told["review_id"]) == (None, None)
    assert told["state"] in ("failed", "stopped")
    assert "cannot read (gathering)" in told["why_en"]


def _used(house: House, grant_id: str) -> int:
    with house.read() as work:
        return grant_queries.view(work, GrantId(grant_id)).used.extracts


# -- what was told and kept


def test_a_year_that_was_disclosed(house: House, clock: TestClock) -> None:
    scene = a_scene(house, ends_on="2028-12-31")
    clock.now = datetime(2027, 2, 1, tzinfo=UTC)
    assert published(scene, 2026).status_code == 201
    _spoil(house, DisclosureRow, 2026)
    auditor, page = client_as(house, "auditor"), browser_as(house, "auditor", "en")
    for answer in (
        auditor.get(f"{API}/disclosure/2026?lang=en"),
        auditor.post(f"{API}/disclosure/2026/pack?lang=en"),
        page.get("/disclosure/2026"),
    ):
        _refused(answer, "2026", "cannot read (gathering)")
    assert auditor.get(f"{API}/disclosure/2026/publication").status_code == 200
    assert auditor.get(f"{API}/disclosure/2027").status_code == 200
    assert page.get("/disclosure/2027").status_code == 200


def test_a_self_check_that_was_kept(desk: Desk) -> None:
    a_grant(desk)
    kept = []
    for who, subject in (("officer", "insurer"), ("watch", selfchecks.SUBJECT)):
        with desk.write(who) as (work, actor):
            kept.append(selfchecks.keep(work, actor, subject, around(desk.house)))
    one, other = kept
    _spoil(desk.house, SelfCheckRow, one.id, "document")
    auditor, page = client_as(desk.house, "auditor"), browser_as(desk.house, "auditor", "en")
    told = [each["id"] for each in auditor.get(f"{API}/self-checks").json()["items"]]
    assert sorted(told) == sorted([one.id, other.id])
    assert page.get("/self-checks").status_code == 200
    for answer in (
        auditor.get(f"{API}/self-checks/kept/{one.id}?lang=en"),
        page.get(f"/self-checks/{one.id}"),
    ):
        _refused(answer, one.id, "cannot read (gathering)")
    assert auditor.get(f"{API}/self-checks/kept/{other.id}").status_code == 200


def test_the_self_check_of_a_product(house: House) -> None:
    scene = a_scene(house, ends_on="2028-12-31")
    one, other = (a_product(scene).split("/")[-2] for _ in range(2))
    _spoil(house, ProductRow, one, "checks", to='[{"gathering": true}]')
    officer, page = client_as(house, "officer"), browser_as(house, "officer", "en")
    told = {each["id"]: each["affirmed"] for each in officer.get(f"{API}/products").json()["items"]}
    assert told[one] is None
    assert "no_person" in told[other]
    shown = page.get("/products")
    assert (shown.status_code, CANNOT in shown.text) == (200, True)
    for answer in (
        officer.get(f"{API}/products/{one}?lang=en"),
        officer.get(f"{API}/products/{one}/listing?lang=en"),
        page.get(f"/products/{one}"),
    ):
        _refused(answer, one, "Risk index")
    assert page.get(f"/products/{other}").status_code == 200


# -- the terms of a grant, where many grants are told of


@pytest.mark.parametrize("member", ["scenario_id", "columns", "purposes"])
def test_a_grant_in_force_takes_no_register_down(house: House, member: str) -> None:
    scene = a_scene(house, ends_on="2028-12-31")
    one, other = scene.grant_id, a_grant(scene.desk, columns=["venue_id"], scenario_id="weather").id
    later = an_application(scene.desk, at=State.DRAFT, columns=["venue_id"], scenario_id="parking")
    with house.write() as work:
        row = work.db.get_one(GrantRow, one)
        row.policy = row.policy.replace(f'"{member}":', '"gathering":')
        assert "gathering" in row.policy
    visitor, page = client_as(house), browser_as(house, "approver", "en")
    told = {each["grant_id"]: each for each in visitor.get(f"{API}/register").json()["items"]}
    assert (told[other]["scenario_id"], told[other]["column_count"]) == ("weather", 1)
    assert told[other]["is_suspended"] is False
    assert told[one]["is_suspended"] is True, "it is out of use"
    assert (told[one]["column_count"] is None) is (member == "columns")
    assert (told[one]["purposes"] == []) is (member != "columns")
    assert told[one]["scenario_id"] == (None if member == "scenario_id" else "safety")
    assert page.get("/register").status_code == 200
    cells = visitor.get(f"{API}/matrix")
    assert cells.status_code == 200, cells.text
    listed = client_as(house, "auditor").get(f"{API}/grants").json()["items"]
    stand = {each["id"]: [why["code"] for why in each["why_not"]] for each in listed}
    assert (stand[one], stand[other]) == (["policy-unenforceable"], [])
    analyst = browser_as(house, "analyst", "en")
    for path in ("/grants", "/extracts/new", "/queries/new", "/enclave/new"):
        assert analyst.get(path).status_code == 200, path
    shares = client_as(house, "analyst").get("/delta-sharing/shares")
    assert shares.status_code in (200, 403), shares.text
    package = client_as(house, "analyst").get("/api/3/action/package_show?id=DP-BC-002")
    assert package.status_code == 200, package.text
    watch = browser_as(house, "auditor", "en")
    for path in ("/matrix", "/", "/supervision", "/grants", "/self-checks?subject=insurer"):
        assert watch.get(path).status_code == 200, path
    checked = client_as(house, "applicant").get(f"{API}/applications/{later.id}/precheck")
    assert checked.status_code == 200, checked.text
    year = client_as(house, "auditor").get(f"{API}/disclosure/2026?lang=en")
    if member == "columns":
        assert year.status_code == 200, "it tells nothing of columns"
    else:
        _refused(year, one, f"({member})")
