"""Hidden marks: where they may be, that they change nothing else, and whom they name."""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from api.house import House, open_house
from catalog.tables import ColumnRow
from core.errors import AccessRefused, Conflict
from datasets.extracts import signing
from datasets.extracts.keys import mark_key, person_mark_key
from datasets.sharing import service as sharing
from datasets.tracing import terms
from datasets.tracing.leak import leak_of
from datasets.tracing.marks import FILES, PERSONS, Ballot, Mark, compared, marked, pattern, pattern_of, votes
from datasets.tracing.rules import NAMED_BELOW, Markable, chance_of, decimals_of, objections
from datasets.tracing.terms import MarkTermsWrite
from tests.datasets.extracts.scene import ROWS, VENUES, Scene, a_scene, a_table
from tests.datasets.sharing.reading import makes, reader
from tests.people import browser_as, client_as

AREA = {"area_m2": 0.5}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None), ({"is_key": True}, "mark-on-key"), ({"is_coded": True}, "mark-on-key"),
        ({"identifier_kind": "QI"}, "mark-on-key"), ({"type": "integer"}, "mark-on-count"),
        ({"type": "string"}, "mark-on-count"), ({"unit": ""}, "mark-unit-missing"), ({"unit": "元"}, "mark-on-money"),
        ({"unit": "万元/年"}, "mark-on-money"), ({"unit": "CNY"}, "mark-on-money"), ({"unit": "人次"}, "mark-on-count"),
        ({"unit": "辆/小时"}, "mark-on-count"), ({"unit": "km/h"}, None), ({"unit": "分钟"}, None),
    ],
)  # fmt: skip
def test_keys_codes_counts_and_money_are_never_marked(changes: dict[str, Any], code: str | None) -> None:
    held: dict[str, Any] = {
        "name": "v", "type": "number", "unit": "m", "is_key": False, "is_coded": False, "identifier_kind": "none"
    }  # fmt: skip
    found = [each.code for each in objections({"v": Markable(**(held | changes))}, {"v": 0.1})]
    assert found == ([] if code is None else [code])
    assert [each.code for each in objections({}, {"w": 0.1})] == ["mark-column-unknown"]
    assert [each.code for each in objections({"v": Markable(**held)}, {"v": 1e9})] == ["mark-tolerance"]


@given(
    values=arrays.arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e9, 1e9) | st.just(float("nan"))),
    tolerance=st.sampled_from([0.001, 0.05, 0.1, 0.3, 1.0, 7.0, 10.0]),
    key=st.binary(min_size=32, max_size=32),
)  # fmt: skip
def test_no_value_moves_beyond_the_tolerance_and_marking_twice_is_once(
    values: np.ndarray[Any, Any], tolerance: float, key: bytes
) -> None:
    mark = Mark("v", decimals_of(tolerance), key)
    out = marked(values, mark)
    there = np.isfinite(values)
    assert (np.abs(out[there] - values[there]) <= tolerance * (1 + 1e-6)).all()
    assert np.array_equal(np.isnan(out), np.isnan(values))
    assert ((out == 0) == (values == 0)).all()
    assert np.allclose(marked(out, mark)[there], out[there], rtol=1e-12, atol=1e-9)


def test_bounds_of_the_column_hold() -> None:
    values = np.round(np.linspace(0.1, 10, 100), 1)
    out = marked(values, Mark("v", 1, b"k" * 32, 0.1, 10.0))
    assert out.min() >= 0.1
    assert out.max() <= 10.0
    assert (out != values).sum() > 5


@pytest.mark.parametrize(
    ("agree", "places"), [(0, 0), (5, 10), (30, 40), (60, 60), (700, 1000), (3000, 5000)]
)
def test_the_chance_is_never_below_the_binomial_tail(agree: int, places: int) -> None:
    from math import comb

    tail = sum(comb(places, n) for n in range(agree, places + 1)) / 2**places if places else 1.0
    assert tail <= chance_of(agree, places) <= max(tail * 20, 1.0 if agree * 2 <= places else 0)
    if agree * 4 >= places * 3:
        assert chance_of(agree, places) <= tail * 1.5001, "close to it where most agree"


@pytest.mark.parametrize("copies", [1, 3, 9])
def test_the_median_of_ones_own_copies_still_names_the_person(tmp_path: Path, copies: int) -> None:
    """Formerly every copy had marks of its own, and the median of five had hardly any left."""
    chance = np.random.default_rng(1)
    base = np.round(chance.gamma(4, 9, 12_000), 1)
    people = [bytes([n]) * 32 for n in range(40)]
    files = [[bytes([n, at]) * 16 for at in range(9)] for n in range(40)]

    def mark(who: int, at: int) -> Mark:
        return Mark("speed", 1, files[who][at], person=people[who])

    values = np.median(np.stack([marked(base, mark(7, at)) for at in range(copies)]), axis=0)
    assert 0.05 < (np.abs(values - base) > 0.05).mean() < 0.4
    path = tmp_path / "leak.csv"
    pacsv.write_csv(pa.table({"speed": pa.array(np.round(values, 1))}), path)
    ballot = Ballot(leak_of(path).numbers)
    found: dict[str, set[Any]] = {"person": set(), "file": set()}
    for who, at in product(range(40), range(9)):
        for kind, among, name in (("person", PERSONS, who), ("file", FILES, (who, at))):
            best, _ = ballot.look([mark(who, at)], among)
            if best and best.chance * 40 * 9 * 2 < NAMED_BELOW:
                found[kind].add(name)
    assert found["person"] == {7}
    assert found["file"] == {(7, 0)} if copies == 1 else {who for who, _ in found["file"]} <= {7}


def test_two_people_and_two_files_share_no_half() -> None:
    one, other = Mark("v", 1, b"a" * 32, person=b"p" * 32), Mark("v", 1, b"b" * 32, person=b"p" * 32)
    for mine, theirs in zip(pattern_of(one), pattern_of(other), strict=True):
        assert (mine[PERSONS] == theirs[PERSONS]).all()
        assert 0.4 < (mine[FILES] == theirs[FILES]).mean() < 0.6
    assert all(
        (a == b).all()
        for a, b in zip(pattern_of(Mark("v", 1, b"a" * 32)), pattern(b"a" * 32, "v"), strict=True)
    )
    keys = {person_mark_key(b"m" * 32, grant, person) for grant in ("g", "h") for person in ("p", "q")}
    assert len(keys | {mark_key(b"m" * 32, "g")}) == 5


def test_sixty_leaks_of_two_hundred_recipients_are_named_right_or_not_at_all(tmp_path: Path) -> None:
    """The campaign in small: tests/campaigns/leaks.py runs a thousand, over files that the house made."""
    chance = np.random.default_rng(20261129)
    base = np.round(chance.gamma(4, 9, 12_000), 1)
    patterns = [pattern(bytes([n]) * 32, "speed") for n in range(200)]
    right = wrong = 0
    for number in range(60):
        guilty, rows = int(chance.integers(200)), int(chance.choice([20, 500, 10_000]))
        copy = marked(base, Mark("speed", 1, bytes([guilty]) * 32))
        values = (
            copy[chance.permutation(12_000)[:rows]] if number % 6 else np.round(chance.gamma(4, 9, rows), 1)
        )
        noised = chance.random(rows) < 0.2
        values[noised] = np.round(chance.gamma(4, 9, int(noised.sum())), 1)
        path = tmp_path / "leak.csv"
        columns = {"n": pa.array(range(rows)), "v" if number % 2 else "speed": pa.array(values)}
        pacsv.write_csv(pa.table(columns), path)
        ballots = [votes(found, 1) for found in leak_of(path).numbers.values()]
        tests = len(ballots) * len(patterns)
        named = {
            at
            for at, made in enumerate(patterns)
            for ballot in ballots
            for places, agree in [compared(*ballot, made)]
            if chance_of(agree, places) * tests < NAMED_BELOW
        }
        wrong += bool(named - ({guilty} if number % 6 else set()))
        right += named == {guilty} if number % 6 and rows == 10_000 else named <= {guilty}
    assert (right, wrong) == (60, 0)


@pytest.mark.parametrize(
    "text",
    [
        "speed,name\n35.2,a\n41.0,b\n", "35.2\ta\n41.0\tb\n", '{"speed": 35.2}\n{"speed": 41.0}\nbroken\n',
        "﻿speed;n\n35.2;x\n41.0;y\n",
    ],
)  # fmt: skip
def test_numbers_are_read_from_whatever_came_back(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text, encoding="utf-8")
    assert [list(each) for each in leak_of(tmp_path / "f").numbers.values()] == [[35.2, 41.0]]


def measured_scene(house: House, rows: int = 3000) -> Scene:
    """A release of many venues whose areas are measured to a tenth; the record names the unit."""
    chance = np.random.default_rng(7)
    first = ROWS[0]
    many = [(f"V{n}", *first[1:4], round(float(chance.gamma(4, 40)), 1), *first[5:]) for n in range(rows)]
    scene = a_scene(house, table=a_table(many))
    with house.write() as work:
        row = work.db.get_one(ColumnRow, (VENUES, "area_m2"))
        row.unit = "平方米"
        work.db.add(row)
    return scene


def allows(scene: Scene, columns: dict[str, float], who: str = "steward_a") -> None:
    with scene.desk.write(who) as (work, actor):
        terms.put(work, actor, VENUES, MarkTermsWrite(columns=columns, reason="追查泄露"))


@pytest.mark.slow
def test_a_leak_without_pseudonyms_names_the_very_extract(house: House) -> None:
    scene = measured_scene(house)
    wanted = ["venue_id", "area_m2", "rooms"]
    plain = scene.delivered(columns=wanted)
    allows(scene, AREA)
    first, second = scene.delivered(columns=wanted), scene.delivered(columns=wanted)
    before, after = (scene.table(each.id).column("area_m2").to_numpy() for each in (plain, first))
    assert 0 < (before != after).mean() < 0.5
    assert np.abs(before - after).max() <= 0.5
    assert scene.table(plain.id).column("rooms").equals(scene.table(first.id).column("rooms"))
    with scene.desk.read("analyst") as (work, actor):
        from datasets.extracts import service

        text = service.receipt(work, actor, second.id)
    assert json.loads(text)["marks"] == {"columns": AREA, "left_out": "", "halves": ["person", "file"]}
    assert signing.check(text.encode(), file=scene.file(second.id)).flaws == ()
    leaked = scene.table(second.id).select(["area_m2"]).to_pandas().sample(2000, random_state=1)
    said = (
        client_as(scene.house, "watch")
        .post("/api/v1/traces", content=leaked.to_csv(index=False).encode())
        .json()
    )
    (found,) = said["named"]
    assert (found["grant_id"], found["hits"]) == (scene.grant_id, 0)
    assert sorted((mark["extract_id"], mark["who"]) for mark in found["marks"]) == [
        ("", "analyst"),
        (second.id, ""),
    ]
    assert found["deliveries"][0]["id"] == second.id
    assert [each["is_marked"] for each in found["deliveries"]] == [True, False, False]
    assert found["chance"] < NAMED_BELOW
    page = browser_as(scene.house, "watch", "en")
    shown = page.post(
        "/traces", data={"csrf": page.csrf}, files={"file": ("l.csv", leaked.to_csv().encode())}
    ).text
    assert "bears the hidden mark of delivery" in shown
    assert "that all files of account analyst under this grant share" in shown
    clean = scene.table(plain.id).select(["area_m2"]).to_pandas()
    answer = client_as(scene.house, "watch").post(
        "/api/v1/traces", content=clean.to_csv(index=False).encode()
    )
    assert answer.json()["named"] == []


def test_where_the_export_suite_fails_with_marks_the_file_leaves_without_and_says_so(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets.pipeline import extract_build

    scene = measured_scene(sqlite_house, rows=50)
    allows(scene, AREA)
    judged: list[int] = []

    def fails_with_marks(ctx: Any, release: Path, recipe: Any, out: Path, **_: Any) -> None:
        judged.append(len(recipe.marks))
        if recipe.marks:
            from core.text import Text

            raise Conflict(Text("未通过", "not passed"))

    monkeypatch.setattr(extract_build, "judged", fails_with_marks)
    made = scene.delivered(columns=["venue_id", "area_m2"])
    assert judged == [1, 0]
    with scene.desk.read("analyst") as (work, actor):
        from datasets.extracts import service

        said = json.loads(service.receipt(work, actor, made.id))
    assert said["marks"] == {"columns": {}, "left_out": "export-suite"}
    delivered = [payload for kind, payload in scene.events() if kind == "extract.delivered"]
    assert delivered[-1]["marks"]["left_out"] == "export-suite"
    values = scene.table(made.id).column("area_m2").to_numpy()
    assert np.array_equal(np.sort(values), np.sort(_scene_values(50)))


def test_a_leak_of_a_view_names_its_grant_and_no_other(house: House) -> None:
    """Read in place: each grant's view has marks under a key of its own, told in the open, found again without pseudonyms."""
    scene = measured_scene(house)
    plain = makes(scene)
    allows(scene, AREA)
    view = makes(scene)
    assert (view.id != plain.id, plain.marks, view.marks) == (True, {}, AREA)
    file = pq.read_table(house.files.path(view.sha256 or ""))
    before = pq.read_table(house.files.path(plain.sha256 or "")).column("area_m2").to_numpy()
    assert 0 < (before != file.column("area_m2").to_numpy()).mean() < 0.5
    leaked = file.select(["area_m2"]).to_pandas().sample(2000, random_state=1).to_csv(index=False).encode()
    watch = client_as(scene.house, "watch")
    assert watch.post("/api/v1/traces", content=leaked).json()["named"] == []  # nobody has read it
    who = reader(scene)
    with scene.house.write() as work:
        sharing.begin(work, who, view)
    (found,) = watch.post("/api/v1/traces", content=leaked).json()["named"]  # while it is read
    assert [mark["extract_id"] for mark in found["marks"]] == [view.id]
    with scene.house.write() as work:
        sharing.note_sent(work, view, view.size_bytes or 0, who.actor)
    extract = scene.delivered(columns=["venue_id", "area_m2"])
    (found,) = watch.post("/api/v1/traces", content=leaked).json()["named"]
    assert (found["grant_id"], found["hits"], found["chance"] < NAMED_BELOW) == (scene.grant_id, 0, True)
    assert [mark["extract_id"] for mark in found["marks"]] == [view.id]
    assert {(each["id"], each["who"]): each["is_marked"] for each in found["deliveries"]} == {
        (view.id, "analyst"): True,
        (extract.id, "analyst"): False,
    }
    assert makes(scene).sha256 == view.sha256
    analyst = client_as(scene.house, "analyst")
    told = analyst.get(f"/api/v1/grants/{scene.grant_id}/views").json()
    assert {each["id"]: each["marks"] for each in told} == {view.id: AREA, plain.id: {}}
    assert "may be off by 0.5" in analyst.get(f"/grants/{scene.grant_id}/read?lang=en").text
    assert [payload.get("marks") for kind, payload in scene.events("view.made")] == [None, AREA]
    allows(scene, {})
    assert makes(scene).id == plain.id  # marks that were taken back are in no view that is read from now on


def test_a_view_whose_suite_fails_with_marks_is_made_without(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets.pipeline import view_build

    scene = measured_scene(sqlite_house, rows=50)
    allows(scene, AREA)
    judged: list[int] = []

    def fails_with_marks(ctx: Any, release: Path, recipe: Any, out: Path, **_: Any) -> None:
        judged.append(len(recipe.marks))
        if recipe.marks:
            from core.text import Text

            raise Conflict(Text("未通过", "not passed"))

    monkeypatch.setattr(view_build, "judged", fails_with_marks)
    view = makes(scene)
    assert (judged, view.marks) == ([1, 0], {})
    values = pq.read_table(sqlite_house.files.path(view.sha256 or "")).column("area_m2").to_numpy()
    assert np.array_equal(np.sort(values), np.sort(_scene_values(50)))


def _scene_values(rows: int) -> np.ndarray[Any, Any]:
    chance = np.random.default_rng(7)
    return np.array([round(float(chance.gamma(4, 40)), 1) for _ in range(rows)])


def test_who_may_allow_marks_and_what_is_refused(sqlite_house: House) -> None:
    scene = measured_scene(sqlite_house, rows=20)
    with pytest.raises(AccessRefused) as refused:
        allows(scene, {"rooms": 1.0, "venue_id": 1.0, "contact_phone": 1.0, "area_m2": 0.1})
    assert {each.code for each in refused.value.reasons} >= {"mark-on-count", "mark-on-key"}
    for who, status in (("analyst", 403), ("auditor", 403)):
        answer = client_as(scene.house, who).put(
            f"/api/v1/marks/{VENUES}", json={"columns": AREA, "reason": "追查泄露"}
        )
        assert answer.status_code == status
    steward = browser_as(scene.house, "steward_a", "zh")
    sent = {"csrf": steward.csrf, "tolerance:area_m2": "半", "reason": "追查泄露"}
    assert steward.post(f"/marks/{VENUES}", data=sent).status_code == 422
    steward.post(f"/marks/{VENUES}", data=sent | {"tolerance:area_m2": "0.5"})
    analyst = client_as(scene.house, "analyst")
    assert analyst.get(f"/api/v1/marks/{VENUES}").json()["columns"] == AREA
    assert "± 0.5" in analyst.get(f"/marks/{VENUES}").text
    planned = analyst.post("/api/v1/extracts/plan", json=scene.body().model_dump(mode="json")).json()
    assert planned["marks"] == AREA
    with scene.house.write() as work:  # the dictionary changes: what is allowed is judged again
        row = work.db.get_one(ColumnRow, (VENUES, "area_m2"))
        row.unit = "元"
        work.db.add(row)
    with scene.house.read() as work:
        assert terms.allowed(work, VENUES) == {}


def test_the_command_sets_and_shows(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from api.cli.extract import app

    scene = measured_scene(sqlite_house, rows=20)
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=scene.house.clock))
    where = ["--data-dir", str(scene.house.settings.data_dir), "--json", "--as"]
    words = ["set-marks", VENUES, "--columns", json.dumps(AREA), "--reason", "追查泄露"]
    done = CliRunner().invoke(app, [*words, *where, "steward_a"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["marks", VENUES, *where, "analyst"])
    assert json.loads(done.stdout)["columns"] == AREA
