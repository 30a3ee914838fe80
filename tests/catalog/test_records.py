"""The life of a record through the service, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth.actor import ANYONE, SYSTEM
from auth.audit import AuditEventRow
from catalog import queries, service
from catalog.assets import asset
from catalog.models import DatasetCreate, DatasetUpdate, Dictionary
from core.errors import Conflict, Gone, InputRefused, NotFound, Stale, TransitionRefused
from core.text import Text
from tests.catalog.records import COLUMNS, a_body, a_dataset, a_department
from tests.people import a_person, actor_of, an_org


def test_draft_becomes_public_when_it_is_complete(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        draft = service.create(work, steward, a_body("DP-PK-001", "traffic", contact=""))
        assert (draft.state, draft.version, draft.publisher_zh) == ("draft", 1, "traffic机构")
        with pytest.raises(NotFound):
            service.show(work, ANYONE, "DP-PK-001")
        with pytest.raises(Conflict) as refused:
            service.publish(work, steward, "DP-PK-001")
        assert [reason.code for reason in refused.value.reasons] == ["missing-contact"]
        service.update(work, steward, "DP-PK-001", DatasetUpdate(contact="停车科"), expected_version=1)
        service.publish(work, steward, "DP-PK-001", expected_version=2)
        seen = service.show(work, ANYONE, "DP-PK-001")
        assert (seen.state, seen.version, seen.contact, seen.issued) == ("published", 3, "停车科", work.now)


def test_each_write_leaves_an_audit_event_with_what_changed(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        service.create(work, steward, a_body("DP-PK-001", "traffic"))
        service.update(work, steward, "DP-PK-001", DatasetUpdate(title_zh="停车场名录"))
        service.update(work, steward, "DP-PK-001", DatasetUpdate(title_zh="停车场名录"))  # nothing changes
        service.replace_dictionary(
            work, steward, "DP-PK-001", Dictionary.model_validate({"columns": COLUMNS[:1]})
        )
        service.publish(work, steward, "DP-PK-001")
        service.withdraw(work, steward, "DP-PK-001", "数据源停用")
        wanted = (
            select(AuditEventRow).where(AuditEventRow.dataset_id == "DP-PK-001").order_by(AuditEventRow.seq)
        )
        events = list(work.db.exec(wanted))
    assert [event.kind for event in events] == [
        "dataset.created", "dataset.updated", "dataset.dictionary_replaced", "dataset.published", "dataset.withdrawn",
    ]  # fmt: skip
    assert '"title_zh":["停车场基础信息","停车场名录"]' in events[1].payload
    assert '"removed":["free_spaces"]' in events[2].payload


def test_second_writer_with_an_old_version_is_stopped(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        service.create(work, steward, a_body("DP-PK-001", "traffic"))
        service.update(work, steward, "DP-PK-001", DatasetUpdate(title_zh="甲"), expected_version=1)
        with pytest.raises(Stale):
            service.update(work, steward, "DP-PK-001", DatasetUpdate(title_zh="乙"), expected_version=1)
        assert service.show(work, steward, "DP-PK-001").title_zh == "甲"


def test_other_departments_records_cannot_be_seen_or_touched_before_publication(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        stranger = a_department(work, "culture")
        a_dataset(work, "DP-PK-001", "traffic", draft=True)
        attempts: list[Any] = [
            lambda: service.show(work, stranger, "DP-PK-001"),
            lambda: service.update(work, stranger, "DP-PK-001", DatasetUpdate(title_zh="x")),
            lambda: service.publish(work, stranger, "DP-PK-001"),
            lambda: service.withdraw(work, stranger, "DP-PK-001", "试一试看"),
            lambda: service.replace_dictionary(work, stranger, "DP-PK-001", Dictionary(columns=[])),
            lambda: service.objections(work, stranger, "DP-PK-001"),
            lambda: service.export(work, stranger, "DP-PK-001"),
        ]
        for attempt in attempts:
            with pytest.raises(NotFound):
                attempt()
        with pytest.raises(InputRefused):
            service.create(work, stranger, a_body("DP-PK-009", "traffic"))


def test_catalogue_administrator_writes_for_every_department_and_auditor_only_reads(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "cat", org="bureau", roles=["catalog_admin"])
        a_person(work, "aud", org="bureau", roles=["auditor"])
        service.create(work, actor_of(work, "cat"), a_body("DP-PK-001", "traffic"))
        assert service.show(work, actor_of(work, "aud"), "DP-PK-001").state == "draft"
        with pytest.raises(NotFound):
            service.publish(work, actor_of(work, "aud"), "DP-PK-001")


def test_records_are_entered_for_departments_only(house: House) -> None:
    with house.write() as work:
        an_org(work, "insurer")
        for publisher in ("insurer", "nobody"):
            with pytest.raises(InputRefused):
                service.create(work, SYSTEM, a_body("DP-PK-001", publisher))


def test_code_is_taken_once_and_never_changes(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        with pytest.raises(Conflict):
            service.create(work, SYSTEM, a_body("DP-PK-001", "traffic"))
        with pytest.raises(InputRefused):
            service.update(work, SYSTEM, "DP-PK-001", DatasetUpdate(resource_code="DP-PK-002"))


def test_published_record_stays_complete(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
    raised = [COLUMNS[0] | {"level": 3}, COLUMNS[1]]
    with pytest.raises(Conflict, match="Contact"), house.write() as work:
        service.update(work, SYSTEM, "DP-PK-001", DatasetUpdate(contact=""))
    with pytest.raises(Conflict) as refused, house.write() as work:
        service.replace_dictionary(work, SYSTEM, "DP-PK-001", Dictionary.model_validate({"columns": raised}))
    assert [reason.code for reason in refused.value.reasons] == ["level-below-column"]
    with house.read() as work:
        seen = service.show(work, ANYONE, "DP-PK-001")
        assert (seen.contact, seen.version) == ("0755-00000000", 2)
        assert [column.level for column in service.dictionary(work, "DP-PK-001")] == [1, 1]


def test_withdrawn_record_leaves_a_tombstone(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        with pytest.raises(InputRefused):
            service.withdraw(work, steward, "DP-PK-001", " ")
        service.withdraw(work, steward, "DP-PK-001", "数据源停用")
        with pytest.raises(Gone, match="数据源停用"):
            service.show(work, ANYONE, "DP-PK-001")
        with pytest.raises(TransitionRefused):
            service.update(work, steward, "DP-PK-001", DatasetUpdate(title_zh="x"))
        with pytest.raises(TransitionRefused):
            service.publish(work, steward, "DP-PK-001")
        assert not asset(work, "DP-PK-001").is_published


def test_discarded_draft_was_never_there_for_the_public(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic", draft=True)
        service.withdraw(work, steward, "DP-PK-001", "录入有误")
        with pytest.raises(NotFound) as refused:
            service.show(work, ANYONE, "DP-PK-001")
        assert not isinstance(refused.value, Gone)


def test_important_data_are_hidden_from_the_public(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        a_dataset(work, "DP-SF-009", "traffic", data_level=5, open_type="N", open_condition="重要数据")
        assert service.show(work, steward, "DP-SF-009").state == "published"
        with pytest.raises(NotFound):
            service.show(work, ANYONE, "DP-SF-009")


def test_export_can_be_entered_elsewhere_unchanged(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        layout = {"header_line": 3, "encoding": "gb18030", "null_values": ["-"]}
        a_dataset(work, "DP-PK-001", "traffic", layout=layout)
        exported = service.export(work, ANYONE, "DP-PK-001").model_dump(mode="json")
        copy = exported | {"resource_code": "DP-PK-777"}
        service.create(work, SYSTEM, DatasetCreate.model_validate(copy))
        again = service.export(work, SYSTEM, "DP-PK-777").model_dump(mode="json")
        assert again == copy
        assert again["layout"]["header_line"] == 3


def test_dictionary_keeps_its_order_and_every_fact(house: House) -> None:
    columns = [{"name": f"c{n}", "title_zh": f"列{n}", "type": "string", "level": 1} for n in (3, 1, 2)]
    columns[1] |= {"code_list": ["甲", "乙"], "unit": "个", "identifier_kind": "QI", "mask_method": "partial"}
    with house.write() as work:
        steward = a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic", draft=True)
        body = Dictionary.model_validate({"columns": columns, "delimiter": ";"})
        made = service.replace_dictionary(work, steward, "DP-PK-001", body)
        assert [(column.position, column.name) for column in made.columns] == [
            (1, "c3"),
            (2, "c1"),
            (3, "c2"),
        ]
        assert made.columns[1].code_list == ["甲", "乙"]
        assert service.layout(work, "DP-PK-001").delimiter == ";"
        assert service.show(work, steward, "DP-PK-001").column_count == 3


def test_asset_is_what_grants_judge_and_unsaid_means_closed(house: House) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        bare = DatasetCreate.model_validate(
            {"resource_code": "DP-X", "publisher": "traffic", "columns": [{"name": "a"}]}
        )
        service.create(work, SYSTEM, bare)
        full, unsaid = asset(work, "DP-PK-001"), asset(work, "DP-X")
    assert (full.level, full.open_type, full.is_published, full.org_id) == (1, "U", True, "traffic")
    assert full.title == Text("停车场基础信息", "Parking lots")
    assert [(column.name, column.type, column.level) for column in full.columns] == [
        ("lot_id", "string", 1),
        ("free_spaces", "integer", 1),
    ]
    assert (unsaid.level, unsaid.open_type, unsaid.auth_op_scope, unsaid.is_published) == (
        6,
        "N",
        "no",
        False,
    )
    assert unsaid.columns[0].level == 6


def test_release_facts_are_repeated_and_age(house: House, clock: Any) -> None:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
        service.note_release(
            work, "DP-PK-001", release_no=2, released_at=work.now, row_count=420, size_bytes=9000, quality_score=98.5, quality_grade="A"
        )  # fmt: skip
        seen = service.show(work, ANYONE, "DP-PK-001")
        assert (seen.release_no, seen.row_count, seen.quality_grade, seen.staleness, seen.version) == (
            2,
            420,
            "A",
            "fresh",
            2,
        )
    clock.now += timedelta(days=41)
    with house.write() as work:
        assert service.show(work, ANYONE, "DP-PK-001").staleness == "stale"
        service.note_release(work, "DP-PK-001", release_no=None, released_at=None)
        assert service.show(work, ANYONE, "DP-PK-001").row_count is None


def test_what_cannot_be_a_code_is_not_found(house: House) -> None:
    with house.read() as work:
        for code in ("\x00", "a" * 500, "../x", "DP PK", "DP-PK-001\n"):
            with pytest.raises(NotFound):
                service.show(work, SYSTEM, code)
        assert queries.titles(work, []) == {}
