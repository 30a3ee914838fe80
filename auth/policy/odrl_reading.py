"""Reading ODRL agreements back into policies: the whole of what is said, or a refusal with everything that could not be enforced. Pure.

A word that is not known is never passed over: an unread constraint would permit more than was agreed. Agreements of the profile's first
edition, which had the action `extract` for every form, are read in the words of the present one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import ValidationError

from auth.policy import odrl
from auth.policy.model import DeliveryForm, GrantPolicy
from auth.policy.odrl import (
    ACTIONS,
    CONTEXT,
    FORMATS,
    PROFILE,
    PROHIBITED,
    QUOTAS,
    REQUIRED,
    SAFEGUARDS,
    Document,
    atom,
    urn,
)
from core.errors import InputRefused, Reason
from core.text import Text

FIRST: Final = "urn:datagrant:odrl:1"
_FIRST_FORMS: Final = {value: form for form, value in FORMATS.items()} | {
    "dg:queryAgg": DeliveryForm.QUERY_AGG,
    "dg:queryDp": DeliveryForm.QUERY_DP,
    "dg:verify": DeliveryForm.VERIFY,
    "dg:preview": DeliveryForm.PREVIEW,
    "dg:enclave": DeliveryForm.ENCLAVE,
}
_FILES: Final = {value: form for form, value in FORMATS.items()}
_OTHERS: Final = {way: form for form, way in ACTIONS.items() if form not in FORMATS}
_BASIS: Final = "以 ODRL 表达的授权（docs/grants.md）· grants as ODRL (docs/grants.md)"
_HEAD: Final = frozenset(
    {"@context", "@type", "@id", "profile", "conflict", "target", "assigner", "assignee", "timestamp"}
)
_RULES: Final = frozenset({"dg:policySha256", "permission", "prohibition", "obligation"})
_OPERATORS: Final = {
    "deliveryChannel": "eq",
    "fileFormat": "isAnyOf",
    "recipient": "eq",
    "purpose": "isAnyOf",
    "dg:scenario": "eq",
    "dg:network": "isAnyOf",
    "dg:release": "eq",
    "dg:member": "isAnyOf",
    "dg:feeReference": "eq",
    **dict.fromkeys(QUOTAS, "lteq"),
    **{operand: operator for operand, (_, operator) in SAFEGUARDS.items()},
    "dg:columns": "eq",
    "dg:rowFilter": "eq",
}
_COUNTED: Final = QUOTAS.keys() | SAFEGUARDS.keys()  # operands whose right operand is a whole number
_WAYS: Final = ("deliveryChannel", "fileFormat")
_NUMBER: Final = re.compile("[1-9][0-9]{0,15}")
_DAYS: Final = re.compile("P([1-9][0-9]{0,4})D")


def policy_of(document: Document) -> GrantPolicy:
    """The policy that an agreement states. Raises InputRefused with everything in it that this service could not enforce."""
    faults: list[str] = []
    found = _members(_renewed(document), faults)
    if not faults:
        try:
            policy = GrantPolicy.model_validate(found)
        except ValidationError as error:
            raise _refused([f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]) from error
        if document.get("dg:policySha256") == policy.hash:
            return policy
        faults.append("dg:policySha256: another digest than that of the terms")
    raise _refused(faults)


def _members(document: Document, faults: list[str]) -> Document:
    faults += _of_head(document)
    said, forms = _permitted(document, faults)
    days = _days(document, faults)
    if days is not None:
        faults += _unlike("obligation", document.get("obligation"), odrl.duties(days, forms))
    faults += _unlike("prohibition", document.get("prohibition"), [{"action": each} for each in PROHIBITED])
    return {
        "dataset_id": str(document.get("target", "")).removeprefix(urn("dataset", "")),
        "columns": _json(said, "dg:columns", faults),
        "row_filter": _json(said, "dg:rowFilter", faults),
        "scenario_id": said.get("dg:scenario"),
        "purposes": said.get("purpose"),
        "starts_at": said.get("dateTime gteq"),
        "ends_at": said.get("dateTime lt"),
        "delivery_forms": forms,
        "quotas": {quota: int(said[operand]) for operand, quota in QUOTAS.items() if operand in said},
        "retention_days": days,
        "networks": said.get("dg:network", ()),
        "pinned_release": _named(said, "dg:release", "release"),
        "members": [each.removeprefix(urn("account", "")) for each in said.get("dg:member", ())],
        "fee_reference": _named(said, "dg:feeReference", "fee"),
        "safeguards": {
            name: operator == "eq" or int(said[operand])
            for operand, (name, operator) in SAFEGUARDS.items()
            if operand in said
        },
    }


def _named(said: dict[str, Any], operand: str, kind: str) -> str | None:
    """The id of the one thing that a term names."""
    return str(said[operand]).removeprefix(urn(kind, "")) if operand in said else None


def _of_head(document: Document) -> Iterator[str]:
    wanted = {
        "profile": PROFILE,
        "@type": "Agreement",
        "conflict": "prohibit",
        "@context": [CONTEXT, {"dg": f"{PROFILE}#"}],
    }
    for name, value in wanted.items():
        if document.get(name) != value:
            yield f"{name} {document.get(name)!r}"
    for name, kind in (
        ("@id", "grant"),
        ("target", "dataset"),
        ("assigner", "organisation"),
        ("assignee", "organisation"),
    ):
        said = document.get(name)
        if not isinstance(said, str) or not said.startswith(urn(kind, "")) or said == urn(kind, ""):
            yield f"{name} {said!r}"
    yield from (f"{name}: not known" for name in sorted(set(document) - _HEAD - _RULES))


def _permitted(document: Document, faults: list[str]) -> tuple[dict[str, Any], list[DeliveryForm]]:
    """The terms, which every permission must say alike, and the forms in their order."""
    rules = _list(document.get("permission"))
    if not rules:
        faults.append("permission: none")
    terms: list[dict[str, Any]] = []
    forms: list[DeliveryForm] = []
    for rule in rules:
        if set(rule) != {"action", "constraint"}:
            faults.append(f"permission: {', '.join(sorted(map(str, rule))) or 'no rule'}")
            continue
        said = _said(_list(rule["constraint"]), faults)
        if said.get("recipient") != document.get("assignee"):
            faults.append(f"recipient {said.get('recipient')!r}: not the assignee")
        forms += _forms(rule["action"], said, faults)
        terms.append({name: value for name, value in said.items() if name not in _WAYS})
    if any(each != terms[0] for each in terms[1:]):
        faults.append(
            "permission: other terms than the first; a grant has the same terms for all of its forms"
        )
    return (terms[0] if terms else {}), forms


def _forms(action: object, said: dict[str, Any], faults: list[str]) -> Iterator[DeliveryForm]:
    way = (str(action), str(said.get("deliveryChannel")))
    files = said.get("fileFormat")
    if way == ("extract", "dg:file") and files:
        faults.extend(f"fileFormat {value!r}" for value in files if value not in _FILES)
        yield from (_FILES[value] for value in files if value in _FILES)
    elif way in _OTHERS and files is None:
        yield _OTHERS[way]
    else:
        faults.append(f"permission: action {action!r} with deliveryChannel {way[1]}, fileFormat {files!r}")


def _said(constraints: list[Document], faults: list[str]) -> dict[str, Any]:
    """Right operands by left operand; what is said twice, or in another way, cannot be enforced."""
    found: dict[str, Any] = {}
    for each in constraints:
        left, operator, right = (each.get(name) for name in ("leftOperand", "operator", "rightOperand"))
        name = f"{left} {operator}" if left == "dateTime" else str(left)
        known = operator in ("gteq", "lt") if left == "dateTime" else operator == _OPERATORS.get(name, "")
        if not known or name in found or len(each) != 3 or not _fits(name, right):
            faults.append(f"constraint {left} {operator} {right!r}")
        else:
            found[name] = right
    return found


def _fits(name: str, right: object) -> bool:
    if _OPERATORS.get(name) == "isAnyOf":
        return isinstance(right, list) and all(isinstance(value, str) for value in right)
    if name in SAFEGUARDS and _OPERATORS[name] == "eq":
        return right == REQUIRED
    return isinstance(right, str) and (name not in _COUNTED or _NUMBER.fullmatch(right) is not None)


def _json(said: dict[str, Any], name: str, faults: list[str]) -> Any:  # noqa: ANN401 - JSON
    if name not in said:
        return None
    try:
        return json.loads(said[name])
    except (ValueError, RecursionError):
        faults.append(f"{name}: no JSON")
        return None


def _days(document: Document, faults: list[str]) -> int | None:
    for each in _list(document.get("obligation")):
        atoms = _list(each.get("constraint"))
        if each.get("action") == "delete" and atoms:
            days = _DAYS.fullmatch(str(atoms[0].get("rightOperand", "")))
            if days:
                return int(days[1])
    faults.append("obligation: delete within elapsedTime P…D")
    return None


def _unlike(what: str, said: object, wanted: Iterable[Document]) -> Iterator[str]:
    """What is said and not known, and what every grant has and is not said."""
    left = [dict(each) for each in _list(said)]
    for each in wanted:
        if each in left:
            left.remove(each)
        else:
            yield f"{what}: without {_words(each)}"
    yield from (f"{what} {_words(each)}" for each in left)


def _words(rule: Document) -> str:
    return json.dumps(rule, ensure_ascii=False)[:200]


def _list(value: object) -> list[Document]:
    """The rules of a list; what is none counts as an empty one, which nothing takes."""
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []


def _renewed(document: Document) -> Document:
    """An agreement of the first edition in the words of the present one; any other as it is."""
    rules = _list(document.get("permission"))
    if document.get("profile") != FIRST or len(rules) != 1 or rules[0].get("action") != "extract":
        return document
    terms = [each for each in _list(rules[0].get("constraint")) if each.get("leftOperand") != "fileFormat"]
    named = [each for each in _list(rules[0].get("constraint")) if each.get("leftOperand") == "fileFormat"]
    values = named[0].get("rightOperand") if len(named) == 1 else None
    if not isinstance(values, list) or not {*map(str, values)} <= _FIRST_FORMS.keys():
        return document
    forms = [_FIRST_FORMS[str(value)] for value in values]
    later = odrl.duties(1, forms)[2:]  # duties that every grant had, and that the first edition did not say
    said = [atom("recipient", "eq", str(document.get("assignee"))), *terms]
    rest = {key: value for key, value in rules[0].items() if key not in ("action", "constraint")}
    return document | {
        "profile": PROFILE,
        "@context": _context(document.get("@context")),
        "permission": [rest | each for each in odrl.permissions(forms, said)],
        "obligation": [*_list(document.get("obligation")), *later],
    }


def _context(said: object) -> object:
    return [CONTEXT, {"dg": f"{PROFILE}#"}] if said == [CONTEXT, {"dg": f"{FIRST}#"}] else said


def _refused(faults: list[str]) -> InputRefused:
    text = Text(
        "该 ODRL 文档含有本系统不能执行的内容，因此整体不接受：" + "；".join(faults[:20]),
        "The ODRL document holds what this service cannot enforce, so none of it is taken: "
        + "; ".join(faults[:20]),
    )
    return InputRefused(
        text, reasons=[Reason("policy-unenforceable", Text(fault, fault), _BASIS) for fault in faults]
    )
