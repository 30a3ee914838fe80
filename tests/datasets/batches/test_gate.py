"""What the gate makes of a batch, from the bytes to the state."""

from __future__ import annotations

import pytest

from api.house import House
from core.errors import AccessRefused, Conflict, InputRefused, NotFound, Stale
from datasets.batches import service as batches
from datasets.batches.workflow import BatchState
from tests.datasets.parking import (
    CLEAN,
    DATASET,
    FAILS,
    UNTYPED,
    WARNS,
    a_parking_dataset,
    hand_in,
    recheck,
    save_suite,
    the_batch,
)
from tests.people import actor_of

pytestmark = pytest.mark.gx


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def test_a_clean_batch_passes_and_says_how_it_was_read(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN)
    assert (batch.state, batch.verdict, batch.rows, batch.untyped_cells) == (
        BatchState.PASSED,
        "passed",
        3,
        0,
    )
    assert batch.intake is not None
    assert batch.intake["input"]["encoding"] == "utf-8"
    assert stocked.files.path(batch.sha256).read_bytes() == CLEAN


def test_a_critical_failure_blocks(stocked: House) -> None:
    assert hand_in(stocked, "lin", FAILS).state == BatchState.FAILED


def test_a_cell_that_would_be_lost_blocks_like_a_critical_failure(stocked: House) -> None:
    batch = hand_in(stocked, "lin", UNTYPED)
    assert (batch.state, batch.verdict, batch.untyped_cells) == (BatchState.FAILED, "passed", 1)


def test_a_warning_waits_for_a_signed_note(stocked: House) -> None:
    batch = hand_in(stocked, "lin", WARNS)
    assert batch.state == BatchState.NEEDS_CONFIRMATION
    with stocked.write() as work, pytest.raises(AccessRefused) as refused:
        batches.confirm(work, actor_of(work, "lin"), batch.id, "  ")
    assert [reason.code for reason in refused.value.reasons] == ["note-missing"]
    with stocked.write() as work:
        batches.confirm(
            work, actor_of(work, "lin"), batch.id, "西门为大型停车场，属实", version=batch.version
        )
    signed = the_batch(stocked, batch.id)
    assert (signed.state, signed.confirmed and signed.confirmed["username"]) == (BatchState.CONFIRMED, "lin")


def test_a_file_that_cannot_be_read_is_refused_and_kept(stocked: House) -> None:
    batch = hand_in(stocked, "lin", b"\x00\x01\x02\x03" * 100, "x.bin")
    assert batch.state == BatchState.REFUSED
    assert batch.problem is not None
    assert batch.problem["zh"]
    assert stocked.files.has(batch.sha256)


def test_without_a_suite_nothing_is_judged_and_the_batch_says_so(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, suite=False)
    batch = hand_in(sqlite_house, "lin", CLEAN)
    assert batch.state == BatchState.ERROR
    assert batch.problem is not None
    assert "规则集" in batch.problem["zh"]
    with sqlite_house.write() as work:
        save_suite(work)
    assert recheck(sqlite_house, "lin", batch.id).state == BatchState.PASSED


def test_the_same_bytes_are_recognised(stocked: House) -> None:
    first = hand_in(stocked, "lin", CLEAN, check=False)
    with pytest.raises(Conflict) as refused:
        hand_in(stocked, "zhou", CLEAN, "other name.csv", check=False)
    assert refused.value.facts["batch_id"] == first.id
    assert hand_in(stocked, "zhou", CLEAN, check=False, again=True).number == 2


def test_an_empty_file_is_refused_at_once(stocked: House) -> None:
    with pytest.raises(InputRefused):
        hand_in(stocked, "lin", b"", check=False)


def test_another_department_does_not_even_see_the_dataset_as_a_target(stocked: House) -> None:
    with pytest.raises(NotFound):
        hand_in(stocked, "other", CLEAN)
    batch = hand_in(stocked, "lin", CLEAN, check=False)
    with stocked.write() as work, pytest.raises(NotFound):
        batches.reject(work, actor_of(work, "other"), batch.id, "not ours at all")


def test_a_file_can_be_read_differently(stocked: House) -> None:
    batch = hand_in(stocked, "lin", CLEAN.replace(b",", b"|"))
    again = recheck(stocked, "zhou", batch.id, delimiter="|")
    assert again.state == BatchState.PASSED
    assert len(again.preparers) == 2


def test_a_correction_supersedes_what_it_corrects(stocked: House) -> None:
    failed = hand_in(stocked, "lin", FAILS)
    mended = hand_in(stocked, "lin", CLEAN, corrects=failed.id)
    assert mended.state == BatchState.PASSED
    assert the_batch(stocked, failed.id).state == BatchState.SUPERSEDED


def test_a_decision_on_an_older_look_is_stale(stocked: House) -> None:
    batch = hand_in(stocked, "lin", WARNS)
    with stocked.write() as work, pytest.raises(Stale):
        batches.confirm(work, actor_of(work, "lin"), batch.id, "a good reason", version=batch.version - 1)


def test_names_lose_directories_and_control_characters() -> None:
    assert batches.clean_name("../../etc/pass\x00wd") == "passwd"
    assert batches.clean_name("C:\\a\\数据.csv") == "数据.csv"
    assert len(batches.clean_name("长" * 400 + ".xlsx")) == 255
    assert batches.clean_name("长" * 400 + ".xlsx").endswith(".xlsx")
    assert DATASET
