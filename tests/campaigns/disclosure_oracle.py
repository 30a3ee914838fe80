"""What acro says of tables, for `tests.campaigns.disclosure`: runs in an environment of its own (`make acro`), in which nothing of ours is there.

Reads a JSON object from standard input: `control` (threshold, n, k and p as acro calls them) and `tables`, each a list of
`[cell, value]` with one row a record; a value may be null. Writes, for each table, the cells that each check marks.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
from acro import ACRO


def marked(session: Any, rows: list[list[Any]]) -> dict[str, list[str]]:
    """By check, the cells of a table of sums that it would suppress or have reviewed."""
    frame = pd.DataFrame(rows, columns=["cell", "value"])
    session.crosstab(
        frame["cell"], pd.Series(1, index=frame.index, name="all"), values=frame["value"], aggfunc="sum"
    )
    record = session.results.get_index(-1)
    cells = list(record.outcome.index)
    return {check: [cells[row] for row, _ in found] for check, found in record.sdc["cells"].items()}


def main() -> None:
    asked = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    session = ACRO(suppress=False)
    session.config.update(asked["control"])
    found = [marked(session, rows) for rows in asked["tables"]]
    said = {
        "acro": version("acro"),
        "pandas": pd.__version__,
        "control": {k: session.config[k] for k in asked["control"]},
    }
    sys.stdout.write(json.dumps(said | {"marked": found}))


if __name__ == "__main__":
    main()
