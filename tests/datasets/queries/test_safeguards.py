"""A grant that is stricter than the policy profile is so wherever its numbers are used: figures, private answers, files, previews, the enclave."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from api.house import House
from auth.applications import trying
from auth.policy import serving
from core.errors import AccessRefused, Conflict
from core.ids import GrantId
from core.text import Text
from datasets.extracts import downloading
from datasets.extracts import explaining as trials
from datasets.extracts import service as extracts
from datasets.outputs.tables import OutputReviewRow
from datasets.pipeline import extract_build, view_build
from tests.auth.grants.following import follow, granted
from tests.datasets.enclave.scene import an_enclave_scene
from tests.datasets.extracts.scene import VENUES
from tests.datasets.queries.scene import FORMS, GRANTED, a_query_scene, figures
from tests.datasets.queries.test_masked import _shown, a_preview_scene
from tests.datasets.sharing.reading import makes
from tests.datasets.tracing.test_marks import AREA, allows, measured_scene
from tests.desk import a_grant, activated, codes
from tests.people import client_as

BY_LOT = {"group_by": [{"column": "lot"}]}


def _strict(**safeguards: Any) -> dict[str, Any]:
    return {"safeguards": safeguards}


def test_a_larger_least_group_leaves_out_what_the_profile_would_tell(house: House) -> None:
    scene = a_query_scene(house)
    wide = scene.grant_id
    scene.grant_id = scene.grants(columns=list(GRANTED), forms=FORMS, scenario_id="parking", **_strict(min_group=50))  # fmt: skip
    body = scene.body(scenario_id="parking", **BY_LOT)
    plan = client_as(house, "analyst").post("/api/v1/queries/plan", json=body)
    assert plan.json()["min_group"] == 50
    assert figures(scene.query(scenario_id="parking", **BY_LOT)) == {"A": 120, "B": None, "C": None, "D": None, "E": None}  # fmt: skip
    scene.grant_id = wide
    assert figures(scene.query(**BY_LOT))["B"] == 80, "of 40 owners, which is enough for the profile"


def test_a_budget_of_the_grants_whole_life_is_kept_and_amendments_go_on_with_it(house: House) -> None:
    scene = a_query_scene(house, **_strict(epsilon_micro=800_000, epsilon_each_micro=500_000))
    scene.caps()
    assert scene.private_code(epsilon_micro=500_001) == ["epsilon-out-of-range"]
    assert scene.private_code(epsilon_micro=500_000) == []
    assert scene.private_code(epsilon_micro=300_001) == ["budget-exhausted"]
    assert scene.private_code(epsilon_micro=500_000) == [], "the same question again costs nothing"
    old = scene.grant_id
    scene.grant_id = GrantId(granted(scene.desk, follow(scene.desk, old)))
    activated(scene.desk, scene.grant_id)
    assert scene.private_code(epsilon_micro=300_001) == ["budget-exhausted"], "spent under the grant before"
    assert scene.private_code(epsilon_micro=300_000) == []
    assert scene.private_code(epsilon_micro=10_000) == ["budget-exhausted"]


def test_files_wait_for_as_many_reviewers_as_the_grant_asks_for(house: House) -> None:
    scene = measured_scene(house, rows=20)
    assert scene.delivered(columns=["venue_id"]).state == "ready"
    scene.grant_id = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id"], scenario_id="parking", **_strict(checkers=2)).id  # fmt: skip
    asked = scene.asks(columns=["venue_id"], scenario_id="parking")
    scene.works(releases=False)
    with scene.desk.read("analyst") as (work, actor):
        assert extracts.extract(work, actor, asked.id).state == "in_review"
    reviews = client_as(house, "checker").get("/api/v1/outputs").json()["items"]
    assert sorted(each["needed"] for each in reviews) == [1, 2], "one by the profile, two by the grant"


@pytest.mark.parametrize(
    ("strict", "code"),
    [({"checkers": 1}, "preview-needs-review"), ({"watermark": True}, "watermark-impossible")],
)
def test_a_preview_that_could_never_be_shown_is_not_applied_for(
    sqlite_house: House, strict: dict[str, Any], code: str
) -> None:
    with pytest.raises(AccessRefused) as refused:
        a_preview_scene(sqlite_house, **_strict(**strict))
    assert codes(refused) == [code]


def test_a_preview_is_refused_where_terms_agreed_before_ask_for_what_it_cannot_give(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # as before the rule
        patch.setattr(serving, "NEEDS", ())
        scene = a_preview_scene(sqlite_house, **_strict(checkers=1))
    with pytest.raises(AccessRefused) as refused:
        _shown(scene)
    assert codes(refused) == ["preview-needs-review"]
    with monkeypatch.context() as patch:
        patch.setattr(serving, "NEEDS", ())
        scene.grant_id = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["area_m2"], forms=["preview"], scenario_id="parking", **_strict(watermark=True)).id  # fmt: skip
    with pytest.raises(AccessRefused) as refused:
        _shown(scene)
    assert codes(refused) == ["watermark-impossible"]


def test_rows_bear_hidden_marks_or_do_not_leave(house: House) -> None:
    scene = measured_scene(house, rows=200)
    scene.grant_id = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id", "area_m2"], scenario_id="parking", **_strict(watermark=True)).id  # fmt: skip
    ask = {"scenario_id": "parking"}
    with pytest.raises(AccessRefused) as refused:
        scene.asks(**ask)
    assert codes(refused) == ["watermark-impossible"], "the steward allows marks nowhere"
    allows(scene, AREA)
    with pytest.raises(AccessRefused) as refused:
        scene.asks(columns=["venue_id"], **ask)
    assert codes(refused) == ["watermark-impossible"], "nor in these columns"
    made = scene.delivered(**ask)
    with scene.desk.read("analyst") as (work, actor):
        assert json.loads(extracts.receipt(work, actor, made.id))["marks"]["columns"] == AREA
    allows(scene, {})
    with scene.desk.read("analyst") as (work, actor):
        assert downloading.open_download(work, actor, made.id), "what bears its marks stays to be had"


def test_a_file_that_the_export_suite_lets_out_without_marks_alone_stays_in(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_with_marks(ctx: Any, release: Any, recipe: Any, out: Any, **_: Any) -> None:
        if recipe.marks:
            raise Conflict(Text("未通过", "not passed"))

    scene = measured_scene(sqlite_house, rows=50)
    allows(scene, AREA)
    scene.grant_id = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id", "area_m2"], scenario_id="parking", **_strict(watermark=True)).id  # fmt: skip
    view = makes(scene)
    assert view.marks == AREA
    for module in (extract_build, view_build):
        monkeypatch.setattr(module, "judged", fails_with_marks)
    asked = scene.asks(scenario_id="parking")
    scene.works()
    with scene.desk.read("analyst") as (work, actor):
        found = extracts.extract(work, actor, asked.id)
    assert (found.state, "hidden marks" in found.failed_en) == ("failed", True)


def test_the_enclave_holds_to_the_grants_least_group(sqlite_house: House) -> None:
    scene = an_enclave_scene(sqlite_house, **_strict(min_group=50))
    done = scene.computed()
    assert done.state == "in_review"
    with sqlite_house.read() as work:
        review = work.db.get_one(OutputReviewRow, done.review_id)
        rows = pq.read_table(sqlite_house.files.path(review.sha256)).to_pylist()
    assert {row["lot"]: row["count"] for row in rows}.get("B") is None


def test_the_trial_of_a_policy_counts_by_its_own_least_group(sqlite_house: House) -> None:
    scene = measured_scene(sqlite_house, rows=30)
    grant = a_grant(scene.desk, asset=scene.desk.known[VENUES], columns=["venue_id"], scenario_id="parking", **_strict(min_group=40, watermark=True))  # fmt: skip
    with scene.desk.read("approver") as (work, actor):
        tried = trying.of_grant(work, actor, grant.id)
        found = trials.simulate(work, actor, tried, sqlite_house.files, sqlite_house.settings)
        said = trials.explain(work, tried, trials.ExplainAsk())
    assert (found.draft.rows, found.draft.below) == (None, 40)
    (marks,) = [each for each in said.spoken if each.rule == "marks-can-be-borne"]
    assert [each.code for each in marks.reasons] == ["watermark-impossible"]
