"""Relations stated once and read from both ends, on both databases; what is hidden does not show through them."""

from __future__ import annotations

from typing import Any

import pytest

from api.house import House
from auth.actor import ANYONE, SYSTEM
from catalog import indexing, service
from catalog.assets import asset
from catalog.models import DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalDecision, ProposalRead
from catalog.relations import kinds
from catalog.relations import service as relations
from core.errors import Conflict, InputRefused
from core.work import Work
from datasets.batches import service as batches
from tests.catalog.records import a_body, a_dataset, a_department
from tests.people import actor_of

PARK, BUS, SERIES, HIDDEN, DRAFT = "DP-PK-001", "DP-TR-001", "DP-PK-S01", "DP-SF-001", "DP-HR-001"


@pytest.fixture
def family(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, PARK, "traffic")
        a_dataset(work, BUS, "culture", title_zh="公交线路")
        a_dataset(
            work, HIDDEN, "culture", open_type="N", open_condition="不开放", data_level=5, relations=[f"replaces:{PARK}"]
        )  # fmt: skip
        a_dataset(work, DRAFT, "culture", draft=True, relations=[f"source:{PARK}"])
        made = service.create(work, SYSTEM, a_series(SERIES))
        service.publish(work, SYSTEM, made.id)
    return house


def a_series(code: str, **changes: Any) -> Any:
    wanted = {
        "title_zh": "停车数据系列",
        "title_en": "Parking series",
        "description_zh": "各年的停车数据。",
        "keywords": ["停车"],
    }
    held = {
        "contact": "0755-0",
        "catalog_class": "theme",
        "domain_code": "PK",
        "lineage": "逐年归集",
        "record_type": "series",
    }
    plain = {
        name: type(value)()
        for name, value in a_body(code, "traffic").model_dump().items()
        if isinstance(value, str | list)
    }
    fixed = {
        "resource_code": code,
        "publisher": "traffic",
        "columns": [],
        "data_level": None,
        "temporal_start": None,
        "temporal_end": None,
    }
    return type(a_body(code, "traffic")).model_validate(
        plain | wanted | held | fixed | {"layout": {}} | changes
    )


def _state(work: Work, code: str, *words: str, by: str = "traffic-steward") -> None:
    """State relations of a published record and let the second person accept."""
    org = by.split("-", maxsplit=1)[0]
    made = proposals.change_relations(work, actor_of(work, by), code, words, [])
    assert isinstance(made, ProposalRead)
    proposals.accept(work, actor_of(work, f"{org}-reviewer"), made.id, ProposalDecision())


def _seen(work: Work, code: str, who: Any = ANYONE) -> list[tuple[str, str]]:
    return [(each.kind, each.dataset_id) for each in relations.of(work, who, [code]).get(code, [])]


def test_a_relation_is_stated_once_and_read_from_both_ends(family: House) -> None:
    with family.write() as work:
        _state(work, PARK, f"inSeries:{SERIES}", f"isPartOf:{BUS}")
        assert _seen(work, PARK) == [("inSeries", SERIES), ("isPartOf", BUS)]
        assert _seen(work, SERIES) == [("seriesMember", PARK)]
        there = relations.of(work, ANYONE, [BUS])[BUS][0]
        assert (there.kind, there.stated_here, there.stated_there) == ("hasPart", False, True)
        _state(work, BUS, f"hasPart:{PARK}", by="culture-steward")
        both = relations.of(work, ANYONE, [PARK])[PARK][1]
        assert (both.stated_here, both.stated_there) == (True, True)
        made = proposals.change_relations(
            work, actor_of(work, "traffic-steward"), PARK, [], [f"isPartOf:{BUS}"]
        )
        assert isinstance(made, ProposalRead)
        proposals.accept(work, actor_of(work, "traffic-reviewer"), made.id, ProposalDecision())
        assert _seen(work, PARK) == [("inSeries", SERIES), ("isPartOf", BUS)]  # the other one still says so


def test_a_second_wish_goes_on_from_the_first_that_waits(family: House) -> None:
    with family.write() as work:
        steward = actor_of(work, "traffic-steward")
        first = proposals.change_relations(work, steward, PARK, [f"references:{BUS}"], [])
        second = proposals.change_relations(work, steward, PARK, [f"inSeries:{SERIES}"], [])
        assert isinstance(first, ProposalRead)
        assert isinstance(second, ProposalRead)
        assert first.id == second.id
        assert proposals.wished(work, steward, PARK)["relations"] == [
            f"references:{BUS}",
            f"inSeries:{SERIES}",
        ]
        assert _seen(work, PARK) == []


def test_what_is_hidden_does_not_show_through_a_relation(family: House) -> None:
    with family.write() as work:
        for code in (PARK, SERIES):
            assert _seen(work, code) == []
        own = actor_of(work, "culture-steward")
        assert _seen(work, PARK, own) == [("isReplacedBy", HIDDEN), ("isSourceOf", DRAFT)]
        service.update(work, SYSTEM, BUS, DatasetUpdate(relations=[f"requires:{HIDDEN}", f"references:{PARK}"], related_codes=[HIDDEN, "OUT-1"]))  # fmt: skip
        for read in (service.show(work, ANYONE, BUS), service.export(work, ANYONE, BUS)):
            assert (read.relations, read.related_codes) == ([f"references:{PARK}"], ["OUT-1"])
        assert service.show(work, own, BUS).relations == [f"requires:{HIDDEN}", f"references:{PARK}"]
        assert _seen(work, BUS) == [("references", PARK)]
        for strange in (HIDDEN, DRAFT, "NO-SUCH-1"):
            with pytest.raises(InputRefused) as refused:
                proposals.change_relations(
                    work, actor_of(work, "traffic-steward"), PARK, [f"replaces:{strange}"], []
                )
            assert (
                refused.value.detail.en
                == f"There is no dataset {strange} in the catalogue; check the resource code."
            )


def test_a_withdrawn_record_points_to_its_successor_from_both_ends(family: House) -> None:
    with family.write() as work:
        service.withdraw(work, SYSTEM, PARK, "并入公交线路", replaced_by=BUS)
        found = relations.of(work, ANYONE, [BUS])[BUS]
        assert [(each.kind, each.dataset_id, each.state) for each in found] == [
            ("replaces", PARK, "withdrawn")
        ]
        assert relations.of(work, ANYONE, [BUS], tombstones=False) == {}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([f"replaces:{PARK}"], "relation-to-itself"),
        ([f"inSeries:{BUS}"], "not-a-series"),
        ([f"isPartOf:{BUS}"], "relations-in-a-circle"),
        ([f"isReplacedBy:{SERIES}", f"replaces:{SERIES}"], "relations-in-a-circle"),
    ],
)
def test_relations_that_cannot_be_are_refused_with_their_rule(
    family: House, words: list[str], code: str
) -> None:
    with family.write() as work:
        _state(work, BUS, f"isPartOf:{PARK}", by="culture-steward")
        with pytest.raises(Conflict) as refused:
            proposals.change_relations(work, actor_of(work, "traffic-steward"), PARK, words, [])
        assert [reason.code for reason in refused.value.reasons] == [code]


def test_a_circle_that_another_proposal_closed_first_is_refused_at_acceptance(family: House) -> None:
    with family.write() as work:
        waits = proposals.change_relations(
            work, actor_of(work, "traffic-steward"), PARK, [f"replaces:{BUS}"], []
        )
        _state(work, BUS, f"replaces:{PARK}", by="culture-steward")
        assert isinstance(waits, ProposalRead)
        with pytest.raises(Conflict, match="circle"):
            proposals.accept(work, actor_of(work, "traffic-reviewer"), waits.id, ProposalDecision())


def test_a_series_is_described_and_holds_no_data(family: House) -> None:
    with family.write() as work:
        steward = actor_of(work, "traffic-steward")
        held = asset(work, SERIES)
        assert (held.open_type, held.auth_op_scope) == ("N", "no")
        with pytest.raises(Conflict, match="series"):
            batches.may_submit(work, steward, SERIES)
        made = service.create(work, SYSTEM, a_body("DP-PK-S02", "traffic", record_type="series"))
        assert [each.code for each in service.objections(work, SYSTEM, made.id)] == ["series-with-data"]


def test_what_is_kept_follows_the_fields(family: House) -> None:
    """The rows are made from the fields alone, so that building the index anew changes nothing."""
    from sqlmodel import select

    from catalog.relations.tables import RelationRow

    def rows(work: Work) -> set[tuple[str, str, str]]:
        return {(each.dataset_id, each.kind, each.other_id) for each in work.db.exec(select(RelationRow))}

    with family.write() as work:
        service.update(
            work, SYSTEM, PARK, DatasetUpdate(relations=[f"references:{BUS}"], related_codes=[BUS])
        )
        before = rows(work)
        assert {(PARK, "references", BUS), (PARK, kinds.RELATED, BUS)} <= before
        indexing.reindex(work)
        assert rows(work) == before
        service.update(work, SYSTEM, PARK, DatasetUpdate(relations=[], related_codes=[]))
        assert rows(work) == {each for each in before if each[0] != PARK}
