"""Pages of a dataset's suite: the rules in plain language, an editor, the history, differences between versions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from auth.asset import Asset
from catalog import service as catalog
from catalog.assets import asset
from core.errors import AppError, Conflict, InputRefused, NotFound
from core.jobs import JobRead
from core.text import Text
from core.work import Work
from datasets import references, suites
from quality import scores, service
from quality.service import SuiteRead
from quality.suite import Expectation, Suite
from quality.templates import TABLE, argument_name, templates_for
from quality.vocabulary import TYPES
from quality.wording import describe, severity_name

router = APIRouter(prefix="/datasets/{dataset_id}/suite", include_in_schema=True, tags=["pages"])
READ: Final = "quality:suite:read"
WRITE: Final = "quality:suite:write"
COLUMN_KINDS: Final[Mapping[str, Text]] = {
    "string": Text("文本列", "Text column"),
    "integer": Text("整数列", "Whole number column"),
    "number": Text("数值列", "Number column"),
    "boolean": Text("是否列", "Yes/no column"),
    "date": Text("日期列", "Date column"),
    "datetime": Text("时间列", "Date and time column"),
    "time": Text("时刻列", "Time column"),
    "geometry": Text("几何列", "Geometry column"),
    TABLE: Text("多列或整表", "Several columns or the table"),
}
Number = Annotated[int, Path(ge=1)]


@router.get("", response_class=HTMLResponse, **access(READ))
def show_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    number: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """The rules of one version, in force or former."""
    held = asset(work, dataset_id)
    found = _version(work, actor, held, number)
    history = service.suite_history(work, actor, held)
    return page(
        request, "suites/show.html", held=held, suite=found, newest=history[0].number if history else None,
        rules=_rules(found) if found else [], may_write=actor.may_in(WRITE, held.org_id),
        has_batches=actor.may_in(WRITE, held.org_id) and bool(suites.typed_batches(work, actor, dataset_id)),
    )  # fmt: skip


def _version(work: Work, actor: Actor, held: Asset, number: int | None) -> SuiteRead | None:
    """None while the dataset has no suite; NotFound for a version that does not exist, or out of scope."""
    if number is None and not service.suite_history(work, actor, held):
        return None
    return service.suite(work, actor, held, number)


def _rules(found: SuiteRead) -> list[Mapping[str, Any]]:
    names = {
        part["code"]: Text(part["zh"], part["en"])
        for each in scores.scheme()["dimensions"]
        for part in each["parts"]
    }
    return [
        {
            "rule": rule, "said": describe(rule), "severity": severity_name(rule.severity),
            "parts": [(code, names[code]) for code in scores.parts_of(rule)],
        }
        for rule in Suite.from_data(found.suite).expectations
    ]  # fmt: skip


@router.get("/edit", response_class=HTMLResponse, **access(WRITE))
def edit_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str,
    trial: str | None = None,
    batch: str = "",
) -> HTMLResponse:
    """The suite as JSON, to be changed into the next version; or one on trial, with what its dry run found. `batch`: what
    rules are previewed on."""
    held = suites.writable(work, actor, dataset_id)
    found = _version(work, actor, held, None)
    tried_out = suites.trial(work, actor, dataset_id, trial) if trial else None
    if tried_out:
        draft = Draft(written(tried_out.suite), tried_out.note, tried_out.seen, trial=tried_out)
    else:
        text = written(found.suite) if found else starter(held)
        on = batch if batch in dict(suites.targets(work, actor, dataset_id)) else ""
        draft = Draft(text, version=found.number if found else 0, batch=on)
    return editor(request, work, actor, held, draft)


@router.post("/propose", response_class=HTMLResponse, **access(WRITE))
def propose_intoeditor(
    request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed
) -> Response:
    """The editor filled with a suite proposed from the chosen batch; what stood there before is not saved."""
    draft = typed_draft(typed)
    try:
        with house.read() as work:
            batch = (
                draft.batch if draft.batch in dict(suites.typed_batches(work, actor, dataset_id)) else None
            )
            sample = suites.sample_of(work, actor, house.files, dataset_id, batch)
        proposed = replace(draft, text=written(suites.proposal(sample).as_json()), is_proposal=True)
    except NotFound:
        raise
    except AppError as refused:
        proposed = replace(draft, refusal=refused)
    with house.read() as work:
        return editor(request, work, actor, asset(work, dataset_id), proposed)


@router.post("/try", response_class=HTMLResponse, **access(WRITE))
def try_typed(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """A dry run of the typed suite over the chosen batch; nothing is saved."""
    draft = typed_draft(typed)

    def act(work: Work) -> JobRead:
        suites.writable(work, actor, dataset_id)
        suite = Suite.parse(draft.text)
        on = suites.chosen(work, actor, dataset_id, draft.batch)
        return suites.ask_to_try(
            work, actor, dataset_id, suite, on, note=draft.note[:2000], seen=draft.version
        )

    done = tried(house, act)
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return editor(request, work, actor, asset(work, dataset_id), replace(draft, refusal=done))
    said = Text("试跑已开始；规则集尚未保存。", "The dry run has begun; the suite is not saved.")
    return go(f"/datasets/{dataset_id}/suite/edit?trial={done.id}", said)


@router.post("", response_class=HTMLResponse, **access(WRITE))
def save(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Put the typed suite in force; a refusal shows the form again, nothing lost."""
    draft = typed_draft(typed)

    def act(work: Work) -> SuiteRead:
        held, seen = suites.writable(work, actor, dataset_id), version_of(typed)
        return references.save(
            work, actor, held, Suite.parse(draft.text), draft.note[:2000].strip(), expected_version=seen
        )

    done = tried(house, act)
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return editor(request, work, actor, asset(work, dataset_id), replace(draft, refusal=done))
    said = Text(f"规则集第 {done.number} 版已生效。", f"Version {done.number} of the suite is in force.")
    if not done.unknown_columns:
        return go(f"/datasets/{dataset_id}/suite", said)
    names = ", ".join(done.unknown_columns[:10])
    warned = Text(
        f"{said.zh}但数据字典里没有这些列：{names}；批次中若也没有，相应规则将无法运行。",
        f"{said.en} But the dictionary lacks these columns: {names}; rules about them cannot run if batches lack them too.",
    )
    return go(f"/datasets/{dataset_id}/suite", warned, "warning")


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the editor. version: the one that was read when the writing began; None where that is lost.
    batch: the choice of what to try it on, as `datasets.suites.targets` names it. said: what was just done to it."""

    text: str
    note: str = ""
    version: int | None = None
    batch: str = ""
    refusal: AppError | None = None
    trial: suites.Trial | None = None
    is_proposal: bool = False
    said: Text | None = None


def typed_draft(typed: Typed) -> Draft:
    text, note, seen, batch = (str(typed.get(name, "")) for name in ("json", "note", "version", "batch"))
    return Draft(text, note, int(seen) if seen.isdecimal() else None, batch)


def editor(request: Request, work: Work, actor: Actor, held: Asset, draft: Draft) -> HTMLResponse:
    columns = catalog.dictionary(work, held.dataset_id)
    return page(
        request, "suites/edit.html", status=_status(draft.refusal), held=held, draft=draft, trial=draft.trial,
        refusal=draft.refusal, batch=draft.trial.target if draft.trial else draft.batch,
        batches=suites.typed_batches(work, actor, held.dataset_id), targets=suites.targets(work, actor, held.dataset_id),
        severities={name: severity_name(name) for name in ("critical", "warning", "info")},
        rules=_drafted(draft.text), columns=columns, templates=_menu({column.type for column in columns}),
        types=[(spec.name, spec.all_required, sorted(spec.allowed - set(spec.all_required))) for spec in TYPES.values()],
    )  # fmt: skip


def _drafted(text: str) -> list[Mapping[str, Any]]:
    """The rules of the text in words; none while it is no suite at all."""
    try:
        entries = rules_in(text)
    except AppError:
        return []
    found: list[Mapping[str, Any]] = []
    for entry in entries:
        try:
            rule = Suite.from_data({"name": "", "expectations": [entry]}).expectations[0]
            found.append(
                {"said": describe(rule), "type": rule.type, "severity": rule.severity, "fault": None}
            )
        except AppError as fault:
            name = str(entry.get("type", "")) if isinstance(entry, dict) else ""
            found.append({"said": None, "type": name, "severity": None, "fault": fault.reasons})
    return found


def rules_in(text: str) -> list[Any]:
    """The entries of a suite as they are written, right or wrong. Raises InputRefused where there are none to be found."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("expectations"), list):
        return list(document["expectations"])
    Suite.parse(text)
    raise InputRefused(Text("看不懂规则集。", "The suite cannot be read."))


def with_rules(text: str, entries: Sequence[Any]) -> str:
    """The same suite with these entries, one on a line."""
    name = json.dumps(json.loads(text).get("name") or "suite", ensure_ascii=False)
    lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    return f'{{\n  "name": {name},\n  "expectations": [\n{lines}\n  ]\n}}\n'


def _menu(kinds: set[str | None]) -> list[tuple[Text, list[tuple[str, Text]]]]:
    """Ready rules by type of column, those of the dictionary's types, and those about the table."""
    wanted = [kind for kind in COLUMN_KINDS if kind in kinds or (kind != TABLE and not kinds)]
    return [
        (COLUMN_KINDS[kind], [(f"{kind}:{each.code}", each.name) for each in templates_for(kind)])
        for kind in [*wanted, TABLE]
    ]


def _status(refusal: AppError | None) -> int:
    if refusal is None:
        return 200
    return 409 if isinstance(refusal, Conflict) else 422


@router.get("/history", response_class=HTMLResponse, **access(READ))
def history_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """Every version, who made it and why."""
    held = asset(work, dataset_id)
    return page(request, "suites/history.html", held=held, versions=service.suite_history(work, actor, held))


@router.get("/difference/{before}/{after}", response_class=HTMLResponse, **access(READ))
def difference_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset_id: str, before: Number, after: Number
) -> HTMLResponse:
    """What changed from one version to another: rule by rule, then line by line."""
    held = asset(work, dataset_id)
    old, new = (service.suite(work, actor, held, number) for number in (before, after))
    changes = service.difference(Suite.from_data(old.suite), Suite.from_data(new.suite))
    return page(
        request, "suites/difference.html", held=held, old=old, new=new,
        changes=[
            {"change": each.change, "before": _said(each.before), "after": _said(each.after), "parts": each.parts}
            for each in changes
        ],
        names={part.name: argument_name(part.name) for each in changes for part in each.parts},
        lines=_lines(written(old.suite), written(new.suite)),
    )  # fmt: skip


def _said(rule: Mapping[str, Any] | None) -> Text | None:
    if rule is None:
        return None
    read = Expectation.model_validate(rule)
    said, level = describe(read), severity_name(read.severity)
    return Text(f"{said.zh}；{level.zh}", f"{said.en}; {level.en}")


def _lines(old: str, new: str) -> list[tuple[str, str]]:
    """Marked lines of a unified difference, without its headers."""
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3)
    return [(line[0], line[1:]) for line in list(found)[2:] if not line.startswith("@@")]


def written(suite: Mapping[str, Any]) -> str:
    """A suite as people edit it: what is default is left out, one short rule per line."""
    rules = []
    for rule in suite["expectations"]:
        kept = {"type": rule["type"], "kwargs": rule["kwargs"], "severity": rule["severity"]}
        if rule.get("meta"):
            kept["meta"] = rule["meta"]
        rules.append("    " + json.dumps(kept, ensure_ascii=False))
    name = json.dumps(suite["name"], ensure_ascii=False)
    return f'{{\n  "name": {name},\n  "expectations": [\n' + ",\n".join(rules) + "\n  ]\n}\n"


def starter(held: Asset) -> str:
    """A first suite from the dictionary: the columns are there, in the declared types, and the table is not empty."""
    names = [column.name for column in held.columns]
    rules: list[dict[str, Any]] = [
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "critical"},
    ]
    if names:
        kwargs = {"column_set": names, "exact_match": True}
        rules.append({"type": "expect_table_columns_to_match_set", "kwargs": kwargs, "severity": "critical"})
    return written({"name": held.dataset_id, "expectations": rules})
