"""What leaves under a grant, and what never does."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.house import House
from auth.policy.filters.model import parse
from auth.policy.model import EXTRACT_FORMS, ColumnTerm, DeliveryForm
from core.errors import Conflict
from datasets.extracts import service
from datasets.extracts.build import Recipe, build
from datasets.extracts.compile import pseudonym
from datasets.extracts.keys import grant_key, master_key
from datasets.extracts.pseudonyms import pseudonyms
from datasets.formats.kinds import KINDS
from tests.datasets.extracts.decoded import decoded
from tests.datasets.extracts.scene import COLUMNS, GRANTED, VENUES, Scene, a_scene, a_table
from tests.desk import a_grant

SECRETS = ("秘密", "13800000001", "secret_note", "整版元数据")


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def test_an_analyst_gets_the_granted_columns_of_the_release(house: House) -> None:
    scene = a_scene(house)
    made = scene.delivered()
    table = scene.table(made.id)
    assert table.column_names == made.columns == [c if isinstance(c, str) else c["name"] for c in GRANTED]
    assert table.column("venue_id").to_pylist() == ["V1", "V2", "V3", "V4", "V5"]
    assert (made.rows, made.size_bytes) == (5, scene.file(made.id).stat().st_size)


def test_columns_come_in_the_order_asked_for(scene: Scene) -> None:
    made = scene.delivered(columns=["rooms", "venue_id"])
    assert scene.table(made.id).column_names == ["rooms", "venue_id"]


def test_what_was_not_asked_for_is_nowhere_in_the_file(scene: Scene) -> None:
    made = scene.delivered(
        columns=["venue_id", "rooms"], filter={"op": "eq", "column": "district", "value": "大鹏"}
    )
    raw = decoded(scene.file(made.id))
    assert b"V1" in raw
    for word in (*SECRETS, "南澳", "V2", "V5", "district", "contact_phone"):
        assert word.encode() not in raw, word
    file = pq.ParquetFile(scene.file(made.id))
    assert file.schema_arrow.names == ["venue_id", "rooms"]
    assert {key.decode() for key in file.schema_arrow.metadata} == {
        "datagrant.extract", "datagrant.grant", "datagrant.agreement_hash", "datagrant.dataset", "datagrant.release",
    }  # fmt: skip
    statistics = file.metadata.row_group(0).column(1).statistics
    assert (statistics.min, statistics.max) == (12, 12)


@pytest.mark.parametrize("form", sorted(EXTRACT_FORMS - {"extract_geojson"}))
def test_no_value_of_a_dropped_or_masked_column_survives_in_the_bytes(sqlite_house: House, form: str) -> None:
    columns = [
        {"name": "venue_id", "reason": "主键用于核对"},
        {"name": "secret_note", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "drop"}},
        {"name": "contact_phone", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "redact"}},
        {"name": "venue_name", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "keep", "head": 1, "tail": 0}},
    ]  # fmt: skip
    scene = a_scene(sqlite_house, columns=columns, forms=[form])
    path = scene.file(scene.delivered(form=form).id)
    raw = decoded(path)
    assert all(f"V{at}".encode() in raw for at in range(1, 6))
    for word in ("秘密", "1380000", "鹏所城"):
        assert word.encode(KINDS[DeliveryForm(form)].encoding.removesuffix("-sig")) not in raw, word


def test_masks_do_what_the_agreement_says(sqlite_house: House) -> None:
    columns = [
        {"name": "venue_id", "reason": "主键用于核对"},
        {"name": "venue_name", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "keep", "head": 2, "tail": 1}},
        {"name": "district", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "redact"}},
        {"name": "rooms", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "round", "step": 10}},
        {"name": "area_m2", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "round", "step": 0.5}},
        {"name": "opened_on", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "truncate", "unit": "year"}},
        {"name": "seen_at", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "truncate", "unit": "day"}},
        {"name": "is_open", "reason": "核对脱敏效果", "use": "masked", "mask": {"kind": "drop"}},
    ]  # fmt: skip
    scene = a_scene(sqlite_house, columns=columns)
    table = scene.table(scene.delivered().id)
    assert table.column("venue_name").to_pylist() == ["大鹏*城", "=1*1", "＝c*d", None, "+8**话"]
    assert table.column("district").to_pylist() == ["***", "***", "***", None, "***"]
    assert table.column("rooms").to_pylist() == [10, 30, None, 0, 50]
    area = table.column("area_m2").to_pylist()
    assert area[:3] == [80.5, 120.0, None]
    assert math.isnan(area[3])
    assert table.column("opened_on").to_pylist()[:2] == [date(2019, 1, 1), date(2020, 1, 1)]
    assert table.column("seen_at").to_pylist()[0] == datetime.fromisoformat("2026-03-01")
    assert table.column("is_open").null_count == 5


def test_rows_pass_the_grants_filter_and_the_analysts(sqlite_house: House) -> None:
    scene = a_scene(sqlite_house, row_filter={"op": "ge", "column": "rooms", "value": 10})
    assert _ids(scene) == ["V1", "V2", "V5"]
    assert _ids(scene, filter={"op": "lt", "column": "rooms", "value": 40}) == ["V1", "V2"]


@pytest.mark.parametrize(
    "tree",
    [
        {"op": "or", "args": [{"op": "not", "arg": {"op": "is_null", "column": "venue_id"}}, {"op": "is_null", "column": "venue_id"}]},
        {"op": "not", "arg": {"op": "eq", "column": "venue_id", "value": "nobody"}},
    ],
)  # fmt: skip
def test_or_true_does_not_widen_the_grant(sqlite_house: House, tree: dict[str, Any]) -> None:
    scene = a_scene(sqlite_house, row_filter={"op": "eq", "column": "district", "value": "大鹏"})
    assert _ids(scene, filter=tree) == ["V1", "V3"]


@pytest.mark.parametrize("wrap", [lambda leaf: leaf, lambda leaf: {"op": "not", "arg": leaf}])
def test_rows_with_a_null_or_nan_in_the_filter_stay_invisible(scene: Scene, wrap: Any) -> None:
    seen = _ids(scene, filter=wrap({"op": "gt", "column": "area_m2", "value": 100}))
    assert not {"V3", "V4"} & set(seen)


def test_filter_values_are_compared_as_they_are(scene: Scene) -> None:
    for name, value, found in (
        ("district", "大鹏 ", []),
        ("venue_id", "v1", []),
        ("venue_id", "Ｖ1", []),
        ("venue_id", "V1' OR '1'='1", []),
        ("area_m2", -0.0, []),
        ("opened_on", "2021-02-28", ["V4"]),
        ("seen_at", "2026-03-01T00:30:00Z", ["V1"]),
    ):
        assert _ids(scene, filter={"op": "eq", "column": name, "value": value}) == found, (name, value)


def test_an_extract_of_no_rows_is_a_file_with_its_schema(scene: Scene) -> None:
    none = {"op": "eq", "column": "venue_id", "value": "nobody"}
    made = scene.delivered(filter=none)
    assert scene.table(made.id).schema.names == made.columns
    text = scene.file(scene.delivered(filter=none, form="extract_csv", columns=["venue_id"]).id).read_bytes()
    assert text == b'\xef\xbb\xbf"venue_id"\n'


def test_pseudonyms_are_the_same_within_a_grant_and_differ_between_grants(scene: Scene) -> None:
    first, again = (scene.table(scene.delivered().id).column("contact_phone").to_pylist() for _ in range(2))
    other = a_grant(
        scene.desk, asset=scene.desk.known[VENUES], columns=list(GRANTED), scenario_id="tourism-traffic"
    )
    with scene.desk.read("auditor"):
        second = scene.delivered(grant_id=other.id, scenario_id="tourism-traffic")
    theirs = scene.table(second.id).column("contact_phone").to_pylist()
    assert first == again
    assert first[2] is theirs[2] is None
    assert not set(filter(None, first)) & set(filter(None, theirs))


def test_a_leaked_pseudonym_can_be_traced_to_its_grant(scene: Scene) -> None:
    leaked = scene.table(scene.delivered().id).column("contact_phone").to_pylist()[0]
    key = grant_key(master_key(scene.house.settings.keys_dir), VENUES, scene.grant_id)
    assert leaked == pseudonym("13800000001", key)
    assert (
        leaked != hashlib.sha256(b"13800000001").hexdigest()[:20]
    )  # no table of all phone numbers undoes it


def test_all_phone_numbers_under_any_other_key_undo_no_pseudonym(scene: Scene) -> None:
    """Who enumerates a whole block of numbers finds them with the grant's key alone: not plainly hashed, nor by keys that others hold or can guess."""
    leaked = set(scene.table(scene.delivered().id).column("contact_phone").drop_null().to_pylist())
    assert len(leaked) == 4
    block = pa.array([f"138{number:08d}" for number in range(20_000)])  # the four and all their neighbours
    master = master_key(scene.house.settings.keys_dir)
    own = grant_key(master, VENUES, scene.grant_id)
    assert leaked <= set(pseudonyms(block, own).to_pylist()), (
        "the block has them: with the key they are found"
    )
    others = [
        b"", bytes(32), b"k" * 32, scene.grant_id.encode(), VENUES.encode(), master[:31] + bytes([master[31] ^ 1]),
        hashlib.sha256(f"{VENUES}|{scene.grant_id}".encode()).digest(), own[:31] + bytes([own[31] ^ 1]),
        grant_key(master, VENUES, "another-grant"), grant_key(master, "DP-BC-003", scene.grant_id),
        grant_key(bytes(32), VENUES, scene.grant_id),
    ]  # fmt: skip
    for key in others:
        assert not leaked & set(pseudonyms(block, key).to_pylist())
    for hashed in (hashlib.md5, hashlib.sha1, hashlib.sha256):
        assert not leaked & {hashed(each.encode()).hexdigest()[:20] for each in block.to_pylist()}


def test_the_pseudonym_key_is_the_owners_alone(scene: Scene) -> None:
    scene.delivered()
    assert (scene.house.settings.keys_dir / "pseudonym.key").stat().st_mode & 0o777 == 0o400


def test_csv_is_for_spreadsheets(scene: Scene) -> None:
    path = scene.file(scene.delivered(form="extract_csv", columns=["venue_id", "venue_name", "rooms"]).id)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(path, encoding="utf-8-sig", dtype=str).sort_values("venue_id")
    assert frame["venue_name"].fillna("").tolist() == ["大鹏所城", "'=1+1", "'＝cmd", "", "'+86电话"]
    assert frame["rooms"].fillna("").tolist() == ["12", "30", "", "7", "55"]


def test_every_reader_understands_the_parquet(scene: Scene) -> None:
    path = scene.file(scene.delivered(columns=["venue_id", "rooms", "opened_on"]).id)
    assert pd.read_parquet(path)["rooms"].sum() == 104
    assert duckdb.read_parquet(str(path)).aggregate("sum(rooms)").fetchone() == (104,)
    field = pq.read_schema(path).field("rooms")
    assert field.metadata[b"title_zh"].decode() == "列rooms"
    assert field.metadata[b"unit"].decode() == "间"
    facts = pq.read_schema(path).metadata
    assert facts[b"datagrant.grant"].decode() == scene.grant_id


def test_making_a_file_twice_gives_the_same_bytes(scene: Scene) -> None:
    first, second = (scene.delivered(form="extract_csv") for _ in range(2))
    assert first.sha256 == second.sha256
    made = scene.asks()
    results: list[Any] = []

    def twice(name: str, do: Callable[[], Any]) -> Any:
        results.append((name, do(), do()))
        return results[-1][1]

    scene.works(steps=twice)
    (_, once, again), _ = results
    assert once == again
    assert scene.extract(made.id).sha256 == once["sha256"]


def test_the_receipt_is_what_the_audit_record_names(house: House) -> None:
    scene = a_scene(house)
    made = scene.delivered(columns=["venue_id", "rooms"], filter={"op": "gt", "column": "rooms", "value": 10})
    with scene.desk.read("officer") as (work, actor):
        text = service.receipt(work, actor, made.id)
    assert hashlib.sha256(text.encode()).hexdigest() == made.receipt_hash
    _, payload = scene.events("extract.delivered")[0]
    assert payload["receipt_hash"] == made.receipt_hash
    said = json.loads(text)
    assert (said["sha256"], said["rows"], said["grant"]) == (made.sha256, 3, scene.grant_id)
    assert hashlib.sha256(scene.file(made.id).read_bytes()).hexdigest() == said["sha256"]
    assert said["agreement_hash"] == scene.view().policy_hash
    assert said["columns"] == [{"name": n, "use": "plain", "mask": None} for n in ("venue_id", "rooms")]


def test_names_that_an_engine_could_misread_are_read_as_they_are(sqlite_house: House, tmp_path: Path) -> None:
    names = ["Name", "name", "*", "a.b", 'q"', "at", "c0", "file_row_number", "=sum"]
    table = pa.table({name: [f"{name}{row}" for row in range(3)] for name in names})
    pq.write_table(table, tmp_path / "r.parquet")
    for at, name in enumerate(names):
        out = tmp_path / f"{at}.parquet"
        recipe = Recipe(
            (ColumnTerm(name=name, use="plain"),), parse({"op": "eq", "column": name, "value": f"{name}1"}),
            DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {},
        )  # fmt: skip
        build(tmp_path / "r.parquet", recipe, out, memory_limit_mb=200, scratch=tmp_path)
        assert pq.read_table(out).to_pydict() == {name: [f"{name}1"]}


def test_a_field_inside_a_nested_column_is_no_column(tmp_path: Path) -> None:
    """`a.b` names the column of that name, never the field `b` of column `a`."""
    nested = pa.array([{"b": "secret"}], pa.struct([("b", pa.string())]))
    pq.write_table(pa.table({"a": nested, "x": ["1"]}), tmp_path / "r.parquet")
    for terms, tree in (
        (("a.b",), None),
        (("x",), {"op": "eq", "column": "a.b", "value": "secret"}),
        (("x",), {"op": "eq", "column": "a", "value": "secret"}),
        (("x",), {"op": "is_null", "column": "X"}),
    ):
        columns = tuple(ColumnTerm(name=name, use="plain") for name in terms)
        recipe = Recipe(columns, parse(tree) if tree else None, DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {})
        with pytest.raises(Conflict, match="does not fit"):
            build(tmp_path / "r.parquet", recipe, tmp_path / "o", memory_limit_mb=200, scratch=tmp_path)
        assert not (tmp_path / "o").exists()


def test_the_place_of_a_row_in_the_release_is_not_told(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id"], filter={"op": "eq", "column": "venue_id", "value": "V5"})
    assert scene.table(made.id).to_pydict() == {"venue_id": ["V5"]}
    raw = scene.file(made.id).read_bytes()
    assert b"file_row_number" not in raw
    assert b"__row__" not in raw


def test_nested_and_binary_values_become_text_in_csv(tmp_path: Path) -> None:
    nested = pa.array([{"b": "=1"}, None], pa.struct([("b", pa.string())]))
    pq.write_table(pa.table({"a": nested, "x": pa.array([b"\x01\xff", None])}), tmp_path / "r.parquet")
    terms = tuple(ColumnTerm(name=name, use="plain") for name in "ax")
    recipe = Recipe(terms, None, DeliveryForm.EXTRACT_CSV, b"k" * 32, {})
    build(tmp_path / "r.parquet", recipe, tmp_path / "o.csv", memory_limit_mb=200, scratch=tmp_path)
    frame = pd.read_csv(tmp_path / "o.csv", encoding="utf-8-sig")
    assert frame.fillna("").to_dict("list") == {"a": ['{"b": "=1"}', ""], "x": ["01ff", ""]}


def test_a_header_cell_is_no_formula(tmp_path: Path) -> None:
    pq.write_table(pa.table({"=sum": ["x"]}), tmp_path / "r.parquet")
    recipe = Recipe((ColumnTerm(name="=sum", use="plain"),), None, DeliveryForm.EXTRACT_CSV, b"k" * 32, {})
    build(tmp_path / "r.parquet", recipe, tmp_path / "o.csv", memory_limit_mb=200, scratch=tmp_path)
    assert (tmp_path / "o.csv").read_text("utf-8-sig") == '"\'=sum"\n"x"\n'


def test_a_long_list_of_values_finds_its_rows(sqlite_house: House) -> None:
    count = 30_000
    rows = [(f"V{n:05d}", *(None,) * (len(COLUMNS) - 1)) for n in range(count)]
    scene = a_scene(sqlite_house, table=a_table(rows))
    wanted = [f"V{n:05d}" for n in range(0, count, 31)]
    made = scene.delivered(
        columns=["venue_id"], filter={"op": "in", "column": "venue_id", "values": wanted[::-1]}
    )
    assert scene.table(made.id).column("venue_id").to_pylist() == wanted


def test_many_threads_and_any_filter_keep_the_order(tmp_path: Path) -> None:
    """Also those that an optimiser may turn into a join."""
    count = 300_000
    names = [f"区{n:03d}" for n in range(100)]
    table = pa.table(
        {"n": pa.array(range(count), pa.int64()), "name": [names[n % 100] for n in range(count)]}
    )
    pq.write_table(table, tmp_path / "r.parquet", row_group_size=20_000)
    equals = [{"op": "eq", "column": "name", "value": name} for name in names]
    for number, tree in enumerate(
        (
            {"op": "in", "column": "name", "values": names[:2]},
            {"op": "in", "column": "name", "values": [*names[:50], *map(str, range(900))]},
            {"op": "or", "args": equals[:60]},
            {"op": "not", "arg": {"op": "or", "args": equals[:60]}},
            {
                "op": "and",
                "args": [{"op": "in", "column": "n", "values": list(range(0, 1000, 2))}, *equals[:1]],
            },
            {"op": "or", "args": [{"op": "in", "column": "name", "values": names[:30]}, *equals[30:40]]},
        )
    ):
        out = tmp_path / f"{number}.parquet"
        terms = (ColumnTerm(name="n", use="plain"), ColumnTerm(name="name", use="plain"))  # all there is
        recipe = Recipe(terms, parse(tree), DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {})
        build(tmp_path / "r.parquet", recipe, out, memory_limit_mb=200, scratch=tmp_path)
        found = pq.read_table(out).column("n").to_pylist()
        assert found
        assert found == sorted(found)


def _ids(scene: Scene, **changes: Any) -> list[str]:
    found: list[str] = scene.table(scene.delivered(**changes).id).column("venue_id").to_pylist()
    return found
