"""From a specification to a released file, and every way to have more than that."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from auth.grants import queries as grant_queries
from auth.policy.filters.rules import LOCAL
from catalog.tables import DatasetRow
from core.errors import AccessRefused, NotFound, TransitionRefused
from core.ids import ExtractId
from core.jobs import JobRow
from core.work import Work
from datasets.enclave import service
from datasets.enclave.model import EnclaveSpec
from datasets.enclave.tables import EnclaveRow
from datasets.extracts import downloading, signing
from datasets.extracts import service as extracts
from datasets.extracts.tables import ExtractRow
from datasets.outputs.tables import OutputLookRow, OutputReviewRow
from datasets.pipeline import enclave_run
from datasets.queries import history
from tests.conftest import TestClock
from tests.datasets.enclave.scene import COUNT, EnclaveScene, an_enclave_scene, codes_of
from tests.datasets.queries.scene import STAYS, figures
from tests.people import browser_as, client_as

FEE = {"kind": "sum", "column": "fee"}


@pytest.fixture
def scene(sqlite_house: House) -> EnclaveScene:
    return an_enclave_scene(sqlite_house)


def _used(scene: EnclaveScene) -> tuple[int, int]:
    with scene.house.read() as work:
        used = grant_queries.view(work, scene.grant_id).used
        return used.extracts, used.rows


def _table(scene: EnclaveScene, extract_id: str | None) -> list[dict[str, object]]:
    with scene.desk.write("analyst") as (work, actor):
        parcel = downloading.open_download(work, actor, ExtractId(str(extract_id)))
    return pq.read_table(scene.house.files.path(parcel.sha256)).to_pylist()


def test_a_specification_is_reviewed_run_checked_and_released_with_a_receipt(house: House) -> None:
    scene = an_enclave_scene(house)
    made = scene.submits(select=[COUNT, FEE], sort=[{"by": "count", "descending": True}])
    assert (made.state, _used(scene)) == ("submitted", (1, 0))
    assert scene.decides(made.id).state == "approved"
    scene.works()
    waits = scene.shown(made.id)
    assert (waits.state, waits.extract_id) == ("in_review", None)
    assert scene.votes(made.id) == "in_review"
    assert scene.votes(made.id, "checker2") == "released"
    done = scene.shown(made.id)
    assert done.state == "released"
    # D has 3 owners and stays in; C (17) with it, so that the total gives neither away
    assert [(row["lot"], row["count"]) for row in _table(scene, done.extract_id)[:2]] == [
        ("A", 120),
        ("B", 80),
    ]
    with scene.desk.read("analyst") as (work, actor):
        text = extracts.receipt(work, actor, ExtractId(str(done.extract_id)))
    said = json.loads(text)
    assert (said["enclave"]["request"], said["enclave"]["spec_hash"]) == (made.id, made.spec_hash)
    assert len(said["output_review"]["checkers"]) == 2
    assert signing.check(text.encode(), file=_file(scene, done.extract_id)).flaws == ()
    assert [each.step for each in done.steps] == ["submit", "approve", "finish", "release"]
    assert _used(scene) == (1, 5)


def _file(scene: EnclaveScene, extract_id: str | None) -> object:
    with scene.house.read() as work:
        return scene.house.files.path(str(work.db.get_one(ExtractRow, extract_id).sha256))


def test_masked_and_pseudonymised_columns_are_seen_as_the_grant_shows_them(scene: EnclaveScene) -> None:
    done = scene.computed(group_by=[{"column": "minutes"}])
    scene.checks(done.id)
    rows = _table(scene, scene.shown(done.id).extract_id)
    assert {row["minutes"] for row in rows} <= {0, 60}
    assert sum(int(str(row["count"])) for row in rows if row["count"]) == 240
    single = scene.computed(group_by=[{"column": "plate"}])  # each plate is one contributor
    assert (single.state, single.extract_id) == ("suppressed", None)


def test_nothing_can_be_had_before_both_checkers_have_spoken(scene: EnclaveScene) -> None:
    waits = scene.computed()
    with scene.house.read() as work:
        sha256 = work.db.get_one(OutputReviewRow, waits.review_id).sha256
        job = work.db.get_one(JobRow, waits.job_id)
        assert sha256 not in (job.result or "")
        assert work.db.exec(select(ExtractRow)).all() == []
    for who in ("analyst", "officer", "steward_a", "auditor"):
        client = client_as(scene.house, who)
        for path in (
            f"/api/v1/enclave/{waits.id}", f"/enclave/{waits.id}", "/api/v1/queries", "/queries", "/api/v1/extracts",
            f"/api/v1/jobs/{waits.job_id}", f"/api/v1/outputs/{waits.review_id}", f"/outputs/{waits.review_id}",
        ):  # fmt: skip
            text = client.get(path).text
            assert sha256 not in text, (who, path)
            assert '"rows": 1' not in text or who == "auditor"
    assert client_as(scene.house, "analyst").post(
        f"/api/v1/outputs/{waits.review_id}/sample", json={}
    ).status_code in (403, 404)
    assert scene.votes(waits.id) == "in_review"
    assert scene.shown(waits.id).extract_id is None


AGGREGATED = [
    {"name": name, "reason": f"统计需要 {name}", "use": "aggregate_only"} for name in ("lot", "fee")
]


def test_of_level_four_a_result_of_the_enclave_leaves_and_nothing_else(house: House) -> None:
    """The record is graded up to 4 while the grant lives: what was agreed for the enclave goes on, everything else ends."""
    scene = an_enclave_scene(house, forms=["enclave", "query_agg"], columns=AGGREGATED)
    assert scene.code() == []
    with house.write() as work:
        work.db.get_one(DatasetRow, STAYS).data_level = 4
    assert scene.code(where=None, select=[{"kind": "sum", "column": "fee"}]) == ["level-forbids-form"]
    with scene.desk.read("analyst") as (work, actor):
        case = service.consider(work, actor, scene.spec(where={"op": "eq", "column": "lot", "value": "A"}))
    assert {"filter-column-denied", "level-forbids-plain"} <= {each.code for each in case.reasons}
    waits = scene.computed(select=[COUNT, {"kind": "sum", "column": "fee"}])
    assert waits.state == "in_review", waits.why_en
    assert scene.votes(waits.id) == "in_review"
    assert scene.votes(waits.id, "checker2") == "released"
    assert scene.shown(waits.id).extract_id


def test_nobody_votes_on_a_result_unseen(scene: EnclaveScene) -> None:
    waits = scene.computed()
    for releases in (True, False):
        found = codes_of(lambda each=releases: scene.votes(waits.id, releases=each, looks=False))
        assert found == ["output-not-looked-at"]
    seen = scene.looks(waits.id)
    assert len(seen.items) == seen.total, "of a result all is shown"
    assert scene.votes(waits.id, looks=False) == "in_review"
    other = codes_of(lambda: scene.votes(waits.id, "checker2", looks=False))
    assert other == ["output-not-looked-at"], "one's look is not another's"
    with scene.house.write() as work:  # a look at other bytes is none
        for look in work.db.exec(select(OutputLookRow)):
            look.person_id, look.sha256 = "somebody", "0" * 64
        with scene.desk.read("checker2") as (_, second):
            row = OutputLookRow(
                review_id=waits.review_id or "",
                person_id=second.person_id,
                sha256="0" * 64,
                rows=1,
                at=work.now,
            )
            work.db.add(row)
    assert codes_of(lambda: scene.votes(waits.id, "checker2", looks=False)) == ["output-not-looked-at"]
    assert scene.votes(waits.id, "checker2") == "released"


def test_the_page_shows_the_whole_result_before_it_takes_a_vote(scene: EnclaveScene) -> None:
    waits = scene.computed()
    checker = browser_as(scene.house, "checker", "en")
    page = f"/outputs/{waits.review_id}"
    before = checker.get(page).text
    assert "See the whole result" in before
    assert "You have not looked at this result" in before
    assert f"{page}/release" not in before
    version = client_as(scene.house, "checker").get(f"/api/v1{page}").json()["version"]
    refused = checker.submit(f"{page}/release", note="looks fine", version=version)
    assert refused.status_code == 403
    assert "You have not looked at this result" in refused.text
    shown = checker.submit(f"{page}/sample").text
    assert "rows, as they would leave" in shown
    assert f"{page}/release" in shown
    assert checker.submit(f"{page}/release", note="looks fine", version=version).status_code == 303
    api = client_as(scene.house, "checker2")
    assert api.get(f"/api/v1{page}").json()["has_looked"] is False
    assert api.post(f"/api/v1{page}/release", json={"note": "all right"}).status_code == 403
    assert api.post(f"/api/v1{page}/sample", json={}).status_code == 200
    assert api.get(f"/api/v1{page}").json()["has_looked"] is True
    assert api.post(f"/api/v1{page}/release", json={"note": "all right"}).status_code == 200


def test_checkers_are_two_and_neither_analyst_nor_the_steward_who_approved(scene: EnclaveScene) -> None:
    waits = scene.computed()
    scene.votes(waits.id)
    assert codes_of(lambda: scene.votes(waits.id)) == ["second-person-missing"]
    with scene.house.write() as work:  # the steward is made a checker too
        row = work.db.get_one(OutputReviewRow, waits.review_id)
        with scene.desk.read("steward_a") as (_, steward):
            assert row.builders == [steward.person_id]
        assert row.needed == 2
    assert codes_of(lambda: scene.decides(waits.id)) == ["transition-refused"]


@pytest.mark.parametrize("who", ["analyst", "officer", "steward_a", "approver", "security"])
def test_who_may_not_review_cannot(scene: EnclaveScene, who: str) -> None:
    made = scene.submits()
    if who == "steward_a":  # a steward of another department does not even see it
        who = "roads_screener"
    with pytest.raises((AccessRefused, NotFound)):
        scene.decides(made.id, who)
    assert scene.shown(made.id).state == "submitted"


def test_a_specification_changed_after_it_was_read_or_approved_is_not_run(scene: EnclaveScene) -> None:
    made = scene.submits()
    scene.decides(made.id, decision="return")
    again = scene.revises(made.id, where={"op": "le", "column": "day", "value": 5})
    assert codes_of(lambda: scene.decides(made.id, spec_hash=made.spec_hash)) == ["spec-changed"]
    scene.decides(made.id, spec_hash=again.spec_hash)
    with pytest.raises(TransitionRefused):
        scene.revises(made.id)
    with (
        scene.house.write() as work
    ):  # somebody with the database: the specification no longer is what was approved
        row = work.db.get_one(EnclaveRow, made.id)
        row.spec = scene.spec(group_by=[]).model_dump_json()
        work.db.add(row)
    scene.works()
    assert scene.shown(made.id).state == "failed"
    assert "not the one that was approved" in scene.shown(made.id).why_en
    assert _used(scene) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"group_by": [{"column": "note"}]}, "column-not-for-statistics"),
        ({"select": [{"kind": "sum", "column": "stay_id"}]}, "column-not-for-statistics"),
        ({"where": {"op": "eq", "column": "plate", "value": "粤B00001"}}, "filter-column-denied"),
        ({"where": {"op": "ge", "column": "minutes", "value": 60}}, "filter-column-denied"),
        ({"select": [{"kind": "sum", "column": "plate"}]}, "measure-type"),
        ({"group_by": [{"column": "plate", "width": 10}]}, "mask-unfit"),
        ({"purpose": "marketing"}, "purpose-mismatch"),
        ({"scenario_id": "other"}, "scenario-mismatch"),
        ({"dataset_id": "DP-PK-001"}, "grant-for-another-dataset"),
    ],
)  # fmt: skip
def test_a_specification_wider_than_its_grant_is_refused_with_reasons(
    scene: EnclaveScene, changes: dict[str, object], code: str
) -> None:
    assert code in scene.submit_code(**changes)
    assert _used(scene) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"sql": "SELECT 1"}, {"columns": ["plate"]}, {"select": []}, {"joins": [{"dataset_id": "DP-PK-001"}]},
        {"sort": [{"by": "plate"}]}, {"limit": 0}, {"select": [{"kind": "raw", "column": "fee"}]},
    ],
)  # fmt: skip
def test_what_is_no_specification_is_not_one(scene: EnclaveScene, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EnclaveSpec.model_validate(scene.body() | changes)


def test_differencing_by_two_specifications_gains_nothing(scene: EnclaveScene) -> None:
    whole = scene.computed(group_by=[])
    assert whole.state == "in_review"
    without = {"op": "ne", "column": "stay_id", "value": "S1-0"}
    assert scene.computed(group_by=[], where=without).state == "suppressed"
    assert scene.code(where=without) == ["suppressed"]  # nor by a query beside it
    assert figures(scene.query()) == {None: 240}  # what was held already may be told


def test_differencing_against_what_a_query_told_before_gains_nothing(scene: EnclaveScene) -> None:
    assert scene.code() == []
    done = scene.computed(group_by=[], where={"op": "ne", "column": "stay_id", "value": "S1-0"})
    assert done.state == "suppressed"
    assert "disclosure control" in done.why_en
    assert _used(scene)[0] == 2  # charged: asking is what teaches


def test_others_who_are_told_something_all_the_while_do_not_keep_a_result_from_its_checkers(
    scene: EnclaveScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures are weighed a last time while nobody can be told anything: it is charged for, so it ends by an answer."""
    looks: list[object] = []

    def never_twice_the_same(*_: object) -> object:
        looks.append(object())
        return looks[-1]

    moving = SimpleNamespace(told=never_twice_the_same, keep=history.keep)
    monkeypatch.setattr(enclave_run, "history", moving)
    assert scene.computed(group_by=[]).state == "in_review"
    assert len(looks) == enclave_run._TRIES - 1


def test_what_others_were_told_meanwhile_counts_in_the_last_weighing_too(
    scene: EnclaveScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enclave_run, "history", SimpleNamespace(told=lambda *_: object(), keep=history.keep))
    weighed, calls = enclave_run.weighed, list[None]()

    def told_meanwhile(*given: Any) -> Any:
        found = weighed(*given)
        if len(calls) == enclave_run._TRIES - 2:  # after the last look that others can follow
            assert scene.code() == []
        calls.append(None)
        return found

    monkeypatch.setattr(enclave_run, "weighed", told_meanwhile)
    without = {"op": "ne", "column": "stay_id", "value": "S1-0"}
    assert scene.computed(group_by=[], where=without).state == "suppressed"
    assert len(calls) == enclave_run._TRIES


def test_the_grants_own_filter_holds_inside(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house, row_filter={"op": "eq", "column": "lot", "value": "A"})
    done = scene.computed()
    scene.checks(done.id)
    rows = _table(scene, scene.shown(done.id).extract_id)
    assert [(row["lot"], row["count"]) for row in rows if row["count"]] == [("A", 120)]


def test_a_grant_that_ends_stops_it_at_every_stage(scene: EnclaveScene) -> None:
    first, second, third, fourth = (scene.submits() for _ in range(4))
    scene.decides(second.id)
    scene.decides(third.id)
    scene.decides(fourth.id)
    scene.suspends()
    assert codes_of(lambda: scene.decides(first.id)) == ["grant-not-active"]  # not yet approved
    assert scene.shown(first.id).reasons[0]["code"] == "grant-not-active"
    with scene.house.write() as work:  # approved and not yet run; two of them are held back
        for other in (third, fourth):
            work.db.get_one(JobRow, scene.shown(other.id).job_id or "").state = "done"
    scene.works()
    assert scene.shown(second.id).state == "stopped"
    scene.resumes()
    with scene.house.write() as work:
        for other in (third, fourth):
            work.db.get_one(JobRow, scene.shown(other.id).job_id or "").state = "queued"
    scene.works()
    scene.checks(fourth.id)
    scene.votes(third.id)
    scene.suspends()
    assert codes_of(lambda: scene.votes(third.id, "checker2")) == ["grant-not-active"]  # at the last vote
    extract_id = scene.shown(fourth.id).extract_id
    assert codes_of(lambda: _table(scene, extract_id)) == [
        "grant-not-active"
    ]  # released, and not fetched yet
    with scene.house.read() as work:
        analyst = scene.actor()
        assert not downloading.may_flow(work, analyst, ExtractId(str(extract_id)))


def test_revoked_while_it_runs_nothing_comes_out(
    scene: EnclaveScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.submits()
    scene.decides(made.id)
    real = service.standing
    seen: list[int] = []

    def late(work: Work, spec: EnclaveSpec) -> object:
        seen.append(1)
        if len(seen) == 3:  # begun, and looked at once while it runs
            scene.suspends()
        return real(work, spec)

    monkeypatch.setattr("datasets.pipeline.enclave_run.service.standing", late)
    scene.works()
    monkeypatch.undo()
    found = scene.shown(made.id)
    assert (found.state, found.review_id) == ("stopped", None)
    assert _used(scene)[0] == 0


def test_cancelled_or_out_of_time_it_ends_and_gives_back(
    scene: EnclaveScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.submits()
    scene.decides(made.id)
    scene.withdraws(made.id)
    scene.works()
    assert (scene.shown(made.id).state, _used(scene)[0]) == ("withdrawn", 0)
    slow = scene.submits()
    scene.decides(slow.id)
    monkeypatch.setattr("datasets.enclave.watch.time.monotonic", iter(range(0, 10**9, 1000)).__next__)
    scene.works()
    monkeypatch.undo()
    found = scene.shown(slow.id)
    assert (found.state, "took longer" in found.why_en, _used(scene)[0]) == ("failed", True, 0)


def test_refused_by_a_checker_it_stays_inside(scene: EnclaveScene) -> None:
    waits = scene.computed()
    scene.votes(waits.id)
    assert scene.votes(waits.id, "checker2", releases=False) == "refused"
    found = scene.shown(waits.id)
    assert (found.state, found.extract_id) == ("refused", None)
    assert "small" in found.why_en
    assert _used(scene)[0] == 1


def test_outputs_of_a_month_are_counted_when_asked_for_and_come_back_where_nothing_leaves(
    house: House, clock: TestClock
) -> None:
    scene = an_enclave_scene(house, quotas={"outputs_per_month": 1})

    def left() -> int:
        with house.read() as work:
            return 1 - grant_queries.view(work, scene.grant_id).used.outputs_per_month

    made = scene.submits()
    assert left() == 0
    assert scene.submit_code() == ["quota-exhausted"]
    with scene.desk.write("analyst") as (work, actor):
        service.withdraw(work, actor, made.id)
    assert left() == 1
    waits = scene.computed()
    assert scene.submit_code() == ["quota-exhausted"]
    scene.votes(waits.id)
    assert scene.votes(waits.id, "checker2", releases=False) == "refused"
    assert left() == 1, "what the checkers keep in has not left"
    waits = scene.computed()
    with scene.desk.write("analyst") as (work, actor):
        service.withdraw(work, actor, waits.id)
    assert left() == 1, "nor has what was taken back before their word"
    waits = scene.computed()
    scene.votes(waits.id)
    assert scene.votes(waits.id, "checker2") == "released"
    assert (left(), scene.submit_code()) == (0, ["quota-exhausted"])
    while clock().astimezone(LOCAL).day != 1:
        clock.forward(hours=1)
    late = scene.submits()
    assert left() == 0
    for _ in range(24 * 31):
        clock.forward(hours=1)
    with scene.desk.write("analyst") as (work, actor):
        service.withdraw(work, actor, late.id)
    assert left() == 1, "a month that is over gets nothing back, and the new one begins whole"


def test_strangers_do_not_see_it_and_every_step_is_on_record(scene: EnclaveScene) -> None:
    made = scene.submits()
    with scene.desk.read("officer2") as (work, actor), pytest.raises(NotFound):
        service.detail(work, actor, made.id)
    assert scene.shown(made.id, "steward_b").commands[0].allowed
    scene.decides(made.id, decision="decline")
    with scene.house.read() as work:
        kinds = [k for k in work.db.exec(select(AuditEventRow.kind)) if k.startswith("enclave.")]
    assert sorted(kinds) == ["enclave.declined", "enclave.submitted"]
    assert _used(scene)[0] == 0
