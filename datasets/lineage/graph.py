"""The lineage of one release as the reader may see it: things, what made them from what, and how many he may not see.

batch (or the batch that it corrects) → gate run with a suite version → verdict → publishing → release → extracts. Extracts of
organisations that the reader may not see are counted, not shown; the batch and the rules stand as far as the manifest tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

from sqlalchemy import func
from sqlmodel import col, select

from auth.actor import Actor
from catalog.assets import asset
from core.text import Text, number_of
from core.work import Work
from datasets import gate
from datasets.batches.queries import READ
from datasets.batches.tables import BatchRow
from datasets.extracts.queries import seen_by
from datasets.extracts.tables import ExtractRow
from datasets.releases import queries, shape
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC, ReleaseState
from quality.tables import SuiteVersionRow

Kind = Literal["batch", "suite", "verdict", "release", "extract", "others"]
MOST_EXTRACTS: Final = 50
KIND_NAMES: Final[dict[str, Text]] = {
    "batch": Text("批次", "Batch"),
    "suite": Text("规则集", "Suite"),
    "verdict": Text("质量结论", "Verdict"),
    "release": Text("发布版本", "Release"),
    "extract": Text("提取", "Extract"),
    "others": Text("其他机构的提取", "Extracts of others"),
}
LINK_NAMES: Final[dict[str, Text]] = {
    "corrects": Text("更正", "corrects"),
    "judged": Text("经校验", "judged as"),
    "rules": Text("依据", "by"),
    "allowed": Text("放行", "allowed"),
    "became": Text("发布为", "became"),
    "revised": Text("修订为", "revised as"),
    "extracted": Text("提取为", "extracted as"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A thing. `href` is empty when the reader may not open it; `facts` are ISO dates, hashes, numbers."""

    id: str
    kind: Kind
    label: Text
    href: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """`source` led to `target`."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """All of it. `release` is the row that it is about; `hidden_extracts` how many the reader may not see."""

    release: ReleaseRow
    batch: BatchRow
    title: Text
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    hidden_extracts: int
    more_extracts: int

    def as_json(self) -> dict[str, Any]:
        return {
            "release_id": self.release.id,
            "dataset_id": self.release.dataset_id,
            "nodes": [
                {
                    "id": n.id,
                    "kind": n.kind,
                    "zh": n.label.zh,
                    "en": n.label.en,
                    "href": n.href or None,
                    **n.facts,
                }
                for n in self.nodes
            ],
            "links": [{"from": link.source, "to": link.target, "kind": link.kind} for link in self.links],
            "hidden_extracts": self.hidden_extracts,
            "more_extracts": self.more_extracts,
        }


def lineage(work: Work, actor: Actor, release_id: str) -> Lineage:
    """The lineage of a release within the actor's sight. Raises NotFound, Gone."""
    row = queries.shown(work, actor, release_id)
    batch = work.db.get_one(BatchRow, row.batch_id)
    nodes, links = _origin(work, actor, row, batch)
    for former, later in _neighbours(work, row):
        other = former if former is not row else later
        nodes.append(_release(other, is_main=False))
        links.append(Link(_id("release", former.id), _id("release", later.id), "revised"))
    extracts, hidden, more = _extracts(work, actor, row)
    for each in extracts:
        nodes.append(_extract(each))
        links.append(Link(_id("release", row.id), _id("extract", each.id), "extracted"))
    if hidden:
        label = Text(f"另有 {hidden} 份提取", f"{number_of(hidden, 'more extracts')}")
        nodes.append(Node(_id("others", row.id), "others", label, facts={"count": hidden}))
        links.append(Link(_id("release", row.id), _id("others", row.id), "extracted"))
    title = asset(work, row.dataset_id).title
    return Lineage(row, batch, title, tuple(nodes), tuple(links), hidden, more)


def _id(kind: str, key: str) -> str:
    return f"{kind}:{key}"


def _origin(work: Work, actor: Actor, row: ReleaseRow, batch: BatchRow) -> tuple[list[Node], list[Link]]:
    """From the batch to the release, as the manifest tells it."""
    insider = actor.may_in(READ, row.org_id)
    chain = [batch, *_corrected(work, batch)] if insider else [batch]
    nodes = [_batch(each, insider) for each in reversed(chain)]
    links = [Link(_id("batch", old.id), _id("batch", new.id), "corrects") for new, old in pairwise(chain)]
    suite = work.db.get(SuiteVersionRow, row.suite_version_id)
    verdict = gate.verdict_row(work, row.verdict_id)
    nodes += [
        Node(
            _id("suite", row.suite_version_id), "suite",
            Text(f"规则集第 {row.suite_number} 版", f"Suite version {row.suite_number}"),
            f"/datasets/{row.dataset_id}/suite" if actor.may_in("quality:suite:read", row.org_id) else "",
            {"name": suite.name if suite else None, "number": row.suite_number},
        ),
        Node(
            _id("verdict", row.verdict_id), "verdict", _verdict_words(row), f"/releases/{row.id}/verdict",
            {
                "verdict": row.verdict, "content_sha256": row.content_sha256,
                "at": verdict.created_at.isoformat() if verdict else None,
            } | ({"compared_with": verdict.result.get("references", [])} if verdict and insider else {}),
        ),
        _release(row, is_main=True),
    ]  # fmt: skip
    return nodes, [
        *links,
        Link(_id("batch", batch.id), _id("verdict", row.verdict_id), "judged"),
        Link(_id("suite", row.suite_version_id), _id("verdict", row.verdict_id), "rules"),
        Link(_id("verdict", row.verdict_id), _id("release", row.id), "allowed"),
        Link(_id("batch", batch.id), _id("release", row.id), "became"),
    ]


def _verdict_words(row: ReleaseRow) -> Text:
    if row.verdict == "passed":
        return Text("结论：通过", "Verdict: passed")
    if row.waivers:
        return Text("结论：未通过，经豁免放行", "Verdict: failed, let out under waivers")
    return Text("结论：未通过", "Verdict: failed")


def _corrected(work: Work, batch: BatchRow) -> list[BatchRow]:
    """The batches that this one corrects, the nearest first; a correction knows its former."""
    found: list[BatchRow] = []
    while batch.corrects and len(found) < 20:
        batch = work.db.get_one(BatchRow, batch.corrects)
        found.append(batch)
    return found


def _batch(row: BatchRow, insider: bool) -> Node:
    facts: dict[str, Any] = {"sha256": row.sha256, "at": row.submitted_at.isoformat(), "number": row.number}
    facts |= {"name": row.name} if insider else {}
    label = Text(f"第 {row.number} 批", f"Batch {row.number}")
    return Node(_id("batch", row.id), "batch", label, f"/batches/{row.id}" if insider else "", facts)


def _release(row: ReleaseRow, *, is_main: bool) -> Node:
    version = shape.version_of(row)
    facts = {
        "number": row.number, "semver": version, "state": row.state, "sha256": row.sha256,
        "manifest_sha256": row.manifest_sha256, "rows": row.rows,
        "at": row.published_at.isoformat() if row.published_at else None, "is_main": is_main,
    }  # fmt: skip
    label = Text(f"第 {row.number} 版（{version}）", f"Release {row.number} ({version})")
    return Node(_id("release", row.id), "release", label, f"/releases/{row.id}", facts)


def _neighbours(work: Work, row: ReleaseRow) -> list[tuple[ReleaseRow, ReleaseRow]]:
    """The release before and the one after, as far as they were published."""
    base = select(ReleaseRow).where(
        ReleaseRow.dataset_id == row.dataset_id, col(ReleaseRow.state).in_(PUBLIC)
    )
    if row.state not in PUBLIC:
        return []
    before = work.db.exec(
        base.where(col(ReleaseRow.number) < row.number).order_by(col(ReleaseRow.number).desc())
    ).first()
    after = work.db.exec(
        base.where(col(ReleaseRow.number) > row.number).order_by(col(ReleaseRow.number))
    ).first()
    found = []
    if before is not None and before.state != ReleaseState.WITHDRAWN:
        found.append((before, row))
    if after is not None and after.state != ReleaseState.WITHDRAWN:
        found.append((row, after))
    return found


def _extracts(work: Work, actor: Actor, row: ReleaseRow) -> tuple[list[ExtractRow], int, int]:
    """Extracts that the reader may see, how many he may not, and how many more there are than are shown."""
    of_it = ExtractRow.release_id == row.id
    total = work.db.exec(select(func.count()).select_from(ExtractRow).where(of_it)).one()
    mine = work.db.exec(select(func.count()).select_from(ExtractRow).where(of_it, seen_by(actor))).one()
    wanted = select(ExtractRow).where(of_it, seen_by(actor)).order_by(col(ExtractRow.id).desc())
    found = list(work.db.exec(wanted.limit(MOST_EXTRACTS)))
    return found, total - mine, mine - len(found)


def _extract(row: ExtractRow) -> Node:
    facts = {
        "org_id": row.org_id, "state": row.state, "form": row.form, "rows": row.rows, "sha256": row.sha256,
        "grant_id": row.grant_id, "at": row.requested_at.isoformat(),
        "ready_at": row.ready_at.isoformat() if row.ready_at else None, "receipt_hash": row.receipt_hash,
    }  # fmt: skip
    label = Text(f"提取 …{row.id[-8:]}（{row.org_id}）", f"Extract …{row.id[-8:]} ({row.org_id})")
    return Node(_id("extract", row.id), "extract", label, f"/extracts/{row.id}", facts)
