"""What a suite compares with, looked up for it: current releases of other datasets, the last release, code lists.

A suite may name a dataset whose releases its department may read: its own, one that is open to all, one that is shared
without condition. That is asked when the suite is saved, and again whenever it runs. The verdict keeps the release ids
and digests of what was handed over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth.actor import Actor
from auth.asset import Asset
from catalog import queries as catalog
from catalog import rules as catalog_rules
from catalog.assets import asset
from core.errors import InputRefused, NotFound, Reason
from core.files import FileStore
from core.ids import OrgId
from core.text import Text
from core.work import Work
from datasets import code_sets
from datasets.releases import access, queries
from datasets.releases.tables import ReleaseRow
from quality.references import Frequency, References, ReferenceTable, wanted_by
from quality.service import SuiteRead, save_suite
from quality.suite import Suite

SHARED_FREELY: Final = "1"
BASIS: Final = "规则集引用的数据（docs/quality.md）· references of a suite (docs/quality.md)"


def save(
    work: Work,
    actor: Actor,
    held: Asset,
    suite: Suite,
    note: str = "",
    *,
    expected_version: int | None = None,
) -> SuiteRead:
    """Put a suite in force that compares with nothing its department may not read. Raises InputRefused with every reason."""
    if actor.may_in("quality:suite:write", held.org_id):  # nobody else learns what there is
        refuse_unreadable(work, held, suite)
    return save_suite(work, actor, held, suite, note, expected_version=expected_version)


def refuse_unreadable(work: Work, held: Asset, suite: Suite) -> None:
    """Raises InputRefused with a reason for each thing that the suite may not, or cannot, compare with."""
    if reasons := objections(work, held, suite):
        zh = "；".join(each.text.zh for each in reasons)
        en = " ".join(each.text.en for each in reasons)
        raise InputRefused(Text(f"规则集不能保存：{zh}", f"The suite cannot be saved: {en}"), reasons=reasons)


def objections(work: Work, held: Asset, suite: Suite) -> tuple[Reason, ...]:
    """Everything named in the suite that its department may not read, or that does not exist; () when all is well."""
    wanted = wanted_by(suite.expectations)
    found = [_unreadable(work, held.org_id, name) for name in wanted.datasets]
    reasons = [Reason("dataset-not-readable", text, BASIS) for text in found if text is not None]
    for name, version in wanted.code_lists:
        if (text := code_sets.fault(name, version)) is not None:
            reasons.append(Reason("no-such-code-list", text, BASIS))
    return tuple(reasons)


def look_up(work: Work, files: FileStore, dataset_id: str, suite: Suite) -> References:
    """Whatever the suite compares with, as it is now. What cannot be had is named with its reason."""
    wanted = wanted_by(suite.expectations)
    held = asset(work, dataset_id)
    tables: dict[str, ReferenceTable] = {}
    missing: dict[str, Text] = {}
    for name in wanted.datasets:
        found = _unreadable(work, held.org_id, name) or _table(work, files, name)
        if isinstance(found, ReferenceTable):
            tables[name] = found
        else:
            missing[name] = found
    last = None
    if wanted.last_release and (row := queries.current_row(work, dataset_id)) is not None:
        last = _table_of(files, row)
    often = frequency(work, dataset_id) if wanted.frequency else None
    return References(tables, code_sets.code_sets(wanted), last, missing, knows_last=True, frequency=often)


def frequency(work: Work, dataset_id: str) -> Frequency:
    """How often the record says that its data come, and how old that lets them grow."""
    row = catalog.by_id(work, dataset_id)
    return Frequency(
        row.update_interval or row.update_freq,
        catalog_rules.longest_age(row.update_freq, row.update_interval),
    )


def _unreadable(work: Work, org_id: OrgId, dataset_id: str) -> Text | None:
    """Why the department may not read the dataset's releases; None when it may."""
    try:
        other, row = asset(work, dataset_id), catalog.by_id(work, dataset_id)
    except NotFound:
        return _unknown(dataset_id)
    if other.org_id == org_id:
        return None
    if not other.is_listed:
        return _unknown(dataset_id)
    if row.share_type == SHARED_FREELY or not access.open_objections(other):
        return None
    return Text(
        f"{dataset_id} 既不无条件开放，也不无条件共享，本部门的规则不能与之比较；请与其数源部门商定共享后再写。",
        f"{dataset_id} is neither open to all nor shared without condition, so this department's rules cannot compare with it; agree on sharing with its source department first.",
    )


def _unknown(dataset_id: str) -> Text:
    return Text(
        f"没有数据集 {dataset_id}，或本部门看不到它；请核对编码。",
        f"There is no dataset {dataset_id}, or this department cannot see it; check the code.",
    )


def _table(work: Work, files: FileStore, dataset_id: str) -> ReferenceTable | Text:
    row = queries.current_row(work, dataset_id)
    if row is None:
        return Text(
            f"{dataset_id} 目前没有已发布的版本（尚未发布，或已撤回），无法与之比较；待其发布后重新校验。",
            f"{dataset_id} has no published release now (none yet, or it was withdrawn), so nothing can be compared with it; check again once it is published.",
        )
    return _table_of(files, row)


def _table_of(files: FileStore, row: ReleaseRow) -> ReferenceTable:
    path: Path = files.path(str(row.sha256))
    return ReferenceTable(
        row.dataset_id, path, str(row.sha256), row.content_sha256, release_id=row.id, number=row.number
    )
