"""The DataStore that CKAN's clients ask: rows of open releases and of granted views, read in place and written down as they ask for them."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from api.ckan_granted import Granted, Sent, granted
from api.house import House
from catalog import queries as catalog
from catalog.ckan.actions import Call, find, seen
from catalog.ckan.errors import CkanError, invalid, not_found
from catalog.ckan.shape import Json
from catalog.ckan.values import loads
from catalog.use.rules import Kind
from core.errors import AccessRefused, InputRefused, NotFound
from core.sheets import safe
from core.work import Work
from datasets import datastore
from datasets.releases import access
from datasets.releases import queries as releases
from datasets.releases.tables import ReleaseRow
from datasets.releases.whole import whole_lately
from datasets.sharing import named
from datasets.sharing.named import Named

DUMPS: Final = {
    "csv": "text/csv; charset=utf-8", "tsv": "text/tab-separated-values; charset=utf-8",
    "json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8",
}  # fmt: skip
_XML_NAME: Final = re.compile(r"[^\W\d][\w.\-]*")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def release_of(resource_id: str) -> str:
    """The release that a table belongs to."""
    return resource_id.removesuffix("-parquet").removesuffix("-csv")


def dataset_of(work: Work, resource_id: str) -> str | None:
    """Whose a resource is."""
    if resource_id.endswith("-apply"):
        return resource_id.removesuffix("-apply")
    release = work.db.get(ReleaseRow, release_of(resource_id))
    return release.dataset_id if release else named.owner_of(work, resource_id)


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer that is read once the transaction of the question has ended, so that a long look holds nothing up.

    `look`: of a granted table, the question alone whether it may be read, for those who want no bytes. `sent`: told how many bytes left.
    """

    read: Callable[[], Json]
    look: Callable[[], object] | None = None
    sent: list[Sent] = field(default_factory=list)

    def __call__(self) -> Json:
        return self.read()


def _wanted(call: Call) -> str:
    return call.wanted("resource_id" if call.params.get("resource_id") else "id")


def _release(call: Call, resource_id: str) -> str:
    """The release that is meant; of the way to apply that a record shows, its current one. NotFound."""
    if not resource_id.endswith("-apply"):
        return release_of(resource_id)
    try:
        row = find(call, resource_id.removesuffix("-apply"), *seen(call))
    except CkanError:
        raise _missing(resource_id) from None
    current = releases.current(call.work, row.id)
    if current is None:
        raise _missing(resource_id)
    return current.id


def _missing(resource_id: str) -> CkanError:
    return not_found(f"Resource {resource_id!r} was not found.")


def table_of(house: House, call: Call) -> Named | None:
    """The granted table that is asked for; None for a release that anybody may download. Refused as `open_table` refuses otherwise."""
    resource_id = _wanted(call)
    if found := named.by_grant(call.work, call.actor, resource_id):
        return found
    try:
        open_table(house, call.work, call, "")
    except (AccessRefused, CkanError):
        pinned = None if resource_id.endswith("-apply") else release_of(resource_id)
        dataset_id = dataset_of(call.work, resource_id)
        if dataset_id and (mine := named.by_dataset(call.work, call.actor, dataset_id, pinned)):
            return mine
        raise
    return None


def open_table(house: House, work: Work, call: Call, rows: str, counts_as: Kind | None = None) -> Path:
    """The Parquet of a release that anybody may download, refused with every reason otherwise; `rows`: what is put on record, and what
    it counts as."""
    resource_id = _wanted(call)
    try:
        parcel = access.open_download(
            work,
            call.actor,
            _release(replace(call, work=work), resource_id),
            "parquet",
            asked_range=rows,
            note=bool(rows),
            counts_as=lambda _sha256, _size: counts_as,
        )
    except NotFound:
        raise _missing(resource_id) from None
    return house.files.path(parcel.sha256)


def search(house: House, call: Call) -> Rows:
    """Rows of an open release or a granted view: filters, q, fields, sort, distinct, limit, offset; records_format objects, lists, csv or tsv."""
    table = table_of(house, call)
    form = call.text("records_format", "objects")
    if form not in ("objects", "lists", "csv", "tsv"):
        raise invalid(records_format="must be one of: objects, lists, csv, tsv")
    ask = _ask(call, call.number("limit", 100, datastore.MOST))
    if table is None:
        return Rows(partial(_open_rows, house, call, ask, form))
    sent: list[Sent] = []
    look = partial(granted, house, call, table)
    return Rows(partial(_granted_rows, house, call, table, ask, form, sent), look, sent)


def info(house: House, call: Call) -> Rows:
    """The columns of a table, and its size. Of a granted one this takes nothing from the quota."""
    table = table_of(house, call)
    if table is None:
        return Rows(partial(_described, house, open_table(house, call.work, call, ""), _wanted(call)))
    look = partial(granted, house, call, table)

    def read() -> Json:
        read_now = look()
        return _described(house, read_now.path, read_now.resource_id)

    return Rows(read, look)


def _described(house: House, path: Path, resource_id: str) -> Json:
    path = whole_lately(house.files, path.name)
    fields = datastore.fields_of(path)
    schema = {each["id"]: each["type"] for each in fields if each["id"] != "_id"}
    meta = {
        "id": resource_id, "count": datastore.rows_in(path), "size": path.stat().st_size, "db_size": 0, "idx_size": 0,
        "aliases": [], "table_type": "BASE TABLE",
    }  # fmt: skip
    return {"fields": fields, "schema": schema, "meta": meta}


def _open_rows(house: House, call: Call, ask: datastore.Ask, form: str) -> Json:
    with house.write() as work:  # who read which rows stands on record before the first of them leaves
        path = open_table(house, work, call, f"rows {ask.offset}+{ask.limit}", "call")
    return _rows_of(house, call, path, ask, form, _wanted(call))


def _granted_rows(
    house: House, call: Call, table: Named, ask: datastore.Ask, form: str, sent: list[Sent]
) -> Json:
    """The question is answered first, so that one that cannot be costs nothing; then the right is asked, charged, on record."""
    view = granted(house, call, table)
    answer = _rows_of(house, call, view.path, ask, form, view.resource_id)
    view.begin()
    sent.append(view.sent)
    return answer


def _rows_of(house: House, call: Call, path: Path, ask: datastore.Ask, form: str, resource_id: str) -> Json:
    path = whole_lately(house.files, path.name)
    try:
        found = datastore.read(path, ask, house.settings.memory_limit_mb)
    except InputRefused as refused:
        raise _in_ckan(refused) from None
    echo = {
        name: call.params[name]
        for name in ("filters", "q", "sort", "fields", "distinct", "language", "plain")
        if name in call.params
    }
    return {
        **echo, "resource_id": resource_id, "fields": found.fields, "records_format": form,
        "records": _formed(found, form), "limit": ask.limit, "offset": ask.offset, "include_total": ask.total,
        "include_next_page": call.yes("include_next_page"),
        **({"total": found.total, "total_was_estimated": False} if found.total is not None else {}),
        **({"next_page": found.next_page} if found.next_page and call.yes("include_next_page") else {}),
    }  # fmt: skip


def _in_ckan(refused: InputRefused) -> CkanError:
    return CkanError(
        "Validation Error", fields={str(refused.facts.get("field", "query")): [refused.detail.en]}
    )


def _ask(call: Call, limit: int | None) -> datastore.Ask:
    filters = _json(call, "filters", {})
    if not isinstance(filters, dict | list):
        raise invalid(filters="Filters must be a JSON object, or a list of them")
    return datastore.Ask(
        filters=filters, words=_json(call, "q", "", plain=True) or _json(call, "full_text", "", plain=True),
        fields=_names(call.params.get("fields")), sort=call.text("sort"), distinct=call.yes("distinct"), limit=limit,
        offset=call.number("offset", 0), total=call.text("include_total", "true").lower() != "false",
    )  # fmt: skip


def _names(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    if not value:
        return []
    found = value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
    return [str(each) for each in found]


def _json(call: Call, name: str, default: Any, *, plain: bool = False) -> Any:  # noqa: ANN401 - JSON
    """A parameter that may be JSON text or JSON itself; `plain`: text that is no JSON object stays text."""
    value = call.params.get(name)
    if value in (None, ""):
        return default
    if not isinstance(value, str):
        return value
    try:
        found = loads(value)
    except ValueError:
        if plain:
            return value
        raise invalid(**{name: "Cannot parse JSON"}) from None
    return found if isinstance(found, dict) or not plain else value


def _formed(found: datastore.Rows, form: str) -> Any:  # noqa: ANN401 - JSON
    if form == "objects":
        return found.records
    names = [each["id"] for each in found.fields]
    rows = [[record[name] for name in names] for record in found.records]
    if form == "lists":
        return rows
    text = io.StringIO()
    out = csv.writer(text, delimiter="," if form == "csv" else "\t", lineterminator="\n")
    out.writerows([safe(cell) for cell in row] for row in rows)  # some will paste it into a spreadsheet
    return text.getvalue()


# -- the whole table as a file


@dataclass(frozen=True, slots=True)
class Dump:
    """A table written down: where it lies until it is sent, what it is, what it is called; and of a granted one, the reading."""

    path: Path
    media_type: str
    disposition: str
    granted: Granted | None = None


def dump(house: House, call: Call) -> Dump:
    """Rows of an open release or a granted view as csv, tsv, json or xml, put on record before they leave. Raises CkanError, AppError."""
    form = call.text("format", "csv").lower()
    if form not in DUMPS:
        raise invalid(format=f"must be one of: {', '.join(DUMPS)}")
    limit = call.number("limit", 0) if call.params.get("limit") not in (None, "") else None
    ask = _ask(call, limit)
    with house.read() as work:
        table = table_of(house, replace(call, work=work))
    view = granted(house, call, table) if table else None
    with house.write() if view is None else house.read() as work:
        if view is None:
            about = f"rows {ask.offset}+{'all' if limit is None else limit} as {form}"
            path = open_table(house, work, call, about, "download")
            release_id = _release(replace(call, work=work), _wanted(call))
        else:
            path, release_id = view.path, view.view.release_id
        release = work.db.get_one(ReleaseRow, release_id)
        title = catalog.by_id(work, release.dataset_id).title_zh or release.dataset_id
        stem = f"{release.dataset_id}-v{release.number}"
    path = whole_lately(house.files, path.name)
    house.settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=house.settings.scratch_dir, suffix=f".{form}", delete=False) as raw:
        target = Path(raw.name)
        try:
            with (
                io.TextIOWrapper(raw, encoding="utf-8", newline="") as text,
                datastore.pages(path, ask, house.settings.memory_limit_mb) as (fields, rows),
            ):
                if call.yes("bom") and form in ("csv", "tsv"):
                    text.write("\ufeff")
                _write(text, form, fields, rows)
            if view is not None:
                view.begin()
        except InputRefused as refused:
            target.unlink(missing_ok=True)
            raise _in_ckan(refused) from None
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    name = disposition(f"{title}-v{release.number}.{form}", f"{stem}.{form}")
    return Dump(target, DUMPS[form], name, view)


def disposition(name: str, plain: str) -> str:
    """The name in Chinese first, the ASCII one last: QGIS's reader takes what follows the last `filename=`."""
    safe = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "_", name)
    return f"attachment; filename*=UTF-8''{quote(safe, safe='')}; filename=\"{plain}\""


def _write(text: IO[str], form: str, fields: list[dict[str, Any]], rows: Iterator[list[Any]]) -> None:
    names = [each["id"] for each in fields]
    if form in ("csv", "tsv"):
        sign = "," if form == "csv" else "\t"
        csv.writer(text, delimiter=sign, lineterminator="\r\n").writerow([safe(name) for name in names])
        plain = csv.writer(text, delimiter=sign, lineterminator="\n")
        quoted = csv.writer(text, delimiter=sign, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in (
            rows
        ):  # a return inside a cell would end the line: the module quotes it only where it ends lines itself
            cells = [safe(cell) for cell in row]
            (quoted if any("\r" in str(cell) for cell in cells) else plain).writerow(cells)
    elif form == "json":
        text.write('{\n  "fields": ' + json.dumps(fields, ensure_ascii=False) + ',\n  "records": [')
        for n, row in enumerate(rows):
            text.write((",\n    " if n else "\n    ") + json.dumps(row, ensure_ascii=False))
        text.write("\n]}\n")
    else:
        text.write('<data xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n')
        for row in rows:
            text.write(_row(names, row))
        text.write("</data>\n")


def _row(names: list[str], row: list[Any]) -> str:
    number = f' _id="{row[names.index("_id")]}"' if "_id" in names else ""
    cells = "".join(_element(name, cell) for name, cell in zip(names, row, strict=True))
    return f"<row{number}>{cells}</row>\n"


def _element(name: str, cell: Any) -> str:  # noqa: ANN401 - a cell
    """One cell; a name that XML does not take stands in an attribute."""
    if name == "_id":
        return ""
    plain = _XML_NAME.fullmatch(name)
    tag, named = (name, "") if plain else ("column", f" name={quoteattr(_NO_XML.sub('', name))}")
    if cell is None:
        return f'<{tag}{named} xsi:nil="true"/>'
    return f"<{tag}{named}>{escape(_NO_XML.sub('', str(cell)))}</{tag}>"
