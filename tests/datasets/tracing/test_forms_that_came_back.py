"""A file comes back in any form that leaves, and as people save and pack it: what names its grant is found, or it is said what it is."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli.trace import command
from api.house import House, open_house
from auth.policy.model import ColumnTerm, DeliveryForm
from core.errors import InputRefused
from datasets.extracts.build import Recipe, build
from datasets.extracts.compile import pseudonym
from datasets.tracing import numbers
from datasets.tracing.leak import TOKEN, leak_of
from tests.datasets.extracts.scene import VENUES, a_scene
from tests.datasets.formats.test_forms import FACTS, released
from tests.people import browser_as, client_as

ONE, TWO = "c" * 20, "d" * 20
CSV = f"phone,area\n{ONE},1.5\n{TWO},2.5\n"
RECORDS: list[dict[str, Any]] = [{"phone": ONE, "area": 1.5}, {"phone": TWO, "area": 2.5}]
FEATURES = [
    {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}, "properties": each}
    for each in RECORDS
]


def _workbook() -> bytes:
    """As a spreadsheet program saves it: texts in a list of their own, numbers as numbers."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("数据")
        for at, row in enumerate([["phone", "area"], [ONE, 1.5], [TWO, 2.5]]):
            sheet.write_row(at, 0, row)
    return out.getvalue()


def _zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return out.getvalue()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    {
        "csv": CSV.encode(),
        "csv in UTF-16": CSV.encode("utf-16"),
        "csv in UTF-16, big end first": b"\xfe\xff" + CSV.encode("utf-16-be"),
        "csv.gz": gzip.compress(CSV.encode()),
        "csv.zip": _zipped("leak.csv", CSV.encode()),
        "parquet": _parquet(),
        "parquet.gz": gzip.compress(_parquet()),
        "workbook": _workbook(),
        "workbook in an archive": _zipped("leak.xlsx", _workbook()),
        "json array": json.dumps(RECORDS, indent=2).encode(),
        "json lines": "\n".join(map(json.dumps, RECORDS)).encode(),
        "geojson": json.dumps({"type": "FeatureCollection", "features": FEATURES}).encode(),
        "geojson, a line each, cut": ('{"type":"FeatureCollection","features":[\n' + ",\n".join(map(json.dumps, FEATURES)) + ',\n{"type":"Fea').encode(),
    }.items(),
    ids=lambda each: each[0],
)  # fmt: skip
def test_tokens_columns_and_numbers_are_found_however_it_is_saved(
    tmp_path: Path, content: tuple[str, bytes]
) -> None:
    (tmp_path / "leak").write_bytes(content[1])
    found = leak_of(tmp_path / "leak")
    assert found.tokens == {ONE, TWO}
    assert sorted(found.columns) == ["area", "phone"]
    assert {name: list(each) for name, each in found.numbers.items()} == {"area": [1.5, 2.5]}
    assert [each.name for each in tmp_path.iterdir()] == ["leak"], "what was unpacked does not stay"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7 ...", "PDF"), (b"\x89PNG\r\n\x1a\n....", "PNG"), (b"\x00\x01\x02\x03" * 50, "unknown kind"), (b"PK\x03\x04 broken", "archive"),
        (gzip.compress(b"%PDF-1.7"), "PDF"), (gzip.compress(CSV.encode())[:-9], "gzip"), (b"PAR1 broken", "cannot be read"),
        (gzip.compress(b"0" * (300 << 20)), "out of proportion"),
    ],
    ids=["pdf", "png", "binary", "archive", "packed pdf", "cut gzip", "parquet", "bomb"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, content: bytes, what: str) -> None:
    """Formerly it was read as text, and nobody was named."""
    (tmp_path / "leak").write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        leak_of(tmp_path / "leak")
    assert what in refused.value.detail.en
    assert [each.name for each in tmp_path.iterdir()] == ["leak"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    start=st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1", b"\xff\xfe", b"{", b"[", _workbook()[:700]]),
    rest=st.binary(max_size=300),
)  # fmt: skip
def test_whatever_comes_is_read_or_refused(tmp_path: Path, start: bytes, rest: bytes) -> None:
    (tmp_path / "leak").write_bytes(start + rest)
    with suppress(InputRefused):
        found = leak_of(tmp_path / "leak")
        assert all(TOKEN.fullmatch(each) for each in found.tokens)
        assert all(len(each) and each.dtype == float for each in found.numbers.values())
    assert [each.name for each in tmp_path.iterdir()] == ["leak"]


def test_numbers_of_a_large_parquet_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST_CELLS", 100_000)
    pq.write_table(pa.table({"a": range(300_000), "b": range(300_000)}), tmp_path / "leak")
    found = numbers.numbers_of(tmp_path / "leak")
    assert {name: len(each) for name, each in found.items()} == {"a": 65_536, "b": 65_536}


FILES = [
    form
    for form in DeliveryForm
    if form.value.startswith("extract_") and form is not DeliveryForm.EXTRACT_GEOJSON
]


@pytest.mark.parametrize("form", FILES)
def test_every_form_that_left_names_its_grant_when_it_comes_back(
    sqlite_house: House, form: DeliveryForm
) -> None:
    scene = a_scene(sqlite_house, forms=[each.value for each in FILES])
    made = scene.delivered(form=form.value)
    answer = client_as(scene.house, "watch").post("/api/v1/traces", content=scene.file(made.id).read_bytes())
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["named"]
    assert found["grant_id"] == scene.grant_id
    assert found["deliveries"][0]["has_all_columns"]
    if form in (DeliveryForm.EXTRACT_XLSX, DeliveryForm.EXTRACT_PARQUET):
        assert (answer.json()["claims"]["extract"], answer.json()["claimed_is_known"]) == (made.id, True)


def test_a_file_beyond_sixteen_mebibytes_is_traced_whole(
    sqlite_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By page, command and route: of a Parquet no part can be cut off."""
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    app = typer.Typer()
    app.command()(command)
    scene = a_scene(sqlite_house)
    made = scene.delivered()
    token = scene.table(made.id).column("contact_phone").to_pylist()[0]
    many = 2_200_000
    table = pa.table({"contact_phone": [token] + [None] * (many - 1), "n": pa.array(range(many), pa.int64())})
    path = tmp_path / "leak.parquet"
    pq.write_table(table, path, compression="none", use_dictionary=False)
    content = path.read_bytes()
    assert len(content) > 16 << 20
    answer = client_as(scene.house, "watch").post("/api/v1/traces", content=content)
    assert [each["grant_id"] for each in answer.json()["named"]] == [scene.grant_id]
    page = browser_as(scene.house, "watch", "en")
    shown = page.post("/traces", data={"csrf": page.csrf}, files={"file": ("leak.parquet", content)}).text
    assert "It left under" in shown
    told = CliRunner().invoke(
        app, [str(path), "--json", "--as", "watch", "--data-dir", str(scene.house.settings.data_dir)]
    )
    assert json.loads(told.stdout)["named"][0]["grant_id"] == scene.grant_id
    assert VENUES in told.stdout


def test_a_whole_geojson_of_this_house_tells_all_that_it_holds(tmp_path: Path) -> None:
    columns = {"phone": ["a", "b"], "area": [1.5, 2.5], "place": ["POINT (114.1 22.5)", "POINT (114.2 22.6)"]}
    release = released(tmp_path, columns, shapes=["place"], crs="WGS84")
    terms = (
        ColumnTerm(name="phone", use="pseudonymised"),
        ColumnTerm(name="area", use="plain"),
        ColumnTerm(name="place", use="plain"),
    )
    out = tmp_path / "leak.geojson"
    recipe = Recipe(terms, None, DeliveryForm.EXTRACT_GEOJSON, b"k" * 32, FACTS)
    build(release, recipe, out, memory_limit_mb=200, scratch=tmp_path)
    found = leak_of(out)
    assert found.tokens == {pseudonym("a", b"k" * 32), pseudonym("b", b"k" * 32)}
    assert sorted(found.columns) == ["area", "phone"]
    assert sorted(found.numbers["area"]) == [1.5, 2.5]
    assert found.claims["extract"] == FACTS["datagrant.extract"]
