"""`datagrant dataset`: records of the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Dataset records: list, search, show, create, update, objections, publish, withdraw, dictionary, relations, quality, score, use, export, metadata.",
    no_args_is_help=True,
)

_COLUMNS = (
    "id",
    "title_zh",
    "publisher_zh",
    "open_type",
    "data_level",
    "state",
    "release_no",
    "row_count",
    "staleness",
)
Region = Annotated[
    str, typer.Option("--region", help="Division by its code, with all that lies in it (datagrant region)")
]
Theme = Annotated[str, typer.Option("--theme", help="Theme code, e.g. PK")]
Publisher = Annotated[str, typer.Option("--publisher", help="Organisation id")]
State = Annotated[str, typer.Option("--state", help="draft | published | withdrawn")]
Sort = Annotated[
    str, typer.Option("--sort", help="relevance | newest | title | used | score (quality of the data)")
]
RecordFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON document")]
Version = Annotated[
    str, typer.Option("--version", help="The version you started from; empty means the present one")
]


def _document(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{path} is not a JSON document: {fault}") from None


@app.command("list")
def list_datasets(
    theme: Theme = "", region: Region = "", publisher: Publisher = "", state: State = "", sort: Sort = "newest", limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Records that you may see."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/datasets", theme=theme or None, region=region or None, publisher=publisher or None, state=state or None, sort=sort, limit=limit, offset=offset
        )  # fmt: skip
        show(found, as_json, _COLUMNS)


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(help="All of them must be found")],
    theme: Theme = "", publisher: Publisher = "", sort: Sort = "relevance", limit: Limit = 20, offset: Offset = 0,
    choose: Annotated[
        list[str] | None, typer.Option("--choose", metavar="FACET=VALUE", help="open_type=U, region=310000, licence=…, grade=A, freshness=stale …; again for more")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="Data up to this day or later, e.g. 2026-01-01")] = "",
    until: Annotated[str, typer.Option("--until", help="Data from this day or earlier")] = "",
    box: Annotated[str, typer.Option("--box", metavar="WEST,SOUTH,EAST,NORTH", help="Records whose bounding box meets this one, in degrees")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Find records by words in titles, keywords, summaries, columns and codes."""
    chosen: dict[str, list[str]] = {}
    for pair in choose or []:
        name, sign, value = pair.partition("=")
        if not sign:
            raise typer.BadParameter(f"{pair} is not FACET=VALUE")
        chosen.setdefault(name, []).append(value)
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/datasets", q=" ".join(words), theme=theme or None, publisher=publisher or None, sort=sort, limit=limit, offset=offset,
            since=since or None, until=until or None, bbox=box or None, **chosen,
        )  # fmt: skip
        show(found, as_json, _COLUMNS)


@app.command("show")
def show_dataset(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One record."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/datasets/{dataset_id}"), as_json)


@app.command("create")
def create(
    file: RecordFile, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a record as a draft: the fields, with `columns` and `layout` if you have them (as `export` writes it)."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/datasets", _document(file)), as_json)


@app.command("update")
def update(
    dataset_id: str, file: RecordFile, version: Version = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Change the fields that the document holds, of a published record by a proposal; the others stay. `columns` and `layout` have their own command."""
    body = {key: value for key, value in _document(file).items() if key not in ("columns", "layout")}
    with connect(data_dir, server, token, user) as api:
        seen = version or str(api.get(f"/datasets/{dataset_id}")["version"])
        show(api.patch(f"/datasets/{dataset_id}", body, **{"If-Match": f'"{seen}"'}), as_json)


@app.command("relations")
def relations(
    dataset_id: str,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="KIND:CODE", help="inSeries:CODE, replaces:CODE, isPartOf:CODE …; again for more")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="KIND:CODE", help="One that the record itself states; again for more")] = None,
    kind: Annotated[str, typer.Option("--kind", help="Only this kind, e.g. seriesMember")] = "", limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How the record stands to others: series, parts, versions, succession. --add and --remove change what it states (of a published record by a proposal)."""
    with connect(data_dir, server, token, user) as api:
        if add or remove:
            body = {"add": add or [], "remove": remove or []}
            show(api.step(f"/datasets/{dataset_id}/relations", body), as_json)
            return
        held = api.get(f"/datasets/{dataset_id}/relations", kind=kind or None, limit=limit, offset=offset)
        columns = ("kind", "dataset_id", "title_zh", "publisher_zh", "state", "stated_here", "stated_there")
        show(held, as_json, columns)


@app.command("publish")
def publish(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for a complete record to be published (a second person accepts); exit code 1 with everything that is missing."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/datasets/{dataset_id}/publish"), as_json)


@app.command("withdraw")
def withdraw(
    dataset_id: str, reason: Annotated[str, typer.Option("--reason", help="Readers will see it")],
    replaced_by: Annotated[str, typer.Option("--replaced-by", help="Resource code of the record that takes over")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a record out of the catalogue for good; a tombstone with the reason stays."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.step(f"/datasets/{dataset_id}/withdraw", {"reason": reason, "replaced_by": replaced_by}),
            as_json,
        )


@app.command("dictionary")
def dictionary(
    dataset_id: str,
    replace: Annotated[Path | None, typer.Option("--replace", exists=True, dir_okay=False, help="DICT.json to put in its place")] = None,
    version: Version = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The data dictionary; with --replace a new one is put in its place."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/dictionary")
        if replace is not None:
            seen = version or str(found["version"])
            found = api.put(
                f"/datasets/{dataset_id}/dictionary", _document(replace), **{"If-Match": f'"{seen}"'}
            )
        if "columns" not in found:  # published: the change waits for a second person
            show(found, as_json)
            return
        columns = (
            "position",
            "name",
            "title_zh",
            "title_en",
            "type",
            "unit",
            "level",
            "identifier_kind",
            "required",
        )
        show(found if as_json else found["columns"], as_json, columns)


@app.command("quality")
def quality(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Scores by GB/T 36344, and what to mend first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/quality")
        if as_json:
            show(found, as_json)
            return
        card = found["scores"] or {"total": None, "grade": None, "dimensions": []}
        show({"total": card["total"], "grade": card["grade"]}, as_json)
        show(card["dimensions"], as_json, ("code", "zh", "en", "weight", "score"))
        show(found["checks"], as_json, ("indicator", "zh", "en", "score", "missing"))
        show(found["mend_first"], as_json, ("place", "check", "gain", "failing_share", "rule_zh", "rule_en"))


@app.command("score")
def score(
    dataset_id: Annotated[str, typer.Argument(help="Record; left out: your departments' records, the worst first")] = "",
    sort: Annotated[str, typer.Option("--sort", help="score | -score | filled | title | publisher")] = "score",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How good records are as metadata, and what to mend first."""
    with connect(data_dir, server, token, user) as api:
        if not dataset_id:
            found = api.get("/record-scores", sort=sort, limit=limit, offset=offset)
            show(
                found,
                as_json,
                ("dataset_id", "title_zh", "points", "maximum", "grade", "filled", "quality_score"),
            )
            return
        found = api.get(f"/datasets/{dataset_id}/score")
        if as_json:
            show(found, as_json)
            return
        show({key: found[key] for key in ("points", "maximum", "grade", "filled", "quality_score")}, as_json)
        show(found["dimensions"], as_json, ("key", "zh", "en", "points", "maximum"))
        show(found["mend_first"], as_json, ("points", "zh", "en", "field", "advice_zh", "advice_en"))


Day = Annotated[str, typer.Option(metavar="DAY", help="Such as 2026-03-01; left out: without a bound")]


@app.command("use")
def use(
    dataset_id: Annotated[str, typer.Argument(help="Record; left out: all open datasets, the most downloaded first")] = "",
    since: Day = "", until: Day = "", publisher: Publisher = "",
    sort: Annotated[str, typer.Option("--sort", help="downloads | visits | calls | title | publisher; with - in front the other way")] = "-downloads",
    by: Annotated[str, typer.Option("--by", help="Of one record: month | day | release")] = "month",
    out: Annotated[Path | None, typer.Option("--out", help="Write everything there as CSV instead of printing")] = None,
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How often open data are visited, downloaded and called: one dataset by month, day or release, or all of them."""
    if by not in ("month", "day", "release"):
        raise typer.BadParameter("--by is month, day or release")
    path = f"/datasets/{dataset_id}/use" if dataset_id else "/use-numbers"
    given = {"since": since or None, "until": until or None}
    given |= {} if dataset_id else {"publisher": publisher or None, "sort": sort}
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            asked = urlencode({key: value for key, value in given.items() if value} | {"format": "csv"})
            out.write_text(api.text(f"{path}?{asked}"), encoding="utf-8", newline="")
            return
        numbers = ("visits", "downloads", "calls")
        if not dataset_id:
            found = api.get("/use-numbers", **given, limit=limit, offset=offset)
            show(found, as_json, ("dataset_id", "title_zh", "publisher_zh", *numbers))
            return
        found = api.get(f"/datasets/{dataset_id}/use", **given)
        if as_json:
            show(found, as_json)
            return
        show({name: found[name] for name in numbers}, as_json)
        keys = {"month": ("month",), "day": ("day", "release_id"), "release": ("number", "release_id")}[by]
        show(found[f"{by}s"], as_json, (*keys, *numbers))


@app.command("export")
def export(
    dataset_id: str,
    out: Annotated[Path | None, typer.Option("--out", help="Write it there instead of printing it")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """The record with its dictionary as a JSON document that `create` takes elsewhere."""
    with connect(data_dir, server, token, user) as api:
        text = json.dumps(api.get(f"/datasets/{dataset_id}/export"), ensure_ascii=False, indent=2)
    if out is None:
        print(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


@app.command("metadata")
def metadata(
    dataset_id: Annotated[str, typer.Argument(help="Record; left out: the list of forms")] = "",
    form: Annotated[str, typer.Option("--form", help="turtle, croissant, datapackage, …: see the list of forms")] = "jsonld",
    out: Annotated[Path | None, typer.Option("--out", help="Write it there instead of printing it")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The record in the words of an outside standard: DCAT-AP, schema.org, Croissant, Data Package, DCAT-US, core metadata."""
    with connect(data_dir, server, token, user) as api:
        if not dataset_id:
            show(api.get("/metadata-forms"), as_json, ("form", "label", "media_type"))
            return
        text = api.text(f"/datasets/{dataset_id}/metadata?form={form}")
    if out is None:
        print(text)
    else:
        out.write_text(text, encoding="utf-8")


@app.command("offer")
def offer(
    dataset_id: Annotated[str, typer.Argument(help="Record; left out: the SHACL shapes that offers and agreements fit")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,  # noqa: ARG001 - JSON either way
) -> None:  # fmt: skip
    """What may be applied for on a dataset, as an ODRL offer (JSON-LD)."""
    with connect(data_dir, server, token, user) as api:
        if dataset_id:
            show(api.get(f"/datasets/{dataset_id}/offer"), True)
        else:
            print(api.text("/odrl-shapes"), end="")


Where = Annotated[
    list[str] | None, typer.Option("--where", metavar="COLUMN:OPERATOR:VALUE", help="has, eq, ne, gte, lte, empty; again for more")
]  # fmt: skip


@app.command("rows")
def rows(
    dataset_id: str, where: Where = None, q: Annotated[str, typer.Option("--q", help="Words somewhere in the row")] = "",
    sort: Annotated[str, typer.Option("--sort", help="A column; with - in front the other way")] = "", limit: Limit = 20, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Rows of the current release of open data."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            f"/datasets/{dataset_id}/rows", where=where or None, q=q or None, sort=sort or None, limit=limit, offset=offset
        )  # fmt: skip
        if as_json:
            return show(found, True)
        following = offset + len(found["records"])
        more = following if following < found["total"] else None
        page = {"items": found["records"], "total": found["total"], "next": more}
        show(page, False, [field["id"] for field in found["fields"]])


@app.command("statistics")
def statistics(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The columns of the current release of open data in numbers."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/statistics")
        columns = ("name", "type", "filled", "distinct", "least", "most", "mean")
        show(found if as_json else found["columns"], as_json, columns)


@app.command("points")
def points(
    dataset_id: str, where: Where = None, q: Annotated[str, typer.Option("--q", help="Words somewhere in the row")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Where the rows of open data are: longitude and latitude, the first 2,000."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/points", where=where or None, q=q or None)
        rows = [{found["lon"]: lon, found["lat"]: lat} for lon, lat in found["points"]]
        show(found if as_json else rows, as_json, (found["lon"], found["lat"]))


@app.command()
def objections(
    dataset_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Everything that keeps the record from being published, each with its rule."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/datasets/{dataset_id}/objections"), as_json, ("code", "text", "basis"))
