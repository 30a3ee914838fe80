"""One contestant per process: `python -m tests.bench.contestants NAME FOLDER`. Imports first, then the clock runs.

Prints one JSON line: seconds (wall, imports not counted), cpu (of all threads), peak_mb (resident, whole process), and
what came out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench import flights, table

Suite = dict[str, Any]
Run = Callable[[Path, Path], Any]
FAILING_ROWS: Final = 10_000  # how many failing rows of a rule the gate lists


def gate(given: Suite) -> Run:
    """Ours: read, type, judge by 20 expectations, list the failing rows, write the checked Parquet."""
    from datasets.intake.check import check_file
    from quality.gx.door import opened
    from quality.suite import Suite as Parsed

    opened()
    suite = Parsed.parse(json.dumps(given))

    def run(source: Path, out: Path) -> Any:
        report = check_file(source, suite, out=out)
        return {"verdict": report.verdict, "rows": report.table.rows}

    return run


def by_hand(given: Suite, key: str | None) -> Run:
    """By hand: pandas, Great Expectations on the frame, to_parquet. `key`: the column that names failing rows; None: only count them."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    kinds = {_class_name(each["type"]) for each in given["expectations"]}
    classes = {kind: getattr(gx.expectations, kind) for kind in kinds}
    wanted: Any = "BASIC"
    if key is not None:
        wanted = {"result_format": "SUMMARY", "partial_unexpected_count": FAILING_ROWS}
        wanted["unexpected_index_column_names"] = [key]

    def run(source: Path, out: Path) -> Any:
        frame = _frame(pd, source)
        if key is not None and key not in frame:
            frame.insert(0, key, range(1, len(frame) + 1))
        batch = (
            context.data_sources.add_pandas("p")
            .add_dataframe_asset("t")
            .add_batch_definition_whole_dataframe("b")
            .get_batch({"dataframe": frame})
        )
        suite = gx.ExpectationSuite("s")
        for each in given["expectations"]:
            suite.add_expectation(classes[_class_name(each["type"])](**each["kwargs"]))
        result = batch.validate(suite, result_format=wanted)
        frame.to_parquet(out, compression="zstd")
        return {"verdict": "passed" if result.success else "failed", "rows": len(frame)}

    return run


def _frame(pd: Any, source: Path) -> Any:
    """Typed as the gate types it: time stamps as such, identifiers of digits as text."""
    if source.name == flights.CSV:
        return pd.read_csv(source, parse_dates=["date"])
    if source.suffix == ".parquet":
        return pd.read_parquet(source)
    return pd.read_csv(source, parse_dates=["obs_time"], dtype={"person_id": "str"})


def bare_copy(given: Suite) -> Run:
    """The floor: DuckDB's own types, Parquet out, nothing checked."""
    import duckdb

    def run(source: Path, out: Path) -> Any:
        read = "read_parquet" if source.suffix == ".parquet" else "read_csv"
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"COPY (FROM {read}('{source}')) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            ).fetchone()
        return {"rows": rows[0] if rows else 0}

    return run


def extract(given: Suite, form: str = "extract_parquet") -> Run:
    """Ours: 6 of 12 columns, about 20 % of the rows, one pseudonym, so rows are mixed, from `release.parquet`; as `apart` makes it."""
    from datasets.extracts.apart import slim

    slim()
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
        recipe = Recipe(terms, wanted, DeliveryForm(form), b"k" * 32, {})
        built = build(source, recipe, out, memory_limit_mb=300, scratch=out.parent)
        return {"rows": built.rows}

    return run


def shapes(given: Suite, form: str) -> Run:
    """Ours: every row of a million points with a text beside each, as GeoJSON or GeoParquet, from `points.parquet`."""
    from auth.policy.model import ColumnTerm, DeliveryForm, Use
    from datasets.extracts.build import Recipe, build

    terms = tuple(ColumnTerm(name=name, use=Use.PLAIN) for name in ("record_id", "station", "geometry"))

    def run(source: Path, out: Path) -> Any:
        recipe = Recipe(terms, None, DeliveryForm(form), b"k" * 32, {})
        return {"rows": build(source, recipe, out, memory_limit_mb=300, scratch=out.parent).rows}

    return run


def extract_copy(given: Suite, person: str = "person_id") -> Run:
    """The floor: DuckDB's bare COPY of the same query, `person` being what leaves of the identifier; order is not kept."""
    import duckdb

    chosen = ", ".join(f"'区{number:02d}'" for number in range(6))

    def run(source: Path, out: Path) -> Any:
        with duckdb.connect() as connection:
            connection.execute("SET preserve_insertion_order = false")
            rows = connection.execute(
                f"COPY (SELECT record_id, obs_time, province, station, amount, {person} AS person_id "
                f"FROM '{source}' WHERE province IN ({chosen})) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            ).fetchone()
        return {"rows": rows[0] if rows else 0}

    return run


def hmac_in_sql() -> str:
    """HMAC-SHA-256 as one writes it in DuckDB's SQL: a hash of a hash."""
    inner, outer = (
        "".join(f"\\x{byte ^ pad:02X}" for byte in b"k" * 32 + b"\0" * 32) for pad in (0x36, 0x5C)
    )
    return f"left(sha256('{outer}'::BLOB || unhex(sha256('{inner}'::BLOB || encode(person_id)))), 20)"


def _class_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


class Contestant(NamedTuple):
    """source: a file of the bench's folder, or a path of its own."""

    prepare: Callable[[], Run]
    source: str | Path


CONTESTANTS: dict[str, Contestant] = {
    "gate": Contestant(lambda: gate(table.SUITE), "table.csv"),
    "pandas-gx": Contestant(lambda: by_hand(table.SUITE, "record_id"), "table.csv"),
    "pandas-gx-counts": Contestant(lambda: by_hand(table.SUITE, None), "table.csv"),
    "duckdb-copy": Contestant(lambda: bare_copy(table.SUITE), "table.csv"),
    "extract": Contestant(lambda: extract(table.SUITE), "release.parquet"),
    "extract-copy": Contestant(lambda: extract_copy(table.SUITE), "release.parquet"),
    "extract-copy-hmac": Contestant(lambda: extract_copy(table.SUITE, hmac_in_sql()), "release.parquet"),
    **{
        f"form-{form}": Contestant(partial(extract, table.SUITE, f"extract_{form}"), "release.parquet")
        for form in ("parquet", "csv", "csv_gb18030", "xlsx", "jsonl")
    },
    "form-geojson": Contestant(partial(shapes, table.SUITE, "extract_geojson"), "points.parquet"),
    "form-geoparquet": Contestant(partial(shapes, table.SUITE, "extract_parquet"), "points.parquet"),
    "flights-csv-gate": Contestant(lambda: gate(flights.SUITE), flights.CSV),
    "flights-csv-pandas-gx": Contestant(lambda: by_hand(flights.SUITE, "row"), flights.CSV),
    "flights-csv-pandas-gx-counts": Contestant(lambda: by_hand(flights.SUITE, None), flights.CSV),
    "flights-csv-duckdb-copy": Contestant(lambda: bare_copy(flights.SUITE), flights.CSV),
    "flights-gate": Contestant(lambda: gate(flights.SUITE), flights.FLIGHTS),
    "flights-pandas-gx": Contestant(lambda: by_hand(flights.SUITE, "row"), flights.FLIGHTS),
    "flights-pandas-gx-counts": Contestant(lambda: by_hand(flights.SUITE, None), flights.FLIGHTS),
    "flights-duckdb-copy": Contestant(lambda: bare_copy(flights.SUITE), flights.FLIGHTS),
}


def peak_mb(process: str = "self") -> float:
    """The most memory of a program; `ru_maxrss` would count what its parent held when it was started."""
    status = Path("/proc", process, "status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    run = CONTESTANTS[name].prepare()
    out = folder / f"{name}.parquet"
    out.unlink(missing_ok=True)
    begun, cpu = time.perf_counter(), time.process_time()
    found = run(folder / CONTESTANTS[name].source, out)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    most = peak_mb()
    size_mb = out.stat().st_size / 1e6 if out.exists() else None
    print(
        json.dumps(
            {"name": name, "seconds": seconds, "cpu": cpu, "peak_mb": most, "out_mb": size_mb, **found}
        )
    )


if __name__ == "__main__":
    main()
