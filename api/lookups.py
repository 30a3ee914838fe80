"""What the authorisation room must be told of datasets, wired from the rooms that know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from sqlmodel import col, select

from api.line_forms import Choices, Options
from auth.actor import ANYONE, SYSTEM, Actor
from auth.applications import references
from auth.asset import Asset
from auth.grants.activating import HasRelease
from auth.identity import organisations
from auth.identity.rules import ENTERPRISE_KINDS
from auth.identity.tables import AccountRow, OrgKind, PersonRow
from auth.policy.serving import Holds
from auth.products.service import FilesBySha
from catalog import assets as catalog_assets
from catalog import queries as catalog
from core.errors import NotFound
from core.ids import DatasetId, OrgId
from core.text import Text
from core.work import Work
from datasets.extracts import queries as extracts
from datasets.holding import holding
from datasets.releases import queries as releases


def assets(work: Work, dataset_id: DatasetId) -> Asset:
    """Any dataset, for checks on what already stands in an application or a grant."""
    return catalog_assets.asset(work, dataset_id)


def seen_assets(work: Work, actor: Actor, dataset_id: DatasetId) -> Asset:
    """A dataset that this actor may see, for what is newly asked: hidden ones are not found."""
    catalog.dataset(work, actor, dataset_id)
    return catalog_assets.asset(work, dataset_id)


def text_columns(work: Work, dataset_id: str, names: Iterable[str]) -> list[str]:
    """Those of the columns that hold texts; of a dataset that is gone, none is known to."""
    try:
        kinds = {column.name: column.type for column in assets(work, DatasetId(dataset_id)).columns}
    except NotFound:
        return []
    return [name for name in names if kinds.get(name) == "string"]


def public_title(work: Work, dataset_id: str) -> Text:
    """The title of a dataset that everybody may see; NotFound for every other."""
    return seen_assets(work, ANYONE, DatasetId(dataset_id)).title


def has_release(work: Work) -> HasRelease:
    return partial(_has_release, work)


def _has_release(work: Work, dataset_id: DatasetId, pinned: str | None) -> bool:
    return releases.under(work, dataset_id, pinned) is not None


def holds(work: Work) -> Holds:
    """What datasets have for delivery forms besides their dictionaries."""
    return partial(holding, work)


def delivered_files(work: Work) -> FilesBySha:
    """Which deliveries handed out files of these digests."""
    return partial(extracts.delivered_as, work)


def org_names(work: Work) -> dict[str, Text]:
    """Names of all organisations, for lists that show them."""
    return {org.id: org.name for org in organisations.organisations(work)}


def enterprises(work: Work) -> list[tuple[str, Text]]:
    """Enterprises with their names, for choices."""
    return [(org.id, org.name) for org in organisations.organisations(work) if org.kind in ENTERPRISE_KINDS]


def source_departments(work: Work) -> list[tuple[str, Text]]:
    """Source departments with their names, for choices."""
    return [
        (org.id, org.name)
        for org in organisations.organisations(work)
        if org.kind == OrgKind.SOURCE_DEPARTMENT
    ]


def column_titles(work: Work, dataset_id: str) -> dict[str, Text]:
    """Titles of a dataset's columns as they are now; empty when the record is gone."""
    try:
        return {column.name: column.title for column in assets(work, DatasetId(dataset_id)).columns}
    except NotFound:
        return {}


def person_names(work: Work, usernames: set[str]) -> dict[str, Text]:
    """Names of the people behind these accounts; the system has one too."""
    wanted = (
        select(AccountRow.username, PersonRow.name_zh, PersonRow.name_en)
        .where(col(PersonRow.id) == col(AccountRow.person_id))
        .where(col(AccountRow.username).in_(usernames))
    )
    return {username: Text(zh, en) for username, zh, en in work.db.exec(wanted)} | {
        SYSTEM.username: SYSTEM.name
    }


def named(work: Work, accounts: Sequence[tuple[str, str]]) -> Options:
    """Accounts for a choice: what each stands for and its user name become that and the person's name."""
    names = person_names(work, {username for _, username in accounts})
    return [
        (value, Text(f"{names[username].zh}（{username}）", f"{names[username].en} ({username})"))
        if username in names
        else (value, username)
        for value, username in accounts
    ]


def choices(
    work: Work, org_id: str, dataset_id: str, release: str | None, members: Sequence[str], fee: str | None
) -> Choices:
    """What a line of an application may name, with what it names already."""
    able = references.able(work, OrgId(org_id))
    names = references.names_of(work, members)
    able += [(each, names.get(each, each)) for each in members if each not in dict(able)]
    fees: Options = [("", Text("不约定", "None")), *references.fees(work)]
    if fee and fee not in dict(fees):
        fees.append((fee, fee))
    return Choices(release_options(work, dataset_id, release), named(work, able), fees)


def release_options(work: Work, dataset_id: str, kept: str | None) -> list[tuple[str, Text | str]]:
    """Releases to which a grant may be pinned, newest first, for a form; `kept`: the one chosen before, whatever became of it."""
    there = [each for each in releases.releases_of(work, dataset_id) if releases.is_deliverable(each)]
    known = [(each.id, f"v{each.number}") for each in there[:50]]
    if kept and kept not in dict(known):
        known.append((kept, kept))
    return [("", Text("不固定，随当前版本", "None: the current one")), *known]
