"""The page of all files is whole and true: every file is on it, and a sample comes out as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.datasets.intake.every_file import DIFFERS, MOST_MB, PAGE, files, read, resident_mb, stated

pytestmark = pytest.mark.shared
SAMPLE = (
    "messy/frictionless/countries.csv",
    "messy/messytables/encrypted_no_password.xls",
    "messy/messytables/weird_head_padding.csv",
    "metadata/dcat/dataset_multilingual.ttl",
    "scenic/coastal_scenic_spots_big5.csv",
    "transport/gtfs_kuopio_finland.zip",
)


def told() -> dict[str, list[str]]:
    rows = (line.strip("| \n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines())
    return {cells[0]: cells for cells in rows if len(cells) == 5}


def test_every_file_of_the_folder_is_on_the_page_and_none_broke(shared: Path) -> None:
    assert shared.is_dir()
    page = told()
    assert [name for name in files() if name not in page] == []
    lines = [page[name] for name in files()]
    assert not [line[0] for line in lines if "**broken**" in line[1] or int(line[4]) > MOST_MB]


def test_where_the_publisher_states_records_the_page_agrees_or_shows_both(shared: Path) -> None:
    assert shared.is_dir()
    page, numbers = told(), stated()
    assert len(numbers) > 100
    agree = [name for name, number in numbers.items() if page[name][1].startswith(f"{number:,} × ")]
    assert agree == [name for name in numbers if page[name][2] == "✓"]
    assert len(agree) >= 85
    assert [name for name in numbers if name not in agree] == [name for name in numbers if name in DIFFERS]


@pytest.mark.parametrize("name", DIFFERS)
def test_a_number_that_differs_from_the_publisher_s_says_why_and_the_reason_adds_up(
    shared: Path, name: str
) -> None:
    assert shared.is_dir()
    number, why, cells = stated()[name], DIFFERS[name], told()[name]
    assert cells[2] == f"{number:,}: {why.reason}"
    if not why.otherwise:
        ours = number - why.above - why.below + why.blank + why.header
        assert cells[1].startswith(f"{ours:,} × ")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_file_comes_out_as_the_page_says(shared: Path, name: str) -> None:
    assert shared.is_dir()
    beside = resident_mb()  # of this process, which the reader is forked from
    found, cells = read(name), told()[name]
    assert not found.broken
    assert found.peak_mb - beside < MOST_MB
    if found.refused:
        assert cells[1] == f"refused: {found.refused}"
    else:
        assert cells[1] == f"{found.rows:,} × {found.columns:,}; {found.how}"
