"""Times with and without an offset in one column, and numbers whose numeral is written out without loss."""

# ruff: noqa: DTZ001 - tables hold times without a zone
from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from core.errors import InputRefused
from datasets.intake.dictionary import Dictionary
from datasets.intake.guesses import doubts
from datasets.intake.numerals import PLACES
from tests.datasets.intake.conftest import Bench
from tests.datasets.intake.test_any_bytes import read
from tests.examples import examples

TIMES = "n\tt\na\t2024-03-05T08:30+08:00\nb\t2024-03-05 08:30\nc\t2024-03-05T00:30Z\nd\t20240305083000\n"
ONE = TIMES.replace("00:30Z", "08:30+0800")
COLUMN = [{"name": "t", "type": "datetime"}]


def times(bench: Bench) -> list[datetime]:
    return [row[1] for row in bench.rows()]


def test_times_without_an_offset_follow_the_only_one_seen_and_are_doubted(bench: Bench) -> None:
    found = bench.reads(ONE, columns=COLUMN)
    (doubt,) = doubts(found.input.detection)
    assert (doubt.aspect, doubt.value, doubt.alternatives[0].value) == ("zone", "+08:00", "written")
    assert times(bench) == [datetime(2024, 3, 5, 0, 30)] * 4
    assert found.columns[1].readings == {"offset": 2, "zone": 2}


@pytest.mark.parametrize(
    ("zone", "hour"), [("written", 8), ("+08:00", 0), ("-03:30", 12), ("+00:00", 8)]
)  # fmt: skip
def test_a_told_zone_is_not_doubted(bench: Bench, zone: str, hour: int) -> None:
    found = bench.reads(TIMES, columns=COLUMN, zone=zone)
    assert doubts(found.input.detection) == []
    minute = 0 if zone == "-03:30" else 30
    assert times(bench)[1] == times(bench)[3] == datetime(2024, 3, 5, hour, minute)
    assert times(bench)[0] == times(bench)[2] == datetime(2024, 3, 5, 0, 30)
    told = "read-written" if zone == "written" else "read-zone"
    assert [each.code for each in found.findings] == ["read-offset", told]


@pytest.mark.parametrize("cells", [["2024-03-05 08:30", "2024-03-05"], ["2024-03-05T08:30Z", ""], ["2024-03-05T08:30Z", "soon"]])  # fmt: skip
def test_one_clock_is_no_doubt_and_a_told_zone_moves_nothing(bench: Bench, cells: list[str]) -> None:
    found = bench.reads("n\tt\n" + "".join(f"r\t{cell}\n" for cell in cells), columns=COLUMN, zone="+08:00")
    assert [each.aspect for each in found.input.detection if each.aspect == "zone"] == []
    assert times(bench)[0] == datetime(2024, 3, 5, 8, 30)


def test_several_offsets_are_told_with_the_doubt(bench: Bench) -> None:
    (doubt,) = doubts(bench.reads(TIMES, columns=COLUMN).input.detection)
    assert doubt.value == "+08:00"
    assert [each.value for each in doubt.alternatives] == ["written", "+00:00"]


def test_stamps_have_no_offset_to_miss(bench: Bench) -> None:
    column = [{**COLUMN[0], "format": "epoch_s"}]
    found = bench.reads("n\tt\na\t1709608272\nb\t2024-03-05T08:30+08:00\n", columns=column)
    assert doubts(found.input.detection) == []


def test_a_zone_that_is_none_is_refused_by_the_command(bench: Bench) -> None:
    from typer import Typer

    from api.cli import check, preview

    app = Typer()
    app.command("check")(check.command)
    app.command("preview")(preview.command)
    path = str(bench.file("t.tsv", TIMES))
    done = CliRunner().invoke(app, ["preview", path, "--zone", "Beijing"])
    assert done.exit_code == 2
    assert "--zone" in done.stderr


def test_a_format_for_dates_holds_for_times_too(bench: Bench) -> None:
    found = bench.reads(
        "n\tt\na\t1130305 8:30\n", columns=[{"name": "t", "type": "datetime", "format": "roc"}]
    )
    assert (found.untyped_cells, times(bench)) == (0, [datetime(2024, 3, 5, 8, 30)])


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.decimals(min_value=-(10**6), max_value=10**6, places=6), st.sampled_from(sorted(PLACES))
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_numeral_is_written_out_without_rounding(cells: list[tuple[Decimal, str]]) -> None:
    known = Dictionary.model_validate(
        {"header_line": 1, "delimiter": "\t", "columns": [{"name": "n"}, {"name": "v", "type": "number"}]}
    )
    written = "n\tv\n" + "".join(f"r\t{number:,f}{numeral}\n" for number, numeral in cells)
    found, rows = read(written.encode(), known)
    assert found.untyped_cells == 0
    assert [row[1] for row in rows] == [float(number * 10 ** PLACES[numeral]) for number, numeral in cells]


def test_a_bad_zone_in_a_dictionary_file_is_named(bench: Bench) -> None:
    with pytest.raises(InputRefused, match="zone"):
        Dictionary.load(bench.file("d.json", '{"zone": "8"}'))
