"""Runs in the environment of the real `delta-sharing` client: loads one table over HTTP and from a file, in turns.

argv: profile, table, local Parquet file, rounds. Prints one line of JSON: seconds of each round.
"""

import json
import sys
import time

import delta_sharing
import pandas as pd


def main() -> None:
    profile, table, path, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    found: dict[str, list[float]] = {"http": [], "local": []}
    rows = {}
    for _ in range(rounds + 1):  # the first of each warms caches and imports
        begun = time.perf_counter()
        rows["http"] = len(delta_sharing.load_as_pandas(f"{profile}#{table}"))
        found["http"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        rows["local"] = len(pd.read_parquet(path))
        found["local"].append(time.perf_counter() - begun)
    assert rows["http"] == rows["local"]
    sys.stdout.write(
        "\n" + json.dumps({name: each[1:] for name, each in found.items()} | {"rows": rows["http"]})
    )


main()
