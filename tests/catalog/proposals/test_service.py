"""Records through review, on both databases."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from api.house import House
from auth.actor import ANYONE, SYSTEM
from catalog import service
from catalog.models import DatasetUpdate, Dictionary
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalDecision, ProposalRead, ProposalReturn
from core.errors import AccessRefused, AppError, Conflict, Gone, InputRefused, NotFound, Stale
from tests.catalog.records import COLUMNS, a_body, a_dataset, a_department
from tests.people import a_person, actor_of, an_org

ANY = ProposalDecision()
CODE = "DP-PK-001"


def _propose(house: House, who: str = "traffic-steward", **fields: Any) -> ProposalRead:
    with house.write() as work:
        made = proposals.change(work, actor_of(work, who), CODE, DatasetUpdate(**fields))
        assert isinstance(made, ProposalRead)
        return made


@pytest.fixture
def traffic(house: House) -> House:
    with house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, CODE, "traffic")
    return house


def test_change_of_a_published_record_waits_and_then_stands(traffic: House) -> None:
    made = _propose(traffic, contact="停车科", title_zh="停车场名录")
    with traffic.write() as work:
        assert service.show(work, ANYONE, CODE).contact == "0755-00000000"
        seen = proposals.detail(work, actor_of(work, "traffic-reviewer"), made.id)
        assert {each.name: (each.before, each.after) for each in seen.fields} == {
            "contact": ("0755-00000000", "停车科"),
            "title_zh": ("停车场基础信息", "停车场名录"),
        }
        assert {each.step: each.allowed for each in seen.steps} == {
            "accept": True, "time": True, "return": True, "take_back": False,
        }  # fmt: skip
        with pytest.raises(AccessRefused):
            proposals.accept(work, actor_of(work, "traffic-steward"), made.id, ANY)
        done = proposals.accept(work, actor_of(work, "traffic-reviewer"), made.id, ANY)
        assert (done.state, done.decided_en) == ("accepted", "Traffic-reviewer")
        assert service.show(work, ANYONE, CODE).contact == "停车科"


def test_returned_proposal_keeps_what_was_wished_for_the_next_try(traffic: House) -> None:
    made = _propose(traffic, contact="停车科")
    with traffic.write() as work:
        steward, reviewer = actor_of(work, "traffic-steward"), actor_of(work, "traffic-reviewer")
        done = proposals.give_back(work, reviewer, made.id, ProposalReturn(reason="请写明科室电话"))
        assert (done.state, done.reason) == ("returned", "请写明科室电话")
        assert proposals.wished(work, steward, CODE, made.id) == {"contact": "停车科"}
        assert proposals.wished(work, steward, CODE) == {}
        assert service.show(work, ANYONE, CODE).version == 2
        with pytest.raises(Conflict):
            proposals.accept(work, reviewer, made.id, ANY)


def test_one_proposal_at_a_time_amended_by_its_author_alone(traffic: House) -> None:
    first = _propose(traffic, contact="停车科")
    with pytest.raises(Conflict, match="awaits review"):
        _propose(traffic, "traffic-reviewer", contact="别的科室")
    second = _propose(traffic, title_zh="停车场名录")
    assert (second.id, second.version, second.changed_fields) == (first.id, 2, ["contact", "title_zh"])
    with traffic.write() as work:
        reviewer = actor_of(work, "traffic-reviewer")
        with pytest.raises(Stale):
            proposals.accept(work, reviewer, first.id, ProposalDecision(version=1))
    with traffic.write() as work:  # what equals the record again is no change
        body = DatasetUpdate(contact="0755-00000000", title_zh="停车场基础信息")
        proposals.change(work, actor_of(work, "traffic-steward"), CODE, body)
        found, _ = proposals.listed(work, SYSTEM)
        assert [each.state for each in found] == ["taken_back"]


def test_fields_and_dictionary_are_judged_and_stand_together(traffic: House) -> None:
    raised = [column | {"level": 2} for column in COLUMNS]
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        with pytest.raises(Conflict):
            proposals.change_dictionary(work, steward, CODE, Dictionary.model_validate({"columns": raised}))
        with pytest.raises(Conflict):
            proposals.change(work, steward, CODE, DatasetUpdate(contact=""))
    _propose(traffic, data_level=2, open_type="C", open_condition="签署承诺")
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        body = Dictionary.model_validate({"columns": raised})
        made = proposals.change_dictionary(work, steward, CODE, body)
        assert isinstance(made, ProposalRead)
        assert [(each.name, each.facts) for each in proposals.detail(work, steward, made.id).columns] == [
            ("lot_id", {"level": [1, 2]}),
            ("free_spaces", {"level": [1, 2]}),
        ]
        proposals.accept(work, actor_of(work, "traffic-reviewer"), made.id, ANY)
        assert [column.level for column in service.dictionary(work, CODE)] == [2, 2]


def test_what_changed_meanwhile_is_not_overwritten(traffic: House) -> None:
    made = _propose(traffic, contact="停车科")
    with traffic.write() as work:
        service.update(work, SYSTEM, CODE, DatasetUpdate(contact="系统改过"))
        with pytest.raises(Stale, match="Contact"):
            proposals.accept(work, actor_of(work, "traffic-reviewer"), made.id, ANY)
        assert proposals.detail(work, SYSTEM, made.id).fields[0].is_drifted


def test_who_wrote_a_draft_does_not_publish_it(house: House) -> None:
    with house.write() as work:
        steward = a_department(work, "traffic")
        reviewer = actor_of(work, "traffic-reviewer")
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "cat", org="bureau", roles=["catalog_admin"])
        service.create(work, steward, a_body(CODE, "traffic"))
        service.update(work, reviewer, CODE, DatasetUpdate(contact="停车科"))
        made = proposals.ask_publication(work, reviewer, CODE)
        for author in (steward, reviewer):
            with pytest.raises(AccessRefused):
                proposals.accept(work, author, made.id, ANY)
        service.update(work, steward, CODE, DatasetUpdate(contact="停车管理科"))
        with pytest.raises(Stale):
            proposals.accept(work, actor_of(work, "cat"), made.id, ANY)
        again = proposals.ask_publication(work, reviewer, CODE)
        proposals.accept(work, actor_of(work, "cat"), again.id, ANY)
        assert service.show(work, ANYONE, CODE).state == "published"


def test_other_departments_know_of_no_proposal(traffic: House) -> None:
    made = _propose(traffic, contact="停车科")
    with traffic.write() as work:
        stranger = a_department(work, "culture")
        assert proposals.listed(work, stranger) == ([], 0)
        for act in (proposals.accept, proposals.take_back):
            with pytest.raises(NotFound):
                act(work, stranger, made.id, ANY)
        with pytest.raises(NotFound):
            proposals.detail(work, stranger, "\x00")


def test_tombstone_names_what_replaced_the_record(traffic: House) -> None:
    with traffic.write() as work:
        steward = actor_of(work, "traffic-steward")
        a_dataset(work, "DP-PK-002", "traffic")
        for wrong in ("DP-PK-777", CODE):
            with pytest.raises(InputRefused):
                service.withdraw(work, steward, CODE, "合并", replaced_by=wrong)
        service.withdraw(work, steward, CODE, "并入新数据集", replaced_by="DP-PK-002")
        with pytest.raises(Gone) as gone:
            service.show(work, ANYONE, CODE)
        assert gone.value.facts["replaced_by"] == "DP-PK-002"


def test_nothing_but_review_import_and_harvest_writes_what_is_published() -> None:
    """The immediate writes are called from the record's own rooms alone, so that no route goes round the second person."""
    allowed = {
        "catalog/proposals/service.py": {"update", "replace_dictionary", "publish", "rewrite"},
        "catalog/ckan/writing.py": {"imported", "overwrite_imported"},
        "datasets/harvest/taking.py": {"take_foreign", "renew_foreign"},
    }
    watched = set().union(*allowed.values())
    root = Path(__file__).parents[3]
    for room in ("api", "catalog", "datasets"):
        for file in (root / room).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if "from catalog import" not in text:
                continue  # it knows the service by no name
            tree = ast.parse(text)
            names = {
                alias.asname or alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.module == "catalog"
                for alias in node.names
                if alias.name == "service"
            }
            called = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in names
            }
            where = file.relative_to(root).as_posix()
            assert called & watched <= allowed.get(where, set()), where


def test_anyone_tries_anything(sqlite_house: House) -> None:
    """Whatever two stewards and an administrator do in whatever order, what readers see was accepted by somebody else."""
    people = ("traffic-steward", "traffic-reviewer", "cat")
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "cat", org="bureau", roles=["catalog_admin"])
    counter = iter(range(10_000))

    class Machine(RuleBasedStateMachine):
        @initialize()
        def fresh(self) -> None:
            self.code = f"DP-T-{next(counter)}"
            self.stands, self.wish = "0755-00000000", None
            with sqlite_house.write() as work:
                a_dataset(work, self.code, "traffic")

        @rule(who=st.sampled_from(people), contact=st.sampled_from(["甲科", "乙科", "0755-00000000"]))
        def propose(self, who: str, contact: str) -> None:
            free = self.wish is None or self.wish[0] == who
            try:
                with sqlite_house.write() as work:
                    proposals.change(work, actor_of(work, who), self.code, DatasetUpdate(contact=contact))
            except Conflict:
                assert not free
            else:
                assert free
                self.wish = (who, contact) if contact != self.stands else None

        @rule(who=st.sampled_from(people), step=st.sampled_from(["accept", "give_back", "take_back"]))
        def decide(self, who: str, step: str) -> None:
            with sqlite_house.read() as work:
                found, _ = proposals.listed(work, SYSTEM, state="open", dataset_id=self.code)
            assert bool(found) == (self.wish is not None)
            if not found or self.wish is None:
                return
            body = ProposalReturn(reason="请再核对") if step == "give_back" else ANY
            is_author = who == self.wish[0]
            try:
                with sqlite_house.write() as work:
                    getattr(proposals, step)(work, actor_of(work, who), found[0].id, body)
            except AppError:
                assert is_author != (step == "take_back")
            else:
                assert is_author == (step == "take_back")
                self.stands = self.wish[1] if step == "accept" else self.stands
                self.wish = None

        @invariant()
        def readers_see_what_was_accepted(self) -> None:
            if hasattr(self, "code"):
                with sqlite_house.read() as work:
                    assert service.show(work, ANYONE, self.code).contact == self.stands

    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine, settings=settings(max_examples=15, stateful_step_count=12, deadline=None)
    )
