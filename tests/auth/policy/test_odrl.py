"""Grants as ODRL: the whole policy there and back, valid by the published schema, and nothing taken that could not be enforced."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator  # type: ignore[import-untyped]
from pyshacl import validate
from rdflib import Graph

from auth.asset import Asset
from auth.policy import odrl
from auth.policy.limits import limits
from auth.policy.model import ColumnTerm, DeliveryForm, DropMask, GrantPolicy, Use
from auth.policy.rules import column_objections, use_objections
from core.errors import InputRefused
from tests.auth.policy.test_decisions import a_policy
from tests.auth.policy.test_filters import TREES
from tests.desk import PARKS, RESCUES
from tests.examples import examples

RULES = Graph().parse(data=odrl.shapes(), format="turtle")
START = datetime(2026, 3, 2, tzinfo=UTC)
COLUMNS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"name": "venue_id", "use": "plain"},
        {"name": "contact_phone", "use": "pseudonymised"},
        {"name": "名称", "use": "masked", "mask": {"kind": "keep", "head": 1, "tail": 0}},
        {"name": "area_m2", "use": "masked", "mask": {"kind": "round", "step": 0.1}},
        {"name": "rooms", "use": "filter_only"},
        {"name": "opened_on", "use": "aggregate_only"},
    ]
)
MAYBE = st.none() | st.integers(1, 2**53 - 1)


@st.composite
def policies(draw: st.DrawFn) -> GrantPolicy:
    return a_policy(
        columns=draw(st.lists(COLUMNS, min_size=1, max_size=5, unique_by=lambda c: str(c["name"]))),
        row_filter=draw(st.none() | TREES),
        purposes=draw(
            st.lists(st.text("ab-中", min_size=1, max_size=6), min_size=1, max_size=3, unique=True)
        ),
        scenario_id=draw(st.text("xy-景", min_size=1, max_size=6)),
        starts_at=(START + timedelta(microseconds=draw(st.integers(0, 10**9)))).isoformat(),
        ends_at="2031-01-01T00:00:00+08:00",
        delivery_forms=draw(st.lists(st.sampled_from(list(DeliveryForm)), min_size=1, unique=True)),
        quotas={"extracts": draw(MAYBE), "rows": draw(MAYBE), "bytes": draw(MAYBE), "per_day": draw(MAYBE)},
        retention_days=draw(st.integers(1, 36500)),
    )


def written(policy: GrantPolicy) -> dict[str, Any]:
    return odrl.agreement(policy, grant_id="g", assigner="parks", assignee="insurer", agreed_at=START)


@settings(max_examples=examples(30), deadline=None)
@given(policies())
def test_an_agreement_says_the_whole_policy_and_its_digest(policy: GrantPolicy) -> None:
    document = json.loads(json.dumps(written(policy)))
    assert odrl.policy_of(document) == policy
    assert document["dg:policySha256"] == policy.hash


@pytest.mark.shared
def test_agreements_are_valid_by_the_contract_schema_of_the_dataspace_protocol(shared: Path) -> None:
    told = json.loads((shared / "conformance/dsp/negotiation/contract-schema.json").read_text())
    agreement = {"$ref": "#/definitions/Agreement", "definitions": told["definitions"]}
    for validator in (Draft201909Validator(told), Draft201909Validator(agreement)):
        for policy in (
            a_policy(),
            a_policy(quotas={"rows": 5}, row_filter={"op": "is_null", "column": "rooms"}),
        ):
            assert [error.message for error in validator.iter_errors(written(policy))] == []
        assert not validator.is_valid(written(a_policy()) | {"permission": []})


ODRL = "http://www.w3.org/ns/odrl/2/"
# What the W3C's context says of the words that our documents use: each is a term of ODRL, by its own name.
WORDS = (
    {"@vocab": ODRL}
    | {word: {"@id": ODRL + word, "@type": "@vocab"} for word in ("action", "leftOperand", "operator", "conflict")}
    | {word: {"@id": ODRL + word, "@type": "@id"} for word in ("target", "assigner", "assignee", "profile")}
)  # fmt: skip


def _faults(document: dict[str, Any]) -> str:
    """What our own shapes say against the document; the context is read from here and nothing is fetched."""
    said = document | {"@context": [WORDS, *document["@context"][1:]]}
    graph = Graph().parse(data=json.dumps(said), format="json-ld")
    conforms, _, text = validate(graph, shacl_graph=RULES, inference="none", do_owl_imports=False)
    return "" if conforms else str(text)


quietly = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # rdflib and pyshacl warn of their own parts


@quietly
@settings(max_examples=examples(8), deadline=None)
@given(policies())
def test_every_agreement_fits_our_own_shapes(policy: GrantPolicy) -> None:
    assert _faults(written(policy)) == ""


@quietly
@pytest.mark.parametrize("asset", [PARKS, RESCUES])
def test_offers_fit_our_own_shapes_and_altered_ones_do_not(asset: Asset) -> None:
    offered = odrl.offer(asset, limits())
    assert _faults(offered) == ""
    for changes in (
        {"assignee": "urn:datagrant:organisation:x"},
        {"permission": written(a_policy())["permission"]},
        {"@type": "Agreement"},
        {"target": "https://elsewhere.example/"},
        {"conflict": "perm"},
        {"prohibition": offered["prohibition"][1:]},
        {"obligation": offered["obligation"][1:]},
    ):
        assert _faults(offered | changes), changes


def test_an_offer_lists_for_each_column_only_the_uses_that_could_be_granted() -> None:
    offered = odrl.offer(RESCUES, limits())
    atoms = {each["leftOperand"]: each["rightOperand"] for each in offered["permission"][0]["constraint"]}
    forms = [form for form, name in odrl.FORMATS.items() if name in atoms["fileFormat"]]
    assert forms
    assert set(forms) <= limits().levels[RESCUES.level].forms
    choices = {choice["name"]: choice["uses"] for choice in json.loads(atoms["dg:columnChoices"])}
    for name, uses in choices.items():
        for use in set(Use) - {Use.DENIED}:
            term = ColumnTerm(name=name, use=use, mask=DropMask() if use is Use.MASKED else None)
            against = [
                *column_objections((term,), RESCUES, limits()),
                *use_objections((term,), forms, RESCUES),
            ]
            assert (use.value in uses) == (not against), (name, use)
    assert "plain" not in choices["caller_phone"]
    assert "plain" in choices["event_type"]


@pytest.mark.shared
def test_offers_are_valid_by_the_contract_schema_of_the_dataspace_protocol(shared: Path) -> None:
    told = json.loads((shared / "conformance/dsp/negotiation/contract-schema.json").read_text())
    faults = Draft201909Validator(told).iter_errors(odrl.offer(PARKS, limits()))
    assert [error.message for error in faults] == []


def _with(place: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(written(a_policy()))
    document[place] = value
    return document


STRANGE = {
    "another profile": _with("profile", "urn:else"),
    "two permissions": _with("permission", written(a_policy())["permission"] * 2),
    "another action": _with("permission", [{"action": "use", "constraint": []}]),
    "a missing prohibition": _with("prohibition", [{"action": "distribute"}]),
    "no deletion": _with("obligation", []),
    **{
        f"constraint {each}": _with(
            "permission",
            [{"action": "extract", "constraint": [*written(a_policy())["permission"][0]["constraint"], each]}],
        )
        for each in (
            {"leftOperand": "spatial", "operator": "eq", "rightOperand": "CN"},
            {"leftOperand": "dg:rows", "operator": "gteq", "rightOperand": "1"},
            {"leftOperand": "dg:rows", "operator": "lteq", "rightOperand": "-1"},
            {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2040-01-01T00:00:00Z"},
            {"leftOperand": "dg:rowFilter", "operator": "eq", "rightOperand": "{"},
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_what_cannot_be_enforced_is_refused_whole_with_every_reason(name: str) -> None:
    with pytest.raises(InputRefused) as refused:
        odrl.policy_of(STRANGE[name])
    assert refused.value.reasons


@pytest.mark.parametrize("missing", ["dateTime", "purpose", "dg:scenario", "fileFormat", "dg:columns"])
def test_a_policy_that_leaves_out_what_every_grant_has_is_refused(missing: str) -> None:
    document = json.loads(json.dumps(written(a_policy())))
    constraints = document["permission"][0]["constraint"]
    document["permission"][0]["constraint"] = [each for each in constraints if each["leftOperand"] != missing]
    with pytest.raises(InputRefused) as refused:
        odrl.policy_of(document)
    assert refused.value.reasons


@pytest.mark.parametrize("said", ["[", "{", "nothing"])
def test_columns_that_are_no_json_are_named(said: str) -> None:
    document = json.loads(json.dumps(written(a_policy())))
    for each in document["permission"][0]["constraint"]:
        if each["leftOperand"] == "dg:columns":
            each["rightOperand"] = said
    with pytest.raises(InputRefused, match="dg:columns: no JSON"):
        odrl.policy_of(document)


@pytest.mark.parametrize(
    "obligation",
    [
        [],
        [{"action": "compensate"}],
        [{"action": "delete"}],
        [{"action": "delete", "constraint": [{"rightOperand": "P1Y"}]}],
        [{"action": "delete", "constraint": [{"rightOperand": "PT30D"}]}],
    ],
)
def test_a_policy_without_a_day_of_deletion_cannot_be_enforced(obligation: list[dict[str, Any]]) -> None:
    document = json.loads(json.dumps(written(a_policy()))) | {"obligation": obligation}
    with pytest.raises(InputRefused, match="elapsedTime"):
        odrl.policy_of(document)


@quietly
def test_agreements_of_another_form_do_not_fit_the_shapes() -> None:
    """`policy_of` judges what a constraint says; the shapes judge what a document is made of."""
    for name, document in STRANGE.items():
        assert bool(_faults(document)) is ("dg:rows" not in name and "dg:rowFilter" not in name), name
    for gone in ("dg:policySha256", "assignee", "assigner", "target", "profile", "conflict", "obligation"):
        document = copy.deepcopy(written(a_policy()))
        del document[gone]
        assert _faults(document), gone
