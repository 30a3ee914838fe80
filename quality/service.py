"""Suites of datasets, version by version, and the verdicts given by them."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel
from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.asset import Asset, out_of_reach
from core.errors import Stale
from core.text import Text
from core.work import Work, hold
from quality.schemes.now import in_force
from quality.suite import Suite
from quality.tables import SuiteVersionRow, VerdictRow
from quality.verdict import Verdict
from quality.vocabulary import TYPES

Stage = Literal["intake", "export"]
"""What a suite judges: batches that come in, or extracts before they go out."""
_LONGEST: Final = 80


class SuiteRead(SQLModel):
    """One version of a suite. `unknown_columns`: said when it is saved; columns that rules name and the dictionary lacks."""

    id: str
    dataset_id: str
    number: int
    name: str
    suite: dict[str, Any]
    sha256: str
    note: str
    created_name: str
    created_at: datetime
    unknown_columns: list[str] = []


class ChangedPart(BaseModel):
    """One argument that differs; null where it was not given."""

    name: str
    before: Any
    after: Any


class SuiteChange(BaseModel):
    """One rule's difference between two versions; `before` or `after` is empty where it was added or removed."""

    change: Literal["added", "removed", "changed"]
    type: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    parts: list[ChangedPart] = []


def save_suite(
    work: Work,
    actor: Actor,
    held: Asset,
    suite: Suite,
    note: str = "",
    *,
    expected_version: int | None = None,
    stage: Stage = "intake",
) -> SuiteRead:
    """Put a new version in force. Unchanged content makes no version. Raises NotFound outside the scope, Stale when another came first."""
    if not actor.may_in("quality:suite:write", held.org_id):
        raise out_of_reach(held, _none(held.dataset_id))
    subject = subject_of(held.dataset_id, stage)
    hold(work, f"suite:{subject}")
    last = current_suite(work, held.dataset_id, stage)
    number = last.number if last else 0
    if expected_version is not None and expected_version != number:
        raise Stale(
            Text(
                f"规则集已是第 {number} 版，而您修改的是第 {expected_version} 版；请核对差异后重新保存。",
                f"The suite is at version {number}; you changed version {expected_version}. Compare, then save again.",
            ),
            version=number,
        )
    body = suite.as_json()
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    unknown = _unknown_columns(suite, held)
    if last is not None and last.sha256 == digest:
        return SuiteRead.model_validate(last, update={"unknown_columns": unknown})
    row = SuiteVersionRow(
        id=work.new_id(), dataset_id=subject, number=number + 1, name=suite.name, suite=body, sha256=digest,
        note=note, created_by=actor.account_id, created_name=actor.username, created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    audit.record(
        work, actor, "suite.saved" if stage == "intake" else "export_suite.saved", subject=row.id, dataset_id=held.dataset_id,
        payload={"number": row.number, "sha256": digest, "rules": len(suite.expectations), "note": note},
    )  # fmt: skip
    return SuiteRead.model_validate(row, update={"unknown_columns": unknown})


def _unknown_columns(suite: Suite, held: Asset) -> list[str]:
    """Columns that rules name and the dictionary lacks; nothing is said while there is no dictionary."""
    known = {column.name for column in held.columns}
    return [name for name in suite.columns_used() if name not in known] if known else []


def subject_of(dataset_id: str, stage: Stage) -> str:
    """The key under which a dataset's suites of one stage are numbered; a dataset's code holds no slash."""
    key = dataset_id if stage == "intake" else f"{dataset_id}/{stage}"
    return key if len(key) <= _LONGEST else f"{hashlib.sha256(dataset_id.encode()).hexdigest()}/{stage}"


def current_suite(work: Work, dataset_id: str, stage: Stage = "intake") -> SuiteVersionRow | None:
    """The version in force; None while the dataset has no suite of this stage."""
    wanted = select(SuiteVersionRow).where(SuiteVersionRow.dataset_id == subject_of(dataset_id, stage))
    return work.db.exec(wanted.order_by(col(SuiteVersionRow.number).desc())).first()


def suite(work: Work, actor: Actor, held: Asset, number: int | None = None) -> SuiteRead:
    """The version in force, or the one of that number. Raises NotFound."""
    demand_reader(actor, held)
    wanted = select(SuiteVersionRow).where(SuiteVersionRow.dataset_id == held.dataset_id)
    if number is not None:
        wanted = wanted.where(SuiteVersionRow.number == number)
    row = work.db.exec(wanted.order_by(col(SuiteVersionRow.number).desc())).first()
    if row is None:
        raise out_of_reach(held, _none(held.dataset_id))
    return SuiteRead.model_validate(row)


def suite_history(work: Work, actor: Actor, held: Asset) -> list[SuiteRead]:
    """Every version, newest first."""
    demand_reader(actor, held)
    wanted = select(SuiteVersionRow).where(SuiteVersionRow.dataset_id == held.dataset_id)
    return [
        SuiteRead.model_validate(row)
        for row in work.db.exec(wanted.order_by(col(SuiteVersionRow.number).desc()))
    ]


def difference(before: Suite, after: Suite) -> list[SuiteChange]:
    """What changed, rule by rule. A rule is known by its `meta.rule_id`, else by its type and arguments; one that went
    while another of the same type about the same columns came is taken to have changed."""
    old, new = _by_key(before), _by_key(after)
    gone = [rule for key, rule in old.items() if key not in new]
    changes: list[SuiteChange] = []
    for key, rule in new.items():
        former = old.get(key)
        if (
            key not in old
            and (former := next((each for each in gone if _alike(each, rule)), None)) is not None
        ):
            gone.remove(former)
        if former is None:
            changes.append(SuiteChange(change="added", type=rule["type"], before=None, after=rule))
        elif former != rule:
            changes.append(
                SuiteChange(
                    change="changed", type=rule["type"], before=former, after=rule, parts=_parts(former, rule)
                )
            )
    removed = [SuiteChange(change="removed", type=rule["type"], before=rule, after=None) for rule in gone]
    return [*removed, *changes]


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rules without a common name speak of the same thing."""
    keys = TYPES[one["type"]].domain
    names = one["meta"].get("rule_id"), other["meta"].get("rule_id")
    return (
        one["type"] == other["type"]
        and not all(names)
        and all(one["kwargs"].get(key) == other["kwargs"].get(key) for key in keys)
    )


def _parts(before: dict[str, Any], after: dict[str, Any]) -> list[ChangedPart]:
    """Argument by argument; `type` and `severity` first, then kwargs, then `meta.…`."""
    found = [
        ChangedPart(name=name, before=before[name], after=after[name])
        for name in ("type", "severity")
        if before[name] != after[name]
    ]
    for room, prefix in (("kwargs", ""), ("meta", "meta.")):
        for name in sorted({*before[room], *after[room]}):
            old, new = before[room].get(name), after[room].get(name)
            if old != new:
                found.append(ChangedPart(name=prefix + name, before=old, after=new))
    return found


def _canonical(value: Any) -> bytes:
    """One spelling per content. Not RFC 8785, which refuses whole numbers beyond 2^53; a bound may be one."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _by_key(suite: Suite) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for rule in suite.as_json()["expectations"]:
        key = str(rule["meta"].get("rule_id") or _canonical([rule["type"], rule["kwargs"]]).decode())
        while key in found:
            key += "'"
        found[key] = rule
    return found


def store_verdict(
    work: Work, *, subject: str, batch_id: str, suite_version_id: str, verdict: Verdict
) -> VerdictRow:
    """Keep what was said of the content whose digest is `subject`; in the transaction that moves the batch."""
    row = VerdictRow(
        id=work.new_id(), content_sha256=subject, batch_id=batch_id, suite_version_id=suite_version_id,
        verdict=verdict.verdict, engine=verdict.engine, result=verdict.model_dump(mode="json"), created_at=work.now,
        scheme_number=in_force(work)[0],
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    return row


def demand_reader(actor: Actor, held: Asset) -> None:
    """Raise NotFound for whoever may not read the dataset's suites."""
    if not actor.may_in("quality:suite:read", held.org_id):
        raise out_of_reach(held, _none(held.dataset_id))


def _none(dataset_id: str) -> Text:
    return Text(
        f"{dataset_id} 没有规则集，或不在您可见的范围内。",
        f"{dataset_id} has no suite, or it is not yours to see.",
    )
