"""Grants as Delta Sharing names them: share = scenario, schema = theme, table = dataset. Codes are listed; Chinese names work as well."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from auth.stored import if_readable
from catalog import queries as catalog
from catalog.codes import load
from core.errors import NotFound
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.sharing import service


@dataclass(frozen=True, slots=True)
class Shared:
    """One table: a grant on a dataset, with the codes and Chinese names of its place."""

    grant_id: GrantId
    dataset_id: str
    title: Text
    share: str
    share_zh: str
    schema: str
    schema_zh: str
    table: str
    table_zh: str


def plain(name: str) -> str:
    """A name that the protocol takes: no space, slash, dot or control character."""
    return re.sub(r"[\s/\\.#\x00-\x1f\x7f]+", "_", name).strip("_")[:255]


def tables(work: Work, actor: Actor) -> list[Shared]:
    """The tables that the actor may read. A second grant on a dataset in one scenario carries the end of its id in its name."""
    known, found = limits().scenarios, []
    taken: set[tuple[str, str]] = set()
    for row in service.grants_of(work, actor):
        policy = if_readable(grant_queries.agreed, row)
        if policy is None or service.FORM not in policy.delivery_forms:
            continue
        try:
            record = catalog.by_id(work, row.dataset_id)
        except NotFound:
            continue
        end = f"_{row.id[-8:]}" if (policy.scenario_id, row.dataset_id) in taken else ""
        taken.add((policy.scenario_id, row.dataset_id))
        scenario, theme = known.get(policy.scenario_id), record.domain_code or "other"
        found.append(
            Shared(
                GrantId(row.id), row.dataset_id, Text(record.title_zh, record.title_en or record.title_zh),
                plain(policy.scenario_id), plain(scenario.name.zh if scenario else policy.scenario_id), plain(theme),
                plain(load("domain").text(theme).zh if record.domain_code else "其他"), plain(row.dataset_id) + end,
                plain(record.title_zh) + end,
            )
        )  # fmt: skip
    return found


def _is(name: str, *names: str) -> bool:
    return name.casefold() in {each.casefold() for each in names}


def in_share(held: list[Shared], share: str) -> list[Shared]:
    """The tables of a share. Raises NotFound."""
    return _some(held, lambda each: _is(share, each.share, each.share_zh))


def in_schema(held: list[Shared], share: str, schema: str) -> list[Shared]:
    """The tables of a schema. Raises NotFound."""
    return _some(in_share(held, share), lambda each: _is(schema, each.schema, each.schema_zh))


def the_table(held: list[Shared], share: str, schema: str, table: str) -> Shared:
    """One table. Raises NotFound."""
    return _some(in_schema(held, share, schema), lambda each: _is(table, each.table, each.table_zh))[0]


def _some(held: list[Shared], fits: Callable[[Shared], bool]) -> list[Shared]:
    found = [each for each in held if fits(each)]
    if not found:
        raise NotFound(
            Text(
                "没有这个共享、模式或表，或其授权此刻无效。",
                "There is no such share, schema or table, or its grant does not count now.",
            )
        )
    return found
