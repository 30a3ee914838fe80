"""Verdicts as people and programs read them: of a batch by its department, of a release by whoever may see the release.

What a reader may see of single values follows the data: the source department's stewards see all of it; others of the
department's readers as on the batch's page; everybody else only where the release itself is free for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from auth.actor import Actor
from auth.stored import if_readable
from catalog.assets import asset
from core.errors import Conflict, NotFound
from core.files import FileStore
from core.text import Text
from core.work import Work
from datasets import gate, own_checks
from datasets.batches import detail
from datasets.batches import queries as batches
from datasets.batches.tables import BatchRow
from datasets.releases import access, queries
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC
from quality.checks import Checked
from quality.correction import columns_of, rows_of
from quality.references import ReferenceUsed
from quality.schemes.now import rules_of
from quality.scores import Mending, Scorecard, mend_first, parts_of, query_rows, rule_score, score
from quality.sheet import ROW
from quality.spread import Spread, can_be_drawn, spread
from quality.tables import SuiteVersionRow, VerdictRow
from quality.templates import type_name
from quality.troubles import trouble
from quality.verdict import Outcome, Verdict
from quality.vocabulary import DOMAIN_KEYS
from quality.wording import describe, own_words

FORMAT: Final = "datagrant-verdict/1"
_KEYS: Final = frozenset(key for keys in DOMAIN_KEYS.values() for key in keys) | {
    "longitude", "latitude", "time_column", "mostly",
}  # fmt: skip
_ROWS: Final = 50
_CELL: Final = 80
_POINTS: Final = 12


class RuleVerdict(BaseModel):
    """One rule's outcome. pass_rate: 0-100, share of what it looked at that is right (all or nothing for rules about the
    whole column or table). withheld: the reader may not see single values, so arguments and examples are left out.
    failing_rows: numbers of data records, the first ones, for the department's own readers; failing_keys: what the key
    columns hold in them, for those of these readers who may see single values."""

    model_config = ConfigDict(extra="forbid")

    place: int
    rule_id: str | None
    type: str
    kwargs: dict[str, Any]
    severity: str
    indicators: list[str]
    rule_zh: str
    rule_en: str
    columns: list[str]
    outcome: str
    pass_rate: float | None
    element_count: int | None
    unexpected_count: int | None
    unexpected_percent: float | None
    observed_value: Any
    examples: list[Any]
    failing_rows: list[int]
    failing_keys: list[dict[str, Any]]
    error: str | None
    error_zh: str | None
    withheld: bool


class Point(BaseModel):
    """One verdict on the way: of a release (by its number) or of a batch (by its)."""

    number: int
    at: datetime
    verdict: str
    success_percent: float | None
    score: float | None
    grade: str | None
    scheme: int = 0
    dimensions: dict[str, float]


class VerdictRead(BaseModel):
    """A stored verdict. It speaks of the values whose digest is `content_sha256`, and of no others."""

    format: str
    id: str
    dataset_id: str
    title_zh: str
    title_en: str
    batch_id: str | None
    batch_number: int | None
    release_id: str | None
    release_number: int | None
    verdict: str
    engine: str
    gx_version: str
    rows: int
    content_sha256: str
    suite_number: int
    suite_sha256: str
    given_at: datetime
    untyped_cells: int
    is_confirmed: bool
    confirmed_note: str
    statistics: dict[str, Any]
    scores: Scorecard
    rules: list[RuleVerdict]
    checks: list[Checked]
    """Own checks of metadata and access; counted in `scores`, save of verdicts given before there were any."""
    mend_first: list[Mending]
    compared_with: list[ReferenceUsed]
    """Releases and code lists that rules were compared with; for the department's own readers."""
    withheld: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader may see of one verdict."""

    values: bool
    rules: bool
    rows: bool
    is_insider: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A verdict within a reader's sight, with what it speaks of."""

    read: VerdictRead
    stored: VerdictRow
    batch: BatchRow
    sight: Sight


def of_batch(work: Work, actor: Actor, batch_id: str, files: FileStore | None = None) -> Seen:
    """The verdict of a batch, and which release it let out, if any. Raises NotFound; Conflict while it has none."""
    row = batches.batch(work, actor, batch_id)
    stored = gate.verdict_row(work, row.verdict_id)
    if stored is None:
        raise Conflict(
            Text(
                "该批次尚无校验结论；请待校验完成后再看。",
                "This batch has no verdict yet; look again when its check is done.",
            )
        )
    return _seen(work, actor, row, stored, own_checks.made_of(work, stored.id), files)


def of_release(work: Work, actor: Actor, release_id: str, files: FileStore | None = None) -> Seen:
    """The verdict by which a release was published. Raises NotFound, and Gone to outsiders when it was withdrawn."""
    row = queries.shown(work, actor, release_id)
    stored = gate.verdict_row(work, row.verdict_id)
    batch = work.db.get(BatchRow, row.batch_id)
    if stored is None or batch is None:
        raise NotFound(Text("该版本没有留存的校验结论。", "No verdict is kept for this release."))
    return _seen(work, actor, batch, stored, row, files)


def points(work: Work, actor: Actor, dataset_id: str, *, of_batches: bool = False) -> list[Point]:
    """Verdicts in the course of time, oldest first: of releases, or of the department's batches for its own readers."""
    if of_batches:
        wanted = select(BatchRow.number, BatchRow.verdict_id, BatchRow.org_id).where(
            BatchRow.dataset_id == dataset_id, col(BatchRow.verdict_id).is_not(None)
        )
        rows = work.db.exec(wanted.order_by(col(BatchRow.number).desc()).limit(_POINTS))
        chosen = [(number, id_) for number, id_, org in rows if actor.may_in(batches.READ, org)]
    else:
        visible = queries.visible(actor).where(
            ReleaseRow.dataset_id == dataset_id, col(ReleaseRow.state).in_(PUBLIC)
        )
        newest = visible.order_by(col(ReleaseRow.number).desc()).limit(_POINTS)
        chosen = [(row.number, row.verdict_id) for row in work.db.exec(newest)]
    record = own_checks.record_of(work, dataset_id)
    found = [
        _point(work, number, stored, record)
        for number, id_ in chosen
        if (stored := gate.verdict_row(work, id_)) is not None
    ]
    return found[::-1]


def newest(work: Work, actor: Actor, dataset_id: str, files: FileStore | None = None) -> Seen | None:
    """What there is to mend: the newest batch's verdict for the department's readers, the current release's for others."""
    held = asset(work, dataset_id)
    if actor.may_in(batches.READ, held.org_id):
        last = work.db.exec(
            select(BatchRow.id)
            .where(BatchRow.dataset_id == dataset_id, col(BatchRow.verdict_id).is_not(None))
            .order_by(col(BatchRow.number).desc())
        ).first()
        return of_batch(work, actor, last, files) if last else None
    current = queries.current(work, dataset_id)
    return of_release(work, actor, current.id, files) if current else None


def drawable(seen: Seen) -> list[RuleVerdict]:
    """The failed rules whose column can be drawn with its bounds for this reader."""
    return [
        each
        for each in seen.read.rules
        if each.outcome == "failed" and not each.withheld and can_be_drawn(each.type)
    ]


def picture(seen: Seen, files: FileStore, place: int | None = None) -> tuple[RuleVerdict, Spread] | None:
    """The spread of a failing column: of the chosen rule, else of the first that can be drawn."""
    table = _table(seen, files)
    offered = drawable(seen)
    chosen = [each for each in offered if each.place == place] or offered[:1]
    if table is None or not chosen:
        return None
    drawn = spread(table, chosen[0].type, chosen[0].kwargs)
    return (chosen[0], drawn) if drawn else None


def failing_rows(seen: Seen, files: FileStore) -> tuple[list[str], list[list[str]]]:
    """The first rows that some rule refused, cell by cell as text, their number first; nothing for those who may not take them."""
    keys = sorted({row for each in seen.read.rules if each.outcome == "failed" for row in each.failing_rows})
    table = _table(seen, files)
    if not seen.sight.rows or table is None or not keys:
        return [], []
    found = rows_of(table, keys[:_ROWS])
    names = [ROW, *(name for name in found.schema.names if name != ROW)]
    return names, [[_cell(line[name]) for name in names] for line in found.to_pylist()]


def _table(seen: Seen, files: FileStore) -> Path | None:
    sha256 = seen.batch.typed_sha256
    if sha256 is None or seen.stored.content_sha256 != seen.batch.content_sha256:
        return None  # read anew since: the table is another one
    path = files.path(sha256)
    return path if path.exists() else None


def _cell(value: Any) -> str:  # noqa: ANN401 - any cell
    text = "" if value is None else "…" if isinstance(value, bytes) else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _sight(work: Work, actor: Actor, batch: BatchRow, release: ReleaseRow | None) -> Sight:
    insider = actor.may_in(batches.READ, batch.org_id)
    takes = actor.may_in(detail.TAKE, batch.org_id)
    is_free = release is not None and access.may_flow(work, release.id)
    values = takes or is_free or (insider and not detail.is_sensitive(work, batch.dataset_id))
    return Sight(values, values or actor.may_in("quality:suite:read", batch.org_id), takes, insider)


def _seen(
    work: Work, actor: Actor, batch: BatchRow, stored: VerdictRow, release: ReleaseRow | None, files: FileStore | None
) -> Seen:  # fmt: skip
    sight = _sight(work, actor, batch, release)
    verdict = Verdict.model_validate(stored.result)
    suite, by = (
        work.db.get_one(SuiteVersionRow, stored.suite_version_id),
        rules_of(work, stored.scheme_number),
    )
    title, record = asset(work, batch.dataset_id).title, own_checks.record_of(work, batch.dataset_id)
    checks = own_checks.of_release(record, release, files) if release else own_checks.of_batch(record, batch)
    rows = query_rows(verdict)
    read = VerdictRead(
        format=FORMAT, id=stored.id, dataset_id=batch.dataset_id, title_zh=title.zh, title_en=title.en,
        batch_id=batch.id if sight.is_insider else None, batch_number=batch.number if sight.is_insider else None,
        release_id=release.id if release else None, release_number=release.number if release else None,
        verdict=verdict.verdict, engine=verdict.engine, gx_version=verdict.gx_version, rows=verdict.rows,
        content_sha256=stored.content_sha256, suite_number=suite.number, suite_sha256=suite.sha256, given_at=stored.created_at,
        untyped_cells=batch.untyped_cells or 0, is_confirmed=batch.confirmed is not None,
        confirmed_note=batch.confirmed_note if sight.is_insider else "", statistics=verdict.statistics, scores=score(verdict, by, checks), checks=checks,
        rules=[_rule(place, each, sight, rows) for place, each in enumerate(verdict.expectations, start=1)],
        mend_first=mend_first(verdict, by, checks), compared_with=verdict.references if sight.rules and sight.is_insider else [], withheld=not sight.values,
    )  # fmt: skip
    return Seen(read, stored, batch, sight)


def _rule(place: int, each: Outcome, sight: Sight, rows: int | None) -> RuleVerdict:
    said = describe(each) if sight.rules else _guarded(each)
    why = trouble(each.error) if each.error and sight.rules else None
    named = each.meta.get("rule_id")
    kwargs = (
        each.kwargs if sight.rules else {key: value for key, value in each.kwargs.items() if key in _KEYS}
    )
    return RuleVerdict(
        place=place, rule_id=str(named) if named else None, type=each.type, kwargs=kwargs, severity=each.severity,
        indicators=parts_of(each), rule_zh=said.zh, rule_en=said.en, columns=columns_of(each), outcome=each.outcome,
        pass_rate=None if (own := rule_score(each, rows)) is None else round(own, 4), element_count=each.element_count,
        unexpected_count=each.unexpected_count, unexpected_percent=each.unexpected_percent,
        observed_value=each.observed_value if sight.values else None, examples=each.examples if sight.values else [],
        failing_rows=each.failing_rows[:_ROWS] if sight.is_insider else [],
        failing_keys=each.failing_keys[:_ROWS] if sight.is_insider and sight.values else [],
        error=why.en if why else None, error_zh=why.zh if why else None, withheld=not sight.values,
    )  # fmt: skip


def _guarded(each: Outcome) -> Text:
    """What a rule is about, without its values: its author's title, else the name of its type and its columns."""
    if (own := own_words(each)) is not None and "description" not in each.kwargs:
        return own
    name, columns = type_name(each.type), columns_of(each)
    about = "、".join(columns), ", ".join(columns)
    return Text(f"“{about[0]}”：{name.zh}", f'"{about[1]}": {name.en}') if columns else name


def _point(work: Work, number: int, stored: VerdictRow, record: own_checks.Record) -> Point:
    """A release stands here as it did while it was the current one: that it was followed is no fall of quality. One whose scheme this
    service cannot read stands without a score."""
    verdict = Verdict.model_validate(stored.result)
    release, batch = own_checks.made_of(work, stored.id), work.db.get(BatchRow, stored.batch_id)
    checks = (
        own_checks.of_release(record, release, as_current=True)
        if release
        else own_checks.of_batch(record, batch)
        if batch
        else []
    )
    by = if_readable(partial(rules_of, work), stored.scheme_number)
    card = score(verdict, by, checks) if by is not None else None
    return Point(
        number=number, at=stored.created_at, verdict=stored.verdict,
        success_percent=verdict.statistics.get("success_percent"), score=card.total if card else None, grade=card.grade if card else None,
        scheme=stored.scheme_number,
        dimensions={each.code: each.score for each in card.dimensions} if card else {},
    )  # fmt: skip
