"""`datagrant suite`: the rules that every batch of a dataset is judged by."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, demand_room_for, show

app = typer.Typer(
    help="Suites of datasets: show, save, import, export, propose, preview, try, history, difference.",
    no_args_is_help=True,
)
Number = Annotated[int, typer.Option("--number", help="Version; 0 means the one in force")]


@app.command("show")
def show_suite(
    dataset_id: str, number: Number = 0, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One version of a suite."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite", number=number or None)
        show(found if as_json else found["suite"]["expectations"], as_json, ("type", "kwargs", "severity"))


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{file}: {fault}") from None


@app.command("save")
def save_suite(
    dataset_id: str, file: Path, note: Annotated[str, typer.Option("--note", help="Why it changes")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put the suite in FILE (Great Expectations' JSON) in force."""
    suite = _read(file)
    with connect(data_dir, server, token, user) as api:
        saved = api.put(f"/datasets/{dataset_id}/suite", {"suite": suite, "note": note})
        show(saved if as_json else {key: saved[key] for key in ("id", "number", "name", "sha256")}, as_json)
        if saved["unknown_columns"]:
            names = ", ".join(saved["unknown_columns"])
            print(f"the dictionary lacks these columns 数据字典里没有这些列: {names}", file=sys.stderr)


@app.command("propose")
def propose_suite(
    file: Annotated[Path | None, typer.Argument(help="A file to look at; or --dataset")] = None,
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", help="Instead of FILE: a dataset of the service, by its dictionary and newest batch"
        ),
    ] = "",
    batch: Annotated[str, typer.Option("--batch", help="With --dataset: this batch")] = "",
    dictionary: Annotated[Path | None, typer.Option("--dictionary", help="Data dictionary (JSON)")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the suite goes; else it is printed")
    ] = None,
    update_frequency: Annotated[
        str,
        typer.Option(
            "--update-frequency", help="Also propose freshness: a code of update_freq (3: daily) or PT1H …"
        ),
    ] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Propose a suite from data and dictionary: of FILE, which needs no server, or of a dataset. Nothing is saved elsewhere."""
    if (file is None) == (not dataset):
        raise typer.BadParameter("FILE or --dataset: one of the two 文件与 --dataset 二选一")
    if file is None:
        with connect(data_dir, server, token, user) as api:
            suite = api.post(f"/datasets/{dataset}/suite/propose", batch=batch or None)
    else:
        suite = _of_file(file, dictionary, update_frequency)
    text = json.dumps(suite, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise typer.BadParameter(f"{out}: {fault}") from None
    typer.echo(f"{out}: {len(suite['expectations'])}")


def _of_file(file: Path, dictionary: Path | None, update_frequency: str) -> Any:  # noqa: ANN401 - JSON
    import tempfile

    from core.errors import AppError

    try:
        from datasets.intake.dictionary import Dictionary
        from datasets.suites import proposal_for_file

        known = Dictionary.load(dictionary) if dictionary is not None else None
        with tempfile.TemporaryDirectory(prefix="datagrant-propose-") as room:
            return proposal_for_file(file, Path(room), known, update_frequency).as_json()
    except AppError as refused:
        typer.echo(refused.detail.zh, err=True)
        typer.echo(refused.detail.en, err=True)
        raise typer.Exit(2) from None


@app.command("export")
def export_suite(
    dataset_id: str,
    out: Annotated[Path | None, typer.Option("--out", help="Where the file goes; else it is printed")] = None,
    number: Number = 0, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Write a version as Great Expectations' own JSON."""
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        found = api.get(f"/datasets/{dataset_id}/suite/export", number=number or None)
    text = json.dumps(found, ensure_ascii=False, indent=2)
    if out is None:
        print(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    print(out)


@app.command("import")
def import_suite(
    dataset_id: str, file: Path, note: Annotated[str, typer.Option("--note", help="Why it changes")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put a suite file that Great Expectations wrote in force, as `save` does; every fault is listed."""
    save_suite(dataset_id, file, note or f"imported from {file.name}", data_dir, server, token, user, as_json)


@app.command("try")
def try_suite(
    dataset_id: str, file: Path, batch: Annotated[str, typer.Option("--batch", help="Else the newest one read")] = "",
    release: Annotated[str, typer.Option("--release", help="An old release instead of a batch")] = "",
    releases: Annotated[int, typer.Option("--releases", min=0, max=5, help="The last so many releases")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait and show what each rule would have found")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for a dry run of the suite in FILE over a batch or old releases; `datagrant job show ID` tells the outcome."""
    suite = _read(file)
    on = {"batch_id": batch or None, "release_id": release or None, "releases": releases or None}
    with connect(data_dir, server, token, user) as api:
        asked = api.post(f"/datasets/{dataset_id}/suite/try", {"suite": suite, **on})
        if not wait:
            show(asked if as_json else {key: asked[key] for key in ("id", "kind", "state")}, as_json)
            return
        done = api.wait(asked["id"], quiet=as_json)
        if as_json or done["result"] is None:
            show(done, as_json)
            return
        for run in done["result"]["runs"]:
            show(
                {key: run[key] for key in ("batch_number", "release_number", "rows", "verdict", "score")},
                False,
            )
            show(run["expectations"], False, ("outcome", "unexpected_count", "rule_zh", "rule_en", "error"))


@app.command("preview")
def preview_rule(
    dataset_id: str,
    file: Annotated[Path, typer.Argument(help="One rule, or a suite of which --rule names one (JSON)")],
    rule: Annotated[int, typer.Option("--rule", min=1, help="Which rule of the suite, from 1")] = 1,
    batch: Annotated[str, typer.Option("--batch", help="Else the newest one read")] = "",
    release: Annotated[str, typer.Option("--release", help="An old release instead of a batch")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How many rows one rule would have failed: it is run now, and nothing is saved. Exit 1: some, or it could not run."""
    one = _one_rule(_read(file), rule, file)
    with connect(data_dir, server, token, user) as api:
        body = {"rule": one, "batch_id": batch or None, "release_id": release or None}
        asked = api.post(f"/datasets/{dataset_id}/suite/preview", body)
        done = api.wait(asked["id"], quiet=as_json)
        if as_json or done["result"] is None:
            show(done, as_json)
        else:
            show(done["result"]["expectations"][0], False)
    if done["result"] is None or done["result"]["expectations"][0]["outcome"] != "passed":
        raise typer.Exit(1)


def _one_rule(read: Any, place: int, file: Path) -> Any:  # noqa: ANN401 - JSON
    rules = read.get("expectations") if isinstance(read, dict) and "expectations" in read else [read]
    if not isinstance(rules, list) or len(rules) < place:
        raise typer.BadParameter(f"{file}: no rule {place} 没有第 {place} 条规则", param_hint="--rule")
    return rules[place - 1]


@app.command("history")
def history(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Every version, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite/history")
        show(found, as_json, ("number", "name", "created_name", "created_at", "note"))


@app.command("difference")
def difference(
    dataset_id: str, before: int, after: int, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What changed between two versions."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite/difference/{before}/{after}")
        show(found, as_json, ("change", "type", "before", "after"))
