"""What waits under a grant that is amended goes on under the amendment where that covers it, and else ends with every reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.durable import note_deadlines
from api.house import House
from auth.grants import ledger
from auth.grants import queries as grant_queries
from core.ids import ExtractId, GrantId
from core.jobs import JobRow
from core.text import Text
from datasets.enclave.model import EnclaveDetail
from datasets.extracts import delivering, downloading
from datasets.extracts import service as extracts
from datasets.outputs.tables import OutputReviewRow
from datasets.sharing import service as sharing
from tests.amending import amended
from tests.datasets.enclave.scene import MASKED, EnclaveScene, an_enclave_scene
from tests.datasets.extracts.scene import a_scene
from tests.datasets.sharing.reading import reader
from tests.datasets.sharing.reading import works as views_work
from tests.people import browser_as, client_as

PLAIN = [{"name": name, "reason": "核对场所分布情况"} for name in ("venue_id", "district")]


def _told(house: House, who: str = "analyst") -> list[tuple[str, str]]:
    """What the person was told of requests, newest first, in English."""
    found = client_as(house, who).get("/api/v1/me/messages").json()["items"]
    return [(each["kind"], each["en"]) for each in found if each["kind"].startswith("request.")]


def _used(house: House, grant_id: str) -> tuple[int, int, int]:
    with house.read() as work:
        used = grant_queries.view(work, GrantId(grant_id)).used
        return used.extracts, used.rows, used.per_day


def test_an_extract_that_is_being_made_goes_on_under_the_amendment(house: House) -> None:
    scene = a_scene(house)
    before = scene.grant_id
    asked = scene.asks(columns=["venue_id", "contact_phone"])
    after = amended(scene.desk, before, quotas={"extracts": 1})
    found = scene.extract(asked.id)
    assert (found.state, found.grant_id, found.asked_under) == ("building", after, before)
    assert _told(house)[0][0] == "request.carried"
    assert after in _told(house)[0][1]
    scene.grant_id = after
    scene.works()
    done = scene.extract(asked.id)
    assert done.state == "ready", done.failed_en
    with scene.desk.read("analyst") as (work, actor):
        receipt = json.loads(extracts.receipt(work, actor, ExtractId(asked.id)))
    assert receipt["grant"] == after
    with scene.desk.write("analyst") as (work, actor):
        assert downloading.open_download(work, actor, ExtractId(asked.id)), (
            "it is to be had under the grant in force"
        )
    assert _used(house, after) == (1, 5, 1), "charged once, with the day on which it was asked for"
    with house.read() as work:
        assert ledger.taken_for(work, before, asked.id)["extracts"] == 0
    assert "asked_under" in client_as(house, "analyst").get(f"/api/v1/extracts/{asked.id}").json()
    page = browser_as(house, "analyst").get(f"/extracts/{asked.id}").text
    assert before in page


def test_a_file_that_waits_for_its_checkers_is_made_anew_and_reviewed_as_the_amendment_asks(
    house: House,
) -> None:
    scene = a_scene(house)
    asked = scene.asks(columns=["venue_id"])
    scene.works(releases=False)
    (first,) = scene.waiting()
    after = amended(scene.desk, scene.grant_id, safeguards={"checkers": 2})
    scene.grant_id = after
    with house.read() as work:
        assert work.db.get_one(OutputReviewRow, first).state == "withdrawn"
    assert _used(house, after) == (1, 0, 1), "its rows are free until it is made again"
    scene.works(releases=False)
    (second,) = scene.waiting()
    with house.read() as work:
        review = work.db.get_one(OutputReviewRow, second)
        assert (review.grant_id, review.needed) == (after, 2)
    scene.checks()
    assert scene.extract(asked.id).state == "in_review", "one of two has spoken"
    scene.checks("checker2")
    assert scene.extract(asked.id).state == "ready"


@pytest.mark.parametrize("made", [False, True])
def test_what_the_amendment_no_longer_covers_ends_with_every_reason(house: House, made: bool) -> None:
    scene = a_scene(house, columns=PLAIN)
    asked = scene.asks(columns=["venue_id", "district"])
    if made:
        scene.works(releases=False)
    after = amended(scene.desk, scene.grant_id, columns=PLAIN[:1])
    found = scene.extract(asked.id)
    assert (found.state, found.grant_id, found.asked_under) == ("failed", scene.grant_id, None)
    assert "district" in found.failed_en
    assert "district" in found.failed_zh
    kind, text = _told(house)[0]
    assert kind == "request.not_carried"
    assert "district" in text
    assert _used(house, after)[:2] == (0, 0), "what did not come is free again"
    scene.grant_id = after
    scene.works()
    assert scene.extract(asked.id).state == "failed"
    assert scene.waiting() == []
    page = browser_as(house, "analyst").get(f"/extracts/{asked.id}").text
    assert "district" in page


def test_a_quota_that_others_have_used_up_ends_it(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, quotas={"extracts": 3})
    scene.delivered(columns=["venue_id"])
    asked = scene.asks(columns=["venue_id"])
    amended(scene.desk, scene.grant_id, quotas={"extracts": 1})
    found = scene.extract(asked.id)
    assert found.state == "failed"
    assert "1" in found.failed_en


def test_a_job_of_before_delivers_nothing_under_the_amendment(sqlite_house: House) -> None:
    """The file that it made has the pseudonyms of the earlier grant: another one is made, and only that leaves."""
    scene = a_scene(sqlite_house)
    asked = scene.asks(columns=["venue_id", "contact_phone"])
    job_id = scene.extract(asked.id).job_id
    with sqlite_house.read() as work:
        payload = json.loads(work.db.get_one(JobRow, job_id).payload)
    scene.grant_id = amended(scene.desk, scene.grant_id)
    with sqlite_house.write() as work:
        assert delivering.making(work, payload) is None
        delivering.give_up(work, payload, Text("取消", "cancelled"))
    found = scene.extract(asked.id)
    assert found.state == "building"
    assert found.job_id != job_id
    scene.works()
    assert scene.extract(asked.id).state == "ready"


def test_what_an_earlier_version_left_waiting_is_carried_over_by_the_worker(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_scene(house)
    asked = scene.asks(columns=["venue_id"])
    monkeypatch.setattr("tests.desk.carrying.go_on", lambda *_: None)
    first = amended(scene.desk, scene.grant_id)
    second = amended(scene.desk, first)
    monkeypatch.undo()
    assert scene.extract(asked.id).grant_id == scene.grant_id
    assert note_deadlines(house) >= 1
    found = scene.extract(asked.id)
    assert (found.grant_id, found.asked_under, found.state) == (second, scene.grant_id, "building")
    assert note_deadlines(house) == 0


def test_a_view_of_before_waits_for_its_checkers_no_longer(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house)
    who = reader(scene)
    with sqlite_house.write() as work:
        sharing.want(work, who, None)
    views_work(scene, releases=False)
    (review_id,) = scene.waiting()
    amended(scene.desk, scene.grant_id)
    assert scene.waiting() == []
    with sqlite_house.read() as work:
        view = sharing.row(work, work.db.get_one(OutputReviewRow, review_id).subject_id)
        assert view.state == "failed"


# -- the enclave

WIDER = {"quotas": {"extracts": 50, "rows": 1000}}


def _enclave(house: House, state: str) -> tuple[EnclaveScene, EnclaveDetail]:
    scene = an_enclave_scene(house)
    made = scene.submits()
    if state == "returned":
        scene.decides(made.id, decision="return")
    if state in ("approved", "in_review"):
        scene.decides(made.id)
    if state == "in_review":
        scene.works()
    found = scene.shown(made.id)
    assert found.state == state
    return scene, found


def _columns(**uses: Any) -> list[dict[str, Any]]:
    return [each | uses.get(each["name"], {}) for each in _rows() if uses.get(each["name"], {}) is not None]


def _rows() -> list[dict[str, Any]]:
    return [each if isinstance(each, dict) else {"name": each, "reason": "统计分析需要"} for each in MASKED]


@pytest.mark.parametrize(
    ("state", "then"),
    [
        ("submitted", "submitted"),
        ("returned", "returned"),
        ("approved", "approved"),
        ("in_review", "approved"),
    ],
)
def test_a_request_goes_on_with_its_approval_where_the_terms_are_the_same(
    house: House, state: str, then: str
) -> None:
    scene, made = _enclave(house, state)
    before, review_id = scene.grant_id, made.review_id
    after = amended(scene.desk, before, **WIDER)
    scene.grant_id = after
    found = scene.shown(made.id)
    assert (found.state, found.grant_id, found.asked_under) == (then, after, before)
    assert found.spec["grant_id"] == after
    assert found.steps[-1].step == "carry"
    assert _used(house, after) == (1, 0, 1)
    assert _told(house)[0][0] == "request.carried"
    if review_id:
        with house.read() as work:
            assert work.db.get_one(OutputReviewRow, review_id).state == "withdrawn"
    if then == "returned":
        scene.revises(made.id, limit=3)
    if then != "approved":
        scene.decides(made.id)
    scene.works()
    done = scene.checks(made.id)
    assert done.state == "released", done.why_en
    with scene.desk.read("analyst") as (work, actor):
        receipt = json.loads(extracts.receipt(work, actor, ExtractId(str(done.extract_id))))
    assert receipt["grant"] == after
    assert _used(house, after)[0] == 1
    assert before in browser_as(house, "analyst").get(f"/enclave/{made.id}").text


@pytest.mark.parametrize("state", ["approved", "in_review"])
def test_what_was_approved_under_other_terms_is_reviewed_anew(house: House, state: str) -> None:
    scene, made = _enclave(house, state)
    after = amended(scene.desk, scene.grant_id, safeguards={"min_group": 11})
    scene.grant_id = after
    found = scene.shown(made.id)
    assert (found.state, found.job_id, found.steps[-1].step) == ("submitted", None, "read_anew")
    scene.works()
    assert scene.shown(made.id).state == "submitted", "the job of before computes nothing"
    kinds = [
        each["kind"] for each in client_as(house, "steward_a").get("/api/v1/me/messages").json()["items"]
    ]
    assert kinds.count("enclave.waits") == 2
    scene.decides(made.id)
    scene.works()
    assert scene.checks(made.id).state == "released"


@pytest.mark.parametrize(("state", "charged"), [("submitted", 0), ("approved", 0), ("in_review", 1)])
def test_a_request_that_is_covered_no_longer_stops(house: House, state: str, charged: int) -> None:
    scene, made = _enclave(house, state)
    before = scene.grant_id
    lots = [each for each in _rows() if each["name"] != "lot"]
    after = amended(scene.desk, before, columns=lots)
    found = scene.shown(made.id)
    assert (found.state, found.grant_id) == ("stopped", before)
    assert "lot" in found.why_en
    assert _told(house)[0][0] == "request.not_carried"
    assert "lot" in _told(house)[0][1]
    assert _used(house, after)[0] == charged, "what was computed stays charged, everything else is free again"
    scene.grant_id = after
    scene.works()
    assert scene.shown(made.id).state == "stopped"


def test_one_that_was_returned_waits_for_its_requester_whatever_stands_against_it(
    sqlite_house: House,
) -> None:
    scene, made = _enclave(sqlite_house, "returned")
    scene.grant_id = amended(
        scene.desk, scene.grant_id, columns=[each for each in _rows() if each["name"] != "lot"]
    )
    found = scene.shown(made.id)
    assert found.state == "returned"
    assert any("lot" in each["en"] for each in found.reasons)
    scene.revises(made.id, group_by=[], select=[{"kind": "count"}])
    assert scene.shown(made.id).state == "submitted"


def test_a_returned_one_beyond_the_new_quota_ends(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house, quotas={"extracts": 5})
    made = scene.submits()
    scene.decides(made.id, decision="return")
    other = scene.submits(limit=2)
    scene.decides(other.id)
    scene.works()
    scene.checks(other.id)
    amended(scene.desk, scene.grant_id, quotas={"extracts": 1})
    assert scene.shown(made.id).state == "stopped"
