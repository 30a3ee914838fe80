"""From the made file to its release: who decides, what the requester gets, and that nothing can be had before."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from api.durable import note_deadlines
from api.house import House
from auth.actor import SYSTEM
from auth.messages import service as messages
from auth.profile.model import shipped
from core.errors import AccessRefused, Conflict, NotFound, Stale, TransitionRefused
from core.ids import ExtractId
from core.jobs import JobRow
from datasets.extracts import downloading, signing
from datasets.extracts import service as extracts
from datasets.outputs import deciding, opening
from datasets.outputs.models import OutputRefuse, OutputRelease
from datasets.outputs.tables import OutputReviewRow
from datasets.sharing import service as sharing
from tests.conftest import TestClock
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import reader, works
from tests.people import client_as

NOTE = OutputRelease(note="逐项核对无误")
AGAINST = OutputRefuse(refusal="beyond-purpose", note="与场景不符")


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def _waits(scene: Scene) -> tuple[str, str]:
    """An extract that is made and waits: its id and its review's."""
    made = scene.asks()
    scene.works(releases=False)
    assert scene.extract(made.id).state == "in_review"
    return made.id, scene.waiting()[-1]


def _release(scene: Scene, review_id: str, who: str = "checker") -> str:
    with scene.desk.write(who) as (work, actor):
        return deciding.release(work, actor, review_id, NOTE, scene.signer).state


def _refuse(scene: Scene, review_id: str, who: str = "checker") -> str:
    with scene.desk.write(who) as (work, actor):
        return deciding.refuse(work, actor, review_id, AGAINST, scene.signer).state


def _two_checkers(monkeypatch: pytest.MonkeyPatch) -> None:
    district = shipped()["district-authorised-operation"]
    two = district.model_copy(update={"checkers": {2: {"extract_parquet": 2}}, "agreement": False})
    for where in ("datasets.outputs.opening", "datasets.extracts.deciding", "datasets.extracts.delivering"):
        monkeypatch.setattr(f"{where}.limits_under", lambda *_: two.limits())


def test_a_released_file_leaves_with_a_receipt_that_names_the_review(house: House) -> None:
    scene = a_scene(house)
    extract_id, review_id = _waits(scene)
    assert _release(scene, review_id) == "released"
    found = scene.extract(extract_id)
    assert (found.state, found.checked_by) == ("ready", 1)
    with scene.desk.read("analyst") as (work, actor):
        text = extracts.receipt(work, actor, ExtractId(extract_id))
        assert messages.inbox(work, actor)[0][0].kind == "output.released"
    said = json.loads(text)
    assert said["output_review"]["review"] == review_id
    assert len(said["output_review"]["checkers"]) == 1
    assert signing.check(text.encode(), file=scene.file(extract_id)).flaws == ()
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (1, found.rows, found.size_bytes)
    kinds = [kind for kind, _ in scene.events("output.")]
    assert kinds == ["output.opened", "output.voted", "output.released"]


def test_before_the_release_the_file_cannot_be_had_in_any_way(scene: Scene) -> None:
    extract_id, review_id = _waits(scene)
    with scene.house.read() as work:
        sha256 = work.db.get_one(OutputReviewRow, review_id).sha256
    for who in ("analyst", "officer", "auditor", "checker", "watch"):
        client = client_as(scene.house, who)
        for path in (f"/api/v1/extracts/{extract_id}/file", f"/api/v1/extracts/{extract_id}/receipt",
                     f"/extracts/{extract_id}/file", f"/extracts/{extract_id}/receipt.json",
                     f"/api/v1/extracts/{extract_id}/proof"):  # fmt: skip
            answer = client.get(path)
            assert answer.status_code in (401, 403, 404, 409), (who, path, answer.status_code)
        seen = client.get(f"/api/v1/extracts/{extract_id}")
        assert sha256 not in seen.text
        assert sha256 not in client.get(f"/extracts/{extract_id}").text
    with scene.desk.write("analyst") as (work, actor):
        with pytest.raises(Conflict, match="waits for its output review"):
            downloading.open_download(work, actor, ExtractId(extract_id))
        assert extracts.queries.delivered_as(work, [sha256]) == {}
    assert scene.house.files.verify(sha256)


def test_a_refused_file_never_leaves_and_costs_nothing(house: House) -> None:
    scene = a_scene(house)
    extract_id, review_id = _waits(scene)
    assert _refuse(scene, review_id) == "refused"
    found = scene.extract(extract_id)
    assert (found.state, found.sha256, found.receipt_hash) == ("refused", None, None)
    assert "Beyond purpose" in found.failed_en
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (0, 0, 0)
    with scene.house.read() as work:
        assert scene.house.files.has(work.db.get_one(OutputReviewRow, review_id).sha256)
    with pytest.raises(TransitionRefused):
        _release(scene, review_id, "checker2")
    answer = client_as(scene.house, "analyst").get(f"/api/v1/extracts/{extract_id}/file")
    assert answer.status_code == 409


def test_the_view_of_a_grant_waits_as_well(scene: Scene) -> None:
    who = reader(scene)
    with scene.house.write() as work:
        key = sharing.want(work, who, None).id
    works(scene, releases=False)
    with scene.house.read() as work:
        row = sharing.row(work, key)
        assert (row.state, row.sha256) == ("in_review", None)
        assert sharing.ready(work, who, None) is None
        assert isinstance(sharing.being_made(work, row), Conflict)
        review_id = scene.waiting()[-1]
    _refuse(scene, review_id)
    with scene.house.write() as work, pytest.raises(Conflict, match="refused it"):
        sharing.want(work, who, None)
    assert sharing_state(scene, key) == ("refused", None)


def sharing_state(scene: Scene, key: str) -> tuple[str, str | None]:
    with scene.house.read() as work:
        row = sharing.row(work, key)
        return row.state, row.sha256


def test_same_bytes_of_a_view_that_was_dropped_need_no_second_review(scene: Scene) -> None:
    who = reader(scene)
    with scene.house.write() as work:
        key = sharing.want(work, who, None).id
    works(scene)
    with scene.house.write() as work:
        row = sharing.row(work, key, to_change=True)
        row.state, row.sha256, row.job_id = "dropped", None, None
        work.db.add(row)
    with scene.house.write() as work:
        sharing.want(work, who, None)
    works(scene, releases=False)
    assert sharing_state(scene, key)[0] == "ready"


def test_two_people_review_apart_where_the_profile_asks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _two_checkers(monkeypatch)
    extract_id, review_id = _waits(scene)
    assert _release(scene, review_id) == "in_review"
    with pytest.raises(AccessRefused, match="another person"):
        _release(scene, review_id)
    with scene.desk.read("checker2") as (work, actor):
        seen = deciding.detail(work, actor, review_id)
        assert (seen.voted, seen.votes) == (1, [])  # blinded: that somebody spoke, not what
    assert "releases" not in json.dumps([each for _, each in scene.events("output.voted")])
    assert _refuse(scene, review_id, "checker2") == "refused"
    assert scene.extract(extract_id).state == "refused"
    with scene.desk.read("checker") as (work, actor):
        assert len(deciding.detail(work, actor, review_id).votes) == 2


def test_a_file_reviewed_by_fewer_than_asked_for_now_stays(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.delivered()
    _two_checkers(monkeypatch)
    with scene.desk.write("analyst") as (work, actor), pytest.raises(AccessRefused) as refused:
        downloading.open_download(work, actor, ExtractId(made.id))
    assert "output-review-missing" in [each.code for each in refused.value.reasons]


def test_a_grant_that_ended_meanwhile_releases_nothing(scene: Scene) -> None:
    extract_id, review_id = _waits(scene)
    scene.suspends()
    with pytest.raises(AccessRefused):
        _release(scene, review_id)
    assert scene.extract(extract_id).state == "in_review"
    scene.resumes()
    assert _release(scene, review_id) == "released"


@pytest.mark.parametrize(
    "who", ["analyst", "approver", "screener", "steward_a", "watch", "auditor", "officer2"]
)
def test_others_do_not_vote(scene: Scene, who: str) -> None:
    extract_id, review_id = _waits(scene)
    for act in (_release, _refuse):
        with pytest.raises((AccessRefused, NotFound)):
            act(scene, review_id, who)
    assert scene.extract(extract_id).state == "in_review"


def test_whoever_decided_the_grant_or_started_the_job_does_not_review(scene: Scene) -> None:
    extract_id, review_id = _waits(scene)
    with scene.desk.read("checker") as (_, actor):
        me = actor.person_id
    with scene.house.write() as work:
        row = work.db.get_one(OutputReviewRow, review_id)
        row.approvers = [*row.approvers, me]  # the role came later; the person is the same
        work.db.add(row)
    with pytest.raises(AccessRefused, match="decided on this grant"):
        _release(scene, review_id)
    with scene.house.write() as work:
        job = work.db.exec(select(JobRow).where(JobRow.id == scene.extract(extract_id).job_id)).one()
        assert opening._builders(work, job.id) == [scene_person(scene, "analyst")]
    with scene.house.read() as work:
        assert work.db.get_one(OutputReviewRow, review_id).approvers[:-1] == [scene_person(scene, "approver")]


def scene_person(scene: Scene, who: str) -> str:
    with scene.desk.read(who) as (_, actor):
        return actor.person_id


def test_findings_that_stop_cannot_be_voted_away(scene: Scene) -> None:
    _, review_id = _waits(scene)
    with scene.house.write() as work:
        row = work.db.get_one(OutputReviewRow, review_id)
        row.findings = [
            {
                "code": "identity-number",
                "column": "x",
                "rows": 1,
                "weight": "stops",
                "zh": "有",
                "en": "there",
            }
        ]
        work.db.add(row)
    with pytest.raises(AccessRefused) as refused:
        _release(scene, review_id)
    assert [each.code for each in refused.value.reasons] == ["output-identity-number"]
    assert _refuse(scene, review_id) == "refused"


def test_a_stale_page_decides_nothing(scene: Scene) -> None:
    _, review_id = _waits(scene)
    body = OutputRelease(note="核对无误", version=7)
    with scene.desk.write("checker") as (work, actor), pytest.raises(Stale):
        deciding.release(work, actor, review_id, body, scene.signer)


def test_the_requester_withdraws_while_it_waits(scene: Scene) -> None:
    extract_id, review_id = _waits(scene)
    client = client_as(scene.house, "analyst")
    assert client_as(scene.house, "officer2").post(f"/api/v1/extracts/{extract_id}/withdraw").status_code in (
        403,
        404,
    )
    assert client.post(f"/api/v1/extracts/{extract_id}/withdraw").json()["state"] == "withdrawn"
    assert client.post(f"/api/v1/extracts/{extract_id}/withdraw").status_code == 409
    used = scene.view().used
    assert (used.extracts, used.rows, used.bytes) == (1, 0, 0)  # the question stays asked
    assert client.get(f"/api/v1/extracts/{extract_id}").json()["rows"] is None
    with pytest.raises(TransitionRefused):
        _release(scene, review_id)


def test_while_it_waits_nobody_learns_how_many_rows_it_has(scene: Scene) -> None:
    """Neither from the extract, nor from the order of a list, nor from what it takes of the quota."""
    extract_id, review_id = _waits(scene)
    client = client_as(scene.house, "analyst")
    seen = client.get(f"/api/v1/extracts/{extract_id}").json()
    assert (seen["rows"], seen["size_bytes"]) == (None, None)
    used = scene.view().used
    assert (used.rows, used.bytes % 65_536) == (10, 0)  # it has 5
    assert client.get("/api/v1/extracts", params={"sort": "rows"}).json()["items"][0]["rows"] is None
    _release(scene, review_id)
    assert (scene.extract(extract_id).rows, scene.view().used.rows) == (5, 5)


def test_a_look_is_written_down_and_is_the_checkers_alone(scene: Scene) -> None:
    _, review_id = _waits(scene)
    checker = client_as(scene.house, "checker")
    seen = checker.post(f"/api/v1/outputs/{review_id}/sample").json()
    assert (seen["total"], sorted(row[0] for row in seen["items"])) == (5, ["V1", "V2", "V3", "V4", "V5"])
    assert [kind for kind, _ in scene.events("output.looked")] == ["output.looked"]
    assert client_as(scene.house, "auditor").post(f"/api/v1/outputs/{review_id}/sample").status_code == 403
    assert client_as(scene.house, "analyst").get(f"/api/v1/outputs/{review_id}").status_code in (403, 404)


def test_lists_and_pages_in_both_languages(scene: Scene) -> None:
    _, review_id = _waits(scene)
    checker = client_as(scene.house, "checker")
    listed = checker.get("/api/v1/outputs", params={"state": "in_review"}).json()
    assert [each["id"] for each in listed["items"]] == [review_id]
    assert client_as(scene.house, "parks_checker").get("/api/v1/outputs").json()["total"] == 1
    for lang in ("zh", "en"):
        headers = {"accept-language": lang, "accept": "text/html"}
        for path in ("/outputs", f"/outputs/{review_id}", "/outputs?state=refused", "/"):
            assert checker.get(path, headers=headers).status_code == 200, path


def test_a_file_that_was_not_checked_is_not_put_before_anybody(scene: Scene) -> None:
    """A level that was raised while the file was being made."""
    unchecked = _unchecked(scene)
    with scene.house.write() as work:
        policy = scene.view().policy
        assert opening.needed(work, "DP-BC-002", "extract_parquet", policy) == 1
        assert opening.needed(work, "DP-XX-999", "extract_parquet", policy) == 2  # gone: the most careful
        with pytest.raises(Conflict, match="came to need"):
            opening.open_review(work, SYSTEM, unchecked)


def _unchecked(scene: Scene) -> opening.Output:
    return opening.Output(
        "extract", "x", "DP-BC-002", "insurer", scene.grant_id, "a", "r", 1, "extract_parquet", "p", [], "0" * 64, 0, 0,
        "analyst", None, None, {},
    )  # fmt: skip


def test_an_overdue_review_is_told_of_once(scene: Scene, clock: TestClock) -> None:
    _waits(scene)
    clock.now += timedelta(days=2)
    assert note_deadlines(scene.house) == 0
    clock.now += timedelta(days=3)
    assert [note_deadlines(scene.house), note_deadlines(scene.house)] == [1, 0]
    for who in ("checker", "parks_approver"):
        with scene.desk.read(who) as (work, actor):
            assert messages.inbox(work, actor)[0][0].kind == "output.overdue"
