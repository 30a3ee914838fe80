"""What follows a change of a record: its sort keys and facets, and the search index, which holds what its words are found by."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlmodel import col, select

from catalog import codes, queries, regions, rules
from catalog.boxes import box_of
from catalog.relations import service as relations
from catalog.search import facets, index, memory
from catalog.search.tokens import sort_key
from catalog.tables import ColumnRow, DatasetRow
from core.work import Work


def reindex(work: Work) -> int:
    """Build the search index anew from the records; returns how many."""
    rows = work.db.exec(select(DatasetRow).order_by(col(DatasetRow.id))).all()
    for row in rows:
        set_keys(work, row)
        work.db.add(row)
        put(work, row)
    work.db.flush()
    return len(rows)


def set_keys(work: Work, row: DatasetRow) -> None:
    row.title_key_zh = sort_key(row.title_zh or row.title_en or row.id, chinese=True)
    row.title_key_en = sort_key(row.title_en or row.title_zh or row.id, chinese=False)
    row.format_key = " ".join(sorted(row.formats))
    row.scenario_key = " ".join(row.scenarios)
    row.region_key = regions.key(row.spatial_codes) or row.spatial.replace(regions.PART, " ")[:80]
    row.fresh_at = row.released_at or row.modified
    limit = rules.stale_after({"update_freq": row.update_freq, "update_interval": row.update_interval})
    row.stale_at = row.data_updated + limit if row.data_updated and limit else None
    row.west, row.south, row.east, row.north = box_of(row.bbox) if row.bbox else (None,) * 4
    row.facet_key = facets.key_of(row)
    memory.note(work, row.number)


def put(work: Work, row: DatasetRow) -> None:
    relations.keep(work, row)
    index.put(work, row.number, document(row, queries.columns(work, row.id)))


def document(row: DatasetRow, columns: Iterable[ColumnRow]) -> index.Doc:
    theme = codes.load("domain").text(row.domain_code)
    described = "\n".join(
        f"{c.name}\n{c.title_zh}\n{c.title_en}\n{c.definition_zh}\n{c.definition_en}" for c in columns
    )
    return index.Doc(
        title="\n".join((row.id, row.title_zh, row.title_en)),
        subject="\n".join(
            (*row.keywords, *row.keywords_en, row.publisher_zh, row.publisher_en, theme.zh, theme.en)
        ),
        body="\n".join(
            (
                row.description_zh,
                row.description_en,
                row.spatial,
                row.spatial_en,
                regions.names(row.spatial_codes),
                _without_addresses(row.lineage),
                _without_addresses(row.lineage_en),
                described,
            )
        ),
    )


def _without_addresses(text: str) -> str:
    """The words of an address are nobody's words for the data."""
    return re.sub(r"https?://[^\s（）()]+", " ", text)
