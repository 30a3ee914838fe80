"""The sample is complete, synthetic and repeatable, and the gate says of it exactly what it promises."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from api.house import House
from api.sample import document
from api.sample.catalogue import (
    CODE_LISTS,
    DATASETS,
    ORGANISATIONS,
    PEOPLE,
    SCENARIOS,
    SampleDataset,
    SampleFile,
    compared_with,
    dataset,
    masters_first,
)
from auth.actor import SYSTEM, RoleAt
from auth.identity import rules as identity
from auth.identity.organisations import create_organisation
from auth.roles import Role
from catalog import rules as catalog_rules
from catalog import service as catalog
from catalog.models import DatasetCreate
from datasets.extracts.export_suite import applicable
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table
from quality.engine import run_suite
from quality.references import References, ReferenceTable
from quality.suite import Suite
from tests.people import a_person, actor_of

SUB_INDICATORS = {
    "0101", "0102", "0103", "0104", "0105", "0106", "0201", "0202", "0301", "0302", "0303", "0304", "0305",
    "0401", "0402", "0501", "0502", "0503", "0601", "0602",
}  # fmt: skip
ORGS = {org.id: org for org in ORGANISATIONS}
DIGESTS = """
import hashlib
from api.sample.catalogue import DATASETS
for item in DATASETS:
    for batch in item.batches:
        print(item.id, hashlib.sha256(batch.make()).hexdigest())
"""

each_dataset = pytest.mark.parametrize("item", DATASETS, ids=lambda item: item.id)


def handed_in(item: SampleDataset, batch: SampleFile, folder: Path) -> tuple[Intake, Path]:
    """The batch as intake types it against the dataset's dictionary."""
    source, table = folder / "batch", folder / f"{item.id}.parquet"
    source.write_bytes(batch.make())
    return read_table(
        source, table, dictionary=Dictionary.model_validate(item.dictionary), name=batch.name
    ), table


@each_dataset
def test_the_catalogue_would_publish_every_record(item: SampleDataset) -> None:
    body = DatasetCreate.model_validate({**item.record, "columns": item.columns, "layout": item.layout})
    assert body.resource_code == item.id
    assert catalog_rules.objections(body.model_dump(), [column.model_dump() for column in body.columns]) == ()
    assert ORGS[item.record["publisher"]].kind == "source_department"


@each_dataset
def test_every_text_of_a_record_is_given_in_both_languages(item: SampleDataset) -> None:
    for name in ("title", "description"):
        assert item.record[f"{name}_zh"]
        assert item.record[f"{name}_en"].isascii()
    assert len(item.record["keywords"]) == len(item.record["keywords_en"]) > 0
    for column in item.columns:
        assert all(column[f"{part}_{lang}"] for part in ("title", "definition") for lang in ("zh", "en"))


@each_dataset
def test_every_rule_can_be_read_counted_and_found_again(item: SampleDataset) -> None:
    suite = Suite.from_data(item.suite)
    names = [check.meta["rule_id"] for check in suite.expectations]
    assert len(names) == len(set(names))
    assert set(item.expected["counts"]) <= set(names)
    assert {check.meta["gbt36344"] for check in suite.expectations} <= SUB_INDICATORS
    assert all(check.meta["title_zh"] and check.meta["title_en"] for check in suite.expectations)


@each_dataset
def test_code_lists_and_rules_name_the_same_values(item: SampleDataset) -> None:
    sets = {
        check["kwargs"]["column"]: {str(value) for value in check["kwargs"]["value_set"]}
        for check in item.suite["expectations"]
        if check["type"] == "expect_column_values_to_be_in_set"
    }
    for column in item.columns:
        if column["code_list"] is not None:
            listed = {entry["value"] for entry in CODE_LISTS[column["code_list"]]["items"]}
            assert sets.get(column["name"], listed) == listed


@each_dataset
def test_intake_reads_both_batches_with_the_declared_types(item: SampleDataset, tmp_path: Path) -> None:
    for batch in item.batches:
        intake, _ = handed_in(item, batch, tmp_path)
        assert {c.name: c.type for c in intake.columns} == {c["name"]: c["type"] for c in item.columns}
        assert intake.rows > 0
        assert intake.untyped_cells == 0


@each_dataset
@pytest.mark.long
def test_no_telephone_number_is_a_real_one(item: SampleDataset, tmp_path: Path) -> None:
    for batch in item.batches:
        _, table = handed_in(item, batch, tmp_path)
        for column in (c["name"] for c in item.columns if c["type"] == "string"):
            found = duckdb.execute(
                f"SELECT unnest(regexp_extract_all({column}, '(?:^|[^0-9])(1[3-9][0-9]{{9}}|0755-[0-9]+)', 1)) FROM '{table}'"
            ).fetchall()
            assert all(number.startswith(("1300000", "0755-0000")) for (number,) in found)


@pytest.mark.gx
@each_dataset
def test_the_gate_passes_the_clean_batch_without_a_single_failing_rule(
    item: SampleDataset, tmp_path: Path
) -> None:
    assert gate_says(item, item.clean, tmp_path) == ("passed", {})


@pytest.mark.gx
@each_dataset
def test_the_gate_fails_the_defective_batch_with_exactly_the_promised_counts(
    item: SampleDataset, tmp_path: Path
) -> None:
    assert gate_says(item, item.defective, tmp_path) == (item.expected["verdict"], item.expected["counts"])


@pytest.mark.gx
def test_late_rows_pass_the_gate_only_with_a_warning(tmp_path: Path) -> None:
    doubtful = [(item, item.doubtful) for item in DATASETS if item.doubtful is not None]
    assert [item.id for item, _ in doubtful] == ["DP-PK-002"]
    for item, batch in doubtful:
        assert gate_says(item, batch, tmp_path) == ("passed", batch.expected["counts"])
        severities = {check["meta"]["rule_id"]: check["severity"] for check in item.suite["expectations"]}
        assert {severities[rule] for rule in batch.expected["counts"]} == {"warning"}


def gate_says(item: SampleDataset, batch: SampleFile, folder: Path) -> tuple[str, dict[str, int | None]]:
    _, table = handed_in(item, batch, folder)
    verdict = run_suite(Suite.from_data(item.suite), table, references=first_releases(item, folder))
    failed = [each for each in verdict.expectations if each.outcome != "passed"]
    return verdict.verdict, {each.meta["rule_id"]: each.unexpected_count for each in failed}


def first_releases(item: SampleDataset, folder: Path) -> References:
    """What the item's rules compare with when the others have their first release and it has none."""
    tables = {}
    for name in compared_with(item):
        table = folder / f"with-{name}.parquet"
        table.write_bytes(_typed(name, folder))
        tables[name] = ReferenceTable(name, table, sha256="")
    return References(tables, knows_last=True)


_TYPED: dict[str, bytes] = {}


def _typed(name: str, folder: Path) -> bytes:
    """The clean batch as a typed table; read once, however many compare with it."""
    if name not in _TYPED:
        _, table = handed_in(dataset(name), dataset(name).clean, folder)
        _TYPED[name] = table.read_bytes()
    return _TYPED[name]


def test_masters_come_before_what_is_compared_with_them() -> None:
    order = [item.id for item in masters_first()]
    assert sorted(order) == sorted(item.id for item in DATASETS)
    assert order.index("DP-PK-001") < order.index("DP-PK-002") < order.index("DP-PK-003")
    assert order.index("DP-BC-002") < order.index("DP-BC-001")
    assert order.index("DP-HR-001") < order.index("DP-HR-002")


@pytest.mark.gx
def test_export_suites_stop_what_never_leaves_and_pass_the_rest(tmp_path: Path) -> None:
    ruled = {item.id: item for item in DATASETS if item.export is not None}
    assert set(ruled) == {"DP-SF-002", "DP-TR-002"}
    item = ruled["DP-SF-002"]
    whole = Suite.from_data(item.export)
    _, table = handed_in(item, item.clean, tmp_path)
    failed = [
        each.meta["rule_id"] for each in run_suite(whole, table).expectations if each.outcome == "failed"
    ]
    assert failed == ["SF2X-caller", "SF2X-narrative"]
    kept = [column["name"] for column in item.columns if column["identifier_kind"] != "DI"]
    allowed = tmp_path / "extract.parquet"
    pq.write_table(pq.read_table(table, columns=kept), allowed)
    verdict = run_suite(applicable(whole, kept), allowed)
    assert (verdict.verdict, len(verdict.expectations)) == ("passed", 2)


@pytest.mark.long
def test_every_process_makes_the_same_bytes() -> None:
    first, second = (
        subprocess.run([sys.executable, "-c", DIGESTS], capture_output=True, check=True, text=True).stdout
        for _ in range(2)
    )
    assert first == second
    assert len(first.splitlines()) == sum(len(item.batches) for item in DATASETS)


def test_the_formats_are_as_mixed_as_real_departments_hand_them_in() -> None:
    suffixes = {Path(item.clean.name).suffix for item in DATASETS}
    assert suffixes == {".csv", ".gz", ".xlsx", ".parquet", ".json", ".jsonl", ".geojson", ".txt"}


def test_every_organisation_has_a_valid_code_and_just_one_licence_has_lapsed() -> None:
    now = datetime(2026, 10, 9, tzinfo=UTC)
    assert all(identity.credit_code_is_valid(org.credit_code) for org in ORGANISATIONS)
    assert len({org.credit_code for org in ORGANISATIONS}) == len(ORGANISATIONS)
    states = {
        org.id: identity.licence_state_on("QUALIFIED", org.licence_valid_to, now)
        for org in ORGANISATIONS
        if org.is_enterprise
    }
    assert states == {"org-insurer": "QUALIFIED", "org-map": "QUALIFIED", "org-lapsed": "LAPSED"}


def test_every_person_may_hold_the_roles_given() -> None:
    assert len({person.username for person in PEOPLE}) == len(PEOPLE)
    for person in PEOPLE:
        assert identity.USERNAME.fullmatch(person.username)
        kind = ORGS[person.org].kind
        held: list[RoleAt] = []
        for name in person.roles:
            role = Role(name)
            scope = identity.default_scope(role, person.org, kind)
            assert not identity.role_objections(
                role, scope, held=held, org_id=person.org, org_kind=kind, is_own=False
            )
            held.append(RoleAt(role, scope))


def test_the_people_suffice_for_the_journeys() -> None:
    roles = Counter((person.org, role) for person in PEOPLE for role in person.roles)
    for org in ORGANISATIONS:
        if org.kind == "source_department":
            assert roles[org.id, "steward"] == 2
            # data of level 4 take two reviewers of the department
            assert roles[org.id, "reviewer_business"] == (2 if org.id == "org-emergency" else 1)
        elif org.is_enterprise:
            assert all(roles[org.id, role] == 1 for role in ("org_officer", "applicant", "analyst"))
    assert roles["org-bureau", "reviewer_security"] == 2
    bureau = {role for org, role in roles if org == "org-bureau"}
    assert bureau == {
        "sysadmin",
        "reviewer_business",
        "catalog_admin",
        "reviewer_security",
        "approver",
        "security_officer",
        "output_checker",
        "clerk",
        "auditor",
    }
    assert next(person for person in PEOPLE if person.username == "admin").roles == ("sysadmin",)


def test_every_scenario_is_served_by_sample_datasets() -> None:
    known = {item.id for item in DATASETS}
    assert all(scenario.datasets and set(scenario.datasets) <= known for scenario in SCENARIOS)
    assert known == {dataset_id for scenario in SCENARIOS for dataset_id in scenario.datasets}


def test_the_page_about_the_sample_is_current() -> None:
    assert document.PAGE.read_text(encoding="utf-8") == document.render(), (
        "run: python -m api.sample.document"
    )


def test_the_sample_enters_an_empty_house_through_the_real_services(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        for org in ORGANISATIONS:
            create_organisation(
                work, SYSTEM, org.name, org.kind, org_id=org.id, credit_code=org.credit_code,
                licence_state="QUALIFIED", licence_valid_to=org.licence_valid_to,
            )  # fmt: skip
        for person in PEOPLE:
            a_person(work, person.username, org=person.org, roles=person.roles)
    for item in DATASETS:
        steward = next(
            p.username for p in PEOPLE if p.org == item.record["publisher"] and "steward" in p.roles
        )
        with sqlite_house.write() as work:
            body = DatasetCreate.model_validate(
                {**item.record, "columns": item.columns, "layout": item.layout}
            )
            catalog.create(work, actor_of(work, steward), body)
            assert catalog.publish(work, actor_of(work, steward), item.id).state == "published"
