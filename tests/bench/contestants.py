"""One contestant per process: `python -m tests.bench.contestants NAME FOLDER`. Imports first, then the clock runs.

Prints one JSON line: seconds (wall, imports not counted), peak_mb (resident, whole process), and what came out.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.table import SUITE

Run = Callable[[Path, Path], Any]


def gate() -> Run:
    """Ours: read, type, judge by 20 expectations, write the checked Parquet."""
    from datasets.intake.check import check_file
    from quality.gx.door import opened
    from quality.suite import Suite

    opened()
    suite = Suite.parse(json.dumps(SUITE))

    def run(source: Path, out: Path) -> Any:
        report = check_file(source, suite, out=out)
        return {"verdict": report.verdict, "rows": report.table.rows}

    return run


def pandas_gx() -> Run:
    """By hand: pandas.read_csv, Great Expectations on the frame, to_parquet."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    kinds = {_class_name(each["type"]) for each in SUITE["expectations"]}
    classes = {kind: getattr(gx.expectations, kind) for kind in kinds}

    def run(source: Path, out: Path) -> Any:
        frame = pd.read_csv(source)
        batch = (
            context.data_sources.add_pandas("p")
            .add_dataframe_asset("t")
            .add_batch_definition_whole_dataframe("b")
            .get_batch({"dataframe": frame})
        )
        suite = gx.ExpectationSuite("s")
        for each in SUITE["expectations"]:
            suite.add_expectation(classes[_class_name(each["type"])](**each["kwargs"]))
        result = batch.validate(suite, result_format="BASIC")
        frame.to_parquet(out, compression="zstd")
        return {"verdict": "passed" if result.success else "failed", "rows": len(frame)}

    return run


def duckdb_copy() -> Run:
    """The floor: DuckDB's bare CSV to Parquet, nothing checked."""
    import duckdb

    def run(source: Path, out: Path) -> Any:
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"COPY (FROM read_csv('{source}')) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            ).fetchone()
        return {"rows": rows[0] if rows else 0}

    return run


def extract() -> Run:
    """Ours: 6 of 12 columns, about 20 % of the rows, one pseudonym, in release order, from `release.parquet`."""
    from auth.policy.filters.model import parse
    from auth.policy.model import ColumnTerm, DeliveryForm, Use
    from datasets.extracts.build import Recipe, build

    names = ("record_id", "obs_time", "province", "station", "amount")
    terms = (
        *(ColumnTerm(name=name, use=Use.PLAIN) for name in names),
        ColumnTerm(name="person_id", use=Use.PSEUDONYMISED),
    )
    wanted = parse({"op": "in", "column": "province", "values": [f"区{number:02d}" for number in range(6)]})

    def run(source: Path, out: Path) -> Any:
        recipe = Recipe(terms, wanted, DeliveryForm.EXTRACT_PARQUET, b"k" * 32, {})
        built = build(source, recipe, out, memory_limit_mb=300, scratch=out.parent)
        return {"rows": built.rows}

    return run


def extract_copy() -> Run:
    """The floor: the same columns and rows by DuckDB's bare COPY; the identifier leaves as it is, order is not kept."""
    import duckdb

    chosen = ", ".join(f"'区{number:02d}'" for number in range(6))

    def run(source: Path, out: Path) -> Any:
        with duckdb.connect() as connection:
            rows = connection.execute(
                "COPY (SELECT record_id, obs_time, province, station, amount, person_id "
                f"FROM '{source}' WHERE province IN ({chosen})) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            ).fetchone()
        return {"rows": rows[0] if rows else 0}

    return run


def _class_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


CONTESTANTS: dict[str, tuple[Callable[[], Run], str]] = {
    "gate": (gate, "table.csv"),
    "pandas-gx": (pandas_gx, "table.csv"),
    "duckdb-copy": (duckdb_copy, "table.csv"),
    "extract": (extract, "release.parquet"),
    "extract-copy": (extract_copy, "release.parquet"),
}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    prepare, source = CONTESTANTS[name]
    run = prepare()
    out = folder / f"{name}.parquet"
    out.unlink(missing_ok=True)
    begun = time.perf_counter()
    found = run(folder / source, out)
    seconds = time.perf_counter() - begun
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size_mb = out.stat().st_size / 1e6 if out.exists() else None
    print(json.dumps({"name": name, "seconds": seconds, "peak_mb": peak_mb, "out_mb": size_mb, **found}))


if __name__ == "__main__":
    main()
