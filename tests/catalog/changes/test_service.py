"""Changes of many records, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.audit import AuditEventRow
from catalog import service as catalogue
from catalog.changes import service
from catalog.changes.models import EditAsk, Operation, Wish, Wishes
from catalog.models import DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalDecision
from core.errors import Conflict, InputRefused, NotFound
from core.sheets import csv_of
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, actor_of, an_org

DRAFT, SHOWN, OTHER = "DP-PK-002", "DP-PK-001", "DP-CU-001"


@pytest.fixture
def traffic(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, SHOWN, "traffic")
        a_dataset(work, DRAFT, "traffic", draft=True, title_zh="停车场实时余位")
        a_dataset(work, OTHER, "culture", title_zh="停车博物馆")
    return house


def _wishes(*codes: str, **fields: Any) -> Wishes:
    return Wishes(changes=[Wish(dataset_id=code, fields=fields) for code in codes])


def test_search_is_edited_shown_made_and_undone(traffic: House) -> None:
    ask = EditAsk(
        query="q=停车",
        operations=[
            Operation(field="keywords", op="add", value="交通，车位"),
            Operation(field="更新周期", value="每日"),
        ],
    )
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        found = service.from_edit(work, steward, ask)
        assert {item.dataset_id: item.waits for item in found.items} == {SHOWN: True, DRAFT: False}
        assert {each.name: each.after for each in found.items[0].fields} == {
            "keywords": ["停车", "车位", "交通"], "update_freq": "3",
        }  # fmt: skip
        assert found.problems == []
        assert catalogue.show(work, steward, DRAFT).keywords == ["停车", "车位"]  # nothing has happened
        assert proposals.waiting(work, SHOWN) is None
        made = service.carry_out(work, steward, Wishes(changes=found.changes, note="统一更新"))
        assert {item.dataset_id: item.state for item in made.items} == {SHOWN: "stands", DRAFT: "stands"}
        assert catalogue.show(work, steward, DRAFT).update_freq == "3"
        assert catalogue.show(work, ANYONE, SHOWN).update_freq == "5"
        waiting = proposals.waiting(work, SHOWN)
        assert waiting is not None
        proposals.accept(work, actor_of(work, "traffic-reviewer"), waiting.id, ProposalDecision())
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        undone = service.undo(work, steward, made.id)
        assert (undone.undoes, undone.conflicts, undone.records) == (made.id, [], 2)
        assert catalogue.show(work, steward, DRAFT).keywords == ["停车", "车位"]
        again = proposals.waiting(work, SHOWN)
        assert again is not None
        assert again.changed_fields == ["keywords", "update_freq"]
        with pytest.raises(Conflict, match="undone already"):
            service.undo(work, steward, made.id)
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
        assert {"dataset.changed_together", "dataset.changes_undone"} <= set(kinds)


def test_one_problem_keeps_everything_as_it_was(traffic: House) -> None:
    wishes = _wishes(DRAFT, SHOWN, OTHER, "NO-SUCH", contact="")
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        found = service.preview(work, steward, wishes)
        assert [(each.dataset_id, each.code) for each in found.problems] == [
            (SHOWN, "missing-contact"), (OTHER, "not-found"), ("NO-SUCH", "not-found"),
        ]  # fmt: skip
    with pytest.raises(InputRefused, match="no record was changed"), traffic.write() as work:
        service.carry_out(work, actor_of(work, "traffic-steward"), wishes)
    with traffic.read() as work:
        assert catalogue.show(work, SYSTEM, DRAFT).contact == "0755-00000000"
        assert service.listed(work, SYSTEM)[1] == 0


def test_what_changed_since_is_named_and_stays(traffic: House) -> None:
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        a_dataset(work, "DP-PK-003", "traffic", draft=True)
        made = service.carry_out(work, steward, _wishes(DRAFT, "DP-PK-003", contact="新电话"))
        catalogue.update(work, steward, DRAFT, DatasetUpdate(contact="又改了"))
        done = service.undo(work, steward, made.id)
        assert [(each.dataset_id, each.code, each.field) for each in done.conflicts] == [
            (DRAFT, "undo-changed", "contact")
        ]
        assert catalogue.show(work, steward, DRAFT).contact == "又改了"
        assert catalogue.show(work, steward, "DP-PK-003").contact == "0755-00000000"


def test_open_proposals_are_undone_by_their_author_alone(traffic: House) -> None:
    with traffic.write() as work:
        steward, second = actor_of(work, "traffic-steward"), actor_of(work, "traffic-reviewer")
        made = service.carry_out(work, steward, _wishes(SHOWN, contact="新电话"))
        with pytest.raises(Conflict, match="awaits review"):
            service.undo(work, second, made.id)
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        service.undo(work, steward, made.id)
        assert proposals.waiting(work, SHOWN) is None
        assert catalogue.show(work, ANYONE, SHOWN).contact == "0755-00000000"


def test_table_goes_out_and_comes_back_with_stale_lines_named(traffic: House) -> None:
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        content = b"".join(csv_of(service.table(work, steward, "publisher=traffic&publisher=culture")))
        assert OTHER.encode() not in content
        found = service.from_file(work, steward, content)
        assert (found.items, found.unchanged, found.problems) == ([], 2, [])
        edited = content.decode("utf-8-sig").replace("停车场实时余位", "余位")
        found = service.from_file(work, steward, edited.encode())
        assert [(item.dataset_id, [each.after for each in item.fields]) for item in found.items] == [
            (DRAFT, ["余位"])
        ]
        assert list(found.changes[0].fields) == ["title_zh"]
        catalogue.update(work, steward, DRAFT, DatasetUpdate(contact="x"))
        found = service.from_file(work, steward, edited.encode())
        assert [(each.dataset_id, each.code) for each in found.problems] == [(DRAFT, "stale")]
        assert found.problems[0].en.startswith("Line ")


def test_change_is_seen_by_those_who_may_change_all_of_it(traffic: House) -> None:
    with traffic.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "cat", org="bureau", roles=["catalog_admin"])
        cat = actor_of(work, "cat")
        both = service.carry_out(work, cat, _wishes(SHOWN, OTHER, contact="新电话"))
        with pytest.raises(NotFound):
            service.detail(work, actor_of(work, "culture-steward"), both.id)
        assert service.listed(work, actor_of(work, "culture-steward"))[1] == 0
        assert service.listed(work, cat)[1] == 1
        with pytest.raises(InputRefused, match="No record that you may change"):
            service.from_edit(
                work,
                actor_of(work, "culture-steward"),
                EditAsk(ids=[SHOWN], operations=[Operation(field="contact")]),
            )
