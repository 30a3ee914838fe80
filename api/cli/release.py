"""`datagrant release`: publish, look, verdict, compare, verify, withdraw, retire, download."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Releases: preview, publish, list, show, verdict, diff, lineage, verify, withdraw, retention, ending, download.",
    no_args_is_help=True,
)
RULE_COLUMNS = ("place", "rule_zh", "rule_en", "severity", "outcome", "pass_rate", "unexpected_count")
COLUMNS = ("id", "dataset_id", "number", "semver", "state", "rows", "size_bytes", "sha256", "published_at")


@app.command()
def publish(
    batch_id: str,
    note: Annotated[str, typer.Option("--note", help="What is new in this release")] = "",
    accept_breaking: Annotated[
        bool,
        typer.Option("--accept-breaking", help="It breaks with the last release, and --note tells the users"),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is published; exit 1 if it is not")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Publish a checked batch, as a second person."""
    with connect(data_dir, server, token, user) as api:
        body = {"batch_id": batch_id, "note": note, "accepts_breaking": accept_breaking}
        release = api.step("/releases", body, of=f"/batches/{batch_id}")
        if wait:
            api.wait(release["job_id"], quiet=as_json)
            release = api.get(f"/releases/{release['id']}")
        show(
            release if as_json else {name: release[name] for name in (*COLUMNS, "job_id", "problem")}, as_json
        )
        if wait and release["state"] == "failed":
            raise typer.Exit(1)


@app.command("list")
def list_releases(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    limit: Limit = 50,
    page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Releases, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/releases", dataset_id=dataset or None, limit=limit, page=page), as_json, COLUMNS)


@app.command("show")
def show_release(
    release_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One release."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/releases/{release_id}"), as_json)


@app.command()
def verdict(
    release_id: str,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the document goes, byte for byte as the manifest names it"),
    ] = None,
    document: Annotated[
        str, typer.Option("--document", help="With --out: counts | verdict (with values) | suite")
    ] = "counts",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """The verdict by which a release was published, rule by rule."""
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            print(api.download(f"/releases/{release_id}/verdict/document?which={quote(document)}", out))
            return
        found = api.get(f"/releases/{release_id}/verdict")
        show(found if as_json else found["rules"], as_json, RULE_COLUMNS)
        if not as_json:
            show(found["checks"], False, ("indicator", "zh", "en", "score", "missing"))


@app.command()
def withdraw(
    release_id: str,
    reason: Annotated[str, typer.Option("--reason", help="Why; the tombstone keeps it")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Stop every delivery of a release at once."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/releases/{release_id}/withdraw", {"reason": reason}), as_json)


@app.command()
def download(
    release_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the file goes")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="parquet | csv | csv-gb18030 | xlsx | jsonl | geojson; the last four are made when first asked for",
        ),
    ] = "parquet",
    part: Annotated[str, typer.Option("--part", help="One period alone, such as 2026-03")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Download a release that is open without condition."""
    with connect(data_dir, server, token, user) as api:
        asked = f"partition={quote(part)}" if part else f"format={form}"
        print(api.download(f"/releases/{release_id}/file?{asked}", out))


@app.command()
def manifest(
    release_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the manifest goes")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Download a release's signed manifest, for `verify`."""
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/releases/{release_id}/manifest", out))


@app.command()
def key(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Print the public key that checks manifests."""
    with connect(data_dir, server, token, user) as api:
        print(api.text("/releases/key"), end="")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A downloaded file: Parquet, CSV, one part, or a document of `release verdict`")],
    manifest: Annotated[Path, typer.Option("--manifest", help="The release's manifest")],
    key: Annotated[str, typer.Option("--key", help="The public key as known from elsewhere, or a file that holds it")] = "",
    verdict: Annotated[Path | None, typer.Option("--verdict", help="The verdict or its counts, from `release verdict --out`")] = None,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="Take manifests from before there were signatures")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Check a file offline: is it what the manifest names, and did the release key sign that? Exit code 1 if not."""
    from datasets.releases.offline import verify as check

    known = Path(key).read_text() if key and Path(key).is_file() else key
    found = check(file, manifest, known, allow_unsigned=allow_unsigned, verdict=verdict)
    if as_json:
        flaws, notes = (
            [{"zh": each.zh, "en": each.en} for each in said] for said in (found.flaws, found.notes)
        )
        told = {"file": found.matched, "signed": found.is_signed, "key": found.key, "release": found.release}
        show({"sound": not flaws, **told, "flaws": flaws, "notes": notes}, True)
    elif not found.flaws:
        release = found.release
        print(
            f"sound: {found.matched} of {release['dataset_id']} release {release['number']} ({release['id']})"
        )
        unknown = "" if known else "  (compare it with the one that was published)"
        print(f"key {found.key}{unknown}" if found.is_signed else "not signed: only the hashes were compared")
        if verdict is not None:
            print("the verdict is the one by which it was published")
        for note in found.notes:
            print(f"{note.zh} · {note.en}")
    for flaw in [] if as_json else found.flaws:
        print(f"{flaw.zh} · {flaw.en}", file=sys.stderr)
    if found.flaws:
        raise typer.Exit(1)


@app.command()
def preview(
    batch_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What publishing a batch would change for users, and the version number that it would get."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/releases/preview", batch_id=batch_id)
        show(
            found if as_json else {name: found[name] for name in ("semver", "impact", "compared_semver")},
            as_json,
        )
        if not as_json and found["changes"]:
            show(found["changes"], as_json, ("impact", "column", "zh", "en"))


@app.command()
def diff(
    older: str,
    newer: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Rows added, removed and changed between two releases, by key. Large ones are compared by a job; this waits for it."""
    with connect(data_dir, server, token, user) as api:
        asked = {"from": older, "to": newer}
        found = api.get("/releases/diff", **asked)
        if found["state"] != "ready":
            job = api.post("/releases/diff", **asked)["job_id"]
            if job and api.wait(job, quiet=as_json)["state"] != "done":
                raise typer.Exit(1)
            found = api.get("/releases/diff", **asked)
        if as_json:
            show(found, True)
            return
        show(found["changes"], as_json, ("impact", "column", "zh", "en"))
        show(found["counts"], as_json)
        show(found["sample"], as_json, ("kind", "key", "before", "after"))


@app.command()
def lineage(
    release_id: str,
    form: Annotated[str, typer.Option("--format", help="json | prov | openlineage")] = "json",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Where a release comes from and where it went, as JSON."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/releases/{release_id}/lineage", format=form), True)


@app.command()
def ending(
    within: Annotated[int, typer.Option("--within", min=0, max=36_500, help="Days ahead")] = 90,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Superseded releases whose retention ends soon, of all datasets whose retention you keep."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/retention", within_days=within)
        show(found, as_json, ("dataset_id", "number", "superseded_at", "ends_on", "by_clock", "size_bytes"))


@app.command()
def retention(
    dataset_id: str,
    keep_last: Annotated[int | None, typer.Option("--keep-last", help="Set the rule: newest releases to keep")] = None,
    keep_years: Annotated[int | None, typer.Option("--keep-years", help="Set the rule: years after being superseded")] = None,
    by_clock: Annotated[bool, typer.Option("--by-clock", help="Set the rule: retire every day by itself what it does not keep")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Retire what the rule does not keep")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How long superseded releases keep their files: show the rule and its plan, set it, apply it."""
    if (keep_last is None) != (keep_years is None) or (by_clock and keep_last is None):
        print(
            "give --keep-last and --keep-years together 请同时给出 --keep-last 与 --keep-years",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    with connect(data_dir, server, token, user) as api:
        where = f"/datasets/{dataset_id}/retention"
        if keep_last is not None:
            api.put(where, {"keep_last": keep_last, "keep_years": keep_years, "by_clock": by_clock})
        found = api.post(f"{where}/apply") if apply else api.get(where)
        if as_json:
            show(found, True)
            return
        rows = [
            row | {"kept_because": ", ".join(reason["code"] for reason in row["reasons"])}
            for row in found["items"]
        ]
        show(rows, as_json, ("number", "superseded_at", "kept_until", "size_bytes", "kept_because"))
