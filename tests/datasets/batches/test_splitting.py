"""An archive handed in once becomes one batch per member: all in one transaction or none, the bytes kept once."""

from __future__ import annotations

import io
import zipfile

import pytest

from api.cli.batch import _tables
from api.client import Refused
from api.durable import drain
from api.house import House
from auth import audit_reading
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, Stale, TransitionRefused
from datasets.batches import queries, service, splitting
from datasets.batches.detail import detail
from datasets.batches.tables import BatchRow
from datasets.batches.workflow import BatchState
from tests.catalog.records import a_dataset
from tests.datasets.parking import CLEAN, COLUMNS, DATASET, a_parking_dataset, hand_in, recheck, the_batch
from tests.people import actor_of, browser_as, client_as

SECOND, FOREIGN = "DP-PK-901", "DP-WX-900"
OTHER = CLEAN.replace(b"P01", b"P91")


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(f"{name}.csv"), content)  # the same bytes whenever it is made
    return out.getvalue()


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
        a_dataset(work, SECOND, "traffic", columns=COLUMNS)
        a_dataset(work, FOREIGN, "weather", columns=COLUMNS)
    return sqlite_house


@pytest.fixture
def handed_in(stocked: House) -> BatchRow:
    batch = hand_in(stocked, "lin", archive(三月=CLEAN, 四月=OTHER, 五月=CLEAN), "lots.zip")
    assert batch.state == BatchState.REFUSED
    return batch


def split(house: House, username: str, batch_id: str, **tables: str) -> list[str]:
    with house.write() as work:
        named = {f"{name}.csv": code for name, code in tables.items()}
        return [each.id for each in splitting.split(work, actor_of(work, username), batch_id, named)]


def numbers(house: House) -> int:
    with house.read() as work:
        return queries.batches(work, actor_of(work, "lin")).total


def test_each_member_becomes_a_batch_with_its_receipt(stocked: House, handed_in: BatchRow) -> None:
    made = [the_batch(stocked, each) for each in split(stocked, "zhou", handed_in.id, 三月=DATASET, 四月=SECOND, 五月=DATASET)]  # fmt: skip
    assert {(each.dataset_id, each.member, each.number) for each in made} == {(DATASET, "三月.csv", 2), (DATASET, "五月.csv", 3), (SECOND, "四月.csv", 1)}  # fmt: skip
    assert {(each.sha256, each.name, each.split_from) for each in made} == {
        (handed_in.sha256, "lots.zip", handed_in.id)
    }
    assert all(set(each.preparers) == {actor_id(stocked, "lin"), actor_id(stocked, "zhou")} for each in made)
    drain(stocked)
    whole = the_batch(stocked, handed_in.id)
    assert whole.state == BatchState.SUPERSEDED
    rows = {each.member: the_batch(stocked, each.id).rows for each in made}
    assert rows == {"三月.csv": 3, "四月.csv": 3, "五月.csv": 3}
    with stocked.read() as work:
        seen = detail(work, actor_of(work, "lin"), handed_in.id)
        found, _ = audit_reading.events(work, subject=handed_in.id)
    assert [each.member for each in seen.parts] == sorted(rows)
    assert next(iter(found)).kind == "batch.split"


def actor_id(house: House, username: str) -> str:
    with house.read() as work:
        return actor_of(work, username).person_id


@pytest.mark.parametrize(
    ("username", "tables", "error"),
    [
        ("lin", {"三月": DATASET, "六月": SECOND}, InputRefused),  # no such member
        ("lin", {}, InputRefused),
        ("lin", {"三月": DATASET, "四月": FOREIGN}, NotFound),  # not theirs to hand in for, whatever it is
        ("lin", {"三月": DATASET, "四月": "DP-NO-1"}, NotFound),
        ("other", {"三月": FOREIGN}, NotFound),  # a batch out of sight
        ("eye", {"三月": DATASET}, AccessRefused),
    ],
)  # fmt: skip
def test_all_or_none(
    stocked: House, handed_in: BatchRow, username: str, tables: dict[str, str], error: type[AppError]
) -> None:
    before = numbers(stocked)
    with pytest.raises(error):
        split(stocked, username, handed_in.id, **tables)
    assert numbers(stocked) == before
    assert the_batch(stocked, handed_in.id).state == BatchState.REFUSED


def test_it_happens_once_and_only_to_archives(stocked: House, handed_in: BatchRow) -> None:
    with stocked.write() as work, pytest.raises(Stale):
        splitting.split(work, actor_of(work, "lin"), handed_in.id, {"三月.csv": DATASET}, version=99)
    split(stocked, "lin", handed_in.id, 三月=DATASET)
    with pytest.raises(TransitionRefused):
        split(stocked, "lin", handed_in.id, 四月=DATASET)
    plain = hand_in(stocked, "lin", CLEAN)
    with pytest.raises(InputRefused, match="no archive"):
        split(stocked, "lin", plain.id, 三月=DATASET)


def test_the_same_member_is_not_taken_twice_unless_asked(stocked: House, handed_in: BatchRow) -> None:
    split(stocked, "lin", handed_in.id, 三月=DATASET)
    drain(stocked)
    again = hand_in(stocked, "lin", archive(三月=CLEAN, 四月=OTHER, 五月=CLEAN), "lots.zip", again=True)
    with pytest.raises(Conflict, match="Member 三月"):
        split(stocked, "lin", again.id, 三月=DATASET)
    split(stocked, "lin", again.id, 四月=DATASET)
    third = hand_in(stocked, "lin", archive(三月=CLEAN, 四月=OTHER, 五月=CLEAN), "lots.zip", again=True)
    with stocked.write() as work:
        splitting.split(work, actor_of(work, "lin"), third.id, {"三月.csv": DATASET}, again=True)


def test_what_was_read_as_one_table_can_still_be_split(stocked: House, handed_in: BatchRow) -> None:
    united = recheck(stocked, "lin", handed_in.id, member="*")
    assert united.rows == 9
    (made,) = split(stocked, "lin", handed_in.id, 四月=SECOND)
    drain(stocked)
    assert the_batch(stocked, made).rows == 3
    assert service.changed(the_batch(stocked, made), service.IntakeOptions(member="四月.csv")) is None


def test_the_command_takes_members_with_an_equals_sign_and_says_what_it_did_not_understand() -> None:
    assert _tables(["a=b.csv=DP-PK-900", "c.csv=DP-PK-901"]) == {"a=b.csv": "DP-PK-900", "c.csv": "DP-PK-901"}
    for wrong in (["a.csv"], ["=DP-PK-900"], ["a.csv="], ["a.csv=X", "a.csv=Y"]):
        with pytest.raises(Refused, match="MEMBER=DATASET"):
            _tables(wrong)


def test_page_and_route_split_alike(stocked: House, handed_in: BatchRow) -> None:
    lin = browser_as(stocked, "lin")
    page = f"/batches/{handed_in.id}"
    shown = lin.get(page).text
    assert 'name="member" value="四月.csv"' in shown
    members = ["三月.csv", "四月.csv", "五月.csv"]
    wrong = lin.submit(f"{page}/split", member=members, dataset=["DP-NO-1", "", ""])
    assert (wrong.status_code, 'value="DP-NO-1"' in wrong.text) == (404, True)
    done = lin.submit(f"{page}/split", member=members, dataset=[DATASET, SECOND, ""])
    assert done.status_code == 303
    shown = lin.get(page).text
    assert "由压缩包分出的批次" in shown
    assert SECOND in shown
    again = hand_in(stocked, "lin", archive(三月=OTHER, 四月=CLEAN), "more.zip")
    client = client_as(stocked, "lin")
    answer = client.post(f"/api/v1/batches/{again.id}/split", json={"tables": {"三月.csv": SECOND}})
    assert answer.status_code == 201
    (receipt,) = answer.json()["items"]
    assert (receipt["member"], receipt["split_from"], receipt["sha256"]) == (
        "三月.csv",
        again.id,
        again.sha256,
    )
    assert (
        client.post(f"/api/v1/batches/{again.id}/split", json={"tables": {"四月.csv": SECOND}}).status_code
        == 409
    )
