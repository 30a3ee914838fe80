"""Grants as ODRL: the whole policy there and back, valid by the published schema, and nothing taken that could not be enforced."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
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
from auth.policy.odrl_reading import policy_of
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
        {"name": "geom", "use": "masked", "mask": {"kind": "grid", "step": 0.01}},
        {"name": "division", "use": "masked", "mask": {"kind": "division", "level": "city"}},
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
        quotas={
            "extracts": draw(MAYBE),
            "rows": draw(MAYBE),
            "bytes": draw(MAYBE),
            "per_day": draw(MAYBE),
            "per_month": draw(MAYBE),
            "outputs_per_month": draw(MAYBE),
        },
        networks=draw(
            st.lists(
                st.sampled_from(["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/48"]),
                max_size=3,
                unique=True,
            )
        ),
        members=draw(st.lists(st.text("ab-员", min_size=1, max_size=6), max_size=3)),
        fee_reference=draw(st.none() | st.text("ab-费", min_size=1, max_size=6)),
        pinned_release=draw(st.none() | st.text("ab-版", min_size=1, max_size=6)),
        safeguards={
            "min_group": draw(st.none() | st.integers(2, 99)),
            "checkers": draw(st.none() | st.integers(1, 2)),
            "epsilon_micro": draw(MAYBE),
            "epsilon_each_micro": draw(MAYBE),
            "watermark": draw(st.booleans()),
        },
        retention_days=draw(st.integers(1, 36500)),
    )


def written(policy: GrantPolicy) -> dict[str, Any]:
    return odrl.agreement(policy, grant_id="g", assigner="parks", assignee="insurer", agreed_at=START)


@settings(max_examples=examples(30), deadline=None)
@given(policies())
def test_an_agreement_says_the_whole_policy_and_its_digest(policy: GrantPolicy) -> None:
    document = json.loads(json.dumps(written(policy)))
    assert policy_of(document) == policy
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
@settings(max_examples=examples(5), deadline=None)
@given(policies())
@pytest.mark.long
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
    ways = {way: form for form, way in odrl.ACTIONS.items()}
    seen = []
    for rule in odrl.offer(RESCUES, limits())["permission"]:
        atoms = {each["leftOperand"]: each["rightOperand"] for each in rule["constraint"]}
        files = [form for form, name in odrl.FORMATS.items() if name in atoms.get("fileFormat", ())]
        forms = files or [ways[rule["action"], atoms["deliveryChannel"]]]
        seen += forms
        choices = {choice["name"]: choice["uses"] for choice in json.loads(atoms["dg:columnChoices"])}
        for name, uses in choices.items():
            for use in set(Use) - {Use.DENIED}:
                term = ColumnTerm(name=name, use=use, mask=DropMask() if use is Use.MASKED else None)
                against = [
                    *column_objections((term,), RESCUES, limits()),
                    *use_objections((term,), forms, RESCUES),
                ]
                assert (use.value in uses) == (not against), (rule["action"], name, use)
        assert "plain" not in choices["caller_phone"]
        assert "plain" in choices["event_type"]
    assert set(seen) == limits().levels[RESCUES.level].forms


def test_an_offer_of_a_level_that_no_form_may_leave_permits_nothing() -> None:
    offered = odrl.offer(replace(RESCUES, level=5), limits())
    assert "permission" not in offered
    assert [rule["action"] for rule in offered["prohibition"]] == list(odrl.PROHIBITED)


def test_each_form_has_its_action_and_its_channel_in_the_order_agreed() -> None:
    """Authorization §4.5: extract, aggregate, derive, read, and our own for private statistics and verification."""
    forms = ["verify", "extract_csv", "extract_xlsx", "query_dp", "query_agg", "extract_jsonl", "preview", "enclave"]  # fmt: skip
    policy = a_policy(delivery_forms=forms)
    document = written(policy)
    actions = [rule["action"] for rule in document["permission"]]
    assert actions == ["dg:verify", "extract", "dg:queryDP", "aggregate", "extract", "read", "derive"]
    for rule in document["permission"]:
        said = {each["leftOperand"]: each["rightOperand"] for each in rule["constraint"]}
        assert said["recipient"] == document["assignee"]
        assert ("fileFormat" in said) == (rule["action"] == "extract")
        assert (rule["action"], said["deliveryChannel"]) in odrl.ACTIONS.values()
    assert policy_of(document) == policy
    assert "dg:outputReview" in [rule["action"] for rule in document["obligation"]]
    files = written(a_policy(delivery_forms=["extract_csv"]))["obligation"]
    assert [rule["action"] for rule in files] == ["delete", "inform", "inform", "attribute"]


def _first_edition(policy: GrantPolicy) -> dict[str, Any]:
    """As this service wrote agreements before each form had its action."""
    document = written(policy)
    own = {"aggregate": "dg:queryAgg", "dg:queryDP": "dg:queryDp", "dg:verify": "dg:verify", "read": "dg:preview", "derive": "dg:enclave"}  # fmt: skip
    names = [odrl.FORMATS.get(form) or own[odrl.ACTIONS[form][0]] for form in policy.delivery_forms]
    terms = [
        each
        for each in document["permission"][0]["constraint"]
        if each["leftOperand"] not in ("deliveryChannel", "fileFormat", "recipient")
    ]
    return document | {
        "@context": [odrl.CONTEXT, {"dg": "urn:datagrant:odrl:1#"}],
        "profile": "urn:datagrant:odrl:1",
        "permission": [
            {
                "action": "extract",
                "constraint": [
                    {"leftOperand": "fileFormat", "operator": "isAnyOf", "rightOperand": names},
                    *terms,
                ],
            }
        ],
        "obligation": document["obligation"][:2],
    }


@settings(max_examples=examples(15), deadline=None)
@given(policies())
def test_agreements_of_the_first_edition_keep_their_meaning_and_digest(policy: GrantPolicy) -> None:
    document = json.loads(json.dumps(_first_edition(policy)))
    assert policy_of(document) == policy
    for worse in (
        {"permission": document["permission"] * 2},
        {"permission": [document["permission"][0] | {"constraint": []}]},
        {"permission": [document["permission"][0] | {"duty": []}]},
        {"@context": odrl.CONTEXT},
        {"obligation": []},
        {"prohibition": []},
    ):
        with pytest.raises(InputRefused):
            policy_of(document | worse)


@pytest.mark.shared
def test_offers_are_valid_by_the_contract_schema_of_the_dataspace_protocol(shared: Path) -> None:
    told = json.loads((shared / "conformance/dsp/negotiation/contract-schema.json").read_text())
    faults = Draft201909Validator(told).iter_errors(odrl.offer(PARKS, limits()))
    assert [error.message for error in faults] == []


def _with(place: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(written(a_policy()))
    document[place] = value
    return document


RULE = written(a_policy())["permission"][0]
TERMS = RULE["constraint"]


def _atom(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def _changed(left: str, right: str) -> list[dict[str, Any]]:
    return [each | {"rightOperand": right} if each["leftOperand"] == left else each for each in TERMS]


STRANGE = {
    "another profile": _with("profile", "urn:else"),
    "another action": _with("permission", [RULE | {"action": "use"}]),
    "an action with the channel of another": _with("permission", [RULE | {"action": "derive"}]),
    "a permission without terms": _with("permission", []),
    "a missing prohibition": _with("prohibition", [{"action": "distribute"}]),
    "no deletion": _with("obligation", []),
    **{
        f"constraint {each}": _with("permission", [RULE | {"constraint": [*TERMS, each]}])
        for each in (
            _atom("spatial", "eq", "CN"),
            _atom("dg:volume", "lteq", "1"),
            _atom("dg:rows", "gteq", "1"),
            _atom("dg:rows", "lteq", "-1"),
            _atom("dateTime", "lt", "2040-01-01T00:00:00Z"),
            _atom("dg:rowFilter", "eq", "{"),
        )
    },
}  # fmt: skip
UNREAD = {
    "two permissions of one form": _with("permission", [RULE, RULE]),
    "another recipient": _with("permission", [RULE | {"constraint": _changed("recipient", "urn:datagrant:organisation:else")}]),
    "a permission that is text": _with("permission", ["extract"]),
    "a narrower permission": _with("permission", [RULE | {"duty": [{"action": "compensate"}]}]),
    "a narrower prohibition": _with("prohibition", [{"action": each, "constraint": []} for each in odrl.PROHIBITED]),
    "a duty more": _with("obligation", [*written(a_policy())["obligation"], {"action": "compensate"}]),
    "a duty less": _with("obligation", written(a_policy())["obligation"][:3]),
    "a duty with another event": _with("obligation", [*written(a_policy())["obligation"][:3], {"action": "inform", "constraint": [_atom("event", "eq", "dg:sale")]}]),
    "a constraint in units": _with("permission", [RULE | {"constraint": [*TERMS, _atom("dg:rows", "lteq", "5") | {"unit": "thousand"}]}]),
    "a number beyond the numbers": _with("permission", [RULE | {"constraint": [*TERMS, _atom("dg:rows", "lteq", "9" * 5000)]}]),
    "a format that nothing writes": _with("permission", [RULE | {"constraint": [*TERMS[:1], _atom("fileFormat", "isAnyOf", ["image/png"]), *TERMS[2:]]}]),
    "a format that is none": _with("permission", [RULE | {"constraint": [*TERMS[:1], _atom("fileFormat", "isAnyOf", [{}]), *TERMS[2:]]}]),
    "terms for one form only": _with("permission", [RULE, {"action": "aggregate", "constraint": [_atom("deliveryChannel", "eq", "dg:statistics"), _atom("recipient", "eq", "urn:datagrant:organisation:insurer")]}]),
    "a policy it inherits from": _with("inheritsFrom", "urn:else"),
    "another way of conflicts": _with("conflict", "perm"),
    "words of another meaning": _with("@context", [odrl.CONTEXT, {"dg": "urn:else#"}]),
    "another target": _with("target", "https://elsewhere.example/"),
    "nobody": _with("assignee", None),
    "another digest": _with("dg:policySha256", "0" * 64),
    "other terms than its digest's": _with("permission", [RULE | {"constraint": _changed("dg:scenario", "else")}]),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_what_would_pass_unread_is_refused(name: str) -> None:
    with pytest.raises(InputRefused) as refused:
        policy_of(UNREAD[name])
    assert refused.value.reasons


def test_every_fault_is_named_at_once() -> None:
    document = _with("conflict", "perm") | {"prohibition": [], "inheritsFrom": "urn:else"}
    with pytest.raises(InputRefused) as refused:
        policy_of(document)
    said = " ".join(reason.text.en for reason in refused.value.reasons)
    assert all(word in said for word in ("conflict", "inheritsFrom", "distribute", "sell", "dg:reidentify"))


def test_terms_that_only_one_of_two_forms_has_are_named() -> None:
    with pytest.raises(InputRefused) as refused:
        policy_of(UNREAD["terms for one form only"])
    assert "other terms than the first" in " ".join(reason.text.en for reason in refused.value.reasons)


@pytest.mark.parametrize("name", STRANGE)
def test_what_cannot_be_enforced_is_refused_whole_with_every_reason(name: str) -> None:
    with pytest.raises(InputRefused) as refused:
        policy_of(STRANGE[name])
    assert refused.value.reasons


@pytest.mark.parametrize(
    "missing",
    ["dateTime", "purpose", "dg:scenario", "fileFormat", "dg:columns", "deliveryChannel", "recipient"],
)
def test_a_policy_that_leaves_out_what_every_grant_has_is_refused(missing: str) -> None:
    document = json.loads(json.dumps(written(a_policy())))
    constraints = document["permission"][0]["constraint"]
    document["permission"][0]["constraint"] = [each for each in constraints if each["leftOperand"] != missing]
    with pytest.raises(InputRefused) as refused:
        policy_of(document)
    assert refused.value.reasons


@pytest.mark.parametrize("said", ["[", "{", "nothing"])
def test_columns_that_are_no_json_are_named(said: str) -> None:
    document = json.loads(json.dumps(written(a_policy())))
    for each in document["permission"][0]["constraint"]:
        if each["leftOperand"] == "dg:columns":
            each["rightOperand"] = said
    with pytest.raises(InputRefused, match="dg:columns: no JSON"):
        policy_of(document)


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
        policy_of(document)


@quietly
def test_agreements_of_another_form_do_not_fit_the_shapes() -> None:
    """`policy_of` judges what a constraint says; the shapes judge what a document is made of."""
    for name, document in STRANGE.items():
        assert bool(_faults(document)) is ("dg:rows" not in name and "dg:rowFilter" not in name), name
    for gone in ("dg:policySha256", "assignee", "assigner", "target", "profile", "conflict", "obligation"):
        document = copy.deepcopy(written(a_policy()))
        del document[gone]
        assert _faults(document), gone


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [("dg:watermark", "eq", "perhaps"), ("dg:minGroup", "lteq", "5"), ("dg:minGroup", "gteq", "few"), ("dg:epsilon", "lteq", "0")],
)  # fmt: skip
def test_safeguards_in_other_words_are_refused(left: str, operator: str, right: str) -> None:
    document = json.loads(json.dumps(written(a_policy(safeguards={"min_group": 20}))))
    kept = [each for each in document["permission"][0]["constraint"] if each["leftOperand"] != "dg:minGroup"]
    document["permission"][0]["constraint"] = [*kept, _atom(left, operator, right)]
    with pytest.raises(InputRefused, match=f"constraint {left}"):
        policy_of(document)


@quietly
def test_an_agreement_with_every_safeguard_fits_the_shapes() -> None:
    strict = {"min_group": 20, "checkers": 2, "epsilon_micro": 5, "epsilon_each_micro": 5, "watermark": True}
    policy = a_policy(safeguards=strict)
    assert _faults(written(policy)) == ""
    assert policy_of(json.loads(json.dumps(written(policy)))) == policy


def test_the_first_twenty_faults_are_told_in_the_sentence_and_all_of_them_as_reasons() -> None:
    document = json.loads(json.dumps(written(a_policy()))) | {f"x{n:02}": 1 for n in range(25)}
    with pytest.raises(InputRefused) as refused:
        policy_of(document)
    told = [f"x{n:02}: not known" for n in range(25)]
    assert refused.value.detail.en.endswith(": " + "; ".join(told[:20]))
    assert refused.value.detail.zh.endswith("：" + "；".join(told[:20]))
    assert [each.text.en for each in refused.value.reasons] == told


def test_the_duties_of_a_holder_stand_there_word_for_word() -> None:
    """Written and read by the same table, a word left out of it would be missed by neither."""
    said = [
        {"action": "delete", "constraint": [_atom("elapsedTime", "lteq", "P30D")]},
        {"action": "inform", "constraint": [_atom("event", "eq", "dg:incident")]},
        {"action": "inform", "constraint": [_atom("event", "eq", "dg:useReport")]},
        {"action": "attribute"},
    ]
    review = {"action": "dg:outputReview", "constraint": [_atom("deliveryChannel", "eq", "dg:enclave")]}
    assert odrl.duties(30, [DeliveryForm.EXTRACT_CSV]) == said
    assert odrl.duties(30, [DeliveryForm.EXTRACT_CSV, DeliveryForm.ENCLAVE]) == [*said, review]
    offered = odrl.offer(PARKS, limits())
    assert offered["obligation"][0]["constraint"] == [
        _atom("elapsedTime", "lteq", f"P{limits()['max_retention_days']}D")
    ]
    assert offered["prohibition"] == written(a_policy())["prohibition"]
    assert len(odrl.shapes()) > 1000
